//! Serving one sink: from the last number that it took, in order, by one instance at a time.
//!
//! The number is in the database and moves after the sink took the events: whoever dies in between gives some of them a
//! second time, and never leaves one out. The right to serve a sink is a lease in the database, so that of several
//! instances one serves it; another takes over when the lease has run out.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, Notify},
    time::{sleep, timeout},
};
use vestibule_core::{
    Clock, Time,
    store::{StoreError, StoreExt as _},
};
use vestibule_oauth::store::Store;

use super::sink::{Sink, SinkError, TOTAL};
use crate::state::Transaction;

/// How long the right to serve a sink holds.
const LEASE: Duration = Duration::from_secs(30);
/// How long one waits for news when another instance may have sealed them.
const IDLE: Duration = Duration::from_secs(2);
/// The wait after a first failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why a sink was not served.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether this instance may serve the sink.
#[derive(PartialEq, Eq)]
enum Right {
    /// It may.
    Held,
    /// It may from now on; what was read before is old.
    New,
    /// Another one does.
    Others,
}

/// The lease that is held, and whether no more is given.
#[derive(Default)]
struct Hold {
    until: Option<i64>,
    closed: bool,
}

/// Serves one sink.
pub(super) struct Delivery {
    sink: Sink,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    hold: Mutex<Hold>,
}

impl Delivery {
    pub(super) fn new(sink: Sink, store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { sink, store, clock, hold: Mutex::default() }
    }

    /// Serves the sink as long as the server runs.
    pub(super) async fn run(&self, sealed: &Notify) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.some().await {
                Ok(true) => wait = FIRST_WAIT,
                Ok(false) => {
                    wait = FIRST_WAIT;
                    drop(timeout(IDLE, sealed.notified()).await);
                }
                Err(error) => {
                    tracing::warn!(sink = self.sink.name(), %error, again_s = wait.as_secs(), "an audit sink takes nothing");
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Gives what is left, and then no more, and lets another instance serve the sink at once.
    pub(super) async fn close(&self) {
        loop {
            match self.some().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(sink = self.sink.name(), %error, "an audit sink takes nothing");
                    break;
                }
            }
        }
        let mut hold = self.hold.lock().await;
        hold.closed = true;
        if let Some(until) = hold.until.take() {
            drop(self.move_mark(self.lease(), Some(until), 0).await);
        }
    }

    /// Gives the next events; whether there may be more.
    async fn some(&self) -> Result<bool, Trouble> {
        let mut hold = self.hold.lock().await;
        if hold.closed {
            return Ok(false);
        }
        let (name, batch) = (self.sink.name(), self.sink.batch());
        let next = move |tx: &mut Transaction| {
            let mark = tx.audit_mark(name)?;
            Ok((mark, tx.audit_after(mark.unwrap_or(0), batch)?))
        };
        let (mark, rows) = self.store.read(next).await?;
        let Some(last) = rows.last().and_then(|row| row.seq) else { return Ok(false) };
        match self.right(&mut hold).await? {
            Right::Held => {}
            Right::New => return Ok(true),
            Right::Others => return Ok(false),
        }
        self.sink.give(&rows).await?;
        self.move_mark(name.to_owned(), mark, last).await?;
        Ok(true)
    }

    /// Makes sure of the lease, which must outlast one delivery.
    async fn right(&self, hold: &mut Hold) -> Result<Right, StoreError> {
        let now = self.clock.now();
        let outlasts = now + TOTAL + Duration::from_secs(2);
        if hold.until.is_some_and(|until| Time(until) > outlasts) {
            return Ok(Right::Held);
        }
        let name = self.lease();
        let stored = self.store.read(move |tx: &mut Transaction| tx.audit_mark(&name)).await?;
        let own = stored.is_some() && stored == hold.until;
        if !own && stored.is_some_and(|until| Time(until) > now) {
            hold.until = None;
            return Ok(Right::Others);
        }
        let until = (now + LEASE).0;
        if !self.move_mark(self.lease(), stored, until).await? {
            hold.until = None;
            return Ok(Right::Others);
        }
        hold.until = Some(until);
        Ok(if own { Right::Held } else { Right::New })
    }

    fn lease(&self) -> String {
        format!("{}/lease", self.sink.name())
    }

    async fn move_mark(&self, name: String, before: Option<i64>, after: i64) -> Result<bool, StoreError> {
        self.store.write(move |tx: &mut Transaction| tx.move_audit_mark(&name, before, after)).await
    }
}
