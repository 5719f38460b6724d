//! What a file declares is changed in the file: console and API refuse, and name it. (Chains have their own in `tests/stories/chains.rs`.)

use serde_json::json;
use vestibule_core::Clock as _;
use vestibule_oauth::managed::{Managed, ObjectKind};
use vestibule_server::{admin::Role, state::Transaction};

use crate::{
    house::{Caller, admin, person, server},
    support::TestApp,
};

const FILE: &str = "people-and-apps.toml";

async fn manage(app: &TestApp, kind: ObjectKind, name: &str) {
    let mark = Managed { kind, name: name.to_owned(), source: FILE.to_owned(), applied_at: app.clock.now() };
    app.write(move |tx: &mut Transaction| tx.set_managed(&mark)).await;
}

/// Each of the calls is refused by the file's name, and the thing is as it was.
async fn refused(caller: &Caller, place: &str, calls: &[(&str, String, serde_json::Value)]) {
    let before = caller.get(place).await.ok();
    let caller = caller.with("if-match", before.header("etag"));
    for (method, path, body) in calls {
        let reply = caller.call(method, path, (!body.is_null()).then_some(body)).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (409, "managed-by-file"), "{method} {path}");
        assert!(reply.text.contains(FILE), "{}", reply.text);
    }
    assert_eq!(caller.get(place).await.ok().json(), before.json());
}

#[tokio::test]
async fn what_a_file_declares_is_not_changed_beside_it() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let ada = person(&app, "ada", &[]).await;
    manage(&app, ObjectKind::Client, "batch").await;
    manage(&app, ObjectKind::Connection, "SMSOTP").await;
    manage(&app, ObjectKind::User, "ada").await;

    let nothing = serde_json::Value::Null;
    let client = "/clients/batch".to_owned();
    refused(
        &owner,
        &client,
        &[
            ("PATCH", client.clone(), json!({ "name": "Other" })),
            ("POST", format!("{client}/secrets"), json!({})),
            ("DELETE", client.clone(), nothing.clone()),
        ],
    )
    .await;
    let connection = "/connections/SMSOTP".to_owned();
    refused(
        &owner,
        &connection,
        &[("PATCH", connection.clone(), json!({ "disabled": true })), ("DELETE", connection.clone(), nothing.clone())],
    )
    .await;
    let user = format!("/users/{}", ada.id);
    refused(
        &owner,
        &user,
        &[
            ("PATCH", user.clone(), json!({ "display_name": "Somebody else" })),
            ("PUT", format!("{user}/roles"), json!({ "roles": ["vestibule:auditor"] })),
            ("DELETE", user.clone(), nothing),
        ],
    )
    .await;
}

#[tokio::test]
async fn whom_a_file_declares_can_be_disabled_at_once_all_the_same() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let ada = person(&app, "ada", &[]).await;
    manage(&app, ObjectKind::User, "ada").await;
    let disabled = owner.patch(&format!("/users/{}", ada.id), &json!({ "disabled": true })).await.ok();
    assert_eq!(disabled.json()["disabled"], true);
}
