//! The screens of chains, from values alone, so that the gallery can show each of their states. Each is a file; here is what
//! those of one chain have in common.

mod condition;
mod conflict;
mod diff;
mod history;
mod list;
mod new;
mod overview;
mod publish;
mod simulator;
mod step;
mod sure;

use serde::Serialize;
use vestibule_core::{
    Registry,
    authenticator::label,
    chain::{ACR_VALUES, ChainProblem, Demand, Seconds, Severity},
    channel::Connection,
    code::message::Longest,
    prompt::Text,
    time::Timestamp,
};
use vestibule_oauth::Params;

pub(super) use self::{list::list, new::new, overview::Moved};
use super::edit::Wrong;
use crate::{
    admin::chains::{
        ChainView,
        words::{self, Part},
    },
    config::Leaf as _,
    pages::console::{Choice, Fact, Field, Form, Kind, Say, Screen},
};

/// What the screens of one chain have in common.
pub(super) struct Editor<'a> {
    pub(super) view: &'a ChainView,
    pub(super) registry: &'a Registry,
    pub(super) connections: &'a [Connection],
    /// What is filled into its messages, at its longest.
    pub(super) longest: &'a Longest,
    /// The path of `/admin/chains`.
    pub(super) home: String,
    /// Whether the visitor may change it.
    pub(super) may: bool,
    /// What every chain of this server has to reach.
    pub(super) floor: &'a [Demand],
    /// Where that is set, for whoever may read the settings.
    pub(super) floor_set_in: Option<&'a str>,
}

/// A form that was not taken: what was typed, and what is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) params: &'a Params,
    pub(super) wrong: &'a [Wrong],
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

    fn facts(&self) -> Vec<Fact> {
        let view = self.view;
        let revision = match &view.published {
            Some(published) => Text::new("chains.revision").with("revision", published.revision),
            None => Text::new("chains.unpublished"),
        };
        let mut facts = vec![Fact::new("chains.fact.published", [revision])];
        if let Some(draft) = &view.draft {
            let author = draft.author.as_deref().unwrap_or("–");
            let by = Text::new("chains.draft_by").with("author", author).with("at", minute(draft.updated_at));
            facts.push(Fact::new("chains.fact.draft", [by]));
        }
        facts.push(Fact::new("chains.fact.clients", view.clients.iter().map(|client| client.to_string())).code());
        facts.extend(self.floor_fact());
        facts
    }

    fn floor_fact(&self) -> Option<Fact> {
        let mut values = said(self.floor);
        values.extend(self.floor_set_in.map(|place| Text::new("chains.floor.set_in").with("place", place).into()));
        (!self.floor.is_empty()).then(|| Fact { name: Text::new("chains.fact.floor"), values, code: false })
    }

    fn authenticators(&self, name: &str) -> Field {
        let names = self.registry.iter().map(|known| known.descriptor().name.clone());
        let choices = names.map(|name| Choice::new(name.as_str(), label(&name), false));
        Field::select(name, "chains.authenticator", choices.collect::<Vec<_>>())
    }
}

/// Demands in words.
fn said(demands: &[Demand]) -> Vec<Say> {
    let said = |demand: &Demand| {
        let Part { text, n } = words::demand(*demand);
        Say::Text(n.map_or(text.clone(), |n| text.with("n", n)))
    };
    demands.iter().map(said).collect()
}

/// The step that a problem is about.
fn step_of(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/steps/")?.split('/').next()?.parse().ok()
}

fn acr_choices(chosen: &[String]) -> Vec<Choice> {
    let choice = |value: &str| Choice::new(value, value, chosen.iter().any(|chosen| chosen == value));
    ACR_VALUES.iter().map(|acr| choice(acr.value)).collect()
}

fn lasting(life: Option<Seconds>) -> String {
    life.map(|life| std::time::Duration::from(life).show()).unwrap_or_default()
}

/// An instant without its seconds.
fn minute(instant: Timestamp) -> String {
    let text = instant.to_string().replace('T', " ");
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
