//! Attacks on the token endpoint, and on what takes tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_core::Clock as _;
use vestibule_jose::{Algorithm, SigningKey};
use vestibule_oauth::{consent, keys, model::GrantId};
use vestibule_server::configuration;

use crate::{
    house::{
        Database, ask_tokens, at_once, audited, bearer, but, claims, confidential, lives, new_code, new_tokens,
        on_both_databases, part, program, quick, refreshing, refused, rows, sign_in, sixteen_places, spending, text,
        told, told_by_a_page,
    },
    support::{Browser, CALLBACK, Page, TestApp, VERIFIER},
};

on_both_databases! {
    a_020_a_code_shown_again_takes_its_tokens_along,
    a_024_of_sixteen_who_show_one_code_one_gets_tokens,
    a_025_a_refresh_token_that_is_long_used_ends_its_family,
    a_026_sixteen_at_once_get_one_successor,
    a_031_an_assertion_works_once_on_any_instance,
}

async fn a_020_a_code_shown_again_takes_its_tokens_along(database: Database) {
    let Some(app) = database.start().await else { return };
    quick(&app).await;
    let code = new_code(&app, &[("scope", "openid offline_access")]).await;
    let tokens = ask_tokens(&app.place(), spending(&code)).await.json();
    let access = text(&tokens, "access_token");
    assert!(lives(&app.place(), &access).await);
    refused(&ask_tokens(&app.place(), spending(&code)).await, "invalid_grant");
    assert!(!lives(&app.place(), &access).await, "the access token died");
    refused(&ask_tokens(&app.place(), refreshing(&text(&tokens, "refresh_token"))).await, "invalid_grant");
    refused(&ask_tokens(&app.place(), spending(&code)).await, "invalid_grant");
    let events = audited(&app, "code.replayed").await;
    assert_eq!(events.len(), 1, "who repeats it fills no log");
    assert_eq!((events[0].client.as_deref(), events[0].network.as_deref()), (Some("shop"), Some("127.0.0.1")));
    assert!(!serde_json::to_string(&events[0]).unwrap().contains(&code));
}

#[tokio::test]
async fn a_021_a_code_is_its_own_clients_alone() {
    let app = TestApp::start().await;
    quick(&app).await;
    confidential(&app, "bank", "bank-secret").await;
    let code = new_code(&app, &[]).await;
    let form = but(spending(&code), "client_id", "");
    let mut bank = program(&app.place(), "bank", "bank-secret");
    refused(&bank.request(reqwest::Method::POST, "/oauth2/token", Some(&form)).await, "invalid_grant");
    assert_eq!(ask_tokens(&app.place(), spending(&code)).await.status, 200, "its owner can still spend it");
}

#[tokio::test]
async fn a_022_redirect_uri_and_verifier_are_those_of_the_request() {
    let app = TestApp::start().await;
    quick(&app).await;
    let legacy = json!({
        "id": "legacy", "name": "Legacy", "secret": "s", "redirect_uris": [CALLBACK], "consent": "skip", "require_pkce": false,
    });
    app.client(legacy).await;
    let code = new_code(&app, &[]).await;
    let other = "x".repeat(43);
    for (name, value) in [
        ("redirect_uri", ""),
        ("redirect_uri", "https://shop.example/callback/"),
        ("redirect_uri", "https://evil.example/"),
        ("code_verifier", ""),
        ("code_verifier", &other),
        ("code_verifier", "short"),
        ("code_verifier", &VERIFIER.to_uppercase()),
    ] {
        refused(&ask_tokens(&app.place(), but(spending(&code), name, value)).await, "invalid_grant");
    }
    assert_eq!(ask_tokens(&app.place(), spending(&code)).await.status, 200, "none of these spent it");
    // The challenge was taken out of the request on its way.
    let more = [("client_id", "legacy"), ("code_challenge", ""), ("code_challenge_method", "")];
    let code = new_code(&app, &more).await;
    let form = but(spending(&code), "client_id", "");
    let mut legacy = program(&app.place(), "legacy", "s");
    refused(&legacy.request(reqwest::Method::POST, "/oauth2/token", Some(&form)).await, "invalid_grant");
    let without = but(form, "code_verifier", "");
    assert_eq!(legacy.request(reqwest::Method::POST, "/oauth2/token", Some(&without)).await.status, 200);
}

#[tokio::test]
async fn a_023_a_code_dies_of_age_and_with_whoever_it_is_about() {
    let app = TestApp::start().await;
    let mut alice = quick(&app).await;
    app.client(json!({ "id": "asks", "name": "Asks", "redirect_uris": [CALLBACK] })).await;
    let code = new_code(&app, &[]).await;
    app.advance(59);
    assert_eq!(ask_tokens(&app.place(), spending(&code)).await.status, 200);
    let code = new_code(&app, &[]).await;
    app.advance(61);
    refused(&ask_tokens(&app.place(), spending(&code)).await, "invalid_grant");

    // Consent taken back.
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("client_id", "asks")])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let back = browser.submit(&page, "version", &[("decision", "allow")]).await;
    let code = back.answer("code").unwrap();
    let (id, now) = (alice.id, app.clock.now());
    let random = vestibule_core::random::SystemRandom::default();
    assert!(app.write(move |tx| consent::withdraw(tx, id, &"asks".into(), now, &random)).await);
    refused(&ask_tokens(&app.place(), but(spending(&code), "client_id", "asks")).await, "invalid_grant");

    // The user disabled.
    let code = new_code(&app, &[]).await;
    alice.disabled = true;
    let disabled = alice.clone();
    app.write(move |tx| tx.update_user(&disabled)).await;
    refused(&ask_tokens(&app.place(), spending(&code)).await, "invalid_grant");
    alice.disabled = false;
    app.write(move |tx| tx.update_user(&alice)).await;

    // The client disabled.
    let code = new_code(&app, &[]).await;
    let shop =
        json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "skip", "disabled": true });
    app.client(shop).await;
    refused(&ask_tokens(&app.place(), spending(&code)).await, "invalid_client");
}

async fn a_024_of_sixteen_who_show_one_code_one_gets_tokens(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    quick(&app).await;
    let code = new_code(&app, &[]).await;
    let spend = |place: String| {
        let form = spending(&code);
        async move { ask_tokens(&place, form).await }
    };
    let answers = at_once(sixteen_places(&app, second.as_ref()).into_iter().map(spend)).await;
    let (given, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(given.len(), 1, "{others:?}");
    others.iter().for_each(|other| refused(other, "invalid_grant"));
    let access = text(&given[0].json(), "access_token");
    assert!(!lives(&app.place(), &access).await, "nobody can tell which of them was the thief");
    refused(&ask_tokens(&app.place(), spending(&code)).await, "invalid_grant");
    assert_eq!(rows(&app, "grants"), 1);
}

async fn a_025_a_refresh_token_that_is_long_used_ends_its_family(database: Database) {
    let Some(app) = database.start().await else { return };
    quick(&app).await;
    let offline = [("scope", "openid offline_access")];
    // After the grace.
    let first = text(&new_tokens(&app, &offline).await, "refresh_token");
    let second = ask_tokens(&app.place(), refreshing(&first)).await.json();
    app.advance(31);
    refused(&ask_tokens(&app.place(), refreshing(&first)).await, "invalid_grant");
    refused(&ask_tokens(&app.place(), refreshing(&text(&second, "refresh_token"))).await, "invalid_grant");
    assert!(!lives(&app.place(), &text(&second, "access_token")).await);
    // Within it, but the successor was used.
    let first = text(&new_tokens(&app, &offline).await, "refresh_token");
    let second = text(&ask_tokens(&app.place(), refreshing(&first)).await.json(), "refresh_token");
    let third = text(&ask_tokens(&app.place(), refreshing(&second)).await.json(), "refresh_token");
    refused(&ask_tokens(&app.place(), refreshing(&first)).await, "invalid_grant");
    refused(&ask_tokens(&app.place(), refreshing(&third)).await, "invalid_grant");
    assert_eq!(audited(&app, "refresh.replayed").await.len(), 2);
}

async fn a_026_sixteen_at_once_get_one_successor(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    quick(&app).await;
    let tokens = new_tokens(&app, &[("scope", "openid offline_access")]).await;
    let token = text(&tokens, "refresh_token");
    let refresh = |place: String| {
        let form = refreshing(&token);
        async move { ask_tokens(&place, form).await }
    };
    let answers = at_once(sixteen_places(&app, second.as_ref()).into_iter().map(refresh)).await;
    let successors: std::collections::BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.body);
            text(&answer.json(), "refresh_token")
        })
        .collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.into_iter().next().unwrap();
    assert_ne!(successor, token);
    assert!(successor.contains(".2."), "one generation on: {successor}");
    assert_eq!(ask_tokens(&app.place(), refreshing(&successor)).await.status, 200);
    assert!(audited(&app, "refresh.replayed").await.is_empty());
}

#[tokio::test]
async fn a_027_another_client_gets_nothing_in_the_grace_and_harms_nobody() {
    let app = TestApp::start().await;
    quick(&app).await;
    app.client(json!({ "id": "thief", "name": "Thief", "redirect_uris": [CALLBACK], "consent": "skip" })).await;
    let first = text(&new_tokens(&app, &[]).await, "refresh_token");
    let second = text(&ask_tokens(&app.place(), refreshing(&first)).await.json(), "refresh_token");
    for token in [&first, &second] {
        refused(&ask_tokens(&app.place(), but(refreshing(token), "client_id", "thief")).await, "invalid_grant");
    }
    app.advance(31);
    refused(&ask_tokens(&app.place(), but(refreshing(&first), "client_id", "thief")).await, "invalid_grant");
    assert_eq!(ask_tokens(&app.place(), refreshing(&second)).await.status, 200, "its owner is not harmed");
}

#[tokio::test]
async fn a_028_what_is_disabled_is_not_refreshed() {
    let app = TestApp::start().await;
    let mut alice = quick(&app).await;
    let offline = [("scope", "openid offline_access")];
    let tokens = new_tokens(&app, &offline).await;
    alice.disabled = true;
    let disabled = alice.clone();
    app.write(move |tx| tx.update_user(&disabled)).await;
    refused(&ask_tokens(&app.place(), refreshing(&text(&tokens, "refresh_token"))).await, "invalid_grant");
    assert!(!lives(&app.place(), &text(&tokens, "access_token")).await, "nor is the token that it has");
    alice.disabled = false;
    app.write(move |tx| tx.update_user(&alice)).await;
    let tokens = new_tokens(&app, &offline).await;
    let shop =
        json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "skip", "disabled": true });
    app.client(shop).await;
    refused(&ask_tokens(&app.place(), refreshing(&text(&tokens, "refresh_token"))).await, "invalid_client");
    assert!(!lives(&app.place(), &text(&tokens, "access_token")).await);
}

#[tokio::test]
async fn a_028_who_left_the_group_gets_nothing_more() {
    let app = TestApp::start().await;
    let mut alice = quick(&app).await;
    let shop =
        json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "skip", "groups": ["staff"] });
    app.client(shop).await;
    let set = async |groups: &[&str], alice: &mut vestibule_core::user::User| {
        alice.groups = groups.iter().map(|&group| group.to_owned()).collect();
        let changed = alice.clone();
        app.write(move |tx| tx.update_user(&changed)).await;
    };
    set(&["staff"], &mut alice).await;
    let mut browser = app.browser();
    let code = sign_in(&app, &mut browser, &[("scope", "openid offline_access")]).await.answer("code").unwrap();
    let tokens = ask_tokens(&app.place(), spending(&code)).await.json();
    assert!(lives(&app.place(), &text(&tokens, "access_token")).await);
    set(&["guests"], &mut alice).await;
    refused(&ask_tokens(&app.place(), refreshing(&text(&tokens, "refresh_token"))).await, "invalid_grant");
    assert!(!lives(&app.place(), &text(&tokens, "access_token")).await, "nor is the token that she has");

    // In silence the client is told; else the page says why, both to who is signed in and to who signs in anew.
    told(&app, &browser.open(&app.authorize(&[("prompt", "none")])).await, "access_denied");
    let known = browser.open(&app.authorize(&[])).await;
    let mut stranger = app.browser();
    let page = stranger.open(&app.authorize(&[])).await;
    let anew = stranger.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    for (mut browser, page) in [(browser, known), (stranger, anew)] {
        assert!(page.body.contains("is for certain people only"), "{}", page.body);
        assert!(!page.body.contains("staff"), "whom it is for is not told");
        told_by_a_page(&mut browser, &page, "access_denied").await;
    }
    assert_eq!(audited(&app, "grant.refused").await.len(), 3);
    assert_eq!(audited(&app, "grant.made").await.len(), 1);

    // The portal is a service provider like any other, and its cookie no way around that.
    let mut visitor = app.browser();
    let page = visitor.open("/portal").await;
    let page = visitor.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert_eq!((page.url.path(), page.status.as_u16()), ("/portal", 200), "{}", page.body);
    let id = app.state.portal_client.clone();
    app.write(move |tx| {
        let mut portal = tx.clients()?.into_iter().find(|client| client.id.as_str() == id).unwrap();
        portal.groups = ["staff".to_owned()].into();
        tx.put_client(&portal)
    })
    .await;
    let page = visitor.open("/portal").await;
    assert!(page.body.contains("is for certain people only"), "{} {}", page.url, page.body);
}

#[tokio::test]
async fn a_029_a_wider_scope_costs_nothing_and_nothing_lives_longer() {
    let app = TestApp::start().await;
    quick(&app).await;
    let life = json!({
        "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "skip", "refresh_token_life": 3600,
    });
    app.client(life).await;
    let mut token = text(&new_tokens(&app, &[("scope", "openid offline_access")]).await, "refresh_token");
    for wider in ["openid email", "openid offline_access profile", "admin"] {
        let mut form = refreshing(&token);
        form.push(("scope".into(), wider.into()));
        refused(&ask_tokens(&app.place(), form).await, "invalid_scope");
    }
    for _ in 0..3 {
        app.advance(1100);
        let next = ask_tokens(&app.place(), refreshing(&token)).await;
        assert_eq!(next.status, 200, "{}", next.body);
        token = text(&next.json(), "refresh_token");
    }
    app.advance(400);
    refused(&ask_tokens(&app.place(), refreshing(&token)).await, "invalid_grant");
}

#[tokio::test]
async fn a_030_a_client_authenticates_as_it_is_registered_or_not_at_all() {
    let app = TestApp::start().await;
    confidential(&app, "bank", "bank-secret").await;
    let post = json!({
        "id": "post", "name": "Post", "secret": "post-secret", "auth": "client_secret_post", "redirect_uris": [CALLBACK],
        "grant_types": ["client_credentials", "authorization_code"],
    });
    app.client(post).await;
    let grant = ("grant_type", "client_credentials");
    let good = program(&app.place(), "bank", "bank-secret").post("/oauth2/token", &[grant]).await;
    assert_eq!(good.status, 200, "{}", good.body);
    for (id, secret) in
        [("bank", "wrong"), ("bank", ""), ("", "bank-secret"), ("nobody", "bank-secret"), ("BANK", "bank-secret")]
    {
        let answer = program(&app.place(), id, secret).post("/oauth2/token", &[grant]).await;
        refused(&answer, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
    let own = [grant, ("client_id", "bank"), ("client_secret", "bank-secret")];
    refused(&Browser::new(&app.place()).post("/oauth2/token", &own).await, "invalid_client");
    let two = program(&app.place(), "bank", "bank-secret").post("/oauth2/token", &own).await;
    assert!(["invalid_client", "invalid_request"].contains(&text(&two.json(), "error").as_str()), "{}", two.body);
    assert!(two.json().get("access_token").is_none());
    refused(&program(&app.place(), "post", "post-secret").post("/oauth2/token", &[grant]).await, "invalid_client");
    refused(&Browser::new(&app.place()).post("/oauth2/token", &[grant, ("client_id", "bank")]).await, "invalid_client");
    // In the address it would be in every log on the way.
    let in_query = "/oauth2/token?client_id=bank&client_secret=bank-secret";
    let answer = Browser::new(&app.place()).post(in_query, &[grant]).await;
    refused(&answer, "invalid_client");
    for wrong in 0..60 {
        if program(&app.place(), "bank", "wrong").post("/oauth2/token", &[grant]).await.status == 429 {
            assert!(wrong > 40, "the budget is sixty");
            break;
        }
    }
    let over = program(&app.place(), "bank", "wrong").post("/oauth2/token", &[grant]).await;
    assert_eq!((over.status.as_u16(), over.json()["error"].as_str()), (429, Some("invalid_client")));
    assert!(over.header("retry-after").parse::<u64>().unwrap() > 0);
    let good = program(&app.place(), "bank", "bank-secret").post("/oauth2/token", &[grant]).await;
    assert_eq!(good.status, 200, "a guesser does not lock the client out");
}

/// A service provider that signs assertions with this key.
async fn signing(app: &TestApp) -> SigningKey {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    app.client(json!({
        "id": "signer", "name": "Signer", "auth": "private_key_jwt", "jwks": { "keys": [key.public_jwk()] },
        "redirect_uris": [CALLBACK], "grant_types": ["client_credentials", "authorization_code"], "scopes": ["orders:read"],
    }))
    .await;
    key
}

fn assertion(app: &TestApp, key: &SigningKey, change: &Value) -> String {
    let now = app.clock.now().unix_seconds();
    let mut claims =
        json!({ "iss": "signer", "sub": "signer", "aud": app.url, "jti": "j-1", "exp": now + 60, "iat": now });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign(None, &claims).unwrap()
}

async fn assert_by(place: String, jwt: String) -> Page {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form =
        [("grant_type", "client_credentials"), ("client_assertion_type", kind), ("client_assertion", jwt.as_str())];
    Browser::new(&place).post("/oauth2/token", &form).await
}

async fn a_031_an_assertion_works_once_on_any_instance(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    let key = signing(&app).await;
    if let Some(second) = &second {
        configuration::refresh(&second.state).await.unwrap();
    }
    let jwt = assertion(&app, &key, &json!({}));
    let places = sixteen_places(&app, second.as_ref());
    let answers = at_once(places.iter().map(|place| assert_by(place.clone(), jwt.clone()))).await;
    let (given, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(given.len(), 1, "{others:?}");
    others.iter().for_each(|other| refused(other, "invalid_client"));
    refused(&assert_by(places[1].clone(), jwt).await, "invalid_client");
    assert_eq!(rows(&app, "assertions"), 1);
}

#[tokio::test]
async fn a_031_what_is_no_assertion_for_us() {
    let app = TestApp::start().await;
    let key = signing(&app).await;
    let now = app.clock.now().unix_seconds();
    for change in [
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{}/", app.url) }),
        json!({ "iss": "shop" }),
        json!({ "sub": "shop" }),
        json!({ "exp": now - 60 }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "jti": null }),
    ] {
        refused(&assert_by(app.place(), assertion(&app, &key, &change)).await, "invalid_client");
    }
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    refused(&assert_by(app.place(), assertion(&app, &stranger, &json!({}))).await, "invalid_client");
    let good = assertion(&app, &key, &json!({}));
    for forged in forgeries(&good, &serde_json::to_string(key.public_jwk()).unwrap()) {
        refused(&assert_by(app.place(), forged).await, "invalid_client");
    }
    assert_eq!(assert_by(app.place(), good).await.status, 200, "none of these used it up");
}

/// The token with headers that would have it believed without its key.
fn forgeries(token: &str, public_key: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let kid = part(token, 0)["kid"].as_str().unwrap_or_default().to_owned();
    let typ = part(token, 0)["typ"].as_str().unwrap_or("JWT").to_owned();
    let mut forged: Vec<String> = ["none", "None", "NONE", ""]
        .iter()
        .flat_map(|alg| {
            let head = encode(&json!({ "alg": alg, "typ": typ, "kid": kid }).to_string());
            [format!("{head}.{}.", parts[1]), format!("{head}.{}.{}", parts[1], parts[2])]
        })
        .collect();
    let head = encode(&json!({ "alg": "HS256", "typ": typ, "kid": kid }).to_string());
    let signed = format!("{head}.{}", parts[1]);
    let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public_key.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&hmac, signed.as_bytes()));
    forged.push(format!("{signed}.{tag}"));
    // A key of the stranger's own, brought along.
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    let more = [
        json!({ "jwk": stranger.public_jwk() }),
        json!({ "jku": "http://127.0.0.1:9/jwks" }),
        json!({ "x5u": "http://127.0.0.1:9/x" }),
        json!({ "kid": "../../etc/passwd" }),
        json!({ "crit": ["exp"] }),
    ];
    for change in more {
        let mut header = part(token, 0);
        for (name, value) in change.as_object().unwrap() {
            header[name] = value.clone();
        }
        forged.push(format!("{}.{}.{}", encode(&header.to_string()), parts[1], parts[2]));
    }
    let mut other = part(token, 1);
    other["sub"] = "somebody-else".into();
    forged.push(format!("{}.{}.{}", parts[0], encode(&other.to_string()), parts[2]));
    forged.push(format!("{}.{}", parts[0], parts[1]));
    forged.push(token[..token.len() - 4].to_owned());
    forged
}

#[tokio::test]
async fn a_032_a_113_only_our_own_access_token_is_one() {
    let app = TestApp::start().await;
    quick(&app).await;
    let tokens = new_tokens(&app, &[]).await;
    let access = text(&tokens, "access_token");
    let own_key = app.browser().get("/oauth2/jwks").await.json()["keys"][0].to_string();
    let mut bad = forgeries(&access, &own_key);
    bad.extend([text(&tokens, "id_token"), text(&tokens, "refresh_token"), "x".into(), "a.b.c".into(), "..".into()]);
    for token in bad {
        let answer = bearer(&app.place(), &token).get("/oauth2/userinfo").await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (401, Some("invalid_token")), "{token}");
        assert!(answer.header("www-authenticate").contains("invalid_token"));
    }
    let in_address = format!("/oauth2/userinfo?access_token={access}");
    assert_eq!(app.browser().get(&in_address).await.status, 401, "a token in an address is none");
    assert!(lives(&app.place(), &access).await, "nothing of this harmed the real one");
}

#[tokio::test]
async fn a_033_one_kind_of_text_is_worth_nothing_in_anothers_place() {
    let app = TestApp::start().await;
    quick(&app).await;
    let mut browser = app.browser();
    let code = sign_in(&app, &mut browser, &[]).await.answer("code").unwrap();
    let tokens = new_tokens(&app, &[("scope", "openid offline_access")]).await;
    let (access, refresh, id) =
        (text(&tokens, "access_token"), text(&tokens, "refresh_token"), text(&tokens, "id_token"));
    let session = browser.cookie("vestibule-session").unwrap();
    let grant = GrantId::new(app.clock.now(), &vestibule_core::random::SystemRandom::default()).to_string();
    for wrong in [&access, &refresh, &id, &session, &grant, &String::from("vsc_"), &code.to_uppercase()] {
        refused(&ask_tokens(&app.place(), spending(wrong)).await, "invalid_grant");
    }
    for wrong in [&access, &code, &id, &session, &grant, &refresh.replacen(".1.", ".2.", 1)] {
        refused(&ask_tokens(&app.place(), refreshing(wrong)).await, "invalid_grant");
    }
    let mut thief = app.browser();
    for wrong in [&code, &refresh, &access, &grant] {
        thief.set_cookie("vestibule-session", wrong);
        let none = thief.get(&app.authorize(&[("prompt", "none")])).await;
        assert_eq!(none.answer("error").as_deref(), Some("login_required"));
    }
    assert_eq!(ask_tokens(&app.place(), spending(&code)).await.status, 200, "none of them was spent");
    assert_eq!(ask_tokens(&app.place(), refreshing(&refresh)).await.status, 200);
}

#[tokio::test]
async fn a_034_a_token_is_its_own_clients_business() {
    let app = TestApp::start().await;
    quick(&app).await;
    confidential(&app, "bank", "bank-secret").await;
    confidential(&app, "owner", "owner-secret").await;
    let code = new_code(&app, &[("client_id", "owner"), ("scope", "openid offline_access")]).await;
    let form = but(spending(&code), "client_id", "");
    let mut owner = program(&app.place(), "owner", "owner-secret");
    let tokens = owner.request(reqwest::Method::POST, "/oauth2/token", Some(&form)).await.json();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let mut bank = program(&app.place(), "bank", "bank-secret");
    for token in [&access, &refresh] {
        let said = bank.post("/oauth2/introspect", &[("token", token)]).await;
        assert_eq!((said.status.as_u16(), said.json()), (200, json!({ "active": false })));
        assert_eq!(bank.post("/oauth2/revoke", &[("token", token)]).await.status, 200);
    }
    for token in [&access, &refresh] {
        assert_eq!(
            owner.post("/oauth2/introspect", &[("token", token)]).await.json()["active"],
            true,
            "without effect"
        );
    }
    for forged in forgeries(&access, "key").iter().chain([&text(&tokens, "id_token")]) {
        let said = owner.post("/oauth2/introspect", &[("token", forged)]).await;
        assert_eq!(said.json(), json!({ "active": false }), "{forged}");
    }
    refused(&app.browser().post("/oauth2/introspect", &[("token", &access)]).await, "invalid_client");
    let public = app.browser().post("/oauth2/introspect", &[("token", &access), ("client_id", "shop")]).await;
    refused(&public, "invalid_client");
    // Its owner's word has effect.
    assert_eq!(owner.post("/oauth2/revoke", &[("token", &refresh)]).await.status, 200);
    for token in [&access, &refresh] {
        assert_eq!(owner.post("/oauth2/introspect", &[("token", token)]).await.json(), json!({ "active": false }));
    }
    assert!(!lives(&app.place(), &access).await);
}

#[tokio::test]
async fn a_037_a_client_has_its_own_scopes_for_itself_and_no_more() {
    let app = TestApp::start().await;
    confidential(&app, "bank", "bank-secret").await;
    let mut bank = program(&app.place(), "bank", "bank-secret");
    let grant = ("grant_type", "client_credentials");
    for scope in ["admin", "vestibule:admin", "orders:write", "orders:read admin", "openid", "offline_access", "*"] {
        refused(&bank.post("/oauth2/token", &[grant, ("scope", scope)]).await, "invalid_scope");
    }
    let answer = bank.post("/oauth2/token", &[grant, ("scope", "orders:read")]).await.json();
    let said = claims(&text(&answer, "access_token"));
    assert_eq!((said["scope"].as_str(), said["sub"].as_str()), (Some("orders:read"), Some("bank")));
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let userinfo = bearer(&app.place(), &text(&answer, "access_token")).get("/oauth2/userinfo").await;
    assert_eq!(userinfo.status, 403, "it is about nobody");
    refused(&app.browser().post("/oauth2/token", &[grant, ("client_id", "shop")]).await, "unauthorized_client");
}

#[tokio::test]
async fn a_115_keys_change_and_nobody_notices() {
    const DAY: u64 = 24 * 3600;
    let app = TestApp::start().await;
    confidential(&app, "bank", "bank-secret").await;
    let rules = configuration::key_rules(&vestibule_server::config::KeySettings {
        algorithms: vec![Algorithm::ES256],
        rotate_after: std::time::Duration::from_secs(4 * DAY),
    });
    let mut bank = program(&app.place(), "bank", "bank-secret");
    let mut kids = Vec::new();
    let mut published: Vec<String> = Vec::new();
    let mut before: Option<(String, u64)> = None;
    // Five minutes before an hour is over, so that the token of the step before is still alive.
    for step in 0..40 {
        keys::keep(&*app.state.store, &rules, Vec::new(), app.clock.now()).await.unwrap();
        configuration::refresh(&app.state).await.unwrap();
        let answer = bank.post("/oauth2/token", &[("grant_type", "client_credentials")]).await.json();
        let token = text(&answer, "access_token");
        let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
        assert!(published.is_empty() || published.contains(&kid), "it was published before it signed");
        if kids.last() != Some(&kid) {
            kids.push(kid);
        }
        let jwks = bank.get("/oauth2/jwks").await.json();
        published = jwks["keys"].as_array().unwrap().iter().map(|key| text(key, "kid")).collect();
        if let Some((old, _)) = before.take() {
            let said = bank.post("/oauth2/introspect", &[("token", &old)]).await;
            assert_eq!(said.json()["active"], true, "step {step}: {}", said.body);
        }
        // Now and then it is asked across an interval in which a key may change.
        let wait = if step % 2 == 0 { 500 } else { DAY / 2 };
        before = (wait == 500).then_some((token, wait));
        app.advance(wait);
    }
    assert!(kids.len() >= 2, "the key changed: {kids:?}");
    let jwks = bank.get("/oauth2/jwks").await.body;
    for secret in ["\"d\"", "\"p\"", "\"q\"", "\"k\""] {
        assert!(!jwks.contains(secret), "{secret}");
    }
}
