//! Notices: who is told of what happened to their account, and by which way.
//!
//! They follow the sealed audit log, off the way of those to whom it happens: how far it was followed is a mark that moves in
//! the transaction that puts the notices into the outbox, so each event is told of once by however many instances, and none is
//! lost. Every way to a person that was proved to be theirs is told, but for the one that the event itself is about: who
//! took a number over would read the warning. To send from each of the places that change something was the road not
//! taken: the next such place would forget it.
//!
//! What is gone by then is told in the transaction that takes it away: a number or an address that somebody had until now
//! ([`former`]), and an account ([`deleted`]).

use std::{sync::Arc, time::Duration};

use vestibule_core::{
    Time,
    audit::{AuditEvent, chain::Proof},
    authenticator::label,
    budget::{Beyond, BudgetKey, Rule},
    id::AuthenticatorName,
    prompt::Text,
    store::{StoreError, StoreExt as _, StoreResult},
    user::User,
};

use super::{Desk, Letter, Way, locale_of};
use crate::{
    pages::Moment,
    state::{State, Transaction},
};

/// How often is looked for news.
const LOOK: Duration = Duration::from_secs(1);
/// So many events at a time.
const BATCH: usize = 500;
/// The name of the mark.
const MARK: &str = "notices";
/// What is older is news to nobody: it was before notices were switched on.
const NEWS: Duration = Duration::from_secs(24 * 3600);
/// So many events of one sort an hour one person is told of. Whoever has an account do a hundred things shall not ring its owner's
/// telephone a hundred times, and the first of them say enough. Of each sort apart: who does what is small again and again must
/// not silence what matters.
const PER_PERSON: Rule = Rule { limit: 5, window: Duration::from_secs(3600), beyond: Beyond::WaitForWindow };

/// The ways that an event itself is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// None.
    Nothing,
    /// The mailbox.
    Mail,
    /// The telephone.
    Phone,
    /// Those whose fields changed.
    Fields,
}

/// Every kind of event that people are told of, the name of its words, and what it is about.
const TOLD: &[(&str, &str, About)] = &[
    ("activity.disowned", "disowned", About::Nothing),
    ("admin.user.bypass_code", "bypass_made", About::Nothing),
    ("admin.user.changed", "changed_by_admin", About::Fields),
    ("admin.user.factor_removed", "removed_by_admin", About::Nothing),
    ("admin.user.invited", "link_made", About::Nothing),
    ("admin.user.password_link", "link_made", About::Nothing),
    ("data.exported", "exported", About::Nothing),
    ("device.replayed", "device_replayed", About::Nothing),
    ("email.verified", "email_changed", About::Mail),
    ("factor.enrolled", "factor_added", About::Nothing),
    ("factor.removed", "factor_removed", About::Nothing),
    ("number.captured", "number_added", About::Phone),
    ("number.changed", "number_changed", About::Phone),
    ("password.changed", "password_changed", About::Nothing),
    ("password.reset", "password_changed", About::Nothing),
    ("password.set", "password_changed", About::Nothing),
    ("step.passed", "recovery_used", About::Nothing),
    ("user.accepted", "password_changed", About::Nothing),
];

/// The fields of a user by which somebody signs in or is reached; a change of another one is told to nobody.
const FIELDS: &[&str] =
    &["username", "email", "email_verified", "phone_number", "phone_number_verified", "password", "disabled"];

/// What is told of an event, if anything.
fn told(event: &AuditEvent) -> Option<(&'static str, About)> {
    let (_, name, about) = TOLD.iter().find(|(kind, ..)| *kind == event.kind)?;
    let by_paper =
        event.details.get("authenticator").is_some_and(|name| name == vestibule_authn_recovery::Recovery::NAME);
    let concerns = match event.kind.as_str() {
        "step.passed" => by_paper,
        // An invitation that was mailed says so itself, and whoever came by it has that mailbox.
        "admin.user.invited" => !event.changes.iter().any(|change| change.field == "sent_to" && change.after.is_some()),
        "user.accepted" => event.details.get("proved").is_none_or(|proved| proved != "email"),
        "admin.user.changed" => event.changes.iter().any(|change| FIELDS.contains(&change.field.as_str())),
        _ => true,
    };
    concerns.then_some((*name, *about))
}

/// Follows the log as long as the server runs, if notices are wanted.
pub async fn keep_told(state: Arc<State>) {
    while state.post.notices && !state.readiness.draining() {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = follow(&state).await {
            tracing::warn!(%error, "people could not be told of changes to their accounts; it is tried again");
        }
    }
}

/// Tells of what was sealed since the last time; how many events this call told of.
///
/// # Errors
/// When the store fails: then the mark stays where it is.
pub async fn follow(state: &State) -> StoreResult<usize> {
    let mut all = 0;
    while let Some(number) = some(state).await? {
        all += number;
    }
    Ok(all)
}

/// Tells of the next events; how many, or nothing when there are none, or another instance was faster.
async fn some(state: &State) -> StoreResult<Option<usize>> {
    let next = |tx: &mut Transaction| match tx.audit_mark(MARK)? {
        Some(mark) => Ok((Some(mark), tx.audit_after(mark, BATCH)?, mark)),
        None => Ok((None, Vec::new(), tx.last_sealed_audit()?.map_or(0, |(seq, _)| seq))),
    };
    let (mark, rows, end) = state.store.read(next).await?;
    let last = rows.last().and_then(|row| row.seq).unwrap_or(end);
    if mark == Some(last) {
        return Ok(None);
    }
    let (now, desk, unknown) = (state.clock.now(), Desk::of(state), Text::new("post.notice.no_network"));
    // What this program did not write is told to nobody; verifying the log names it.
    let events = rows.iter().filter(|row| row.proof != Proof::Wrong).filter_map(|row| row.event());
    let events: Vec<AuditEvent> = events.filter(|event| told(event).is_some() && now.since(event.at) < NEWS).collect();
    let link = state.public.url("/portal/activity");
    let work = move |tx: &mut Transaction| {
        if !tx.move_audit_mark(MARK, mark, last)? {
            return Ok(None);
        }
        let one = |sum: usize, event: &AuditEvent| Ok(sum + usize::from(tell(tx, &desk, event, &link, &unknown, now)?));
        events.iter().try_fold(0, one).map(Some)
    };
    match state.store.write(work).await {
        Err(StoreError::Conflict(_)) => Ok(None),
        other => other,
    }
}

/// Tells the person; whether there was somebody to tell, and a way.
fn tell(
    tx: &mut Transaction,
    desk: &Desk,
    event: &AuditEvent,
    link: &str,
    unknown: &Text,
    now: Time,
) -> StoreResult<bool> {
    let (Some((name, about)), Some(id)) = (told(event), event.user) else { return Ok(false) };
    let Some(user) = tx.user(id)? else { return Ok(false) };
    let ways: Vec<Way> =
        Way::of(&user).into_iter().filter(|way| !concerned(event, about, way) && desk.reaches(way)).collect();
    if ways.is_empty() {
        return Ok(false);
    }
    let key = BudgetKey::notices(id, name);
    let Ok(spent) = tx.budget(&key)?.spend(&PER_PERSON, now) else { return Ok(false) };
    tx.put_budget(&key, spent, spent.forgotten_at(&PER_PERSON))?;
    let locale = locale_of(&user);
    let say = |text: &Text| desk.words().say(locale, text);
    let way = event.details.get("authenticator").map(|name| say(&label(&AuthenticatorName::from(name.as_str()))));
    let what = say(&Text::new(&format!("post.notice.what.{name}")).with("way", way.unwrap_or_default()));
    let letter = Letter::to(&user, "notice")
        .with("what", what)
        .with("when", Moment::from(event.at).date)
        .with("network", event.network.clone().unwrap_or_else(|| say(unknown)))
        .with("link", link);
    Ok(desk.post_all(tx, &letter, &ways, now)? > 0)
}

/// Whether the event is about that way itself.
fn concerned(event: &AuditEvent, about: About, way: &Way) -> bool {
    let changed = |begin: &str| event.changes.iter().any(|change| change.field.starts_with(begin));
    match (about, way) {
        (About::Mail, Way::Mail(_)) | (About::Phone, Way::Phone(_)) => true,
        (About::Fields, Way::Mail(_)) => changed("email"),
        (About::Fields, Way::Phone(_)) => changed("phone_number"),
        _ => false,
    }
}

/// Tells a number or an address that somebody had until now that it is theirs no more, in the transaction that takes it away.
///
/// # Errors
/// When the store fails.
pub fn former(tx: &mut Transaction, desk: &Desk, before: &User, after: &User, now: Time) -> StoreResult<()> {
    let kept = Way::of(after);
    let gone: Vec<Way> = Way::of(before).into_iter().filter(|way| !kept.contains(way)).collect();
    // It is for an address that is nobody's any more: who deletes the account a moment later does not take it along.
    last_word(tx, desk, &Letter::new("former", locale_of(before)), &gone, now)
}

/// Tells somebody that their account was deleted, in the transaction that does it, after it.
///
/// # Errors
/// When the store fails.
pub fn deleted(tx: &mut Transaction, desk: &Desk, user: &User, now: Time) -> StoreResult<()> {
    last_word(tx, desk, &Letter::new("deleted", locale_of(user)), &Way::of(user), now)
}

fn last_word(tx: &mut Transaction, desk: &Desk, letter: &Letter, ways: &[Way], now: Time) -> StoreResult<()> {
    if desk.notices() {
        desk.post_all(tx, letter, ways, now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use vestibule_core::audit::kinds::is_known;

    use super::*;

    #[test]
    fn every_kind_that_is_told_of_exists_and_has_words_and_no_words_are_left_over() {
        let english: std::collections::BTreeMap<String, String> =
            serde_json::from_str(include_str!("../pages/messages/post/en.json")).unwrap();
        let prefix = "post.notice.what.";
        let words: BTreeSet<&str> = english.keys().filter_map(|key| key.strip_prefix(prefix)).collect();
        assert_eq!(words, TOLD.iter().map(|(_, name, _)| *name).collect());
        assert!(TOLD.is_sorted_by_key(|(kind, ..)| *kind));
        for (kind, ..) in TOLD {
            assert!(is_known(kind), "{kind}");
        }
        for letter in ["notice", "former", "deleted"] {
            for part in ["subject", "mail", "sms"] {
                let text = &english[&format!("post.{letter}.{part}")];
                assert!(part == "subject" || text.contains("{host}"), "{letter} {part}");
                assert!(part != "sms" || !text.contains("{link}"), "no link in a text message: {letter}");
            }
        }
    }

    #[test]
    fn of_an_admins_change_only_what_concerns_signing_in_is_told() {
        use vestibule_core::{audit::Change, random::SystemRandom};
        let changed = |field: &str| AuditEvent {
            changes: vec![Change::new(field, None, Some("x".into()))],
            ..AuditEvent::new("admin.user.changed", Time(0), &SystemRandom::default())
        };
        assert!(told(&changed("email")).is_some() && told(&changed("groups")).is_none());
        let (mail, phone) = (Way::Mail("a@example.org".to_owned()), Way::Phone("+12025550142".to_owned()));
        assert!(concerned(&changed("email"), About::Fields, &mail));
        assert!(!concerned(&changed("email"), About::Fields, &phone));
        let mut passed = AuditEvent::new("step.passed", Time(0), &SystemRandom::default());
        assert!(told(&passed).is_none());
        passed.details.insert("authenticator".to_owned(), "recovery".to_owned());
        assert!(told(&passed).is_some());
    }
}
