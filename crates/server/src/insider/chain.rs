//! The chain that an insider's people pass as long as nobody wrote another: a password, and then the passkey or the app of whoever
//! has set one up, or a code that they keep or were given for the day on which they have lost it.
//!
//! To demand the app of everybody was the road not taken: nobody has one at the first entry, and whoever could only set it up
//! there would bind their own second factor to somebody else's first.

use serde_json::json;
use vestibule_authn_passkey::Passkeys;
use vestibule_authn_password::Password;
use vestibule_authn_recovery::Recovery;
use vestibule_authn_totp::Totp;
use vestibule_core::{
    chain::{Alternative, ChainDocument, Step},
    condition::{Condition, Test},
    draft::Byline,
    id::ChainName,
    random::Random,
    store::StoreResult,
    time::Time,
};
use vestibule_oauth::managed::ObjectKind;

use crate::{
    admin::record::{By, Change, Told},
    state::Transaction,
};

/// What the history of a chain says of a revision that the server made.
const NOTE: &str = "Whoever has set up a passkey or an authenticator app is asked for it.";

/// The chain.
pub(crate) fn usual() -> ChainDocument {
    asking(&[Passkeys::NAME, Totp::NAME, Recovery::NAME])
}

/// What servers made before: when no app could be set up, and when no passkey could.
fn former() -> [ChainDocument; 2] {
    let alone = ChainDocument { steps: vec![password()], ..ChainDocument::default() };
    [alone, asking(&[Totp::NAME, Recovery::NAME])]
}

/// A password, and one of `ways` of whoever has one.
fn asking(ways: &[&str]) -> ChainDocument {
    let enrolled = Condition { test: Test::Enrolled(true), not: false };
    let ways: Vec<Alternative> = ways.iter().map(|name| Alternative::plain(name)).collect();
    let second = Step { when: vec![enrolled], ..Step::from(ways) };
    ChainDocument { steps: vec![password(), second], ..ChainDocument::default() }
}

fn password() -> Step {
    Step::from(vec![Alternative::plain(Password::NAME)])
}

/// Makes it, as the first revision of `name`.
///
/// # Errors
/// When the store fails.
pub(crate) fn found(tx: &mut Transaction, name: &ChainName, now: Time) -> StoreResult<()> {
    tx.publish_chain(name, &usual(), now).map(drop)
}

/// Puts it in the place of the one that an earlier server made. What anybody wrote since stays, be it the same: only a first
/// revision is ours, and none that a file declares.
///
/// # Errors
/// When the store fails.
pub(crate) fn renew(tx: &mut Transaction, name: &ChainName, random: &dyn Random, now: Time) -> StoreResult<()> {
    let first = tx.published_chains()?.into_iter().find(|known| (&known.chain, known.revision) == (name, 1));
    let Some(former) = first.map(|known| known.document).filter(|document| former().contains(document)) else {
        return Ok(());
    };
    if tx.managed(ObjectKind::Chain, name.as_str())?.is_some() {
        return Ok(());
    }
    let byline = Byline { author: None, note: Some(NOTE.to_owned()) };
    let revision = tx.publish_chain_by(name, &usual(), &byline, now)?;
    let before = json!({ "revision": 1, "document": former });
    let after = json!({ "revision": revision, "document": usual() });
    let told = Told::from(&Change::new("chain.published", name, &before, &after));
    By::server().record(tx, told, random, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_it_would_be_written() {
        let second = json!({ "alternatives": ["passkey", "totp", "recovery"], "when": [{ "enrolled": true }] });
        let written = json!({ "steps": [["password"], second] });
        assert_eq!(usual(), serde_json::from_value(written).unwrap());
        let apps = json!({ "alternatives": ["totp", "recovery"], "when": [{ "enrolled": true }] });
        let before = [json!({ "steps": [["password"]] }), json!({ "steps": [["password"], apps] })];
        assert_eq!(former(), before.map(|written| serde_json::from_value(written).unwrap()));
        assert_eq!(usual().steps[1].when[0].check(), Ok(()));
    }
}
