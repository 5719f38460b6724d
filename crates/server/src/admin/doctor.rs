//! `doctor.run`: every check of [`doctor`], made by a server about itself.

use std::time::Duration;

use actix_web::HttpRequest;
use tokio::{sync::Mutex, time::timeout};
use vestibule_oauth::model::Client;

use super::{Actor, AdminError, Permission};
use crate::{
    config::Settings,
    doctor::{self, Arrived, Configured, Patient, Records, Report, Seat},
    state::State,
};

/// How long one waits for another who is looking.
const TURN: Duration = Duration::from_secs(5);

/// What a server needs to look at itself.
pub struct Surgery {
    settings: Settings,
    /// One look at a time: it hashes a password and opens connections, and whoever asks often must not slow down logins.
    turn: Mutex<()>,
}

impl Surgery {
    /// Of a server with these settings.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), turn: Mutex::default() }
    }
}

/// Makes every check of which the actor may see what it is about.
///
/// # Errors
/// When the actor may not, or others are looking.
pub async fn run(state: &State, actor: &Actor, req: &HttpRequest) -> Result<Report, AdminError> {
    actor.needs(Permission::SettingsRead)?;
    let surgery = &state.surgery;
    let _turn = timeout(TURN, surgery.turn.lock()).await.map_err(|_| AdminError::Busy)?;
    let settings = &surgery.settings;
    let snapshot = state.live.snapshot();
    let configured = Configured {
        clients: snapshot.clients().map(|client| Client::clone(client)).collect(),
        keys: snapshot.keys().keys().map(|(meta, _)| meta.clone()).collect(),
        default_chain: snapshot.default_chain().clone(),
    };
    let records = Records::read(&*state.store, &settings.audit, settings.dev, state.clock.now()).await?;
    let patient = Patient {
        settings,
        sources: &state.sources,
        seat: Seat::Server,
        now: state.clock.now(),
        arrived: Arrived::of(req, settings),
        registry: state.engine.registry(),
        channels: state.live.channels(),
        pool: &state.hash_pool,
        prf: Some(&state.prf),
        configured: Some(configured),
        records: Some(records),
        trouble: Vec::new(),
    };
    Ok(doctor::examine(&patient, &actor.permissions).await)
}
