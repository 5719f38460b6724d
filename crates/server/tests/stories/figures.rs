//! What becomes of messages is counted by the way that they went, and where hardly any code is used somebody is told: once, and
//! about that country alone.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use serde_json::json;
use vestibule_authn_smsotp::testing::FakeGateway;
use vestibule_core::{
    Clock as _,
    audit::{AuditEvent, chain, page::AuditFilter},
    random::SystemRandom,
    tally::Span,
    time::Time,
    user::LoginName,
};
use vestibule_server::{
    admin::record::By,
    console::entry,
    tally::{
        self, alarm,
        messages::{ALARM, FATES, REFUSED, SENT, USED, Way},
    },
};

use crate::support::{Browser, Page, TestApp};

const WORD: &str = "a door of one's own";
const US: &str = "+12025550142";
const DE: &str = "+4915123456789";

/// An owner at the console.
async fn owner(app: &TestApp) -> Browser {
    let (prf, now, name) = (app.state.prf.clone(), app.clock.now(), LoginName::parse("ada").unwrap());
    let made =
        app.write(move |tx| entry::make_link(tx, &name, &By::default(), &prf, &SystemRandom::default(), now)).await;
    let mut browser = app.browser();
    let page = browser.open(made.path.expose_secret()).await;
    let page = browser.submit(&page, "password", &[("password", WORD), ("again", WORD)]).await;
    browser.submit(&page, "password", &[("username", "ada"), ("password", WORD)]).await;
    browser
}

async fn counted(app: &TestApp) {
    chain::seal(&*app.state.store, &app.state.prf).await.unwrap();
    tally::count(&app.state).await.unwrap();
}

/// What was counted today: `fate connection/gateway/area`.
async fn today(app: &TestApp) -> BTreeMap<String, i64> {
    let day = Span::Day.of(app.clock.now());
    let tallies = app.read(move |tx| tx.tallies_since(Span::Day, day, &FATES)).await;
    let named = |tally: &vestibule_core::tally::Tally| {
        let Way { connection, gateway, area } = Way::parse(&tally.about).unwrap();
        (format!("{} {connection}/{gateway}/{area}", tally.what), tally.number)
    };
    tallies.iter().map(named).collect()
}

async fn events(app: &TestApp, kind: &str) -> Vec<AuditEvent> {
    let filter = AuditFilter { kind: Some(kind.to_owned()), ..AuditFilter::default() };
    let entries = app.read(move |tx| tx.audit_page(&filter, None, 100)).await.entries;
    entries.into_iter().map(|entry| entry.event).collect()
}

/// To the page that asks for the code.
async fn at_the_code(app: &TestApp, browser: &mut Browser, name: &str) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", name), ("password", name)]).await
}

/// That so many messages went there, of which so many were used.
async fn went(app: &TestApp, area: &'static str, sent: usize, used: usize) {
    let (now, random) = (app.clock.now(), SystemRandom::default());
    app.write(move |tx| {
        let event = |kind: &str, outcome: Option<&str>| {
            let mut event = AuditEvent::new(kind, now, &random);
            let details = [("connection", Some("SMSOTP")), ("prefix", Some(area)), ("outcome", outcome)];
            let given = details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
            event.details.extend(given);
            event
        };
        for _ in 0..sent {
            tx.append_audit(&event("otp.sent", Some("accepted")))?;
        }
        (0..used).try_for_each(|_| tx.append_audit(&event("otp.passed", None)))
    })
    .await;
    counted(app).await;
}

#[tokio::test]
async fn a_message_is_counted_by_who_carried_it_and_where_it_went_and_a_refused_one_was_not_sent() {
    let app = TestApp::start().await;
    app.user("una", "una", Some(US)).await;
    app.user("dora", "dora", Some(DE)).await;
    let (first, second) = (FakeGateway::start().await.unwrap(), FakeGateway::start().await.unwrap());
    first.answer(403, "no credit");
    for (name, fake) in [("FIRST", &first), ("SECOND", &second)] {
        let settings = json!({ "url": fake.url("/send?to=$ctx.num&text=$ctx.msg"), "price": 0.075, "currency": "EUR" });
        app.connection(name, settings).await;
    }
    let via = json!({ "via": [{ "connection": "FIRST" }, { "connection": "SECOND" }], "messages_a_day": 7 });
    app.connection("SMSOTP", via).await;
    let mut una = app.browser();
    let page = at_the_code(&app, &mut una, "una").await;
    let text = second.received().last().unwrap().query.clone();
    let code = text.rsplit_once("%23").unwrap().1.chars().take_while(char::is_ascii_digit).collect::<String>();
    una.submit(&page, "code", &[("code", &code)]).await;
    at_the_code(&app, &mut app.browser(), "dora").await;
    second.answer(403, "no credit");
    app.advance(60);
    at_the_code(&app, &mut app.browser(), "dora").await;
    counted(&app).await;
    let wanted = [
        (format!("{REFUSED} SMSOTP/SMSOTP/+49 DE"), 1),
        (format!("{SENT} SMSOTP/SECOND/+1 US"), 1),
        (format!("{SENT} SMSOTP/SECOND/+49 DE"), 1),
        (format!("{USED} SMSOTP/SECOND/+1 US"), 1),
    ];
    assert_eq!(today(&app).await, BTreeMap::from(wanted));
    let [passed] = events(&app, "otp.passed").await.try_into().unwrap();
    assert_eq!((passed.details["gateway"].as_str(), passed.details["prefix"].as_str()), ("SECOND", "+1 US"));
    let log = format!("{:?}", events(&app, "otp.").await);
    assert!(!log.contains(US) && !log.contains(DE), "the log names nobody's number: {log}");
    let mut ada = owner(&app).await;
    for window in ["24h", "7d", "30d"] {
        let page = ada.open(&format!("/admin/messages?window={window}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for shown in ["0.15 EUR", "50.0 %", "+49 DE", "SECOND"] {
            assert!(page.body.contains(shown), "{window} {shown}: {}", page.body);
        }
    }
    let file = ada.get("/admin/messages/export?window=7d").await;
    assert!(file.header("content-type").starts_with("text/csv"), "{}", file.body);
    let line = r#""SMSOTP","SECOND","'+1 US","1","0","0","0","1","0","EUR","0.075""#;
    assert!(file.body.contains(line), "{}", file.body);
}

#[tokio::test]
async fn nothing_sent_is_said_and_a_window_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let page = ada.open("/admin/messages").await;
    assert!(page.status == 200 && page.body.contains("No message was sent"), "{}", page.body);
    for path in ["/admin/messages?window=1y", "/admin/messages/export?window=1y"] {
        assert!(ada.open(path).await.status.is_client_error(), "{path}");
    }
}

#[tokio::test]
async fn a_078_where_hardly_any_code_is_used_an_alarm_is_raised_once_and_nowhere_else() {
    let app = TestApp::start().await;
    counted(&app).await;
    alarm::watch(&app.state).await.unwrap();
    went(&app, "+1 JM", 60, 5).await;
    went(&app, "+49 DE", 60, 30).await;
    went(&app, "+7 KZ", 49, 0).await;
    alarm::watch(&app.state).await.unwrap();
    assert!(events(&app, "otp.alarm").await.is_empty(), "everybody has the time to type");
    app.advance(601);
    let (one, other) = tokio::join!(alarm::watch(&app.state), alarm::watch(&app.state));
    assert_eq!(
        one.unwrap() + other.unwrap() + alarm::watch(&app.state).await.unwrap(),
        1,
        "whoever looks, and how often"
    );
    let [told] = events(&app, "otp.alarm").await.try_into().unwrap();
    for (name, value) in [("connection", "SMSOTP"), ("prefix", "+1 JM"), ("sent", "60"), ("used", "5")] {
        assert_eq!(told.details[name], value, "{name}");
    }
    assert!(!told.details.contains_key("stopped_until"), "it holds back nothing unless an admin says so");
    went(&app, "+1 JM", 60, 0).await;
    went(&app, "+7 KZ", 1, 0).await;
    app.advance(601);
    alarm::watch(&app.state).await.unwrap();
    let prefixes: Vec<_> = events(&app, "otp.alarm").await.iter().map(|told| told.details["prefix"].clone()).collect();
    assert_eq!(prefixes, ["+7 KZ", "+1 JM"], "once a day, and those that were few are counted on");
    let mut ada = owner(&app).await;
    for path in ["/admin", "/admin/messages", "/admin/doctor"] {
        let page = ada.open(path).await;
        assert!(page.body.contains("+1 JM") && !page.body.contains("+49 DE hardly"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_log_that_waits_raises_no_alarm() {
    let app = TestApp::start().await;
    counted(&app).await;
    alarm::watch(&app.state).await.unwrap();
    went(&app, "+1 JM", 60, 0).await;
    app.advance(601);
    // The codes were used, and that is not counted yet.
    let now = Time(app.clock.now().0 - 120_000_000);
    app.write(move |tx| tx.append_audit(&AuditEvent::new("otp.passed", now, &SystemRandom::default()))).await;
    let waits = app.read(|tx| Ok(!tx.unsealed_audit(1)?.is_empty())).await;
    if waits {
        alarm::watch(&app.state).await.unwrap();
        assert!(events(&app, "otp.alarm").await.is_empty());
    }
    counted(&app).await;
    alarm::watch(&app.state).await.unwrap();
    assert_eq!(events(&app, "otp.alarm").await.len(), 1, "later it is raised all the same");
}

#[tokio::test]
async fn a_078_an_alarm_that_stops_holds_messages_back_there_alone_until_it_is_lifted() {
    let app = TestApp::start().await;
    app.connection("SMSOTP", json!({ "preset": "outbox", "alarm_stops": true })).await;
    app.user("una", "una", Some(US)).await;
    app.user("dora", "dora", Some(DE)).await;
    counted(&app).await;
    alarm::watch(&app.state).await.unwrap();
    went(&app, "+49 DE", 60, 5).await;
    app.advance(601);
    alarm::watch(&app.state).await.unwrap();
    let [told] = events(&app, "otp.alarm").await.try_into().unwrap();
    assert!(told.details.contains_key("stopped_until"));
    let page = at_the_code(&app, &mut app.browser(), "dora").await;
    assert!(page.body.contains("choose another way"), "{}", page.body);
    assert_eq!(app.sms().count_to(DE), 0);
    assert!(!events(&app, "otp.limited").await.is_empty());
    at_the_code(&app, &mut app.browser(), "una").await;
    app.sms().wait_for(US, 1).await;
    let mut ada = owner(&app).await;
    let page = ada.open("/admin/messages").await;
    let done = ada.submit(&page, "prefix", &[]).await;
    assert!(done.body.contains("go there again"), "{}", done.body);
    at_the_code(&app, &mut app.browser(), "dora").await;
    app.sms().wait_for(DE, 1).await;
    assert_eq!(events(&app, "admin.messages.lifted").await.len(), 1);
    assert!(
        !ada.open("/admin/messages").await.forms().iter().any(|form| form.has_input("prefix")),
        "nothing is left to lift"
    );
    // The event of the alarm stays, and tomorrow it is over.
    let day = Span::Day.of(app.clock.now());
    assert_eq!(app.read(move |tx| tx.tallies_since(Span::Day, day, &[ALARM])).await.len(), 1);
}

#[tokio::test]
async fn a_stop_ends_by_itself_after_a_day_and_by_the_setting_at_once() {
    for by_setting in [true, false] {
        let app = TestApp::start().await;
        app.connection("SMSOTP", json!({ "preset": "outbox", "alarm_stops": true })).await;
        app.user("dora", "dora", Some(DE)).await;
        counted(&app).await;
        alarm::watch(&app.state).await.unwrap();
        went(&app, "+49 DE", 60, 0).await;
        app.advance(601);
        alarm::watch(&app.state).await.unwrap();
        at_the_code(&app, &mut app.browser(), "dora").await;
        assert_eq!(app.sms().count_to(DE), 0);
        if by_setting {
            app.connection("SMSOTP", json!({ "preset": "outbox" })).await;
        } else {
            app.advance(86_401);
        }
        at_the_code(&app, &mut app.browser(), "dora").await;
        app.sms().wait_for(DE, 1).await;
    }
}
