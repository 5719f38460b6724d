//! Users, from the first page to the last.

use serde_json::{Value, json};
use vestibule_server::admin::Role;

use crate::house::{Caller, admin, all_scopes, person, server, token};

async fn names(caller: &Caller, first: &str) -> Vec<String> {
    let (mut names, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let page = caller.get(&path).await.ok();
        let link = page.header("link").to_owned();
        let page = page.json();
        names
            .extend(page["items"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        next = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(url, _)| {
            assert!(url.contains(page["next"].as_str().unwrap()));
            url.rsplit_once("/api/v1").unwrap().1.to_owned()
        });
        assert_eq!(next.is_none(), page["next"] == Value::Null);
    }
    names
}

#[tokio::test]
async fn users_are_found_a_page_at_a_time() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    for number in 0..7 {
        let user = json!({
            "username": format!("user{number}"), "display_name": format!("Ünal {number}"),
            "email": format!("u{number}@example.com"), "groups": [if number % 2 == 0 { "even" } else { "odd" }],
            "roles": ["editor"], "disabled": number == 3,
        });
        admin.post("/users", &user).await.ok();
    }
    let all: Vec<String> = (0..7).map(|number| format!("user{number}")).collect();
    assert_eq!(names(&admin, "/users?role=editor&limit=2").await, all);
    assert_eq!(names(&admin, "/users?limit=3").await.len(), 8);
    assert_eq!(names(&admin, "/users?q=USER&limit=2").await, all);
    assert_eq!(names(&admin, "/users?q=%C3%BCnal%203").await, ["user3"]);
    assert_eq!(names(&admin, "/users?q=u5@").await, ["user5"]);
    // Found by three names, shown once.
    assert_eq!(names(&admin, "/users?q=u&limit=1&role=editor").await.len(), 7);
    assert_eq!(names(&admin, "/users?group=even&limit=1").await, ["user0", "user2", "user4", "user6"]);
    assert_eq!(names(&admin, "/users?group=odd&disabled=true").await, ["user3"]);
    assert_eq!(names(&admin, "/users?group=odd&disabled=false").await, ["user1", "user5"]);
    let groups = admin.get("/groups").await.json();
    assert_eq!(groups["items"], json!([{ "name": "even", "members": 4 }, { "name": "odd", "members": 3 }]));
    // The token of one search means nothing in another.
    let next = admin.get("/users?group=even&limit=1").await.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(admin.get(&format!("/users?group=odd&limit=1&after={next}")).await.pointers(), ["/after"]);
}

#[tokio::test]
async fn a_user_is_changed_field_by_field() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let new = json!({ "username": " Ada ", "phone_number": "+1 202 555 0142", "email": "ada@example.com" });
    let made = admin.post("/users", &new).await.ok();
    assert_eq!(made.status, 201);
    let user = made.json();
    assert_eq!((&user["username"], &user["phone_number"]), (&json!("ada"), &json!("+12025550142")));
    assert_eq!((&user["phone_number_verified"], &user["email_verified"]), (&json!(true), &json!(false)));
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    assert!(made.header("location").ends_with(&path));
    assert_eq!(admin.get(&path).await.header("etag"), made.header("etag"));
    app.advance(1);
    let changed =
        admin.patch(&path, &json!({ "email": null, "groups": ["b", "a", "b"], "locale": "de" })).await.ok().json();
    assert_eq!(
        (&changed["email"], &changed["groups"], &changed["locale"]),
        (&Value::Null, &json!(["b", "a"]), &json!("de"))
    );
    assert_eq!(changed["phone_number"], "+12025550142", "what is left out stays");
    assert_ne!(changed["updated_at"], user["updated_at"]);
    let same = admin.patch(&path, &json!({ "locale": "de" })).await.ok().json();
    assert_eq!(same, changed, "nothing changed, not even the time");
    let factors = admin.get(&format!("{path}/factors")).await.json();
    assert_eq!(factors["items"][0]["id"], "phone");
    assert!(!factors.to_string().contains("2025550142"), "masked");
    assert_eq!(admin.call("DELETE", &format!("{path}/factors/phone"), None).await.status, 204);
    assert_eq!(admin.get(&path).await.json()["phone_number"], Value::Null);
    assert_eq!(admin.call("DELETE", &format!("{path}/factors/phone"), None).await.status, 404);
}

#[tokio::test]
async fn a_141_a_deleted_user_is_gone_and_their_id_with_them() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let user = person(&app, "gone", &["vestibule:auditor"]).await;
    let theirs = Caller::bearer(&app, &token(&app, "gone", &all_scopes()).await);
    assert_eq!(theirs.get("/users").await.status, 200);
    let path = format!("/users/{}", user.id);
    assert_eq!(owner.get(&format!("{path}/sessions")).await.json()["items"].as_array().unwrap().len(), 1);
    let tag = owner.get(&path).await.header("etag").to_owned();
    assert_eq!(owner.with("if-match", &tag).call("DELETE", &path, None).await.status, 204);
    assert_eq!(theirs.get("/users").await.status, 401);
    assert_eq!(owner.get(&path).await.status, 404);
    assert_eq!(owner.get("/users?q=gone").await.json()["items"], json!([]));
    let id = user.id;
    let left = app.read(move |tx| Ok((tx.credentials_of(id)?.len(), tx.user(id)?.is_some()))).await;
    assert_eq!(left, (0, false));
    let again = owner.post("/users", &json!({ "username": "gone" })).await.ok().json();
    assert_ne!(again["id"], json!(user.id.to_string()));
    assert_eq!(again["roles"], json!([]));
}

#[tokio::test]
async fn who_is_disabled_or_signed_out_has_nothing_any_more() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let user = person(&app, "ada", &["vestibule:auditor"]).await;
    let path = format!("/users/{}", user.id);
    let theirs = Caller::bearer(&app, &token(&app, "ada", &all_scopes()).await);
    let link = owner.post(&format!("{path}/password-link"), &json!({})).await.ok().json();
    let link = link["url"].as_str().unwrap().to_owned();
    assert_eq!(app.browser().get(&link).await.status, 200);
    owner.patch(&path, &json!({ "disabled": true })).await.ok();
    assert_eq!(theirs.get("/users").await.status, 401);
    owner.patch(&path, &json!({ "disabled": false })).await.ok();
    // Somebody is disabled because their account may be in other hands: what those hands hold must not come to life again
    // when the owner of the account is let in again.
    assert_eq!(theirs.get("/users").await.status, 401, "their grant ended for good");
    assert_eq!(owner.get(&format!("{path}/sessions")).await.json()["items"], json!([]));
    assert_eq!(app.browser().get(&link).await.status, 404, "so did the link");
    let theirs = Caller::bearer(&app, &token(&app, "ada", &all_scopes()).await);
    assert_eq!(theirs.get("/users").await.status, 200);
    let sessions = owner.get("/sessions").await.json();
    let mine = sessions["items"].as_array().unwrap().iter().find(|session| session["username"] == "ada").unwrap();
    let session = format!("/sessions/{}", mine["id"].as_str().unwrap());
    assert_eq!(owner.call("DELETE", &session, None).await.status, 204);
    assert_eq!(owner.call("DELETE", &session, None).await.status, 404);
    assert_eq!(theirs.get("/users").await.status, 401);
    let again = Caller::bearer(&app, &token(&app, "ada", &all_scopes()).await);
    assert_eq!(again.get("/users").await.status, 200);
    let out = owner.call("DELETE", &format!("{path}/sessions"), None).await.ok().json();
    assert_eq!(out, json!({ "sessions": 1 }));
    assert_eq!(again.get("/users").await.status, 401);
}

#[tokio::test]
async fn every_change_is_written_down_with_before_and_after() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let path = format!("/users/{}", person(&app, "ada", &[]).await.id);
    owner.patch(&path, &json!({ "display_name": "Countess" })).await.ok();
    let events = owner.get(&format!("{path}/events")).await.ok().json();
    let event = events["items"].as_array().unwrap().iter().find(|event| event["kind"] == "admin.user.changed").unwrap();
    assert_eq!((&event["actor"]["username"], &event["actor"]["via"]), (&json!("owner"), &json!("api")));
    let change = event["changes"].as_array().unwrap().iter().find(|change| change["field"] == "display_name").unwrap();
    assert_eq!((&change["before"], &change["after"]), (&json!("Ada"), &json!("Countess")));
}
