//! What every request of the API has in common: pages, heads, preferences, parameters and budgets.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_core::budget::{Beyond, Rule};
use vestibule_server::admin::Role;

use crate::{
    house::{Caller, admin, prepare, program, server},
    support::TestApp,
};

/// Every entry of a list, two at a time, by the header `Link`.
async fn walked(caller: &Caller, list: &str, name: &str) -> Vec<String> {
    let (mut path, mut seen) = (format!("{list}?limit=2"), Vec::new());
    for _ in 0..50 {
        let page = caller.get(&path).await.ok();
        let body = page.json();
        let items = body["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{list}");
        seen.extend(items.iter().map(|item| item[name].as_str().unwrap().to_owned()));
        let link = page.header("link");
        assert_eq!(link.is_empty(), body["next"].is_null(), "{list}");
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
        assert!(next.contains(body["next"].as_str().unwrap()), "{next}");
        path = next.split("/api/v1").nth(1).unwrap().to_owned();
    }
    seen
}

#[tokio::test]
async fn a_109_every_list_is_walked_page_by_page_and_nothing_is_there_twice() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    for n in 0..5 {
        let client = json!({ "id": format!("app-{n}"), "name": "App", "redirect_uris": ["https://app.example/cb"] });
        owner.post("/clients", &client).await.ok();
        let url = format!("https://sms.example/{n}?to={{{{mobile}}}}&text={{{{body}}}}");
        owner.post("/connections", &json!({ "name": format!("gate-{n}"), "settings": { "url": url } })).await.ok();
        owner.post("/chains", &json!({ "name": format!("way-{n}") })).await.ok();
    }
    owner.post("/keys/rotate", &json!({ "algorithm": "ES256" })).await.ok();
    for (list, name) in
        [("/clients", "id"), ("/connections", "name"), ("/chains", "name"), ("/keys", "id"), ("/groups", "name")]
    {
        let whole = owner.get(&format!("{list}?limit=200")).await.ok().json();
        let whole: Vec<String> =
            whole["items"].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect();
        assert_eq!(walked(&owner, list, name).await, whole, "{list}");
        assert!(whole.len() > 2 || list == "/groups", "{list}: {whole:?}");
    }
    let token = owner.get("/clients?limit=1").await.json()["next"].as_str().unwrap().to_owned();
    for list in ["/connections", "/chains", "/keys", "/users"] {
        let refused = owner.get(&format!("{list}?after={token}")).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec!["/after".to_owned()]), "{list}");
    }
    assert_eq!(owner.get("/keys?limit=0").await.pointers(), ["/limit"]);
}

#[tokio::test]
async fn what_can_be_read_can_be_asked_for_its_head() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let (whole, head) = (owner.get("/clients/shop").await, owner.call("HEAD", "/clients/shop", None).await.ok());
    assert_eq!((head.text.as_str(), head.header("etag")), ("", whole.header("etag")));
    assert_eq!(head.header("content-length"), whole.text.len().to_string());
    assert_eq!(owner.call("HEAD", "/clients/nobody", None).await.status, 404);
    assert_eq!(Caller::nobody(&app).call("HEAD", "/clients/shop", None).await.status, 401);
    assert_eq!(owner.call("HEAD", "/keys/rotate", None).await.status, 405, "what changes something has no head");
    let refused = owner.call("POST", "/keys", Some(&json!({}))).await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_refused_and_the_nearest_named() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let refused = owner.post("/users?dryrun=true", &json!({ "username": "new" })).await;
    assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec!["/dryrun".to_owned()]));
    assert!(refused.text.contains("did you mean `dry_run`?"), "{}", refused.text);
    assert!(!owner.get("/users?colour=red").await.text.contains("did you mean"));
    assert_eq!(owner.get("/users?q=new").await.json()["items"], json!([]));
}

#[tokio::test]
async fn who_prefers_less_gets_less_and_never_less_than_a_secret() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let change = json!({ "name": "Market" });
    for (prefer, minimal) in [
        ("return=minimal", true),
        ("respond-async, Return=\"minimal\"; x=1", true),
        ("return=representation, return=minimal", false),
        ("minimal", false),
    ] {
        let changed = owner.with("prefer", prefer).patch("/clients/shop", &change).await.ok();
        assert_eq!(
            (changed.status.as_u16(), changed.text.is_empty()),
            if minimal { (204, true) } else { (200, false) },
            "{prefer}"
        );
        assert_eq!(changed.header("preference-applied"), if minimal { "return=minimal" } else { "" }, "{prefer}");
        assert!(!changed.header("etag").is_empty(), "{prefer}");
    }
    let new = json!({ "id": "job", "name": "Job", "grant_types": ["client_credentials"] });
    let made = owner.with("prefer", "return=minimal").post("/clients", &new).await.ok();
    assert!(made.json()["secret"].as_str().is_some_and(|secret| secret.starts_with("vss_")));
}

/// A server on which a caller has three requests a minute, and a stranger two.
async fn busy() -> TestApp {
    let rule = |limit| Rule { limit, window: Duration::from_secs(60), beyond: Beyond::WaitForWindow };
    let app = TestApp::start_with(|settings| {
        settings.limits.api.caller = rule(3);
        settings.limits.api.stranger = rule(2);
    })
    .await;
    prepare(&app).await;
    app
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again_and_nothing_is_done() {
    let app = busy().await;
    let batch = program(&app, "admin:users.read admin:users.write").await;
    let first = batch.get("/users").await.ok();
    assert_eq!(first.header("ratelimit-policy"), "\"caller\";q=3;w=60");
    assert_eq!(first.header("ratelimit"), "\"caller\";r=2;t=60");
    assert_eq!(batch.get("/nothing").await.header("ratelimit"), "", "there is nothing to be counted");
    app.advance(10);
    assert_eq!(batch.get("/users/x").await.header("ratelimit"), "\"caller\";r=1;t=50", "a refusal is counted");
    batch.get("/users").await.ok();
    let refused = batch.post("/users", &json!({ "username": "late" })).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (429, "too-many-requests"));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("50", "\"caller\";r=0;t=50"));
    // Another token of the same program is the same caller.
    let again = program(&app, "admin:users.read").await;
    assert_eq!(again.get("/users").await.status, 429);
    app.advance(50);
    let found: Value = again.get("/users?q=late").await.ok().json();
    assert_eq!(found["items"], json!([]), "the refused request did nothing");
}

#[tokio::test]
async fn bad_tokens_have_a_budget_of_their_own() {
    let app = busy().await;
    let batch = program(&app, "admin:users.read").await;
    let guess = Caller::bearer(&app, "a.b.c");
    for left in ["1", "0"] {
        let refused = guess.get("/users").await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("ratelimit")),
            (401, format!("\"network\";r={left};t=60").as_str())
        );
    }
    let refused = guess.get("/users").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    assert_eq!(Caller::nobody(&app).get("/openapi.json").await.status, 200, "the document is there for everybody");
    batch.get("/users").await.ok();
}
