//! `users.import`: many users by one file, and nobody becomes more by it than they could be made one by one.

use serde_json::{Value, json};
use vestibule_core::user::{LoginName, User};
use vestibule_oauth::managed::{Managed, ObjectKind};
use vestibule_server::{
    admin::{Role, import::BOUNDS},
    state::Transaction,
};

use crate::{
    house::{Caller, Reply, admin, all_scopes, person, program, server, token},
    support::TestApp,
};

const HASH: &str = "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b+dWRWJTmaaJObGAAAAAAAAAAA";

async fn import(caller: &Caller, query: &str, file: &str) -> Reply {
    caller.send("POST", &format!("/users/import{query}"), Some(file), "text/csv").await
}

async fn user(app: &TestApp, name: &str) -> Option<User> {
    let name = LoginName::parse(name).unwrap();
    app.read(move |tx: &mut Transaction| tx.user_by_login(&name)).await
}

fn counts(report: &Value) -> Vec<Value> {
    ["created", "changed", "unchanged", "applied"].map(|field| report[field].clone()).to_vec()
}

#[tokio::test]
async fn what_would_happen_is_told_line_by_line_and_then_happens() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    person(&app, "bob", &["editor"]).await;
    let file = "username,display_name,groups\nada,Ada,staff;friends\nbob,Robert,\nadmin,,\n";
    let told = import(&admin, "?dry_run=true", file).await.ok().json();
    assert_eq!(counts(&told), [json!(1), json!(1), json!(1), json!(false)]);
    let lines = told["lines"].as_array().unwrap();
    assert_eq!(lines[0], json!({ "line": 2, "username": "ada", "becomes": "created" }));
    assert_eq!(lines[1], json!({ "line": 3, "username": "bob", "becomes": "changed", "fields": ["display_name"] }));
    assert_eq!(lines[2], json!({ "line": 4, "username": "admin", "becomes": "unchanged" }));
    assert!(user(&app, "ada").await.is_none(), "nothing stays of a rehearsal");
    let done = import(&admin, "", file).await.ok().json();
    assert_eq!((counts(&done)[3].clone(), &done["lines"]), (json!(true), &told["lines"]));
    assert_eq!(user(&app, "ada").await.unwrap().groups, ["staff", "friends"]);
    assert_eq!(counts(&import(&admin, "", file).await.ok().json()), [json!(0), json!(0), json!(3), json!(true)]);
    // One event for each who was changed, by whom, with before and after.
    let owner = crate::house::admin(&app, Role::Owner).await;
    let events = owner.get("/audit?kind=admin.user.changed").await.ok().json();
    let event = &events["items"][0];
    assert_eq!((&event["actor"]["username"], &event["actor"]["via"]), (&json!("admin"), &json!("api")));
    assert_eq!(event["details"]["object"], "bob");
    let change = event["changes"].as_array().unwrap().iter().find(|change| change["field"] == "display_name").unwrap();
    assert_eq!(change["after"], "Robert");
}

#[tokio::test]
async fn one_bad_line_keeps_the_file_out_unless_it_is_skipped() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let file = "username,email\nada,ada@example.com\nbob,nobody\n,x@example.com\n";
    let refused = import(&admin, "", file).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (400, "invalid"));
    assert_eq!(refused.pointers(), ["/3/email", "/4/username"]);
    assert!(user(&app, "ada").await.is_none());
    let done = import(&admin, "?skip_bad=true", file).await.ok().json();
    assert_eq!(
        (counts(&done), done["refused"].as_array().unwrap().len()),
        (vec![json!(1), json!(0), json!(0), json!(true)], 2)
    );
    assert!(user(&app, "ada").await.is_some());
    assert_eq!(import(&admin, "", "name\nada\n").await.pointers(), ["/1"], "a header that is not understood");
    assert_eq!(import(&admin, "?skipbad=true", file).await.pointers(), ["/skipbad"]);
}

#[tokio::test]
async fn a_106_an_import_gives_nobody_what_the_caller_may_not_give() {
    let app = server().await;
    for role in [Role::Helpdesk, Role::Auditor] {
        let caller = admin(&app, role).await;
        for query in ["", "?dry_run=true"] {
            let refused = import(&caller, query, "username\nada\n").await;
            assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "forbidden"), "{role:?}");
        }
    }
    person(&app, "boss", &[Role::Owner.name()]).await;
    person(&app, "clerk", &[Role::Auditor.name()]).await;
    let admin = admin(&app, Role::Admin).await;
    let head = "username,email,roles,disabled,password_hash\n";
    for (row, place) in [
        ("ada,,vestibule:owner,,", "/2/roles"),
        ("ada,,editor;Vestibule:Admin,,", "/2/roles"),
        ("admin,,vestibule:owner,,", "/2/"),
        ("boss,mallory@example.com,,,", "/2/username"),
        ("boss,,editor,,", "/2/"),
        ("boss,,,true,", "/2/username"),
        (&format!("boss,,,,\"{HASH}\""), "/2/username"),
        ("clerk,,editor,,", "/2/"),
    ] {
        let refused = import(&admin, "?skip_bad=true", &format!("{head}{row}\n")).await;
        let pointer = if refused.status.is_success() { String::new() } else { refused.pointers()[0].clone() };
        let report = if refused.status.is_success() { refused.json() } else { Value::Null };
        let told = report["refused"][0].clone();
        let told = format!("/{}/{}", told["line"], told["column"].as_str().unwrap_or_default());
        assert!(pointer.starts_with(place) || told.starts_with(place), "{row}: {}", refused.text);
        assert_eq!(report["created"].as_u64().unwrap_or(0) + report["changed"].as_u64().unwrap_or(0), 0, "{row}");
    }
    assert!(user(&app, "ada").await.is_none());
    assert_eq!(user(&app, "boss").await.unwrap().roles, [Role::Owner.name()]);
    // Nor does an owner who lent their rank to a program without the permission.
    crate::house::admin(&app, Role::Owner).await;
    let lent = all_scopes().replace("admin:roles.write", "");
    let lent = Caller::bearer(&app, &token(&app, "owner", &lent).await);
    assert_eq!(import(&lent, "", "username,roles\nada,vestibule:helpdesk\n").await.pointers(), ["/2/roles"]);
    let owner = Caller::bearer(&app, &token(&app, "owner", &all_scopes()).await);
    import(&owner, "", "username,roles\nada,editor;vestibule:helpdesk\n").await.ok();
    assert_eq!(user(&app, "ada").await.unwrap().roles, ["editor", "vestibule:helpdesk"]);
}

#[tokio::test]
async fn a_106_a_password_comes_along_only_from_who_may_give_factors() {
    let app = server().await;
    let file = format!("username,password_hash\nada,\"{HASH}\"\n");
    let writer = program(&app, "admin:users.write").await;
    assert_eq!(import(&writer, "", &file).await.pointers(), ["/2/password_hash"]);
    assert!(user(&app, "ada").await.is_none());
    let both = program(&app, "admin:users.write admin:factors.write").await;
    let done = import(&both, "", &file).await.ok();
    assert!(!done.text.contains("argon2"), "{}", done.text);
    let ada = user(&app, "ada").await.unwrap().id;
    assert_eq!(app.read(move |tx: &mut Transaction| tx.credentials_of(ada)).await.len(), 1);
}

#[tokio::test]
async fn an_import_is_bounded_and_is_csv() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let wrong = admin.send("POST", "/users/import", Some("username\nada\n"), "application/json").await;
    assert_eq!((wrong.status.as_u16(), wrong.problem().as_str()), (415, "media-type"));
    let large = format!("username\n{}", "x".repeat(BOUNDS.bytes));
    let refused = import(&admin, "", &large).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (413, "too-large"));
    let many: String = (0..=BOUNDS.rows).map(|n| format!("u{n}\n")).collect();
    let refused = import(&admin, "?skip_bad=true", &format!("username\n{many}")).await;
    assert_eq!(refused.pointers(), ["/1"], "too many lines are not taken in part");
    // Other operations take no more than before.
    let body = json!({ "username": "x".repeat(100_000) });
    assert_eq!(admin.post("/users", &body).await.status, 413);
}

#[tokio::test]
async fn an_import_locks_the_last_owner_not_out_and_keeps_to_what_files_declare() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    app.user("declared", "declared", None).await;
    let applied_at = vestibule_core::Clock::now(&*app.clock);
    let managed =
        Managed { kind: ObjectKind::User, name: "declared".to_owned(), source: "people.toml".to_owned(), applied_at };
    app.write(move |tx: &mut Transaction| tx.set_managed(&managed)).await;
    let refused = import(&owner, "", "username,display_name\ndeclared,Other\n").await;
    assert_eq!(refused.pointers(), ["/2/username"]);
    assert!(refused.text.contains("people.toml"), "{}", refused.text);
    import(&owner, "", "username,disabled\ndeclared,true\n").await.ok();
    assert!(user(&app, "declared").await.unwrap().disabled, "whatever a file says");
    for file in ["username,disabled\nowner,true\n", "username,roles\nowner,editor\n"] {
        let refused = import(&owner, "?skip_bad=true", file).await;
        assert!(refused.text.contains("nobody would be left"), "{file}: {}", refused.text);
    }
    let kept = user(&app, "owner").await.unwrap();
    assert!(!kept.disabled && kept.roles == [Role::Owner.name()]);
}

#[tokio::test]
async fn users_without_a_second_factor_and_who_never_signed_in_are_found() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let file = "username,phone_number,groups\nada,+12025550142,new\nbea,,new\n";
    import(&admin, "", file).await.ok();
    let names = |page: Value| {
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = |query: &'static str| {
        let admin = admin.clone();
        async move { names(admin.get(&format!("/users?group=new&{query}")).await.ok().json()) }
    };
    assert_eq!(found("second_factor=false").await, ["bea"]);
    assert_eq!(found("second_factor=true").await, ["ada"]);
    assert_eq!(found("signed_in=false").await, ["ada", "bea"]);
    assert_eq!(found("signed_in=true").await, Vec::<String>::new());
    assert_eq!(found("signed_in=false&second_factor=false").await, ["bea"]);
    assert_eq!(admin.get("/users?second_factor=no").await.pointers(), ["/second_factor"]);
}
