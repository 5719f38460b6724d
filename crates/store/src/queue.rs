//! Waiting transactions, and the threads that run them.
//!
//! Diesel blocks, so transactions run on threads of this crate: few, long-lived, and fed by a bounded queue, so that a
//! storm is refused instead of piling up. (Tokio's blocking pool would start up to 512 threads for a handful of
//! connections.) A transaction that nobody took up within [`PATIENCE`] is withdrawn: its caller knows that nothing
//! happened.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};
use vestibule_core::store::{Job, StoreError, StoreResult};

use crate::tx::Verbs;

/// How long a transaction may wait to be begun, and how long to end once it is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// A transaction that waits.
pub(crate) struct Task {
    purpose: Purpose,
    job: Job<Verbs>,
    answer: Answer,
    taken: Arc<AtomicBool>,
}

/// Where its result goes.
pub(crate) type Answer = oneshot::Sender<StoreResult<()>>;

impl Task {
    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Takes it up; `None` when its caller has given up waiting.
    pub(crate) fn take(self) -> Option<(Job<Verbs>, Answer)> {
        let withdrawn = self.taken.swap(true, Ordering::AcqRel);
        (!withdrawn).then_some((self.job, self.answer))
    }

    /// Answers without having begun it.
    pub(crate) fn refuse(self, why: &str) {
        if let Some((_, answer)) = self.take() {
            tell(answer, Err(StoreError::Unavailable(why.to_owned())));
        }
    }
}

/// Tells a result. Nobody listens any more when a browser went away; the transaction counts all the same.
pub(crate) fn tell(answer: Answer, result: StoreResult<()>) {
    drop(answer.send(result));
}

/// A bounded queue.
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    closed: bool,
}

impl Queue {
    fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), capacity: capacity.max(1) }
    }

    /// The next task; waits for one. `None` when the queue is closed and empty.
    pub(crate) fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                return Some(task);
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next task, if there is one now.
    pub(crate) fn next_now(&self) -> Option<Task> {
        self.lock().tasks.pop_front()
    }

    fn push(&self, task: Task) -> StoreResult<()> {
        let mut state = self.lock();
        if state.closed || state.tasks.len() >= self.capacity {
            return Err(StoreError::Unavailable("too many transactions are waiting".to_owned()));
        }
        state.tasks.push_back(task);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads that work off one queue. Dropping them waits until they have ended what was queued.
pub(crate) struct Workers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads that each run `work` until the queue is closed.
    pub(crate) fn start(
        name: &str,
        count: u32,
        capacity: usize,
        work: impl Fn(&Queue) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(capacity));
        let mut workers = Self { queue, threads: Vec::new() };
        for number in 0..count.max(1) {
            let (queue, work) = (Arc::clone(&workers.queue), work.clone());
            let thread = std::thread::Builder::new().name(format!("{name}-{number}"));
            workers.threads.push(thread.spawn(move || work(&queue))?);
        }
        Ok(workers)
    }

    /// Has a job run, and waits for its result.
    pub(crate) async fn run(&self, purpose: Purpose, job: Job<Verbs>) -> StoreResult<()> {
        let (answer, mut answered) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        self.queue.push(Task { purpose, job, answer, taken: Arc::clone(&taken) })?;
        let unavailable = |why: &str| Err(StoreError::Unavailable(why.to_owned()));
        let lost = |_| unavailable("the transaction was lost");
        if let Ok(result) = timeout(PATIENCE, &mut answered).await {
            return result.unwrap_or_else(lost);
        }
        if !taken.swap(true, Ordering::AcqRel) {
            return unavailable("no connection was free in time");
        }
        match timeout(PATIENCE, answered).await {
            Ok(result) => result.unwrap_or_else(lost),
            Err(_) => unavailable("the database does not answer"),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // The last handle to the store may have been in a job's hands.
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}
