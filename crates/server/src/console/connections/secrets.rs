//! The secrets of a gateway in its form: each has a field that is always empty, and stays unless something is typed there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::fields::{How, Setting, Source};
use crate::{
    admin::FieldFault,
    pages::console::{Choice, Field, Form, Group, Kind},
};

/// It has a field of its own, beside how receipts come.
const RECEIPTS: &str = "receipts";
/// More texts that must not be seen.
const MASK: Setting = ("mask", How::Lines, true);

/// The field of a secret.
pub(in crate::console) fn field(name: &str) -> Field {
    let mut field = Field::new(Kind::Password, format!("secrets.{name}"), "console.connections.secret", "");
    field.label = Text::new("console.connections.secret").with("name", name);
    field.autocomplete("new-password")
}

/// The secrets that a gateway has, that were typed, and that something asks for which is not there.
fn names(source: &Source<'_>, faults: &[FieldFault]) -> BTreeSet<String> {
    let there = source.there("secrets").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned();
    let typed = source.typed.into_iter().flat_map(Params::iter).filter_map(|(name, _)| name.strip_prefix("secrets."));
    let wanted = faults.iter().filter_map(|fault| fault.pointer.strip_prefix("/secrets/"));
    there.chain(typed.chain(wanted).map(str::to_owned)).filter(|name| name != RECEIPTS && !name.is_empty()).collect()
}

/// The form with a field for each secret, one more, and what else must not be seen.
pub(super) fn group(form: Form, source: &Source<'_>, preset: &[&str], faults: &[FieldFault]) -> Form {
    let there = |name: &str| source.there("secrets").is_some_and(|secrets| secrets.get(name).is_some());
    let all = names(source, faults);
    let kept = |name: &str| {
        let field = field(name);
        if there(name) { field.hint("console.connections.secret.kept") } else { field }
    };
    // What a vendor wants is asked for first; on a page of its own it has been already.
    let form = preset.iter().fold(form, |form, name| {
        let field = kept(name);
        form.field(if there(name) { field } else { field.required() })
    });
    let rest: Vec<_> = all.iter().filter(|name| !preset.contains(&name.as_str())).collect();
    let mut fields: Vec<_> = rest.iter().map(|name| kept(name)).collect();
    let value = |name: &str| source.typed.and_then(|typed| typed.get(name)).unwrap_or_default();
    fields.push(
        Field::text("more_secret.name", "console.gateway.more.name", value("more_secret.name"))
            .hint("console.gateway.more.name.hint"),
    );
    fields.push(
        Field::new(Kind::Password, "more_secret.value", "console.gateway.more.value", "").autocomplete("new-password"),
    );
    let known = rest.iter().filter(|name| there(name));
    let forget: Vec<_> = known.map(|name| Choice::new(name.as_str(), name.as_str(), false)).collect();
    if !forget.is_empty() {
        fields.push(Field::checks("forget_secret", "console.gateway.forget", forget));
    }
    fields.push(source.field(&MASK));
    let open = !rest.is_empty() || source.there(MASK.0).is_some();
    form.group(Group::new("console.gateway.secrets", fields).hint("console.gateway.secrets.hint").open(open))
}
