//! Somebody forgot their password: a link by which they choose another is mailed to the address that they have proved.
//!
//! Whether there was anybody to mail it to must not be seen, in words or in time. So the page that asks counts, hands over, and
//! answers the same to everybody; who it is is looked up here, behind its back, and what is written down is written for
//! nobody as for somebody. To look first and wait a while for the others was the road not taken: a wait is measured sooner or later.
//!
//! The link stands for a mailbox and no more. It makes no session and no evidence: whatever else a chain asks for is asked for at the
//! next sign-in (NIST SP 800-63B-4, section 4.2, asks that recovery does not weaken what the account is bound to). It is for people who
//! have a password, and for nobody who looks after this server: who carries the mail must not become an owner by it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use vestibule_authn_password::Password;
use vestibule_core::{
    audit::AuditEvent,
    budget::{Beyond, BudgetKey, Limited, Network, Rule},
    crypto::Prf,
    directory::OneTimeLink,
    engine::may_act,
    id::AuthenticatorName,
    random::RandomExt as _,
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};

use crate::{
    admin::{Role, users::link_hash},
    post::{Desk, Letter, Lines, Way},
    state::{State, Transaction},
};

/// What such a link is for.
pub const LINK: &str = "reset";
/// Where it leads; its secret follows.
pub const PAGE: &str = "/reset-password";
/// For how long it works.
pub const LIFE: Duration = Duration::from_secs(30 * 60);

/// So many may wait to be looked up.
const WAITING: usize = 256;
const HOUR: Duration = Duration::from_secs(3600);
/// How often one network may ask, whatever names it says.
const FROM: Rule = Rule { limit: 20, window: HOUR, beyond: Beyond::WaitForWindow };
/// How often one network may ask for one name.
const FOR_NAME: Rule = Rule { limit: 5, window: HOUR, beyond: Beyond::WaitForWindow };
/// How many mails one person gets, whoever asks and by whichever of their names.
const TO: Rule = Rule { limit: 5, window: HOUR, beyond: Beyond::WaitForWindow };

/// A wish for a link.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For whom, as it was typed.
    pub name: LoginName,
    /// From where.
    pub network: Network,
    /// The request's id.
    pub request_id: String,
}

/// The wishes that wait.
pub struct Resets {
    on: bool,
    asked: Sender<Asked>,
    waiting: Mutex<Option<Receiver<Asked>>>,
}

impl Resets {
    /// None waits.
    pub fn new(on: bool) -> Self {
        let (asked, waiting) = channel(WAITING);
        Self { on, asked, waiting: Mutex::new(Some(waiting)) }
    }

    /// Whether it is offered here.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Hands a wish over to be looked up; whether there was room for it.
    pub fn hand_over(&self, asked: Asked) -> bool {
        self.asked.try_send(asked).is_ok()
    }
}

/// Whether it is offered here, and there is a mail server to send it by.
pub fn offered(state: &State) -> bool {
    state.resets.is_on() && Lines::of(&state.post, &state.engine.configuration().connections).mail.is_some()
}

/// Counts a wish, before anything else.
///
/// # Errors
/// When the store fails; within it, when there were too many.
pub async fn count(state: &State, name: &LoginName, network: &Network) -> StoreResult<Result<(), Limited>> {
    let hashed = state.prf.text("budget name", &[name.as_str().as_bytes()]);
    let budgets = [
        (BudgetKey(format!("reset/network/{}", network.as_str())), FROM),
        (BudgetKey(format!("reset/name/{hashed}/{}", network.as_str())), FOR_NAME),
    ];
    let now = state.clock.now();
    state.store.write(move |tx: &mut Transaction| spend(tx, &budgets, now)).await
}

/// Spends one of each, or of none.
fn spend(tx: &mut Transaction, budgets: &[(BudgetKey, Rule)], now: Time) -> StoreResult<Result<(), Limited>> {
    let mut spent = Vec::with_capacity(budgets.len());
    for (key, rule) in budgets {
        match tx.budget(key)?.spend(rule, now) {
            Ok(budget) => spent.push((key, rule, budget)),
            Err(limited) => return Ok(Err(limited)),
        }
    }
    for (key, rule, budget) in spent {
        tx.put_budget(key, budget, budget.forgotten_at(rule))?;
    }
    Ok(Ok(()))
}

/// Looks wishes up as long as the server runs, one after the other.
pub async fn keep_answered(state: Arc<State>) {
    let waiting = state.resets.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut waiting) = waiting else { return };
    while let Some(asked) = waiting.recv().await {
        if let Err(error) = answer(&state, asked).await {
            tracing::warn!(%error, "somebody asked for another password, and could not be answered");
        }
    }
}

/// Writes down that it was asked; and where there is somebody whom a link may be mailed to, makes it and mails it in the same
/// transaction.
async fn answer(state: &State, asked: Asked) -> StoreResult<()> {
    let now = state.clock.now();
    let secret = SecretString::from(URL_SAFE_NO_PAD.encode(state.random.bytes::<32>()));
    let hash = link_hash(&state.prf, LINK, secret.expose_secret());
    let url = state.public.url(&format!("{PAGE}/{}", secret.expose_secret()));
    let event = AuditEvent {
        network: Some(asked.network.as_str().to_owned()),
        request_id: Some(asked.request_id),
        ..AuditEvent::new("password.reset_asked", now, &*state.random)
    };
    let desk = Desk::of(state);
    let (prf, name) = (state.prf.clone(), asked.name);
    let work = move |tx: &mut Transaction| {
        let user = tx.user_by_login(&name)?;
        let mut event = event.clone();
        event.user = user.as_ref().map(|user| user.id);
        tx.append_audit(&event)?;
        let Some(user) = user else { return Ok(()) };
        let Some(purpose) = purpose(tx, &prf, &user)? else { return Ok(()) };
        let Some(mail) = Way::of(&user).into_iter().find(|way| matches!(way, Way::Mail(_))) else { return Ok(()) };
        let budget = (BudgetKey(format!("reset/user/{}", user.id)), TO);
        if spend(tx, &[budget], now)?.is_err() {
            return Ok(());
        }
        // Of several the last alone works; the store sees to that.
        let link = OneTimeLink {
            hash: hash.clone(),
            purpose,
            user: user.id,
            created_at: now,
            expires_at: now + LIFE,
            consumed_at: None,
        };
        tx.insert_link(&link)?;
        let letter = Letter::to(&user, "reset").with("link", &url).with("minutes", LIFE.as_secs() / 60).within(LIFE);
        desk.post(tx, &letter, &mail, now).map(drop)
    };
    state.store.write(work).await
}

/// The purpose of a link for this user as they stand now; none for whom there is none. It names the mailbox and the password that
/// is to be replaced: with another of either the link is worth nothing.
///
/// # Errors
/// When the store fails.
pub fn purpose(tx: &mut Transaction, prf: &Prf, user: &User) -> StoreResult<Option<String>> {
    let address = user.email.as_deref().filter(|_| user.email_verified && may_act(user));
    let Some(address) = address.filter(|_| Role::strongest(&user.roles).is_none()) else { return Ok(None) };
    let own = tx.credentials(user.id, &AuthenticatorName::from(Password::NAME))?;
    let of = |own: &Credential| {
        let (user, own) = (user.id.to_string(), own.id.to_string());
        prf.text("reset link", &[user.as_bytes(), address.as_bytes(), own.as_bytes()])
    };
    Ok(own.last().map(|own| format!("{LINK} {}", of(own))))
}
