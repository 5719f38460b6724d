//! Reading forms: lines as lists, boxes as sets. What was typed is kept as it was typed, so a form that fails shows it again.

use std::collections::BTreeSet;

use vestibule_oauth::Params;

use crate::admin::Etag;

/// A line, without the space around it.
pub(super) fn line(params: &Params, name: &str) -> String {
    params.get(name).unwrap_or_default().trim().to_owned()
}

/// A line that may be empty.
pub(super) fn some(params: &Params, name: &str) -> Option<String> {
    Some(line(params, name)).filter(|text| !text.is_empty())
}

/// Whether a box is ticked.
pub(super) fn ticked(params: &Params, name: &str) -> bool {
    params.get(name).is_some()
}

/// A list, one in a line.
pub(super) fn lines(params: &Params, name: &str) -> Vec<String> {
    let text = params.get(name).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A set of words, separated by space or comma.
pub(super) fn words(params: &Params, name: &str) -> BTreeSet<String> {
    let text = params.get(name).unwrap_or_default();
    text.split([' ', ',', '\n', '\r', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The ticked ones of several boxes of one name.
pub(super) fn all<'a>(params: &'a Params, name: &'a str) -> impl Iterator<Item = &'a str> {
    params.iter().filter(move |(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

/// The version that a form was made from.
pub(super) fn etag(params: &Params) -> Option<Etag> {
    some(params, "etag").map(Etag)
}
