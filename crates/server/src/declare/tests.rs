//! Declarations against a real store: what is refused, what changes, and that an export changes nothing.

use std::path::Path;

use secrecy::ExposeSecret as _;
use vestibule_core::{store::StoreExt as _, user::LoginName};

use super::{
    testing::{Bench, environment},
    *,
};

const EVERYTHING: &str = r#"
[[connection]]
name = "SMSOTP"
[connection.settings]
url = "https://sms.example.com/send?key={{secret.api_key}}&to=$ctx.num&text=$ctx.msg"
secrets.api_key = { env = "API_KEY" }

[[chain]]
name = "demo"
steps = [
    ["password"],
    { alternatives = [{ authenticator = "smsotp", connection = "SMSOTP", max_age = "15m" }], when = [{ network = "10.0.0.0/8", not = true }] },
]
demands = [{ factors = 2 }]

[[client]]
id = "shop"
name = "The Shop"
secret = { env = "SHOP_SECRET" }
redirect_uris = ["https://shop.example.com/callback"]
chain = "demo"
groups = ["staff", "friends"]
consent = "skip"
access_token_life = "5m"

[[user]]
username = "Alice"
display_name = "Alice"
email = "alice@example.com"
phone_number = "+1 202 555 0142"
groups = ["staff"]
password = { env = "ALICE" }
"#;

#[tokio::test]
async fn a_declared_chain_below_the_floor_of_the_policy_is_refused_at_its_place() {
    let mut bench = Bench::new();
    let weak = "[[chain]]\nname = \"weak\"\nsteps = [[\"password\"]]\n";
    bench.apply(weak).await;
    bench.workshop.floor = vec![vestibule_core::chain::Demand::Factors(2)];
    let other = "[[chain]]\nname = \"other\"\nsteps = [[\"password\"]]\n";
    let declaration = bench.read(other).unwrap();
    let refused = apply(&bench.workshop, &declaration, &Options::default()).await.unwrap_err().to_string();
    let why = "chain other: somebody may come through with less than the policy demands: factors >= 2";
    assert!(refused.contains(why) && !refused.contains("weak"), "what is not declared goes on: {refused}");
    let declaration = bench.read(weak).unwrap();
    assert!(
        apply(&bench.workshop, &declaration, &Options::default()).await.is_err(),
        "declared again it is held to it"
    );
}

#[tokio::test]
async fn what_would_be_better_is_told_and_holds_no_secret() {
    let bench = Bench::new();
    let text = "[[connection]]\nname = \"SMSOTP\"\n\
                settings.url = \"https://sms.example.com/send?api_key=hush-hush&to=$ctx.num&text=$ctx.msg\"\n";
    for _ in 0..2 {
        let diff = bench.apply(text).await;
        let advice: Vec<_> = diff.0.iter().flat_map(|change| &change.advice).collect();
        assert_eq!(advice.iter().map(|advice| advice.field.as_str()).collect::<Vec<_>>(), ["settings.url"]);
        let told = diff.to_string();
        assert!(
            told.contains("connection SMSOTP") && told.contains("! settings.url: `api_key` stands in the URL"),
            "{told}"
        );
        assert!(!told.contains("hush-hush") && !serde_json::to_string(&diff).unwrap().contains("hush-hush"));
    }
    assert!(bench.apply(text).await.is_empty(), "advice is no change");
    assert!(bench.apply(EVERYTHING).await.0.iter().all(|change| change.advice.is_empty()));
}

#[tokio::test]
async fn a_secret_does_not_follow_to_another_host_without_being_given_again() {
    let bench = Bench::new();
    let of = |url: &str, secret: &str| {
        format!(
            "[[connection]]\nname = \"S\"\nsettings.url = \"{url}?to={{{{mobile}}}}&text={{{{body}}}}&key={{{{secret.k}}}}\"\n{secret}"
        )
    };
    let given = "settings.secrets.k = { env = \"API_KEY\" }\n";
    bench.apply(&of("https://sms.example/a", given)).await;
    bench.apply(&of("https://sms.example/b", "")).await;
    for elsewhere in ["https://evil.example/a", "https://sms.example:8443/a"] {
        let wrong = bench.wrong(&of(elsewhere, "")).await;
        assert!(wrong.contains("settings.secrets.k"), "{elsewhere}: {wrong}");
    }
    let kept = bench.workshop.store.read(|tx| tx.connections()).await.unwrap().remove(0);
    assert_eq!(kept.settings.0["secrets"]["k"], "gateway-key-3141592653");
    bench.apply(&of("https://other.example/a", given)).await;
}

#[tokio::test]
async fn what_was_applied_is_there_and_stays_unchanged() {
    let bench = Bench::new();
    let diff = bench.apply(EVERYTHING).await;
    assert_eq!((diff.count(Action::Created), diff.0.len()), (4, 4), "{diff}");
    let version = bench.version().await;
    let again = bench.apply(EVERYTHING).await;
    assert!(again.is_empty() && again.count(Action::Unchanged) == 4, "{again}");
    assert_eq!(bench.version().await, version, "what does not change is not written");

    let (client, user, password) = bench
        .workshop
        .store
        .read(|tx| {
            let user = tx.user_by_login(&LoginName::parse("alice").unwrap())?.unwrap();
            let password = tx.credentials(user.id, &"password".into())?;
            Ok((tx.clients()?.pop().unwrap(), user, password))
        })
        .await
        .unwrap();
    let now = bench.workshop.clock.now();
    assert!(client.secrets[0].matches(&client.id, "shop-secret-2718281828459045", &bench.workshop.prf, now));
    assert_eq!((user.phone_number.as_deref(), user.phone_number_verified), (Some("+12025550142"), true));
    let typed = "correct horse battery staple".into();
    assert!(bench.workshop.pool.verify(&typed, password[0].secret.expose_secret()).await.unwrap());
}

#[tokio::test]
async fn a_104_a_new_password_signs_out_everywhere_and_opens_the_way_again() {
    use vestibule_core::{
        budget::{Budget, BudgetKey, Who},
        id::SessionId,
        session::Session,
    };
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    let (now, random) = (bench.workshop.clock.now(), bench.workshop.random.clone());
    let prf = bench.workshop.prf.clone();
    let (user, key) = bench
        .workshop
        .store
        .write(move |tx| {
            let user = tx.user_by_login(&LoginName::parse("alice").unwrap())?.unwrap().id;
            for _ in 0..120 {
                tx.insert_session(&Session {
                    id: SessionId::new(now, &*random),
                    generation: 1,
                    seen: true,
                    user,
                    evidence: Vec::new(),
                    user_agent: None,
                    network: String::new(),
                    created_at: now,
                    renewed_at: now,
                    expires_at: now + std::time::Duration::from_secs(60),
                    ended_at: None,
                })?;
            }
            let key = BudgetKey::ceiling(&prf, &Who::User(user), &"password".into());
            let closed = Budget { count: 100, since: now, blocked_until: vestibule_core::Time(i64::MAX) };
            tx.put_budget(&key, closed, vestibule_core::Time(i64::MAX))?;
            Ok((user, key))
        })
        .await
        .unwrap();
    let other = EVERYTHING.replace("env = \"ALICE\"", "env = \"ANOTHER\"");
    assert_ne!(other, EVERYTHING);
    bench.apply(&other).await;
    let (sessions, budget) =
        bench.workshop.store.read(move |tx| Ok((tx.sessions_of(user, now)?, tx.budget(&key)?))).await.unwrap();
    assert_eq!((sessions.len(), budget), (0, Budget::default()));
}

#[tokio::test]
async fn who_is_declared_disabled_is_signed_out_for_good() {
    use vestibule_core::{id::SessionId, session::Session};

    use crate::state::Transaction;

    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    let (now, random) = (bench.workshop.clock.now(), bench.workshop.random.clone());
    let session = SessionId::new(now, &*random);
    let begin = move |tx: &mut Transaction| {
        let user = tx.user_by_login(&LoginName::parse("alice").unwrap())?.unwrap().id;
        tx.insert_session(&Session {
            id: session,
            generation: 1,
            seen: true,
            user,
            evidence: Vec::new(),
            user_agent: None,
            network: String::new(),
            created_at: now,
            renewed_at: now,
            expires_at: now + std::time::Duration::from_secs(60),
            ended_at: None,
        })
    };
    bench.workshop.store.write(begin).await.unwrap();
    let ended = async || {
        let read = move |tx: &mut Transaction| Ok(tx.session(session)?.unwrap().ended_at.is_some());
        bench.workshop.store.read(read).await.unwrap()
    };
    bench.apply("[[user]]\nusername = \"alice\"\ndisplay_name = \"A\"\n").await;
    assert!(!ended().await);
    bench.apply("[[user]]\nusername = \"alice\"\ndisabled = true\n").await;
    bench.apply("[[user]]\nusername = \"alice\"\ndisabled = false\n").await;
    assert!(ended().await, "who is enabled again begins anew");
}

#[tokio::test]
async fn a_dry_run_shows_and_changes_nothing() {
    let bench = Bench::new();
    let before = bench.version().await;
    let diff = bench.apply_with(EVERYTHING, &Options { dry_run: true, ..Options::default() }).await;
    assert_eq!(diff.count(Action::Created), 4);
    assert_eq!(bench.version().await, before);
    for secret in ["gateway-key", "shop-secret", "correct horse"] {
        assert!(!diff.to_string().contains(secret) && !format!("{diff:?}").contains(secret), "{secret} is shown");
    }
}

#[tokio::test]
async fn an_export_has_no_secret_and_changes_nothing() {
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    let text = export(&*bench.workshop.store, true).await.unwrap();
    for secret in ["gateway-key", "shop-secret", "correct horse", "$argon2"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let diff = bench.apply(&text).await;
    assert!(diff.is_empty() && diff.count(Action::Unchanged) == 4, "{diff}\n{text}");
    assert!(text.contains("# secrets.api_key = { env = \"SMSOTP_API_KEY\" }"), "{text}");
    assert!(text.contains("\ngroups = [\"friends\", \"staff\"]\n"), "{text}");
}

#[tokio::test]
async fn a_change_is_told_field_by_field() {
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    let changed = EVERYTHING
        .replace("\"5m\"", "\"10m\"")
        .replace("groups = [\"staff\", \"friends\"]\n", "groups = [\"staff\", \"guests\"]\n")
        .replace("consent = \"skip\"\n", "")
        .replace("env = \"SHOP_SECRET\"", "env = \"ALICE\"")
        .replace("[\"staff\"]", "[\"staff\", \"admins\"]");
    let diff = bench.apply(&changed).await;
    let expected = "~ client shop\n    - access_token_life = \"5m\"\n    - consent = \"skip\"\n\
                    \x20   ~ groups: [\"friends\", \"staff\"] -> [\"guests\", \"staff\"]\n    ~ secrets: ••• -> •••\n\
                    ~ user alice\n    ~ groups: [\"staff\"] -> [\"staff\", \"admins\"]\n\
                    0 created, 2 changed, 0 removed, 2 unchanged";
    assert_eq!(diff.to_string(), expected);
}

#[tokio::test]
async fn what_people_change_themselves_stays() {
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    let diff = bench.apply("[[user]]\nusername = \"alice\"\nroles = [\"operator\"]\n").await;
    assert_eq!(
        diff.to_string(),
        "~ user alice\n    + roles = [\"operator\"]\n0 created, 1 changed, 0 removed, 0 unchanged"
    );
    let secretless =
        EVERYTHING.replace("secret = { env = \"SHOP_SECRET\" }\n", "").replace("groups = [\"staff\"]\n", "");
    assert!(bench.apply(&secretless).await.is_empty(), "a secret that is left out stays");
}

#[tokio::test]
async fn prune_removes_what_is_not_declared_but_never_people_nor_what_is_kept() {
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    bench.apply("[[client]]\nid = \"userportal\"\nredirect_uris = [\"https://a.example/cb\"]\n").await;
    let rest = "[[chain]]\nname = \"other\"\nsteps = [[\"password\"]]\n";
    let options = Options { prune: true, keep: vec!["userportal".to_owned()], ..Options::default() };
    let diff = bench.apply_with(rest, &options).await;
    let removed: Vec<_> = diff.0.iter().filter(|c| c.action == Action::Removed).map(|c| c.name.as_str()).collect();
    assert_eq!(removed, ["SMSOTP", "demo", "shop"]);
    let left = bench.workshop.store.read(|tx| Ok((tx.clients()?.len(), tx.users(None, 10)?.len()))).await.unwrap();
    assert_eq!(left, (1, 1));
}

#[tokio::test]
async fn a_133_what_cannot_be_is_refused_with_its_place() {
    let bench = Bench::new();
    let chain = |steps: &str| format!("[[chain]]\nname = \"c\"\nsteps = {steps}\n");
    let client = |more: &str| format!("[[client]]\nid = \"c\"\n{more}");
    let uri = "redirect_uris = [\"https://a.example/cb\"]\n";
    let cases = [
        ("[[cleint]]\n".to_owned(), "v.toml:1: cleint: there is no such setting. The nearest is client"),
        (
            client("redirect_uri = \"https://a.example\"\n"),
            "v.toml:3: client.redirect_uri: there is no such setting. The nearest is client.redirect_uris.",
        ),
        (client("redirect_uris = [\"https://a.example/*\"]\n"), "v.toml:3: client.redirect_uris: redirect URI"),
        (
            client(&format!("{uri}secret = \"hunter2hunter2hunter2\"\n")),
            "v.toml:4: client.secret: is written out. A secret does not belong",
        ),
        (
            client(&format!("{uri}secret = {{ env = \"SHORT\" }}\n")),
            "v.toml:4: client.secret: has fewer than 16 characters",
        ),
        (client(&format!("{uri}secret = {{ env = \"NONE\" }}\n")), "the environment variable NONE is not set"),
        (client(&format!("{uri}secret = {{ file = \"/nonexistent\" }}\n")), "cannot read /nonexistent"),
        (client(&format!("{uri}auth = \"none\"\nsecret = {{ env = \"SHOP_SECRET\" }}\n")), "does not go with auth"),
        (
            client(&format!("{uri}consent = \"never\"\n")),
            "v.toml:4: client.consent: is not readable. Write `ask` or `skip`.",
        ),
        (
            client(&format!("{uri}chain = \"nowhere\"\n")),
            "v.toml:1: client.chain: client c uses the chain nowhere, which does not exist",
        ),
        (chain("[]"), "v.toml:3: chain.steps: is empty"),
        (chain("[[]]"), "has a step without alternatives"),
        (chain("[[\"pasword\"]]"), "there is no authenticator \"pasword\". The nearest is password."),
        (chain("[[\"smsotp\"]]"), "smsotp needs a connection"),
        (
            chain("[[{ authenticator = \"smsotp\", connection = \"nowhere\" }]]"),
            "v.toml:1: chain.steps.0.alternatives.0.connection: chain c: there is no connection \"nowhere\"",
        ),
        (
            chain("[[{ authenticator = \"smsotp\", connection = \"S\", settings = { length = 3 } }]]"),
            "chain.steps.settings: length: ",
        ),
        (
            chain("[{ alternatives = [\"password\"], when = [{ group = \"a\", nto = true }] }]"),
            "chain.steps.when.nto: there is no such setting. The nearest is not.",
        ),
        (chain("[{ alternatives = [\"password\"], when = [{ not = true }] }]"), "asks not exactly one thing"),
        (
            chain("[{ alternatives = [\"password\"], when = [{ network = \"10.0.0.0/40\" }] }]"),
            "chain.steps.when.network: this is not an IP range",
        ),
        (
            chain(
                "[{ alternatives = [\"password\"], when = [{ time = { from = \"8\", to = \"18:00\", zone = \"Etc/UTC\" } }] }]",
            ),
            "chain.steps.when.time: \"8\" is no time of day",
        ),
        (
            chain("[{ alternatives = [\"password\"], when = [{ time = { form = \"08:00\" } }] }]"),
            "chain.steps.when.time.form: there is no such setting. The nearest is from.",
        ),
        (chain("[{ alternatives = [\"password\"], when = [{ cel = \"1 +\" }] }]"), "chain.steps.when.cel: "),
        (
            chain("[[\"password\"], [\"password\"]]"),
            "v.toml:1: chain.steps.1: chain c: nobody can pass this step: whatever could was used by an earlier step",
        ),
        (
            format!("{}demands = [\"phishing_resistant\"]\n", chain("[[\"password\"]]")),
            "v.toml:1: chain.demands.0: chain c: ",
        ),
        (
            chain("[{ alternatives = [\"password\"], mandatory = false }]"),
            "chain.steps.mandatory: there is no such setting",
        ),
        (
            "[[connection]]\nname = \"S\"\nsettings.url = \"ftp://a.example\"\n".to_owned(),
            "v.toml:1: connection.settings.url",
        ),
        (
            "[[connection]]\nname = \"S\"\nsettings.secrets.k = \"hunter2\"\n".to_owned(),
            "connection.settings.secrets.k: is written out",
        ),
        ("[[user]]\nusername = \"bob\"\nphone_number = \"12\"\n".to_owned(), "v.toml:3: user.phone_number: "),
        (
            "[[user]]\nusername = \"bob\"\npassword = \"hunter2hunter2\"\n".to_owned(),
            "v.toml:3: user.password: is written out",
        ),
        ("[[user]]\nusername = \"bob\"\npassword = { env = \"SHORT\" }\n".to_owned(), "v.toml:3: user.password: "),
        (
            "[[user]]\nusername = \"bob\"\npassword_hash = \"5f4dcc3b5aa765d61d8327deb882cf99\"\n".to_owned(),
            "v.toml:3: user.password_hash: this is no password hash that is known here",
        ),
        (
            "[[user]]\nusername = \"bob\"\npassword_hash = \"pbkdf2_sha256$1000000000$seasalt$4A1UR6ZWkfnWicMLF/9JEY5nbjwI/KqeaJDYzdsqM9U=\"\n".to_owned(),
            "v.toml:3: user.password_hash: PBKDF2 with 1000000000 rounds costs more",
        ),
        (
            "[[user]]\nusername = \"robert\"\npassword = { env = \"NAMED\" }\n".to_owned(),
            "v.toml:3: user.password: this password is little more than the name",
        ),
        ("[[user]]\ndisplay_name = \"bob\"\n".to_owned(), "v.toml:1: user.username: is not set"),
    ];
    for (text, expected) in cases {
        let wrong = bench.wrong(&text).await;
        assert!(wrong.contains(expected), "{text}\nexpected: {expected}\nfound:    {wrong}");
        assert!(!wrong.contains("hunter2"), "a secret is shown: {wrong}");
    }
    assert_eq!(bench.version().await, Bench::new().version().await, "nothing was changed");
}

#[test]
fn a_folder_is_read_whole_and_twins_are_refused() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let chain = "[[chain]]\nname = \"c\"\nsteps = [[\"password\"]]\n";
    std::fs::write(folder.path().join("a.toml"), chain).unwrap();
    std::fs::write(folder.path().join("b.toml"), "[[user]]\nusername = \"bob\"\n").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not TOML").unwrap();
    let checks = Checks { registry: &bench.workshop.registry, environment: &environment, passwords: None };
    let read = |path: &Path| super::read(path, &checks);
    let whole = read(folder.path()).unwrap();
    assert_eq!((whole.chains.len(), whole.users.len()), (1, 1));
    std::fs::write(folder.path().join("c.toml"), chain).unwrap();
    let wrong = read(folder.path()).err().map(|problems| problems.to_string()).unwrap_or_default();
    assert!(wrong.contains("c.toml:1: chain: c is declared twice"), "{wrong}");
}

/// What is marked, as `kind name source`.
async fn marks(bench: &Bench) -> Vec<String> {
    let all = bench.workshop.store.read(|tx| tx.managed_all()).await.unwrap();
    all.iter().map(|mark| format!("{} {} {}", mark.kind, mark.name, mark.source)).collect()
}

#[tokio::test]
async fn what_a_file_declares_is_marked_until_the_file_lets_go() {
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    assert!(marks(&bench).await.is_empty(), "nobody asked for marks");
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("conf");
    std::fs::create_dir(&conf).unwrap();
    let write = |file: &str, text: &str| std::fs::write(conf.join(file), text).unwrap();
    let chain = |name: &str| format!("[[chain]]\nname = \"{name}\"\nsteps = [[\"password\"]]\n");
    write("a.toml", &format!("{}{}", chain("one"), chain("two")));
    write("b.toml", "[[user]]\nusername = \"Alice\"\n");
    let set = Options { marks: Marks::Set, ..Options::default() };
    let run = async |path: &Path, options: &Options| {
        let checks = Checks { registry: &bench.workshop.registry, environment: &environment, passwords: None };
        let declaration = super::read(path, &checks).unwrap();
        apply(&bench.workshop, &declaration, options).await.unwrap()
    };
    run(&conf, &Options { dry_run: true, ..set.clone() }).await;
    assert!(marks(&bench).await.is_empty(), "a dry run marks nothing");
    run(&conf, &set).await;
    assert_eq!(marks(&bench).await, ["chain one conf/a.toml", "chain two conf/a.toml", "user alice conf/b.toml"]);

    write("a.toml", &chain("one"));
    run(&conf.join("b.toml"), &set).await;
    assert_eq!(marks(&bench).await.len(), 3, "another file says nothing about this one");
    run(&conf, &set).await;
    assert_eq!(marks(&bench).await, ["chain one conf/a.toml", "user alice conf/b.toml"]);
    let chains = bench.workshop.store.read(|tx| Ok(tx.published_chains()?.len())).await.unwrap();
    assert_eq!(chains, 3, "what leaves a file is let go, not removed");

    std::fs::remove_file(conf.join("b.toml")).unwrap();
    run(&conf, &Options { prune: true, ..set.clone() }).await;
    assert_eq!(marks(&bench).await, ["chain one conf/a.toml"]);
    let left =
        bench.workshop.store.read(|tx| Ok((tx.published_chains()?.len(), tx.users(None, 9)?.len()))).await.unwrap();
    assert_eq!(left, (1, 1), "what is pruned is gone, and people stay");
    run(&conf, &Options { marks: Marks::Release, ..Options::default() }).await;
    assert!(marks(&bench).await.is_empty());
}

#[tokio::test]
async fn nobody_is_pruned_or_declared_out_of_the_console() {
    let bench = Bench::with_console().await;
    bench.apply(EVERYTHING).await;
    let lost = "nobody would be left who can sign in to the console as an owner: ";
    for last in ["roles = []", "disabled = true", "roles = [\"vestibule:auditor\"]", "roles = [\"vestibule:admin\"]"] {
        let wrong = bench.wrong(&format!("[[user]]\nusername = \"root\"\n{last}\n")).await;
        assert!(wrong.contains(&format!("v.toml:1: user: {lost}")), "{last}: {wrong}");
    }
    // An owner who cannot finish the chain is none.
    let sms = "{ authenticator = \"smsotp\", connection = \"SMSOTP\" }";
    let chain = format!("[[chain]]\nname = \"admin\"\nsteps = [[\"password\"], [{sms}]]\n");
    let wrong = bench.wrong(&chain).await;
    assert!(wrong.contains(&format!("v.toml:1: chain: {lost}root: ")), "{wrong}");
    let phone = "[[user]]\nusername = \"root\"\nphone_number = \"+1 202 555 0143\"\n";
    assert_eq!(bench.wrong(&format!("{chain}{phone}")).await, "", "what is declared together is judged together");
    let disabled = "[[client]]\nid = \"admin-console\"\nauth = \"none\"\nchain = \"admin\"\ndisabled = true\n\
                    redirect_uris = [\"https://auth.example.com/admin/callback\"]\n";
    assert!(bench.wrong(disabled).await.contains(lost));
    let declaration = bench.read("[[user]]\nusername = \"alice\"\n").unwrap();
    let (version, told) = (bench.version().await, bench.audit().await.len());
    let pruned = apply(&bench.workshop, &declaration, &Options { prune: true, ..Options::default() }).await;
    assert!(pruned.is_err_and(|error| error.to_string().contains(lost)), "the console itself is not pruned away");
    assert_eq!((bench.version().await, bench.audit().await.len()), (version, told), "nothing of it stayed");
    let heir =
        "[[user]]\nusername = \"root\"\nroles = []\n[[user]]\nusername = \"alice\"\nroles = [\"vestibule:owner\"]\n";
    assert_eq!(bench.wrong(heir).await, "");

    // A service provider that is kept keeps its chain, also the one that it has without naming it, and that its connection.
    let default = EVERYTHING.replace("name = \"demo\"", "name = \"usual\"").replace("chain = \"demo\"\n", "");
    bench.apply(&default).await;
    let options = Options {
        prune: true,
        keep: vec!["shop".to_owned(), "admin-console".to_owned()],
        default_chain: Some("usual".into()),
        ..Options::default()
    };
    let diff = bench.apply_with("[[user]]\nusername = \"alice\"\n", &options).await;
    let removed: Vec<_> = diff.0.iter().filter(|c| c.action == Action::Removed).map(|c| c.name.as_str()).collect();
    assert_eq!(removed, ["demo"]);
}

#[tokio::test]
async fn what_is_changed_is_told_as_the_console_tells_it() {
    use vestibule_core::audit::{self, Change, MASKED};
    let bench = Bench::new();
    let by = crate::admin::record::By::account("grace", audit::Via::File);
    let options = Options { by, ..Options::default() };
    bench.apply_with(EVERYTHING, &Options { dry_run: true, ..options.clone() }).await;
    assert!(bench.audit().await.is_empty(), "a dry run tells nothing");
    bench.apply_with(EVERYTHING, &options).await;
    let events = bench.audit().await;
    let mut kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["admin.chain.published", "admin.client.created", "admin.connection.created", "admin.user.created"]
    );
    for event in &events {
        let actor = event.actor.as_ref().unwrap();
        assert_eq!((actor.username.as_str(), actor.via, actor.user), ("grace", audit::Via::File, None));
        let text = serde_json::to_string(event).unwrap();
        for secret in ["gateway-key", "shop-secret", "correct horse", "$argon2", "2025550142"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    let of = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert!(of("admin.user.created").changes.contains(&Change::masked("password", false, true)));
    assert!(of("admin.client.created").changes.contains(&Change::masked("secrets", false, true)));
    let secret = |change: &&Change| change.field == "settings.secrets.api_key";
    assert_eq!(of("admin.connection.created").changes.iter().find(secret).unwrap().after, Some(MASKED.into()));
    bench.apply_with(EVERYTHING, &options).await;
    assert_eq!(bench.audit().await.len(), events.len(), "what stays is not told");

    let more = "[[user]]\nusername = \"alice\"\nlocale = \"de\"\nroles = [\"vestibule:auditor\"]\n";
    bench.apply_with(more, &options).await;
    let told = bench.audit().await.split_off(events.len());
    let told: Vec<_> = told.iter().map(|event| (event.kind.as_str(), event.changes.clone())).collect();
    let locale = Change::new("locale", None, Some("de".into()));
    let roles = Change::new("roles", None, Some(serde_json::json!(["vestibule:auditor"])));
    assert_eq!(told, [("admin.user.changed", vec![locale]), ("admin.user.roles", vec![roles])]);
    bench.apply_with("[[chain]]\nname = \"x\"\nsteps = [[\"password\"]]\n", &Options { prune: true, ..options }).await;
    let gone = bench.audit().await.into_iter().find(|event| event.kind == "admin.client.deleted").unwrap();
    assert!(gone.changes.iter().any(|change| change.field == "name" && change.after.is_none()), "{gone:?}");
}

#[tokio::test]
async fn a_chain_that_could_be_better_is_taken_with_advice() {
    let bench = Bench::new();
    let text =
        "[[chain]]\nname = \"c\"\nsteps = [[\"password\"], { alternatives = [\"password\"], distinct = false }]\n";
    let diff = bench.apply(text).await;
    let advice: Vec<_> = diff.0.iter().flat_map(|change| &change.advice).map(|advice| advice.field.as_str()).collect();
    assert_eq!(advice, ["steps.1"], "{diff}");
    assert!(diff.to_string().contains("! steps.1: whatever passes step 1 passes this step as well"), "{diff}");
}

#[tokio::test]
async fn one_thing_is_copied_as_toml() {
    let bench = Bench::new();
    bench.apply(EVERYTHING).await;
    let of =
        async |kind, name: &'static str| bench.workshop.store.read(move |tx| toml_of(tx, kind, name)).await.unwrap();
    let mut texts = Vec::new();
    for (kind, name) in
        [(Kind::Connection, "SMSOTP"), (Kind::Chain, "demo"), (Kind::Client, "shop"), (Kind::User, "alice")]
    {
        let text = of(kind, name).await.unwrap_or_else(|| panic!("{kind} {name}"));
        assert!(text.starts_with(&format!("[[{kind}]]\n")) && !text.contains("gateway-key"), "{text}");
        let diff = bench.apply(&text).await;
        assert!(diff.is_empty() && diff.count(Action::Unchanged) == 1, "{diff}\n{text}");
        texts.push(text);
    }
    assert_eq!(texts.join("\n"), export(&*bench.workshop.store, true).await.unwrap());
    assert_eq!(of(Kind::User, "alice@example.com").await, None, "an address is a way to sign in, not a name");
    assert_eq!(of(Kind::Chain, "shop").await, None);
}

/// Everything that the models have is in the schema, and so can be declared: an export could not be read otherwise.
#[test]
fn every_field_of_the_models_can_be_declared() {
    let bench = Bench::new();
    let report = super::describe(&bench.workshop.registry);
    let described = report.described();
    let keys: BTreeSet<&str> = described.keys().collect();
    let user = vestibule_core::user::User::new(
        vestibule_core::id::UserId(uuid::Uuid::nil()),
        LoginName::parse("x").unwrap(),
        vestibule_core::Time(0),
    );
    let client = super::client::plain("x").unwrap();
    let client = vestibule_oauth::model::Client { groups: ["x".to_owned()].into(), ..client };
    let models = [("user", serde_json::to_value(user).unwrap()), ("client", serde_json::to_value(client).unwrap())];
    for (kind, model) in models {
        for field in model.as_object().unwrap().keys() {
            let made = kind == "user" && ["id", "created_at", "updated_at"].contains(&field.as_str());
            assert!(made || keys.contains(format!("{kind}.{field}").as_str()), "{kind}.{field} cannot be declared");
        }
    }
    // And the other way round: what the readers ask for is what the schema has.
    assert_eq!(report.known(), keys.iter().map(|key| (*key).to_owned()).collect());
}

/// Declarations of every shape, made by chance: what is exported is read again as the same.
#[tokio::test]
async fn any_declaration_comes_back_from_its_export() {
    use serde_json::{Value as Json, json};
    use vestibule_core::{
        random::{RandomExt as _, SystemRandom},
        user::User,
    };
    use vestibule_oauth::model::Client;
    let bench = Bench::new();
    let dice = SystemRandom::default();
    let roll = |most: u8| dice.bytes::<1>()[0] % most;
    let odd =
        ["plain", "a \"quoted\" word", "back\\slash", "zwölf, drei", "'apostrophe'", "#hash", "=1+1", "[x]", " a=b "];
    let word = || odd[usize::from(roll(9))].to_owned();
    let words = || (0..roll(4)).map(|n| format!("{}{n}", word())).collect::<Vec<_>>();
    let pick = |words: &[&str]| words[usize::from(roll(u8::try_from(words.len()).unwrap()))].to_owned();
    for round in 0..60 {
        let condition = |name: &str| match roll(5) {
            0 => json!({ "known_device": true, "not": true }),
            1 => json!({ "time": { "from": "08:00", "to": "24:00", "days": ["mon"], "zone": "Europe/Berlin" } }),
            2 => json!({ "evidence_age": { "older_than": 60 * u32::from(roll(9)), "authenticator": "password" } }),
            3 => json!({ "cel": "\"staff\" in groups || client == 'a'" }),
            _ => json!({ name: word(), "not": roll(2) == 0 }),
        };
        let alternative = || match roll(3) {
            0 => json!("password"),
            1 => json!({ "authenticator": "password", "max_age": 1 + u32::from(roll(200)) }),
            _ => {
                json!({ "authenticator": "smsotp", "connection": "S", "settings": { "length": 6, "template": format!("{} {{{{code}}}}", word()) } })
            }
        };
        let step = |_| {
            json!({
                "alternatives": (0..=roll(2)).map(|_| alternative()).collect::<Vec<_>>(),
                "when": (0..roll(3)).map(|n| condition(["group", "role", "scope"][usize::from(n)])).collect::<Vec<_>>(),
                "distinct": roll(2) == 0, "enrol": pick(&["refuse", "allow", "require"]),
                "remember_device": (roll(2) == 0).then_some(3600), "on_request": if roll(2) == 0 { vec!["urn:vestibule:acr:2fa"] } else { vec![] },
            })
        };
        let chain: Json = json!({ "steps": (0..=roll(3)).map(step).collect::<Vec<_>>(), "demands": [{ "factors": 1 + roll(2) }, "user_verified"] });
        let client = json!({
            "id": format!("c{round}"), "name": word().trim(), "redirect_uris": ["https://a.example/cb?x=1"],
            "post_logout_redirect_uris": ["https://a.example/out"], "auth": pick(&["client_secret_basic", "none"]),
            "scopes": ["openid", "a:b"], "audiences": ["https://api.example"], "chain": "any", "groups": words().iter().map(|w| w.trim()).collect::<Vec<_>>(),
            "consent": pick(&["ask", "skip"]), "access_token_life": 60 + u32::from(roll(255)), "refresh_token_life": 366 * 86_400,
            "client_uri": "https://a.example", "disabled": roll(2) == 0, "id_token_signed_response_alg": "ES256",
        });
        let settings = json!({
            "url": "https://a.example/$ctx.num/{{secret.k}}", "method": "POST", "content_type": "json", "body": format!("{{\"x\": {}}}", json!(word())),
            "headers": [{ "name": "X-A", "value": "{{from}}" }], "from": word(), "secrets": { "k": "hush-hush-hush" }, "timeout_seconds": 1 + roll(9),
            "success": { "status": [200], "body": [{ "json": { "path": "m[*].s", "equals": roll(9) } }, { "contains": word() }] },
        });
        let (groups, name, roles) = (words(), word(), words());
        let stored: vestibule_core::chain::ChainDocument = serde_json::from_value(chain).unwrap();
        let document = stored.clone();
        let result = bench.workshop.store.write(move |tx| {
            let now = vestibule_core::Time(i64::from(round));
            tx.put_connection(&vestibule_core::Connection {
                name: "S".into(),
                kind: "sms".to_owned(),
                disabled: false,
                settings: serde_json::from_value(settings.clone()).unwrap(),
            })?;
            tx.publish_chain(&"any".into(), &document, now)?;
            let client: Client = serde_json::from_value(client.clone()).unwrap();
            tx.put_client(&client)?;
            let login = LoginName::parse(&format!("u{round}")).unwrap();
            let user = User::new(vestibule_core::id::UserId::new(now, &SystemRandom::default()), login, now);
            let email = Some(format!("u{round}@example.org"));
            tx.insert_user(&User {
                groups: groups.clone(),
                roles: roles.clone(),
                display_name: Some(name.clone()),
                email,
                email_verified: round % 2 == 0,
                phone_number: Some("+12025550142".to_owned()),
                disabled: round % 3 == 0,
                locale: Some("de-CH".to_owned()),
                ..user
            })
        });
        result.await.unwrap();
        let text = export(&*bench.workshop.store, true).await.unwrap();
        let mut declaration = bench.read(&text).unwrap();
        // A chain made by chance is mostly one that is refused.
        let chain = declaration.chains.pop().unwrap().document;
        assert_eq!(chain, stored, "{text}");
        let diff = apply(&bench.workshop, &declaration, &Options::default()).await.unwrap();
        assert!(diff.is_empty(), "{diff}\n{text}");
        assert!(!text.contains("hush-hush"), "{text}");
        bench
            .apply_with(
                "[[chain]]\nname = \"any\"\nsteps = [[\"password\"]]\n",
                &Options { prune: true, ..Options::default() },
            )
            .await;
    }
}
