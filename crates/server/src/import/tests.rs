//! Imports against a real store: what is taken, what is refused, and that an export changes nothing.

use std::time::Instant;

use super::*;
use crate::declare::testing::Bench;

const HASH: &str = "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b+dWRWJTmaaJObGAAAAAAAAAAA";

fn options() -> Options {
    Options::default()
}

async fn import_with(bench: &Bench, text: &str, options: &Options) -> Report {
    users_csv(&bench.workshop, text.as_bytes(), options).await.unwrap()
}

async fn import(bench: &Bench, text: &str) -> Report {
    import_with(bench, text, &options()).await
}

fn counts(report: &Report) -> (usize, usize, usize, bool) {
    (report.created, report.changed, report.unchanged, report.applied)
}

fn told(report: &Report) -> Vec<String> {
    report.refused.iter().map(ToString::to_string).collect()
}

async fn user(bench: &Bench, name: &str) -> Option<User> {
    let name = LoginName::parse(name).unwrap();
    bench.workshop.store.read(move |tx| tx.user_by_login(&name)).await.unwrap()
}

#[tokio::test]
async fn a_file_makes_changes_and_leaves_users() {
    let bench = Bench::new();
    let text = "username,display_name,email,phone_number,groups,roles,password_hash\n\
                Ada,Ada,ada@example.org,+1 202 555 0142,staff;friends,operator,HASH\nbob,,,,,,\n"
        .replace("HASH", &format!("\"{HASH}\""));
    assert_eq!(counts(&import(&bench, &text).await), (2, 0, 0, true));
    assert_eq!(counts(&import(&bench, &text).await), (0, 0, 2, true));
    let ada = user(&bench, "ada@example.org").await.unwrap();
    assert_eq!((ada.groups, ada.roles), (vec!["staff".to_owned(), "friends".to_owned()], vec!["operator".to_owned()]));
    assert!(!ada.email_verified, "nobody proved that the mailbox is theirs");
    let id = ada.id;
    let kept = bench.workshop.store.read(move |tx| tx.credentials(id, &password_name())).await.unwrap();
    assert_eq!(kept[0].secret.expose_secret(), HASH);
    let other = text.replace("RdescudvJ", "SdescudvJ");
    assert_eq!(counts(&import(&bench, &other).await), (0, 1, 1, true));
    let renewed = bench.workshop.store.read(move |tx| tx.credentials(id, &password_name())).await.unwrap();
    assert!(renewed.len() == 1 && renewed[0].id != kept[0].id, "what was proved with the old one counts no more");
    assert_eq!(counts(&import(&bench, "username,disabled,groups\nada,TRUE,\nbob,,\n").await), (0, 1, 1, true));
    let ada = user(&bench, "ada").await.unwrap();
    assert!(ada.disabled && ada.groups.len() == 2, "an empty cell changes nothing");
}

#[tokio::test]
async fn one_bad_row_keeps_the_whole_file_out_unless_it_is_skipped() {
    let bench = Bench::new();
    let text = "username,email\nada,ada@example.org\nbob,nobody\neve,ADA@example.org\nada,\nada@example.org,\n";
    let report = import(&bench, text).await;
    let expected = [
        "line 3: email: is no e-mail address",
        "line 4: email: line 2 has it already",
        "line 5: username: line 2 has it already",
        "line 6: username: line 2 has it already",
    ];
    assert_eq!((told(&report), counts(&report)), (expected.map(str::to_owned).to_vec(), (1, 0, 0, false)));
    assert_eq!(user(&bench, "ada").await, None, "nothing was written");
    let skip = Options { skip_bad: true, ..options() };
    let dry = import_with(&bench, text, &Options { dry_run: true, ..skip.clone() }).await;
    assert!(!dry.applied && user(&bench, "ada").await.is_none());
    let report = import_with(&bench, text, &skip).await;
    assert_eq!((report.refused.len(), counts(&report)), (4, (1, 0, 0, true)));
    assert!(user(&bench, "ada").await.is_some());

    let report = import(&bench, "username,email\neve,ada@example.org\nada@example.org,\n").await;
    let expected = ["line 2: email: somebody else signs in with it", "line 3: username: line 2 has it already"];
    assert_eq!(told(&report), expected);
    let report = import(&bench, "username\nada@example.org\n").await;
    assert_eq!(told(&report), ["line 2: username: is the e-mail address of somebody else"]);
}

#[tokio::test]
async fn a_069_an_imported_hash_of_absurd_cost_is_refused() {
    let bench = Bench::new();
    for params in ["m=4194304,t=1,p=1", "m=1024,t=1000000000,p=1", "m=1024,t=1,p=255"] {
        let hash = HASH.replace("m=1024,t=1,p=1", params);
        let report = import(&bench, &format!("username,password_hash\nada,\"{hash}\"\n")).await;
        assert!(!report.applied && told(&report)[0].starts_with("line 2: password_hash: "), "{params}: {report:?}");
        assert!(!told(&report)[0].contains("c29tZ"), "the hash is not repeated: {report:?}");
    }
    assert_eq!(user(&bench, "ada").await, None);
}

#[tokio::test]
async fn an_import_makes_nobody_an_admin_and_takes_no_admin_over() {
    let bench = Bench::with_console().await;
    for (text, expected) in [
        ("username,roles\neve,a;vestibule:owner\n", "line 2: roles: an import gives no role"),
        ("username,roles\neve,Vestibule:auditor\n", "line 2: roles: an import gives no role"),
        ("username,roles\nroot,x\n", "line 2: username: an import changes nobody who has a role"),
        ("username,disabled\nroot,true\n", "line 2: username: an import changes nobody who has a role"),
        ("username,phone_number\nroot,+12025550142\n", "line 2: username: an import changes nobody who has a role"),
        (&format!("username,password_hash\nroot,\"{HASH}\"\n"), "line 2: username: an import changes nobody"),
    ] {
        let report = import(&bench, text).await;
        assert!(!report.applied && told(&report)[0].starts_with(expected), "{text}: {report:?}");
    }
    let same = "username,roles\nroot,vestibule:owner;x\n";
    assert_eq!(counts(&import(&bench, same).await), (0, 0, 1, true), "what is so already is not given");
    let allowed = Options { allow_admin_roles: true, ..options() };
    let before = bench.audit().await.len();
    let dry = Options { dry_run: true, ..allowed.clone() };
    for last in ["username,roles\nada,\nroot,x\n", "username,disabled\nada,\nroot,true\n"] {
        for options in [&allowed, &dry] {
            let report = import_with(&bench, last, options).await;
            assert!(
                !report.applied && told(&report)[0].starts_with("line 3: username: nobody would be left"),
                "{report:?}"
            );
        }
    }
    assert_eq!((user(&bench, "ada").await, bench.audit().await.len()), (None, before), "nothing was written");
    let heir = "username,roles\nroot,x\neve,vestibule:admin\n";
    assert!(!import_with(&bench, heir, &allowed).await.applied, "an admin cannot make another owner");
    let heir = "username,roles\nroot,x\neve,vestibule:owner\n";
    assert!(!import_with(&bench, heir, &allowed).await.applied, "one without a password cannot sign in");
    let heir = format!("username,roles,password_hash\nroot,x,\neve,vestibule:owner,\"{HASH}\"\n");
    assert!(!import_with(&bench, &heir, &dry).await.applied);
    assert_eq!(bench.audit().await.len(), before, "a dry run tells nothing");
    assert_eq!(counts(&import_with(&bench, &heir, &allowed).await), (1, 1, 0, true));
    let events = bench.audit().await.split_off(before);
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["admin.user.created", "admin.user.roles", "admin.user.roles"]);
    assert!(!serde_json::to_string(&events).unwrap().contains("argon2"));
}

#[tokio::test]
async fn an_export_changes_nothing_and_holds_no_password() {
    let bench = Bench::new();
    let text = "username,display_name,email,email_verified,phone_number,phone_number_verified,locale,groups,roles,disabled,password_hash\n\
                ada,=1+1,ada@example.org,true,+12025550142,false,de,\"a\\;b;c, d\",r,true,HASH\n\
                -bob,\"'quoted\"\" name\",,false,,,,,,,\n"
        .replace("HASH", &format!("\"{HASH}\""));
    assert_eq!(counts(&import(&bench, &text).await), (2, 0, 0, true));
    let mut out = Vec::new();
    export_users(&*bench.workshop.store, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("argon2") && !out.contains("password"), "{out}");
    assert!(out.contains("\"'=1+1\"") && out.contains("\"'+12025550142\"") && out.contains("\"'-bob\""), "{out}");
    assert_eq!(counts(&import(&bench, &out).await), (0, 0, 2, true), "{out}");
    let other = Bench::new();
    assert_eq!(counts(&import(&other, &out).await), (2, 0, 0, true));
    let strip = |user: User| (user.display_name, user.email, user.groups, user.roles, user.disabled, user.phone_number);
    assert_eq!(user(&other, "ada").await.map(strip), user(&bench, "ada").await.map(strip));
}

#[tokio::test]
async fn fifty_thousand_rows_are_taken_in_bounded_time() {
    let bench = Bench::new();
    let row = |n: usize| format!("user{n},User {n},user{n}@example.org,staff;site-{}\n", n % 100);
    let text: String =
        std::iter::once("username,display_name,email,groups\n".to_owned()).chain((0..50_000).map(row)).collect();
    let begun = Instant::now();
    assert_eq!(counts(&import(&bench, &text).await), (50_000, 0, 0, true));
    let took = begun.elapsed();
    assert!(took.as_secs() < 120, "it took {took:?}");
    assert_eq!(counts(&import(&bench, &text.replace("User 49999", "Somebody")).await), (0, 1, 49_999, true));
}

/// A cell of a CSV file.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[tokio::test]
async fn hashes_of_other_programs_are_taken_over_and_open_with_their_password() {
    let bench = Bench::new();
    let secret = r#"{"value":"HODQAssaKxcpOCRWq6XynA39PtWpKY3qqYlFpYHXNaa3iRWLUJorIu+/ttHj+c2Ra4vjsVzA0+a19FJHlowEzQ==","salt":"c2l4dGVlbiBieXRlcyAuLg=="}"#;
    let method = r#"{"hashIterations":1000,"algorithm":"pbkdf2-sha512"}"#;
    let keycloak =
        serde_json::json!({ "type": "password", "secretData": secret, "credentialData": method }).to_string();
    let ldap = "{SSHA}5iK7YuNaw/Q3abqX7Uhz8joACVVzYWx0c2FsdA==";
    let hashes = [
        ("bcrypt", "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"),
        ("django", "pbkdf2_sha256$2600$seasalt$4A1UR6ZWkfnWicMLF/9JEY5nbjwI/KqeaJDYzdsqM9U="),
        ("keycloak", &keycloak),
        ("ldap", ldap),
    ];
    let rows: String = hashes.iter().map(|(name, hash)| format!("{name},{}\n", quoted(hash))).collect();
    let text = format!("username,password_hash\n{rows}");
    let report = import(&bench, &text).await;
    assert!(report.applied && report.refused.is_empty(), "{report:?}");
    for (name, hash) in hashes {
        let id = user(&bench, name).await.unwrap().id;
        let kept = bench.workshop.store.read(move |tx| tx.credentials(id, &password_name())).await.unwrap();
        let [kept] = &kept[..] else { panic!("one password of {name}") };
        let kept = kept.secret.expose_secret();
        assert_eq!(kept == hash, name != "ldap", "{name}: {kept}");
        let pool = &bench.workshop.pool;
        assert_eq!(pool.verify(&"lètmein".into(), kept).await, Ok(true), "{name}");
        assert_eq!(pool.verify(&"letmein".into(), kept).await, Ok(false), "{name}");
    }
    let again = import(&bench, &text).await;
    assert_eq!(counts(&again), (0, 0, 4, true), "the same file changes nothing");
}

#[tokio::test]
async fn a_069_a_foreign_hash_of_absurd_cost_is_refused() {
    let bench = Bench::new();
    for hash in [
        "$2b$31$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
        "pbkdf2_sha256$1000000000$seasalt$4A1UR6ZWkfnWicMLF/9JEY5nbjwI/KqeaJDYzdsqM9U=",
        "$scrypt$ln=25,r=8,p=1$c2l4dGVlbiBieXRlcyAuLg$iHuCQ/UVjciH923ko22WW84dENw+wrVFMqH46LVVnOU",
    ] {
        let report = import(&bench, &format!("username,password_hash\nada,{}\n", quoted(hash))).await;
        assert!(!report.applied && told(&report)[0].contains("costs more"), "{hash}: {report:?}");
        assert_eq!(user(&bench, "ada").await, None);
    }
}
