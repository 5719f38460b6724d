//! The document at `/api/v1/openapi.json` (OpenAPI 3.1): made from the table of routes and from the types that are read and
//! written, and kept in `docs/reference/openapi.json`, so that a change of it is seen.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    BASE,
    problem::Kind,
    routes::{self, Route},
};
use crate::{
    admin::{Permission, audit::export::Format, operations::Method, paging::Listing},
    state::State,
};

/// What an operation takes or gives.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Nothing.
    None,
    /// A type.
    Of(fn(&mut SchemaGenerator) -> Schema),
    /// A merge patch (RFC 7396) of a type, without the fields that are not changed so.
    Patch(fn(&mut SchemaGenerator) -> Schema, &'static [&'static str]),
    /// Something that is no JSON: its media type, and what it is.
    Media(&'static str, &'static str),
}

impl Shape {
    pub(super) const fn of<T: JsonSchema>() -> Self {
        Self::Of(|generator| generator.subschema_for::<T>())
    }

    pub(super) const fn list<T: JsonSchema>() -> Self {
        Self::of::<Listing<T>>()
    }

    pub(super) const fn patch<T: JsonSchema>(fixed: &'static [&'static str]) -> Self {
        Self::Patch(T::json_schema, fixed)
    }

    /// What `content` says of it.
    fn describe(self, generator: &mut SchemaGenerator, kind: &str) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Of(schema) => Some(json!({ kind: { "schema": schema(generator) } })),
            Self::Patch(schema, fixed) => Some(json!({ kind: { "schema": patch(schema(generator), fixed) } })),
            Self::Media(kind, words) => Some(json!({ kind: { "schema": { "type": "string", "description": words } } })),
        }
    }
}

/// Of a merge patch nothing is required, and `null` brings a field back to its default.
fn patch(mut schema: Schema, fixed: &[&str]) -> Schema {
    schema.remove("required");
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        fields.retain(|name, _| !fixed.contains(&name.as_str()));
        for field in fields.values_mut() {
            if let Some(field) = field.as_object_mut() {
                field.remove("default");
            }
            *field = json!({ "anyOf": [field, { "type": "null" }] });
        }
    }
    schema
}

/// The schemas of one direction: what is read may be left out where there is a default, and what is written is all there.
fn generator(settings: impl Fn(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let ours = |settings: &mut SchemaSettings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    };
    settings(SchemaSettings::draft2020_12().with(ours)).into_generator()
}

/// What stands behind the name of a schema that is read where one of the same name is written.
const INPUT: &str = "Input";
const REFERENCE: &str = "#/components/schemas/";

/// Gives the schemas that are read names of their own, where they would have those of schemas that are written.
fn renamed(value: &mut Value, taken: &BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get_mut("$ref")
                && to.strip_prefix(REFERENCE).is_some_and(|name| taken.contains(name))
            {
                to.push_str(INPUT);
            }
            fields.values_mut().for_each(|field| renamed(field, taken));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| renamed(item, taken)),
        _ => {}
    }
}

/// The document, for a server at this address.
pub fn document(issuer: &str) -> Value {
    let (mut read, mut written) =
        (generator(SchemaSettings::for_deserialize), generator(SchemaSettings::for_serialize));
    let (mut requests, mut paths) = (Map::new(), Map::new());
    for route in routes::ALL {
        let operation = route.operation();
        let kind = if operation.method == Method::Patch { "application/merge-patch+json" } else { "application/json" };
        if let Some(content) = route.takes.describe(&mut read, kind) {
            requests.insert(route.id.to_owned(), content);
        }
        let place = paths.entry(operation.path).or_insert_with(|| json!({}));
        set(place, method(operation.method), described(route, &mut written));
    }
    let mut components = written.take_definitions(true);
    let taken: BTreeSet<String> = components.keys().cloned().collect();
    for (name, mut schema) in read.take_definitions(true) {
        renamed(&mut schema, &taken);
        components.insert(if taken.contains(&name) { name + INPUT } else { name }, schema);
    }
    for place in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let id = place.get("operationId").and_then(Value::as_str).unwrap_or_default();
        if let Some(mut content) = requests.remove(id) {
            renamed(&mut content, &taken);
            set(place, "requestBody", json!({ "content": content }));
        }
    }
    components.insert("Problem".to_owned(), problem());
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

fn described(route: &Route, written: &mut SchemaGenerator) -> Value {
    let operation = route.operation();
    let changes = operation.method != Method::Get;
    json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.split('.').next().unwrap_or_default()],
        "security": [{ "oauth2": [operation.permission.scope()] }],
        "parameters": parameters(route, changes),
        "responses": responses(route, written),
    })
}

/// What is posted to a thing that two people may edit.
const VERSIONED: [&str; 3] = ["clients.rotate_secret", "chains.publish", "chains.restore"];

fn parameters(route: &Route, changes: bool) -> Vec<Value> {
    let operation = route.operation();
    let text = json!({ "type": "string" });
    let whole = json!({ "type": "integer", "minimum": 1 });
    let one = |place: &str, name: &str, required: bool, schema: &Value| json!({ "in": place, "name": name, "required": required, "schema": schema });
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        in_path.map(|name| one("path", name, true, if name == "revision" { &whole } else { &text })).collect();
    parameters.extend(route.query.iter().map(|name| {
        let schema = match *name {
            "skip_bad" => json!({ "type": "boolean", "default": false }),
            "window" => json!({ "type": "string", "enum": ["24h", "7d", "30d"], "default": "24h" }),
            "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }),
            "format" => {
                json!({ "type": "string", "enum": Format::ALL.map(Format::word), "default": Format::Ndjson.word() })
            }
            "disabled" | "second_factor" | "signed_in" => json!({ "type": "boolean" }),
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

fn responses(route: &Route, written: &mut SchemaGenerator) -> Value {
    let problem = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    let mut responses =
        json!({ "default": { "description": "It was not done, and nothing was changed.", "content": problem } });
    match route.gives.describe(written, "application/json") {
        None => set(&mut responses, "204", json!({ "description": "Done." })),
        Some(content) => {
            let status = if route.id.ends_with(".create") { "201" } else { "200" };
            set(&mut responses, status, json!({ "description": "Done.", "content": content }));
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
