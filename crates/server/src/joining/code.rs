//! The second page: the code that went to the address.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::{
    budget::{BudgetKey, Rule},
    code::IssuedCode,
    crypto::Prf,
    engine::Stranger,
    joining::Registration,
    prompt::Text,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
};

use super::{
    ACCOUNT, CODE, CODE_TRIES, Held, begin::SPEC, blank, connection, destination, draw, fault, open, over, posted,
    under_way, words,
};
use crate::{
    answer, context,
    pages::{Fault, Register, Stage},
    state::{State, Transaction},
};

/// What came of something typed, or asked for.
enum Came {
    /// The address is theirs.
    Proved,
    /// The message leaves again.
    Leaves(Registration),
    /// It does not, and nobody is told.
    Silent,
    /// What is wrong.
    Wrong(StatusCode, Fault),
    /// Nothing can come of it any more.
    Over,
}

/// `GET /register/code`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if let Err(answer) = open(&state, &req) {
        return answer;
    }
    let Some(held) = Held::of(&state, &req) else { return over(&state, &req) };
    match under_way(&state, &held).await {
        Ok(Some(registration)) if registration.proved_at.is_some() => answer::see_other(&state.public.path(ACCOUNT)),
        Ok(Some(registration)) => show(&state, &req, &held, &registration, StatusCode::OK, None),
        Ok(None) => over(&state, &req),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /register/code`: the code, or the wish for another message.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (held, params) = match posted(&state, &req, payload).await {
        Ok(posted) => posted,
        Err(answer) => return answer,
    };
    let again = params.get("action") == Some("resend");
    let came = if again {
        resend(&state, &req, &held).await
    } else {
        judge(&state, &req, &held, params.get("code").unwrap_or_default()).await
    };
    match came {
        Ok(Came::Proved) => answer::see_other(&state.public.path(ACCOUNT)),
        Ok(Came::Leaves(_) | Came::Silent) => answer::see_other(&state.public.path(CODE)),
        Ok(Came::Over) => over(&state, &req),
        Ok(Came::Wrong(status, fault)) => {
            if status == StatusCode::TOO_MANY_REQUESTS {
                words::note_limited(&state, &req).await;
            }
            match under_way(&state, &held).await {
                Ok(Some(registration)) => show(&state, &req, &held, &registration, status, Some(fault)),
                Ok(None) => over(&state, &req),
                Err(error) => answer::store_error(&state, &req, &error),
            }
        }
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// What a code is judged with.
#[derive(Clone)]
struct Judge {
    prf: Prf,
    network: (BudgetKey, Rule),
    stranger: Stranger,
    typed: String,
    now: Time,
}

async fn judge(state: &State, req: &HttpRequest, held: &Held, typed: &str) -> StoreResult<Came> {
    if typed.trim().is_empty() {
        return Ok(Came::Wrong(StatusCode::UNPROCESSABLE_ENTITY, fault("register.fault.empty", "code")));
    }
    let cx = context::of(state, req);
    let Some((registration, by)) = under_way(state, held).await?.zip(connection(state)) else { return Ok(Came::Over) };
    let judge = Judge {
        prf: state.prf.clone(),
        network: (BudgetKey::network(&cx.network()), state.limits.network),
        stranger: state.engine.stranger(&by.name, destination(&registration.contact), &cx),
        typed: typed.chars().take(64).collect(),
        now: state.clock.now(),
    };
    let key = registration.key;
    state.store.write(move |tx: &mut Transaction| judge.judge(tx, &key)).await
}

impl Judge {
    /// The try is counted in the transaction that judges it: of many at once each sees those before it.
    fn judge(&self, tx: &mut Transaction, key: &str) -> StoreResult<Came> {
        let unfit = |key: &str| Came::Wrong(StatusCode::UNPROCESSABLE_ENTITY, fault(key, "code"));
        let Some(registration) = tx.registration(key)?.filter(|registration| registration.alive(self.now)) else {
            return Ok(Came::Over);
        };
        if registration.proved_at.is_some() {
            return Ok(Came::Proved);
        }
        let (network, rule) = &self.network;
        let spent = match tx.budget(network)?.spend(rule, self.now) {
            Ok(spent) => spent,
            Err(limited) => return Ok(waits("register.fault.network", limited.retry_at.unwrap_or(self.now))),
        };
        if registration.tries >= CODE_TRIES {
            return Ok(unfit("register.fault.code"));
        }
        let code: &IssuedCode = &registration.code;
        let right = code.matches(&self.typed, &self.prf, registration.id, 0) & !registration.taken;
        let late = self.now >= code.expires_at;
        let next = if right && !late {
            self.stranger.used(tx)?;
            Registration { proved_at: Some(self.now), tries: 0, ..registration }
        } else {
            tx.put_budget(network, spent, spent.forgotten_at(rule))?;
            Registration { tries: registration.tries.saturating_add(1), ..registration }
        };
        advance(tx, next)?;
        Ok(match (right, late) {
            (true, false) => Came::Proved,
            (_, true) => unfit("register.fault.expired"),
            (false, false) => unfit("register.fault.code"),
        })
    }
}

async fn resend(state: &Data<State>, req: &HttpRequest, held: &Held) -> StoreResult<Came> {
    let (now, cx, cooldown) = (state.clock.now(), context::of(state, req), state.limits.cooldown);
    let Some((registration, by)) = under_way(state, held).await?.zip(connection(state)) else { return Ok(Came::Over) };
    let stranger = state.engine.stranger(&by.name, destination(&registration.contact), &cx);
    let (counts, key) = (stranger.clone(), registration.key);
    let work = move |tx: &mut Transaction| {
        let Some(registration) = tx.registration(&key)?.filter(|known| known.alive(now)) else { return Ok(Came::Over) };
        if registration.proved_at.is_some() {
            return Ok(Came::Proved);
        }
        if now < registration.sent_at + cooldown {
            return Ok(waits("register.fault.cooling", registration.sent_at + cooldown));
        }
        let leaves = match counts.count(tx, now)? {
            Ok(leaves) => leaves,
            Err(limited) => return Ok(waits("register.fault.network", limited.retry_at.unwrap_or(now))),
        };
        let code = again(&registration.code, now);
        let next = advance(tx, Registration { code, sent_at: now, ..registration })?;
        Ok(if leaves { Came::Leaves(next) } else { Came::Silent })
    };
    let came = state.store.write(work).await?;
    if let Came::Leaves(registration) = &came {
        words::depart(state, req, registration, by.name, stranger);
    }
    Ok(came)
}

/// The same code as long as it works, so that of two messages neither is wrong; then another one.
fn again(code: &IssuedCode, now: Time) -> IssuedCode {
    let issue = if now < code.expires_at { code.issue } else { code.issue.saturating_add(1) };
    let expires_at = if now < code.expires_at { code.expires_at } else { now + SPEC.life.into() };
    IssuedCode { issue, expires_at, ..code.clone() }
}

/// Saves it; somebody else who was faster is a conflict.
pub(super) fn advance(tx: &mut Transaction, registration: Registration) -> StoreResult<Registration> {
    let next = Registration { version: registration.version.saturating_add(1), ..registration };
    if tx.advance_registration(&next)? {
        Ok(next)
    } else {
        Err(StoreError::Conflict("the registration was changed meanwhile".to_owned()))
    }
}

fn waits(key: &str, at: Time) -> Came {
    Came::Wrong(StatusCode::TOO_MANY_REQUESTS, Fault { text: Text::new(key), field: "", at: Some(at.into()) })
}

fn show(
    state: &State,
    req: &HttpRequest,
    held: &Held,
    registration: &Registration,
    status: StatusCode,
    fault: Option<Fault>,
) -> HttpResponse {
    let ready = registration.sent_at + state.limits.cooldown;
    let page = Register {
        action: state.public.path(CODE),
        fault,
        contact: destination(&registration.contact).to_owned(),
        minutes: SPEC.life.0.div_ceil(60),
        again_at: (state.clock.now() < ready).then(|| ready.into()),
        ..blank(state, Stage::Code, registration.run)
    };
    draw(state, req, status, page, held.csrf(state))
}
