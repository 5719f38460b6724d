//! The conditions of a step, and a new one.

use vestibule_core::{
    authenticator::label,
    condition::{Condition, Test, Window},
    prompt::Text,
};

use super::{Editor, Typed, acr_choices, filled, lasting, only, wrong};
use crate::{
    console::chains::edit::{DAYS, KINDS, field_of},
    pages::console::{Block, Choice, Field, Form},
};

/// Anchors of the forms of a step's conditions: there are no more of them.
const WHENS: [&str; 20] = [
    "when-0", "when-1", "when-2", "when-3", "when-4", "when-5", "when-6", "when-7", "when-8", "when-9", "when-10",
    "when-11", "when-12", "when-13", "when-14", "when-15", "when-16", "when-17", "when-18", "when-19",
];

const WHENS_REMOVED: [&str; 20] = [
    "when-remove-0",
    "when-remove-1",
    "when-remove-2",
    "when-remove-3",
    "when-remove-4",
    "when-remove-5",
    "when-remove-6",
    "when-remove-7",
    "when-remove-8",
    "when-remove-9",
    "when-remove-10",
    "when-remove-11",
    "when-remove-12",
    "when-remove-13",
    "when-remove-14",
    "when-remove-15",
    "when-remove-16",
    "when-remove-17",
    "when-remove-18",
    "when-remove-19",
];

impl Editor<'_> {
    pub(super) fn condition(
        &self,
        position: usize,
        index: usize,
        condition: &Condition,
        typed: Option<Typed<'_>>,
    ) -> Vec<Block> {
        let Some(id) = WHENS.get(index).copied() else { return Vec::new() };
        let kind = kind_of(&condition.test);
        let form = self
            .step_form(id, "chains.condition.save", "when", position)
            .hidden("when", index.to_string())
            .hidden("kind", kind)
            .plain();
        let mut form = self.condition_fields(form, kind, Some(condition));
        form.title = Some(Text::new(&format!("chains.condition.{kind}")));
        if let Err(fault) = condition.check() {
            form = wrong(form, &[(field_of(fault.pointer()).to_owned(), fault.text().into())]);
        }
        let form = filled(form, only("when", Some(("when", index)), typed));
        std::iter::once(form.into()).chain(self.remove(&WHENS_REMOVED, "when", position, index)).collect()
    }

    /// First the kind is chosen, by a link that changes nothing; then its own fields are there.
    pub(super) fn new_condition(&self, position: usize, kind: Option<&str>, typed: Option<Typed<'_>>) -> Vec<Block> {
        let typed = only("when_add", None, typed);
        let kind = typed.and_then(|typed| typed.params.get("kind")).or(kind);
        let kind = kind.and_then(|kind| KINDS.into_iter().find(|known| *known == kind));
        let number = position.saturating_add(1);
        let choice =
            |known: &str| Choice::new(known, Text::new(&format!("chains.condition.{known}")), kind == Some(known));
        let action = self.at(&format!("steps/{number}#when-new"));
        let choose = Form::asking("when-kind", action, "chains.condition.choose")
            .title("chains.condition.new")
            .field(Field::select("kind", "chains.condition.kind", KINDS.map(choice)));
        let Some(kind) = kind else { return vec![choose.into()] };
        let form = self.step_form("when-new", "chains.condition.add", "when_add", position).hidden("kind", kind);
        let mut form = self.condition_fields(form, kind, None).plain();
        form.title = Some(Text::new(&format!("chains.condition.{kind}")));
        vec![choose.into(), filled(form, typed).into()]
    }

    fn condition_fields(&self, form: Form, kind: &str, condition: Option<&Condition>) -> Form {
        let test = condition.map(|condition| &condition.test);
        let label = format!("chains.condition.{kind}.value");
        let value = match test {
            Some(
                Test::Group(v) | Test::Role(v) | Test::Client(v) | Test::Scope(v) | Test::Network(v) | Test::Acr(v),
            ) => v.as_str(),
            Some(Test::Cel(expression)) => expression.as_str(),
            _ => "",
        };
        let form = match kind {
            "known_device" | "enrolled" => form,
            "acr" => form.field(Field::select("value", &label, acr_choices(&[value.to_owned()]))),
            "cel" => form.field(Field::area("value", &label, value).hint("chains.condition.cel.hint")),
            "time" => time_fields(form, test),
            "evidence_age" => self.age_fields(form, test),
            "network" => form.field(Field::text("value", &label, value).hint("chains.condition.network.hint")),
            _ => form.field(Field::text("value", &label, value)),
        };
        form.field(Field::check("not", "chains.condition.not", condition.is_some_and(|condition| condition.not)))
    }

    fn age_fields(&self, form: Form, test: Option<&Test>) -> Form {
        let (age, of) = match test {
            Some(Test::EvidenceAge(age)) => (lasting(Some(age.older_than)), age.authenticator.as_ref()),
            _ => (String::new(), None),
        };
        let any = Choice::new("", Text::new("chains.condition.evidence_age.any"), of.is_none());
        let names = self.registry.iter().map(|known| known.descriptor().name.clone());
        let named = names.map(|name| Choice::new(name.as_str(), label(&name), of == Some(&name)));
        form.field(Field::text("older_than", "chains.condition.evidence_age.value", age).hint("chains.duration.hint"))
            .field(Field::select(
                "authenticator",
                "chains.condition.evidence_age.of",
                std::iter::once(any).chain(named),
            ))
    }
}

fn kind_of(test: &Test) -> &'static str {
    match test {
        Test::Group(_) => "group",
        Test::Role(_) => "role",
        Test::Client(_) => "client",
        Test::Scope(_) => "scope",
        Test::Network(_) => "network",
        Test::Acr(_) => "acr",
        Test::KnownDevice(_) => "known_device",
        Test::Enrolled(_) => "enrolled",
        Test::Time(_) => "time",
        Test::EvidenceAge(_) => "evidence_age",
        Test::Cel(_) => "cel",
    }
}

fn time_fields(form: Form, test: Option<&Test>) -> Form {
    let window = match test {
        Some(Test::Time(window)) => Some(window),
        _ => None,
    };
    let part = |of: fn(&Window) -> &String| window.map(of).cloned().unwrap_or_default();
    let chosen = |day: &str| window.is_some_and(|window| window.days.iter().any(|known| known == day));
    let day = |day: &str| Choice::new(day, Text::new(&format!("chains.day.{day}")), chosen(day));
    let zone = window.map_or_else(|| "Etc/UTC".to_owned(), |window| window.zone.clone());
    form.field(
        Field::text("from", "chains.condition.time.from", part(|window| &window.from))
            .hint("chains.condition.time.hint"),
    )
    .field(Field::text("to", "chains.condition.time.to", part(|window| &window.to)))
    .field(Field::checks("days", "chains.condition.time.days", DAYS.map(day)).hint("chains.condition.time.days.hint"))
    .field(Field::text("zone", "chains.condition.time.zone", zone).hint("chains.condition.time.zone.hint"))
}
