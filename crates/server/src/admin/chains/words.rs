//! Steps as sentences: what a card of the editor, a line of the difference and a line of the simulator begin with. The words
//! are the catalogue's; here is which of them, and in which order.

use serde::Serialize;
use vestibule_core::{
    Registry,
    authenticator::label,
    chain::{Alternative, Demand, EnrolPolicy, Seconds, Step},
    prompt::Text,
};

/// A step in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// The ways to pass it, of which one is enough.
    pub ways: Vec<Text>,
    /// When it is due; always, when there is none.
    pub when: Vec<Text>,
    /// What else is to be said.
    pub parts: Vec<Part>,
}

/// A part of a sentence, and the number in it, which decides between one and many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The words.
    pub text: Text,
    /// The number.
    pub n: Option<u64>,
}

impl Part {
    fn new(text: Text) -> Self {
        Self { text, n: None }
    }

    /// A duration in the largest unit that it is a whole number of: `{key}.days`, `.hours`, `.minutes` or `.seconds`.
    fn lasting(key: &str, Seconds(seconds): Seconds) -> Self {
        let (unit, n) = unit(seconds);
        Self { text: Text::new(&format!("{key}.{unit}")), n: Some(n.into()) }
    }
}

/// A duration in the largest unit that it is a whole number of.
pub fn unit(seconds: u32) -> (&'static str, u32) {
    let units = [("days", 86_400), ("hours", 3600), ("minutes", 60)];
    let whole = units.into_iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
    whole.map_or(("seconds", seconds), |(unit, length)| (unit, seconds / length))
}

/// A step in words.
pub fn sentence(step: &Step, registry: &Registry) -> Sentence {
    let mut parts = Vec::new();
    parts.extend(step.on_request.iter().map(|acr| Part::new(Text::new("chain_part.on_request").with("acr", acr))));
    let several = step.alternatives.len() > 1;
    for alternative in &step.alternatives {
        parts.extend(alternative_parts(alternative, registry, several));
    }
    parts.extend(step.remember_device.map(|life| Part::lasting("chain_part.remembered", life)));
    parts.extend(step.cool_off.map(|wait| Part::lasting("chain_part.cool_off", wait)));
    match step.enrol {
        EnrolPolicy::Refuse => {}
        EnrolPolicy::Allow => parts.push(Part::new(Text::new("chain_part.enrol_allow"))),
        EnrolPolicy::Require => parts.push(Part::new(Text::new("chain_part.enrol_require"))),
    }
    if !step.distinct {
        parts.push(Part::new(Text::new("chain_part.not_distinct")));
    }
    Sentence {
        ways: step.alternatives.iter().map(|alternative| label(&alternative.authenticator)).collect(),
        when: step.when.iter().map(vestibule_core::condition::Condition::sentence).collect(),
        parts,
    }
}

fn alternative_parts(alternative: &Alternative, registry: &Registry, several: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(connection) = &alternative.connection {
        parts.push(Part::new(Text::new("chain_part.connection").with("connection", connection)));
    }
    if let Some(age) = alternative.max_age {
        parts.push(Part::lasting("chain_part.max_age", age));
    }
    let schema = registry.get(&alternative.authenticator).map(|known| known.descriptor().settings.clone());
    for (name, value) in &alternative.settings {
        let title = schema.as_ref().and_then(|schema| schema.pointer(&format!("/properties/{name}/title"))?.as_str());
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = Text::new("chain_part.setting").with("name", title.unwrap_or(name)).with("value", value);
        parts.push(Part::new(text));
    }
    if several {
        // Which of the ways it is about has to be said.
        for part in &mut parts {
            let way = &alternative.authenticator;
            part.text = part.text.clone().with("way", way);
        }
    }
    parts
}

/// A demand on the whole, in words.
pub fn demand(demand: Demand) -> Part {
    match demand {
        Demand::Factors(n) => {
            Part { text: Text::new("chain_demand.factors"), n: Some(u64::try_from(n).unwrap_or(u64::MAX)) }
        }
        Demand::PhishingResistant => Part::new(Text::new("chain_demand.phishing_resistant")),
        Demand::UserVerified => Part::new(Text::new("chain_demand.user_verified")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_the_largest_whole_unit() {
        for (seconds, said) in [
            (30 * 86_400, ("days", 30)),
            (90_000, ("hours", 25)),
            (90, ("seconds", 90)),
            (900, ("minutes", 15)),
            (0, ("seconds", 0)),
        ] {
            assert_eq!(unit(seconds), said, "{seconds}");
        }
    }

    #[test]
    fn a_step_is_told_with_its_conditions_and_exceptions() {
        let written = r#"{"alternatives":["password"],"when":[{"group":"staff","not":true}],"enrol":"allow","remember_device":86400}"#;
        let step: Step = serde_json::from_str(written).unwrap();
        let said = sentence(&step, &Registry::default());
        assert_eq!(said.ways, [Text::new("password.label")]);
        assert_eq!(said.when, [Text::new("condition.group.not").with("group", "staff")]);
        let keys: Vec<_> = said.parts.iter().map(|part| (part.text.key.as_str(), part.n)).collect();
        assert_eq!(keys, [("chain_part.remembered.days", Some(1)), ("chain_part.enrol_allow", None)]);
    }
}
