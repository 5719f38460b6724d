//! Attacks on the authorization endpoint.

use serde_json::json;

use crate::{
    house::{audited, error_page, new_tokens, quick, rows, sign_in, text, told, told_by_a_page},
    support::{CALLBACK, TestApp},
};

#[tokio::test]
async fn a_001_forty_addresses_that_are_nearly_right_get_nothing() {
    let app = TestApp::start().await;
    let variants = [
        "https://shop.example/Callback",
        "https://shop.example/CALLBACK",
        "HTTPS://shop.example/callback",
        "https://SHOP.example/callback",
        "https://shop.example/callback/",
        "https://shop.example//callback",
        "https://shop.example/callback?",
        "https://shop.example/callback?x=1",
        "https://shop.example/callback#",
        "https://shop.example/callback#x",
        "https://shop.example/callback%2f",
        "https://shop.example/callback%00",
        "https://shop.example/callback%0a",
        "https://shop.example/callback;x",
        "https://shop.example/callback/..",
        "https://shop.example/callback/../callback",
        "https://shop.example/../callback",
        "https://shop.example/./callback",
        "https://shop.example/..;/callback",
        "https://shop.example/%2e%2e/callback",
        "https://shop.example/%63allback",
        "https://shop.example\\callback",
        "https://shop.example\\@evil.example/callback",
        "https://shop.example@evil.example/callback",
        "https://evil.example@shop.example/callback",
        "https://evil.example#@shop.example/callback",
        "https://shop.example:443/callback",
        "https://shop.example:8443/callback",
        "https://shop.example./callback",
        "https://shop.example.evil.example/callback",
        "https://evilshop.example/callback",
        "https://evil.example/https://shop.example/callback",
        "https://evil.example?https://shop.example/callback",
        "https://xn--shp-1qa.example/callback",
        "https://sh\u{43e}p.example/callback",
        "http://shop.example/callback",
        "//shop.example/callback",
        "javascript:alert(1)//https://shop.example/callback",
        " https://shop.example/callback",
        "https://shop.example/callback ",
    ];
    assert_eq!(variants.len(), 40);
    for uri in variants {
        error_page(&app.browser().get(&app.authorize(&[("redirect_uri", uri)])).await, 400);
    }
    assert_eq!(audited(&app, "authorize.refused").await.len(), variants.len(), "one event each");
    assert_eq!(rows(&app, "interactions"), 0);
}

#[tokio::test]
async fn a_002_who_is_unknown_is_told_nothing_with_prompt_none() {
    let app = TestApp::start().await;
    let none = ("prompt", "none");
    for more in [
        [("client_id", "nobody"), none],
        [("client_id", ""), none],
        [("redirect_uri", "https://evil.example/"), none],
        [("redirect_uri", ""), none],
    ] {
        error_page(&app.browser().get(&app.authorize(&more)).await, 400);
    }
    assert_eq!(audited(&app, "authorize.refused").await.len(), 4);
}

#[tokio::test]
async fn a_003_any_port_of_the_loopback_address_and_of_nothing_else() {
    let app = TestApp::start().await;
    let uris = json!(["http://127.0.0.1/cb", "http://[::1]/cb"]);
    app.client(json!({ "id": "native", "name": "Native", "redirect_uris": uris, "consent": "skip" })).await;
    for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", "http://[::1]:1/cb"] {
        let page = app.browser().get(&app.authorize(&[("client_id", "native"), ("redirect_uri", uri)])).await;
        assert!(page.header("location").starts_with("/interaction/"), "{uri}: {}", page.body);
    }
    for uri in [
        "http://localhost:49152/cb",
        "http://localhost.evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1:1.evil.example/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.2:49152/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:49152/cb/",
        "http://127.0.0.1:49152/CB",
        "https://127.0.0.1:49152/cb",
        "http://[::2]:1/cb",
        "http://[::ffff:127.0.0.1]:1/cb",
    ] {
        error_page(&app.browser().get(&app.authorize(&[("client_id", "native"), ("redirect_uri", uri)])).await, 400);
    }
}

#[tokio::test]
async fn a_006_only_codes_in_the_query() {
    let app = TestApp::start().await;
    for kind in ["token", "id_token", "code token", "code id_token", "none", "CODE"] {
        let page = app.browser().get(&app.authorize(&[("response_type", kind)])).await;
        told(&app, &page, "unsupported_response_type");
    }
    told(&app, &app.browser().get(&app.authorize(&[("response_type", "")])).await, "invalid_request");
    for mode in ["fragment", "form_post", "web_message", "query.jwt"] {
        told(&app, &app.browser().get(&app.authorize(&[("response_mode", mode)])).await, "invalid_request");
    }
    assert_eq!(rows(&app, "interactions"), 0);
    assert_eq!(audited(&app, "authorize.refused").await.len(), 11, "one event each");
}

#[tokio::test]
async fn a_007_a_challenge_is_s256_and_43_characters() {
    let app = TestApp::start().await;
    let (short, long) = ("x".repeat(42), "x".repeat(44));
    let odd = "+".repeat(43);
    for more in [
        vec![("code_challenge", "")],
        vec![("code_challenge", ""), ("code_challenge_method", "")],
        vec![("code_challenge_method", "plain")],
        vec![("code_challenge_method", "")],
        vec![("code_challenge_method", "s256")],
        vec![("code_challenge", short.as_str())],
        vec![("code_challenge", long.as_str())],
        vec![("code_challenge", odd.as_str())],
    ] {
        told(&app, &app.browser().get(&app.authorize(&more)).await, "invalid_request");
    }
}

#[tokio::test]
async fn a_008_prompt_none_shows_nothing_and_gives_nothing() {
    let app = TestApp::start().await;
    quick(&app).await;
    app.chain("strict", json!([["password"], [{ "authenticator": "smsotp", "connection": "SMSOTP" }]])).await;
    let client = |id: &str| json!({ "id": id, "name": id, "redirect_uris": [CALLBACK] });
    let mut bank = client("bank");
    (bank["chain"], bank["consent"]) = ("strict".into(), "skip".into());
    app.client(bank).await;
    app.client(client("asks")).await;
    let mut browser = app.browser();
    let none = ("prompt", "none");
    told(&app, &browser.get(&app.authorize(&[none])).await, "login_required");
    assert!(sign_in(&app, &mut browser, &[]).await.answer("code").is_some());
    assert!(browser.get(&app.authorize(&[none])).await.answer("code").is_some(), "single sign-on");
    told(&app, &browser.get(&app.authorize(&[none, ("client_id", "bank")])).await, "interaction_required");
    told(&app, &browser.get(&app.authorize(&[none, ("client_id", "asks")])).await, "consent_required");
    for also in ["none login", "none consent", "none select_account", "silent"] {
        told(&app, &browser.get(&app.authorize(&[("prompt", also)])).await, "invalid_request");
    }
    // Agreed to one scope: another one has to be asked for.
    let page = browser.open(&app.authorize(&[("client_id", "asks"), ("scope", "openid")])).await;
    let back = browser.submit(&page, "version", &[("decision", "allow")]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
    let again = app.authorize(&[none, ("client_id", "asks"), ("scope", "openid")]);
    assert!(browser.get(&again).await.answer("code").is_some());
    let wider = app.authorize(&[none, ("client_id", "asks"), ("scope", "openid email")]);
    told(&app, &browser.get(&wider).await, "consent_required");
}

#[tokio::test]
async fn a_009_request_objects_are_refused_as_long_as_they_do_not_exist() {
    let app = TestApp::start().await;
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ.";
    told(&app, &app.browser().get(&app.authorize(&[("request", object)])).await, "request_not_supported");
    let by_reference = app.authorize(&[("request_uri", "https://evil.example/object")]);
    told(&app, &app.browser().get(&by_reference).await, "request_uri_not_supported");
    let document = app.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["request_uri_parameter_supported"], false, "what is absent by default is supported");
}

#[tokio::test]
async fn a_017_a_hint_is_our_token_for_this_client_and_this_user() {
    let app = TestApp::start().await;
    quick(&app).await;
    app.user("bob", "bob", None).await;
    app.client(json!({ "id": "other", "name": "Other", "redirect_uris": [CALLBACK], "consent": "skip" })).await;
    let tokens = new_tokens(&app, &[]).await;
    let hint = text(&tokens, "id_token");
    // Bob signs in where alice was expected.
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("id_token_hint", &hint)])).await;
    let back = browser.submit(&page, "password", &[("username", "bob"), ("password", "bob")]).await;
    told_by_a_page(&mut browser, &back, "login_required").await;
    // Bob is signed in.
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "bob"), ("password", "bob")]).await;
    let none = app.authorize(&[("id_token_hint", &hint), ("prompt", "none")]);
    told(&app, &browser.get(&none).await, "login_required");
    // No token of ours for this client.
    let (head, rest) = hint.split_once('.').unwrap();
    let forged = format!("{head}.{}x", &rest[..rest.len() - 1]);
    for bad in [forged.as_str(), &text(&tokens, "access_token"), &text(&tokens, "refresh_token"), "x", "a.b.c"] {
        told(&app, &app.browser().get(&app.authorize(&[("id_token_hint", bad)])).await, "invalid_request");
    }
    let foreign = app.authorize(&[("client_id", "other"), ("id_token_hint", &hint)]);
    told(&app, &app.browser().get(&foreign).await, "invalid_request");
}
