//! What people are told of changes to their account, by real mail and by text message, and on both databases.

use std::time::Duration;

use crate::support::{PHONE, TestApp, postgres_database};
use serde_json::json;
use vestibule_authn_emailotp::testing::{Act, At, MailServer, Received, Security};
use vestibule_core::{
    audit::{AuditEvent, chain},
    channel::Message,
    id::{MessageId, UserId},
    outbox::Posted,
    random::SystemRandom,
    user::User,
};
use vestibule_server::post;

const ADDRESS: &str = "alice@example.com";

/// A server that writes by mail and by text message, and the mail server. On PostgreSQL only where there is one.
async fn house(postgres: bool) -> Option<(TestApp, MailServer)> {
    if postgres && std::env::var("VESTIBULE_TEST_POSTGRES").is_err() {
        return None;
    }
    let app = TestApp::start_with(|settings| {
        settings.post.sms = Some("SMSOTP".into());
        if postgres {
            settings.database.url = postgres_database().into();
        }
    })
    .await;
    let mail = MailServer::start(Security::None).await.unwrap();
    let connection = serde_json::from_value(json!({ "name": "Mail", "kind": "mail", "settings": mail.settings() }));
    let connection = connection.unwrap();
    app.write(move |tx| tx.put_connection(&connection)).await;
    // What happened before anybody looked is told to nobody.
    catch_up(&app).await;
    Some((app, mail))
}

/// Seals, follows and delivers until there is nothing left to do.
async fn catch_up(app: &TestApp) {
    for _ in 0..2 {
        chain::seal(&*app.state.store, &app.state.prf).await.unwrap();
        post::notices::follow(&app.state).await.unwrap();
        post::deliver(&app.state).await.unwrap();
    }
}

/// Something happened to somebody.
async fn happens(app: &TestApp, kind: &str, user: UserId, details: &[(&str, &str)]) {
    let mut event = AuditEvent::new(kind, app.state.clock.now(), &SystemRandom::default());
    event.user = Some(user);
    event.network = Some("192.0.2.1".to_owned());
    event.details = details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    app.write(move |tx| tx.append_audit(&event)).await;
}

fn texts(app: &TestApp) -> Vec<String> {
    app.outbox.messages().iter().filter(|message| message.to == PHONE).map(|message| message.body.clone()).collect()
}

async fn audited(app: &TestApp, kind: &str) -> Vec<AuditEvent> {
    let page = app.read(|tx| tx.audit_page(&Default::default(), None, 200)).await;
    page.entries.into_iter().map(|entry| entry.event).filter(|event| event.kind == kind).collect()
}

#[tokio::test]
async fn a_067_a_new_factor_is_told_by_mail_and_by_text_message_once() {
    for postgres in [false, true] {
        let Some((app, mail)) = house(postgres).await else { continue };
        let alice = app.alice().await;
        happens(&app, "factor.enrolled", alice.id, &[("authenticator", "passkey")]).await;
        for _ in 0..3 {
            catch_up(&app).await;
        }
        let [received]: [Received; 1] = mail.received().try_into().unwrap();
        let text = received.text();
        assert_eq!(received.to, [format!("<{ADDRESS}>")]);
        assert!(received.header("Subject").unwrap().contains("Something changed"), "{received:?}");
        assert!(text.contains("Passkey") && text.contains("192.0.2.1") && text.contains("/portal/activity"), "{text}");
        let texts = texts(&app);
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].contains("Passkey") && !texts[0].contains("http"), "{texts:?}");
        assert_eq!(audited(&app, "message.sent").await.len(), 2);
        let log = serde_json::to_string(&audited(&app, "message.sent").await).unwrap();
        assert!(!log.contains(ADDRESS) && !log.contains(PHONE), "{log}");
    }
}

#[tokio::test]
async fn a_080_a_changed_number_is_told_by_mail_and_not_to_the_number_itself() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    happens(&app, "number.changed", alice.id, &[]).await;
    catch_up(&app).await;
    assert_eq!((mail.received().len(), texts(&app).len()), (1, 0), "who took it over would read the warning");
    happens(&app, "email.verified", alice.id, &[]).await;
    catch_up(&app).await;
    assert_eq!((mail.received().len(), texts(&app).len()), (1, 1));
}

#[tokio::test]
async fn a_094_what_a_recovery_code_and_an_admins_code_opened_is_told_by_all_ways() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    let german = User { locale: Some("de-AT".to_owned()), ..alice.clone() };
    app.write(move |tx| tx.update_user(&german)).await;
    happens(&app, "step.passed", alice.id, &[("authenticator", "password")]).await;
    catch_up(&app).await;
    assert_eq!(mail.received().len(), 0, "an ordinary step is no news");
    happens(&app, "step.passed", alice.id, &[("authenticator", "recovery")]).await;
    happens(&app, "admin.user.bypass_code", alice.id, &[]).await;
    catch_up(&app).await;
    let mails: String = mail.received().iter().map(Received::text).collect();
    assert!(mails.contains("Wiederherstellungscode") && mails.contains("Administrator"), "{mails}");
    assert_eq!((mail.received().len(), texts(&app).len()), (2, 2));
}

#[tokio::test]
async fn nobody_is_told_the_same_more_than_five_times_an_hour() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    for _ in 0..25 {
        happens(&app, "factor.enrolled", alice.id, &[("authenticator", "totp")]).await;
    }
    catch_up(&app).await;
    assert_eq!((mail.received().len(), texts(&app).len()), (5, 5));
    app.advance(3600);
    happens(&app, "password.changed", alice.id, &[]).await;
    catch_up(&app).await;
    assert_eq!(mail.received().len(), 6, "an hour later they are told again");
}

#[tokio::test]
async fn a_067_much_that_is_small_does_not_silence_what_matters() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    for _ in 0..25 {
        happens(&app, "data.exported", alice.id, &[]).await;
    }
    happens(&app, "password.changed", alice.id, &[]).await;
    happens(&app, "factor.enrolled", alice.id, &[("authenticator", "passkey")]).await;
    catch_up(&app).await;
    let mails: String = mail.received().iter().map(Received::text).collect();
    assert!(mails.contains("password of your account was changed") && mails.contains("Passkey"), "{mails}");
}

#[tokio::test]
async fn a_091_an_invitation_that_an_admin_saw_is_told_to_who_is_reached_already() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    happens(&app, "admin.user.invited", alice.id, &[]).await;
    happens(&app, "user.accepted", alice.id, &[("proved", "nothing")]).await;
    catch_up(&app).await;
    assert_eq!((mail.received().len(), texts(&app).len()), (2, 2));
    happens(&app, "user.accepted", alice.id, &[("proved", "email")]).await;
    catch_up(&app).await;
    assert_eq!(mail.received().len(), 2, "whoever came by their own mailbox knows");
}

#[tokio::test]
async fn a_067_who_deletes_the_account_does_not_take_the_last_word_along() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    let (desk, now) = (post::Desk::of(&app.state), app.state.clock.now());
    let stolen = User { email: Some("mallory@example.com".to_owned()), ..alice.clone() };
    app.write(move |tx| {
        tx.update_user(&stolen)?;
        post::notices::former(tx, &desk, &alice, &stolen, now)?;
        tx.delete_user(alice.id).map(drop)
    })
    .await;
    catch_up(&app).await;
    let [received]: [Received; 1] = mail.received().try_into().unwrap();
    assert_eq!(received.to, [format!("<{ADDRESS}>")]);
}

#[tokio::test]
async fn an_unproven_address_and_an_unproven_number_are_told_nothing() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    let typed = User { email_verified: false, phone_number_verified: false, ..alice.clone() };
    app.write(move |tx| tx.update_user(&typed)).await;
    happens(&app, "password.changed", alice.id, &[]).await;
    catch_up(&app).await;
    assert_eq!((mail.received().len(), texts(&app).len()), (0, 0));
}

fn letter(app: &TestApp, user: Option<UserId>) -> Posted {
    let now = app.state.clock.now();
    let message = Message {
        to: ADDRESS.to_owned(),
        subject: Some("A subject".to_owned()),
        body: "A secret text".into(),
        code: String::new().into(),
    };
    Posted {
        id: MessageId::new(now, &SystemRandom::default()),
        user,
        kind: "notice".to_owned(),
        connection: "Mail".into(),
        message,
        created_at: now,
        due_at: now,
        expires_at: now + Duration::from_secs(24 * 3600),
        tries: 0,
    }
}

#[tokio::test]
async fn what_is_refused_is_thrown_away_and_what_nobody_knows_of_is_tried_again_for_a_day() {
    let Some((app, mail)) = house(false).await else { return };
    mail.act(At::To, Act::Say("550 5.1.1 unknown".to_owned()));
    let refused = letter(&app, None);
    app.write(move |tx| tx.post(&refused)).await;
    assert_eq!(post::deliver(&app.state).await.unwrap(), 1);
    assert_eq!(audited(&app, "message.refused").await.len(), 1);
    // A connection that is gone for a while.
    let waiting = Posted { connection: "Gone".into(), ..letter(&app, None) };
    app.write(move |tx| tx.post(&waiting)).await;
    assert_eq!(post::deliver(&app.state).await.unwrap(), 1);
    assert_eq!(post::deliver(&app.state).await.unwrap(), 0, "it is not due yet");
    let mut tries = 1;
    for _ in 0..48 {
        app.advance(1800);
        tries += post::deliver(&app.state).await.unwrap();
    }
    assert!((8..=18).contains(&tries), "{tries}");
    assert_eq!(audited(&app, "message.failed").await.len(), 1);
    let now = app.state.clock.now();
    assert!(app.read(move |tx| tx.due_posts(now + Duration::from_secs(99_999), 9)).await.is_empty());
}

#[tokio::test]
async fn of_two_instances_one_sends() {
    let Some((app, mail)) = house(true).await else { return };
    let other = app.beside().await;
    for _ in 0..5 {
        let posted = letter(&app, None);
        app.write(move |tx| tx.post(&posted)).await;
    }
    let (one, two) = tokio::join!(post::deliver(&app.state), post::deliver(&other.state));
    assert!(one.unwrap() + two.unwrap() <= 5);
    for _ in 0..100 {
        if mail.received().len() == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(mail.received().len(), 5);
}

#[tokio::test]
async fn a_connection_sends_no_more_than_it_may_in_a_day() {
    let app = TestApp::start_with(|settings| settings.limits.budgets.sends_by.limit = 2).await;
    for _ in 0..4 {
        let mut posted = Posted { connection: "SMSOTP".into(), ..letter(&app, None) };
        posted.message.to = PHONE.to_owned();
        app.write(move |tx| tx.post(&posted)).await;
    }
    post::deliver(&app.state).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(texts(&app).len(), 2);
}

#[tokio::test]
async fn a_080_a_number_that_is_taken_away_hears_it_itself() {
    let Some((app, mail)) = house(false).await else { return };
    let alice = app.alice().await;
    let (desk, now) = (post::Desk::of(&app.state), app.state.clock.now());
    let without = User { phone_number: None, phone_number_verified: false, ..alice.clone() };
    app.write(move |tx| {
        tx.update_user(&without)?;
        post::notices::former(tx, &desk, &alice, &without, now)
    })
    .await;
    catch_up(&app).await;
    let texts = texts(&app);
    assert!(texts.len() == 1 && texts[0].contains("no longer that of your account"), "{texts:?}");
    assert_eq!(mail.received().len(), 0);
}
