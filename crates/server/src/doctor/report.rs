//! What all checks found together, and how programs are told.

use schemars::JsonSchema;
use serde::Serialize;

use super::outcome::{Fault, Finding, Group, Verdict};
use crate::pages::english;

/// Everything that was found, by group, the worst of each first.
#[derive(Clone, Debug)]
pub struct Report(Vec<Finding>);

/// A finding as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Advice {
    /// What was found, by a name that stays: `tls.over`.
    pub finding: String,
    /// Where it belongs: `tls`.
    pub group: String,
    /// `ok`, `warn`, `fail`, or `skipped` for what was not looked at.
    pub verdict: String,
    /// Whose turn it is when it fails: `configuration` or `dependency`.
    pub fault: String,
    /// What it means, in English.
    pub means: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The page of the manual.
    pub docs: String,
}

impl Report {
    /// A report of these findings.
    pub fn of(findings: impl IntoIterator<Item = Finding>) -> Self {
        let mut findings: Vec<_> = findings.into_iter().collect();
        findings.sort_by_key(|finding| (finding.group, std::cmp::Reverse(finding.outcome.verdict)));
        Self(findings)
    }

    /// Each finding.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// What was found in a group.
    pub fn of_group(&self, group: Group) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |finding| finding.group == group)
    }

    /// How many there are of a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|finding| finding.outcome.verdict == verdict).count()
    }

    /// Whose turn it is, if anything fails: the configuration's before all, since a server with a wrong one does not become right
    /// by waiting.
    pub fn fault(&self) -> Option<Fault> {
        let mut failed = self.0.iter().filter(|finding| finding.outcome.verdict == Verdict::Fail);
        let dependency = failed.clone().next().map(|_| Fault::Dependency);
        let configuration = failed.any(|finding| finding.outcome.fault == Fault::Configuration);
        if configuration { Some(Fault::Configuration) } else { dependency }
    }

    /// As programs read it.
    pub fn advice(&self) -> Vec<Advice> {
        let advice = |finding: &Finding| Advice {
            finding: finding.outcome.key.to_owned(),
            group: finding.group.word().to_owned(),
            verdict: finding.outcome.verdict.word().to_owned(),
            fault: match finding.outcome.fault {
                Fault::Configuration => "configuration",
                Fault::Dependency => "dependency",
            }
            .to_owned(),
            means: english(&finding.says()),
            remedy: finding.remedy().as_ref().map(english),
            docs: finding.outcome.docs.to_owned(),
        };
        self.0.iter().map(advice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::outcome::{ADDRESS_HTTPS, DATABASE_DOWN, DISK_LOW, FILE_OPEN};

    #[test]
    fn wrong_settings_come_before_what_is_down_and_a_warning_fails_nothing() {
        let [well, warned, down, wrong] =
            [&ADDRESS_HTTPS, &DISK_LOW, &DATABASE_DOWN, &FILE_OPEN].map(super::super::outcome::Outcome::found);
        assert_eq!(Report::of([well.clone(), warned.clone()]).fault(), None);
        assert_eq!(Report::of([warned.clone(), down.clone()]).fault(), Some(Fault::Dependency));
        let report = Report::of([warned, down, well, wrong]);
        assert_eq!(report.fault(), Some(Fault::Configuration));
        let keys: Vec<_> = report.findings().map(|finding| finding.outcome.key).collect();
        assert_eq!(keys, ["files.open", "address.https", "database.down", "disk.low"], "by group, the worst first");
        assert_eq!((report.count(Verdict::Fail), report.count(Verdict::Warn)), (2, 1));
    }
}
