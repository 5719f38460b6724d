//! The screens of chains, from values alone, so that the gallery can show each of their states.

use serde::Serialize;
use serde_json::{Value, json};
use vestibule_core::{
    Registry,
    authenticator::label,
    chain::{ACR_VALUES, Alternative, ChainDocument, ChainProblem, Demand, EnrolPolicy, Seconds, Severity, Step},
    channel::Connection,
    condition::{Condition, Test},
    draft::Means,
    prompt::Text,
    simulate::{Fate, Outcome},
};
use vestibule_oauth::Params;

use super::edit::{DAYS, KINDS, Wrong, field_of, properties};
use crate::{
    admin::{
        FieldFault,
        chains::{
            ChainSummary, ChainView, Checked, Diff, HistoryView, KeptOut, RevisionView, Simulated, SimulatedRun,
            StepChange,
            templates::Template,
            words::{self, Part, Sentence},
        },
        paging::Listing,
    },
    config::Leaf as _,
    pages::{
        Tone,
        console::{Action, Block, Cell, Choice, Fact, Field, Form, Kind, Say, Screen, Table},
    },
};

/// Anchors of the forms of a step's ways and conditions: there are no more of either.
const WAYS: [&str; 10] = ["way-0", "way-1", "way-2", "way-3", "way-4", "way-5", "way-6", "way-7", "way-8", "way-9"];
const WHENS: [&str; 20] = [
    "when-0", "when-1", "when-2", "when-3", "when-4", "when-5", "when-6", "when-7", "when-8", "when-9", "when-10",
    "when-11", "when-12", "when-13", "when-14", "when-15", "when-16", "when-17", "when-18", "when-19",
];

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

/// What the screens of one chain have in common.
pub(super) struct Editor<'a> {
    pub(super) view: &'a ChainView,
    pub(super) registry: &'a Registry,
    pub(super) connections: &'a [Connection],
    /// The path of `/admin/chains`.
    pub(super) home: String,
    /// Whether the visitor may change it.
    pub(super) may: bool,
}

/// A form that was not taken: what was typed, and what is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) params: &'a Params,
    pub(super) wrong: &'a [Wrong],
}

/// Which step was moved, and by which button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Counted from 0.
    pub(super) step: usize,
    pub(super) up: bool,
}

/// A card of the editor.
#[derive(Serialize)]
struct Card {
    position: usize,
    number: usize,
    of: usize,
    sentence: Sentence,
    href: String,
    problems: Vec<ProblemLine>,
    /// The button that gets the focus.
    focus: Option<&'static str>,
}

/// A problem beside what it is about.
#[derive(Serialize)]
struct ProblemLine {
    tone: &'static str,
    text: Text,
}

impl ProblemLine {
    fn of(problem: &ChainProblem) -> Self {
        let tone = if problem.severity == Severity::Error { "bad" } else { "plain" };
        Self { tone, text: problem.text.clone() }
    }
}

/// All chains.
pub(super) fn list(home: &str, chains: &Listing<ChainSummary>, may: bool, after: bool) -> Screen {
    let row = |chain: &ChainSummary| {
        let mut name = Cell::link(format!("{home}/{}", chain.name), chain.name.to_string());
        if chain.draft {
            name = name.tag(Text::new("chains.tag.draft"));
        }
        if chain.managed_by.is_some() {
            name = name.tag(Text::new("chains.tag.managed"));
        }
        let mut steps = Cell::default();
        for (at, step) in chain.document.steps.iter().enumerate() {
            if at > 0 {
                steps.says.push("→".into());
            }
            steps.says.extend(step.alternatives.iter().map(|way| Say::Text(label(&way.authenticator))));
        }
        let revision =
            chain.revision.map_or_else(|| Say::key("chains.unpublished"), |number| number.to_string().into());
        let clients = Cell::tags(chain.clients.iter().map(|client| client.to_string()));
        vec![name, steps, Cell::say(revision), clients]
    };
    let table = Table::new("chains", "chains.list", &["name", "steps", "revision", "clients"])
        .rows(chains.items.iter().map(row))
        .pages(chains.next.as_ref().map(|next| format!("{home}?after={next}")), after.then(|| home.to_owned()));
    let screen = Screen::new(Text::new("chains.title")).lead("chains.lead");
    let screen = if may {
        screen.with(Block::Actions { actions: vec![Action::main(format!("{home}/new"), "chains.new")] })
    } else {
        screen
    };
    screen.with(table)
}

/// A new one, from a template.
pub(super) fn new(home: &str, name: &str, template: Option<Template>, faults: &[FieldFault]) -> Screen {
    let chosen = template.unwrap_or(Template::Password);
    let choice = |template: Template| Choice::new(template.name(), template.title(), template == chosen);
    let form = Form::new("new", format!("{home}/new"), "chains.create")
        .field(Field::text("name", "chains.name", name).hint("chains.name.hint").required())
        .field(Field::select("template", "chains.template", Template::ALL.map(choice)))
        .refused(faults);
    let about =
        |template: Template| Fact { name: template.title(), values: vec![template.about().into()], code: false };
    let screen = Screen::new(Text::new("chains.new.title"))
        .crumb(home, Text::new("chains.title"))
        .lead("chains.new.lead")
        .with(form)
        .with(Block::Heading { id: "templates", text: Text::new("chains.templates") })
        .with(Block::Facts { facts: Template::ALL.map(about).into() });
    Screen { alarmed: !faults.is_empty(), ..screen }
}

impl Editor<'_> {
    fn chain(&self) -> String {
        format!("{}/{}", self.home, self.view.name)
    }

    fn at(&self, rest: &str) -> String {
        format!("{}/{rest}", self.chain())
    }

    fn editable(&self) -> bool {
        self.may && self.view.managed_by.is_none()
    }

    fn screen(&self, title: Text) -> Screen {
        Screen::new(title)
            .crumb(self.home.clone(), Text::new("chains.title"))
            .crumb(self.chain(), self.view.name.to_string())
    }

    fn draft_form(&self, id: &'static str, submit: &str, act: &str) -> Form {
        Form::new(id, self.at("draft"), submit).hidden("etag", self.view.etag().0).hidden("act", act)
    }

    /// The steps as cards, with what is wrong with each, and what can be done.
    pub(super) fn overview(&self, problems: &[ChainProblem], moved: Option<Moved>, toml: Option<String>) -> Screen {
        let view = self.view;
        let document = view.editable();
        let mut screen = Screen::new(Text::new("chains.one").with("name", &view.name))
            .crumb(self.home.clone(), Text::new("chains.title"))
            .with(Block::Facts { facts: self.facts() });
        if view.overtaken() {
            let says = Text::new("chains.overtaken").with("revision", view.revision());
            screen = screen.with(Block::Note { tone: Tone::Bad, says: vec![says.into()] });
        }
        if let Some(file) = &view.managed_by {
            let says = Text::new("chains.managed").with("file", file);
            screen = screen.with(Block::Note { tone: Tone::Plain, says: vec![says.into()] });
        }
        let general = problems.iter().filter(|problem| step_of(&problem.pointer).is_none());
        let general: Vec<Say> = general.map(|problem| problem.text.clone().into()).collect();
        if !general.is_empty() {
            screen = screen.with(Block::Note { tone: Tone::Bad, says: general });
        }
        screen = screen
            .with(Block::Heading { id: "steps", text: Text::new("chains.steps") })
            .with(self.cards(&document, problems, moved));
        if self.editable() {
            screen = screen.with(self.add_form(&document)).with(self.demands_form(&document, None));
            screen.scripts.push("chain.js");
        } else if !document.demands.is_empty() {
            screen = screen.with(Block::Facts { facts: vec![demands_fact(&document)] });
        }
        screen = screen.with(Block::Actions { actions: self.actions() });
        match toml {
            Some(text) => screen.with(Block::Copy { id: "toml".to_owned(), label: Text::new("chains.toml"), text }),
            None => screen,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let view = self.view;
        let revision = match &view.published {
            Some(published) => Text::new("chains.revision").with("revision", published.revision),
            None => Text::new("chains.unpublished"),
        };
        let mut facts = vec![Fact::new("chains.fact.published", [revision])];
        if let Some(draft) = &view.draft {
            let author = draft.author.as_deref().unwrap_or("–");
            let by = Text::new("chains.draft_by").with("author", author).with("at", minute(&draft.updated_at));
            facts.push(Fact::new("chains.fact.draft", [by]));
        }
        facts.push(Fact::new("chains.fact.clients", view.clients.iter().map(|client| client.to_string())).code());
        facts
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.editable() && self.view.draft.is_some() {
            actions.push(Action::main(self.at("publish"), "chains.to_publish"));
        }
        actions.push(Action::plain(self.at("history"), "chains.to_history"));
        if self.editable() {
            if self.view.draft.is_some() {
                actions.push(Action::plain(self.at("discard"), "chains.to_discard"));
            }
            actions.push(Action::plain(self.at("delete"), "chains.to_delete"));
        }
        actions
    }

    fn cards(&self, document: &ChainDocument, problems: &[ChainProblem], moved: Option<Moved>) -> Block {
        let of = document.steps.len();
        let card = |(position, step): (usize, &Step)| Card {
            position,
            number: position.saturating_add(1),
            of,
            sentence: words::sentence(step, self.registry),
            href: self.at(&format!("steps/{}", position.saturating_add(1))),
            problems: problems.iter().filter(|p| step_of(&p.pointer) == Some(position)).map(ProblemLine::of).collect(),
            focus: moved.filter(|moved| moved.step == position).map(|moved| {
                // At an end the button that was pressed has nowhere to go; the other one has.
                let last = position.saturating_add(1) == of;
                if (moved.up && position > 0) || last { "up" } else { "down" }
            }),
        };
        let announce = moved
            .filter(|moved| moved.step < of)
            .map(|moved| Text::new("chains.position").with("step", moved.step.saturating_add(1)).with("of", of));
        let value = json!({
            "action": self.at("draft"),
            "etag": self.view.etag().0,
            "editable": self.editable(),
            "announce": announce,
            "steps": document.steps.iter().enumerate().map(card).collect::<Vec<_>>(),
        });
        Block::Own { template: "console/chain-steps", value }
    }

    fn add_form(&self, document: &ChainDocument) -> Form {
        let key = if document.steps.is_empty() { "chains.add_first" } else { "chains.add" };
        self.draft_form("add", "chains.add.submit", "add")
            .title(key)
            .plain()
            .field(self.authenticators("authenticator"))
    }

    fn authenticators(&self, name: &str) -> Field {
        let names = self.registry.iter().map(|known| known.descriptor().name.clone());
        let choices = names.map(|name| Choice::new(name.as_str(), label(&name), false));
        Field::select(name, "chains.authenticator", choices.collect::<Vec<_>>())
    }

    fn demands_form(&self, document: &ChainDocument, typed: Option<Typed<'_>>) -> Form {
        let factors = document.demands.iter().find_map(|demand| match demand {
            Demand::Factors(factors) => Some(factors.to_string()),
            _ => None,
        });
        let has = |wanted: Demand| document.demands.contains(&wanted);
        let choices = [
            Choice::new(
                "phishing_resistant",
                Text::new("chain_demand.phishing_resistant"),
                has(Demand::PhishingResistant),
            ),
            Choice::new("user_verified", Text::new("chain_demand.user_verified"), has(Demand::UserVerified)),
        ];
        let form = self
            .draft_form("demands", "chains.demands.submit", "demands")
            .title("chains.demands")
            .plain()
            .field(
                Field::text("factors", "chains.demands.factors", factors.unwrap_or_default())
                    .hint("chains.demands.factors.hint"),
            )
            .field(Field::checks("demand", "chains.demands.proofs", choices));
        filled(form, typed)
    }

    /// The overview after a form of it was not taken.
    pub(super) fn overview_again(&self, problems: &[ChainProblem], typed: Typed<'_>) -> Screen {
        let mut screen = self.overview(problems, None, None);
        let document = self.view.editable();
        for block in &mut screen.blocks {
            match block {
                Block::Form(form) if form.id == "demands" && typed.params.get("act") == Some("demands") => {
                    *form = self.demands_form(&document, Some(typed));
                }
                Block::Form(form) if form.id == "add" && typed.params.get("act") == Some("add") => {
                    *form = filled(self.add_form(&document), Some(typed));
                }
                _ => {}
            }
        }
        screen.flash(Tone::Bad, Say::key("chains.not_saved"))
    }

    /// One step: its ways, its conditions, and the rest.
    pub(super) fn step(
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

    fn step_form(&self, id: &'static str, submit: &str, act: &str, position: usize) -> Form {
        self.draft_form(id, submit, act).hidden("step", position.to_string())
    }

    fn remove(&self, ids: &[&'static str], which: &str, position: usize, index: usize) -> Option<Block> {
        let id = ids.get(index).copied()?;
        let form = self.step_form(id, &format!("chains.{which}.remove"), &format!("{which}_remove"), position);
        Some(form.hidden(which, index.to_string()).plain().into())
    }

    fn way(&self, position: usize, index: usize, way: &Alternative, typed: Option<Typed<'_>>) -> Vec<Block> {
        let Some(id) = WAYS.get(index).copied() else { return Vec::new() };
        let descriptor = self.registry.get(&way.authenticator).map(|known| known.descriptor());
        let mut form = self.step_form(id, "chains.way.save", "way", position).hidden("way", index.to_string());
        form.title = Some(label(&way.authenticator));
        if let Some(kind) = descriptor.and_then(|descriptor| descriptor.connection) {
            form = form.field(self.connection_field(kind, way));
        }
        for (name, schema) in descriptor.into_iter().flat_map(properties) {
            form = form.field(setting_field(name, schema, way.settings.get(name)));
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

    fn condition(&self, position: usize, index: usize, condition: &Condition, typed: Option<Typed<'_>>) -> Vec<Block> {
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
    fn new_condition(&self, position: usize, kind: Option<&str>, typed: Option<Typed<'_>>) -> Vec<Block> {
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
            "known_device" => form,
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
            .field(
                Field::checks("on_request", "chains.on_request", acr_choices(&step.on_request))
                    .hint("chains.on_request.hint"),
            )
            .field(Field::check("distinct", "chains.distinct", step.distinct).hint("chains.distinct.hint"));
        filled(form, only("step", None, typed))
    }

    /// What publishing would change, what is wrong, whom it keeps out.
    pub(super) fn publish(&self, diff: &Diff, checked: &Checked, note: &str, faults: &[FieldFault]) -> Screen {
        let mut screen = self.screen(Text::new("chains.publish.title").with("name", &self.view.name));
        if let Some(why) = &checked.locks_out {
            let says = Text::new("chains.publish.locks_out").with("why", why);
            screen = screen.with(Block::Note { tone: Tone::Bad, says: vec![says.into()] });
        }
        let value = json!({ "problems": checked.problems.iter().map(|problem| json!({
            "tone": ProblemLine::of(problem).tone,
            "text": problem.text,
            "step": step_of(&problem.pointer).map(|step| step.saturating_add(1)),
        })).collect::<Vec<_>>() });
        screen = screen
            .with(Block::Heading { id: "problems", text: Text::new("chains.publish.problems") })
            .with(Block::Own { template: "console/chain-problems", value })
            .with(Block::Heading { id: "kept-out", text: Text::new("chains.publish.kept_out") });
        screen = if checked.keeps_out.is_empty() {
            screen.with(Block::Paragraph { says: Say::key("chains.kept_out.nobody") })
        } else {
            screen.with_all(checked.keeps_out.iter().map(kept_out))
        };
        screen =
            screen.with(Block::Heading { id: "diff", text: Text::new("chains.publish.diff") }).with(self.diff(diff));
        if checked.passes() && self.editable() {
            let form = Form::new("publish", self.at("publish"), "chains.publish")
                .hidden("etag", self.view.etag().0)
                .field(Field::text("note", "chains.publish.note", note).hint("chains.publish.note.hint"))
                .refused(faults);
            screen = screen.with(form);
        }
        screen.with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }

    fn diff(&self, diff: &Diff) -> Block {
        let sentence = |step: &Step| words::sentence(step, self.registry);
        let line = |kind: &str, text: Text, step: &Step, fields: Value| json!({ "kind": kind, "text": text, "sentence": sentence(step), "fields": fields });
        let steps = diff.steps.iter().map(|change| match change {
            StepChange::Same { to, step, .. } => {
                line("same", Text::new("chains.diff.same").with("to", to), step, json!([]))
            }
            StepChange::Added { to, step } => {
                line("added", Text::new("chains.diff.added").with("to", to), step, json!([]))
            }
            StepChange::Removed { from, step } => {
                line("removed", Text::new("chains.diff.removed").with("from", from), step, json!([]))
            }
            StepChange::Moved { from, to, step } => {
                let text = Text::new("chains.diff.moved").with("from", from).with("to", to);
                line("moved", text, step, json!([]))
            }
            StepChange::Changed { to, after, fields, .. } => {
                line("changed", Text::new("chains.diff.changed").with("to", to), after, field_lines(fields))
            }
        });
        let value = json!({
            "steps": steps.collect::<Vec<_>>(),
            "demands": field_lines(&diff.demands),
            "same": diff.is_empty(),
        });
        Block::Own { template: "console/chain-diff", value }
    }

    /// The revisions, and one of them compared with what is published.
    pub(super) fn history(&self, page: &Listing<HistoryView>, after: bool, shown: Option<&RevisionView>) -> Screen {
        let here = self.at("history");
        let row = |entry: &HistoryView| {
            let mut number = Cell::link(
                format!("{here}?revision={}#revision", entry.revision),
                Text::new("chains.revision").with("revision", entry.revision),
            );
            if entry.current {
                number = number.tag(Text::new("chains.tag.current"));
            }
            let say = |text: &Option<String>| Cell::say(text.clone().unwrap_or_else(|| "–".to_owned()));
            vec![number, Cell::say(minute(&entry.published_at)), say(&entry.author), say(&entry.note)]
        };
        let table = Table::new("history", "chains.history", &["revision", "at", "author", "note"])
            .rows(page.items.iter().map(row))
            .pages(page.next.as_ref().map(|next| format!("{here}?after={next}")), after.then(|| here.clone()));
        let mut screen = self.screen(Text::new("chains.history.title").with("name", &self.view.name)).with(table);
        if let Some(shown) = shown {
            let number = shown.revision.revision;
            screen = screen
                .with(Block::Heading {
                    id: "revision",
                    text: Text::new("chains.history.compared").with("revision", number),
                })
                .with(self.diff(&shown.diff));
            if self.editable() && !shown.diff.is_empty() {
                let form = Form::new("restore", here, "chains.restore")
                    .hidden("etag", self.view.etag().0)
                    .hidden("revision", number.to_string());
                let lead = if self.view.draft.is_some() { "chains.restore.over_draft" } else { "chains.restore.lead" };
                screen = screen.with(Block::Paragraph { says: Say::key(lead) }).with(form);
            }
        }
        screen.with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }

    /// Asked again before something is gone.
    pub(super) fn sure(&self, what: &'static str) -> Screen {
        let key = |rest: &str| format!("chains.{what}.{rest}");
        let form = Form::new("sure", self.at(what), &key("submit")).hidden("etag", self.view.etag().0).danger();
        self.screen(Text::new(&key("title")).with("name", &self.view.name))
            .lead(&key("lead"))
            .with(form)
            .with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }

    /// Somebody else published since the draft was begun: both ways from where it began, and the choice.
    pub(super) fn overtaken(&self, mine: &Diff, theirs: &Diff) -> Screen {
        let etag = self.view.etag().0;
        let keep = Form::new("keep", self.at("draft"), "chains.conflict.keep")
            .hidden("etag", etag.clone())
            .hidden("act", "rebase")
            .hidden("base", self.view.revision().to_string());
        let take = Form::new("take", self.at("discard"), "chains.conflict.take").hidden("etag", etag).danger();
        self.screen(Text::new("chains.conflict.title"))
            .flash(Tone::Bad, Text::new("chains.overtaken").with("revision", self.view.revision()))
            .with(Block::Heading { id: "theirs", text: Text::new("chains.conflict.theirs") })
            .with(self.diff(theirs))
            .with(Block::Heading { id: "mine", text: Text::new("chains.conflict.mine") })
            .with(self.diff(mine))
            .with(keep)
            .with(take)
    }

    /// Somebody else saved the draft in the meantime: what they have, what was sent, and the choice.
    pub(super) fn conflict(&self, params: &Params) -> Screen {
        let hidden = ["csrf", "etag", "act", "step", "way", "when", "kind"];
        let sent = params.iter().filter(|(name, value)| !hidden.contains(name) && !value.is_empty());
        let mut facts: Vec<Fact> = Vec::new();
        if let Some(act) = params.get("act") {
            facts.push(Fact { name: Text::new("chains.conflict.act"), values: vec![act.into()], code: true });
        }
        facts.extend(sent.map(|(name, value)| Fact {
            name: Text::new("chains.conflict.field").with("name", name),
            values: vec![value.into()],
            code: true,
        }));
        let form =
            Form::new("again", self.at("draft"), "chains.conflict.again").hidden("etag", self.view.etag().0).danger();
        let again = params.iter().filter(|(name, _)| !["csrf", "etag"].contains(name));
        let form = again.fold(form, |form, (name, value)| form.hidden(name, value));
        let document = self.view.editable();
        let cards = Editor { may: false, home: self.home.clone(), ..*self }.cards(&document, &[], None);
        self.screen(Text::new("chains.conflict.title"))
            .flash(Tone::Bad, Say::key("chains.conflict.lead"))
            .with(Block::Heading { id: "theirs", text: Text::new("chains.conflict.there") })
            .with(Block::Facts { facts: self.facts() })
            .with(cards)
            .with(Block::Heading { id: "mine", text: Text::new("chains.conflict.sent") })
            .with(Block::Facts { facts })
            .with(form)
            .with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }

    /// The simulator: a form beside the editor, its result below.
    pub(super) fn simulator(&self, params: &Params, faults: &[FieldFault], result: Option<&Simulated>) -> Vec<Block> {
        let typed = |name: &str| params.get(name).unwrap_or_default().to_owned();
        let chosen = |name: &str| params.get(name).unwrap_or_default();
        let client = |id: &vestibule_core::id::ClientId| {
            Choice::new(id.as_str(), id.to_string(), chosen("client") == id.as_str())
        };
        let any = Choice::new("", Text::new("chains.try.client.any"), chosen("client").is_empty());
        let none = Choice::new("", Text::new("chains.try.acr.none"), chosen("acr").is_empty());
        let acrs = std::iter::once(none).chain(acr_choices(&[typed("acr")]));
        let form = Form::asking("try", format!("{}#try-result", self.chain()), "chains.try.submit")
            .hidden("try", "yes")
            .field(Field::text("user", "chains.try.user", typed("user")).hint("chains.try.user.hint"))
            .field(Field::select(
                "client",
                "chains.try.client",
                std::iter::once(any).chain(self.view.clients.iter().map(client)),
            ))
            .field(Field::text("ip", "chains.try.ip", typed("ip")))
            .field(Field::select("acr", "chains.try.acr", acrs))
            .field(Field::text("time", "chains.try.time", typed("time")).hint("chains.try.time.hint"))
            .field(Field::check("known", "chains.try.known", params.get("known").is_some()))
            .refused(faults);
        let mut blocks = vec![Block::Heading { id: "try-heading", text: Text::new("chains.try") }, form.into()];
        if let Some(result) = result {
            let value = json!({
                "run": run(&result.run),
                "published": result.published.as_ref().map(run),
                "same": result.same,
                "compared": self.view.published.is_some(),
            });
            blocks.push(Block::Own { template: "console/chain-run", value });
        }
        blocks
    }
}

fn field_lines(fields: &[crate::admin::chains::FieldChange]) -> Value {
    let shown = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = |field: &crate::admin::chains::FieldChange| {
        json!({
            "pointer": field.pointer, "before": shown(&field.before), "after": shown(&field.after),
        })
    };
    fields.iter().map(line).collect()
}

/// What a simulated login comes to, as the template shows it.
fn run(run: &SimulatedRun) -> Value {
    let steps = run.steps.iter().map(|step| {
        let (state, because) = match &step.fate {
            Fate::Runs => ("runs", None),
            Fate::Satisfied { by, .. } => ("satisfied", Some(by.clone())),
            Fate::NotDue { because } => ("not_due", Some(because.clone()).filter(|_| step.unmet.is_none())),
            Fate::Blocked { because } => ("blocked", Some(because.clone())),
            Fate::NotReached => ("not_reached", None),
        };
        json!({
            "number": step.step,
            "state": state,
            "text": Text::new(&format!("chains.run.{state}")),
            "because": because,
            "unmet": step.unmet,
            "sentence": step.sentence,
            "offered": step.offered.iter().map(|name| label(&name.as_str().into())).collect::<Vec<_>>(),
            "chosen": step.chosen.as_ref().map(|name| label(&name.as_str().into())),
            "error": step.condition_error,
        })
    });
    let (text, tone) = match &run.outcome {
        Outcome::Granted { acr, amr, .. } => {
            let text = Text::new("chains.run.granted").with("acr", acr.unwrap_or("–")).with("amr", amr.join(", "));
            (text, "good")
        }
        Outcome::Refused { denial } => (Text::new("chains.run.refused").with("why", denial), "bad"),
        Outcome::Enrols { step, .. } => (Text::new("chains.run.enrols").with("step", step.saturating_add(1)), "plain"),
        Outcome::Stuck { step, because } => {
            let text = Text::new("chains.run.stuck").with("step", step.saturating_add(1)).with("why", because);
            (text, "bad")
        }
    };
    json!({ "steps": steps.collect::<Vec<_>>(), "outcome": text, "tone": tone })
}

/// "312 of 4210 users have no phone number."
fn kept_out(kept: &KeptOut) -> Block {
    let lacks = match kept.means.as_slice() {
        [Means::Phone] => "phone",
        [Means::Email] => "email",
        [Means::Credential(_)] => "credential",
        _ => "any",
    };
    let more = if kept.count.more { ".newest" } else { "" };
    let mut text = Text::new(&format!("chains.kept_out.{lacks}{more}"))
        .with("step", kept.step)
        .with("lacking", kept.count.lacking)
        .with("of", kept.count.of);
    if let [Means::Credential(name)] = kept.means.as_slice() {
        text = text.with("authenticator", name);
    }
    let mut says = vec![Say::Text(text)];
    if kept.sometimes {
        says.push(Say::key("chains.kept_out.sometimes"));
    }
    Block::Note { tone: Tone::Plain, says }
}

fn demands_fact(document: &ChainDocument) -> Fact {
    let said = document.demands.iter().map(|demand| {
        let Part { text, n } = words::demand(*demand);
        Say::Text(n.map_or(text.clone(), |n| text.with("n", n)))
    });
    Fact { name: Text::new("chains.demands"), values: said.collect(), code: false }
}

/// The step that a problem is about.
pub(super) fn step_of(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/steps/")?.split('/').next()?.parse().ok()
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
    let part = |of: fn(&vestibule_core::condition::Window) -> &String| window.map(of).cloned().unwrap_or_default();
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

fn acr_choices(chosen: &[String]) -> Vec<Choice> {
    let choice = |value: &str| Choice::new(value, value, chosen.iter().any(|chosen| chosen == value));
    ACR_VALUES.iter().map(|acr| choice(acr.value)).collect()
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

fn lasting(life: Option<Seconds>) -> String {
    life.map(|life| std::time::Duration::from(life).show()).unwrap_or_default()
}

/// An instant without its seconds.
fn minute(instant: &str) -> String {
    let text = instant.replace('T', " ");
    format!("{} UTC", text.get(..16).unwrap_or(&text))
}

/// What was typed, if it was in this form.
fn only<'a>(act: &str, place: Option<(&str, usize)>, typed: Option<Typed<'a>>) -> Option<Typed<'a>> {
    typed.filter(|typed| {
        let here = place.is_none_or(|(name, index)| typed.params.get(name) == Some(index.to_string().as_str()));
        typed.params.get("act") == Some(act) && here
    })
}

/// A form with what was typed in it, and what is wrong with that.
fn filled(mut form: Form, typed: Option<Typed<'_>>) -> Form {
    let Some(Typed { params, wrong: found }) = typed else { return form };
    for field in &mut form.fields {
        let given = |value: &str| params.iter().any(|(name, typed)| name == field.name && typed == value);
        for choice in &mut field.choices {
            choice.chosen = given(&choice.value);
        }
        field.faults.clear();
        field.value = match field.kind {
            Kind::Check if params.get(&field.name).is_some() => "yes".to_owned(),
            _ => params.get(&field.name).unwrap_or_default().to_owned(),
        };
    }
    let found: Vec<_> = found.iter().map(|wrong| (wrong.field.clone(), wrong.says.clone())).collect();
    wrong(form, &found)
}

fn wrong(mut form: Form, found: &[(String, Say)]) -> Form {
    for (name, says) in found {
        match form.fields.iter_mut().find(|field| field.name == *name) {
            Some(field) => field.faults.push(says.clone()),
            None => form.faults.push(says.clone()),
        }
    }
    form
}
