//! People who create their own account: with one browser and without JavaScript, and those who try something else.

use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_core::{
    budget::Rule,
    user::{LoginName, User},
};
use vestibule_server::config::{Proves, Settings};

use crate::support::{Browser, PHONE, Page, TestApp};

const MAILBOX: &str = "ada@example.org";
const PASSWORD: &str = "a door of one's own";

/// A server where people may create their own account, by a mail server whose messages are kept.
async fn open(change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::start_with(|settings| {
        settings.registration.enabled = true;
        settings.registration.groups = vec!["guests".to_owned()];
        settings.registration.per_network = 10_000;
        change(settings);
    })
    .await;
    let mail = json!({ "name": "Mail", "kind": "mail", "settings": { "preset": "outbox" } });
    let mail = serde_json::from_value(mail).unwrap();
    app.write(move |tx| tx.put_connection(&mail)).await;
    app.chain("default", json!([["password"]])).await;
    app
}

async fn user(app: &TestApp, name: &str) -> Option<User> {
    let name = LoginName::parse(name).unwrap();
    app.read(move |tx| tx.user_by_login(&name)).await
}

/// The first page, filled in.
async fn ask(browser: &mut Browser, name: &str, contact: &str) -> Page {
    let page = browser.open("/register").await;
    browser.submit(&page, "contact", &[("name", name), ("contact", contact)]).await
}

/// The code in the latest message.
async fn code_to(app: &TestApp, contact: &str) -> String {
    let text = app.sms().latest_to(contact).await;
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    let code = text.split_whitespace().map(digits).find(|digits| digits.len() == 8);
    code.unwrap_or_else(|| panic!("no code in {text}"))
}

/// As far as the last page.
async fn proved(app: &TestApp, browser: &mut Browser, contact: &str) -> Page {
    let page = ask(browser, "Ada Lovelace", contact).await;
    let code = code_to(app, contact).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!(page.url.path(), "/register/account", "{}", page.body);
    page
}

async fn kinds(app: &TestApp) -> Vec<String> {
    app.read(|tx| tx.latest_audit(200)).await.into_iter().map(|event| event.kind).collect()
}

/// A page without what differs between two runs of the same.
fn stripped(page: &Page, contact: &str) -> String {
    let mut text = page.body.replace(contact, "…");
    while let Some((before, rest)) = text.split_once("name=\"csrf\" value=\"") {
        text = format!("{before}{}", rest.split_once('"').unwrap().1);
    }
    text
}

#[tokio::test]
async fn off_there_is_no_such_page_and_no_way_to_it() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for path in ["/register", "/register/code", "/register/account"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
        assert_eq!(browser.post(path, &[("name", "Ada"), ("contact", MAILBOX)]).await.status, 404, "{path}");
    }
    let page = browser.open(&app.authorize(&[])).await;
    assert!(!page.body.contains("/register"), "{}", page.body);
    let refused = browser.get(&app.authorize(&[("prompt", "create")])).await;
    assert_eq!(refused.answer("error").as_deref(), Some("invalid_request"));
    let document = browser.get("/.well-known/openid-configuration").await.json();
    assert!(!document["prompt_values_supported"].as_array().unwrap().contains(&json!("create")));
    assert!(app.outbox.messages().is_empty());
}

#[tokio::test]
async fn a_person_creates_an_account_and_goes_on_to_the_application() {
    let app = open(|_| {}).await;
    let mut browser = app.browser();
    let document = browser.get("/.well-known/openid-configuration").await.json();
    assert!(document["prompt_values_supported"].as_array().unwrap().contains(&json!("create")));
    let sign_in = browser.open(&app.authorize(&[])).await;
    let link = crate::support::html::links(&sign_in.body).into_iter().find(|link| link.contains("/register?run="));
    let page = browser.open(&link.unwrap()).await;
    assert!(page.body.contains("Shop") && page.body.contains("Create an account"), "{}", page.body);
    let wrong = browser.submit(&page, "contact", &[("name", "Ada"), ("contact", "nowhere")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("no e-mail address"), "{}", wrong.body);
    let page = browser.submit(&wrong, "contact", &[("name", "Ada Lovelace"), ("contact", MAILBOX)]).await;
    assert_eq!(page.url.path(), "/register/code");
    let code = code_to(&app, MAILBOX).await;
    let empty = browser.submit(&page, "code", &[("code", " ")]).await;
    assert_eq!(empty.status, 422);
    let page = browser.submit(&page, "code", &[("code", &format!("{} {}", &code[..4], &code[4..]))]).await;
    assert_eq!(page.url.path(), "/register/account", "{}", page.body);
    assert!(user(&app, MAILBOX).await.is_none(), "nobody is there before the password");
    let short = browser.submit(&page, "password", &[("username", ""), ("password", "short")]).await;
    assert_eq!(short.status, 422);
    let reserved = browser.submit(&short, "password", &[("username", "Adm1n"), ("password", PASSWORD)]).await;
    assert!(reserved.status == 422 && user(&app, "adm1n").await.is_none(), "{}", reserved.body);
    let done = browser.submit(&reserved, "password", &[("username", "Ada.L"), ("password", PASSWORD)]).await;
    assert!(done.status == 200 && done.body.contains("ada.l"), "{}", done.body);
    let made = user(&app, "ada.l").await.unwrap();
    assert_eq!((made.email.as_deref(), made.email_verified), (Some(MAILBOX), true));
    assert_eq!((made.groups, made.roles), (vec!["guests".to_owned()], Vec::<String>::new()));
    assert_eq!(made.display_name.as_deref(), Some("Ada Lovelace"));
    // The run that was under way goes on, and every one of its doors is shut as before.
    let on = crate::support::html::links(&done.body).into_iter().find(|link| link.contains("/interaction/")).unwrap();
    let page = browser.open(&on).await;
    let back = browser.submit(&page, "password", &[("username", "ada.l"), ("password", PASSWORD)]).await;
    assert!(app.exchange(&back).await.json()["id_token"].is_string());
    let kinds = kinds(&app).await;
    assert!(kinds.contains(&"user.registered".to_owned()) && kinds.contains(&"registration.begun".to_owned()));
    let again = browser.get("/register/account").await;
    assert_eq!(again.status, 410, "it is over");
}

#[tokio::test]
async fn prompt_create_begins_there_and_nobody_signed_in_is_taken_for_the_new_one() {
    let app = open(|_| {}).await;
    app.user("bobby", "bobby", None).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let back = browser.submit(&page, "password", &[("username", "bobby"), ("password", "bobby")]).await;
    assert!(back.answer("code").is_some());
    assert!(browser.open(&app.authorize(&[])).await.answer("code").is_some(), "single sign-on");
    let page = browser.open(&app.authorize(&[("prompt", "create")])).await;
    assert_eq!(page.url.path(), "/register", "{}", page.url);
    let sign_in =
        crate::support::html::links(&page.body).into_iter().find(|link| link.contains("/interaction/")).unwrap();
    assert!(browser.open(&sign_in).await.form_with("password").has_input("username"));
    let both = browser.get(&app.authorize(&[("prompt", "none create")])).await;
    assert_eq!(both.answer("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_060_an_address_that_is_taken_looks_the_same_and_takes_as_long() {
    const ROUNDS: usize = 40;
    let often = Rule { limit: 100_000, ..vestibule_core::budget::Limits::default().sends_from };
    let app = open(|settings| {
        settings.limits.budgets.sends_from = often;
        settings.limits.budgets.sends_by = often;
        settings.limits.budgets.sends_to_prefix = often;
    })
    .await;
    let mut times: [Vec<Duration>; 2] = Default::default();
    let mut seen: Vec<(u16, Vec<String>, u16, String)> = Vec::new();
    for round in 0..ROUNDS {
        let (known, free) = (format!("user{round:03}@example.com"), format!("free{round:03}@example.com"));
        app.user(&format!("user{round:03}"), "x", None).await;
        for (number, contact) in [known, free].iter().enumerate() {
            let mut browser = app.browser();
            let page = browser.open("/register").await;
            let began = Instant::now();
            let answer = browser.submit_once(&page, "contact", &[("name", "Ada"), ("contact", contact)]).await;
            times[number].push(began.elapsed());
            let headers = answer.headers.keys().map(ToString::to_string).collect();
            let shown = browser.follow(answer.clone()).await;
            let kind = (answer.status.as_u16(), headers, shown.status.as_u16(), stripped(&shown, contact));
            if !seen.contains(&kind) {
                seen.push(kind);
            }
            app.sms().wait_for(contact, 1).await;
        }
    }
    assert_eq!(seen.len(), 1, "the same status, headers and bytes: {seen:#?}");
    let [known, free] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    // A machine under test is noisy: what is looked for is a message that was waited for.
    assert!(known * 3 > free * 2 && free * 3 > known * 2, "{known:?} {free:?}");
    let mail = app.sms().latest_to("user000@example.com").await;
    assert!(
        mail.contains("already") && !mail.chars().any(|c| c.is_ascii_digit() && mail.contains("code is")),
        "{mail}"
    );
}

#[tokio::test]
async fn whoever_has_an_account_gets_no_code_and_no_second_one() {
    let app = open(|_| {}).await;
    let alice = app.user("alice", "alice", None).await;
    let mut browser = app.browser();
    let page = ask(&mut browser, "Mallory", "Alice@Example.COM").await;
    let mail = app.sms().latest_to("Alice@Example.COM").await;
    assert!(mail.contains("already") && !mail.contains("Mallory"), "{mail}");
    for code in ["00000000", "12345678"] {
        assert_eq!(browser.submit(&page, "code", &[("code", code)]).await.status, 422);
    }
    assert_eq!(browser.get("/register/account").await.location().unwrap().path(), "/register/code");
    assert_eq!(user(&app, "alice").await.unwrap(), alice);
}

#[tokio::test]
async fn a_070_five_wrong_codes_and_the_right_one_is_refused() {
    let app = open(|_| {}).await;
    let mut browser = app.browser();
    let page = ask(&mut browser, "Ada", MAILBOX).await;
    let code = code_to(&app, MAILBOX).await;
    let wrong = if code == "00000000" { "11111111" } else { "00000000" };
    for _ in 0..5 {
        assert_eq!(browser.submit(&page, "code", &[("code", wrong)]).await.status, 422);
    }
    assert_eq!(browser.submit(&page, "code", &[("code", &code)]).await.status, 422);
    // A new message brings no new tries.
    app.advance(31);
    browser.submit(&page, "code", &[("action", "resend")]).await;
    assert_eq!(browser.submit(&page, "code", &[("code", &code)]).await.status, 422);
    assert!(user(&app, MAILBOX).await.is_none());
}

#[tokio::test]
async fn a_077_another_message_has_to_wait_and_repeats_the_code() {
    let app = open(|_| {}).await;
    let mut browser = app.browser();
    let page = ask(&mut browser, "Ada", MAILBOX).await;
    let first = code_to(&app, MAILBOX).await;
    let soon = browser.submit(&page, "code", &[("action", "resend")]).await;
    assert_eq!(soon.status, 429);
    assert_eq!(app.sms().count_to(MAILBOX), 1, "nothing was sent");
    app.advance(31);
    browser.submit(&page, "code", &[("action", "resend")]).await;
    app.sms().wait_for(MAILBOX, 2).await;
    assert_eq!(code_to(&app, MAILBOX).await, first);
    app.advance(600);
    let late = browser.submit(&page, "code", &[("code", &first)]).await;
    assert!(late.status == 422 && late.body.contains("too old"), "{}", late.body);
    app.advance(1800);
    assert_eq!(browser.get("/register/code").await.status, 410, "it does not wait for ever");
}

#[tokio::test]
async fn a_078_who_pumps_a_prefix_or_a_network_sends_nothing() {
    let app = open(|settings| {
        settings.registration.contact = Proves::Phone;
        settings.registration.per_network = 6;
        settings.limits.budgets.sends_to_prefix.limit = 2;
    })
    .await;
    for barred in ["+49 900 1234567", "+1 900 555 0142", "hello"] {
        let page = ask(&mut app.browser(), "Ada", barred).await;
        assert_eq!(page.status, 422, "{barred}");
    }
    let mut pages = Vec::new();
    for number in 0..6 {
        let page = ask(&mut app.browser(), "Ada", &format!("+49 170 123456{number}")).await;
        pages.push((page.status.as_u16(), page.url.path().to_owned()));
    }
    assert!(pages.iter().all(|page| *page == (200, "/register/code".to_owned())), "nobody is told: {pages:?}");
    app.sms().wait_for("+491701234561", 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(app.outbox.messages().len(), 2, "the prefix has had enough");
    let page = ask(&mut app.browser(), "Ada", "+49 170 1234569").await;
    assert_eq!(page.status, 429, "and so has the network");
    assert!(!page.header("retry-after").is_empty());
    assert!(kinds(&app).await.contains(&"registration.limited".to_owned()));
    app.advance(86_401);
    assert_eq!(ask(&mut app.browser(), "Ada", "+49 170 1234569").await.status, 200);
}

#[tokio::test]
async fn a_078_who_registers_with_somebodys_number_does_not_use_up_the_messages_of_their_sign_in() {
    let app = open(|settings| settings.registration.contact = Proves::Phone).await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("default", json!([["password"], [sms]])).await;
    app.alice().await;
    for _ in 0..20 {
        assert_eq!(ask(&mut app.browser(), "Mallory", PHONE).await.status, 200);
        app.advance(31);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let pestered = app.sms().count_to(PHONE);
    assert!((1..=5).contains(&pestered), "strangers write little to one number: {pestered}");
    // A moment ago, too: their wait is not hers.
    assert_eq!(ask(&mut app.browser(), "Mallory", PHONE).await.status, 200);
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    app.sms().wait_for(PHONE, pestered + 1).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_078_strangers_do_not_use_up_what_a_connection_may_send_in_a_day() {
    let app = open(|settings| {
        settings.registration.contact = Proves::Phone;
        settings.limits.budgets.sends_by.limit = 4;
    })
    .await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("default", json!([["password"], [sms]])).await;
    app.alice().await;
    for number in 0..6 {
        assert_eq!(ask(&mut app.browser(), "Mallory", &format!("+49171123456{number}")).await.status, 200);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(app.outbox.messages().len(), 2, "half of them");
    let back = app.log_in(&mut app.browser(), "alice", "alice", PHONE).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_078_who_brings_the_codes_back_pumps_no_more_than_who_does_not() {
    let app = open(|settings| {
        settings.registration.contact = Proves::Phone;
        settings.limits.budgets.sends_to_prefix.limit = 2;
    })
    .await;
    for number in ["+491701234561", "+491701234562"] {
        proved(&app, &mut app.browser(), number).await;
    }
    assert_eq!(ask(&mut app.browser(), "Ada", "+491701234563").await.status, 200, "nobody is told");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(app.sms().count_to("+491701234563"), 0, "the prefix has had enough");
}

#[tokio::test]
async fn a_066_who_has_tried_all_names_has_no_more_passwords_hashed() {
    let app = open(|_| {}).await;
    app.user("bobby", "bobby", None).await;
    let mut browser = app.browser();
    let page = proved(&app, &mut browser, MAILBOX).await;
    let taken = [("username", "bobby"), ("password", PASSWORD)];
    for _ in 0..15 {
        assert_eq!(browser.submit(&page, "password", &taken).await.status, 409);
    }
    // A password that is refused before it would be hashed tells whether anybody looked at it.
    let bad = [("username", "bobby"), ("password", "short")];
    assert_eq!(browser.submit(&page, "password", &bad).await.status, 410);
}

#[tokio::test]
async fn a_number_gets_an_account_with_a_name() {
    let app = open(|settings| settings.registration.contact = Proves::Phone).await;
    let mut browser = app.browser();
    let page = proved(&app, &mut browser, "+491701234567").await;
    let nameless = browser.submit(&page, "password", &[("username", ""), ("password", PASSWORD)]).await;
    assert_eq!(nameless.status, 422);
    let done = browser.submit(&page, "password", &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let ada = user(&app, "ada").await.unwrap();
    assert_eq!((ada.phone_number.as_deref(), ada.phone_number_verified), (Some("+491701234567"), true));
    assert!(ada.email.is_none());
}

#[tokio::test]
async fn a_081_what_is_typed_stays_text_and_leaves_no_mark_in_a_message() {
    let app = open(|_| {}).await;
    for bad in
        ["ada@example.org\r\nBcc: all@example.org", "ada@example.org,b@example.org", "<ada@example.org>", "a b@c.de"]
    {
        let page = ask(&mut app.browser(), "Ada", bad).await;
        assert_eq!(page.status, 422, "{bad}");
    }
    for bad in ["Ada\r\nBcc: x", "", " ", &"x".repeat(129)] {
        assert_eq!(ask(&mut app.browser(), bad, MAILBOX).await.status, 422, "{bad}");
    }
    assert!(app.outbox.messages().is_empty());
    let evil = "{{code}} {code} {host} \"><script>alert(1)</script> win at evil.example";
    let mut browser = app.browser();
    let page = browser.open("/register").await;
    let wrong = browser.submit(&page, "contact", &[("name", evil), ("contact", "x")]).await;
    assert!(!wrong.body.contains("<script>alert") && wrong.body.contains("&lt;script&gt;"), "{}", wrong.body);
    browser.submit(&wrong, "contact", &[("name", evil), ("contact", MAILBOX)]).await;
    let mail = app.sms().latest_to(MAILBOX).await;
    assert!(!mail.contains("evil") && !mail.contains('<') && !mail.contains('{'), "{mail}");
}

#[tokio::test]
async fn a_061_an_address_that_would_sign_in_as_another_is_none() {
    let app = open(|_| {}).await;
    for lookalike in ["ſupport@example.org", "ａda@example.org", "ada@ｅxample.org", "\u{212a}ate@example.org"] {
        assert_eq!(ask(&mut app.browser(), "Ada", lookalike).await.status, 422, "{lookalike}");
    }
    assert!(app.outbox.messages().is_empty());
    assert_eq!(ask(&mut app.browser(), "Ada", "Käthe@Example.org").await.status, 200);
}

#[tokio::test]
async fn a_061_one_mailbox_however_it_is_spelt_gets_one_message() {
    let app = open(|_| {}).await;
    for spelt in ["ada@example.org", "Ada@example.org", "ADA@EXAMPLE.ORG"] {
        assert_eq!(ask(&mut app.browser(), "Ada", spelt).await.status, 200, "nobody is told");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(app.outbox.messages().len(), 1);
}

#[tokio::test]
async fn a_045_another_browser_and_another_site_can_do_nothing_with_it() {
    let app = open(|_| {}).await;
    let mut browser = app.browser();
    let page = ask(&mut browser, "Ada", MAILBOX).await;
    let code = code_to(&app, MAILBOX).await;
    let mut other = app.browser();
    other.open("/register").await;
    assert_eq!(other.submit(&page, "code", &[("code", &code)]).await.status, 403);
    assert_eq!(app.browser().submit(&page, "code", &[("code", &code)]).await.status, 403);
    browser.headers.push(("sec-fetch-site".to_owned(), "cross-site".to_owned()));
    assert_eq!(browser.submit(&page, "code", &[("code", &code)]).await.status, 403);
    browser.headers.clear();
    let early = browser.post("/register/account", &[("password", PASSWORD)]).await;
    assert_eq!(early.status, 403, "no token");
    assert_eq!(browser.get("/register/account").await.location().unwrap().path(), "/register/code");
}

#[tokio::test]
async fn of_sixteen_who_finish_one_registration_one_does() {
    let app = open(|settings| settings.password.queue = 64).await;
    let mut browser = app.browser();
    let page = proved(&app, &mut browser, MAILBOX).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (mut browser, page) = (browser.clone(), page.clone());
        all.spawn(async move {
            let (name, word) = (format!("ada{number}"), format!("a door of number {number}"));
            browser.submit(&page, "password", &[("username", &name), ("password", &word)]).await.status.as_u16()
        });
    }
    let answers = all.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    let mut there = 0;
    for number in 0..16 {
        there += usize::from(user(&app, &format!("ada{number}")).await.is_some());
    }
    assert_eq!(there, 1);
}

#[tokio::test]
async fn of_two_who_want_one_name_or_one_address_one_gets_it() {
    let app = open(|_| {}).await;
    let (mut first, mut second) = (app.browser(), app.browser());
    let one = proved(&app, &mut first, "one@example.org").await;
    let two = proved(&app, &mut second, "two@example.org").await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let (a, b) = tokio::join!(first.submit(&one, "password", &fields), second.submit(&two, "password", &fields));
    let mut answers = [a.status.as_u16(), b.status.as_u16()];
    answers.sort_unstable();
    assert_eq!(answers, [200, 409], "{} {}", a.body, b.body);
    // Both browsers have proved one address: the account is there once.
    let (mut first, mut second) = (app.browser(), app.browser());
    let one = proved(&app, &mut first, MAILBOX).await;
    app.advance(31);
    let two = proved(&app, &mut second, MAILBOX).await;
    assert_eq!(first.submit(&one, "password", &[("username", "eve"), ("password", PASSWORD)]).await.status, 200);
    assert_eq!(second.submit(&two, "password", &[("username", "eva"), ("password", PASSWORD)]).await.status, 410);
    assert!(user(&app, "eva").await.is_none());
}

#[tokio::test]
async fn only_these_domains_and_only_who_agrees() {
    let app = open(|settings| {
        settings.registration.domains = vec!["example.org".to_owned()];
        settings.registration.terms_uri = Some("https://example.org/terms".parse().unwrap());
    })
    .await;
    let mut browser = app.browser();
    let page = browser.open("/register").await;
    assert!(page.body.contains("https://example.org/terms"), "{}", page.body);
    for (contact, agree, status) in [
        ("ada@example.com", "yes", 422),
        ("ada@evil.example.org", "yes", 422),
        (MAILBOX, "", 422),
        ("ada@EXAMPLE.org", "yes", 200),
    ] {
        let typed = [("name", "Ada"), ("contact", contact), ("agree", agree)];
        let answer = browser.submit(&page, "contact", &typed).await;
        assert_eq!(answer.status, status, "{contact} {agree}: {}", answer.body);
    }
}
