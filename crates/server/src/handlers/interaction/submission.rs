//! What was posted to an interaction, read once from a form or from JSON.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, web::Payload};
use serde_json::Value;
use vestibule_core::{engine::Answer, id::ChallengeId, prompt::Fields};
use vestibule_oauth::{consent::Decision, params::Params};

use crate::{
    http::{csrf, form, form::FormError},
    state::State,
};

/// What was posted.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) version: i64,
    pub(super) csrf: String,
    /// The challenge that the page showed.
    pub(super) challenge: Option<ChallengeId>,
    pub(super) act: Act,
}

/// The one thing that a person does.
#[derive(Debug)]
pub(super) enum Act {
    /// Takes another way, or goes back to the choice.
    Choose(Option<usize>),
    /// Wants the message again.
    Resend,
    /// Wishes to set up another way besides, or takes that back.
    Wish(Option<usize>),
    /// Agrees, or not.
    Decide(Decision),
    /// Gives an answer.
    Answer(Answer),
}

/// Why nothing could be read from it.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is no form.
    Form(FormError),
    /// It is JSON, but this member is not of the type that it must be.
    WrongType(String),
}

/// Names that are not fields of a prompt.
const OURS: [&str; 8] = [csrf::FIELD, "version", "challenge", "action", "alternative", "besides", "decision", "scope"];

/// The box by which a person asks to be remembered.
const REMEMBER: &str = "remember_device";

pub(super) async fn read(state: &State, req: &HttpRequest, payload: Payload) -> Result<Submission, Refused> {
    if !form::is(req, "application/json") {
        let params = form::read(state, req, payload).await.map_err(Refused::Form)?;
        return of_form(&params).map_err(|_| Refused::Form(FormError::Broken));
    }
    let body = form::body(state, payload).await.map_err(Refused::Form)?;
    let value = serde_json::from_slice(&body).map_err(|_| Refused::WrongType("the body".to_owned()))?;
    of_json(value)
}

/// What a page's form says. A box that is not ticked is not sent, so that no `scope` at all means none of the optional ones;
/// what cannot be left out comes in hidden inputs.
fn of_form(params: &Params) -> Result<Submission, String> {
    of(params, Some(ticked(params)))
}

/// What a program says. It may leave `scope` away, which gives all that was asked for; an empty list gives nothing optional.
fn of_json(value: Value) -> Result<Submission, Refused> {
    let said = value.get("scope").is_some();
    let params = flat(value)?;
    of(&params, said.then(|| ticked(&params))).map_err(Refused::WrongType)
}

fn ticked(params: &Params) -> BTreeSet<String> {
    params.iter().filter(|(name, _)| *name == "scope").map(|(_, value)| value.to_owned()).collect()
}

/// A JSON object as the form that it stands for: texts, whole numbers, lists of texts for `scope`, and yes or
/// no for the box.
fn flat(value: Value) -> Result<Params, Refused> {
    let Value::Object(members) = value else { return Err(Refused::WrongType("the body".to_owned())) };
    let mut pairs = Vec::with_capacity(members.len());
    for (name, value) in members {
        match value {
            Value::String(text) if text.len() <= Params::MAX_VALUE => pairs.push((name, text)),
            Value::Number(number) if number.is_i64() => pairs.push((name, number.to_string())),
            // A box is ticked or not.
            Value::Bool(ticked) if name == REMEMBER => pairs.extend(ticked.then(|| (name, "yes".to_owned()))),
            Value::Array(items) if name == "scope" => {
                for item in items {
                    let Value::String(text) = item else { return Err(Refused::WrongType(name)) };
                    pairs.push((name.clone(), text));
                }
            }
            _ => return Err(Refused::WrongType(name)),
        }
    }
    Ok(pairs.into_iter().collect())
}

/// Reads a submission; the error names the field that cannot be read.
fn of(params: &Params, scopes: Option<BTreeSet<String>>) -> Result<Submission, String> {
    let number = |name: &str| params.get(name).map(|text| text.parse::<i64>().map_err(|_| name.to_owned())).transpose();
    let repeated = params.iter().map(|(name, _)| name).find(|name| *name != "scope" && params.is_repeated(name));
    if let Some(name) = repeated {
        return Err(name.to_owned());
    }
    let version = number("version")?.unwrap_or_default();
    let csrf = params.get(csrf::FIELD).unwrap_or_default().to_owned();
    let challenge = params.get("challenge").map(str::parse::<ChallengeId>).transpose();
    let challenge = challenge.map_err(|_| "challenge".to_owned())?;
    let position = |name: &str| match number(name)? {
        Some(index) => usize::try_from(index).map(Some).map_err(|_| name.to_owned()),
        None => Ok(None),
    };
    if let (None, Some(wished)) = (params.get("decision"), position("besides")?) {
        return Ok(Submission { version, csrf, challenge, act: Act::Wish(Some(wished)) });
    }
    let act = match (params.get("decision"), position("alternative")?, params.get("action")) {
        (Some(decision), _, _) => Act::Decide(decide(decision, scopes)?),
        (None, Some(index), _) => Act::Choose(Some(index)),
        (None, None, Some("resend")) => Act::Resend,
        (None, None, Some("choose")) => Act::Choose(None),
        (None, None, Some("not_now")) => Act::Wish(None),
        (None, None, None | Some("answer")) => Act::Answer(answer(params, version, challenge)),
        (None, None, Some(_)) => return Err("action".to_owned()),
    };
    Ok(Submission { version, csrf, challenge, act })
}

fn answer(params: &Params, version: i64, challenge: Option<ChallengeId>) -> Answer {
    let fields: Fields = params.iter().filter(|(name, _)| !OURS.contains(name)).collect();
    Answer { version, challenge, fields }
}

fn decide(decision: &str, scopes: Option<BTreeSet<String>>) -> Result<Decision, String> {
    match decision {
        "allow" => Ok(Decision { allow: true, scopes }),
        "deny" => Ok(Decision { allow: false, scopes: None }),
        _ => Err("decision".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_form(body: &str) -> Result<Submission, String> {
        of_form(&Params::parse(body.as_bytes()).unwrap())
    }

    fn read_json(value: Value) -> Result<Submission, String> {
        let wrong = |refused| match refused {
            Refused::WrongType(name) => name,
            Refused::Form(error) => error.to_string(),
        };
        of_json(value).map_err(wrong)
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = read_form("version=3&csrf=t&username=alice&password=secret").unwrap();
        let json = read_json(json!({"version": 3, "csrf": "t", "username": "alice", "password": "secret"})).unwrap();
        for read in [form, json] {
            let Act::Answer(answer) = read.act else { panic!("an answer") };
            assert_eq!((read.version, read.csrf.as_str()), (3, "t"));
            assert_eq!((answer.fields.get("username"), answer.fields.get("password")), ("alice", "secret"));
            assert_eq!(answer.fields.get("csrf"), "", "our own names are no fields");
        }
    }

    #[test]
    fn a_058_a_member_of_the_wrong_type_is_named() {
        for (body, name) in [
            (json!([]), "the body"),
            (json!({"password": ["secret"]}), "password"),
            (json!({"password": null}), "password"),
            (json!({"password": true}), "password"),
            (json!({"code": {"is": 1}}), "code"),
            (json!({"version": "x"}), "version"),
            (json!({"version": 1.5}), "version"),
            (json!({"alternative": -1}), "alternative"),
            (json!({"besides": -1}), "besides"),
            (json!({"besides": "all"}), "besides"),
            (json!({"challenge": "x"}), "challenge"),
            (json!({"action": "skip"}), "action"),
            (json!({"decision": "maybe"}), "decision"),
            (json!({"scope": [1]}), "scope"),
        ] {
            assert_eq!(read_json(body).unwrap_err(), name);
        }
    }

    #[test]
    fn the_wish_to_be_remembered_is_a_box_or_a_yes() {
        let wished = |read: Result<Submission, String>| match read.unwrap().act {
            Act::Answer(answer) => answer.fields.get(REMEMBER).to_owned(),
            _ => panic!("an answer"),
        };
        assert_eq!(wished(read_form("code=1&remember_device=yes")), "yes");
        assert_eq!(wished(read_json(json!({"code": "1", "remember_device": true}))), "yes");
        assert_eq!(wished(read_json(json!({"code": "1", "remember_device": false}))), "");
    }

    #[test]
    fn a_wish_is_read_and_taken_back_and_is_no_answer() {
        for read in [read_form("version=3&besides=1").unwrap(), read_json(json!({"besides": 1})).unwrap()] {
            assert!(matches!(read.act, Act::Wish(Some(1))), "{read:?}");
        }
        let back = read_json(json!({"action": "not_now"})).unwrap();
        assert!(matches!(back.act, Act::Wish(None)), "{back:?}");
    }

    #[test]
    fn a_repeated_field_is_refused() {
        assert_eq!(read_form("password=a&password=b").unwrap_err(), "password");
        assert!(read_form("decision=allow&scope=openid&scope=email").is_ok());
    }

    #[test]
    fn what_is_not_ticked_is_not_given() {
        let Act::Decide(some) = read_form("decision=allow&scope=openid").unwrap().act else { panic!("a decision") };
        assert_eq!(some, Decision { allow: true, scopes: Some(["openid".to_owned()].into()) });
        let Act::Decide(none) = read_form("decision=allow").unwrap().act else { panic!("a decision") };
        assert_eq!(none, Decision { allow: true, scopes: Some(BTreeSet::new()) });
        let Act::Decide(no) = read_form("decision=deny&scope=openid").unwrap().act else { panic!("a decision") };
        assert!(!no.allow && no.scopes.is_none());
    }

    #[test]
    fn a_program_gives_all_only_by_not_speaking_of_scopes() {
        for (body, scopes) in [
            (json!({"decision": "allow"}), None),
            (json!({"decision": "allow", "scope": []}), Some(BTreeSet::new())),
            (json!({"decision": "allow", "scope": ["email"]}), Some(["email".to_owned()].into())),
        ] {
            let Act::Decide(decision) = read_json(body).unwrap().act else { panic!("a decision") };
            assert_eq!(decision, Decision { allow: true, scopes });
        }
    }
}
