//! `GET /api/docs`: the document for people, drawn from the one for machines, so that they say the same. It is a page like any
//! other, without a script and without anything of anybody else.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde_json::Value;

use super::{BASE, openapi, problem::Kind};
use crate::{
    answer::{self, Drawing},
    pages::{ApiDocs, ApiGroup, ApiOperation, ApiProblem, ApiShape, ApiType, Page},
    state::State,
};

/// Where it is.
pub(super) const PLACE: &str = "/api/docs";

/// `GET /api/docs`. Like the document it is there for everybody.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let document = openapi::document(state.public.issuer.as_str());
    let machine = state.public.path(&format!("{BASE}/openapi.json"));
    answer::page(&state, &req, StatusCode::OK, &page(&document, machine), Drawing::default())
}

/// The page of a document that machines read at `machine`.
pub(crate) fn page(document: &Value, machine: String) -> Page {
    let mut groups: Vec<ApiGroup> = Vec::new();
    for (path, place) in fields(document.get("paths")) {
        for (method, described) in fields(Some(place)) {
            let operation = operation(path, method, described);
            let name = operation.id.split('.').next().unwrap_or_default().to_owned();
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(operation),
                None => groups.push(ApiGroup { name, operations: vec![operation] }),
            }
        }
    }
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    let problem = |kind: &Kind| ApiProblem {
        word: kind.word(),
        status: kind.status(),
        title: kind.title(),
        meaning: kind.meaning(),
    };
    let kind = |(name, schema): (&String, &Value)| ApiType {
        name: name.clone(),
        description: text(schema, "description"),
        schema: serde_json::to_string_pretty(schema).unwrap_or_default(),
    };
    Page::ApiDocs(ApiDocs {
        machine,
        groups,
        problems: Kind::ALL.iter().map(problem).collect(),
        types: fields(document.pointer("/components/schemas")).map(kind).collect(),
    })
}

fn operation(path: &str, method: &str, described: &Value) -> ApiOperation {
    let parameters = || described.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let named = |place: &str| {
        let of = parameters().filter(|parameter| parameter.get("in").is_some_and(|at| at == place));
        of.filter_map(|parameter| text(parameter, "name")).collect()
    };
    let scope = described.pointer("/security/0/oauth2/0").and_then(Value::as_str).unwrap_or_default();
    let done = fields(described.get("responses")).find(|(status, _)| status.starts_with('2'));
    ApiOperation {
        id: text(described, "operationId").unwrap_or_default(),
        method: method.to_uppercase(),
        path: format!("{BASE}{path}"),
        summary: text(described, "summary").unwrap_or_default(),
        scope: scope.to_owned(),
        query: named("query"),
        headers: named("header"),
        takes: described.get("requestBody").and_then(shape),
        gives: done.and_then(|(_, answer)| shape(answer)),
    }
}

/// What stands in a `content`.
fn shape(value: &Value) -> Option<ApiShape> {
    let (kind, content) = fields(value.get("content")).next()?;
    let schema = content.get("schema")?;
    let name = text(schema, "$ref").and_then(|to| to.rsplit('/').next().map(str::to_owned));
    let words = || text(schema, "description").filter(|_| schema.get("properties").is_none());
    let schema = name.is_none().then(|| words().unwrap_or_else(|| schema.to_string()));
    Some(ApiShape { kind: kind.clone(), name, schema })
}

fn fields(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}
