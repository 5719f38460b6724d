//! The audit log from the command line: an edit is named, and the reference of events is the program's own.
#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, sql_query};
use tempfile::TempDir;
use vestibule_core::{
    audit::{
        AuditEvent, Via, kinds,
        page::{AuditEntry, AuditFilter},
        schema,
    },
    crypto::MasterKey,
    random::SystemRandom,
    store::StoreExt as _,
    time::Time,
};
use vestibule_store::Options;

fn root() -> PathBuf {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect();
    root.canonicalize().unwrap()
}

fn vestibule(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vestibule"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_")) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .env("VESTIBULE_PUBLIC_URL", "https://auth.example.com")
        .env("VESTIBULE_DATA_DIR", folder)
        .env("USER", "grace")
        .env("VESTIBULE_SECRET_KEY_FILE", folder.join("key"));
    command.args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_139_an_edited_audit_log_is_1_and_names_the_row() {
    let folder = TempDir::new().unwrap();
    let key = MasterKey::generate(&SystemRandom::default());
    fs::write(folder.path().join("key"), key.to_text().as_bytes()).unwrap();
    let file = folder.path().join("vestibule.db");
    let address = format!("sqlite:{}", file.display()).parse().unwrap();
    let store = vestibule_store::open(&address, &key, &Options::default()).unwrap();
    let append = |number: i64| AuditEvent::new("otp.sent", Time(number), &SystemRandom::default());
    let events: Vec<_> = (1..=1000).map(append).collect();
    let id = events[699].id.to_string();
    store.write(move |tx| events.iter().try_for_each(|event| tx.append_audit(event))).await.unwrap();
    drop(store);
    let output = vestibule(folder.path(), &["audit", "verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).starts_with("1000 events, the last with the number 1000"), "{}", said(&output));

    let mut database = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    sql_query("UPDATE audit_events SET body = replace(body, 'otp.sent', 'otp.seen') WHERE seq = 700")
        .execute(&mut database)
        .unwrap();
    let output = vestibule(folder.path(), &["audit", "verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(&format!("event 700 (id {id}) was changed")), "{}", said(&output));

    sql_query("DELETE FROM audit_events WHERE seq >= 700").execute(&mut database).unwrap();
    let output = vestibule(folder.path(), &["audit", "verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("event 700 is missing"), "{}", said(&output));
}

#[tokio::test]
async fn what_commands_change_is_told_with_the_account_that_ran_them() {
    let folder = TempDir::new().unwrap();
    let key = MasterKey::generate(&SystemRandom::default());
    fs::write(folder.path().join("key"), key.to_text().as_bytes()).unwrap();
    fs::write(folder.path().join("people.csv"), "username\nbob\n").unwrap();
    fs::write(folder.path().join("c.toml"), "[[chain]]\nname = \"c\"\nsteps = [[\"password\"]]\n").unwrap();
    for (arguments, status) in [
        ("user add ada --no-password", 0),
        ("user unlock ada", 0),
        ("client add shop --redirect-uri https://shop.example/cb", 0),
        ("admin link --user ada", 0),
        ("keys rotate", 0),
        ("user import people.csv --dry-run", 2),
        ("user import people.csv", 0),
        ("apply c.toml --dry-run", 2),
        ("apply c.toml", 0),
    ] {
        let output = vestibule(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(status), "{arguments}: {}", said(&output));
    }
    let address = format!("sqlite:{}", folder.path().join("vestibule.db").display()).parse().unwrap();
    let store = vestibule_store::open(&address, &key, &Options::default()).unwrap();
    let page = store.read(|tx| tx.audit_page(&AuditFilter::default(), None, 100)).await.unwrap();
    let told = |entry: AuditEntry| {
        let AuditEvent { kind, actor, changes, .. } = entry.event;
        let actor = actor.unwrap();
        assert_eq!((actor.username.as_str(), actor.user), ("grace", None), "{kind}");
        assert_eq!(actor.via, if kind == "admin.chain.published" { Via::File } else { Via::Cli }, "{kind}");
        assert!(!format!("{changes:?}").contains("vss_"), "{changes:?}");
        kind
    };
    let mut kinds: Vec<_> = page.entries.into_iter().rev().map(told).collect();
    kinds.dedup();
    let expected = [
        "admin.user.created",
        "admin.user.unlocked",
        "admin.client.created",
        "admin.entry.link_made",
        "admin.key.rotated",
        "admin.user.created",
        "admin.chain.published",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_reference_has_every_kind_and_the_schema() {
    let page = fs::read_to_string(root().join("docs/reference/audit.md")).unwrap();
    let listed: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `admin.")).collect();
    let known: Vec<_> = kinds::KINDS.iter().map(|kind| format!("| `{}` | {} |", kind.name, kind.meaning)).collect();
    assert_eq!(listed, known);
    let shown = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let schema = format!("{:#}\n", schema::schema());
    assert!(shown == schema, "the schema of the page should be:\n{schema}");
    let output = vestibule(&root(), &["audit", "schema"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), schema);
}

/// The sources of the whole program, without their tests.
fn sources() -> Vec<(PathBuf, String)> {
    let (mut sources, mut folders) = (Vec::new(), vec![root().join("crates")]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders
                    .extend((!["tests", "benches", "testing", "node_modules"].contains(&name)).then(|| path.clone()));
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                sources.push((path, code));
            }
        }
    }
    sources
}

/// The texts in quotes of a line that look like a kind.
fn kinds_in(line: &str) -> impl Iterator<Item = &str> {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
    line.split('"').skip(1).step_by(2).filter(move |text| text.contains('.') && text.split('.').all(word))
}

/// Whatever makes an event names its kind on the same line or the next.
const MAKERS: [&str; 13] = [
    "AuditEvent::new(",
    "audit::event(",
    "door::event(",
    "audit::of_request(",
    "audit::note_refusal(",
    "self.event(",
    " event(state, ",
    "::event(state, ",
    "cx.note(",
    "send_event(",
    "self.report(",
    "self.revoke_device(",
    "event.kind = ",
];

#[test]
fn every_kind_that_the_code_makes_is_listed_and_every_listed_one_is_made() {
    let sources = sources();
    let mut made = BTreeSet::new();
    for (path, code) in &sources {
        let lines: Vec<_> = code.lines().collect();
        for (number, line) in
            lines.iter().enumerate().filter(|(_, line)| MAKERS.iter().any(|maker| line.contains(maker)))
        {
            let near = [Some(line), lines.get(number + 1)].into_iter().flatten();
            for kind in near.flat_map(|line| kinds_in(line)) {
                assert!(kinds::is_known(kind), "{}:{}: {kind} is not in KINDS", path.display(), number + 1);
                made.insert(kind.to_owned());
            }
        }
        // Where a kind depends on what happened, it is chosen apart, and the choice says so by its name.
        for chosen in code.split("fn kind_of_").skip(1) {
            let body = chosen.split("\n}\n").next().unwrap();
            for kind in body.lines().flat_map(kinds_in) {
                assert!(kinds::is_known(kind), "{}: {kind} is not in KINDS", path.display());
                made.insert(kind.to_owned());
            }
        }
        // The judgement of a step composes its kind.
        if code.contains("{family}.{outcome}") {
            let word = |word: &&str| code.contains(&format!("\"{word}\""));
            let families: Vec<_> = ["otp", "step"].into_iter().filter(word).collect();
            let outcomes: Vec<_> = ["passed", "rejected", "failed"].into_iter().filter(word).collect();
            made.extend(families.iter().flat_map(|f| outcomes.iter().map(move |o| format!("{f}.{o}"))));
        }
    }
    let listed: BTreeSet<_> = kinds::KINDS.iter().map(|kind| kind.name.to_owned()).collect();
    let missing: Vec<_> = listed.difference(&made).collect();
    assert!(missing.is_empty(), "listed but never made: {missing:?}");
    assert!(made.iter().all(|kind| kinds::is_known(kind)));
}
