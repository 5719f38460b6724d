//! Service providers built with openid-client for Node: each way of authenticating a client, the same story.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    database::Database,
    house::{AFTER_LOGOUT, House, REDIRECT_URI, SECRET},
    person::{ALICE, BOB, CAROL, Who},
};

/// The folder of what runs in Node.
pub(crate) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "relying-parties"].iter().collect()
}

/// Runs a script of that folder with `input` on its stdin; what it printed.
pub(crate) fn run(script: &str, input: &Value) -> Value {
    let folder = folder();
    assert!(
        folder.join("node_modules").exists(),
        "what runs in Node is not installed: npm ci --prefix crates/cli/tests/relying-parties"
    );
    let child = Command::new("node")
        .arg(folder.join(script))
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("node: {error}. Install the packages nodejs and npm."));
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}: {}", super::program::said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", super::program::said(&output)))
}

fn person(house: &House, who: Who) -> Value {
    json!({
        "username": who.username,
        "password": Who::PASSWORD,
        "number": who.number,
        "messages": house.gateway.messages_url(),
        "home": house.url(),
    })
}

fn check(saw: &Value, who: Who, client: &str) {
    let same = |name: &str, wanted: Value| assert_eq!(saw[name], wanted, "{client}: {name} in {saw:#}");
    same("before", json!("login_required"));
    same("asked", json!(["password", "code", "decision"]));
    let amr: BTreeSet<_> = saw["claims"]["amr"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(["pwd", "otp", "sms"].iter().all(|value| amr.contains(value)), "{client}: {amr:?}");
    assert_eq!(saw["claims"]["aud"], json!(client));
    assert_eq!(saw["userinfo"]["sub"], saw["claims"]["sub"]);
    assert_eq!(saw["userinfo"]["preferred_username"], json!(who.username));
    assert_eq!(saw["userinfo"]["phone_number"], json!(who.number));
    same("askedAgain", json!([]));
    same("sameSession", json!(true));
    same("replay", json!("invalid_grant"));
    assert_ne!(saw["afterReplay"], "accepted", "{client}");
    same("otherVerifier", json!("invalid_grant"));
    same("rotates", json!(3));
    same("refreshedUserinfo", json!(true));
    assert_ne!(saw["afterRevocation"], "accepted", "{client}");
    same("oldRefresh", json!("invalid_grant"));
    same("family", json!("invalid_grant"));
    same("loggedOutTo", json!(AFTER_LOGOUT));
    same("loggedOutState", json!(true));
    same("refreshAfterLogout", json!("invalid_grant"));
    same("after", json!("login_required"));
}

/// What only a client can do that has a secret or keys.
fn check_confidential(saw: &Value, who: Who, client: &str) {
    assert_eq!(saw["introspected"]["active"], json!(true));
    assert_eq!(saw["introspected"]["username"], json!(who.username));
    assert_eq!(saw["introspected"]["client_id"], json!(client));
    assert_eq!(saw["introspectedAfter"], json!({ "active": false }));
    let own = &saw["own"];
    assert_eq!(
        (&own["active"], &own["scope"], &own["sub"]),
        (&json!(true), &json!("stock.read"), &json!(client)),
        "{own}"
    );
    assert!(own.get("id_token").is_none() && own.get("refresh").is_none(), "a client alone is no person: {own}");
    assert_eq!(saw["ownTooMuch"], json!("invalid_scope"));
}

fn client(id: &str, method: &str, more: &Value) -> Value {
    let mut client = json!({
        "id": id, "method": method, "redirect_uri": REDIRECT_URI, "post_logout_redirect_uri": AFTER_LOGOUT,
    });
    client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client
}

async fn story(database: Database) {
    if !database.is_there() {
        return;
    }
    let pair = run("key.mjs", &Value::Null);
    let house = House::build(database, Some(&json!({ "keys": [pair["public"]] })));
    let server = house.serve().await;
    let clients = [
        (client("signer", "private_key_jwt", &json!({ "key": pair["private"] })), ALICE),
        (client("poster", "client_secret_post", &json!({ "secret": SECRET })), BOB),
        (client("app", "none", &json!({})), CAROL),
    ];
    for (client, who) in clients {
        let id = client["id"].as_str().unwrap();
        let saw = run("login.mjs", &json!({ "issuer": server.url, "person": person(&house, who), "client": client }));
        check(&saw, who, id);
        if client["method"] != "none" {
            check_confidential(&saw, who, id);
        }
    }
}

#[tokio::test]
async fn node_service_providers_on_sqlite() {
    story(Database::Sqlite).await;
}

#[tokio::test]
async fn node_service_providers_on_postgresql() {
    story(Database::Postgres).await;
}
