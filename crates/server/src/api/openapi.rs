//! The document at `/api/v1/openapi.json` (OpenAPI 3.1): made from the table of routes and from the types that are read and
//! written, and kept in `docs/reference/openapi.json`, so that a change of it is seen.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::{
    BASE,
    problem::Kind,
    routes::{self, Route},
};
use crate::{
    admin::{Permission, operations::Method},
    state::State,
};

/// The schemas that a type needs, each with its name; the first is its own.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// What an operation takes or gives.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Nothing.
    None,
    /// JSON, described in words.
    Some(&'static str),
    /// A type.
    Of(fn() -> Schemas),
    /// A page of a type.
    List(fn() -> Schemas),
}

fn schemas<T: ToSchema>() -> Schemas {
    let mut schemas = vec![(T::name().into_owned(), <T as PartialSchema>::schema())];
    T::schemas(&mut schemas);
    schemas
}

impl Shape {
    pub(super) const fn of<T: ToSchema>() -> Self {
        Self::Of(schemas::<T>)
    }

    pub(super) const fn list<T: ToSchema>() -> Self {
        Self::List(schemas::<T>)
    }

    /// Its schema; the named ones go into `components`.
    fn describe(self, components: &mut Map<String, Value>) -> Option<Value> {
        let mut named = |schemas: Schemas| {
            let name = schemas.first().map(|(name, _)| name.clone()).unwrap_or_default();
            for (name, schema) in schemas {
                components.insert(name, serde_json::to_value(schema).unwrap_or_default());
            }
            json!({ "$ref": format!("#/components/schemas/{name}") })
        };
        match self {
            Self::None => None,
            Self::Some(words) => Some(json!({ "type": "object", "description": words })),
            Self::Of(schemas) => Some(named(schemas())),
            Self::List(schemas) => Some(json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": { "type": "array", "items": named(schemas()) },
                    "next": { "type": ["string", "null"], "description": "The token of the next page." },
                },
            })),
        }
    }
}

/// The document, for a server at this address.
pub fn document(issuer: &str) -> Value {
    let mut components = Map::new();
    components.insert("Problem".to_owned(), problem());
    let mut paths = Map::new();
    for route in routes::ALL {
        let operation = route.operation();
        let place = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(place) = place.as_object_mut() {
            place.insert(method(operation.method).to_owned(), described(route, &mut components));
        }
    }
    let scopes: Map<String, Value> = Permission::ALL
        .iter()
        .map(|permission| (permission.scope().to_owned(), permission.describe().into()))
        .collect();
    let flow = json!({ "authorizationUrl": format!("{issuer}/oauth2/authorize"), "tokenUrl": format!("{issuer}/oauth2/token"), "scopes": scopes });
    let own = json!({ "tokenUrl": format!("{issuer}/oauth2/token"), "scopes": scopes });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vestibule admin API",
            "version": "1",
            "description": "Everything that the console does. See docs/reference/api.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": format!("{issuer}{BASE}") }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "oauth2": { "type": "oauth2", "flows": { "authorizationCode": flow, "clientCredentials": own } },
            },
        },
    })
}

fn described(route: &Route, components: &mut Map<String, Value>) -> Value {
    let operation = route.operation();
    let changes = operation.method != Method::Get;
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.split('.').next().unwrap_or_default()],
        "security": [{ "oauth2": [operation.permission.scope()] }],
        "parameters": parameters(route, changes),
        "responses": responses(route, components),
    });
    if let Some(schema) = route.takes.describe(components) {
        let kind = if operation.method == Method::Patch { "application/merge-patch+json" } else { "application/json" };
        set(&mut described, "requestBody", json!({ "content": { kind: { "schema": schema } } }));
    }
    described
}

/// What is posted to a thing that two people may edit.
const VERSIONED: [&str; 3] = ["clients.rotate_secret", "chains.publish", "chains.restore"];

fn parameters(route: &Route, changes: bool) -> Vec<Value> {
    let operation = route.operation();
    let text = json!({ "type": "string" });
    let one = |place: &str, name: &str, required: bool, schema: &Value| json!({ "in": place, "name": name, "required": required, "schema": schema });
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path.map(|name| one("path", name, true, &text)).collect();
    parameters.extend(route.query.iter().map(|name| {
        let schema = match *name {
            "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }),
            "disabled" => json!({ "type": "boolean" }),
            "since" | "until" => json!({ "type": "string", "format": "date-time" }),
            _ => text.clone(),
        };
        one("query", name, false, &schema)
    }));
    if changes {
        parameters.push(one("query", "dry_run", false, &json!({ "type": "boolean", "default": false })));
    }
    if VERSIONED.contains(&operation.id) {
        parameters.push(one("header", "If-Match", false, &text));
    }
    match operation.method {
        Method::Post => parameters.push(one("header", "Idempotency-Key", false, &text)),
        Method::Put | Method::Patch | Method::Delete => parameters.push(one("header", "If-Match", false, &text)),
        Method::Get => {}
    }
    parameters
}

fn responses(route: &Route, components: &mut Map<String, Value>) -> Value {
    let problem = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    let mut responses =
        json!({ "default": { "description": "It was not done, and nothing was changed.", "content": problem } });
    match route.gives.describe(components) {
        None => set(&mut responses, "204", json!({ "description": "Done." })),
        Some(schema) => {
            let status = if route.id.ends_with(".create") { "201" } else { "200" };
            set(
                &mut responses,
                status,
                json!({ "description": "Done.", "content": { "application/json": { "schema": schema } } }),
            );
        }
    }
    responses
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn problem() -> Value {
    let types: Vec<String> = Kind::ALL.iter().map(|kind| format!("{BASE}/problems/{}", kind.word())).collect();
    json!({
        "type": "object",
        "description": "RFC 9457. `type` ends in one of the addresses that are listed.",
        "required": ["type", "title", "status", "detail", "reference"],
        "properties": {
            "type": { "type": "string", "format": "uri", "examples": types },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "reference": { "type": "string", "description": "What the log knows the request by." },
            "scope": { "type": "string", "description": "The scope that is missing." },
            "current": { "description": "What is there now, when it was changed in the meantime." },
            "errors": { "type": "array", "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": { "pointer": { "type": "string" }, "detail": { "type": "string" } },
            } },
        },
    })
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}

/// `GET /api/v1/openapi.json`. It tells nothing that the manual does not, so it is there for everybody.
pub(super) async fn get(_: HttpRequest, state: Data<State>) -> HttpResponse {
    let made = state.openapi.get_or_init(|| document(state.public.issuer.as_str()).to_string().into());
    HttpResponse::Ok().content_type("application/json").body(made.clone())
}
