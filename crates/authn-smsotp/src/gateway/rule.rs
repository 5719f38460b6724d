//! What an answer means: a rule over the status *and* the body, since gateways answer 200 to what they refuse.
//!
//! The path of a rule is a small part of JSONPath: `messages[*].status`, `data.message[0].id`. No dependency for it: names,
//! indices and `[*]` are all that the answers of gateways need.

use serde::Deserialize;
use serde_json::Value;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    /// Whether the body was read to its end.
    pub(super) whole: bool,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Refused(String),
    Unclear(String),
}

/// When a message counts as accepted: the status is one of these, and every rule on the body holds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuccessRule {
    #[serde(default = "usual_statuses")]
    pub(super) status: Vec<u16>,
    #[serde(default)]
    pub(super) body: Vec<BodyRule>,
}

fn usual_statuses() -> Vec<u16> {
    vec![200, 201, 202]
}

impl Default for SuccessRule {
    fn default() -> Self {
        Self { status: usual_statuses(), body: Vec::new() }
    }
}

/// A rule on the body.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyRule {
    /// Every element at `path` is `equals`; there is at least one.
    Json(JsonIs),
    /// No element at `path` is one of `none_of`; there is at least one element.
    JsonNot(JsonIsNot),
    /// It begins so.
    StartsWith(String),
    /// It holds this.
    Contains(String),
}

/// See [`BodyRule::Json`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonIs {
    pub(super) path: JsonPath,
    pub(super) equals: Value,
}

/// See [`BodyRule::JsonNot`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonIsNot {
    pub(super) path: JsonPath,
    pub(super) none_of: Vec<Value>,
}

impl SuccessRule {
    /// What `answer` means by this rule. What may have been sent is never called refused: a redirect and a 4xx say that
    /// nothing was done, a 5xx and an answer that cannot be read do not.
    pub(super) fn judge(&self, answer: &Answer) -> Verdict {
        let status = answer.status;
        if !self.status.contains(&status) {
            return match status {
                408 => Verdict::Unclear("HTTP 408".to_owned()),
                300..400 => Verdict::Refused(format!("HTTP {status}, a redirect, which is not followed")),
                400..500 => Verdict::Refused(format!("HTTP {status}")),
                _ => Verdict::Unclear(format!("HTTP {status}")),
            };
        }
        let broken = self.body.iter().map(|rule| rule.judge(answer)).find(|verdict| *verdict != Verdict::Accepted);
        match broken {
            None => Verdict::Accepted,
            Some(Verdict::Refused(why)) => Verdict::Refused(format!("HTTP {status}, but {why}")),
            Some(Verdict::Unclear(why)) => Verdict::Unclear(format!("HTTP {status}, but {why}")),
            Some(Verdict::Accepted) => Verdict::Accepted,
        }
    }
}

impl BodyRule {
    fn judge(&self, answer: &Answer) -> Verdict {
        match self {
            Self::Json(JsonIs { path, equals }) => judge_json(path, answer, |value| same(value, equals)),
            Self::JsonNot(JsonIsNot { path, none_of }) => {
                judge_json(path, answer, |value| !none_of.iter().any(|bad| same(value, bad)))
            }
            Self::StartsWith(text) => judge_text(answer, answer.body.trim_start().starts_with(text), "begin", text),
            Self::Contains(text) => judge_text(answer, answer.body.contains(text), "go on", text),
        }
    }
}

fn judge_text(answer: &Answer, holds: bool, verb: &str, text: &str) -> Verdict {
    match (holds, answer.whole && !answer.body.is_empty()) {
        (true, _) => Verdict::Accepted,
        (false, true) => Verdict::Refused(format!("the answer does not {verb} with {text:?}")),
        (false, false) => Verdict::Unclear("the answer could not be read to its end".to_owned()),
    }
}

fn judge_json(path: &JsonPath, answer: &Answer, good: impl Fn(&Value) -> bool) -> Verdict {
    let Ok(json) = serde_json::from_str::<Value>(&answer.body) else {
        return Verdict::Unclear("the answer is no JSON".to_owned());
    };
    let found = path.find(&json);
    if found.is_empty() {
        return Verdict::Unclear(format!("the answer has no {path}"));
    }
    match found.into_iter().find(|value| !good(value)) {
        None => Verdict::Accepted,
        Some(bad) => Verdict::Refused(format!("{path} is {bad}")),
    }
}

/// Whether two values are the same when written: `0` is `"0"`, since gateways change their mind about that. Only plain
/// values are compared: an object is never the same as anything.
fn same(a: &Value, b: &Value) -> bool {
    text_of(a).is_some_and(|a| Some(a) == text_of(b))
}

/// A plain value as text.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A path to elements of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct JsonPath {
    text: String,
    steps: Vec<PathStep>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathStep {
    Name(String),
    Index(usize),
    All,
}

impl JsonPath {
    /// All elements at this path; none where there is no such thing.
    pub(super) fn find<'a>(&self, json: &'a Value) -> Vec<&'a Value> {
        self.steps.iter().fold(vec![json], |found, step| {
            let next = found.into_iter().flat_map(|value| -> Vec<&'a Value> {
                match step {
                    PathStep::Name(name) => value.get(name).into_iter().collect(),
                    PathStep::Index(index) => value.get(index).into_iter().collect(),
                    PathStep::All => value.as_array().into_iter().flatten().collect(),
                }
            });
            next.collect()
        })
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for JsonPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bad = || format!("`{text}` is no path such as `messages[*].status`");
        let mut steps = Vec::new();
        for part in text.strip_prefix("$.").unwrap_or(&text).split('.') {
            let (name, mut indices) = part.split_at_checked(part.find('[').unwrap_or(part.len())).ok_or_else(bad)?;
            if name.is_empty() || name.contains([']', '*', '$', '"', '\'', ' ']) {
                return Err(bad());
            }
            steps.push(PathStep::Name(name.to_owned()));
            while !indices.is_empty() {
                let (index, rest) = indices.strip_prefix('[').and_then(|i| i.split_once(']')).ok_or_else(bad)?;
                steps.push(match index {
                    "*" => PathStep::All,
                    index => PathStep::Index(index.parse().map_err(|_| bad())?),
                });
                indices = rest;
            }
        }
        Ok(Self { text, steps })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> JsonPath {
        text.to_owned().try_into().unwrap()
    }

    fn judge(rule: Value, status: u16, body: &str) -> Verdict {
        let rule: SuccessRule = serde_json::from_value(rule).unwrap();
        rule.judge(&Answer { status, body: body.to_owned(), whole: true })
    }

    fn every_status_is_0() -> Value {
        json!({ "body": [{ "json": { "path": "messages[*].status", "equals": "0" } }] })
    }

    #[test]
    fn a_path_finds_every_element() {
        let json = json!({ "a": [{ "b-c": 1 }, { "b-c": 2 }, {}], "d": { "e": [[7]] } });
        assert_eq!(path("a[*].b-c").find(&json), [&json!(1), &json!(2)]);
        assert_eq!(path("$.a[1].b-c").find(&json), [&json!(2)]);
        assert_eq!(path("d.e[0][0]").find(&json), [&json!(7)]);
        for nothing in ["a[9].b-c", "x", "a.b-c", "d[0]", "d.e[*].f", "d.e[0][*].x"] {
            assert!(path(nothing).find(&json).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "$", ".", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a]b", "a[0]b", "a[*", "$..a", "a['b']", "*"] {
            assert!(JsonPath::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_element_counts() {
        let answer = |statuses: &[&str]| {
            json!({ "messages": statuses.iter().map(|s| json!({ "status": s })).collect::<Vec<_>>() }).to_string()
        };
        assert_eq!(judge(every_status_is_0(), 200, &answer(&["0", "0"])), Verdict::Accepted);
        let refused = judge(every_status_is_0(), 200, &answer(&["0", "4"]));
        assert_eq!(refused, Verdict::Refused("HTTP 200, but messages[*].status is \"4\"".to_owned()));
        assert_eq!(judge(every_status_is_0(), 200, r#"{"messages":[{"status":0}]}"#), Verdict::Accepted);
    }

    #[test]
    fn what_cannot_be_read_is_neither_accepted_nor_refused() {
        for unclear in
            ["", "<html>", "{}", r#"{"messages":[]}"#, r#"{"messages":[{}]}"#, r#"{"messages":[{"status""#, "[]"]
        {
            assert!(matches!(judge(every_status_is_0(), 200, unclear), Verdict::Unclear(_)), "{unclear}");
        }
        for not_plain in [r#"{"messages":[{"status":null}]}"#, r#"{"messages":[{"status":{"a":0}}]}"#] {
            assert!(matches!(judge(every_status_is_0(), 200, not_plain), Verdict::Refused(_)), "{not_plain}");
        }
    }

    #[test]
    fn the_status_comes_first() {
        let good = r#"{"messages":[{"status":"0"}]}"#;
        for refused in [301, 302, 307, 400, 401, 404, 429] {
            assert!(matches!(judge(every_status_is_0(), refused, good), Verdict::Refused(_)), "{refused}");
        }
        for unclear in [203, 204, 408, 500, 502, 503] {
            assert!(matches!(judge(every_status_is_0(), unclear, good), Verdict::Unclear(_)), "{unclear}");
        }
    }

    #[test]
    fn text_rules() {
        let begins = json!({ "status": [200], "body": [{ "starts_with": "0|" }] });
        assert_eq!(judge(begins.clone(), 200, "0|IN_PROGRESS|1"), Verdict::Accepted);
        assert!(matches!(judge(begins.clone(), 200, "23|invalid credentials|"), Verdict::Refused(_)));
        assert!(matches!(judge(begins, 200, ""), Verdict::Unclear(_)));
        let holds = json!({ "body": [{ "contains": "OK" }] });
        assert_eq!(judge(holds.clone(), 200, "status: OK"), Verdict::Accepted);
        assert!(matches!(judge(holds, 200, "status: ERR"), Verdict::Refused(_)));
    }

    #[test]
    fn a_body_that_was_cut_is_no_refusal() {
        let rule: SuccessRule = serde_json::from_value(json!({ "body": [{ "contains": "OK" }] })).unwrap();
        let cut = Answer { status: 200, body: "x".repeat(100), whole: false };
        assert!(matches!(rule.judge(&cut), Verdict::Unclear(_)));
    }

    #[test]
    fn an_unknown_word_in_a_rule_is_refused() {
        for bad in [
            json!({ "body": [{ "regex": "x" }] }),
            json!({ "statuses": [200] }),
            json!({ "body": [{ "json": { "path": "a", "equals": 1, "all": true } }] }),
        ] {
            assert!(serde_json::from_value::<SuccessRule>(bad.clone()).is_err(), "{bad}");
        }
    }
}
