//! Advice: what works, and would be better otherwise. Shown when a connection is saved; never a refusal.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use url::form_urlencoded;
use vestibule_core::channel::Settings;

use super::preset::VONAGE_HOST;

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The setting that it is about.
    pub setting: String,
    /// What could be better, without any secret in it.
    pub why: String,
    /// Settings to put in the place of those of the same name, for one click.
    pub replace: Settings,
}

/// What could be better about these settings, which may or may not be usable.
pub fn advise(settings: &Settings) -> Vec<Advice> {
    let url = settings.0.get("url").and_then(Value::as_str).unwrap_or("");
    secrets_in(url, settings).into_iter().chain(unseen_rule(url, settings)).collect()
}

/// Whether a parameter or header of this name holds a secret, to judge by its name.
pub(super) fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = ["secret", "password", "passwd", "pwd", "pass", "token", "key", "auth", "signature"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The parameters of a URL whose value is a secret written out: name, value as written, value.
pub(super) fn written_out(url: &str) -> Vec<(String, String, String)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, value)| {
            names_a_secret(name) && !value.is_empty() && !value.contains("{{") && !value.contains("$ctx.")
        })
        .filter_map(|(name, value)| {
            let (_, plain) = form_urlencoded::parse(format!("x={value}").as_bytes()).into_owned().next()?;
            Some((name.to_owned(), value.to_owned(), plain))
        })
        .collect()
}

fn secrets_in(url: &str, settings: &Settings) -> Option<Advice> {
    let found = written_out(url);
    if found.is_empty() {
        return None;
    }
    let mut moved = url.to_owned();
    let mut secrets = settings.0.get("secrets").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, written, plain) in &found {
        let mut key = name.clone();
        while secrets.get(&key).is_some_and(|taken| taken != plain) {
            key.push('_');
        }
        moved = moved.replacen(&format!("{name}={written}"), &format!("{name}={{{{secret.{key}}}}}"), 1);
        secrets.insert(key, json!(plain));
    }
    let names: BTreeSet<_> = found.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(" and ");
    Some(Advice {
        setting: "url".to_owned(),
        why: format!(
            "{names} stands in the URL, where whoever may see this connection reads it. Keep it in `secrets`, which are not shown again."
        ),
        replace: Settings(Map::from_iter([("url".to_owned(), json!(moved)), ("secrets".to_owned(), json!(secrets))])),
    })
}

fn unseen_rule(url: &str, settings: &Settings) -> Option<Advice> {
    let unsaid = !settings.0.contains_key("preset") && !settings.0.contains_key("success");
    let host = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', ':']).next());
    (unsaid && host.is_some_and(|host| host.eq_ignore_ascii_case(VONAGE_HOST))).then(|| Advice {
        setting: "success".to_owned(),
        why: "Vonage answers 200 to messages that it refuses, so its rule is applied: every `messages[*].status` is \"0\". \
              Write it down, so that everybody sees it."
            .to_owned(),
        replace: Settings(Map::from_iter([(
            "success".to_owned(),
            json!({ "status": [200], "body": [{ "json": { "path": "messages[*].status", "equals": "0" } }] }),
        )])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str =
        "https://rest.nexmo.com/sms/json?api_key=K%26x&api_secret=S&from=NEXMO&to=$ctx.num&text=$ctx.msg";

    fn settings(value: Value) -> Settings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_seed_line_is_offered_a_sealed_place_and_a_rule() {
        let [url, rule] = advise(&settings(json!({ "url": SEED }))).try_into().unwrap();
        assert!(url.why.contains("`api_key` and `api_secret`") && !url.why.contains("K%26x"));
        assert_eq!(
            url.replace.0["url"],
            "https://rest.nexmo.com/sms/json?api_key={{secret.api_key}}&api_secret={{secret.api_secret}}&from=NEXMO&to=$ctx.num&text=$ctx.msg"
        );
        assert_eq!(url.replace.0["secrets"], json!({ "api_key": "K&x", "api_secret": "S" }));
        assert_eq!(rule.replace.0["success"]["body"][0]["json"]["path"], "messages[*].status");
        let mut better = settings(json!({ "url": SEED }));
        for advice in [url, rule] {
            better.0.extend(advice.replace.0);
        }
        assert_eq!(advise(&better), [], "advice that was taken is not given again");
        assert!(super::super::SmsGateway::from_settings(&better).is_ok());
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_again() {
        let [url] =
            advise(&settings(json!({ "url": "https://sms.example.org/?key=a&key=b", "secrets": { "key": "c" } })))
                .try_into()
                .unwrap();
        assert_eq!(url.replace.0["url"], "https://sms.example.org/?key={{secret.key_}}&key={{secret.key__}}");
        assert_eq!(url.replace.0["secrets"], json!({ "key": "c", "key_": "a", "key__": "b" }));
    }

    #[test]
    fn where_nothing_is_wrong_nothing_is_said() {
        for fine in [
            json!({ "preset": "vonage" }),
            json!({ "url": "https://sms.example.org/?to=$ctx.num&key={{secret.key}}&text=$ctx.msg" }),
            json!({}),
        ] {
            assert_eq!(advise(&settings(fine)), []);
        }
    }
}
