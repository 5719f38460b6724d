//! what must not be read again is read nowhere.

use serde_json::json;
use vestibule_core::joining::{Invitation, Invited};
use vestibule_server::{
    admin::{
        Role,
        operations::{self, Method, Operation},
    },
    state::Transaction,
};

use crate::house::{admin, server};

#[tokio::test]
async fn a_110_no_answer_and_no_event_holds_a_secret() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let user = app.alice().await;
    app.connection("GATE", json!({ "url": "https://sms.example/send", "secrets": { "api_key": "s3cr3t-api-key" } }))
        .await;
    let made = owner
        .post("/clients", &json!({ "id": "web", "name": "Web", "redirect_uris": ["https://web.example/cb"] }))
        .await;
    let secret = made.ok().json()["secret"].as_str().unwrap().to_owned();
    let link = owner.post(&format!("/users/{}/password-link", user.id), &json!({})).await.ok().json();
    let link = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let hash = app.read(move |tx: &mut Transaction| tx.credentials_of(user.id)).await;
    let hash = secrecy::ExposeSecret::expose_secret(&hash[0].secret).to_owned();
    let about = Invited { by: "Ada".to_owned(), sent_to: None, client: None, rank: None };
    let (hash_of_link, now) = ("hash-of-a-link".to_owned(), user.created_at);
    let invitation = Invitation {
        user: user.id,
        hash: hash_of_link.clone(),
        about,
        created_at: now,
        expires_at: now,
        accepted_at: None,
        revoked_at: None,
    };
    app.write(move |tx| tx.put_invitation(&invitation)).await;
    let mut seen = String::new();
    // A tail gives what the list gives, and does not end; of a confirmation only the program is told that asked for it.
    let apart = ["audit.tail", "otp.get"];
    let ends = |operation: &&Operation| operation.method == Method::Get && !apart.contains(&operation.id);
    for operation in operations::ALL.iter().filter(ends) {
        let id = if operation.path.starts_with("/clients") { "web".to_owned() } else { user.id.to_string() };
        let name = if operation.path.starts_with("/chains") { "default" } else { "GATE" };
        let path = operation.path.replace("{id}", &id).replace("{name}", name).replace("{revision}", "1");
        let answer = owner.get(&path).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text);
        seen.push_str(&answer.text);
    }
    let events = app.read(|tx: &mut Transaction| tx.latest_audit(1000)).await;
    seen.push_str(&serde_json::to_string(&events).unwrap());
    for hidden in [secret.as_str(), &link, &hash_of_link, "s3cr3t-api-key", &hash, "$argon2", "BEGIN PRIVATE", "pkcs8"]
    {
        assert!(!seen.contains(hidden), "{hidden}");
    }
    assert!(seen.contains("GATE") && seen.contains("alice"), "what may be seen is");
}
