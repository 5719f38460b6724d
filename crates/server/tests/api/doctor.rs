//! `doctor.run`: a server looks at itself, and tells each what they may see.

use serde_json::Value;
use vestibule_server::admin::Role;

use crate::house::{admin, program, server};

/// What was found, by group.
fn found(report: &Value, group: &str) -> Vec<String> {
    let items = report["items"].as_array().unwrap().iter().filter(|item| item["group"] == group);
    items.map(|item| item["finding"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_server_finds_itself_at_its_address_and_says_what_is_to_be_done() {
    let app = server().await;
    let reply = admin(&app, Role::Auditor).await.get("/doctor").await.ok();
    let report = reply.json();
    let address = found(&report, "address");
    for wanted in ["discovery.right", "arrived.well"] {
        assert!(address.iter().any(|name| name == wanted), "{wanted}: {address:?}");
    }
    assert!(found(&report, "database").contains(&"database.migrations".to_owned()), "{}", reply.text);
    assert!(found(&report, "keys").iter().all(|name| name == "keys.current"), "{}", reply.text);
    for item in report["items"].as_array().unwrap() {
        let (verdict, remedy) = (item["verdict"].as_str().unwrap(), &item["remedy"]);
        assert_eq!(["warn", "fail"].contains(&verdict), remedy.is_string(), "{item}");
        assert!(item["docs"].as_str().unwrap().starts_with("docs/"), "{item}");
    }
}

#[tokio::test]
async fn a_connection_that_is_away_fails_and_its_secret_is_not_said() {
    let app = server().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/?key={{{{secret.key}}}}&to=$ctx.num");
    app.connection("AWAY", serde_json::json!({ "url": url, "secrets": { "key": "hunter2-hunter2" } })).await;
    let reply = admin(&app, Role::Owner).await.get("/doctor").await.ok();
    let found = found(&reply.json(), "connections");
    assert!(found.contains(&"connections.away".to_owned()), "{found:?}");
    assert!(reply.text.contains("AWAY") && !reply.text.contains("hunter2"), "{}", reply.text);
}

#[tokio::test]
async fn a_106_the_doctor_tells_nobody_what_they_may_not_see_elsewhere() {
    let app = server().await;
    app.connection("HIDDEN", serde_json::json!({ "preset": "vonage" })).await;
    let narrow = program(&app, "admin:settings.read").await.get("/doctor").await.ok();
    for group in ["keys", "connections", "chains", "accounts", "audit"] {
        assert_eq!(found(&narrow.json(), group), ["forbidden"], "{group}");
    }
    assert!(!narrow.text.contains("HIDDEN") && !narrow.text.contains("RS256"), "{}", narrow.text);
    assert!(!found(&narrow.json(), "settings").contains(&"forbidden".to_owned()));
    let refused = admin(&app, Role::Helpdesk).await.get("/doctor").await;
    assert_eq!((refused.status.as_u16(), refused.json()["scope"].as_str()), (403, Some("admin:settings.read")));
}
