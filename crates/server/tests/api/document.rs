//! The OpenAPI document: made from the code, and kept beside the manual. `VESTIBULE_RENEW=1 cargo test -p vestibule-server --test
//! api document` writes it anew.

use std::{fs, path::PathBuf};

use serde_json::Value;
use vestibule_server::{admin::operations, api};

use crate::house::{Caller, server};

/// The address that stands in the kept document.
const ISSUER: &str = "https://auth.example.com";

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

#[test]
fn the_document_is_the_one_that_is_kept() {
    let made = serde_json::to_string_pretty(&api::document(ISSUER)).unwrap() + "\n";
    let kept = place("openapi.json");
    if std::env::var_os("VESTIBULE_RENEW").is_some() {
        fs::write(&kept, &made).unwrap();
    }
    let kept = fs::read_to_string(kept).unwrap_or_default();
    assert!(
        kept == made,
        "the API changed: if that is meant, `VESTIBULE_RENEW=1 cargo test -p vestibule-server --test api document` writes docs/reference/openapi.json anew"
    );
}

#[test]
fn every_operation_is_in_it_and_every_reference_leads_somewhere() {
    let document = api::document(ISSUER);
    let ids: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|place| place.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations::ALL.len());
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[test]
fn the_manual_names_every_scope_and_every_problem() {
    let manual = fs::read_to_string(place("api.md")).unwrap();
    for permission in vestibule_server::admin::Permission::ALL {
        assert!(manual.contains(permission.scope()), "{}", permission.scope());
    }
    for kind in api::Kind::ALL {
        assert!(manual.contains(&format!("`{}`", kind.word())), "{}", kind.word());
    }
}

#[tokio::test]
async fn it_is_there_for_everybody() {
    let app = server().await;
    let document: Value = Caller::nobody(&app).get("/openapi.json").await.ok().json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], format!("{}/api/v1", app.url));
}
