//! An admin at the console of a new server, from an empty data folder to a person with a password and a code at the portal: in
//! Chromium, with scripts and without, and by keyboard alone.

use std::{fs, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    chromium::{no_faults, screenshots},
    gateway::Gateway,
    node,
    program::{Running, free_port, run, said, vestibule},
};

/// Seconds between two messages to one number.
const COOLDOWN: u32 = 2;

/// A new server with an empty data folder, and the link that leads into its console.
struct New {
    server: Running,
    link: String,
    gateway: Gateway,
    _folder: TempDir,
}

async fn new_server() -> New {
    let (folder, port, gateway) = (TempDir::new().unwrap(), free_port(), Gateway::open());
    let url = format!("http://localhost:{port}");
    let file = folder.path().join("vestibule.toml");
    let data = folder.path().join("data");
    let settings = format!(
        "public_url = \"{url}\"\nlisten = \"127.0.0.1:{port}\"\nmanagement_listen = \"off\"\ndata_dir = \"{}\"\n",
        data.display()
    );
    fs::write(&file, settings).unwrap();
    let command = |words: &[&str]| -> Command {
        let mut command = vestibule();
        command.args(words).arg("--config").arg(&file).current_dir(folder.path());
        command.env("VESTIBULE_LIMITS__COOLDOWN", format!("{COOLDOWN}s"));
        command
    };
    // Before the server ever ran.
    let link = run(&mut command(&["admin", "link"]));
    assert!(link.status.success(), "{}", said(&link));
    let link = String::from_utf8(link.stdout).unwrap().trim().to_owned();
    assert!(link.starts_with(&format!("{url}/admin/enter/")), "{link}");
    let server = Running::start(command(&["serve"]), &url, &folder.path().join("log")).await;
    New { server, link, gateway, _folder: folder }
}

async fn story(java_script: bool) {
    let New { server, link, gateway, _folder } = new_server().await;
    let saw = node::run(
        "console.mjs",
        &json!({
            "base": server.url,
            "link": link,
            "smsUrl": gateway.sms_url(),
            "messages": gateway.messages_url(),
            "javaScript": java_script,
            "screenshots": screenshots(),
            "cooldown": COOLDOWN,
        }),
    );
    no_faults(&saw);
    assert_eq!(saw["secretShown"], json!(false), "the secret in the pasted line is not shown again");
    assert_eq!(saw["tested"], json!(1));
    assert_eq!(saw["amr"], json!(true));
    assert!(saw["trial"]["path"].as_str().unwrap().starts_with("/admin/trials/"), "{saw:#}");
    assert_eq!(saw["trial"]["idToken"]["amr"], json!(["otp", "pwd", "sms"]));
    let log: Vec<_> = saw["log"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for kind in [
        "admin.entry.used",
        "admin.user.created",
        "admin.connection.created",
        "admin.client.changed",
        "admin.client.tried",
    ] {
        assert!(log.contains(&kind), "{kind} is not in {log:?}");
    }
}

#[tokio::test]
async fn an_admin_with_scripts() {
    story(true).await;
}

#[tokio::test]
async fn an_admin_without_scripts() {
    story(false).await;
}

#[tokio::test]
async fn an_admin_by_keyboard_alone() {
    let New { server, link, gateway, _folder } = new_server().await;
    let input = json!({
        "base": server.url,
        "link": link,
        "smsUrl": gateway.sms_url(),
        "messages": gateway.messages_url(),
        "screenshots": screenshots(),
    });
    let saw = node::run("keyboard.mjs", &input);
    no_faults(&saw);
    assert_eq!(saw["skipped"], json!("MAIN"), "the first stop leads past the places");
    // Whether each card is the password's, and the card that has the focus.
    assert_eq!(saw["up"], json!([[false, true], "step-1"]));
    assert_eq!(saw["down"], json!([[true, false], "step-2"]));
    assert_eq!(saw["inside"], json!(true));
    assert!(saw["stops"].as_u64().unwrap() > 150, "at each of them the focus was looked at: {saw:#}");
}
