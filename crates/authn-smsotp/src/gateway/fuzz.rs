//! A-120: odd input for what is read of numbers, of gateways' answers, and of what an admin writes about gateways.

use std::collections::BTreeMap;

use serde_json::json;
use vestibule_core::testing::fuzz::fuzz_text;

use super::{template::Slot, *};
use crate::parse_number;

#[test]
fn a_120_an_odd_number_is_digits_or_refused() {
    let samples =
        ["+12025550142", "+49 (151) 234-567.42", "030/12 34 56", "0049 30 123456", "+39 06 698 12345", "+15550100"];
    fuzz_text(&samples, |text| {
        for country in [None, Some("US"), Some("IT"), Some(text)] {
            if let Ok(number) = parse_number(text, country) {
                let digits = number.as_str().strip_prefix('+').unwrap();
                assert!((1..=17).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()), "{text}");
                assert!(number.masked().ends_with(&digits[digits.len().saturating_sub(2)..]));
            }
        }
    });
}

#[test]
fn a_120_an_odd_template_is_read_or_refused_and_stays_one() {
    let samples = [
        "https://sms.example/send?key={{secret.key}}&to=$ctx.num&text=$ctx.msg",
        r#"{"to":"{{mobile}}","text":"{{body}}","from":"{{ from }}","code":"$ctx.otp"}"#,
        "http://127.0.0.1:9/{{code}}/x?y=%7B",
    ];
    let secrets = BTreeMap::from([("key".to_owned(), SecretString::from("s&=\"\r\n"))]);
    let values = Values { number: "+1", body: "\"}]&=<\r\n/../", code: "1", from: "x", secrets: &secrets };
    fuzz_text(&samples, |text| {
        if let Ok(template) = Template::read("url", text) {
            for place in [Place::Url, Place::Json, Place::Form, Place::Xml] {
                assert!(template.fill(&values, place).is_ok(), "{text}");
            }
            let plain = template.slots().all(|slot| matches!(slot, Slot::Number | Slot::Code | Slot::From));
            assert_eq!(template.fill(&values, Place::Header).is_ok(), plain || !carries_break(&template), "{text}");
        }
        if let Ok(address) = Address::read(text, false)
            && let Ok(url) = address.fill(&values)
        {
            assert_eq!(url.host_str(), Some(address.host()), "{text}");
        }
    });
}

/// Whether what would be filled in has a line break: of the values above, the body and the one secret.
fn carries_break(template: &Template) -> bool {
    template.slots().any(|slot| *slot == Slot::Body || *slot == Slot::Secret("key".to_owned()))
}

#[test]
fn a_120_an_odd_rule_and_path_are_read_or_refused() {
    let samples = [
        r#"{"status":[200,202],"body":[{"json":{"path":"messages[*].status","equals":"0"}}]}"#,
        r#"{"body":[{"json_not":{"path":"$.data.message[0].id","none_of":[null,1,"x"]}},{"contains":"OK"},{"starts_with":"{"}]}"#,
        "messages[*].status",
        "$.a[0][*].b",
    ];
    let answer = Answer {
        status: 200,
        body: json!({ "messages": [{ "status": "0" }], "a": [[{ "b": 1 }]] }).to_string(),
        whole: true,
    };
    let value = serde_json::from_str::<Value>(&answer.body).unwrap();
    fuzz_text(&samples, |text| {
        if let Ok(rule) = serde_json::from_str::<SuccessRule>(text) {
            let _ = rule.judge(&answer);
        }
        if let Ok(path) = JsonPath::try_from(text.to_owned()) {
            assert!(path.find(&value).len() <= 1, "one answer has one of each: {text}");
        }
    });
}

#[test]
fn a_120_an_odd_answer_is_no_success_that_it_does_not_state() {
    let samples = [
        r#"{"message-count":"1","messages":[{"to":"1","message-id":"a","status":"0"}]}"#,
        r#"{"messages":[{"status":"0"},{"status":"1","error-text":"no"}]}"#,
        "\u{feff}<html><body>Bad gateway</body></html>",
    ];
    let rule = json!({ "body": [{ "json": { "path": "messages[*].status", "equals": "0" } }] });
    let rule: SuccessRule = serde_json::from_value(rule).unwrap();
    let mask = Mask::default();
    fuzz_text(&samples, |body| {
        let answer = Answer { status: 200, body: body.to_owned(), whole: true };
        if rule.judge(&answer) == Verdict::Accepted {
            let json: Value = serde_json::from_str(body).unwrap();
            let all = json["messages"].as_array().unwrap();
            assert!(
                !all.is_empty() && all.iter().filter_map(|one| one.get("status")).all(|s| *s == "0" || *s == 0),
                "{body}"
            );
        }
        assert!(mask.excerpt(body).lines().count() <= 1);
    });
}
