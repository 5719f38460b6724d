//! The audit log at work: rows are sealed a second after they were appended, and then given to the sinks.
//!
//! The database is the queue: a sink that is slow or gone holds nothing up and loses nothing, it is served from where it
//! stopped, also after a restart. To give events away as they happen was not taken: an event of a transaction that was
//! rolled back would be told, and one of a process that died would not.

mod delivery;
mod sink;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use vestibule_core::{Clock, audit::chain, crypto::Prf};
use vestibule_oauth::store::Store;

pub use self::sink::SinkError;
use self::{delivery::Delivery, sink::Sink};
use crate::config::AuditSettings;

/// The names of the sinks that the settings ask for, as the marks in the database have them.
pub fn sinks(settings: &AuditSettings) -> Vec<&'static str> {
    let set =
        [(settings.stdout, sink::STDOUT), (settings.file.is_some(), sink::FILE), (settings.http.is_some(), sink::HTTP)];
    set.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
}

/// How often rows are sealed.
const SEAL: Duration = Duration::from_secs(1);
/// At a stop, how long sinks are given what is left. What does not go then goes after the next start.
const FAREWELL: Duration = Duration::from_secs(3);

/// Seals the audit log and serves its sinks.
pub struct AuditLog {
    store: Arc<Store>,
    prf: Prf,
    deliveries: Vec<Arc<Delivery>>,
    sealed: Arc<Notify>,
}

impl AuditLog {
    /// The log of a store, with the sinks of the settings.
    ///
    /// # Errors
    /// When a sink cannot work.
    pub fn new(
        settings: &AuditSettings,
        store: Arc<Store>,
        prf: Prf,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SinkError> {
        let delivery = |sink| Arc::new(Delivery::new(sink, Arc::clone(&store), Arc::clone(clock)));
        let deliveries = Sink::all(settings)?.into_iter().map(delivery).collect();
        Ok(Self { store, prf, deliveries, sealed: Arc::default() })
    }

    /// Starts what runs as long as the server does.
    pub fn start(self: &Arc<Self>) {
        let log = Arc::clone(self);
        actix_web::rt::spawn(async move {
            loop {
                sleep(SEAL).await;
                log.seal().await;
            }
        });
        for delivery in &self.deliveries {
            let (delivery, sealed) = (Arc::clone(delivery), Arc::clone(&self.sealed));
            actix_web::rt::spawn(async move { delivery.run(&sealed).await });
        }
    }

    /// Seals what was appended, and says so to the sinks.
    pub async fn seal(&self) {
        match chain::seal(&*self.store, &self.prf).await {
            Ok(0) => {}
            Ok(_) => self.sealed.notify_waiters(),
            Err(error) => tracing::error!(%error, "the audit log could not be sealed"),
        }
    }

    /// Seals what is left, and gives the sinks a moment to take it.
    pub async fn close(&self) {
        self.seal().await;
        let farewell = async {
            for delivery in &self.deliveries {
                delivery.close().await;
            }
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("an audit sink did not take everything: it is given the rest after the next start");
        }
    }
}
