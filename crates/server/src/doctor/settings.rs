//! Settings: unknown or contradictory ones (which keep a server from starting), and what is right by itself but odd.

use super::{
    Patient,
    outcome::{Finding, MANAGEMENT_OPEN, SETTINGS_DEV, SETTINGS_RIGHT, SETTINGS_WRONG},
};
use crate::config::{Management, Problems, Settings};

/// Settings that cannot be read: each problem is a finding. There is nothing else to look at then.
pub fn wrong(problems: &Problems) -> Vec<Finding> {
    problems.0.iter().map(|problem| SETTINGS_WRONG.found().with("problem", problem)).collect()
}

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut found = odd(patient.settings);
    // Whoever was built has settings that were checked.
    found.push(SETTINGS_RIGHT.found().with("count", patient.sources.len()));
    found
}

fn odd(settings: &Settings) -> Vec<Finding> {
    let dev = settings.dev.then(|| SETTINGS_DEV.found());
    let open = match settings.management {
        Management::On(address) if !address.ip().is_loopback() => {
            Some(MANAGEMENT_OPEN.found().with("address", address))
        }
        _ => None,
    };
    dev.into_iter().chain(open).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Flag, Sources},
        doctor::patient::tests::{House, keys},
    };

    #[test]
    fn right_settings_are_right_and_odd_ones_are_named() {
        let mut house = House::new();
        assert_eq!(keys(&check(&house.patient())), ["settings.right"]);
        house.settings.dev = true;
        house.settings.management = Management::On(([0, 0, 0, 0], 9000).into());
        assert_eq!(keys(&check(&house.patient())), ["settings.dev", "settings.management", "settings.right"]);
    }

    #[test]
    fn each_problem_of_settings_that_cannot_be_read_is_named_without_its_value() {
        let flags = [("public_urll", "hunter2"), ("limits.connections", "1")];
        let flags = flags.iter().map(|(key, value)| Flag::new("--set", key, *value)).collect();
        let problems = Settings::load(&Sources { flags, ..Sources::default() }).unwrap_err();
        let found = wrong(&problems);
        assert_eq!(found.len(), problems.0.len());
        let said: Vec<_> = found.iter().map(|finding| crate::pages::english(&finding.says())).collect();
        assert!(said.iter().any(|said| said.contains("public_urll")), "{said:?}");
        assert!(!said.join(" ").contains("hunter2"));
    }
}
