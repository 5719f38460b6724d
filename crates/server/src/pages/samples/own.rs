//! Samples of the pages on which people look after what is theirs.

use vestibule_core::prompt::Text;

use super::{MASKED, State, account::paths, at};
use crate::pages::{AppRow, Apps, Deleted, Enrol, Language, OwnData, Page, Profile, Scope, unbroken};

/// The applications that one let in.
pub(super) fn apps() -> Vec<State> {
    let app = |name: &str, host: Option<&str>, scopes: &[&str], vouched| AppRow {
        id: name.to_lowercase(),
        name: name.to_owned(),
        host: host.map(str::to_owned),
        scopes: scopes.iter().map(|scope| Scope::new(scope)).collect(),
        since: at(-90 * 86_400),
        vouched,
    };
    let all = ["openid", "profile", "email", "phone", "address", "offline_access", "reports:read"];
    let some = Apps {
        apps: vec![
            app("Grafana", Some("metrics.example.com"), &["openid", "email"], false),
            app("A shop with a name that goes on and on and does not end on this line", None, &all, false),
            app("Wiki", Some("wiki.example.com"), &["openid"], true),
        ],
        withdrawn: false,
        paths: paths(),
    };
    vec![
        ("three", Page::Apps(some.clone())),
        ("shut-out", Page::Apps(Apps { withdrawn: true, ..some.clone() })),
        ("none", Page::Apps(Apps { apps: Vec::new(), ..some })),
    ]
}

/// Who one is.
pub(super) fn profile() -> Vec<State> {
    let language = |value: &str, name: Option<&str>, chosen| Language {
        value: value.to_owned(),
        name: name.map(str::to_owned),
        chosen,
    };
    let enrol =
        |name: &str, text: &str| Enrol { action: format!("/portal/factors/add/{name}"), label: Text::new(text) };
    let ada = Profile {
        username: "ada".to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        phone: Some(unbroken(MASKED)),
        phone_verified: true,
        locales: vec![
            language("", None, false),
            language("en", Some("English"), true),
            language("de", Some("Deutsch"), false),
        ],
        changes: vec![enrol("emailotp", "profile.change_email"), enrol("smsotp", "profile.change_phone")],
        managed: false,
        fault: None,
        done: false,
        named: None,
        paths: paths(),
    };
    let fault = |key: &str| Page::Profile(Profile { fault: Some(Text::new(key)), ..ada.clone() });
    let bare = Profile {
        display_name: String::new(),
        email: None,
        phone: None,
        locales: vec![language("", None, true), language("en", Some("English"), false)],
        changes: Vec::new(),
        ..ada.clone()
    };
    let unproved = Profile { email_verified: false, phone_verified: false, ..ada.clone() };
    let named = r#"{"rpId":"login.example.com","userId":"AAEC","name":"ada","displayName":"Ada"}"#.to_owned();
    vec![
        ("whole", Page::Profile(ada.clone())),
        ("saved", Page::Profile(Profile { done: true, named: Some(named), ..ada.clone() })),
        ("bare", Page::Profile(bare)),
        ("not-confirmed", Page::Profile(unproved)),
        ("in-a-file", Page::Profile(Profile { managed: true, ..ada.clone() })),
        ("name-wrong", fault("profile.name_wrong")),
        ("language-wrong", fault("profile.locale_wrong")),
    ]
}

/// Taking one's data along, and leaving.
pub(super) fn data() -> Vec<State> {
    let both = OwnData {
        fresh: true,
        export: "/portal/data/export".to_owned(),
        delete: Some("/portal/data/delete".to_owned()),
        username: "ada".to_owned(),
        fault: None,
        typed_wrong: false,
        paths: paths(),
    };
    let stale = OwnData { fresh: false, ..both.clone() };
    let fault = |page: &OwnData, key: &str| {
        let typed_wrong = key.ends_with("wrong_name");
        Page::OwnData(OwnData { fault: Some(Text::new(key)), typed_wrong, ..page.clone() })
    };
    vec![
        ("proved", Page::OwnData(both.clone())),
        ("to-be-proved", Page::OwnData(stale.clone())),
        ("no-deleting", Page::OwnData(OwnData { delete: None, ..both.clone() })),
        ("proved-too-long-ago", fault(&stale, "own-data.prove_first")),
        ("wrong-name", fault(&both, "own-data.wrong_name")),
        ("the-last-owner", fault(&both, "own-data.last_owner")),
        ("in-a-file", fault(&both, "own-data.managed")),
    ]
}

/// The account is gone.
pub(super) fn deleted() -> Vec<State> {
    vec![("done", Page::Deleted(Deleted {}))]
}
