//! `Idempotency-Key`: what is sent twice is done once.

use serde_json::json;
use tokio::task::JoinSet;
use vestibule_server::admin::Role;

use crate::house::{admin, program, server};

#[tokio::test]
async fn the_same_request_is_done_once_and_answered_twice() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await.with("idempotency-key", "key-1");
    let first = admin.post("/users", &json!({ "username": "ada" })).await.ok();
    let again = admin.post("/users", &json!({ "username": "ada" })).await.ok();
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!((first.header("etag"), first.header("location")), (again.header("etag"), again.header("location")));
    let other = admin.post("/users", &json!({ "username": "bob" })).await;
    assert_eq!((other.status.as_u16(), other.problem().as_str()), (422, "idempotency-key-reused"));
    // A key is the caller's own.
    let program = program(&app, "admin:users.write admin:users.read").await.with("idempotency-key", "key-1");
    program.post("/users", &json!({ "username": "bob" })).await.ok();
    // After a day it is any key.
    app.advance(24 * 3600 + 1);
    let taken = crate::house::program(&app, "admin:users.write").await.with("idempotency-key", "key-1");
    assert_eq!(taken.post("/users", &json!({ "username": "bob" })).await.problem(), "taken");
}

#[tokio::test]
async fn what_failed_leaves_its_key_free() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await.with("idempotency-key", "key-1");
    assert_eq!(admin.post("/users", &json!({ "username": "" })).await.status, 400);
    admin.post("/users", &json!({ "username": "ada" })).await.ok();
    for bad in ["a b", "", &"x".repeat(256)] {
        let refused = admin.with("idempotency-key", bad).post("/users", &json!({ "username": "x" })).await;
        assert_eq!(refused.problem(), "malformed", "{bad:?}");
    }
}

#[tokio::test]
async fn of_sixteen_at_once_one_is_done() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await.with("idempotency-key", "key-1");
    let mut all = JoinSet::new();
    for _ in 0..16 {
        let admin = admin.clone();
        all.spawn(async move { admin.post("/users", &json!({ "username": "ada" })).await });
    }
    let answers = all.join_all().await;
    let made = answers.iter().filter(|answer| answer.status == 201 && answer.header("idempotent-replayed").is_empty());
    assert_eq!(made.count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "in-progress"));
    }
}
