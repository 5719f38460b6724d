//! The audit log at work: sealed as it comes, and given to every sink, whatever happens to sink and server.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::support::TestApp;
use serde_json::Value;
use vestibule_core::{
    audit::{AuditEvent, chain},
    random::SystemRandom,
    time::Time,
};
use vestibule_server::config::HttpSinkSettings;

/// A server that takes events, after it refused the first posts.
#[derive(Clone, Default)]
struct Collector {
    posts: Arc<Mutex<Vec<(String, String)>>>,
}

impl Collector {
    fn start(refused: usize) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let collector = Self::default();
        let posts = Arc::clone(&collector.posts);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    let line = line.to_lowercase();
                    length = line.strip_prefix("content-length: ").map_or(length, |text| text.trim().parse().unwrap());
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let status = if number < refused { "503 Busy" } else { "204 No Content" };
                if number >= refused {
                    posts.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
                }
                write!(stream.get_mut(), "HTTP/1.1 {status}\r\nconnection: close\r\n\r\n").unwrap();
            }
        });
        (collector, url)
    }

    fn lines(&self) -> String {
        self.posts.lock().unwrap().iter().map(|(_, body)| body.as_str()).collect()
    }
}

fn numbers(text: &str) -> Vec<i64> {
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap()).collect()
}

async fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it took too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn happen(app: &TestApp, count: i64) {
    let events: Vec<_> = (0..count).map(|n| AuditEvent::new("otp.sent", Time(n), &SystemRandom::default())).collect();
    app.write(move |tx| events.iter().try_for_each(|event| tx.append_audit(event))).await;
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn every_sink_gets_every_event_in_order_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.ndjson");
    let (collector, url) = Collector::start(1);
    let http = HttpSinkSettings { url: url.parse().unwrap(), token: Some("the-token".into()), batch: 7 };
    let app = TestApp::start_with(|settings| {
        settings.audit.file = Some(file.clone());
        settings.audit.http = Some(http);
    })
    .await;
    happen(&app, 20).await;
    until(|| numbers(&text(&file)).len() >= 20 && numbers(&collector.lines()).len() >= 20).await;
    // Appended a moment before the stop: sealed and given at the end.
    happen(&app, 3).await;
    let app = app.restarted().await;
    until(|| numbers(&text(&file)).len() >= 23 && numbers(&collector.lines()).len() >= 23).await;
    happen(&app, 10).await;
    until(|| numbers(&text(&file)).len() >= 33 && numbers(&collector.lines()).len() >= 33).await;
    let all: Vec<i64> = (1..=33).collect();
    assert_eq!((numbers(&text(&file)), numbers(&collector.lines())), (all.clone(), all));
    for (head, body) in collector.posts.lock().unwrap().iter() {
        assert!(head.contains("authorization: bearer the-token") && head.contains("application/x-ndjson"), "{head}");
        assert!(body.lines().count() <= 7, "a batch is bounded");
    }
    let line: Value = serde_json::from_str(text(&file).lines().next().unwrap()).unwrap();
    assert_eq!((&line["kind"], line.get("unproven")), (&Value::from("otp.sent"), None));
    let whole = chain::verify(&*app.state.store, &app.state.prf).await.unwrap().unwrap();
    assert_eq!(whole.count, 33);
}

#[tokio::test]
async fn a_sink_that_is_gone_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.ndjson");
    let (collector, url) = Collector::start(usize::MAX);
    let app = TestApp::start_with(|settings| {
        settings.audit.file = Some(file.clone());
        settings.audit.http = Some(HttpSinkSettings { url: url.parse().unwrap(), token: None, batch: 100 });
    })
    .await;
    app.alice().await;
    app.log_in(&mut app.browser(), "alice", "alice", crate::support::PHONE).await;
    until(|| text(&file).contains("login.completed")).await;
    assert_eq!(collector.lines(), "");
}
