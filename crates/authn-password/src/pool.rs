//! The pool on which passwords are hashed: one thread a core, each with its own memory, and a short queue.
//!
//! A hash takes tens of milliseconds of a core and 19 MiB on purpose. On the async threads it would stop everything else;
//! on a pool that grows (`spawn_blocking`) a storm of logins would take all the memory. Here the memory is bounded by the
//! number of cores, and who cannot be served in time is told so at once instead of waiting in vain.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio::sync::oneshot;
use vestibule_core::random::{Random, RandomExt as _, SystemRandom};

use crate::{
    foreign::Ssha,
    hash::{HashError, HashParams, Memory, StoredHash},
    mark::{marked_as, unmarked},
};

/// How large a pool is, and what its hashes cost.
#[derive(Clone)]
pub struct PoolSettings {
    /// What a new hash costs.
    pub params: HashParams,
    /// How many threads; one a core by default.
    pub threads: NonZeroUsize,
    /// How many may wait; 64 a thread by default.
    pub queue: usize,
    /// How long one may wait and be hashed; 8 s by default.
    pub deadline: Duration,
    /// Where salts come from.
    pub random: Arc<dyn Random>,
}

impl Default for PoolSettings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            params: HashParams::default(),
            threads,
            queue: threads.get().saturating_mul(64),
            deadline: Duration::from_secs(8),
            random: Arc::new(SystemRandom::default()),
        }
    }
}

/// Hashes and compares passwords. A clone is the same pool.
#[derive(Clone)]
pub struct HashPool {
    jobs: SyncSender<Job>,
    params: HashParams,
    deadline: Duration,
    random: Arc<dyn Random>,
}

struct Job {
    work: Work,
    deadline: Instant,
}

enum Work {
    Hash { password: SecretString, salt: [u8; 16], done: oneshot::Sender<Result<String, HashError>> },
    Verify { password: SecretString, stored: Box<StoredHash>, done: oneshot::Sender<Result<bool, HashError>> },
}

impl HashPool {
    /// Starts the threads. They end when the last clone is gone.
    ///
    /// # Errors
    /// When the parameters are out of range, or the system gives no thread.
    pub fn new(settings: PoolSettings) -> Result<Self, HashError> {
        let PoolSettings { params, threads, queue, deadline, random } = settings;
        params.check()?;
        let (jobs, waiting) = sync_channel(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads.get() {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&waiting, params))
                .map_err(|_| HashError::Stopped)?;
        }
        Ok(Self { jobs, params, deadline, random })
    }

    /// Hashes a new password: a PHC string.
    ///
    /// # Errors
    /// [`HashError::Busy`] when there is too much to do.
    pub async fn hash(&self, password: &SecretString) -> Result<String, HashError> {
        let salt = self.random.bytes();
        self.run(|done| Work::Hash { password: password.clone(), salt, done }).await
    }

    /// Whether this is the password of that PHC string.
    ///
    /// # Errors
    /// [`HashError::Busy`] when there is too much to do, and when the string cannot be read or would cost too much.
    pub async fn verify(&self, password: &SecretString, phc: &str) -> Result<bool, HashError> {
        let stored = Box::new(StoredHash::read(phc)?);
        self.run(|done| Work::Verify { password: password.clone(), stored, done }).await
    }

    /// Whether a hash made today would be made otherwise, so that it should be renewed when its password is at hand.
    ///
    /// # Errors
    /// When the string cannot be read or would cost too much.
    pub fn outdated(&self, phc: &str) -> Result<bool, HashError> {
        StoredHash::read(phc).map(|stored| stored.outdated(self.params))
    }

    /// What is stored of a hash that came from elsewhere: the hash itself, but for one that is as good as the password, which is
    /// hashed once more.
    ///
    /// # Errors
    /// [`HashError::Busy`] when there is too much to do, and when the text cannot be read or would cost too much.
    pub async fn keep(&self, hash: &str) -> Result<String, HashError> {
        match Ssha::read(unmarked(hash)).transpose()? {
            Some(ssha) => Ok(marked_as(hash, ssha.wrapped(&self.hash(&ssha.digest).await?))),
            None => StoredHash::read(hash).map(|_| hash.to_owned()),
        }
    }

    /// A hash that no password has and that costs what every new one costs.
    pub(crate) fn decoy(&self) -> Result<String, HashError> {
        self.params.decoy(self.random.as_ref())
    }

    async fn run<T>(&self, work: impl FnOnce(oneshot::Sender<Result<T, HashError>>) -> Work) -> Result<T, HashError> {
        let (done, answer) = oneshot::channel();
        let job = Job { work: work(done), deadline: Instant::now() + self.deadline };
        self.jobs.try_send(job).map_err(|full_or_stopped| match full_or_stopped {
            std::sync::mpsc::TrySendError::Full(_) => HashError::Busy,
            std::sync::mpsc::TrySendError::Disconnected(_) => HashError::Stopped,
        })?;
        // Dropping `answer` tells the thread that nobody waits any more.
        tokio::time::timeout(self.deadline, answer)
            .await
            .map_err(|_| HashError::Busy)?
            .map_err(|_| HashError::Stopped)?
    }
}

/// The life of a thread.
fn work(waiting: &Mutex<Receiver<Job>>, params: HashParams) {
    let mut memory = Memory::default();
    loop {
        let Ok(Ok(job)) = waiting.lock().map(|waiting| waiting.recv()) else { return };
        if job.is_wanted() {
            // A fault in one hash must not cost the pool a thread; its caller sees that no answer comes.
            if catch_unwind(AssertUnwindSafe(|| job.work.run(&mut memory, params))).is_err() {
                memory = Memory::default();
            }
            memory.shrink_to(params);
        } else {
            job.work.decline();
        }
    }
}

impl Job {
    /// Whether somebody still waits: after a storm the queue holds those who have given up, and a hash for nobody would
    /// make the next ones give up too.
    fn is_wanted(&self) -> bool {
        let gone = match &self.work {
            Work::Hash { done, .. } => done.is_closed(),
            Work::Verify { done, .. } => done.is_closed(),
        };
        !gone && Instant::now() < self.deadline
    }
}

impl Work {
    fn decline(self) {
        match self {
            Self::Hash { done, .. } => drop(done.send(Err(HashError::Busy))),
            Self::Verify { done, .. } => drop(done.send(Err(HashError::Busy))),
        }
    }

    fn run(self, memory: &mut Memory, params: HashParams) {
        // An answer that nobody takes is nobody's loss.
        match self {
            Self::Hash { password, salt, done } => drop(done.send(memory.hash(&password, params, salt))),
            Self::Verify { password, stored, done } => drop(done.send(memory.verify(&password, &stored))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };
    /// Tens of milliseconds.
    const SLOW: HashParams = HashParams { memory_kib: 32 * 1024, passes: 3, lanes: 1 };

    fn pool(params: HashParams, queue: usize, deadline: Duration) -> HashPool {
        let settings = PoolSettings { params, threads: NonZeroUsize::MIN, queue, deadline, ..PoolSettings::default() };
        HashPool::new(settings).unwrap()
    }

    #[tokio::test]
    async fn what_it_hashes_it_verifies() {
        let pool = pool(CHEAP, 8, Duration::from_secs(8));
        let (first, second) = (pool.hash(&"secret".into()).await.unwrap(), pool.hash(&"secret".into()).await.unwrap());
        assert_ne!(first, second, "each hash has its own salt");
        assert_eq!(pool.verify(&"secret".into(), &first).await, Ok(true));
        assert_eq!(pool.verify(&"Secret".into(), &first).await, Ok(false));
        assert_eq!(pool.outdated(&first), Ok(false));
    }

    #[tokio::test]
    async fn a_066_a_storm_is_told_at_once_that_it_is_too_much() {
        let pool = pool(SLOW, 2, Duration::from_secs(30));
        let logins: Vec<_> = (0..40)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.hash(&"secret".into()).await })
            })
            .collect();
        let mut answers = Vec::new();
        for login in logins {
            answers.push(login.await.unwrap());
        }
        let served = answers.iter().filter(|answer| answer.is_ok()).count();
        let refused = answers.iter().filter(|answer| **answer == Err(HashError::Busy)).count();
        assert!((1..=4).contains(&served), "one at work and two waiting, not {served}");
        assert_eq!(served + refused, 40);
        assert!(pool.hash(&"secret".into()).await.is_ok(), "after the storm it works");
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_and_not_hashed() {
        let pool = pool(SLOW, 64, Duration::from_millis(1));
        assert_eq!(pool.hash(&"secret".into()).await, Err(HashError::Busy));
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_is_skipped() {
        let pool = pool(SLOW, 64, Duration::from_secs(30));
        let start = Instant::now();
        pool.hash(&"secret".into()).await.unwrap();
        let one = start.elapsed();
        for _ in 0..50 {
            let gone = tokio::time::timeout(Duration::ZERO, pool.hash(&"secret".into())).await;
            assert!(gone.is_err(), "given up before it could be done");
        }
        let start = Instant::now();
        pool.hash(&"secret".into()).await.unwrap();
        assert!(start.elapsed() < one * 25, "fifty abandoned hashes were computed");
    }

    #[tokio::test]
    async fn parameters_out_of_range_start_no_pool() {
        for params in [HashParams { memory_kib: 2 << 20, ..CHEAP }, HashParams { passes: 0, ..CHEAP }] {
            assert!(HashPool::new(PoolSettings { params, ..PoolSettings::default() }).is_err(), "{params:?}");
        }
    }
}
