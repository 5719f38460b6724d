//! What is shown to somebody who may not, or whose change was not made.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use serde_json::{Value, json};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use crate::{
    admin::{AdminError, Role},
    answer::{self, Drawing},
    http::csrf,
    pages::{
        Page, Tone,
        console::{self, Block, Console, Fact, Form, Say, Screen, Shell},
        said,
    },
    state::State,
};

/// Signed in, and no admin: says what to ask for.
pub(super) fn no_role(state: &State, req: &HttpRequest, name: &str, token: &str) -> HttpResponse {
    let visitor = console::Visitor {
        name: name.to_owned(),
        role: Text::new("console.role.none"),
        logout: state.public.path("/admin/sign-out"),
    };
    let shell = Shell { home: state.public.path("/admin"), nav: Vec::new(), visitor: Some(visitor) };
    let page = Page::Console(Console { shell, screen: without_role() });
    let drawing = Drawing { csrf: token.to_owned(), ..Drawing::default() };
    answer::page(state, req, StatusCode::FORBIDDEN, &page, drawing)
}

pub(super) fn without_role() -> Screen {
    let roles = Role::ALL.iter().map(|role| Fact {
        name: super::desk::role_text(*role),
        values: vec![role.name().into()],
        code: true,
    });
    Screen::new(Text::new("console.denied.title"))
        .lead("console.denied.lead")
        .with(Block::Facts { facts: roles.collect() })
}

/// What an error says. Sentences of the catalogue where there is one for it; what an admin has to know of a thing, as it is.
pub(super) fn says(error: &AdminError) -> Say {
    match error {
        AdminError::Forbidden(permission) => {
            Text::new("console.refused.forbidden").with("permission", permission.scope()).into()
        }
        AdminError::Above => Say::key("console.refused.above"),
        AdminError::NotFound(_) => Say::key("console.refused.missing"),
        AdminError::Managed(file) => Text::new("console.refused.managed").with("file", file).into(),
        AdminError::Busy | AdminError::Limited { .. } => Say::key("console.refused.busy"),
        AdminError::VersionWanted => Say::key("console.refused.version"),
        AdminError::LocksOut(why) => Text::new("console.refused.lockout").with("why", why).into(),
        AdminError::Stale { .. } => Say::key("console.conflict.title"),
        AdminError::Refused(why) => said(why),
        AdminError::Taken(fault) => said(&fault.detail),
        AdminError::Invalid(faults) => match faults.as_slice() {
            [only] => said(&only.detail),
            _ => error.to_string().into(),
        },
        AdminError::Store(_) => error.to_string().into(),
    }
}

/// Nothing was changed, and why.
pub(super) fn refusal(error: &AdminError) -> Screen {
    Screen::new(Text::new("console.refused.title")).flash(Tone::Bad, says(error))
}

/// Both versions, and a form that saves the own one over the other.
pub(super) fn conflict(action: &str, etag: &str, current: &Value, params: &Params) -> Screen {
    let hidden = [csrf::FIELD, "etag"];
    let typed: Vec<_> = params.iter().filter(|(name, _)| !hidden.contains(name)).collect();
    let mine: Vec<_> = typed
        .iter()
        .map(|(name, value)| {
            let secret = ["secret", "password", "auth."].iter().any(|word| name.contains(word));
            let there = shown(current.get(name).unwrap_or(&Value::Null));
            let value = if secret { "•••" } else { value };
            json!({ "name": name, "shown": value, "differs": there != value })
        })
        .collect();
    let theirs: Vec<_> = current
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = shown(value);
            let differs = typed.iter().any(|(other, typed)| other == name && *typed != value);
            json!({ "name": name, "shown": value, "differs": differs })
        })
        .collect();
    let version = |key: &str, fields: Vec<Value>| json!({ "title": { "key": key, "args": {} }, "fields": fields });
    let value =
        json!({ "versions": [version("console.conflict.mine", mine), version("console.conflict.theirs", theirs)] });
    let form = Form::new("again", action, "console.conflict.save").hidden("etag", etag).danger();
    let form = typed.iter().fold(form, |form, (name, value)| form.hidden(*name, *value));
    Screen::new(Text::new("console.conflict.title"))
        .flash(Tone::Bad, Say::key("console.conflict.lead"))
        .with(Block::Own { template: "console/versions", value })
        .with(form)
        .with(Block::Actions { actions: vec![console::Action::plain(action, "console.conflict.look")] })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "" }.to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}
