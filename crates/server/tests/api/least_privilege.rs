//! each operation, for nobody, for each role and for each scope.

use serde_json::json;
use vestibule_server::{
    admin::{
        Permission, Role,
        access::Permissions,
        operations::{self, Method, Operation},
    },
    api,
};

use crate::{
    house::{Caller, admin, all_scopes, person, program, server, token},
    support::TestApp,
};

fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

/// A request that would be done, if it may be; rehearsed, so that the next caller finds the same.
async fn ask(caller: &Caller, operation: &Operation, user: &str) -> u16 {
    let mut path = operation.path.replace("{revision}", "1").replace("{factor}", "phone");
    path = path.replace("{name}", if path.starts_with("/chains") { "default" } else { "SMSOTP" });
    let id = if path.starts_with("/clients") { "shop" } else { user };
    path = path.replace("{id}", id);
    let body = match operation.id {
        "users.create" => json!({ "username": "new" }),
        "users.set_roles" => json!({ "roles": [] }),
        "keys.rotate" => json!({ "algorithm": "ES256" }),
        _ => json!({}),
    };
    if operation.id == "audit.tail" {
        // From no place in the log: refused to who may, and else it would not end.
        return caller.get(&format!("{path}?after=x")).await.status.as_u16();
    }
    if operation.method == Method::Get {
        return caller.get(&path).await.status.as_u16();
    }
    if operation.id == "connections.test" {
        return caller.post(&path, &json!({ "to": "no number" })).await.status.as_u16();
    }
    let tag = caller.with("accept", "*/*").get(&path).await.header("etag").to_owned();
    let caller = if tag.is_empty() { caller.clone() } else { caller.with("if-match", &tag) };
    let body = (operation.method != Method::Delete).then_some(&body);
    caller.call(word(operation.method), &format!("{path}?dry_run=true"), body).await.status.as_u16()
}

async fn hold(app: &TestApp, who: &str, caller: &Caller, may: &Permissions, user: &str) {
    for operation in operations::ALL {
        let status = ask(caller, operation, user).await;
        if may.has(operation.permission) {
            assert!(![401, 403].contains(&status) && status < 500, "{who} may {}: {status}", operation.id);
        } else {
            assert_eq!(status, 403, "{who} may not {}", operation.id);
        }
    }
    let _ = app;
}

#[test]
fn every_operation_has_a_route() {
    assert_eq!(api::missing(), Vec::<&str>::new(), "operations without a route");
}

#[tokio::test]
async fn a_106_nobody_gets_anything() {
    let app = server().await;
    let user = person(&app, "target", &[]).await.id.to_string();
    let nobody = Caller::nobody(&app);
    for operation in operations::ALL {
        assert_eq!(ask(&nobody, operation, &user).await, 401, "{}", operation.id);
        for junk in ["x", "eyJhbGciOiJub25lIn0.e30.", "a.b.c"] {
            assert_eq!(ask(&Caller::bearer(&app, junk), operation, &user).await, 401, "{} {junk}", operation.id);
        }
    }
    let refused = nobody.get("/users").await;
    assert_eq!((refused.problem().as_str(), refused.header("www-authenticate")), ("unauthenticated", "Bearer"));
}

#[tokio::test]
async fn a_106_each_role_does_what_it_may_and_nothing_else() {
    let app = server().await;
    let user = person(&app, "target", &[]).await.id.to_string();
    for role in Role::ALL {
        hold(&app, role.name(), &admin(&app, role).await, &role.permissions(), &user).await;
    }
    person(&app, "plain", &["editor", "admin", "owner", "Vestibule:Owner"]).await;
    let plain = Caller::bearer(&app, &token(&app, "plain", &all_scopes()).await);
    hold(&app, "somebody without a role", &plain, &Permissions::default(), &user).await;
}

#[tokio::test]
async fn a_106_each_scope_opens_its_own_and_nothing_else() {
    let app = server().await;
    let user = person(&app, "target", &[]).await.id.to_string();
    for permission in Permission::ALL {
        let caller = program(&app, permission.scope()).await;
        hold(&app, permission.scope(), &caller, &Permissions::of_scopes([permission.scope()]), &user).await;
    }
}

#[tokio::test]
async fn a_106_a_role_that_is_taken_away_takes_effect_at_once() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let user = person(&app, "helper", &[Role::Helpdesk.name()]).await;
    let helper = Caller::bearer(&app, &token(&app, "helper", &all_scopes()).await);
    assert_eq!(helper.get("/users").await.status, 200);
    let path = format!("/users/{}", user.id);
    let tag = owner.get(&path).await.header("etag").to_owned();
    let changed =
        owner.with("if-match", &tag).call("PUT", &format!("{path}/roles"), Some(&json!({ "roles": [] }))).await;
    assert_eq!(changed.ok().json()["roles"], json!([]));
    let refused = helper.get("/users").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "forbidden"));
    assert_eq!(refused.json()["scope"], "admin:users.read");
}

#[tokio::test]
async fn a_106_nobody_touches_who_stands_above_them() {
    let app = server().await;
    let owner = person(&app, "boss", &[Role::Owner.name()]).await;
    let (helpdesk, admin) = (admin(&app, Role::Helpdesk).await, admin(&app, Role::Admin).await);
    let path = format!("/users/{}", owner.id);
    for (caller, who) in [(&helpdesk, "helpdesk"), (&admin, "admin")] {
        for (method, below) in [("POST", "/password-link"), ("DELETE", "/factors/phone"), ("DELETE", "/sessions")] {
            let refused = caller.call(method, &format!("{path}{below}"), Some(&json!({}))).await;
            assert_eq!(refused.problem(), "above", "{who} {method} {below}");
        }
    }
    let refused = admin.patch(&path, &json!({ "email": "mallory@example.com" })).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "above"));
    // Nobody gives what is above them, to themselves least of all.
    let tag = admin.get(&path).await.header("etag").to_owned();
    let raised =
        admin.with("if-match", &tag).call("PUT", &format!("{path}/roles"), Some(&json!({ "roles": [] }))).await;
    assert_eq!(raised.problem(), "forbidden");
}

#[tokio::test]
async fn a_108_a_cookie_opens_nothing_and_a_page_of_another_site_neither() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "owner"), ("password", "owner")]).await;
    let cookie = format!("vestibule-session={}", browser.cookie("vestibule-session").unwrap());
    let refused = Caller::nobody(&app).with("cookie", &cookie).get("/users").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "cross-site"));
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let refused = owner.with(name, value).post("/users", &json!({ "username": "x" })).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "cross-site"), "{name}");
    }
    assert_eq!(owner.with("sec-fetch-site", "same-origin").get("/users").await.status, 200);
}

#[tokio::test]
async fn a_037_a_program_has_the_scopes_that_it_is_registered_with() {
    let app = server().await;
    app.client(json!({
        "id": "job", "name": "Job", "secret": "job-secret-job-secret-job", "grant_types": ["client_credentials"],
        "scopes": ["stock.read"], "auth": "client_secret_post",
    }))
    .await;
    let form = |scope| {
        [
            ("grant_type", "client_credentials"),
            ("client_id", "job"),
            ("client_secret", "job-secret-job-secret-job"),
            ("scope", scope),
        ]
    };
    let refused = app.browser().post("/oauth2/token", &form("admin:users.read")).await;
    assert_eq!(refused.json()["error"], "invalid_scope");
    let granted = app.browser().post("/oauth2/token", &form("stock.read")).await.json();
    let job = Caller::bearer(&app, granted["access_token"].as_str().unwrap());
    assert_eq!(job.get("/users").await.status, 403);
    // What a client lost since it asked, its token carries in vain.
    let reader = program(&app, "admin:users.read").await;
    assert_eq!(reader.get("/users").await.status, 200);
    app.client(json!({
        "id": "batch", "name": "Batch", "secret": "batch-secret-batch-secret", "grant_types": ["client_credentials"],
        "scopes": ["admin:clients.read"],
    }))
    .await;
    assert_eq!(reader.get("/users").await.status, 403);
}

#[tokio::test]
async fn a_token_for_somebody_else_is_none_here() {
    let app = server().await;
    let of = |audiences: serde_json::Value| {
        json!({
            "id": "batch", "name": "Batch", "secret": "batch-secret-batch-secret", "scopes": ["admin:users.read"],
            "grant_types": ["client_credentials"], "audiences": audiences,
        })
    };
    app.client(of(json!(["https://other.example"]))).await;
    assert_eq!(program(&app, "admin:users.read").await.get("/users").await.problem(), "unauthenticated");
    app.client(of(json!([format!("{}/api/v1", app.url)]))).await;
    assert_eq!(program(&app, "admin:users.read").await.get("/users").await.status, 200);
}

#[tokio::test]
async fn a_106_who_has_no_second_factor_is_named_to_those_alone_who_may_see_users() {
    let app = server().await;
    person(&app, "grace", &["vestibule:owner"]).await;
    let wide = program(&app, "admin:audit.read admin:users.read").await.get("/overview").await.ok();
    assert!(wide.text.contains("grace"), "{}", wide.text);
    let narrow = program(&app, "admin:audit.read").await.get("/overview").await.ok();
    assert!(!narrow.text.contains("grace"), "{}", narrow.text);
}
