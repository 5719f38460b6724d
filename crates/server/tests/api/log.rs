//! The audit log of the API: page by page, to take along, as it grows, and how it is.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use vestibule_core::{Clock as _, audit::AuditEvent, id::UserId, random::SystemRandom, time::Time, user::User};
use vestibule_server::{
    admin::{Permission, Role, audit::tail},
    state::Transaction,
};

use crate::{
    house::{Caller, admin, person, program, server},
    support::TestApp,
};

/// Lets something happen, `count` times at the service provider `client`.
async fn happen(app: &TestApp, kind: &str, client: &str, count: i64) {
    let now = app.clock.now().0;
    let event = |n: i64| AuditEvent {
        client: Some(client.to_owned()),
        details: [("n".to_owned(), n.to_string())].into(),
        ..AuditEvent::new(kind, Time(now + n), &SystemRandom::default())
    };
    let events: Vec<_> = (0..count).map(event).collect();
    app.write(move |tx| events.iter().try_for_each(|event| tx.append_audit(event))).await;
}

/// What the log tells of exports.
async fn exports(app: &TestApp) -> Vec<AuditEvent> {
    let events = app.read(|tx: &mut Transaction| tx.latest_audit(5000)).await;
    events.into_iter().filter(|event| event.kind == "admin.audit.exported").collect()
}

/// A stream that is being read.
struct Stream(reqwest::Response, String);

impl Stream {
    async fn open(caller: &Caller, query: &str) -> Self {
        let answer = caller.open(&format!("/audit/tail?{query}")).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self(answer, String::new())
    }

    /// Reads on until something was said; whether it was before the end.
    async fn until(&mut self, said: &str) -> bool {
        let reading = async {
            while !self.1.contains(said) {
                match self.0.chunk().await {
                    Ok(Some(chunk)) => self.1.push_str(std::str::from_utf8(&chunk).unwrap()),
                    Ok(None) | Err(_) => return false,
                }
            }
            true
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap()
    }

    async fn ends(&mut self) -> bool {
        !self.until("what is never said").await
    }

    /// The events, each with its number.
    fn events(&self) -> Vec<Value> {
        let data = self.1.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap())
            .filter(|event: &Value| event.get("kind").is_some())
            .collect()
    }

    /// The last number that was said.
    fn stands_at(&self) -> String {
        self.1.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_109_a_place_in_the_audit_log_is_ours_and_of_this_question() {
    let app = server().await;
    let auditor = admin(&app, Role::Auditor).await;
    happen(&app, "otp.sent", "shop", 9).await;
    let page = auditor.get("/audit?kind=otp.&limit=4").await.ok().json();
    let next = page["next"].as_str().unwrap();
    let second = auditor.get(&format!("/audit?kind=otp.&limit=4&after={next}")).await.ok().json();
    let numbers = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["details"]["n"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (numbers(&page), numbers(&second)),
        (
            vec!["8", "7", "6", "5"].into_iter().map(str::to_owned).collect(),
            vec!["4", "3", "2", "1"].into_iter().map(str::to_owned).collect()
        )
    );
    let last = page["items"][3]["id"].as_str().unwrap();
    let (place, mac) = next.split_once('.').unwrap();
    for forged in [
        format!("{}.{last}", app.clock.now().0),
        format!("{place}.{}", mac.chars().rev().collect::<String>()),
        format!("{place}."),
        place.to_owned(),
        "x".to_owned(),
    ] {
        let refused = auditor.get(&format!("/audit?kind=otp.&after={forged}")).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec!["/after".to_owned()]), "{forged}");
    }
    for other in ["", "kind=otp.sent&", "kind=otp.&client=shop&", "since=2020-01-01T00:00:00Z&kind=otp.&"] {
        let refused = auditor.get(&format!("/audit?{other}after={next}")).await;
        assert_eq!(refused.status, 400, "a place in the answer to another question: {other}");
    }
}

#[tokio::test]
async fn an_export_is_whole_over_many_pages_and_the_log_tells_of_it() {
    let app = server().await;
    let auditor = admin(&app, Role::Auditor).await;
    happen(&app, "otp.sent", "shop", 1203).await;
    happen(&app, "otp.sent", "=cmd|' /C calc'!A0", 2).await;
    happen(&app, "otp.passed", "shop", 7).await;
    let lines = auditor.get("/audit/export?kind=otp.sent").await.ok();
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    assert!(lines.header("content-disposition").ends_with(".ndjson\""), "{}", lines.header("content-disposition"));
    let events: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((events.len(), ids.len()), (1205, 1205), "each once");
    assert!(events.iter().all(|event| event["kind"] == "otp.sent"));
    assert!(events.is_sorted_by(|a, b| a["at"].as_str() >= b["at"].as_str()), "newest first");
    let page = auditor.get("/audit?kind=otp.sent&limit=3").await.json();
    assert_eq!(page["items"][0]["id"], events[0]["id"], "a line is what the list gives");
    assert_eq!(page["items"][0]["details"], events[0]["details"]);

    let table = auditor.get("/audit/export?kind=otp.sent&format=csv").await.ok();
    assert!(table.header("content-type").starts_with("text/csv"));
    let mut rows = csv::Reader::from_reader(table.text.as_bytes());
    let place = rows.headers().unwrap().iter().position(|name| name == "client").unwrap();
    let clients: Vec<String> = rows.records().map(|row| row.unwrap()[place].to_owned()).collect();
    assert_eq!(clients.len(), 1205);
    assert!(clients.iter().all(|client| client == "shop" || client == "'=cmd|' /C calc'!A0"));
    let none = auditor.get("/audit/export?kind=nothing&format=csv").await.ok();
    assert_eq!(none.text.lines().count(), 1, "the head alone: {}", none.text);

    let told: Vec<_> = exports(&app).await;
    assert_eq!(told.len(), 3);
    let told = told.iter().find(|event| event.details["object"] == "ndjson").unwrap();
    assert_eq!(told.actor.as_ref().unwrap().username, "auditor");
    let changes = serde_json::to_value(&told.changes).unwrap();
    assert_eq!(changes, json!([{ "field": "kind", "after": "otp.sent" }]));
}

#[tokio::test]
async fn an_export_is_refused_before_anything_of_it_is_given() {
    let app = server().await;
    let (auditor, helpdesk) = (admin(&app, Role::Auditor).await, admin(&app, Role::Helpdesk).await);
    for (query, status) in
        [("format=xlsx", 400), ("since=yesterday", 400), ("user=x", 400), ("after=x", 400), ("limit=1", 400)]
    {
        assert_eq!(auditor.get(&format!("/audit/export?{query}")).await.status, status, "{query}");
    }
    assert_eq!(helpdesk.get("/audit/export").await.problem(), "forbidden");
    assert_eq!(helpdesk.get("/audit/tail").await.problem(), "forbidden");
    assert_eq!(helpdesk.get("/audit/health").await.problem(), "forbidden");
    assert_eq!(exports(&app).await.len(), 0, "what was refused is no export");
}

#[tokio::test]
async fn a_tail_gives_each_event_once_and_goes_on_where_it_stood() {
    let app = server().await;
    let auditor = admin(&app, Role::Auditor).await;
    happen(&app, "otp.sent", "shop", 3).await;
    let mut old = Stream::open(&auditor, "kind=otp.&after=0").await;
    assert!(old.until("\"n\":\"2\"").await);
    assert_eq!(old.events().len(), 3, "from the beginning");

    let mut stream = Stream::open(&auditor, "kind=otp.&client=shop").await;
    assert!(stream.until("retry: ").await);
    assert_eq!(stream.events().len(), 0, "what was sealed before is not given");
    happen(&app, "otp.passed", "shop", 2).await;
    happen(&app, "otp.passed", "wiki", 2).await;
    happen(&app, "step.passed", "shop", 2).await;
    assert!(stream.until("\"n\":\"1\"").await);
    let seen = stream.events();
    assert_eq!(seen.len(), 2, "{}", stream.1);
    assert!(seen.iter().all(|event| event["kind"] == "otp.passed" && event["client"] == "shop"));

    // It ends after a while, and what happened meanwhile is given to who comes back with the last number.
    app.clock.advance(tail::LIFE);
    assert!(stream.ends().await && !stream.1.contains("event: over"), "{}", stream.1);
    happen(&app, "otp.rejected", "shop", 2).await;
    let back = auditor.with("last-event-id", &stream.stands_at());
    let mut next = Stream::open(&back, "kind=otp.&client=shop&after=0").await;
    assert!(next.until("otp.rejected").await && next.until("\"n\":\"1\"").await);
    let ids: Vec<_> = seen.into_iter().chain(next.events()).map(|event| event["id"].clone()).collect();
    assert_eq!(ids.len(), 4, "nothing is lost, and nothing is given twice: {}", next.1);
    assert_eq!(ids.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), 4);
}

#[tokio::test]
async fn a_tail_begins_at_a_number_of_the_log() {
    let app = server().await;
    let auditor = admin(&app, Role::Auditor).await;
    for wrong in ["x", "-1", "1.5", "999999", "9223372036854775808"] {
        let refused = auditor.get(&format!("/audit/tail?after={wrong}")).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (400, vec!["/after".to_owned()]), "{wrong}");
        let refused = auditor.with("last-event-id", wrong).get("/audit/tail").await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_tail_ends_when_its_reader_loses_the_role_or_the_token() {
    let app = server().await;
    let auditor = admin(&app, Role::Auditor).await;
    let mut stream = Stream::open(&auditor, "after=0").await;
    assert!(stream.until("data: ").await);
    let user =
        auditor.get("/users?q=auditor").await.json()["items"][0]["id"].as_str().unwrap().parse::<UserId>().unwrap();
    app.write(move |tx: &mut Transaction| {
        let user = tx.user(user)?.unwrap();
        tx.update_user(&User { roles: vec!["editor".to_owned()], ..user })
    })
    .await;
    assert!(stream.until("event: over").await && stream.ends().await);
    happen(&app, "otp.sent", "secret-shop", 1).await;
    assert!(!stream.1.contains("secret-shop"), "nothing is told afterwards");

    let batch = program(&app, Permission::AuditRead.scope()).await;
    let mut stream = Stream::open(&batch, "").await;
    assert!(stream.until("retry: ").await);
    app.client(json!({ "id": "batch", "name": "Batch", "secret": "batch-secret-batch-secret", "disabled": true, "grant_types": ["client_credentials"] })).await;
    assert!(stream.until("event: over").await, "its service provider was disabled");
}

#[tokio::test]
async fn nobody_takes_all_the_tails() {
    let app = server().await;
    let (auditor, owner) = (admin(&app, Role::Auditor).await, admin(&app, Role::Owner).await);
    let mut streams = Vec::new();
    for _ in 0..tail::EACH {
        streams.push(Stream::open(&auditor, "").await);
    }
    let refused = auditor.get("/audit/tail").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "busy"));
    assert!(!refused.header("retry-after").is_empty());
    assert!(Stream::open(&owner, "").await.until("retry: ").await, "others have places of their own");
    // A place is free again when its stream ended.
    app.clock.advance(tail::LIFE);
    for stream in &mut streams {
        assert!(stream.ends().await);
    }
    let again = program(&app, Permission::AuditRead.scope()).await;
    assert!(Stream::open(&again, "").await.until("retry: ").await);
    person(&app, "late", &[Role::Auditor.name()]).await;
}

#[tokio::test]
async fn the_log_says_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.ndjson");
    let app = TestApp::start_with(|settings| settings.audit.file = Some(file)).await;
    crate::house::prepare(&app).await;
    let auditor = admin(&app, Role::Auditor).await;
    happen(&app, "otp.sent", "shop", 5).await;
    let mut health = Value::Null;
    for _ in 0..100 {
        health = auditor.get("/audit/health").await.ok().json();
        if health["waiting_since"].is_null() && health["sinks"][0]["behind"] == 0 && health["sealed"].as_i64() > Some(4)
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((&health["finding"], &health["waiting_since"]), (&Value::Null, &Value::Null), "{health}");
    assert_eq!(health["sinks"], json!([{ "name": "file", "served": health["sealed"], "behind": 0 }]));
}
