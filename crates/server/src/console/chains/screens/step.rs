//! One step: its ways, its conditions, and the rest.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vestibule_core::{
    authenticator::label,
    chain::{Alternative, ChainProblem, EnrolPolicy, Step},
    code::{message::MessageSize, texts::OTHER},
    prompt::Text,
};

use super::{Editor, ProblemLine, Typed, acr_choices, filled, lasting, only, step_of};
use crate::{
    admin::chains::words,
    console::chains::edit::{by_language, properties},
    pages::{
        Tone,
        console::{Action, Block, Choice, Field, Form, Kind, Say, Screen},
    },
};

/// Anchors of the forms of a step's ways: there are no more of them.
const WAYS: [&str; 10] = ["way-0", "way-1", "way-2", "way-3", "way-4", "way-5", "way-6", "way-7", "way-8", "way-9"];
const WAYS_REMOVED: [&str; 10] = [
    "way-remove-0",
    "way-remove-1",
    "way-remove-2",
    "way-remove-3",
    "way-remove-4",
    "way-remove-5",
    "way-remove-6",
    "way-remove-7",
    "way-remove-8",
    "way-remove-9",
];

impl Editor<'_> {
    /// One step: its ways, its conditions, and the rest.
    pub(in crate::console::chains) fn step(
        &self,
        position: usize,
        problems: &[ChainProblem],
        kind: Option<&str>,
        typed: Option<Typed<'_>>,
    ) -> Option<Screen> {
        let document = self.view.editable();
        let step = document.steps.get(position)?;
        let number = position.saturating_add(1);
        let title = Text::new("chains.step").with("step", number).with("of", document.steps.len());
        let problems = problems.iter().filter(|problem| step_of(&problem.pointer) == Some(position));
        let value = json!({
            "sentence": words::sentence(step, self.registry),
            "problems": problems.map(ProblemLine::of).collect::<Vec<_>>(),
        });
        let mut screen = self.screen(title).with(Block::Own { template: "console/chain-step", value });
        screen = screen.with(Block::Heading { id: "ways", text: Text::new("chains.ways") });
        for (index, way) in step.alternatives.iter().enumerate() {
            screen = screen.with_all(self.way(position, index, way, typed));
        }
        let form = self.step_form("way-new", "chains.way.add", "way_add", position).plain().title("chains.way.new");
        screen = screen.with(filled(form.field(self.authenticators("authenticator")), only("way_add", None, typed)));
        screen = screen.with(Block::Heading { id: "when", text: Text::new("chains.conditions") });
        if step.when.is_empty() {
            screen = screen.with(Block::Paragraph { says: Say::key("chains.always") });
        }
        for (index, condition) in step.when.iter().enumerate() {
            screen = screen.with_all(self.condition(position, index, condition, typed));
        }
        screen = screen.with_all(self.new_condition(position, kind, typed));
        screen = screen
            .with(Block::Heading { id: "rest", text: Text::new("chains.rest") })
            .with(self.rest(position, step, typed))
            .with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] });
        Some(match typed {
            Some(_) => screen.flash(Tone::Bad, Say::key("chains.not_saved")),
            None => screen,
        })
    }

    pub(in crate::console::chains) fn step_form(
        &self,
        id: &'static str,
        submit: &str,
        act: &str,
        position: usize,
    ) -> Form {
        self.draft_form(id, submit, act).hidden("step", position.to_string())
    }

    pub(super) fn remove(&self, ids: &[&'static str], which: &str, position: usize, index: usize) -> Option<Block> {
        let id = ids.get(index).copied()?;
        let form = self.step_form(id, &format!("chains.{which}.remove"), &format!("{which}_remove"), position);
        Some(form.hidden(which, index.to_string()).plain().into())
    }

    fn way(&self, position: usize, index: usize, way: &Alternative, typed: Option<Typed<'_>>) -> Vec<Block> {
        let Some(id) = WAYS.get(index).copied() else { return Vec::new() };
        let known = self.registry.get(&way.authenticator);
        let descriptor = known.map(|known| known.descriptor());
        let sizes = known.map(|known| known.sizes(&way.settings, self.longest)).unwrap_or_default();
        let mut form = self.step_form(id, "chains.way.save", "way", position).hidden("way", index.to_string());
        form.title = Some(label(&way.authenticator));
        if let Some(kind) = descriptor.and_then(|descriptor| descriptor.connection) {
            form = form.field(self.connection_field(kind, way));
        }
        for (name, schema) in descriptor.into_iter().flat_map(properties) {
            let value = way.settings.get(name);
            if by_language(schema) {
                let sizes = sizes.iter().filter(|size| size.setting == name);
                form = text_fields(name, schema, value, &sizes.collect::<Vec<_>>()).into_iter().fold(form, Form::field);
            } else {
                form = form.field(setting_field(name, schema, value));
            }
        }
        let age = Field::text("max_age", "chains.way.max_age", lasting(way.max_age)).hint("chains.duration.hint");
        let form = filled(form.field(age).plain(), only("way", Some(("way", index)), typed));
        std::iter::once(form.into()).chain(self.remove(&WAYS_REMOVED, "way", position, index)).collect()
    }

    fn connection_field(&self, kind: &str, way: &Alternative) -> Field {
        let named = way.connection.as_ref().map(|name| name.as_str()).unwrap_or_default();
        let fitting = self.connections.iter().filter(|connection| connection.kind == kind);
        let mut choices: Vec<_> = fitting
            .map(|known| Choice::new(known.name.as_str(), known.name.to_string(), known.name.as_str() == named))
            .collect();
        if !choices.iter().any(|choice| choice.chosen) {
            let missing = if named.is_empty() { Say::key("chains.connection.none") } else { named.into() };
            choices.insert(0, Choice::new(named, missing, true));
        }
        Field::select("connection", "chains.connection", choices)
    }

    fn rest(&self, position: usize, step: &Step, typed: Option<Typed<'_>>) -> Form {
        let policies =
            [("refuse", EnrolPolicy::Refuse), ("allow", EnrolPolicy::Allow), ("require", EnrolPolicy::Require)];
        let policy = |(name, policy): (&str, EnrolPolicy)| {
            Choice::new(name, Text::new(&format!("chains.enrol.{name}")), step.enrol == policy)
        };
        let form = self
            .step_form("step", "chains.step.save", "step", position)
            .field(Field::select("enrol", "chains.enrol", policies.map(policy)))
            .field(
                Field::text("remember_device", "chains.remember", lasting(step.remember_device))
                    .hint("chains.duration.hint"),
            )
            .field(Field::text("cool_off", "chains.cool_off", lasting(step.cool_off)).hint("chains.cool_off.hint"))
            .field(
                Field::checks("on_request", "chains.on_request", acr_choices(&step.on_request))
                    .hint("chains.on_request.hint"),
            )
            .field(Field::check("distinct", "chains.distinct", step.distinct).hint("chains.distinct.hint"));
        filled(form, only("step", None, typed))
    }
}

/// The fields of a text in several languages: one for each that the authenticator or the admin knows, with how long it is at most, and
/// one for all others.
fn text_fields(name: &str, schema: &Value, value: Option<&Value>, sizes: &[&MessageSize]) -> Vec<Field> {
    let word = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    let title = schema.get("title").and_then(Value::as_str).unwrap_or(name);
    let table = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (own, built_in) = (table(value), table(schema.get("default")));
    let text = |texts: &Map<String, Value>, language: &str| {
        texts.get(language).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    // What is sent in a language that has no text here: what the admin wrote for all others, then the built-in words.
    let instead = |language: &str| {
        let texts = [text(&own, OTHER), text(&built_in, language), text(&built_in, "en")];
        texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    };
    let size = |language: &str| sizes.iter().find(|size| size.language.eq_ignore_ascii_case(language));
    let sized = |hint: Text, language: &str| match size(language) {
        Some(MessageSize { characters, parts, .. }) => {
            let one = if *parts == 1 { ".one" } else { "" };
            let hint = Text { key: format!("{}.sized{one}", hint.key), ..hint };
            hint.with("characters", characters).with("parts", parts)
        }
        None => hint,
    };
    let languages: BTreeSet<&String> =
        built_in.keys().chain(own.keys()).filter(|language| *language != OTHER).collect();
    let mut fields: Vec<_> = languages
        .into_iter()
        .map(|language| {
            let mut field = Field::new(Kind::Area, format!("setting.{name}.{language}"), "", text(&own, language));
            field.label = Text::new("chains.setting.language").with("title", title).with("language", language);
            let hint = Text::new("chains.setting.text").with("default", instead(language));
            field.hint = Some(sized(hint, language));
            field
        })
        .collect();
    let everybody = value.and_then(Value::as_str).map_or_else(|| text(&own, OTHER), str::to_owned);
    let mut other = Field::new(Kind::Area, format!("setting.{name}"), "", everybody);
    other.label = Text::new("chains.setting.other").with("title", title);
    other.hint = Some(sized(Text::new("chains.setting.others").with("about", word("description")), OTHER));
    fields.push(other);
    fields
}

/// A field for a setting, as the authenticator's schema draws it. What is left empty is the default, which the hint tells.
fn setting_field(name: &str, schema: &Value, value: Option<&Value>) -> Field {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let word = |key: &str| schema.get(key).and_then(Value::as_str);
    let title = Text::new("chains.setting").with("title", word("title").unwrap_or(name));
    let default = schema.get("default").map(text).unwrap_or_default();
    let typed = value.map(text).unwrap_or_default();
    let field = format!("setting.{name}");
    let choices = schema.get("enum").and_then(Value::as_array);
    let mut field = match (word("type"), choices) {
        (Some("boolean"), _) => Field::check(field, "", value.and_then(Value::as_bool).unwrap_or(false)),
        (_, Some(choices)) => {
            let first =
                Choice::new("", Text::new("chains.setting.default").with("default", &default), typed.is_empty());
            let choice = |choice: &Value| Choice::new(text(choice), text(choice), text(choice) == typed);
            Field::select(field, "", std::iter::once(first).chain(choices.iter().map(choice)))
        }
        (Some("integer" | "number"), _) => Field::text(field, "", typed),
        _ => Field::new(Kind::Area, field, "", typed),
    };
    field.label = title;
    field.hint = Some(match word("description") {
        Some(about) => Text::new("chains.setting.about").with("about", about).with("default", &default),
        None => Text::new("chains.setting.default").with("default", &default),
    });
    field
}
