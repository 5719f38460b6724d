//! The document tells the truth: every operation is asked over HTTP, and what it answers is held to its schema.
//!
//! **To add an operation**, add a line to [`EXAMPLES`]: its id, the path of a real request, and its body where it has one. They
//! are done in this order on one server, as an owner; `{target}` is a user, `{session}` a session of theirs, `{guest}`
//! somebody who has nothing to sign in with, and `If-Match` is found by itself. In `crates/server/src/api/routes.rs` the operation names the types that it reads and writes
//! (`of::<T>()`, `list::<T>()`, `patch::<T>(&[…])`, `media("text/csv", "…")`), which derive `schemars::JsonSchema`; an instant in
//! them is a `vestibule_core::time::Timestamp`.

use serde_json::{Map, Value, json};
use vestibule_server::{
    admin::{
        Permission, Role,
        operations::{self, Method},
    },
    api,
};

use crate::{
    house::{Caller, Reply, admin, person, program, server},
    support::TestApp,
};

struct Example {
    id: &'static str,
    path: &'static str,
    body: Option<fn() -> Value>,
}

macro_rules! examples {
    ($($id:literal $path:literal $({$($body:tt)*})? $(csv $text:literal)?;)*) => {
        const EXAMPLES: &[Example] =
            &[$(Example { id: $id, path: $path, body: examples!(@ $({$($body)*})? $(csv $text)?) }),*];
    };
    (@) => { None };
    (@ csv $text:literal) => { Some(|| json!($text)) };
    (@ $body:tt) => { Some(|| json!($body)) };
}

examples! {
    "users.create" "/users" { "username": "new", "display_name": "New", "phone_number": "+12025550142", "groups": ["staff"] };
    "users.import" "/users/import?skip_bad=true" csv "username,email\nimported,imported@example.com\nbad,nobody\n";
    "users.list" "/users?limit=1&disabled=false&second_factor=false&signed_in=false";
    "users.get" "/users/{target}";
    "users.update" "/users/{target}" { "email": "target@example.com", "display_name": null, "groups": ["staff", "night"] };
    "users.set_roles" "/users/{target}/roles" { "roles": ["vestibule:auditor"] };
    "users.factors" "/users/{target}/factors";
    "users.password_link" "/users/{target}/password-link";
    "users.bypass_code" "/users/{target}/bypass-code" { "life": 600 };
    "users.invite" "/users/{guest}/invitation" { "client": "shop", "show": true };
    "users.invitation" "/users/{guest}/invitation";
    "users.revoke_invitation" "/users/{guest}/invitation";
    "registration.get" "/registration";
    "registration.set" "/registration" { "open": false };
    "users.sessions" "/users/{target}/sessions";
    "groups.list" "/groups";
    "sessions.list" "/sessions?limit=1";
    "sessions.end" "/sessions/{session}";
    "clients.create" "/clients" { "id": "app", "name": "App", "redirect_uris": ["https://app.example/cb"], "groups": ["staff"], "access_token_life": 300 };
    "clients.list" "/clients";
    "clients.get" "/clients/app";
    "clients.update" "/clients/app" { "name": "The app", "client_uri": null, "consent": "skip" };
    "clients.rotate_secret" "/clients/app/secrets" { "overlap": 3600 };
    "clients.try" "/clients/app/try" { "acr_values": ["urn:vestibule:acr:1fa"] };
    "connections.create" "/connections" { "name": "Other", "settings": { "url": "https://sms.example/send?to={{mobile}}&text={{body}}&key={{secret.key}}", "secrets": { "key": "hidden" } } };
    "connections.list" "/connections";
    "connections.get" "/connections/Other";
    "connections.health" "/connections/Other/health";
    "connections.update" "/connections/Other" { "settings": { "secrets": { "key": "other" } }, "disabled": false };
    "connections.test" "/connections/SMSOTP/test" { "to": "+12025550142" };
    "chains.create" "/chains" { "name": "extra", "document": { "steps": [["password"]] } };
    "chains.save_draft" "/chains/extra/draft" { "document": {
        "steps": [
            ["password"],
            [{ "authenticator": "smsotp", "connection": "SMSOTP", "max_age": 60 }],
            { "alternatives": ["password"], "distinct": false, "enrol": "allow", "when": [
                { "group": "staff", "not": true }, { "time": { "from": "08:00", "to": "18:00", "zone": "Europe/Berlin" } },
            ] },
        ],
        "demands": [{ "factors": 2 }],
    } };
    "chains.check" "/chains/extra/check" { "document": { "steps": [["password"], [{ "authenticator": "smsotp", "connection": "nowhere" }]] } };
    "chains.publish" "/chains/extra/publish" { "note": "at last" };
    "chains.list" "/chains?limit=2";
    "chains.get" "/chains/extra";
    "chains.plan" "/chains/extra/plan" { "user": "target", "ip": "192.0.2.1", "time": "2026-11-23T14:00:00Z", "choices": { "0": 0 } };
    "chains.history" "/chains/extra/revisions";
    "chains.revision" "/chains/extra/revisions/1";
    "chains.restore" "/chains/extra/revisions/1/restore";
    "chains.discard_draft" "/chains/extra/draft";
    "keys.list" "/keys";
    "keys.rotate" "/keys/rotate" { "algorithm": "ES256" };
    "users.timeline" "/users/{target}/events?limit=10";
    "audit.list" "/audit?kind=admin.&since=2020-01-01T00:00:00Z";
    "audit.tail" "/audit/tail";
    "audit.export" "/audit/export?kind=admin.&format=ndjson";
    "audit.health" "/audit/health";
    "doctor.run" "/doctor";
    "settings.list" "/settings";
    "messages.get" "/messages?window=30d";
    "messages.export" "/messages/export?window=24h";
    "messages.lift" "/messages/lift" { "connection": "SMSOTP", "prefix": "+1 JM" };
    "overview.get" "/overview?window=7d";
    "otp.create" "/otp" { "user": "payer", "purpose": "Transfer of 120 EUR to X", "authenticator": "smsotp", "connection": "SMSOTP", "life": 120 };
    "otp.get" "/otp/{otp}";
    "otp.resend" "/otp/{otp}/resend";
    "otp.verify" "/otp/{otp}/verify" { "code": "1234567" };
    "chains.delete" "/chains/extra";
    "connections.delete" "/connections/Other";
    "clients.delete" "/clients/app";
    "users.remove_factor" "/users/{target}/factors/phone";
    "users.require_password" "/users/{target}/password-change";
    "users.sign_out" "/users/{target}/sessions";
    "users.delete" "/users/{target}";
}

const HOW: &str = "See the head of crates/server/tests/api/schemas.rs.";

fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}

/// What is wrong with a value, by a schema of the document; at the top nothing may be that the schema does not know.
fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut root = Map::from_iter([
        ("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into()),
        ("allOf".to_owned(), json!([schema])),
        ("components".to_owned(), document["components"].clone()),
    ]);
    if value.is_object() {
        root.insert("unevaluatedProperties".to_owned(), false.into());
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&Value::Object(root)).unwrap();
    let mut faults: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    // The entries of a list are closed, too.
    let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/"));
    let entries = name.map(|name| &document["components"]["schemas"][name]["properties"]["items"]["items"]);
    if let (Some(entry), Some(items)) = (entries.filter(|entry| entry.is_object()), value["items"].as_array()) {
        faults.extend(items.iter().flat_map(|item| self::faults(document, entry, item)));
    }
    faults
}

async fn ask(caller: &Caller, operation: &operations::Operation, path: &str, body: Option<&Value>) -> Reply {
    let mut caller = caller.clone();
    // The version is that of the thing, or of what it is a part of.
    let mut place = path.split('?').next().unwrap();
    while operation.method != Method::Get && !place.is_empty() {
        let tag = caller.get(place).await.header("etag").to_owned();
        if !tag.is_empty() {
            caller = caller.with("if-match", &tag);
            break;
        }
        place = place.rsplit_once('/').unwrap().0;
    }
    let method = word(operation.method).to_uppercase();
    match body {
        // What is no JSON is a text, and of those there is one kind.
        Some(Value::String(csv)) => caller.send(&method, path, Some(csv), "text/csv").await,
        body => caller.call(&method, path, body).await,
    }
}

async fn world(app: &TestApp) -> (Caller, String, String) {
    let owner = admin(app, Role::Owner).await;
    let target = app.user("target", "target", Some("+12025550143")).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("client_id", "shop")])).await;
    browser.submit(&page, "password", &[("username", "target"), ("password", "target")]).await;
    let sessions = owner.get(&format!("/users/{}/sessions", target.id)).await.ok().json();
    let session = sessions["items"][0]["id"].as_str().unwrap().to_owned();
    (owner, target.id.to_string(), session)
}

/// What is wrong with the answer to an example.
async fn held(caller: &Caller, document: &Value, example: &Example, path: &str) -> Result<(), String> {
    let operation = operations::of(example.id).ok_or("there is no such operation")?;
    let described = &document["paths"][operation.path][word(operation.method)];
    let body = example.body.map(|body| body());
    if let Some(body) = &body {
        let content = described["requestBody"]["content"].as_object().ok_or("it takes no body")?;
        let found = faults(document, &content.values().next().unwrap()["schema"], body);
        if !found.is_empty() {
            return Err(format!("the body of the example is not what its schema says: {found:#?}"));
        }
    }
    let endless = described["responses"]["200"]["content"].get("text/event-stream").is_some();
    let reply = if endless { caller.begun(path).await } else { ask(caller, operation, path, body.as_ref()).await };
    let (status, text) = (reply.status.as_u16(), &reply.text);
    let unknown = || format!("the document does not know an answer {status}: {text}");
    let answer = described["responses"].get(status.to_string()).ok_or_else(unknown)?;
    let Some(content) = answer["content"].as_object() else {
        return if text.is_empty() { Ok(()) } else { Err(format!("the document says nothing of {text}")) };
    };
    let kind = reply.header("content-type").split(';').next().unwrap();
    let shape = content.get(kind).ok_or_else(|| format!("the document does not know {kind}"))?;
    if kind != "application/json" {
        return Ok(());
    }
    let found = faults(document, &shape["schema"], &reply.json());
    if found.is_empty() { Ok(()) } else { Err(format!("the answer is not what its schema says: {found:#?} {text}")) }
}

#[tokio::test]
async fn every_operation_answers_what_its_schema_says() {
    let app = server().await;
    let (owner, target, session) = world(&app).await;
    let document = owner.get("/openapi.json").await.json();
    // What is for programs alone is asked by one; it waits before the message is sent once more.
    let program = program(&app, "otp:send admin:users.read").await;
    app.user("payer", "payer", Some("+12025550144")).await;
    let asked = json!({ "user": "target", "purpose": "Transfer of 120 EUR to X" });
    let otp = program.post("/otp", &asked).await.ok().json()["id"].as_str().unwrap().to_owned();
    let guest = owner.post("/users", &json!({ "username": "guest" })).await.ok().json();
    let guest = guest["id"].as_str().unwrap().to_owned();
    app.advance(31);
    let mut wrong = Vec::new();
    for example in EXAMPLES {
        let path = example.path.replace("{target}", &target).replace("{session}", &session).replace("{otp}", &otp);
        let path = path.replace("{guest}", &guest);
        let for_programs = operations::of(example.id).is_some_and(|o| o.permission == Permission::OtpSend);
        let caller = if for_programs { &program } else { &owner };
        if let Err(why) = held(caller, &document, example, &path).await {
            wrong.push(format!("{} {path}: {why}", example.id));
        }
    }
    assert!(wrong.is_empty(), "{}\n{HOW}", wrong.join("\n"));
    let known = |id: &str| EXAMPLES.iter().any(|example| example.id == id);
    let missing: Vec<_> = operations::ALL.iter().map(|operation| operation.id).filter(|id| !known(id)).collect();
    assert!(missing.is_empty(), "add an example call of {missing:?} to EXAMPLES. {HOW}");
}

#[tokio::test]
async fn what_a_schema_does_not_know_is_refused_and_the_refusal_is_what_its_schema_says() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let user = person(&app, "target", &[]).await.id.to_string();
    let document = api::document("https://auth.example.com");
    let strange = json!({ "no_such_field": 1 });
    for operation in operations::ALL {
        let described = &document["paths"][operation.path][word(operation.method)];
        let Some(content) = described["requestBody"]["content"].as_object() else { continue };
        let Some((kind, shape)) = content.iter().find(|(kind, _)| kind.ends_with("json")) else { continue };
        let found = faults(&document, &shape["schema"], &strange);
        assert!(!found.is_empty(), "{} ({kind}) takes anything, says its schema. {HOW}", operation.id);
        let chain = operation.path.starts_with("/chains");
        let path =
            operation.path.replace("{name}", if chain { "default" } else { "SMSOTP" }).replace("{revision}", "1");
        let path = path.replace("{id}", if operation.path.starts_with("/clients") { "shop" } else { &user });
        let refused = ask(&owner, operation, &path, Some(&strange)).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (400, "invalid"), "{}", operation.id);
        let found = faults(&document, &json!({ "$ref": "#/components/schemas/Problem" }), &refused.json());
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// Calls `see` with every schema inside of a value, and where it is.
fn walk(value: &Value, place: &str, see: &mut impl FnMut(&str, &Value)) {
    see(place, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| walk(field, &format!("{place}/{name}"), see)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, place, see)),
        _ => {}
    }
}

#[test]
fn every_shape_is_a_type_and_every_instant_is_rfc_3339() {
    let document = api::document("https://auth.example.com");
    walk(&document["paths"], "", &mut |place, schema| {
        let vague = schema["type"] == "object" && schema.get("properties").is_none();
        assert!(!(place.ends_with("/schema") && vague), "{place} is described in words alone. {HOW}");
    });
    let mut instants = 0;
    walk(&document["components"]["schemas"], "", &mut |place, schema| {
        let name = place.rsplit('/').next().unwrap();
        let time = (name == "at" || name == "auth_time" || name.ends_with("_at")) && place.contains("/properties/");
        if time && schema.is_object() {
            instants += 1;
            assert_eq!(schema["format"], "date-time", "{place} is an instant: its type is `Timestamp`. {HOW}");
        }
    });
    assert!(instants > 15, "{instants}");
}
