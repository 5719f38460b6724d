//! what bad input gets. Nothing of it is done.

use serde_json::json;
use vestibule_server::admin::Role;

use crate::house::{admin, person, server};

#[tokio::test]
async fn a_107_what_is_not_for_them_to_set_is_refused_by_its_place() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    for (field, value) in [
        ("id", json!("00000000-0000-7000-8000-000000000000")),
        ("created_at", json!(0)),
        ("updated_at", json!("2020-01-01T00:00:00Z")),
        ("password", json!("secret")),
        ("password_hash", json!("$argon2id$")),
        ("tenant", json!("other")),
        ("credentials", json!([])),
    ] {
        let refused = admin.post("/users", &json!({ "username": "new", field: value.clone() })).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec![format!("/{field}")]), "{field}");
        let user = person(&app, &format!("u-{}", field.replace('_', "-")), &[]).await;
        let refused = admin.patch(&format!("/users/{}", user.id), &json!({ field: value })).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec![format!("/{field}")]), "{field}");
    }
    for (number, role) in
        ["vestibule:owner", "vestibule:auditor", "Vestibule:Owner", " vestibule:owner", "vestibule:root"]
            .into_iter()
            .enumerate()
    {
        let refused = admin.post("/users", &json!({ "username": "new", "roles": ["editor", role] })).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (400, "invalid"), "{role}");
        let user = person(&app, &format!("r{number}"), &[]).await;
        let refused = admin.patch(&format!("/users/{}", user.id), &json!({ "roles": [role] })).await;
        assert_eq!(refused.status, 400, "{role}");
    }
    assert!(!admin.get("/users?q=new").await.text.contains("\"new\""));
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_at_its_place() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let bad = json!({
        "username": "a\u{0}b", "display_name": "x".repeat(129), "email": "nobody", "phone_number": "12345",
        "locale": "en_US", "groups": ["ok", " not "], "email_verified": false,
    });
    let refused = admin.post("/users", &bad).await;
    let mut pointers = refused.pointers();
    pointers.sort();
    assert_eq!(pointers, ["/display_name", "/email", "/groups/1", "/locale", "/phone_number", "/username"]);
    admin.post("/users", &json!({ "username": "ada", "email": "ada@example.com" })).await.ok();
    let taken = admin.post("/users", &json!({ "username": "bob", "email": "ADA@example.com" })).await;
    assert_eq!(
        (taken.status.as_u16(), taken.problem().as_str(), taken.pointers()),
        (409, "taken", vec!["/email".into()])
    );
    let taken = admin.post("/users", &json!({ "username": "Ada@Example.com" })).await;
    assert_eq!(taken.pointers(), ["/username"]);
}

#[tokio::test]
async fn a_109_pages_are_asked_for_within_reason() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    for list in ["/users", "/groups", "/sessions", "/audit"] {
        for (query, at) in [
            ("limit=0", "/limit"),
            ("limit=-1", "/limit"),
            ("limit=1000000000", "/limit"),
            ("limit=99999999999999999999", "/limit"),
            ("limit=ten", "/limit"),
            ("after=x", "/after"),
            ("after=ImEi.AAAA", "/after"),
            ("sort=username;DROP%20TABLE%20users", "/sort"),
            ("order=1", "/order"),
            ("limit=1&limit=2", "/limit"),
        ] {
            let refused = owner.get(&format!("{list}?{query}")).await;
            assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec![at.to_owned()]), "{list}?{query}");
        }
    }
    for injected in ["'%20OR%20'1'='1", "%25", "_", "\\", "\u{10FFFF}"] {
        let found = owner.get(&format!("/users?q={injected}")).await;
        assert_eq!(found.ok().json()["items"], json!([]), "{injected}");
    }
    assert_eq!(owner.get("/users?q=%00").await.problem(), "malformed");
}

#[tokio::test]
async fn a_body_is_json_and_says_so() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    for (body, kind, status, word) in [
        ("username=x", "application/x-www-form-urlencoded", 415, "media-type"),
        ("{\"username\":\"x\"}", "text/plain", 415, "media-type"),
        ("{", "application/json", 400, "malformed"),
        ("[]", "application/json", 400, "invalid"),
        ("null", "application/json", 400, "invalid"),
        ("", "application/json", 400, "malformed"),
    ] {
        let refused = admin.send("POST", "/users", Some(body), kind).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (status, word), "{body} {kind}");
    }
    let large = format!("{{\"username\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(admin.send("POST", "/users", Some(&large), "application/json").await.problem(), "too-large");
    let wrong = admin.call("PUT", "/users", None).await;
    assert_eq!((wrong.problem().as_str(), wrong.header("allow")), ("method-not-allowed", "GET, HEAD, POST"));
    assert_eq!(admin.get("/nothing").await.problem(), "not-found");
    assert_eq!(admin.get("/users/not-an-id").await.problem(), "not-found");
}

#[tokio::test]
async fn what_is_rehearsed_is_judged_and_not_done() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let rehearsed = admin.post("/users?dry_run=true", &json!({ "username": "ada" })).await.ok();
    assert_eq!((rehearsed.json()["username"].as_str(), rehearsed.header("dry-run")), (Some("ada"), "true"));
    assert_eq!(admin.get("/users?q=ada").await.json()["items"], json!([]));
    admin.post("/users?dry_run=false", &json!({ "username": "ada" })).await.ok();
    assert_eq!(admin.post("/users?dry_run=true", &json!({ "username": "ada" })).await.problem(), "taken");
    for mistyped in ["dry_run=1", "dry_run=TRUE", "dryrun=true", "dry-run=true"] {
        let refused = admin.post(&format!("/users?{mistyped}"), &json!({ "username": "bob" })).await;
        assert_eq!(refused.status, 400, "{mistyped}");
    }
    assert_eq!(admin.get("/users?q=bob").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_problem_leads_to_where_it_is_explained() {
    let app = server().await;
    let refused = crate::house::Caller::nobody(&app).get("/users").await.json();
    let address = refused["type"].as_str().unwrap().to_owned();
    let page = app.browser().get(&address).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Authorization"), "{}", page.body);
}
