//! Renewal: whoever used a credential that must change (a password that others may know) puts another in its place before the run
//! comes to its end.
//!
//! It is done by further steps behind all others, as an errand is: everything that is due is passed first, the best that the account
//! has is proved, and without the change there is no `Done`, so neither a session nor a grant. They are added in the transaction in
//! which the credential is used, and stay: a flag that somebody takes back meanwhile does not move the steps of an open run.

use super::{
    Engine, Finish, errand,
    judge::{Judgement, Verdict},
    situation::Situation,
};
use crate::{
    chain::Alternative,
    evidence::Evidence,
    id::{SessionId, UserId},
    store::{Store, StoreResult, Tx},
    time::Time,
};

impl<S: Store + ?Sized> Engine<S> {
    /// Adds the steps, where what was judged right was proved with a credential that must change.
    pub(super) async fn renew(&self, situation: &mut Situation, judgement: &Judgement) {
        let Verdict::Passed(evidence) = &judgement.verdict else { return };
        // Of a trial nothing is to come, and what confirms a transaction is no login.
        let held = situation.trial || situation.interaction.transaction().is_some();
        if held || !situation.interaction.renewal.is_empty() {
            return;
        }
        let mut person = situation.person.clone();
        person.settle(&judgement.changes, &evidence.authenticator, situation.now);
        let changes = |given: &Evidence| {
            let known = self.parts.registry.get(&given.authenticator).filter(|known| known.replacement().is_some())?;
            let own = person.credential(&given.authenticator, &given.credential)?;
            known.must_change(own).then(|| given.authenticator.clone())
        };
        // Whenever it was used in this run: a page may be open from before it had to change.
        let before = situation.interaction.evidence.iter().find_map(changes);
        let Some(name) = before.or_else(|| changes(evidence)) else { return };
        let best = self.protected(&person, &situation.configuration).await;
        let way = Alternative::plain(name.as_str());
        let steps = errand::besides(way, best, None, &situation.configuration, &self.parts.registry);
        // First things first: what somebody wished for besides can be wished for again.
        situation.without_wish();
        situation.chain = situation.chain.clone().with_tail(&steps);
        situation.interaction.renewal = steps;
    }
}

/// Ends what was begun elsewhere with the credential that is no more: who else knows it may be signed in by it.
pub(super) fn end_elsewhere<T: Tx + ?Sized + 'static>(
    tx: &mut T,
    finish: &dyn Finish<T>,
    user: UserId,
    here: Option<SessionId>,
    now: Time,
) -> StoreResult<()> {
    loop {
        // The list is bounded; what was ended is not in the next one.
        let mut living = tx.sessions_of(user, now)?;
        living.retain(|session| Some(session.id) != here);
        if living.is_empty() {
            break;
        }
        for session in living {
            tx.end_session(session.id, now)?;
            finish.session_ended(tx, session.id, now)?;
        }
    }
    // What was granted for long outlives every session, and what this run gives is not there yet.
    finish.taken_back(tx, user, now)?;
    tx.revoke_devices(user, now).map(drop)
}
