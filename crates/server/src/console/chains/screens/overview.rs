//! The steps of a chain as cards, with what is wrong with each, and what can be done.

use serde::Serialize;
use serde_json::json;
use vestibule_core::{
    chain::{ChainDocument, ChainProblem, Demand, Step},
    prompt::Text,
};

use super::{Editor, ProblemLine, Typed, filled, said, step_of};
use crate::{
    admin::chains::words::{self, Sentence},
    pages::{
        Tone,
        console::{Action, Block, Choice, Fact, Field, Form, Say, Screen},
    },
};

/// Which step was moved, and by which button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console::chains) struct Moved {
    /// Counted from 0.
    pub(in crate::console::chains) step: usize,
    pub(in crate::console::chains) up: bool,
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

impl Editor<'_> {
    /// The steps as cards, with what is wrong with each, and what can be done.
    pub(in crate::console::chains) fn overview(
        &self,
        problems: &[ChainProblem],
        moved: Option<Moved>,
        toml: Option<String>,
    ) -> Screen {
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
            screen.scripts.extend(["chain.js", "drag.js"]);
        } else if !document.demands.is_empty() {
            screen = screen.with(Block::Facts { facts: vec![demands_fact(&document)] });
        }
        screen = screen.with(Block::Actions { actions: self.actions() });
        match toml {
            Some(text) => screen.with(Block::Copy { id: "toml".to_owned(), label: Text::new("chains.toml"), text }),
            None => screen,
        }
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

    pub(super) fn cards(&self, document: &ChainDocument, problems: &[ChainProblem], moved: Option<Moved>) -> Block {
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
    pub(in crate::console::chains) fn overview_again(&self, problems: &[ChainProblem], typed: Typed<'_>) -> Screen {
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
}

fn demands_fact(document: &ChainDocument) -> Fact {
    Fact { name: Text::new("chains.demands"), values: said(&document.demands), code: false }
}
