//! Proofs outside of a run: whether what was proved a moment ago is enough to change how one signs in, and one more answer to an
//! authenticator that is asked by itself (the present password, before another takes its place).
//!
//! Both hold what a run holds: what is proved with something that is gone counts no more, a password alone is not enough for
//! an account that has more (NIST SP 800-63B-4, section 4.1.2), and a try is counted before it is judged.

use std::time::Duration;

use super::{
    Configuration, Engine, EngineError, RequestContext, errand,
    guard::guarded,
    tries::{Report, Tries},
};
use crate::{
    authenticator::{Outcome, Readiness, Rejection, StepError},
    budget::{Limited, Who},
    chain::Alternative,
    evidence::{Evidence, Strength},
    id::{AuthenticatorName, InteractionId},
    outside::{Outside, own},
    prompt::Fields,
    random::RandomExt as _,
    session::Session,
    store::{Store, StoreExt as _, Tx as _},
    user::{Credential, User},
};

/// How old a proof may be after which one changes how one signs in.
pub const FRESH: Duration = Duration::from_secs(300);

/// What came of an answer outside of a run.
#[derive(Debug)]
pub enum Tried {
    /// It is right.
    Right,
    /// It is not.
    Wrong(Rejection),
    /// There were too many tries: it was not judged.
    Limited(Limited),
    /// Our trouble; whether it is too much to do.
    Trouble {
        /// Whether waiting a few seconds helps.
        busy: bool,
    },
}

impl<S: Store + ?Sized> Engine<S> {
    /// Whether `user` proved in `session` a moment ago that it is them, by more than knowledge if they have more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn proved_now(&self, user: &User, session: &Session) -> Result<bool, EngineError> {
        let (id, now) = (user.id, self.now());
        let credentials = self.store.read(move |tx: &mut S::Tx| tx.credentials_of(id)).await?;
        let recent = session.evidence.iter().filter(|given| given.user == id && given.fresh(FRESH, now));
        let held: Vec<&Evidence> = recent.filter(|given| self.still_held(given, user, &credentials)).collect();
        let Some(best) = held.iter().map(|given| given.strength()).max() else { return Ok(false) };
        Ok(best >= self.strength(&self.configuration(), user, &credentials).await)
    }

    fn still_held(&self, given: &Evidence, user: &User, credentials: &[Credential]) -> bool {
        let way = Alternative::plain(given.authenticator.as_str());
        let own = own(credentials, &given.authenticator);
        let seen = self.outside(&[]).seen(&way, 0, Some(user), &own);
        seen.is_ok_and(|(authenticator, context)| authenticator.holds(&context, &given.credential))
    }

    /// The best that they have, anywhere on this server. What nobody can tell they have; what is used up (the last recovery code)
    /// they have not, since nobody could ever prove it again.
    pub(super) async fn strength(
        &self,
        configuration: &Configuration,
        user: &User,
        credentials: &[Credential],
    ) -> Strength {
        let mut best = Strength::Knowledge;
        // What a chain's settings do not take (a passkey of another model) is had all the same.
        let plain = errand::plain(&self.parts.registry);
        for way in errand::beyond_knowledge(configuration, &self.parts.registry).iter().chain(&plain) {
            let own = own(credentials, &way.authenticator);
            let outside = self.outside(&configuration.connections);
            let has = match outside.seen(way, 0, Some(user), &own) {
                Ok((authenticator, context)) => guarded(authenticator.readiness(&context)).await,
                Err(broken) => Ok(broken),
            };
            if matches!(has, Ok(Readiness::Ready { .. } | Readiness::Broken { .. }) | Err(_)) {
                best = best.max(self.parts.registry.strength_wanted(&way.authenticator));
            }
        }
        best
    }

    fn outside<'a>(&'a self, connections: &'a [crate::Connection]) -> Outside<'a> {
        let (random, now) = (&*self.parts.random, self.now());
        Outside {
            registry: &self.parts.registry,
            connections,
            prf: &self.parts.prf,
            random,
            host: &self.parts.host,
            interaction: InteractionId(random.uuid(now)),
            now,
        }
    }

    /// Judges an answer of `user` to an authenticator that asks by itself, within the budgets of a sign-in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn try_alone(
        &self,
        user: &User,
        name: &AuthenticatorName,
        input: &Fields,
        cx: &RequestContext,
    ) -> Result<Tried, EngineError> {
        let (id, now) = (user.id, self.now());
        let tries = Tries::new(&self.parts.limits, &self.parts.prf, &Who::User(id), name, &cx.network());
        let (count, report) = (tries.clone(), self.report_of(user, name, cx));
        let asked = name.clone();
        let counted = move |tx: &mut S::Tx| {
            let counted = count.count(tx, now)?;
            if counted.is_err() {
                report.note(tx, now)?;
            }
            Ok((counted, tx.credentials(id, &asked)?))
        };
        let (counted, credentials) = self.store.write(counted).await?;
        if let Err(limited) = counted {
            return Ok(Tried::Limited(limited));
        }
        let tried = self.judge_alone(user, name, &credentials, input).await;
        let mut event = self.event("step.rejected", cx, now);
        event.user = Some(id);
        event.details.insert("authenticator".to_owned(), name.to_string());
        let kept = match &tried {
            Tried::Wrong(Rejection::Wrong | Rejection::Unknown | Rejection::Expired) => Kept::Failure,
            Tried::Right => Kept::Success,
            Tried::Wrong(_) | Tried::Limited(_) | Tried::Trouble { .. } => Kept::Nothing,
        };
        let settle = move |tx: &mut S::Tx| match kept {
            Kept::Failure => tx.append_audit(&event),
            Kept::Success => tries.forgive(tx),
            Kept::Nothing => tries.refund(tx),
        };
        self.store.write(settle).await?;
        Ok(tried)
    }

    fn report_of(&self, user: &User, name: &AuthenticatorName, cx: &RequestContext) -> Report {
        let mut report = self.report("step.limited", cx, self.now());
        report.event.user = Some(user.id);
        report.event.details.insert("authenticator".to_owned(), name.to_string());
        report
    }

    async fn judge_alone(
        &self,
        user: &User,
        name: &AuthenticatorName,
        credentials: &[Credential],
        input: &Fields,
    ) -> Tried {
        let way = Alternative::plain(name.as_str());
        let Ok((authenticator, mut context)) = self.outside(&[]).seen(&way, 0, Some(user), credentials) else {
            return Tried::Trouble { busy: false };
        };
        match guarded(authenticator.answer(&mut context, input)).await {
            // What is used up by an answer is asked for in a run, whose transaction sees to that.
            Ok(Outcome::Passed(_)) if context.changes.spent.is_empty() => Tried::Right,
            Ok(Outcome::Rejected(why)) => Tried::Wrong(why),
            Err(StepError::Busy) => Tried::Trouble { busy: true },
            Ok(_) | Err(_) => Tried::Trouble { busy: false },
        }
    }
}

/// What is kept of a try that was counted.
#[derive(Clone, Copy)]
enum Kept {
    Failure,
    Success,
    Nothing,
}
