//! What happens when the database does not answer.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use secrecy::ExposeSecret as _;
use vestibule_core::{
    Clock as _,
    channel::Message,
    id::MessageId,
    outbox::{LIFE, Posted},
    random::SystemRandom,
};

use crate::{
    house::{
        Database, ask_tokens, at_the_code, audited, hold, lives, new_code, new_tokens, quick, rows, spending, text,
    },
    support::{Browser, PHONE, Page},
};

/// 503 with a time to come again, within five seconds, and nothing of the cause.
fn unavailable(page: &Page, began: Instant) {
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.header("retry-after").parse::<u64>().unwrap() > 0);
    assert!(began.elapsed() < Duration::from_millis(5500), "{:?}", began.elapsed());
    for told in ["database is locked", "SQLite", "postgres", "diesel", "r2d2", "src/"] {
        assert!(!page.body.contains(told), "{told}: {}", page.body);
    }
}

#[tokio::test]
async fn a_035_a_128_without_storage_nothing_is_revoked_granted_or_counted() {
    let Some(app) = Database::Sqlite.start().await else { return };
    quick(&app).await;
    let tokens = new_tokens(&app, &[("scope", "openid offline_access")]).await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let code = new_code(&app, &[]).await;
    let mut browser = app.browser();
    let login = browser.open(&app.authorize(&[])).await;
    let before = rows(&app, "audit_events");
    let mut other = hold(&app);
    let place = app.place();
    let revoke = async |token: &str| {
        Browser::new(&place).post("/oauth2/revoke", &[("client_id", "shop"), ("token", token)]).await
    };
    let began = Instant::now();
    let answers = tokio::join!(
        revoke(&access),
        revoke(&refresh),
        ask_tokens(&place, spending(&code)),
        ask_tokens(&place, crate::house::refreshing(&refresh)),
        browser.submit_once(&login, "password", &[("username", "alice"), ("password", "alice")]),
    );
    for answer in [&answers.0, &answers.1, &answers.2, &answers.3, &answers.4] {
        unavailable(answer, began);
    }
    for answer in [&answers.2, &answers.3] {
        assert_eq!(answer.json()["error"], "temporarily_unavailable", "not the client's fault");
    }
    let start = app.browser().get(&app.authorize(&[])).await;
    crate::house::told(&app, &start, "temporarily_unavailable");
    assert_eq!(app.browser().get("/oauth2/jwks").await.status, 200, "what needs no database goes on");
    other.batch_execute("ROLLBACK").unwrap();
    drop(other);
    assert_eq!(rows(&app, "audit_events"), before);
    assert!(lives(&place, &access).await, "what was not said to be revoked is not");
    assert_eq!(ask_tokens(&place, spending(&code)).await.status, 200, "what was not said to be spent is not");
    let page = browser.submit(&login, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.answer("code").is_some(), "and the login goes on where it was");
    assert_eq!(revoke(&access).await.status, 200);
    assert!(!lives(&place, &access).await);
}

/// Stands before a database, and can be cut.
struct Wire {
    address: SocketAddr,
    whole: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, ends) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (is_whole, all) = (Arc::clone(&whole), Arc::clone(&ends));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if !is_whole.load(Ordering::SeqCst) {
                    continue;
                }
                let far = TcpStream::connect(target).unwrap();
                for end in [&near, &far] {
                    all.lock().unwrap().push(end.try_clone().unwrap());
                }
                let (near_again, far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || carry(near, far));
                std::thread::spawn(move || carry(far_again, near_again));
            }
        });
        Self { address, whole, ends }
    }

    fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[tokio::test]
async fn a_127_a_database_that_is_gone_is_told_and_nothing_happens_twice() {
    let mut wire = None;
    let app = Database::Postgres.start_with(|settings| {
        let mut url: url::Url = settings.database.url.expose_secret().parse().unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432)).parse().unwrap();
        let made = Wire::to(target);
        url.set_port(Some(made.address.port())).unwrap();
        settings.database.url = url.to_string().into();
        wire = Some(made);
    });
    let Some(app) = app.await else { return };
    let wire = wire.unwrap();
    app.alice().await;
    let mut ready = Browser::new(&format!("http://{}", app.addresses.management.unwrap()));
    assert_eq!(ready.get("/ready").await.status, 200);
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.clone().submit(&page, "code", &[("code", &code)]).await;
    let auth_code = back.answer("code").unwrap();
    // In the middle of everything.
    let mut other = app.browser();
    let login = other.open(&app.authorize(&[])).await;
    wire.cut();
    for _ in 0..2 {
        let began = Instant::now();
        unavailable(&ask_tokens(&app.place(), spending(&auth_code)).await, began);
        let began = Instant::now();
        unavailable(&other.get(login.url.as_str()).await, began);
        let began = Instant::now();
        unavailable(
            &other.submit_once(&login, "password", &[("username", "alice"), ("password", "alice")]).await,
            began,
        );
    }
    assert_eq!(app.browser().get("/oauth2/jwks").await.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(ready.get("/ready").await.status, 503);
    assert_eq!(ready.get("/healthz/live").await.status, 200, "no reason to kill the server");
    wire.mend();
    let began = Instant::now();
    while other.get(login.url.as_str()).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(2), "it heals by itself");
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(ask_tokens(&app.place(), spending(&auth_code)).await.status, 200, "the code was not spent");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(ready.get("/ready").await.status, 200);
    assert_eq!(rows(&app, "grants"), 1);
    assert_eq!(audited(&app, "login.completed").await.len(), 1);
}

#[tokio::test]
async fn a_132_stored_data_that_was_changed_is_refused() {
    let Some(app) = Database::Sqlite.start().await else { return };
    app.alice().await;
    let bob = app.user("bob", "bob", None).await;
    // Somebody who can write to the database gives alice bob's password.
    crate::house::tamper(
        &app,
        &format!(
            "UPDATE credentials SET secret = (SELECT secret FROM credentials WHERE user_id = '{}') WHERE user_id <> '{}'",
            bob.id, bob.id
        ),
    );
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "bob")]).await;
    assert_eq!(page.status, 500, "{}", page.body);
    assert!(page.answer("code").is_none());
}

#[tokio::test]
async fn a_132_a_message_that_was_changed_leaves_for_nobody_and_keeps_no_other_here() {
    for database in [Database::Sqlite, Database::Postgres] {
        let Some(app) = database.start().await else { continue };
        let now = app.clock.now();
        let later = now + LIFE;
        let posted = || Posted {
            id: MessageId::new(now, &SystemRandom::default()),
            user: None,
            kind: "notice".to_owned(),
            connection: "SMSOTP".into(),
            message: Message { to: PHONE.to_owned(), subject: None, body: "A text".into(), code: "".into() },
            created_at: now,
            due_at: later,
            expires_at: later + LIFE,
            tries: 0,
        };
        let (changed, kept) = (posted(), posted());
        let (first, second) = (changed.id, kept.id);
        app.write(move |tx| tx.post(&changed).and_then(|()| tx.post(&kept))).await;
        // Somebody who can write to the database wants it to go elsewhere.
        let other = format!("UPDATE outbox SET message = (SELECT message FROM outbox WHERE id = '{second}')");
        crate::house::tamper(&app, &format!("{other} WHERE id = '{first}'"));
        let due = app.read(move |tx| tx.due_posts(later, 9)).await;
        assert_eq!(due.iter().map(|posted| posted.id).collect::<Vec<_>>(), [second]);
    }
}
