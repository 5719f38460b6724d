//! The authorization endpoint: what is refused, who is told, and what reaches the engine.

use proptest::prelude::*;
use serde_json::json;
use vestibule_core::time::Time;
use vestibule_oauth::{
    ErrorPage, Issuer, Settings, Snapshot,
    authorize::{Refusal, ValidRequest, authorize, to_engine_request},
    logout::plan_logout,
    model::Client,
};

use crate::world::{CHALLENGE, ISSUER, Texts as _, Told, World, at, client, param, query};

const NOW: Time = Time::from_unix_seconds(1_800_000_000);

fn snapshot(change: &serde_json::Value) -> Snapshot {
    let settings = Settings {
        issuer: Issuer::parse(ISSUER).unwrap(),
        default_chain: "default".into(),
        keys: vestibule_oauth::keys::KeyRules::default(),
        registration: false,
    };
    let clients: Vec<Client> = [client("shop", change), client("old", &json!({ "disabled": true }))]
        .map(|client| serde_json::from_value(client).unwrap())
        .into();
    Snapshot::new(&settings, clients, &[], 1, NOW).unwrap()
}

fn ask(query: &str) -> Result<ValidRequest, Refusal> {
    authorize(query.as_bytes(), &snapshot(&json!({})), NOW)
}

fn page(query: &str) -> ErrorPage {
    match ask(query) {
        Err(Refusal::Page(page)) => page,
        other => panic!("no error page for {query}: {other:?}"),
    }
}

/// The code that the client is told.
fn told(query: &str) -> &'static str {
    match ask(query) {
        Err(Refusal::Client(answer)) => answer.problem().unwrap().code.as_str(),
        other => panic!("the client is not told of {query}: {other:?}"),
    }
}

fn valid(change: &[(&str, &str)]) -> ValidRequest {
    ask(&query(change)).unwrap()
}

#[test]
fn a_001_a_redirect_uri_that_is_nearly_right_is_an_error_page() {
    for off in [
        "https://shop.example/CB",
        "https://shop.example/cb/",
        "https://shop.example/cb?x",
        "https://shop.example/x/../cb",
        "https://shop.example/cb/..;/",
        "https://shop.example/%2e/cb",
        "https://shop.example@evil.example/cb",
        "https://shop.example\\@evil.example/cb",
        "https://shop.example:444/cb",
        "https://xn--shp-tna.example/cb",
        "https://bank.example/cb",
    ] {
        assert!(matches!(page(&query(&[("redirect_uri", off)])), ErrorPage::UnregisteredUri { .. }), "{off}");
    }
    assert_eq!(page(&query(&[("redirect_uri", "")])), ErrorPage::NoRedirectUri("shop".into()));
}

#[test]
fn a_002_nobody_is_told_before_they_are_trusted() {
    let none = ("prompt", "none");
    assert_eq!(page(&query(&[("client_id", "nobody"), none])), ErrorPage::UnknownClient("nobody".into()));
    assert_eq!(page(&query(&[("client_id", ""), none])), ErrorPage::NoClient);
    assert_eq!(page(&query(&[("client_id", "old"), none])), ErrorPage::DisabledClient("old".into()));
    assert!(matches!(
        page(&query(&[("redirect_uri", "https://evil.example"), none])),
        ErrorPage::UnregisteredUri { .. }
    ));
}

#[test]
fn a_004_repeated_parameters() {
    let usual = query(&[]);
    assert_eq!(page(&format!("{usual}&client_id=shop")), ErrorPage::Repeated("client_id"));
    assert_eq!(page(&format!("{usual}&redirect_uri=https%3A%2F%2Fevil.example")), ErrorPage::Repeated("redirect_uri"));
    for name in ["scope", "response_type", "nonce", "code_challenge", "prompt=&prompt"] {
        assert_eq!(told(&format!("{usual}&{name}=x")), "invalid_request", "{name}");
    }
}

#[test]
fn a_004_a_repeated_state_is_not_sent_back() {
    let Err(Refusal::Client(answer)) = ask(&format!("{}&state=other", query(&[]))) else { panic!("not refused") };
    assert!(!answer.to_value().to_string().contains(r#""state""#));
}

#[test]
fn a_006_only_codes_in_the_query() {
    for response_type in ["token", "id_token", "code id_token", "none", "CODE"] {
        assert_eq!(told(&query(&[("response_type", response_type)])), "unsupported_response_type", "{response_type}");
    }
    assert_eq!(told(&query(&[("response_type", "")])), "invalid_request");
    for mode in ["fragment", "form_post", "query.jwt", "web_message"] {
        assert_eq!(told(&query(&[("response_mode", mode)])), "invalid_request", "{mode}");
    }
    assert!(ask(&query(&[("response_mode", "query")])).is_ok());
    let refused = authorize(query(&[]).as_bytes(), &snapshot(&json!({ "grant_types": ["client_credentials"] })), NOW);
    let Err(Refusal::Client(answer)) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.problem().unwrap().code.as_str(), "unauthorized_client");
}

#[test]
fn a_007_a_challenge_is_s256_and_43_characters() {
    let long = format!("{CHALLENGE}a");
    for change in [
        [("code_challenge", ""), ("code_challenge_method", "")],
        [("code_challenge", ""), ("code_challenge_method", "S256")],
        [("code_challenge", CHALLENGE), ("code_challenge_method", "plain")],
        [("code_challenge", CHALLENGE), ("code_challenge_method", "")],
        [("code_challenge", CHALLENGE), ("code_challenge_method", "s256")],
        [("code_challenge", &CHALLENGE[1..]), ("code_challenge_method", "S256")],
        [("code_challenge", &long), ("code_challenge_method", "S256")],
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), ("code_challenge_method", "S256")],
    ] {
        assert_eq!(told(&query(&change)), "invalid_request", "{change:?}");
    }
    let lax = snapshot(&json!({ "require_pkce": false }));
    let without = query(&[("code_challenge", ""), ("code_challenge_method", "")]);
    assert!(authorize(without.as_bytes(), &lax, NOW).is_ok());
    let plain = query(&[("code_challenge_method", "plain")]);
    assert!(authorize(plain.as_bytes(), &lax, NOW).is_err(), "whoever sends one sends a good one");
}

#[test]
fn what_would_change_the_meaning_and_is_not_built_is_refused() {
    assert_eq!(told(&query(&[("request", "eyJ")])), "request_not_supported");
    assert_eq!(told(&query(&[("request_uri", "https://shop.example/r")])), "request_uri_not_supported");
    assert_eq!(told(&query(&[("registration", "{}")])), "registration_not_supported");
}

#[test]
fn what_is_only_a_wish_is_harmless() {
    let wishes = [
        ("claims", r#"{"userinfo":{"email":{"essential":true}}}"#),
        ("display", "popup"),
        ("ui_locales", "de fr xx"),
        ("claims_locales", "de"),
        ("extra", "foobar"),
        ("login_hint", "alice"),
    ];
    let asked = valid(&wishes).asked;
    assert_eq!(asked.hints.ui_locales, ["de", "fr", "xx"]);
    assert_eq!(asked.hints.login_hint.as_deref(), Some("alice"));
}

#[test]
fn scopes_that_the_client_may_not_have_are_passed_over() {
    let scopes = |scope: &str| valid(&[("scope", scope)]).asked.scopes.into_iter().collect::<Vec<_>>();
    assert_eq!(scopes("openid admin email"), ["email", "openid"]);
    assert_eq!(scopes(""), Vec::<String>::new());
    assert_eq!(told(&query(&[("scope", "admin root")])), "invalid_scope");
    let short = snapshot(&json!({ "grant_types": ["authorization_code"] }));
    let asked = authorize(query(&[("scope", "openid offline_access")]).as_bytes(), &short, NOW).unwrap().asked;
    assert!(!asked.scopes.contains("offline_access"), "without refresh tokens there is nothing to be offline with");
}

#[test]
fn prompts_and_ages() {
    for bad in ["none login", "none consent", "create", "NONE"] {
        assert_eq!(told(&query(&[("prompt", bad)])), "invalid_request", "{bad}");
    }
    for bad in ["-1", "x", "1.5", "99999999999999999999999"] {
        assert_eq!(told(&query(&[("max_age", bad)])), "invalid_request", "{bad}");
    }
    assert!(!valid(&[("prompt", "none")]).interactive());
    assert_eq!(valid(&[]).asked.not_before, None);
    assert_eq!(valid(&[("max_age", "60")]).asked.not_before, Some(at(1_800_000_000 - 60)));
    let after_now = Some(NOW + std::time::Duration::from_micros(1));
    assert_eq!(valid(&[("max_age", "1")]).asked.not_before, Some(at(1_800_000_000 - 1)));
    assert_eq!(valid(&[("max_age", "0")]).asked.not_before, after_now);
    assert_eq!(valid(&[("prompt", "login")]).asked.not_before, after_now);
    assert_eq!(valid(&[("max_age", "60"), ("prompt", "login")]).asked.not_before, after_now);
    assert!(to_engine_request(valid(&[("prompt", "select_account")])).ignore_session);
}

#[test]
fn what_is_carried_is_bounded() {
    let long = "x".repeat(513);
    let many = "a ".repeat(21);
    for change in [("nonce", long.as_str()), ("login_hint", &long), ("acr_values", &many), ("ui_locales", &many)] {
        assert_eq!(told(&query(&[change])), "invalid_request", "{}", change.0);
    }
    assert_eq!(page(&format!("{}&state={}", query(&[("state", "")]), "x".repeat(9000))).key(), "unreadable");
    assert_eq!(page("client_id=%FF").key(), "unreadable");
    assert_eq!(page("client_id=shop%00").key(), "unreadable");
}

proptest! {
    #[test]
    fn nothing_makes_the_endpoint_panic(
        names in prop::collection::vec("(client_id|redirect_uri|response_type|scope|prompt|max_age|code_challenge|nonce|.{1,9})", 0..8),
        values in prop::collection::vec(".{0,40}", 8),
    ) {
        let pairs = names.iter().zip(&values);
        let random = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let _ = ask(&random);
        let _ = plan_logout(random.as_bytes(), None, false, &snapshot(&json!({})), NOW);
        // The same after a good beginning: whatever it is, it goes to the registered URI or nowhere.
        if let Err(Refusal::Client(answer)) = ask(&format!("{}&{random}", query(&[]))) {
            prop_assert!(answer.to_value()["redirect_uri"] == "https://shop.example/cb");
        }
    }
}

#[tokio::test]
async fn a_008_prompt_none_shows_nothing() {
    let world = World::with(json!({ "consent": "ask" })).await;
    let none = query(&[("prompt", "none")]);
    assert_eq!(world.ask(&none, None).await.error(), "login_required");

    let agree = vestibule_oauth::consent::Decision { allow: true, scopes: None };
    let held = world.ask(&query(&[]), None).await;
    let vestibule_core::engine::Body::Closed { session, .. } = world.decide(held, &agree).await else { panic!() };
    assert!(param(&world.ask(&none, session).await.url(), "code").is_some(), "nothing is due");
    let more = query(&[("prompt", "none"), ("scope", "openid profile email")]);
    assert_eq!(world.ask(&more, session).await.error(), "consent_required");
    world.wait(60);
    let fresh = query(&[("prompt", "none"), ("max_age", "30")]);
    assert_eq!(world.ask(&fresh, session).await.error(), "login_required");
}

#[tokio::test]
async fn a_012_every_answer_names_the_issuer() {
    let world = World::new().await;
    let (good, _) = world.sign_in(&query(&[])).await;
    let none = world.ask(&query(&[("prompt", "none")]), None).await.url();
    let bad = world.ask(&query(&[("response_type", "token")]), None).await.url();
    for url in [good, none, bad] {
        assert_eq!(param(&url, "iss").as_deref(), Some(ISSUER), "{url}");
        assert_eq!(param(&url, "state").as_deref(), Some("st"), "{url}");
        assert!(url.as_str().starts_with("https://shop.example/cb?"), "{url}");
    }
}

#[tokio::test]
async fn a_017_a_hint_is_our_id_token_for_this_client() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let hint = |hint: &str| query(&[("id_token_hint", hint), ("prompt", "none")]);
    let forged = format!("{}AAAA", &tokens.id()[..tokens.id().len() - 4]);
    let of_bank =
        query(&[("client_id", "bank"), ("redirect_uri", "https://bank.example/cb"), ("id_token_hint", &tokens.id())]);
    for bad in [hint(&forged), hint("x"), hint(&tokens.access()), of_bank] {
        assert_eq!(world.ask(&bad, None).await.error(), "invalid_request");
    }
    // An old one is still a hint.
    world.wait(3600);
    assert_eq!(world.ask(&hint(&tokens.id()), None).await.error(), "login_required");
}

#[tokio::test]
async fn a_017_another_user_than_the_hint_says_is_refused() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    // The hint is for alice; in her place somebody new signs in under her name.
    let alice = world.alice;
    let bob = vestibule_core::id::UserId(uuid::Uuid::from_u128(99));
    world
        .write(move |tx| {
            let mut user = tx.user(alice)?.unwrap();
            user.username = vestibule_core::user::LoginName::parse("formerly").unwrap();
            user.email = None;
            tx.update_user(&user)?;
            user.id = bob;
            user.username = vestibule_core::user::LoginName::parse("alice").unwrap();
            tx.insert_user(&user)
        })
        .await;
    let told = world.ask(&query(&[("id_token_hint", &tokens.id())]), None).await;
    let vestibule_core::engine::Body::Denied { answer, .. } = world.open(told).await.0.body else {
        panic!("not denied")
    };
    assert_eq!(Told::Sent(world.answer_url(&answer)).error(), "login_required");
}

#[tokio::test]
async fn a_002_a_refusal_leaves_one_event_and_a_flood_of_them_no_more_than_its_budget() {
    let world = World::new().await;
    for _ in 0..100 {
        let Told::Page(_) = world.ask(&query(&[("redirect_uri", "https://evil.example")]), None).await else {
            panic!()
        };
    }
    let events = world.audit().await;
    assert_eq!(events.len(), 60);
    let event = &events[0];
    assert_eq!((event.kind.as_str(), event.client.as_deref()), ("authorize.refused", Some("shop")));
    assert_eq!(event.network.as_deref(), Some("192.0.2.7"));
    assert_eq!(event.details["error"], "unregistered_redirect_uri");
    // The others are counted by themselves.
    world.ask(&query(&[("client_id", "nobody")]), None).await;
    assert_eq!(world.audit().await.len(), 61);
}
