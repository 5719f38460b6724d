//! The channel against a server that speaks SMTP over real sockets.

use serde_json::{Value, json};

use super::*;
use crate::testing::{Act, At, MailServer, Security as Spoken};

const TO: &str = "alice@example.org";

fn mail(settings: Value) -> Result<Mail, ConnectionError> {
    Mail::from_settings(&serde_json::from_value(settings).unwrap())
}

fn changed(mut settings: Value, name: &str, value: impl Into<Value>) -> Value {
    settings[name] = value.into();
    settings
}

fn message(subject: &str, body: &str) -> Message {
    Message { to: TO.to_owned(), subject: Some(subject.to_owned()), body: body.into(), code: "731 902".into() }
}

fn usual() -> Message {
    message("Your code for Books & Co", "731902 is your code.\n.\nIt is good for 5 min.\n")
}

async fn quick(server: &MailServer) -> Mail {
    mail(changed(changed(server.settings(), "timeout_seconds", 1), "connect_timeout_seconds", 1)).unwrap()
}

#[tokio::test]
async fn a_mail_arrives_over_each_kind_of_tls() {
    for spoken in [Spoken::None, Spoken::StartTls, Spoken::Implicit] {
        let server = MailServer::start(spoken).await.unwrap();
        let (name, password) = MailServer::LOGIN;
        let settings = changed(server.settings(), "username", name);
        let settings = changed(settings, "secrets", json!({ "password": password }));
        let outcome = mail(changed(settings, "reply_to", "help@example.com")).unwrap().deliver(&usual()).await;
        assert_eq!(outcome, SendOutcome::Accepted { reference: Some("4Xy1z".to_owned()) }, "{spoken:?}");
        let [received] = server.received().try_into().unwrap();
        assert_eq!((received.from.as_str(), received.to.as_slice()), ("<login@example.com>", &[format!("<{TO}>")][..]));
        assert_eq!((received.tls, received.login.as_deref()), (spoken != Spoken::None, Some(name)));
        let header = |name: &str| received.header(name).unwrap_or_default();
        assert_eq!(header("From"), "Example <login@example.com>");
        assert_eq!((header("To"), header("Reply-To")), (TO.to_owned(), "help@example.com".to_owned()));
        assert_eq!(header("Subject"), "Your code for Books & Co");
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert!(header("Content-Type").starts_with("text/plain; charset=utf-8"));
        assert!(header("Message-ID").ends_with("@example.com>") && !header("Date").is_empty());
        assert_eq!(received.text().trim_end(), "731902 is your code.\n.\nIt is good for 5 min.");
    }
}

#[tokio::test]
async fn letters_beyond_ascii_arrive_as_they_were_written() {
    let server = MailServer::start(Spoken::None).await.unwrap();
    let mail = mail(changed(server.settings(), "from_name", "Bücher & Söhne")).unwrap();
    let outcome = mail.deliver(&message("Ihr Code für Bücher", "731902 ist Ihr Code für Bücher – 5 min.")).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    let [received] = server.received().try_into().unwrap();
    assert_eq!(received.text().trim_end(), "731902 ist Ihr Code für Bücher – 5 min.");
    assert!(received.data.is_ascii() && received.header("Subject").unwrap().contains("=?utf-8?"));
}

#[tokio::test]
async fn what_the_server_refuses_is_refused_and_says_why_without_the_address() {
    for (at, answer) in [
        (At::Greeting, "554 5.3.2 we are closed"),
        (At::From, "550 5.7.1 not you"),
        (At::To, "550 5.1.1 <alice@example.org>: Recipient address rejected"),
        (At::To, "451 4.7.1 Greylisted, try alice@example.org later"),
        (At::Data, "452 4.3.1 no room"),
        (At::End, "554 5.6.0 731902 is spam"),
    ] {
        let server = MailServer::start(Spoken::None).await.unwrap();
        server.act(at, Act::Say(answer.to_owned()));
        let mut sent = usual();
        sent.code = "731902".into();
        let SendOutcome::Refused { why } = quick(&server).await.deliver(&sent).await else { panic!("{answer}") };
        assert!(why.contains(&answer[..3]), "{why}");
        assert!(!why.contains("alice") && !why.contains("731902"), "{why}");
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn what_may_have_been_taken_is_unknown_and_what_was_not_is_refused() {
    for act in [Act::Hang, Act::HangUp, Act::Flood] {
        for at in [At::Greeting, At::Ehlo, At::From, At::To, At::Data] {
            let server = MailServer::start(Spoken::None).await.unwrap();
            server.act(at, act.clone());
            let outcome = quick(&server).await.deliver(&usual()).await;
            assert!(matches!(outcome, SendOutcome::Refused { .. }), "{act:?} {at:?}: {outcome:?}");
        }
        let server = MailServer::start(Spoken::None).await.unwrap();
        server.act(At::End, act.clone());
        let outcome = quick(&server).await.deliver(&usual()).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{act:?} after the mail: {outcome:?}");
    }
}

#[tokio::test]
async fn a_greeting_of_ten_megabytes_is_not_read() {
    let server = MailServer::start(Spoken::None).await.unwrap();
    server.act(At::Greeting, Act::Flood);
    let began = std::time::Instant::now();
    let SendOutcome::Refused { why } = mail(server.settings()).unwrap().deliver(&usual()).await else {
        panic!("taken")
    };
    assert!(why.contains("too much") && began.elapsed() < Duration::from_secs(5), "{why}");
}

#[tokio::test]
async fn nobody_is_there() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let away = mail(json!({ "host": "127.0.0.1", "port": free, "tls": "none", "from": "a@example.com" })).unwrap();
    assert!(matches!(away.deliver(&usual()).await, SendOutcome::Refused { why } if why.starts_with("no connection")));
    assert!(away.reach().await.unwrap_err().to_string().starts_with("127.0.0.1: no connection"));
}

#[tokio::test]
async fn a_password_that_is_not_taken_is_refused_and_told_to_nobody() {
    let server = MailServer::start(Spoken::StartTls).await.unwrap();
    let settings = changed(server.settings(), "username", "vestibule");
    let mail = mail(changed(settings, "secrets", json!({ "password": "correct horse" }))).unwrap();
    let tried = mail.try_out(&usual()).await;
    let SendOutcome::Refused { why } = &tried.outcome else { panic!("{tried:?}") };
    assert!(why.contains("535"), "{why}");
    assert!(!format!("{tried:?}{mail:?}").contains("correct horse"));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_mail() {
    for spoken in [Spoken::StartTls, Spoken::Implicit] {
        let server = MailServer::start(spoken).await.unwrap();
        let mut settings = server.settings();
        settings.as_object_mut().unwrap().remove("authority");
        let outcome = mail(settings).unwrap().deliver(&usual()).await;
        assert!(matches!(&outcome, SendOutcome::Refused { why } if why.contains("TLS")), "{spoken:?} {outcome:?}");
        // Nor does one of another name.
        let other = changed(server.settings(), "host", "127.0.0.2");
        let outcome = mail(changed(other, "connect_timeout_seconds", 1)).unwrap().deliver(&usual()).await;
        assert!(matches!(outcome, SendOutcome::Refused { .. }), "{spoken:?} {outcome:?}");
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_offers_no_tls_gets_neither_mail_nor_password() {
    let server = MailServer::start(Spoken::None).await.unwrap();
    let outcome = mail(changed(server.settings(), "tls", "starttls")).unwrap().deliver(&usual()).await;
    assert!(matches!(&outcome, SendOutcome::Refused { why } if why.contains("TLS")), "{outcome:?}");
    assert!(server.received().is_empty());
}

/// Somebody on the way puts an answer behind that to STARTTLS; under TLS it would count as the server's.
#[tokio::test]
async fn what_was_said_before_tls_does_not_count_under_it() {
    let server = MailServer::start(Spoken::StartTls).await.unwrap();
    server.act(At::StartTls, Act::Say("220 go on\r\n250-mail.example.com\r\n250 AUTH PLAIN".to_owned()));
    let outcome = mail(server.settings()).unwrap().deliver(&usual()).await;
    assert!(matches!(&outcome, SendOutcome::Refused { why } if why.contains("TLS")), "{outcome:?}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_118_a_line_break_in_a_name_an_address_or_a_subject_is_refused() {
    let server = MailServer::start(Spoken::None).await.unwrap();
    for (setting, bad) in [
        ("from", "a@example.com\r\nBcc: b@example.com"),
        ("from", "a@example.com> SIZE=1\r\nRCPT TO:<b@example.com"),
        ("from_name", "Example\r\nBcc: b@example.com"),
        ("from_name", "Example\nX: y"),
        ("from_name", "Exa\0mple"),
        ("reply_to", "a@example.com\nBcc: b@example.com"),
        ("host", "mail.example.com\r\nQUIT"),
        ("host", "smtp://mail.example.com"),
    ] {
        assert_eq!(mail(changed(server.settings(), setting, bad)).unwrap_err().setting, setting, "{bad:?}");
    }
    let mail = mail(server.settings()).unwrap();
    let mut to = usual();
    to.to = "alice@example.org\r\nBcc: b@example.com".to_owned();
    let mut headers = message("Hello\r\nBcc: b@example.com", "text");
    headers.code = "731902".into();
    for bad in [to, headers] {
        assert!(matches!(mail.deliver(&bad).await, SendOutcome::Refused { .. }));
    }
    assert_eq!((server.received().len(), server.greeted()), (0, 0), "nobody was even spoken to");
    // What looks like an end of the mail, or like a header, in the text stays text.
    let text = "731902\n.\nMAIL FROM:<x@example.com>\n\n.\r\nBcc: b@example.com\n";
    assert!(matches!(mail.deliver(&message("x", text)).await, SendOutcome::Accepted { .. }));
    let [received] = server.received().try_into().unwrap();
    assert_eq!((received.to.len(), received.header("Bcc")), (1, None));
}

#[tokio::test]
async fn settings_are_refused_by_name() {
    let good = json!({ "host": "mail.example.com", "from": "a@example.com" });
    assert!(mail(good.clone()).is_ok());
    for (setting, value, named) in [
        ("host", json!(""), "host"),
        ("from", json!("nobody"), "from"),
        ("tls", json!("none"), "tls"),
        ("tls", json!("maybe"), "tls"),
        ("port", json!(70_000), "port"),
        ("timeout_seconds", json!(11), "timeout_seconds"),
        ("username", json!("a"), "secrets.password"),
        ("secrets", json!({ "password": "hunter2" }), "username"),
        ("secrets", json!({ "pasword": "hunter2" }), "secrets"),
        ("secrets", json!("hunter2"), "secrets"),
        ("authority", json!("no certificate"), "authority"),
        ("hots", json!("x"), "hots"),
        ("preset", json!("outbox"), "preset"),
    ] {
        let error = mail(changed(changed(good.clone(), "tls", "implicit"), setting, value.clone())).unwrap_err();
        assert!(error.setting.starts_with(named), "{setting} = {value}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let typo = mail(changed(good, "form", "x")).unwrap_err();
    assert_eq!(typo.to_string(), "form: a mail server has no such setting; did you mean `from`?");
    for loopback in ["localhost", "127.0.0.1", "[::1]"] {
        assert!(mail(json!({ "host": loopback, "tls": "none", "from": "a@example.com" })).is_ok(), "{loopback}");
    }
}

#[test]
fn the_schema_offers_what_can_be_read() {
    let schema = settings_schema();
    for (name, described) in schema["properties"].as_object().unwrap() {
        for word in described["enum"].as_array().into_iter().flatten() {
            let settings = serde_json::from_value(json!({ name.as_str(): word })).unwrap();
            assert!(Written::read(&settings).is_ok(), "{name} = {word}");
        }
    }
}

#[tokio::test]
async fn it_is_reached_by_a_greeting_and_no_more() {
    for spoken in [Spoken::None, Spoken::StartTls, Spoken::Implicit] {
        let server = MailServer::start(spoken).await.unwrap();
        let settings = changed(server.settings(), "username", "vestibule");
        let mail = mail(changed(settings, "secrets", json!({ "password": "wrong" }))).unwrap();
        mail.reach().await.unwrap();
        assert_eq!((server.greeted(), server.received().len()), (1, 0), "{spoken:?}");
    }
    let silent = MailServer::start(Spoken::None).await.unwrap();
    silent.act(At::Greeting, Act::Hang);
    assert!(quick(&silent).await.reach().await.is_err());
}

#[tokio::test]
async fn what_an_admin_sees_of_a_try_has_neither_text_nor_address() {
    let server = MailServer::start(Spoken::None).await.unwrap();
    let tried = mail(server.settings()).unwrap().try_out(&usual()).await;
    let (request, answer) = (tried.request.unwrap(), tried.answer.unwrap());
    assert!(request.contains("Subject: Your code for Books") && answer.contains("250") && answer.contains("4Xy1z"));
    assert!(!request.contains("alice") && !request.contains("731902"), "{request}");
}

/// Of hundred that hang, those that wait for their turn cost nothing and end in time.
#[tokio::test]
async fn a_135_a_server_that_hangs_holds_nobody_for_longer_than_the_limit() {
    let server = MailServer::start(Spoken::None).await.unwrap();
    server.act(At::Greeting, Act::Hang);
    let mail = Arc::new(quick(&server).await);
    let began = std::time::Instant::now();
    let sent: Vec<_> = (0..100)
        .map(|_| {
            let mail = Arc::clone(&mail);
            tokio::spawn(async move { mail.deliver(&usual()).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.greeted(), AT_ONCE, "the others wait");
    for sent in sent {
        assert!(matches!(sent.await.unwrap(), SendOutcome::Refused { .. }));
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
