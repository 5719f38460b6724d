//! An admin at the console of a new server, from an empty data folder to a person with a password and a code at the portal: in
//! Chromium, with scripts and without.

use std::{fs, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    chromium::{no_faults, screenshots},
    gateway::Gateway,
    node,
    program::{Running, free_port, run, said, vestibule},
};

async fn story(java_script: bool) {
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
        command
    };
    // Before the server ever ran.
    let link = run(&mut command(&["admin", "link"]));
    assert!(link.status.success(), "{}", said(&link));
    let link = String::from_utf8(link.stdout).unwrap().trim().to_owned();
    assert!(link.starts_with(&format!("{url}/admin/enter/")), "{link}");
    let server = Running::start(command(&["serve"]), &url, &folder.path().join("log")).await;
    let saw = node::run(
        "console.mjs",
        &json!({
            "base": server.url,
            "link": link,
            "smsUrl": gateway.sms_url(),
            "messages": gateway.messages_url(),
            "javaScript": java_script,
            "screenshots": screenshots(),
        }),
    );
    no_faults(&saw);
    assert_eq!(saw["secretShown"], json!(false), "the secret in the pasted line is not shown again");
    assert_eq!(saw["tested"], json!(1));
    assert_eq!(saw["amr"], json!(true));
    let log: Vec<_> = saw["log"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for kind in ["admin.entry.used", "admin.user.created", "admin.connection.created", "admin.client.changed"] {
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
