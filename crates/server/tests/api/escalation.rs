//! nobody becomes more than they are by a way around.

use serde_json::{Value, json};
use vestibule_oauth::model::Consent;
use vestibule_server::{
    admin::{Role, guard::CONSOLE},
    state::Transaction,
};

use crate::{
    house::{Caller, admin, all_scopes, person, program, server, token},
    support::TestApp,
};

/// A token of `name` with these scopes alone.
async fn with_scopes(app: &TestApp, name: &str, scopes: &str) -> Caller {
    Caller::bearer(app, &token(app, name, scopes).await)
}

#[tokio::test]
async fn a_106_a_link_made_for_somebody_without_a_role_is_none_for_an_owner() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let helper = admin(&app, Role::Helpdesk).await;
    let alice = app.alice().await;
    let path = format!("/users/{}", alice.id);
    let made = helper.post(&format!("{path}/password-link"), &json!({})).await.ok().json();
    let url = made["url"].as_str().unwrap().to_owned();
    let mut browser = app.browser();
    let page = browser.get(&url).await;
    assert_eq!(page.status, 200);
    // She is made an owner while the help desk still has the link.
    let tag = owner.get(&path).await.header("etag").to_owned();
    let roles = json!({ "roles": ["vestibule:owner"] });
    owner.with("if-match", &tag).call("PUT", &format!("{path}/roles"), Some(&roles)).await.ok();
    assert_eq!(browser.get(&url).await.status, 404);
    assert_eq!(browser.submit(&page, "password", &[("password", "of the help desk")]).await.status, 404);
    // The owner's own link for her works.
    let made = owner.post(&format!("{path}/password-link"), &json!({})).await.ok().json();
    let page = browser.get(made["url"].as_str().unwrap()).await;
    assert_eq!(browser.submit(&page, "password", &[("password", "a new password")]).await.status, 200);
}

#[tokio::test]
async fn a_106_an_owner_lends_nobody_their_rank_by_a_token_without_it() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let other = person(&app, "second", &[Role::Owner.name()]).await;
    // What an admin could have registered a service provider for, and led an owner to.
    let lent = all_scopes().replace("admin:roles.write", "");
    let lent = with_scopes(&app, "owner", &lent).await;
    let path = format!("/users/{}", other.id);
    let link = lent.post(&format!("{path}/password-link"), &json!({})).await;
    assert_eq!(link.problem(), "above", "{}", link.text);
    assert_eq!(lent.patch(&path, &json!({ "phone_number": "+12025550142" })).await.problem(), "above");
    assert_eq!(lent.call("DELETE", &format!("{path}/sessions"), None).await.problem(), "above");
    owner.post(&format!("{path}/password-link"), &json!({})).await.ok();
}

#[tokio::test]
async fn a_106_an_admin_does_not_decide_how_owners_come_in() {
    let app = server().await;
    app.chain("door", json!([["password"]])).await;
    let id = CONSOLE;
    if !app.read(move |tx: &mut Transaction| Ok(tx.clients()?.iter().any(|client| client.id.as_str() == id))).await {
        app.client(
            json!({ "id": CONSOLE, "name": "Console", "redirect_uris": ["https://a.example/admin"], "chain": "door" }),
        )
        .await;
    }
    let console = app.read(move |tx: &mut Transaction| tx.clients()).await;
    let console = console.into_iter().find(|client| client.id.as_str() == CONSOLE).unwrap();
    let own = console.chain.unwrap().to_string();
    let (owner, admin) = (admin(&app, Role::Owner).await, admin(&app, Role::Admin).await);
    app.client(json!({
        "id": "robot", "name": "Robot", "redirect_uris": ["https://robot.example/cb"], "chain": "default",
        "scopes": ["admin:roles.write"],
    }))
    .await;
    // Neither by its chain, nor by that of a service provider with scopes that the admin has not ...
    for chain in [own.as_str(), "default"] {
        assert_eq!(publish(&admin, chain).await, 403, "{chain}");
        assert_eq!(publish(&owner, chain).await, 200, "{chain}");
    }
    // ... nor by giving the console another chain.
    app.chain("weak", json!([["password"]])).await;
    let moved = admin.patch(&format!("/clients/{CONSOLE}"), &json!({ "chain": "weak" })).await;
    assert_eq!(moved.problem(), "forbidden", "{}", moved.text);
    assert_eq!(publish(&admin, "weak").await, 200, "a chain of nobody is anybody's");
}

#[tokio::test]
async fn a_106_an_admin_does_not_carry_the_codes_of_owners() {
    let app = server().await;
    let (owner, admin) = (admin(&app, Role::Owner).await, admin(&app, Role::Admin).await);
    app.connection("GATE", json!({ "preset": "outbox" })).await;
    app.connection("OTHER", json!({ "preset": "outbox" })).await;
    app.chain("admin", json!([[{ "authenticator": "smsotp", "connection": "GATE" }, "password"]])).await;
    app.chain("shop", json!([[{ "authenticator": "smsotp", "connection": "OTHER" }]])).await;
    let theirs = json!({ "settings": { "preset": null, "url": "https://admin.example/send" } });
    assert_eq!(admin.patch("/connections/GATE", &theirs).await.problem(), "forbidden");
    let tag = owner.get("/connections/GATE").await.ok().header("etag").to_owned();
    let removed = |caller: &Caller| {
        let caller = caller.with("if-match", &tag);
        async move { caller.call("DELETE", "/connections/GATE", None).await.problem() }
    };
    assert_eq!(removed(&admin).await, "forbidden");
    assert_ne!(removed(&owner).await, "forbidden");
    owner.patch("/connections/GATE", &json!({ "disabled": true })).await.ok();
    // What the console does not send by is an admin's.
    admin.patch("/connections/OTHER", &json!({ "disabled": true })).await.ok();
    // One that the chain names and nobody has made yet.
    app.write(|tx: &mut Transaction| tx.delete_connection(&"GATE".into()).map(drop)).await;
    let mine = json!({ "name": "GATE", "kind": "sms", "settings": { "preset": "outbox" } });
    assert_eq!(admin.post("/connections", &mine).await.problem(), "forbidden");
    owner.post("/connections", &mine).await.ok();
    admin.post("/connections", &json!({ "name": "NEW", "kind": "sms", "settings": { "preset": "outbox" } })).await.ok();
}

#[tokio::test]
async fn a_106_who_may_not_give_what_a_service_provider_has_does_not_delete_it() {
    let app = server().await;
    let (owner, admin) = (admin(&app, Role::Owner).await, admin(&app, Role::Admin).await);
    let ada = person(&app, "ada", &[]).await.id;
    for (id, scope) in [("robot", "admin:roles.write"), ("wiki", "email")] {
        let at = app.state.clock.now();
        app.client(json!({
            "id": id, "name": id, "redirect_uris": ["https://a.example/cb"], "chain": "default", "scopes": ["openid", scope],
        }))
        .await;
        let agreed = Consent { user: ada, client: id.into(), scopes: ["openid".to_owned()].into(), at };
        app.write(move |tx: &mut Transaction| tx.put_consent(&agreed)).await;
        let path = format!("/clients/{id}");
        let tag = admin.get(&path).await.ok().header("etag").to_owned();
        let by_admin = admin.with("if-match", &tag).call("DELETE", &path, None).await;
        if id == "robot" {
            assert_eq!(by_admin.problem(), "forbidden");
            assert_eq!(owner.with("if-match", &tag).call("DELETE", &path, None).await.status, 204);
        } else {
            assert_eq!(by_admin.status, 204);
        }
        // Whoever is registered by that id now was agreed to by nobody.
        let left = app.read(move |tx: &mut Transaction| tx.consent(ada, &id.into())).await;
        assert_eq!(left, None, "{id}");
    }
}

/// Publishes another document of a chain; the status.
async fn publish(caller: &Caller, chain: &str) -> u16 {
    let path = format!("/chains/{chain}");
    let tag = caller.get(&path).await.ok().header("etag").to_owned();
    let document = json!({ "steps": [[{ "authenticator": "password", "max_age": 3600 }]] });
    let saved = caller
        .with("if-match", &tag)
        .call("PUT", &format!("{path}/draft"), Some(&json!({ "document": document })))
        .await;
    let tag = saved.ok().header("etag").to_owned();
    let published: Value = json!({});
    let answer = caller.with("if-match", &tag).post(&format!("{path}/publish"), &published).await;
    let (status, text) = (answer.status.as_u16(), answer.text);
    assert!([200, 403].contains(&status), "{status} {text}");
    status
}

#[tokio::test]
async fn a_106_a_person_comes_in_by_the_chain_of_the_console_alone() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    owner.get("/users").await.ok();
    // The same service provider, by whatever chain everybody passes.
    owner.patch("/clients/tool", &json!({ "chain": "default" })).await.ok();
    let refused = owner.get("/users").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "forbidden"), "{}", refused.text);
    let again = with_scopes(&app, "owner", &all_scopes()).await.get("/users").await;
    assert_eq!(again.problem(), "forbidden", "{}", again.text);
    // A program signs in by no chain.
    program(&app, "admin:users.read").await.get("/users").await.ok();
}

#[tokio::test]
async fn a_032_a_token_that_another_api_sees_as_well_opens_nothing_here() {
    let app = server().await;
    let own = format!("{}/api/v1", app.place());
    person(&app, "auditor", &[Role::Auditor.name()]).await;
    for (audiences, good) in [
        (json!(["https://other.example"]), false),
        (json!(["https://other.example", app.place()]), false),
        (json!([]), true),
        (json!([own]), true),
    ] {
        app.client(json!({
            "id": "tool", "name": "Tool", "redirect_uris": [crate::support::CALLBACK], "consent": "skip",
            "scopes": ["openid", "admin:users.read"], "audiences": audiences, "chain": "admin",
        }))
        .await;
        let caller = with_scopes(&app, "auditor", "admin:users.read").await;
        let status = caller.get("/users").await.status.as_u16();
        assert_eq!(status, if good { 200 } else { 401 }, "{audiences}");
    }
}
