//! A password, then a code by e-mail: with a mail server that speaks SMTP and TLS, and on both databases.
use std::time::{Duration, Instant};

use crate::support::{Browser, Page, TestApp, postgres_database};
use serde_json::{Value, json};
use vestibule_authn_emailotp::testing::{Act, At, MailServer, Received, Security};
use vestibule_core::user::User;

const ADDRESS: &str = "alice@example.com";

/// A server whose chain asks for a code by mail, and the mail server. On PostgreSQL only where there is one.
async fn house(postgres: bool, security: Security) -> Option<(TestApp, MailServer)> {
    if postgres && std::env::var("VESTIBULE_TEST_POSTGRES").is_err() {
        return None;
    }
    let app = TestApp::start_with(|settings| {
        if postgres {
            settings.database.url = postgres_database().into();
        }
    })
    .await;
    let mail = MailServer::start(security).await.unwrap();
    let connection = json!({ "name": "Mail", "kind": "mail", "settings": mail.settings() });
    let connection = serde_json::from_value(connection).unwrap();
    app.write(move |tx| tx.put_connection(&connection)).await;
    app.chain("default", json!([["password"], [code()]])).await;
    Some((app, mail))
}

fn code() -> Value {
    json!({ "authenticator": "emailotp", "connection": "Mail" })
}

/// Through the first door.
async fn password(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

async fn mails(server: &MailServer, count: usize) -> Vec<Received> {
    for _ in 0..500 {
        let received = server.received();
        if received.len() >= count {
            return received;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("only {} of {count} mails came", server.received().len());
}

/// The code and the link of a mail.
fn inside(mail: &Received) -> (String, String) {
    let text = mail.text();
    let code = text.split_whitespace().next().unwrap().to_owned();
    let link = text.lines().find(|line| line.starts_with("http")).unwrap().to_owned();
    assert!(code.len() == 6 && link.ends_with(&format!("?code={code}")), "{text}");
    (code, link)
}

async fn audit(app: &TestApp) -> String {
    let page = app.read(|tx| tx.audit_page(&Default::default(), None, 200)).await;
    serde_json::to_string(&page.entries.iter().map(|entry| &entry.event).collect::<Vec<_>>()).unwrap()
}

async fn a_login(postgres: bool, security: Security) {
    let Some((app, mail)) = house(postgres, security).await else { return };
    app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    assert!(page.body.contains("a•••@") && !page.body.contains(ADDRESS), "{}", page.body);
    let [received] = mails(&mail, 1).await.try_into().unwrap();
    let (code, _) = inside(&received);
    assert_eq!((received.to.as_slice(), received.tls), (&[format!("<{ADDRESS}>")][..], true));
    assert_eq!(received.header("Subject").as_deref(), Some("Your code for Shop"));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let page = browser.submit(&page, "code", &[("code", wrong)]).await;
    assert!(page.body.contains('4'), "four tries are left");
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    let tokens = app.exchange(&back).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let id_token: Value = {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let json = tokens.json()["id_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(json).unwrap()).unwrap()
    };
    assert_eq!(id_token["amr"], json!(["otp", "pwd"]));
    assert_ne!(id_token["acr"], "urn:vestibule:acr:2fa", "a mailbox is no second factor");
    let log = audit(&app).await;
    assert!(log.contains("otp.sent") && log.contains("4Xy1z"), "{log}");
    assert!(!log.contains(&code) && !log.contains(ADDRESS), "{log}");
}

#[tokio::test]
async fn a_password_and_a_code_by_mail_give_tokens() {
    for postgres in [false, true] {
        for security in [Security::StartTls, Security::Implicit] {
            a_login(postgres, security).await;
        }
    }
}

#[tokio::test]
async fn a_083_a_link_that_a_program_opens_uses_nothing_up() {
    for postgres in [false, true] {
        let Some((app, mail)) = house(postgres, Security::StartTls).await else { continue };
        app.alice().await;
        let mut browser = app.browser();
        password(&app, &mut browser).await;
        let (code, link) = inside(&mails(&mail, 1).await[0]);
        assert!(link.starts_with(&app.url), "{link}");
        // A scanner, or the same person's telephone: it is said plainly, and nothing is used up.
        for _ in 0..10 {
            let elsewhere = app.browser().get(&link).await;
            assert_eq!(elsewhere.status, 403);
            assert!(elsewhere.body.contains("This link belongs to another browser"), "{}", elsewhere.body);
            assert!(
                elsewhere.body.contains("enter the code from the message there") && !elsewhere.body.contains(&code)
            );
        }
        let client = reqwest::Client::new();
        let address = link.replacen(&app.url, &app.place(), 1);
        let head = client.head(&address).send().await.unwrap();
        assert!(!head.status().is_server_error());
        // Here where it began, as often as it is looked at.
        for _ in 0..3 {
            let page = browser.get(&link).await;
            assert_eq!((page.status.as_u16(), page.header("referrer-policy")), (200, "no-referrer"));
            assert!(page.body.contains(&format!("value=\"{code}\"")), "{}", page.body);
            assert!(page.body.contains("It is used only when you go on."));
        }
        let page = browser.get(&link).await;
        let back = browser.submit(&page, "code", &[]).await;
        assert_eq!(app.exchange(&back).await.status, 200, "{}", back.body);
        // Used up, and by that button alone.
        let again = browser.get(&link).await;
        assert!(!again.body.contains(&format!("value=\"{code}\"")));
    }
}

#[tokio::test]
async fn what_stands_in_a_link_is_filled_in_only_where_it_can_be_a_code() {
    let Some((app, mail)) = house(false, Security::None).await else { return };
    app.alice().await;
    let mut browser = app.browser();
    let first = browser.open(&app.authorize(&[])).await;
    let before = browser.get(&format!("{}?code=123456", first.url.path())).await;
    assert!(!before.body.contains("123456"), "no code was asked for yet");
    let page = browser.submit(&first, "password", &[("username", "alice"), ("password", "alice")]).await;
    mails(&mail, 1).await;
    for odd in ["%22%3E%3Cb%3E", "1234567890123", "12", "123456&x=1", "12 34"] {
        let shown = browser.get(&format!("{}?code={odd}", page.url.path())).await;
        assert!(!shown.body.contains("It is used only when you go on."), "{odd}");
    }
}

async fn without_address(app: &TestApp) -> User {
    let alice = app.alice().await;
    let bare = User { email: None, email_verified: false, ..alice };
    let saved = bare.clone();
    app.write(move |tx| tx.update_user(&saved)).await;
    app.chain("default", json!([["password"], { "alternatives": [code()], "enrol": "require" }])).await;
    bare
}

#[tokio::test]
async fn an_address_is_enrolled_by_the_code_that_was_sent_there() {
    for postgres in [false, true] {
        let Some((app, mail)) = house(postgres, Security::StartTls).await else { continue };
        let alice = without_address(&app).await;
        let mut browser = app.browser();
        let page = password(&app, &mut browser).await;
        assert!(page.body.contains("Your e-mail address"), "{}", page.body);
        let page = browser.submit(&page, "email", &[("email", "alice@example.com\r\nBcc: x@example.com")]).await;
        assert!(page.form_with("email").has_input("version") && mail.greeted() == 0, "{}", page.body);
        let page = browser.submit(&page, "email", &[("email", "New@Example.com")]).await;
        let (code, _) = inside(&mails(&mail, 1).await[0]);
        let stored = app.read(move |tx| tx.user(alice.id)).await.unwrap();
        assert_eq!(stored.email, None, "nothing is theirs before the code came back");
        let back = browser.submit(&page, "code", &[("code", &code)]).await;
        assert!(back.answer("code").is_some(), "{}", back.body);
        let stored = app.read(move |tx| tx.user(alice.id)).await.unwrap();
        assert_eq!((stored.email.as_deref(), stored.email_verified), (Some("New@Example.com"), true));
        assert!(audit(&app).await.contains("email.verified"));
    }
}

#[tokio::test]
async fn whose_an_address_is_is_told_to_nobody_but_its_owner() {
    for postgres in [false, true] {
        let Some((app, mail)) = house(postgres, Security::StartTls).await else { continue };
        let alice = without_address(&app).await;
        app.user("bob", "bob", None).await;
        let mut browser = app.browser();
        let page = password(&app, &mut browser).await;
        let taken = browser.submit(&page, "email", &[("email", "Bob@Example.com")]).await;
        let [received] = mails(&mail, 1).await.try_into().unwrap();
        let text = received.text();
        assert!(text.contains("belongs to another account") && !text.contains("code="), "{text}");
        assert!(!text.contains("alice") && !text.chars().any(|c| c.is_ascii_digit()), "{text}");
        let mut other = app.browser();
        let page = password(&app, &mut other).await;
        let free = other.submit(&page, "email", &[("email", "Bxx@Example.com")]).await;
        // What differs between two runs is taken out: ids, tokens, the time.
        let words = |page: &Page| {
            let plain = page.body.split('<').map(|tag| tag.split_once('>').map_or("", |(_, text)| text).trim());
            let plain: Vec<_> =
                plain.filter(|text| !text.is_empty() && !text.contains(':')).map(str::to_owned).collect();
            plain.join("\n")
        };
        assert_eq!(words(&taken), words(&free), "the page tells whose it is");
        for guess in ["000000", "123456"] {
            assert!(browser.submit(&taken, "version", &[("code", guess)]).await.answer("code").is_none());
        }
        let stored = app.read(move |tx| tx.user(alice.id)).await.unwrap();
        assert!(stored.email.is_none());
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_told_and_costs_nothing() {
    let Some((app, mail)) = house(false, Security::None).await else { return };
    app.alice().await;
    mail.act(At::To, Act::Say("550 5.1.1 <alice@example.com>: unknown".to_owned()));
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    assert!(page.body.contains("could not be sent") && !page.body.contains("550"), "{}", page.body);
    let log = audit(&app).await;
    assert!(log.contains("refused") && log.contains("550") && !log.contains(ADDRESS), "{log}");
    mail.behave();
    let page = browser.submit(&page, "version", &[("action", "resend")]).await;
    let (code, _) = inside(&mails(&mail, 1).await[0]);
    assert!(browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some());
}

#[tokio::test]
async fn a_135_while_a_mail_server_hangs_tokens_are_handed_out() {
    let Some((app, mail)) = house(false, Security::None).await else { return };
    app.alice().await;
    let machine = json!({ "id": "machine", "name": "Machine", "secret": "s3cret", "auth": "client_secret_post",
        "grant_types": ["client_credentials"], "redirect_uris": [] });
    app.client(machine).await;
    mail.act(At::Greeting, Act::Hang);
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "machine"), ("client_secret", "s3cret")];
    let began = Instant::now();
    let hanging = async {
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        (page, began.elapsed())
    };
    let tokens = async {
        while mail.greeted() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let asked = Instant::now();
        for _ in 0..20 {
            let answer = app.browser().post("/oauth2/token", &form).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        assert!(app.browser().get("/portal").await.status != 503);
    };
    let ((page, took), ()) = tokio::join!(hanging, tokens);
    assert!(took < Duration::from_secs(13), "{took:?}");
    assert!(page.form_with("version").has_input("version"), "and the person is told: {}", page.body);
}
