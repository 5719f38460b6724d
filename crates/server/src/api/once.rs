//! `Idempotency-Key`: a POST whose answer got lost is sent again, and done once.
//!
//! The key is claimed before anything is done, with a hash of the request. What was done is answered again for a day, to the
//! same caller; what failed changed nothing, so its key is free again. A key that was claimed and never answered (the server
//! stopped in between) says so: nobody knows then, and doing it again is the one thing that must not happen.

use std::time::Duration;

use actix_web::http::header::HeaderName;
use vestibule_core::store::StoreExt as _;

use super::{
    answer::Answer,
    call::Call,
    dispatch::Done,
    problem::{Kind, Problem},
};
use crate::{
    admin::Who,
    state::{State, Transaction},
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// For how long an answer is kept.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// The longest key.
const LONGEST: usize = 255;

/// Whether a request is to be done.
pub(super) enum Claim {
    /// It has no key.
    None,
    /// It is ours to do.
    Ours(String),
    /// It was done.
    Answered(Box<Answer>),
}

/// Claims the key of a request, if it has one.
pub(super) async fn claim(call: &Call<'_>) -> Result<Claim, Problem> {
    let mut values = call.req.headers().get_all(&HEADER);
    let Some(given) = values.next() else { return Ok(Claim::None) };
    let plain = |key: &&str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let given = given.to_str().ok().filter(plain).filter(|_| values.next().is_none());
    let given =
        given.ok_or_else(|| Problem::new(Kind::Malformed, "Idempotency-Key is 1 to 255 printable characters"))?;
    let (key, fingerprint) = names(call, given);
    let now = call.state.clock.now();
    let (claimed, asked) = (key.clone(), fingerprint.clone());
    let open = move |tx: &mut Transaction| {
        let ours = tx.open_receipt(&claimed, &asked, now + LIFE, now)?;
        if ours { Ok(None) } else { tx.receipt(&claimed) }
    };
    let Some(receipt) = call.state.store.write(open).await? else { return Ok(Claim::Ours(key)) };
    if receipt.fingerprint != fingerprint {
        return Err(Problem::new(Kind::KeyReused, "this key was used for another request"));
    }
    let kept = receipt.answer.as_deref().and_then(|answer| serde_json::from_str(answer).ok());
    let unknown = || Problem::new(Kind::InProgress, "a request with this key was begun and has no answer");
    kept.map(|answer| Claim::Answered(Box::new(answer))).ok_or_else(unknown)
}

/// The key as it is kept, which is the caller's own, and the hash of the request.
fn names(call: &Call<'_>, given: &str) -> (String, String) {
    let who = match &call.actor.who {
        Who::Person { user, .. } => format!("user/{user}"),
        Who::Program(client) => format!("client/{client}"),
    };
    let key = call.state.prf.text("idempotency key", &[who.as_bytes(), given.as_bytes()]);
    let (path, query) = (call.req.path().as_bytes(), call.req.query_string().as_bytes());
    (key, call.state.prf.text("idempotent request", &[path, query, &call.body]))
}

/// Keeps the answer of what was done, or frees the key of what was not.
pub(super) async fn done(state: &State, key: String, done: Done) -> Done {
    let kept = done.as_ref().ok().and_then(|answer| serde_json::to_string(answer).ok());
    let keep = move |tx: &mut Transaction| match &kept {
        Some(answer) => tx.fill_receipt(&key, answer),
        None => tx.drop_receipt(&key),
    };
    if let Err(error) = state.store.write(keep).await {
        // The key stays claimed, and says that nobody knows.
        tracing::warn!(%error, "the answer to a request with a key could not be kept");
    }
    done
}
