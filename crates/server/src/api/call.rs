//! A request of somebody who may make it: what a function of [`routes`](super::routes) reads.

use std::str::FromStr;

use actix_web::{HttpRequest, http::header::IF_MATCH, web::Bytes};
use serde::de::DeserializeOwned;
use serde_json::Value;
use vestibule_oauth::Params;

use super::problem::{Kind, Problem};
use crate::{
    admin::{Actor, Etag, FieldFault, paging::PageQuery},
    http::form,
    state::State,
};

/// A request of somebody who may make it.
pub(super) struct Call<'a> {
    /// What every handler may use.
    pub(super) state: &'a State,
    /// Who calls.
    pub(super) actor: Actor,
    pub(super) req: &'a HttpRequest,
    pub(super) query: Params,
    pub(super) body: Bytes,
}

impl<'a> Call<'a> {
    /// A part of the path that is a name.
    pub(super) fn name(&self, name: &str) -> &'a str {
        self.req.match_info().get(name).unwrap_or_default()
    }

    /// A part of the path that is an id. What cannot be one is of nothing that there is.
    pub(super) fn id<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.name(name).parse().map_err(|_| Problem::new(Kind::NotFound, "there is nothing of that id"))
    }

    /// The page that is asked for.
    pub(super) fn page(&self) -> Result<PageQuery, Problem> {
        Ok(PageQuery { limit: self.parameter("limit", "a whole number")?, after: self.text("after") })
    }

    /// A parameter.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.query.get(name).map(str::to_owned)
    }

    /// A parameter of a kind.
    pub(super) fn parameter<T: FromStr>(&self, name: &str, kind: &str) -> Result<Option<T>, Problem> {
        let wrong = |_| Problem::fields(vec![FieldFault::new(format!("/{name}"), format!("this is not {kind}"))]);
        self.query.get(name).map(str::parse).transpose().map_err(wrong)
    }

    /// The version that a change was made from. `None` when none is named, or any would do: that is none, too.
    pub(super) fn if_match(&self) -> Result<Option<Etag>, Problem> {
        let mut values = self.req.headers().get_all(IF_MATCH);
        let malformed = || Problem::new(Kind::Malformed, "If-Match is one entity tag, as ETag gave it");
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(malformed());
        }
        let value = value.to_str().map_err(|_| malformed())?.trim();
        if value == "*" {
            return Ok(None);
        }
        let tag = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
        Ok(Some(Etag(tag.ok_or_else(malformed)?.to_owned())))
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Problem> {
        let kinds = ["application/json", "application/merge-patch+json"];
        if !kinds.iter().any(|kind| form::is(self.req, kind)) {
            return Err(Problem::new(Kind::MediaType, "the content type is not application/json"));
        }
        serde_json::from_slice(&self.body).map_err(|error| Problem::new(Kind::Malformed, format!("the body: {error}")))
    }

    /// The body as CSV.
    pub(super) fn csv(&self) -> Result<&[u8], Problem> {
        if form::is(self.req, "text/csv") {
            return Ok(&self.body);
        }
        Err(Problem::new(Kind::MediaType, "the content type is not text/csv"))
    }

    /// The body, as what it has to be.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read(&self.json()?)
    }

    /// The body, if there is one.
    pub(super) fn body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(T::default()) } else { self.body() }
    }
}

/// A value as what it has to be; what is wrong is said at its place.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer: String = error.path().iter().filter_map(segment).collect();
        let detail = error.inner().to_string();
        // The library names the place of an unknown or a missing field only in words.
        for words in ["unknown field `", "missing field `"] {
            if let Some(name) = detail.strip_prefix(words).and_then(|rest| rest.split('`').next()) {
                let named = format!("/{}", escaped(name));
                if !pointer.ends_with(&named) {
                    pointer.push_str(&named);
                }
            }
        }
        Problem::fields(vec![FieldFault::new(pointer, detail)])
    })
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", escaped(key))),
        Segment::Enum { variant } => Some(format!("/{}", escaped(variant))),
        Segment::Unknown => None,
    }
}

/// A name in a JSON Pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admin::users::{NewUser, UserChange};

    fn pointer<T: DeserializeOwned>(value: &Value) -> String {
        read::<T>(value).err().map(|problem| problem.errors[0].pointer.clone()).unwrap_or_default()
    }

    #[test]
    fn a_107_what_is_unknown_missing_or_of_another_kind_is_named_by_its_place() {
        assert_eq!(pointer::<NewUser>(&json!({ "username": "ada" })), "");
        assert_eq!(pointer::<NewUser>(&json!({})), "/username");
        assert_eq!(pointer::<NewUser>(&json!({ "username": "ada", "id": "x" })), "/id");
        assert_eq!(pointer::<NewUser>(&json!({ "username": "ada", "a/b~": 1 })), "/a~1b~0");
        assert_eq!(pointer::<NewUser>(&json!({ "username": 1 })), "/username");
        assert_eq!(pointer::<NewUser>(&json!({ "username": "ada", "groups": ["a", 2] })), "/groups/1");
        assert_eq!(pointer::<UserChange>(&json!({ "created_at": "x" })), "/created_at");
    }

    #[test]
    fn null_takes_away_and_left_out_stays() {
        let change: UserChange = read(&json!({ "email": null, "display_name": "Ada" })).unwrap();
        assert_eq!((change.email, change.display_name), (Some(None), Some(Some("Ada".to_owned()))));
        assert_eq!(change.phone_number, None);
    }
}
