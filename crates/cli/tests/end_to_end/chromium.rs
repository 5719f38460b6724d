//! People at a development server, in Chromium: with scripts and without, narrow and wide, light and dark, by mouse and by
//! keyboard. Pictures of every page are kept in `$VESTIBULE_TEST_OUTPUT/screenshots`.

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    node,
    program::{Running, free_port, vestibule},
};

/// Seconds between two messages: long enough to see the button wait.
const COOLDOWN: u32 = 4;

/// `vestibule dev`, with a folder of its own.
pub(crate) struct Dev {
    pub(crate) server: Running,
    _folder: TempDir,
}

impl Dev {
    pub(crate) async fn start() -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let mut command = vestibule();
        command.args(["dev", "--port", &port.to_string(), "--data"]).arg(folder.path().join("data"));
        command.env("VESTIBULE_LIMITS__COOLDOWN", format!("{COOLDOWN}s")).current_dir(folder.path());
        let server = Running::start(command, &format!("http://localhost:{port}"), &folder.path().join("log")).await;
        Self { server, _folder: folder }
    }
}

pub(crate) fn screenshots() -> PathBuf {
    let default = || [env!("CARGO_MANIFEST_DIR"), "..", "..", "target", "test-output"].iter().collect();
    let output = std::env::var_os("VESTIBULE_TEST_OUTPUT").map_or_else(default, PathBuf::from);
    output.join("screenshots")
}

pub(crate) fn no_faults(saw: &Value) {
    let faults: Vec<_> = saw["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
    assert!(faults.is_empty(), "pictures are in {}\n{}\n{saw:#}", screenshots().display(), faults.join("\n"));
}

async fn story(java_script: bool) {
    let dev = Dev::start().await;
    let saw = node::run(
        "browser.mjs",
        &json!({
            "base": dev.server.url,
            "javaScript": java_script,
            "screenshots": screenshots(),
            "cooldown": COOLDOWN,
            "messagesBefore": 0,
        }),
    );
    no_faults(&saw);
    let amr: BTreeSet<_> = saw["amr"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(["pwd", "otp", "sms"].iter().all(|value| amr.contains(value)), "{amr:?}");
    assert!(saw["message"].as_str().unwrap().lines().last().unwrap().starts_with("@localhost #"), "{}", saw["message"]);
    assert_eq!(saw["sent"], json!(2), "the first message and the one that was asked for again");
    assert_eq!(saw["sessions"], json!(1));
    assert_eq!(saw["afterBack"], "Demo app", "back from there leads to the app, not to a fault");
    if java_script {
        assert_eq!(saw["stops"], json!(["username", "password", "peek", "main"]));
    }
}

#[tokio::test]
async fn a_person_with_scripts() {
    story(true).await;
}

#[tokio::test]
async fn a_person_without_scripts() {
    story(false).await;
}

#[tokio::test]
async fn every_page_in_every_state() {
    let dev = Dev::start().await;
    no_faults(&node::run("gallery.mjs", &json!({ "base": dev.server.url, "screenshots": screenshots() })));
}

#[tokio::test]
async fn the_browser_reads_the_code_of_a_text_message_and_no_other() {
    let dev = Dev::start().await;
    let saw = node::run("webotp.mjs", &json!({ "base": dev.server.url, "others": ["/register/code"] }));
    no_faults(&saw);
    let wanted = json!([{ "transport": ["sms"] }]);
    assert_eq!(saw["filled"], json!({ "asked": wanted, "stopped": true, "code": "482913", "wentOff": 1 }), "{saw:#}");
    assert_eq!(saw["typed"], json!({ "asked": wanted, "stopped": true, "code": "123456", "wentOff": 1 }), "{saw:#}");
    assert_eq!(saw["unable"], json!({ "asked": [], "stopped": false, "code": "123456", "wentOff": 1 }), "{saw:#}");
    assert_eq!(saw["other"], json!({ "asked": [], "stopped": false, "code": "", "wentOff": 0 }), "{saw:#}");
    assert_eq!((&saw["field"], &saw["policy"]), (&json!(1), &json!(true)));
}
