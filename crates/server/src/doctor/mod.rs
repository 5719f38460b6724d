//! The doctor: whether this server is set up as it should be, looked at in one go.
//!
//! [`CHECKS`] is the one list of checks. Three faces show what they find: `vestibule doctor`, the operation `doctor.run`, and
//! `/admin/doctor`. A check is a function from facts to [`Finding`]s; what they may find is listed in [`outcome`], with its
//! words in the message catalogue. All run at once, each has `PATIENCE` and no more, and none prints a secret or changes
//! anything: no message is sent, no file made, no row written.

mod address;
mod arrival;
mod audit;
mod certificate;
mod chains;
mod circuits;
mod connections;
mod database;
mod discovery;
mod disk;
mod files;
mod keys;
mod leftovers;
mod machine;
pub mod outcome;
mod patient;
mod report;
mod settings;
mod tls;

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;

pub use self::{
    arrival::Arrived,
    outcome::{Fault, Finding, Group, Outcome, Verdict},
    patient::{Configured, Patient, Records, Seat, offline},
    report::{Advice, Report},
    settings::wrong,
};
use crate::admin::access::Permissions;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the check of all connections may take: a few at a time, each with [`PATIENCE`].
const LONG: Duration = Duration::from_secs(9);

/// What a check gives, later.
type Findings<'a> = Pin<Box<dyn Future<Output = Vec<Finding>> + 'a>>;

/// A check.
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Where what it finds mostly belongs, and so who may have it made.
    pub group: Group,
    patience: Duration,
    run: for<'a> fn(&'a Patient<'a>) -> Findings<'a>,
}

macro_rules! checks {
    ($($name:literal $group:ident $patience:ident $run:expr;)*) => {
        /// Every check.
        pub static CHECKS: &[Check] = &[$(Check {
            name: $name,
            group: Group::$group,
            patience: $patience,
            run: |patient| Box::pin(async move { $run(patient).await }),
        }),*];
    };
}

/// A check that needs not wait for anything.
macro_rules! at_once {
    ($($run:tt)*) => {
        |patient| std::future::ready($($run)*(patient))
    };
}

checks! {
    "settings" Settings PATIENCE at_once!(settings::check);
    "files" Files PATIENCE at_once!(files::check);
    "address" Address PATIENCE at_once!(address::check);
    "arrival" Address PATIENCE at_once!(arrival::check);
    "discovery" Address PATIENCE discovery::check;
    "tls" Tls PATIENCE at_once!(tls::check);
    "database" Database PATIENCE database::check;
    "disk" Database PATIENCE at_once!(disk::check);
    "descriptors" Machine PATIENCE at_once!(machine::descriptors);
    "hash" Machine PATIENCE machine::hash;
    "keys" Keys PATIENCE at_once!(keys::check);
    "connections" Connections LONG connections::check;
    "chains" Chains PATIENCE at_once!(chains::check);
    "leftovers" Accounts PATIENCE leftovers::check;
    "audit" Audit PATIENCE at_once!(audit::check);
}

/// Makes every check of which `may` shows the group; the others are named as left out.
pub async fn examine(patient: &Patient<'_>, may: &Permissions) -> Report {
    let all = CHECKS.iter().map(|check| made(check, patient, may));
    let found = join_all(all).await.into_iter().flatten();
    let told = patient.trouble.iter().filter(|finding| may.has(finding.group.needs())).cloned();
    Report::of(told.chain(found))
}

async fn made(check: &Check, patient: &Patient<'_>, may: &Permissions) -> Vec<Finding> {
    let needs = check.group.needs();
    if !may.has(needs) {
        return vec![outcome::FORBIDDEN.found().with("scope", needs.scope()).of(check.group)];
    }
    let late = || vec![outcome::LATE.found().with("check", check.name).of(check.group)];
    timeout(check.patience, (check.run)(patient)).await.unwrap_or_else(|_| late())
}

/// A report of each kind: in order, with warnings, and with everything that can be found. For the gallery.
pub(crate) fn samples() -> [(&'static str, Report); 3] {
    let filled = |outcome: &&'static Outcome| {
        outcome.slots.iter().fold(outcome.found(), |finding, slot| finding.with(slot, example(slot)))
    };
    let up_to = |worst: Verdict| Report::of(outcome::ALL.iter().filter(|outcome| outcome.verdict <= worst).map(filled));
    [("well", up_to(Verdict::Ok)), ("warnings", up_to(Verdict::Warn)), ("everything", up_to(Verdict::Fail))]
}

/// What a slot may hold.
fn example(slot: &str) -> &'static str {
    match slot {
        "url" => "https://auth.example.com",
        "path" => "/var/lib/vestibule/master.key",
        "what" => "/etc/ssl/auth.example.com.pem",
        "until" | "since" | "next" | "at" => "2027-02-14 09:30 UTC",
        "host" | "wanted" => "auth.example.com",
        "connection" => "SMSOTP",
        "chain" => "default",
        "took" | "apart" => "42 ms",
        "problem" | "why" => "something is missing",
        "scope" => "admin:connections.read",
        "size" | "free" => "3 GiB",
        _ => "7",
    }
}

/// Blocking work on a thread of its own. The pool of a worker has two threads, and a database that is gone would keep them.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("doctor".to_owned());
    // Whoever has given up waiting is told nothing.
    thread.spawn(move || drop(done.send(work()))).ok()?;
    told.await.ok()
}

/// A size as people read it.
fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let fitting = units.into_iter().find(|(_, unit)| bytes >= *unit);
    fitting.map_or_else(|| format!("{bytes} B"), |(name, unit)| format!("{} {name}", bytes / unit))
}

/// An instant as people read it.
fn date(unix_seconds: i64) -> String {
    chrono::DateTime::from_timestamp(unix_seconds, 0).unwrap_or_default().format("%F %H:%M UTC").to_string()
}

/// A length as people read it.
fn span(length: Duration) -> String {
    match length.as_millis() {
        ms @ 0..=9_999 => format!("{ms} ms"),
        10_000..=119_999 => format!("{} s", length.as_secs()),
        120_000..=7_199_999 => format!("{} min", length.as_secs() / 60),
        _ => format!("{} h", length.as_secs() / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_does_not_end_is_given_up_and_named() {
        let check = Check {
            name: "endless",
            group: Group::Database,
            patience: Duration::from_millis(20),
            run: |_| Box::pin(std::future::pending()),
        };
        let house = patient::tests::House::new();
        let found = made(&check, &house.patient(), &crate::admin::Role::Owner.permissions()).await;
        assert_eq!(found.first().map(|finding| (finding.outcome.key, finding.group)), Some(("late", Group::Database)));
    }

    #[tokio::test]
    async fn a_106_what_one_may_not_see_is_not_looked_at() {
        let house = patient::tests::House::new();
        let may = Permissions::of_scopes(["admin:settings.read"]);
        let report = examine(&house.patient(), &may).await;
        for group in [Group::Keys, Group::Connections, Group::Chains, Group::Accounts, Group::Audit] {
            let keys: Vec<_> = report.of_group(group).map(|finding| finding.outcome.key).collect();
            assert_eq!(keys, ["forbidden"], "{group:?}");
        }
        assert!(report.of_group(Group::Settings).all(|finding| finding.outcome.key != "forbidden"));
    }

    #[test]
    fn sizes_and_lengths_are_short() {
        assert_eq!([size(12), size(3 << 20), size(5 << 30)], ["12 B", "3 MiB", "5 GiB"]);
        assert_eq!(span(Duration::from_millis(1500)), "1500 ms");
        assert_eq!([span(Duration::from_secs(90)), span(Duration::from_secs(7200))], ["90 s", "2 h"]);
    }
}
