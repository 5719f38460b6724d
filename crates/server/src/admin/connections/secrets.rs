//! The secrets of a connection: they go in and never come out again, and they are for whom they were given.

use serde_json::{Map, Value};
use vestibule_authn_smsotp::{SmsOtp, advise};
use vestibule_core::channel::{Connection, Settings};

use super::given::read;
use crate::{
    admin::AdminError,
    declare::connection::{hidden, leaves},
};

/// What stands where a secret does.
pub const MASK: &str = "•••";

/// The settings with dots where secrets are.
pub(super) fn masked(settings: &Settings) -> Map<String, Value> {
    let mut shown = settings.0.clone();
    for (path, value) in leaves(&settings.0) {
        if hidden(settings, &path, &value) {
            set(&mut shown, &path, MASK.into());
        }
    }
    shown
}

fn set(settings: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            settings.insert(path.to_owned(), value);
        }
        Some((key, rest)) => {
            if let Some(inner) = settings.get_mut(key).and_then(Value::as_object_mut) {
                set(inner, rest, value);
            }
        }
    }
}

/// The log says which secrets changed, and not to what.
pub(super) fn with_secrets_told(mut view: Value, before: &Connection, after: &Connection) -> Value {
    let (old, new) = (leaves(&before.settings.0), leaves(&after.settings.0));
    let changed = new.iter().filter(|(path, value)| {
        hidden(&after.settings, path, value) && old.iter().any(|(known, old)| known == path && old != value)
    });
    let changed: Vec<_> = changed.map(|(path, _)| path.clone()).collect();
    if let Some(fields) = view.as_object_mut()
        && !changed.is_empty()
    {
        fields.insert("secrets_changed".to_owned(), changed.into());
    }
    view
}

/// Secrets that stand in the URL are moved to where they are sealed by name and never shown again.
pub(super) fn sealed(mut connection: Connection) -> Connection {
    if connection.kind == SmsOtp::CONNECTION_KIND {
        for advice in advise(&connection.settings).into_iter().filter(|advice| advice.setting == "url") {
            connection.settings.0.extend(advice.replace.0);
        }
    }
    connection
}

/// A connection after a change. A secret is for whom it was given: when messages go elsewhere, what was not given with the
/// change is gone, or whoever may change a connection could have its secrets sent to themselves.
pub(super) fn changed(before: &Connection, patch: &Map<String, Value>) -> Result<Connection, AdminError> {
    let after = sealed(read(patch, Some(before))?);
    if destination(&after.settings) == destination(&before.settings) {
        return Ok(after);
    }
    let mut bare = before.clone();
    for (path, value) in leaves(&before.settings.0) {
        if path != "url" && hidden(&before.settings, &path, &value) {
            take(&mut bare.settings.0, &path);
        }
    }
    Ok(sealed(read(patch, Some(&bare))?))
}

/// Where messages go: to the host of a preset, to that of a URL, or to a mail server, which is known by whom we trust to name it.
/// What is a secret for one place is none for another.
pub(crate) fn destination(settings: &Settings) -> ([Option<String>; 2], Vec<Option<&Value>>) {
    let origin = |text: &str| match url::Url::parse(text) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => text.to_owned(),
    };
    let named = ["preset", "host", "port", "tls", "authority"].map(|name| settings.0.get(name));
    // The secret of a client goes to whoever grants the tokens.
    let tokens = settings.0.get("auth").and_then(|auth| auth.get("token_url"));
    let places = [settings.0.get("url"), tokens].map(|place| place.and_then(Value::as_str).map(origin));
    (places, named.into())
}

fn take(settings: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => drop(settings.remove(path)),
        Some((key, rest)) => {
            if let Some(inner) = settings.get_mut(key).and_then(Value::as_object_mut) {
                take(inner, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        admin::connections::given::{check, tests::map},
        authenticators::Channels,
    };

    const SEED: &str = "https://sms.example.com/json?api_key=K&api_secret=hunter2&to=$ctx.num&text=$ctx.msg";

    #[test]
    fn a_110_a_pasted_line_is_kept_without_its_secrets_in_sight() {
        let made = sealed(read(&map(json!({ "name": "SMSOTP", "settings": { "url": SEED } })), None).unwrap());
        assert!(check(&Channels::default(), &made, &[]).is_ok());
        let shown = serde_json::to_string(&masked(&made.settings)).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("{{secret.api_secret}}"), "{shown}");
        assert_eq!(made.settings.0["secrets"]["api_secret"], json!("hunter2"));
    }

    #[test]
    fn a_110_a_secret_does_not_follow_to_another_host() {
        let given = json!({ "name": "a", "settings": {
            "url": "https://sms.example/send?k={{secret.k}}&t={{text}}&n={{number}}",
            "headers": [{ "name": "X-Key", "value": "hunter2" }],
            "auth": { "type": "basic", "username": "me", "password": "hunter3" },
            "secrets": { "k": "hunter1" },
        } });
        let before = read(&map(given), None).unwrap();
        let go = |settings: Value| changed(&before, &map(json!({ "settings": settings }))).unwrap();
        let text = |connection: &Connection| serde_json::to_string(&connection.settings).unwrap();
        for settings in [
            json!({ "url": "https://evil.example/?k={{secret.k}}&t={{text}}&n={{number}}" }),
            json!({ "url": "http://sms.example/send?k={{secret.k}}", "allow_plain_http": true }),
            json!({ "url": "https://sms.example:444/send?k={{secret.k}}", "secrets": { "k": MASK } }),
            json!({ "url": "https://sms.example@evil.example/?k={{secret.k}}" }),
            json!({ "preset": "generic" }),
        ] {
            let after = go(settings.clone());
            assert!(!text(&after).contains("hunter"), "{settings}: {}", text(&after));
        }
        assert!(
            check(&Channels::default(), &go(json!({ "url": "https://evil.example/?k={{secret.k}}" })), &[]).is_err()
        );
        let same = go(json!({ "url": "https://sms.example/v2?k={{secret.k}}&t={{text}}&n={{number}}" }));
        assert!(["hunter1", "hunter2", "hunter3"].iter().all(|secret| text(&same).contains(secret)));
        let given = go(json!({ "url": "https://new.example/?k={{secret.k}}", "secrets": { "k": "mine" } }));
        assert_eq!(given.settings.0["secrets"], json!({ "k": "mine" }));
    }

    #[test]
    fn a_110_the_secret_of_a_client_is_dots_and_stays_with_whoever_grants_its_tokens() {
        let auth =
            |at: &str| json!({ "type": "oauth2", "token_url": at, "client_id": "me", "client_secret": "hunter4" });
        let settings = json!({ "url": "https://sms.example/send", "auth": auth("https://id.example/token") });
        let before = read(&map(json!({ "name": "a", "settings": settings })), None).unwrap();
        assert!(!serde_json::to_string(&masked(&before.settings)).unwrap().contains("hunter4"));
        for (at, stays) in [("https://id.example/v2/token", true), ("https://evil.example/token", false)] {
            let patch = json!({ "settings": { "auth": { "token_url": at } } });
            let after = changed(&before, &map(patch)).unwrap();
            assert_eq!(serde_json::to_string(&after.settings).unwrap().contains("hunter4"), stays, "{at}");
        }
    }

    #[test]
    fn a_110_the_password_of_a_mail_server_does_not_follow_to_another() {
        let given = json!({ "name": "mail", "kind": "mail", "settings": {
            "host": "mail.example.com", "username": "me", "secrets": { "password": "hunter2" }, "from": "a@example.com",
        } });
        let before = read(&map(given), None).unwrap();
        assert!(check(&Channels::default(), &before, &[]).is_ok());
        let shown = serde_json::to_string(&masked(&before.settings)).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("mail.example.com"), "{shown}");
        let go = |settings: Value| changed(&before, &map(json!({ "settings": settings }))).unwrap();
        for settings in [
            json!({ "host": "evil.example" }),
            json!({ "port": 2525 }),
            json!({ "host": "localhost", "tls": "none" }),
            json!({ "authority": "-----BEGIN CERTIFICATE-----" }),
            json!({ "host": "evil.example", "secrets": { "password": MASK } }),
        ] {
            let after = go(settings.clone());
            assert!(!serde_json::to_string(&after.settings).unwrap().contains("hunter2"), "{settings}");
            assert!(check(&Channels::default(), &after, &[]).is_err(), "{settings}");
        }
        let renamed = go(json!({ "from_name": "Example" }));
        assert_eq!(renamed.settings.0["secrets"], json!({ "password": "hunter2" }));
    }
}
