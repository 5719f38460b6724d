//! From events to tallies. A name that a stranger may have made up is counted under no name, so that the table grows with the
//! house and not with who knocks at it.

use std::collections::BTreeMap;

use vestibule_core::{
    audit::{
        AuditEvent,
        chain::{AuditRow, Proof},
    },
    id::UserId,
    tally::{Span, Tally},
    time::Time,
};
use vestibule_oauth::Snapshot;

use super::{messages, words};

/// What was counted.
#[derive(Debug, Default)]
pub struct Counted {
    numbers: BTreeMap<(Span, Time, String, String), i64>,
    /// Who signed in.
    pub signed_in: Vec<UserId>,
}

impl Counted {
    /// Counts something, in its hour and in its day.
    pub(super) fn add(&mut self, at: Time, what: &str, about: &str, number: i64) {
        for span in Span::ALL {
            *self.numbers.entry((span, span.of(at), what.to_owned(), about.to_owned())).or_default() += number;
        }
    }

    /// What is to be added to the table.
    pub(super) fn tallies(&self) -> Vec<Tally> {
        let tally = |((span, at, what, about), number): (&(Span, Time, String, String), &i64)| Tally {
            span: *span,
            at: *at,
            what: what.clone(),
            about: about.clone(),
            number: *number,
        };
        self.numbers.iter().map(tally).collect()
    }

    fn event(&mut self, event: &AuditEvent, snapshot: &Snapshot) {
        let detail = |name: &str| event.details.get(name).map(String::as_str);
        let registered = event.client.as_deref().and_then(|id| snapshot.client(id));
        let client = registered.map(|client| client.id.to_string()).unwrap_or_default();
        let chain = registered.map(|client| snapshot.chain(client).to_string()).unwrap_or_default();
        let mut one = |what: &str, about: &str| self.add(event.at, what, about, 1);
        if let Some(way) = messages::Way::of(&event.details) {
            messages::fates(&event.kind, detail("outcome")).iter().for_each(|fate| one(fate, &way.text()));
        }
        // A code that confirms a transaction costs as much as another, but is no part of anybody's way through a chain.
        let login = detail("for") != Some("transaction");
        match event.kind.as_str() {
            "login.completed" => {
                one(words::LOGIN, &client);
                // Of what nobody was asked for there is nothing to tell how long it took.
                if let Some(took) = detail("took_ms").and_then(|took| took.parse().ok()) {
                    // The chain that was passed, whatever the service provider has now.
                    let passed = detail("chain").and_then(|chain| chain.rsplit_once('/')).map(|(chain, _)| chain);
                    one(words::COMPLETED, passed.unwrap_or(&chain));
                    one(&words::took(took), passed.unwrap_or(&chain));
                }
                self.signed_in.extend(event.user);
            }
            kind @ ("step.passed" | "otp.passed") => {
                if kind == "otp.passed" && login {
                    one(words::CODE_PASSED, &chain);
                }
                if detail("step") == Some("1") {
                    one(words::FIRST_STEP, &chain);
                }
            }
            kind @ ("otp.sent" | "otp.resent") => {
                let taken = detail("outcome") == Some("accepted");
                one(if taken { words::TAKEN } else { words::REFUSED }, detail("connection").unwrap_or_default());
                if taken && kind == "otp.sent" && login {
                    one(words::CODE_SENT, &chain);
                }
            }
            "otp.rejected" | "step.rejected" if login => one(words::WRONG, &chain),
            "authorize.refused" | "client.refused" | "grant.refused" | "token.refused" => one(words::FAILED, &client),
            _ => {}
        }
    }
}

/// Counts rows of the log. What this program did not write is not counted; verifying the log names it.
pub fn counted(rows: &[AuditRow], snapshot: &Snapshot) -> Counted {
    let mut counted = Counted::default();
    for event in rows.iter().filter(|row| row.proof != Proof::Wrong).filter_map(AuditRow::event) {
        counted.event(&event, snapshot);
    }
    counted
}
