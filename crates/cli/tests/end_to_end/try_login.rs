//! `vestibule try login`: the whole login from a terminal, against a development server that was started a moment ago.

use std::process::Output;

use serde_json::Value;

use super::{
    chromium::Dev,
    program::{free_port, run, said, vestibule},
};

fn try_login(issuer: &str, more: &[&str]) -> Output {
    run(vestibule().args(["try", "login", "--json", "--issuer", issuer]).args(more))
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[tokio::test]
async fn a_login_from_a_terminal() {
    let dev = Dev::start().await;
    let output = try_login(&dev.server.url, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = told(&output);
    assert_eq!(told["ok"], true);
    let paths: Vec<_> = told["hops"].as_array().unwrap().iter().filter_map(|hop| hop["path"].as_str()).collect();
    for path in ["/oauth2/authorize", "/oauth2/token", "/oauth2/userinfo", "/oauth2/introspect", "/oauth2/logout"] {
        assert!(paths.contains(&path), "no {path} in {told:#}");
    }
    assert!(paths.iter().filter(|path| path.starts_with("/interaction/")).count() >= 3, "{told:#}");
}

#[tokio::test]
async fn a_login_that_fails_says_so_and_exits_1() {
    let dev = Dev::start().await;
    let wrong = try_login(&dev.server.url, &["--password", "wrong"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    assert!(told(&wrong)["error"].as_str().unwrap().contains("is not right"), "{}", said(&wrong));
    let nobody = try_login(&format!("http://127.0.0.1:{}", free_port()), &[]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(told(&nobody)["error"].as_str().unwrap().contains("vestibule dev"), "{}", said(&nobody));
}
