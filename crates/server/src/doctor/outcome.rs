//! The one list of what a check can find. Each outcome has its place in the groups, how bad it is, whose turn it is, and the
//! page of the manual; its words are the messages `doctor.KEY` and, where there is something to do, `doctor.KEY.do`.
//!
//! Outcomes that each check makes up as it goes were not taken: the gallery could not show them all, and nobody could look
//! for those that no test reaches.

use std::collections::BTreeMap;

use serde::Serialize;
use vestibule_core::prompt::Text;

use crate::admin::Permission;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was not looked at, and that is no trouble.
    Skipped,
    /// It is as it should be.
    Ok,
    /// It works, and should be otherwise.
    Warn,
    /// It does not work, or is not safe.
    Fail,
}

impl Verdict {
    /// Every verdict, the worst first.
    pub const ALL: [Self; 4] = [Self::Fail, Self::Warn, Self::Ok, Self::Skipped];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Whose turn it is when something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// What an operator set.
    Configuration,
    /// Something that this server needs and does not have at the moment.
    Dependency,
}

/// What belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The settings as they were written.
    Settings,
    /// Files that hold secrets.
    Files,
    /// How people reach the server.
    Address,
    /// Certificates.
    Tls,
    /// The database, its disk and its clock.
    Database,
    /// What the machine gives.
    Machine,
    /// Signing keys.
    Keys,
    /// Connections.
    Connections,
    /// Chains.
    Chains,
    /// Accounts that should not be there.
    Accounts,
    /// The audit log.
    Audit,
}

impl Group {
    /// Every group, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Settings,
        Self::Files,
        Self::Address,
        Self::Tls,
        Self::Database,
        Self::Machine,
        Self::Keys,
        Self::Connections,
        Self::Chains,
        Self::Accounts,
        Self::Audit,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Files => "files",
            Self::Address => "address",
            Self::Tls => "tls",
            Self::Database => "database",
            Self::Machine => "machine",
            Self::Keys => "keys",
            Self::Connections => "connections",
            Self::Chains => "chains",
            Self::Accounts => "accounts",
            Self::Audit => "audit",
        }
    }

    /// What one must be allowed to see to be told: whoever may not see connections is not told their names here.
    pub fn needs(self) -> Permission {
        match self {
            Self::Settings | Self::Files | Self::Address | Self::Tls | Self::Database | Self::Machine => {
                Permission::SettingsRead
            }
            Self::Keys => Permission::KeysRead,
            Self::Connections => Permission::ConnectionsRead,
            Self::Chains => Permission::ChainsRead,
            Self::Accounts => Permission::UsersRead,
            Self::Audit => Permission::AuditRead,
        }
    }
}

/// Something that a check can find.
#[derive(Debug)]
pub struct Outcome {
    /// Its name, such as `tls.over`.
    pub key: &'static str,
    /// Where it belongs.
    pub group: Group,
    /// How it stands.
    pub verdict: Verdict,
    /// Whose turn it is.
    pub fault: Fault,
    /// The page of the manual.
    pub docs: &'static str,
    /// What its words have filled in.
    pub slots: &'static [&'static str],
}

impl Outcome {
    /// That this was found.
    pub(super) fn found(&'static self) -> Finding {
        Finding { outcome: self, group: self.group, args: BTreeMap::new() }
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What.
    pub outcome: &'static Outcome,
    /// Where it belongs.
    pub group: Group,
    args: BTreeMap<String, String>,
}

impl Finding {
    /// With a value in its words. None of them is ever a secret.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text reads better without a `&`")]
    pub(super) fn with(mut self, slot: &str, value: impl ToString) -> Self {
        self.args.insert(slot.to_owned(), value.to_string());
        self
    }

    /// In another group than its own.
    #[must_use]
    pub(super) fn of(self, group: Group) -> Self {
        Self { group, ..self }
    }

    /// What it means.
    pub fn says(&self) -> Text {
        self.text("")
    }

    /// What to do about it, if anything.
    pub fn remedy(&self) -> Option<Text> {
        matches!(self.outcome.verdict, Verdict::Warn | Verdict::Fail).then(|| self.text(".do"))
    }

    fn text(&self, end: &str) -> Text {
        Text { key: format!("doctor.{}{end}", self.outcome.key), args: self.args.clone() }
    }
}

macro_rules! outcomes {
    ($($name:ident $key:literal $group:ident $verdict:ident $fault:ident $docs:literal [$($slot:literal),*];)*) => {
        $(pub(super) static $name: Outcome = Outcome {
            key: $key,
            group: Group::$group,
            verdict: Verdict::$verdict,
            fault: Fault::$fault,
            docs: concat!("docs/", $docs),
            slots: &[$($slot),*],
        };)*

        /// Every outcome.
        pub static ALL: &[&Outcome] = &[$(&$name),*];
    };
}

outcomes! {
    SETTINGS_RIGHT "settings.right" Settings Ok Configuration "operating.md#settings" ["count"];
    SETTINGS_WRONG "settings.wrong" Settings Fail Configuration "reference/configuration.md" ["problem"];
    SETTINGS_DEV "settings.dev" Settings Warn Configuration "operating.md#on-the-laptop" [];
    MANAGEMENT_OPEN "settings.management" Settings Warn Configuration "operating.md#health" ["address"];

    FILES_PRIVATE "files.private" Files Ok Configuration "operating.md#settings" ["count"];
    FILE_OPEN "files.open" Files Fail Configuration "operating.md#settings" ["path", "mode"];
    FILE_GROUP "files.group" Files Warn Configuration "operating.md#settings" ["path", "mode"];
    FILE_UNSEEN "files.unseen" Files Warn Configuration "operating.md#settings" ["path", "why"];

    ADDRESS_HTTPS "address.https" Address Ok Configuration "operating.md#tls" ["url"];
    ADDRESS_HTTP "address.http" Address Warn Configuration "operating.md#tls" ["url"];
    COOKIES_HOST "address.cookies" Address Ok Configuration "security.md" [];
    COOKIES_PLAIN "address.cookies_plain" Address Warn Configuration "security.md" [];
    PROXIES_NAMED "address.proxies" Address Ok Configuration "operating.md#tls" ["networks"];
    PROXIES_NONE "address.no_proxy" Address Ok Configuration "operating.md#tls" [];
    PROXY_UNNAMED "address.proxy_unnamed" Address Warn Configuration "operating.md#tls" [];
    PROXIES_WIDE "address.proxies_wide" Address Fail Configuration "operating.md#tls" ["network"];

    ARRIVED_WELL "arrived.well" Address Ok Configuration "operating.md#tls" ["host", "client"];
    ARRIVED_UNASKED "arrived.unasked" Address Skipped Configuration "operating.md#tls" [];
    ARRIVED_HOST "arrived.host" Address Warn Configuration "operating.md#tls" ["host", "wanted"];
    ARRIVED_SCHEME "arrived.scheme" Address Warn Configuration "operating.md#tls" ["scheme", "wanted"];
    ARRIVED_STRANGER "arrived.stranger" Address Warn Configuration "operating.md#tls" ["peer"];
    ARRIVED_UNSAID "arrived.unsaid" Address Warn Configuration "operating.md#tls" ["peer"];
    ARRIVED_UNKNOWN "arrived.unknown" Address Warn Configuration "operating.md#tls" ["peer"];

    DISCOVERY_RIGHT "discovery.right" Address Ok Dependency "operating.md#doctor" ["url", "took"];
    DISCOVERY_OTHER "discovery.other" Address Fail Configuration "operating.md#doctor" ["url", "issuer"];
    DISCOVERY_STATUS "discovery.status" Address Warn Configuration "operating.md#doctor" ["url", "status"];
    DISCOVERY_SILENT "discovery.silent" Address Warn Dependency "operating.md#doctor" ["url", "why"];

    TLS_VALID "tls.valid" Tls Ok Configuration "operating.md#tls" ["what", "until", "days"];
    TLS_SOON "tls.soon" Tls Warn Configuration "operating.md#tls" ["what", "until", "days"];
    TLS_OVER "tls.over" Tls Fail Configuration "operating.md#tls" ["what", "until"];
    TLS_EARLY "tls.early" Tls Fail Configuration "operating.md#tls" ["what", "since"];
    TLS_NAME "tls.name" Tls Fail Configuration "operating.md#tls" ["what", "host"];
    TLS_UNUSABLE "tls.unusable" Tls Fail Configuration "operating.md#tls" ["what", "why"];
    TLS_SELF_SIGNED "tls.self_signed" Tls Warn Configuration "operating.md#tls" [];
    TLS_ELSEWHERE "tls.elsewhere" Tls Ok Configuration "operating.md#tls" [];
    TLS_NONE "tls.none" Tls Skipped Configuration "operating.md#tls" [];

    DATABASE_ANSWERS "database.answers" Database Ok Dependency "operating.md#doctor" ["took"];
    DATABASE_SLOW "database.slow" Database Warn Dependency "operating.md#doctor" ["took"];
    DATABASE_DOWN "database.down" Database Fail Dependency "operating.md#doctor" ["why"];
    DATABASE_DAMAGED "database.damaged" Database Fail Dependency "operating.md#backups" ["why"];
    DATABASE_ADDRESS "database.address" Database Fail Configuration "operating.md#postgresql" ["why"];
    DATABASE_ABSENT "database.absent" Database Skipped Dependency "operating.md#run-it" [];
    DATABASE_KEY "database.key" Database Fail Configuration "operating.md#backups" ["why"];
    MIGRATIONS_CURRENT "database.migrations" Database Ok Configuration "operating.md#upgrade" ["count"];
    MIGRATIONS_PENDING "database.pending" Database Warn Configuration "operating.md#upgrade" ["names"];
    MIGRATIONS_NEWER "database.newer" Database Fail Configuration "operating.md#upgrade" ["versions"];
    WAL_ON "database.wal" Database Ok Configuration "operating.md#doctor" ["size"];
    WAL_OFF "database.wal_off" Database Warn Configuration "operating.md#doctor" ["mode"];
    WAL_LARGE "database.wal_large" Database Warn Configuration "operating.md#doctor" ["size"];
    LOCK_HELD "database.lock" Database Ok Configuration "operating.md#doctor" [];
    LOCK_FREE "database.lock_free" Database Ok Configuration "operating.md#doctor" [];
    LOCK_LOST "database.lock_lost" Database Fail Configuration "operating.md#doctor" [];
    DISK_ROOM "disk.room" Database Ok Dependency "operating.md#doctor" ["path", "free"];
    DISK_LOW "disk.low" Database Warn Dependency "operating.md#doctor" ["path", "free"];
    DISK_FULL "disk.full" Database Fail Dependency "operating.md#doctor" ["path", "free"];
    DISK_UNSEEN "disk.unseen" Database Warn Dependency "operating.md#doctor" ["path", "why"];
    CLOCK_SAME "clock.same" Database Ok Dependency "operating.md#doctor" ["apart"];
    CLOCK_APART "clock.apart" Database Warn Dependency "operating.md#doctor" ["apart"];
    CLOCK_FAR "clock.far" Database Fail Dependency "operating.md#doctor" ["apart"];

    DESCRIPTORS_ENOUGH "machine.descriptors" Machine Ok Configuration "operating.md#doctor" ["limit", "needed"];
    DESCRIPTORS_FEW "machine.descriptors_few" Machine Warn Configuration "operating.md#doctor" ["limit", "needed"];
    HASH_RIGHT "machine.hash" Machine Ok Configuration "operating.md#doctor" ["took"];
    HASH_FAST "machine.hash_fast" Machine Warn Configuration "operating.md#doctor" ["took", "memory", "iterations"];
    HASH_SLOW "machine.hash_slow" Machine Warn Configuration "operating.md#doctor" ["took", "memory", "iterations"];
    HASH_BUSY "machine.hash_busy" Machine Warn Dependency "operating.md#doctor" ["why"];

    KEY_CURRENT "keys.current" Keys Ok Configuration "operating.md#keys" ["algorithm", "days", "next"];
    KEY_MISSING "keys.missing" Keys Fail Dependency "operating.md#keys" ["algorithm"];
    KEYS_NONE_YET "keys.none_yet" Keys Skipped Dependency "operating.md#keys" [];
    KEY_OVERDUE "keys.overdue" Keys Warn Dependency "operating.md#keys" ["algorithm", "days"];
    KEY_FUTURE "keys.future" Keys Fail Dependency "operating.md#doctor" ["at"];

    CONNECTIONS_NONE "connections.none" Connections Skipped Configuration "sms.md" [];
    CONNECTION_REACHED "connections.reached" Connections Ok Dependency "sms.md" ["connection", "host"];
    CONNECTION_KEPT "connections.kept" Connections Ok Configuration "sms.md" ["connection"];
    CONNECTION_OFF "connections.off" Connections Skipped Configuration "sms.md" ["connection"];
    CONNECTION_INCOMPLETE "connections.incomplete" Connections Fail Configuration "sms.md" ["connection", "why"];
    CODES_UNUSED "connections.unused" Connections Warn Dependency "sms.md#when-nobody-uses-the-codes" ["connection", "prefix"];
    CONNECTIONS_NO_NOTICES "connections.no_notices" Connections Warn Configuration "notices.md#by-which-connection" [];
    CONNECTION_AWAY "connections.away" Connections Fail Dependency "sms.md" ["connection", "why"];
    CIRCUITS_CLOSED "circuits.closed" Connections Ok Dependency "sms.md#several-gateways" ["count"];
    CIRCUIT_OPEN "circuits.open" Connections Warn Dependency "sms.md#several-gateways" ["connection", "since", "until", "why"];
    CIRCUIT_HALF_OPEN "circuits.half_open" Connections Warn Dependency "sms.md#several-gateways" ["connection", "since", "why"];
    CIRCUITS_UNASKED "circuits.unasked" Connections Skipped Dependency "sms.md#several-gateways" [];

    CHAINS_RIGHT "chains.right" Chains Ok Configuration "console.md" ["count"];
    CHAIN_WRONG "chains.wrong" Chains Fail Configuration "console.md" ["chain", "problem"];
    CHAIN_ODD "chains.odd" Chains Warn Configuration "console.md" ["chain", "problem"];
    CHAIN_MISSING "chains.missing" Chains Fail Configuration "console.md" ["chain", "client"];
    CONSOLE_STEPS "chains.console" Chains Ok Configuration "console.md#a-second-step-for-the-console-itself" [];
    CONSOLE_ONE_STEP "chains.console_one" Chains Warn Configuration "console.md#a-second-step-for-the-console-itself" ["chain"];

    LEFTOVERS_NONE "accounts.none" Accounts Ok Configuration "operating.md#on-the-laptop" [];
    LEFTOVERS_DEV "accounts.dev" Accounts Skipped Configuration "operating.md#on-the-laptop" [];
    LEFTOVER_CLIENT "accounts.client" Accounts Fail Configuration "operating.md#on-the-laptop" ["client"];
    LEFTOVER_USER "accounts.user" Accounts Fail Configuration "operating.md#on-the-laptop" ["user"];

    AUDIT_SEALED "audit.sealed" Audit Ok Dependency "reference/audit.md" [];
    AUDIT_UNSEALED "audit.unsealed" Audit Fail Dependency "reference/audit.md" ["since"];
    AUDIT_WAITING "audit.waiting" Audit Warn Dependency "reference/audit.md" ["since"];
    SINKS_NONE "audit.no_sink" Audit Skipped Configuration "operating.md#logs-and-audit" [];
    SINK_SERVED "audit.served" Audit Ok Dependency "operating.md#logs-and-audit" ["sink"];
    SINK_BEHIND "audit.behind" Audit Warn Dependency "operating.md#logs-and-audit" ["sink", "since"];

    LATE "late" Settings Warn Dependency "operating.md#doctor" ["check"];
    FORBIDDEN "forbidden" Settings Skipped Configuration "operating.md#doctor" ["scope"];
    UNREAD "unread" Settings Skipped Dependency "operating.md#doctor" [];
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::pages::english;

    #[test]
    fn every_outcome_has_a_name_of_its_own_and_words_with_its_slots_alone() {
        let names: BTreeSet<_> = ALL.iter().map(|outcome| outcome.key).collect();
        assert_eq!(names.len(), ALL.len());
        for outcome in ALL {
            let bare = outcome.found();
            let filled =
                outcome.slots.iter().fold(outcome.found(), |finding, slot| finding.with(slot, format!("<{slot}>")));
            let said = english(&filled.says());
            for slot in outcome.slots {
                let anywhere = said.contains(&format!("<{slot}>"))
                    || filled.remedy().is_some_and(|remedy| english(&remedy).contains(&format!("<{slot}>")));
                assert!(anywhere, "{}: {slot} is in no words", outcome.key);
            }
            for text in [Some(filled.says()), filled.remedy()].into_iter().flatten() {
                let said = english(&text);
                assert!(!said.contains(['{', '}', '[']), "{said}");
            }
            assert_eq!(bare.remedy().is_some(), outcome.verdict >= Verdict::Warn, "{}", outcome.key);
        }
    }

    #[test]
    fn every_page_of_the_manual_and_every_heading_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for outcome in ALL {
            let (page, anchor) = outcome.docs.split_once('#').unwrap_or((outcome.docs, ""));
            let text = fs::read_to_string(root.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
            let slug = |line: &str| {
                let words = line.trim_start_matches('#').trim().to_lowercase();
                words
                    .chars()
                    .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
                    .collect::<String>()
                    .replace(' ', "-")
            };
            let there =
                anchor.is_empty() || text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
            assert!(there, "{} has no heading {anchor}", page);
        }
    }
}
