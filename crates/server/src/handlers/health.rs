//! Health, for those who run the server; on the management listener alone.
//!
//! `live` asks nothing but whether requests are answered at all: a database that is away is no reason to kill a server that
//! waits for it. `ready` asks whether to send people here.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::json;
use vestibule_core::store::StoreExt as _;

use crate::state::{State, Transaction};

/// A database that is asked more often than this gains nothing by it.
const REMEMBERED: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server should be sent people.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: AtomicBool,
    asked: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// From now on not: the server is about to stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn remembered(&self) -> Option<bool> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.filter(|(at, _)| at.elapsed() < REMEMBERED).map(|(_, answer)| answer)
    }

    fn remember(&self, answer: bool) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), answer));
    }
}

/// `GET /healthz/live`.
pub async fn live() -> HttpResponse {
    told(true, "live")
}

/// `GET /healthz/startup`: the listener opens only after migrations, so whoever is answered has started.
pub async fn startup() -> HttpResponse {
    told(true, "started")
}

/// `GET /healthz/ready`.
pub async fn ready(state: Data<State>) -> HttpResponse {
    if state.readiness.draining() {
        return told(false, "draining");
    }
    if !state.live.has_keys() {
        return told(false, "keys are being made");
    }
    let database = match state.readiness.remembered() {
        Some(answer) => answer,
        None => {
            let answer = database_answers(&state).await;
            state.readiness.remember(answer);
            answer
        }
    };
    told(database, if database { "ready" } else { "the database does not answer" })
}

async fn database_answers(state: &State) -> bool {
    let ask = state.store.read(|tx: &mut Transaction| tx.configuration_version());
    matches!(tokio::time::timeout(PATIENCE, ask).await, Ok(Ok(_)))
}

fn told(well: bool, status: &str) -> HttpResponse {
    let code = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(code).json(json!({ "status": status }))
}

/// `GET /version`.
pub async fn version() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "name": "vestibule", "version": env!("CARGO_PKG_VERSION") }))
}
