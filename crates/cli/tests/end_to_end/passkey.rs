//! A passkey of a person, in Chromium with an authenticator in software: set up in the portal, asked for as a second step, and
//! then by itself, without a name.

use std::{fs, path::Path, process::Command};

use serde_json::json;
use tempfile::TempDir;

use super::{
    chromium::{no_faults, screenshots},
    node,
    program::{Running, free_port, run, said, vestibule},
};

fn declared(url: &str) -> String {
    format!(
        r#"
[[chain]]
name = "shop"
steps = [["password", "passkey"]]

[[client]]
id = "shop"
name = "Shop"
auth = "none"
redirect_uris = ["{url}/robots.txt"]
consent = "skip"
chain = "shop"

[[user]]
username = "alice"
display_name = "Alice Amber"
password = {{ env = "ALICE_PASSWORD" }}
"#
    )
}

async fn house(folder: &Path) -> Running {
    let port = free_port();
    let url = format!("http://localhost:{port}");
    let file = folder.join("vestibule.toml");
    let data = folder.join("data");
    let settings = format!(
        "public_url = \"{url}\"\nlisten = \"127.0.0.1:{port}\"\nmanagement_listen = \"off\"\ndata_dir = \"{}\"\n",
        data.display()
    );
    fs::write(&file, settings).unwrap();
    fs::write(folder.join("declared.toml"), declared(&url)).unwrap();
    let command = |words: &[&str]| -> Command {
        let mut command = vestibule();
        command.args(words).arg("--config").arg(&file).current_dir(folder);
        command.env("ALICE_PASSWORD", "the quiet brown fox looks both ways");
        command
    };
    let applied = run(command(&["apply"]).arg(folder.join("declared.toml")));
    assert!(applied.status.success(), "{}", said(&applied));
    Running::start(command(&["serve"]), &url, &folder.join("log")).await
}

#[tokio::test]
async fn a_passkey_from_the_portal_to_a_sign_in_without_a_name() {
    let folder = TempDir::new().unwrap();
    let server = house(folder.path()).await;
    let saw = node::run(
        "passkey.mjs",
        &json!({
            "base": server.url,
            "username": "alice",
            "password": "the quiet brown fox looks both ways",
            "screenshots": screenshots(),
        }),
    );
    no_faults(&saw);
    assert_eq!(saw["kept"], json!({ "rpId": "localhost", "resident": true, "user": true }), "{saw:#}");
    assert_eq!(saw["second"], json!("/portal"), "{saw:#}");
    assert_eq!(saw["button"], json!(true), "{saw:#}");
    assert_eq!(saw["offered"], json!(true), "{saw:#}");
    assert_eq!(saw["conditional"], json!(true), "among the names that the browser fills in: {saw:#}");
    assert_eq!(saw["beside"], json!(true), "the page of the password comes first: {saw:#}");
    assert_eq!(saw["forgotten"], json!(true), "a passkey that is nowhere here is forgotten: {saw:#}");
    assert_eq!(saw["stranger"], json!(true), "{saw:#}");
}
