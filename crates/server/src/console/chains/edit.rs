//! What a post of the editor does to a document. Pure: a document and a form in, a document and where to go next out, so
//! every edit is a test of a line.
//!
//! The form says which act it is and at which place; the rest of the document is the draft as it stands. A browser that sent
//! the whole document with every press of a button was the road not taken: it would be longer than a form may be.

use std::time::Duration;

use serde_json::{Map, Value, json};
use vestibule_core::{
    Registry,
    authenticator::Descriptor,
    chain::{ACR_VALUES, Alternative, ChainDocument, Demand, EnrolPolicy, Seconds, Step},
    channel::Connection,
    code::texts::OTHER,
    condition::{Condition, EvidenceAge, Test, Window},
    prompt::Text,
};
use vestibule_oauth::Params;

use super::super::form::{all, line, some, ticked};
use crate::{config::Leaf, pages::console::Say};

/// The kinds of conditions, in the order in which they are offered.
pub(super) const KINDS: [&str; 11] =
    ["group", "role", "client", "scope", "network", "acr", "known_device", "enrolled", "time", "evidence_age", "cel"];
/// The days of a week.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What an act came to.
#[derive(Debug, PartialEq)]
pub(super) struct Edited {
    pub(super) document: ChainDocument,
    pub(super) go: Go,
}

/// Where to go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// To the list of steps.
    Chain,
    /// There, to the step that was moved up or down: its new position, and whether up.
    Moved(usize, bool),
    /// To the page of a step.
    Step(usize),
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wrong {
    /// Its name.
    pub(super) field: String,
    /// What.
    pub(super) says: Say,
}

impl Wrong {
    fn new(field: &str, says: impl Into<Say>) -> Self {
        Self { field: field.to_owned(), says: says.into() }
    }

    fn key(field: &str, key: &str) -> Self {
        Self::new(field, Text::new(key))
    }
}

/// What an editor knows.
pub(super) struct Workbench<'a> {
    pub(super) registry: &'a Registry,
    pub(super) connections: &'a [Connection],
}

/// Why nothing came of an act.
#[derive(Debug, PartialEq)]
pub(super) enum Refused {
    /// It names a step, an alternative or a condition that is not there.
    Gone,
    /// Some fields are wrong.
    Wrong(Vec<Wrong>),
}

type Done = Result<Go, Refused>;

impl Workbench<'_> {
    /// Does what a form says.
    pub(super) fn apply(&self, document: &ChainDocument, params: &Params) -> Result<Edited, Refused> {
        let mut document = document.clone();
        let at = number(params, "step");
        let go = match params.get("act").unwrap_or_default() {
            "add" => self.add(&mut document, params),
            "up" => moved(&mut document.steps, at, true).map(|to| Go::Moved(to, true)),
            "down" => moved(&mut document.steps, at, false).map(|to| Go::Moved(to, false)),
            "move" => moved_to(&mut document.steps, at, number(params, "to")).map(|(to, up)| Go::Moved(to, up)),
            "duplicate" => duplicate(&mut document, at),
            "remove" => removed(&mut document.steps, at).map(|()| Go::Chain),
            "demands" => demands(&mut document, params),
            act => {
                let position = at.ok_or(Refused::Gone)?;
                let step = document.steps.get_mut(position).ok_or(Refused::Gone)?;
                self.step_act(act, step, params).map(|()| Go::Step(position))
            }
        }?;
        Ok(Edited { document, go })
    }

    fn step_act(&self, act: &str, step: &mut Step, params: &Params) -> Result<(), Refused> {
        match act {
            "step" => set_step(step, params),
            "way_add" => {
                step.alternatives.push(self.new_way(&line(params, "authenticator"))?);
                Ok(())
            }
            "way" => {
                let way = number(params, "way").and_then(|at| step.alternatives.get_mut(at)).ok_or(Refused::Gone)?;
                self.set_way(way, params)
            }
            "way_up" => moved(&mut step.alternatives, number(params, "way"), true).map(drop),
            "way_remove" => removed(&mut step.alternatives, number(params, "way")),
            "when_add" => {
                step.when.push(condition(params)?);
                Ok(())
            }
            "when" => {
                let read = condition(params);
                let when = number(params, "when").and_then(|at| step.when.get_mut(at)).ok_or(Refused::Gone)?;
                *when = read?;
                Ok(())
            }
            "when_remove" => removed(&mut step.when, number(params, "when")),
            _ => Err(Refused::Gone),
        }
    }

    /// A step of one way.
    fn add(&self, document: &mut ChainDocument, params: &Params) -> Done {
        let way = self.new_way(&line(params, "authenticator"))?;
        document.steps.push(Step::from(vec![way]));
        Ok(Go::Step(document.steps.len().saturating_sub(1)))
    }

    /// An alternative with the first connection that fits.
    fn new_way(&self, name: &str) -> Result<Alternative, Refused> {
        let unknown = || Refused::Wrong(vec![Wrong::key("authenticator", "chains.wrong.authenticator")]);
        let descriptor = self.registry.get(&name.into()).map(|known| known.descriptor()).ok_or_else(unknown)?;
        let fits = |connection: &&Connection| Some(connection.kind.as_str()) == descriptor.connection;
        let connection = self.connections.iter().find(fits).map(|connection| connection.name.clone());
        Ok(Alternative { connection, ..Alternative::plain(name) })
    }

    fn set_way(&self, way: &mut Alternative, params: &Params) -> Result<(), Refused> {
        let mut wrong = Vec::new();
        let max_age = lasting(params, "max_age", &mut wrong);
        let known = self.registry.get(&way.authenticator);
        let mut settings = way.settings.clone();
        if let Some(authenticator) = known {
            settings = self::settings(authenticator.descriptor(), params, &mut wrong);
            // What is no number was said already.
            if wrong.is_empty()
                && let Err(why) = authenticator.check_settings(&settings)
            {
                wrong.push(of_setting(&why, &settings));
            }
        }
        all_right(wrong)?;
        (way.max_age, way.settings) = (max_age, settings);
        way.connection = some(params, "connection").map(Into::into);
        Ok(())
    }
}

fn all_right(wrong: Vec<Wrong>) -> Result<(), Refused> {
    if wrong.is_empty() { Ok(()) } else { Err(Refused::Wrong(wrong)) }
}

/// A position, counted from 0.
fn number(params: &Params, name: &str) -> Option<usize> {
    params.get(name)?.parse().ok()
}

/// Moves an item by one place; where it stands then.
fn moved<T>(items: &mut [T], at: Option<usize>, up: bool) -> Result<usize, Refused> {
    let at = at.filter(|at| *at < items.len()).ok_or(Refused::Gone)?;
    let to = if up { at.checked_sub(1) } else { at.checked_add(1).filter(|to| *to < items.len()) };
    // At the end of the list there is nowhere to go, and nothing is wrong with asking.
    let Some(to) = to else { return Ok(at) };
    items.swap(at, to);
    Ok(to)
}

/// Moves an item to where it was dropped; where it stands then, and whether that is further up.
fn moved_to<T>(items: &mut Vec<T>, at: Option<usize>, to: Option<usize>) -> Result<(usize, bool), Refused> {
    let within = |place: Option<usize>| place.filter(|place| *place < items.len()).ok_or(Refused::Gone);
    let (at, to) = (within(at)?, within(to)?);
    let item = items.remove(at);
    items.insert(to, item);
    Ok((to, to < at))
}

fn removed<T>(items: &mut Vec<T>, at: Option<usize>) -> Result<(), Refused> {
    let at = at.filter(|at| *at < items.len()).ok_or(Refused::Gone)?;
    items.remove(at);
    Ok(())
}

fn duplicate(document: &mut ChainDocument, at: Option<usize>) -> Done {
    let at = at.ok_or(Refused::Gone)?;
    let step = document.steps.get(at).cloned().ok_or(Refused::Gone)?;
    let to = at.saturating_add(1);
    document.steps.insert(to, step);
    Ok(Go::Moved(to, false))
}

fn demands(document: &mut ChainDocument, params: &Params) -> Done {
    let mut wrong = Vec::new();
    let factors = match line(params, "factors").as_str() {
        "" | "0" => None,
        typed => match typed.parse().ok().filter(|factors| (1..=3).contains(factors)) {
            Some(factors) => Some(Demand::Factors(factors)),
            None => {
                wrong.push(Wrong::key("factors", "chains.wrong.factors"));
                None
            }
        },
    };
    all_right(wrong)?;
    let chosen = |name: &str, demand| all(params, "demand").any(|given| given == name).then_some(demand);
    let phishing = chosen("phishing_resistant", Demand::PhishingResistant);
    document.demands =
        [factors, phishing, chosen("user_verified", Demand::UserVerified)].into_iter().flatten().collect();
    Ok(Go::Chain)
}

fn set_step(step: &mut Step, params: &Params) -> Result<(), Refused> {
    let mut wrong = Vec::new();
    let remember_device = lasting(params, "remember_device", &mut wrong);
    let cool_off = lasting(params, "cool_off", &mut wrong);
    let enrol = match line(params, "enrol").as_str() {
        "refuse" | "" => EnrolPolicy::Refuse,
        "allow" => EnrolPolicy::Allow,
        "require" => EnrolPolicy::Require,
        _ => {
            wrong.push(Wrong::key("enrol", "chains.wrong.choice"));
            EnrolPolicy::Refuse
        }
    };
    let asked: Vec<String> = all(params, "on_request").map(str::to_owned).collect();
    if asked.iter().any(|asked| !ACR_VALUES.iter().any(|known| known.value == asked)) {
        wrong.push(Wrong::key("on_request", "chains.wrong.choice"));
    }
    all_right(wrong)?;
    (step.remember_device, step.enrol, step.on_request) = (remember_device, enrol, asked);
    step.cool_off = cool_off;
    step.distinct = ticked(params, "distinct");
    Ok(())
}

/// A duration such as `30d`; nothing, when nothing is typed.
fn lasting(params: &Params, field: &str, wrong: &mut Vec<Wrong>) -> Option<Seconds> {
    let typed = some(params, field)?;
    let read = Duration::read(&typed).filter(|life| life.subsec_nanos() == 0 && !life.is_zero());
    let read = read.and_then(|life| u32::try_from(life.as_secs()).ok());
    if read.is_none() {
        wrong.push(Wrong::key(field, "chains.wrong.duration"));
    }
    read.map(Seconds)
}

/// The settings of an alternative, as the authenticator's schema names them. What is left empty is the default.
fn settings(descriptor: &Descriptor, params: &Params, wrong: &mut Vec<Wrong>) -> Map<String, Value> {
    let mut settings = Map::new();
    for (name, schema) in properties(descriptor) {
        let field = format!("setting.{name}");
        let value = match schema.get("type").and_then(Value::as_str) {
            Some("boolean") => ticked(params, &field).then_some(Value::Bool(true)),
            Some("integer") => match some(params, &field).map(|typed| typed.parse::<i64>()) {
                None => None,
                Some(Ok(number)) => Some(number.into()),
                Some(Err(_)) => {
                    wrong.push(Wrong::key(&field, "chains.wrong.number"));
                    None
                }
            },
            _ if by_language(schema) => texts(&field, params),
            // Browsers end lines with two characters.
            _ => params
                .get(&field)
                .map(|typed| typed.replace("\r\n", "\n"))
                .filter(|t| !t.trim().is_empty())
                .map(Value::String),
        };
        if let Some(value) = value {
            settings.insert(name.clone(), value);
        }
    }
    settings
}

/// Whether a setting is a text in several languages.
pub(super) fn by_language(schema: &Value) -> bool {
    schema.get("x-by-language") == Some(&Value::Bool(true))
}

/// A text in several languages, of a field for each and one for all others: a table, or a text where there is none but that.
fn texts(field: &str, params: &Params) -> Option<Value> {
    let own = format!("{field}.");
    let named = params.iter().filter_map(|(name, typed)| {
        let language = if name == field { OTHER } else { name.strip_prefix(&own)? };
        (!typed.trim().is_empty()).then(|| (language.to_owned(), Value::from(typed.replace("\r\n", "\n"))))
    });
    let mut table: Map<String, Value> = named.collect();
    match table.len() {
        0 => None,
        1 => Some(table.remove(OTHER).unwrap_or_else(|| table.into())),
        _ => Some(table.into()),
    }
}

/// What an authenticator says of a setting, at the field: `name: why`, or `name: language: why`.
fn of_setting(why: &str, settings: &Map<String, Value>) -> Wrong {
    let (name, why) = why.split_once(": ").unwrap_or(("", why));
    let texts = settings.get(name).and_then(Value::as_object);
    match why.split_once(": ").filter(|(language, _)| texts.is_some_and(|texts| texts.contains_key(*language))) {
        Some((language, why)) if language != OTHER => Wrong::new(&format!("setting.{name}.{language}"), why.to_owned()),
        Some((_, why)) => Wrong::new(&format!("setting.{name}"), why.to_owned()),
        None => Wrong::new(&format!("setting.{name}"), why.to_owned()),
    }
}

/// The settings that an authenticator has, with the schema of each.
pub(super) fn properties(descriptor: &Descriptor) -> impl Iterator<Item = (&String, &Value)> {
    descriptor.settings.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The condition that a form says.
fn condition(params: &Params) -> Result<Condition, Refused> {
    let value = || line(params, "value");
    let mut wrong = Vec::new();
    let kind = line(params, "kind");
    let test = match kind.as_str() {
        "group" => Test::Group(value()),
        "role" => Test::Role(value()),
        "client" => Test::Client(value()),
        "scope" => Test::Scope(value()),
        "network" => Test::Network(value()),
        "acr" => Test::Acr(value()),
        "known_device" => Test::KnownDevice(true),
        "enrolled" => Test::Enrolled(true),
        "time" => Test::Time(Window {
            from: line(params, "from"),
            to: line(params, "to"),
            days: all(params, "days").map(str::to_owned).collect(),
            zone: line(params, "zone"),
        }),
        "evidence_age" => {
            let older_than = lasting(params, "older_than", &mut wrong);
            if older_than.is_none() && wrong.is_empty() {
                wrong.push(Wrong::key("older_than", "chains.wrong.duration"));
            }
            let authenticator = some(params, "authenticator").map(Into::into);
            Test::EvidenceAge(EvidenceAge { older_than: older_than.unwrap_or(Seconds(0)), authenticator })
        }
        "cel" => Test::Cel(expression(&lines_kept(params))?),
        _ => return Err(Refused::Gone),
    };
    let plain = matches!(kind.as_str(), "group" | "role" | "client" | "scope" | "network" | "acr");
    if plain && value().is_empty() {
        wrong.push(Wrong::key("value", "chains.wrong.empty"));
    }
    let condition = Condition { test, not: ticked(params, "not") };
    if wrong.is_empty()
        && let Err(fault) = condition.check()
    {
        wrong.push(Wrong::new(field_of(fault.pointer()), fault.text()));
    }
    all_right(wrong)?;
    Ok(condition)
}

/// The field that a fault is about.
pub(super) fn field_of(pointer: &str) -> &'static str {
    match pointer.rsplit('/').next() {
        Some("from") => "from",
        Some("to" | "time") => "to",
        Some("days") => "days",
        Some("zone") => "zone",
        Some("older_than") => "older_than",
        _ => "value",
    }
}

/// An expression as it was typed, its line ends as we keep them.
fn lines_kept(params: &Params) -> String {
    params.get("value").unwrap_or_default().replace("\r\n", "\n").trim().to_owned()
}

fn expression(text: &str) -> Result<vestibule_core::condition::Expression, Refused> {
    serde_json::from_value(json!(text)).map_err(|_| Refused::Gone)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vestibule_authn_smsotp::SmsOtp;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "a value written in place reads better without a `&`")]
    fn document(steps: Value) -> ChainDocument {
        serde_json::from_value(json!({ "steps": steps })).unwrap()
    }

    fn sms() -> Connection {
        serde_json::from_value(json!({ "name": "SMSOTP", "kind": "sms", "settings": {} })).unwrap()
    }

    fn act(before: &ChainDocument, pairs: &[(&str, &str)]) -> Result<Edited, Refused> {
        let registry = Registry::new(vec![Arc::new(SmsOtp::new())]);
        let bench = Workbench { registry: &registry, connections: &[sms()] };
        bench.apply(before, &pairs.iter().copied().collect())
    }

    fn after(before: Value, pairs: &[(&str, &str)]) -> Value {
        serde_json::to_value(act(&document(before), pairs).unwrap().document.steps).unwrap()
    }

    fn wrong(before: Value, pairs: &[(&str, &str)]) -> Vec<String> {
        match act(&document(before), pairs) {
            Err(Refused::Wrong(wrong)) => wrong.into_iter().map(|wrong| wrong.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn steps_move_by_one_place_and_stay_at_the_ends() {
        let three = || json!([["a"], ["b"], ["c"]]);
        assert_eq!(after(three(), &[("act", "up"), ("step", "1")]), json!([["b"], ["a"], ["c"]]));
        assert_eq!(after(three(), &[("act", "down"), ("step", "1")]), json!([["a"], ["c"], ["b"]]));
        assert_eq!(after(three(), &[("act", "up"), ("step", "0")]), three());
        assert_eq!(after(three(), &[("act", "down"), ("step", "2")]), three());
        assert_eq!(act(&document(three()), &[("act", "up"), ("step", "2")]).unwrap().go, Go::Moved(1, true));
    }

    #[test]
    fn a_step_that_was_dragged_stands_where_it_was_dropped() {
        let four = || json!([["a"], ["b"], ["c"], ["d"]]);
        let drop = |step, to| after(four(), &[("act", "move"), ("step", step), ("to", to)]);
        assert_eq!(drop("3", "0"), json!([["d"], ["a"], ["b"], ["c"]]));
        assert_eq!(drop("0", "2"), json!([["b"], ["c"], ["a"], ["d"]]));
        assert_eq!(drop("1", "1"), four());
        let go =
            |step, to| act(&document(four()), &[("act", "move"), ("step", step), ("to", to)]).map(|edited| edited.go);
        assert_eq!((go("3", "0"), go("0", "2")), (Ok(Go::Moved(0, true)), Ok(Go::Moved(2, false))));
        for (step, to) in [("0", "4"), ("4", "0"), ("0", ""), ("", "0"), ("0", "-1")] {
            assert_eq!(go(step, to), Err(Refused::Gone), "{step} {to}");
        }
    }

    #[test]
    fn a_step_is_added_with_a_connection_that_fits_and_is_duplicated_and_removed() {
        let sms = json!([{ "authenticator": "smsotp", "connection": "SMSOTP" }]);
        assert_eq!(after(json!([["a"]]), &[("act", "add"), ("authenticator", "smsotp")]), json!([["a"], sms]));
        assert_eq!(wrong(json!([["a"]]), &[("act", "add"), ("authenticator", "smotp")]), ["authenticator"]);
        assert_eq!(after(json!([["a"], ["b"]]), &[("act", "duplicate"), ("step", "0")]), json!([["a"], ["a"], ["b"]]));
        assert_eq!(after(json!([["a"], ["b"]]), &[("act", "remove"), ("step", "0")]), json!([["b"]]));
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        for pairs in [
            &[("act", "up"), ("step", "1")][..],
            &[("act", "remove"), ("step", "x")],
            &[("act", "remove")],
            &[("act", "way_remove"), ("step", "0"), ("way", "1")],
            &[("act", "when"), ("step", "0"), ("when", "0"), ("kind", "group"), ("value", "g")],
            &[("act", "dance"), ("step", "0")],
            &[],
        ] {
            assert_eq!(act(&document(json!([["a"]])), pairs), Err(Refused::Gone), "{pairs:?}");
        }
    }

    #[test]
    fn conditions_of_every_kind_are_written_as_typed() {
        let add = |more: &[(&str, &str)]| {
            let pairs: Vec<_> = [("act", "when_add"), ("step", "0")].into_iter().chain(more.iter().copied()).collect();
            after(json!([["a"]]), &pairs)[0]["when"][0].clone()
        };
        for kind in ["group", "role", "client", "scope"] {
            assert_eq!(add(&[("kind", kind), ("value", " x ")]), json!({ kind: "x" }));
        }
        assert_eq!(
            add(&[("kind", "network"), ("value", "10.0.0.0/8"), ("not", "yes")]),
            json!({ "network": "10.0.0.0/8", "not": true })
        );
        assert_eq!(add(&[("kind", "known_device")]), json!({ "known_device": true }));
        assert_eq!(add(&[("kind", "enrolled")]), json!({ "enrolled": true }));
        assert_eq!(
            add(&[("kind", "evidence_age"), ("older_than", "12h"), ("authenticator", "smsotp")]),
            json!({ "evidence_age": { "older_than": 43200, "authenticator": "smsotp" } })
        );
        let time = [
            ("kind", "time"),
            ("from", "08:00"),
            ("to", "18:00"),
            ("days", "mon"),
            ("days", "tue"),
            ("zone", "Europe/Berlin"),
        ];
        assert_eq!(
            add(&time),
            json!({ "time": { "from": "08:00", "to": "18:00", "days": ["mon", "tue"], "zone": "Europe/Berlin" } })
        );
        assert_eq!(add(&[("kind", "cel"), ("value", "'staff' in groups\r\n")]), json!({ "cel": "'staff' in groups" }));
        assert!(KINDS.contains(&"cel") && KINDS.len() == 11);
    }

    #[test]
    fn a_wrong_condition_is_told_at_its_field() {
        let add = |more: &[(&str, &str)]| {
            let pairs: Vec<_> = [("act", "when_add"), ("step", "0")].into_iter().chain(more.iter().copied()).collect();
            wrong(json!([["a"]]), &pairs)
        };
        assert_eq!(add(&[("kind", "network"), ("value", "10.0.0.0/99")]), ["value"]);
        assert_eq!(add(&[("kind", "group"), ("value", " ")]), ["value"]);
        assert_eq!(add(&[("kind", "cel"), ("value", "1 +")]), ["value"]);
        assert_eq!(add(&[("kind", "evidence_age"), ("older_than", "soon")]), ["older_than"]);
        assert_eq!(add(&[("kind", "evidence_age")]), ["older_than"]);
        let time = |from, to, zone| add(&[("kind", "time"), ("from", from), ("to", to), ("zone", zone)]);
        assert_eq!(time("8", "18:00", "Etc/UTC"), ["from"]);
        assert_eq!(time("08:00", "18:00", "Berlin"), ["zone"]);
        assert_eq!(time("08:00", "08:00", "Etc/UTC"), ["to"]);
    }

    #[test]
    fn settings_are_checked_by_their_authenticator_and_told_by_name() {
        let step = || json!([[{ "authenticator": "smsotp", "connection": "SMSOTP" }]]);
        let way = |more: &[(&'static str, &'static str)]| {
            [("act", "way"), ("step", "0"), ("way", "0"), ("connection", "SMSOTP")]
                .into_iter()
                .chain(more.iter().copied())
                .collect::<Vec<_>>()
        };
        let set = after(step(), &way(&[("setting.tries", "3"), ("setting.length", ""), ("max_age", "15m")]));
        assert_eq!(set[0][0]["settings"], json!({ "tries": 3 }));
        assert_eq!(set[0][0]["max_age"], json!(900));
        assert_eq!(wrong(step(), &way(&[("setting.tries", "99")])), ["setting.tries"]);
        assert_eq!(wrong(step(), &way(&[("setting.tries", "few"), ("max_age", "0s")])), ["max_age", "setting.tries"]);
    }

    #[test]
    fn a_text_is_set_for_a_language_or_for_everybody() {
        let step = || json!([[{ "authenticator": "smsotp", "connection": "SMSOTP" }]]);
        let way = |more: &[(&'static str, &'static str)]| {
            let pairs = [("act", "way"), ("step", "0"), ("way", "0"), ("connection", "SMSOTP")];
            pairs.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()
        };
        let text =
            |more: &[(&'static str, &'static str)]| after(step(), &way(more))[0][0]["settings"]["template"].clone();
        let none = after(step(), &way(&[("setting.template", ""), ("setting.template.de", " ")]));
        assert_eq!(none[0][0].get("settings"), None);
        assert_eq!(text(&[("setting.template", "{{code}}\r\n!")]), json!("{{code}}\n!"));
        assert_eq!(text(&[("setting.template.de", "{{code}} de")]), json!({ "de": "{{code}} de" }));
        let both = text(&[
            ("setting.template", "{{code}}"),
            ("setting.template.de", "{{code}} de"),
            ("setting.template.en", ""),
        ]);
        assert_eq!(both, json!({ "*": "{{code}}", "de": "{{code}} de" }));
        let faulty = |field| wrong(step(), &way(&[(field, "kein Code"), ("setting.template.en", "{{code}}")]));
        assert_eq!(faulty("setting.template.de"), ["setting.template.de"]);
        assert_eq!(faulty("setting.template"), ["setting.template"]);
        assert_eq!(faulty("setting.template.d_e"), ["setting.template.d_e"]);
    }

    #[test]
    fn the_rest_of_a_step_and_the_demands_are_set() {
        let pairs = [
            ("act", "step"),
            ("step", "0"),
            ("enrol", "allow"),
            ("remember_device", "30d"),
            ("cool_off", "24h"),
            ("on_request", "urn:vestibule:acr:2fa"),
        ];
        let set = after(json!([["a"]]), &pairs);
        let wanted = json!([{ "alternatives": ["a"], "distinct": false, "enrol": "allow", "remember_device": 2_592_000, "on_request": ["urn:vestibule:acr:2fa"], "cool_off": 86_400 }]);
        assert_eq!(set, wanted);
        assert_eq!(wrong(json!([["a"]]), &[("act", "step"), ("step", "0"), ("on_request", "urn:x")]), ["on_request"]);
        let demands =
            act(&document(json!([["a"]])), &[("act", "demands"), ("factors", "2"), ("demand", "user_verified")]);
        assert_eq!(demands.unwrap().document.demands, [Demand::Factors(2), Demand::UserVerified]);
        assert_eq!(wrong(json!([["a"]]), &[("act", "demands"), ("factors", "9")]), ["factors"]);
    }
}
