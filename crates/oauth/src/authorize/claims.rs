//! The `claims` parameter (OpenID Connect Core, section 5.5): single claims, beside those that scopes stand for.
//!
//! `acr` says how strongly somebody has to authenticate, and `sub` who; both go to the engine. Every other claim is told where the
//! scopes that the person agreed to cover it, and left out where they do not: a parameter that no consent page shows must not tell
//! more than the page did. So at UserInfo, which tells all that the scopes cover, there is nothing to do; in an ID token, which
//! says no more than it must, a claim is told when it was asked for. `auth_time` is always there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vestibule_core::{id::UserId, interaction::AcrClaim};

use crate::{
    claims::SCOPES,
    errors::{ErrorCode, Problem},
    params::Params,
};

/// The longest parameter, in bytes.
const MAX_BYTES: usize = 4096;
/// The most claims in a member.
const MAX_CLAIMS: usize = 64;
/// The most values of a claim.
const MAX_VALUES: usize = 20;
/// How deep it may be. What is asked of a claim is at the third level, its values at the fourth.
const MAX_DEPTH: usize = 8;

/// What the parameter comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimsAsked {
    /// The authentication context class asked for.
    pub acr: Option<AcrClaim>,
    /// Only this user will do.
    pub sub: Option<UserId>,
    /// The claims about the person that are asked for in the ID token.
    pub id_token: BTreeSet<String>,
}

/// What is asked of one claim.
#[derive(Default)]
struct Wanted<'a> {
    essential: bool,
    values: Vec<&'a Value>,
}

pub(super) fn check(params: &Params) -> Result<ClaimsAsked, Problem> {
    let Some(text) = params.get("claims") else { return Ok(ClaimsAsked::default()) };
    if text.len() > MAX_BYTES {
        return Err(Problem::invalid("claims is too long"));
    }
    let root: Value = serde_json::from_str(text).map_err(|_| Problem::invalid("claims is not JSON"))?;
    if depth(&root) > MAX_DEPTH {
        return Err(Problem::invalid("claims is nested too deep"));
    }
    let root = root.as_object().ok_or_else(malformed)?;
    // Nothing is done for what is asked of UserInfo, but that it makes sense is checked.
    member(root, "userinfo")?;
    let mut asked = ClaimsAsked::default();
    for (name, wanted) in member(root, "id_token")? {
        match name {
            "acr" => asked.acr = Some(AcrClaim { values: texts(&wanted)?, essential: wanted.essential }),
            "sub" => asked.sub = sub(&wanted)?,
            name if is_about_the_person(name) => drop(asked.id_token.insert(name.to_owned())),
            // A claim that is not known, or that every ID token has (section 5.5: what is not understood is passed over).
            _ => {}
        }
    }
    Ok(asked)
}

fn malformed() -> Problem {
    Problem::invalid("claims is not as OpenID Connect Core, section 5.5, has it")
}

fn is_about_the_person(name: &str) -> bool {
    SCOPES.iter().any(|(_, claims)| claims.contains(&name))
}

/// The claims of a top-level member; none when it is absent or null.
fn member<'a>(root: &'a Map<String, Value>, name: &str) -> Result<Vec<(&'a str, Wanted<'a>)>, Problem> {
    match root.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(claims)) if claims.len() <= MAX_CLAIMS => {
            claims.iter().map(|(name, wanted)| Ok((name.as_str(), Wanted::read(wanted)?))).collect()
        }
        Some(Value::Object(_)) => Err(Problem::invalid("claims asks for too many")),
        Some(_) => Err(malformed()),
    }
}

impl<'a> Wanted<'a> {
    /// `null`, or an object with `essential`, `value` and `values` (section 5.5.1).
    fn read(wanted: &'a Value) -> Result<Self, Problem> {
        let Value::Object(wanted) = wanted else {
            return if wanted.is_null() { Ok(Self::default()) } else { Err(malformed()) };
        };
        let essential =
            wanted.get("essential").map(|essential| essential.as_bool().ok_or_else(malformed)).transpose()?;
        let several = wanted.get("values").map(|values| values.as_array().ok_or_else(malformed)).transpose()?;
        let values: Vec<_> = wanted.get("value").into_iter().chain(several.into_iter().flatten()).collect();
        if values.len() > MAX_VALUES {
            return Err(Problem::invalid("claims has too many values"));
        }
        Ok(Self { essential: essential.unwrap_or(false), values })
    }
}

fn texts(wanted: &Wanted<'_>) -> Result<Vec<String>, Problem> {
    wanted.values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(malformed)).collect()
}

/// The user whom the client expects: nobody else will do, essential or not (section 3.1.2.2).
fn sub(wanted: &Wanted<'_>) -> Result<Option<UserId>, Problem> {
    match texts(wanted)?.as_slice() {
        [] => Ok(None),
        [one] => {
            one.parse().map(Some).map_err(|_| Problem::new(ErrorCode::LoginRequired, "there is no user of that sub"))
        }
        _ => Err(Problem::invalid("claims asks for more than one sub")),
    }
}

/// How deep a value is nested. The JSON reader has a limit of its own, so this ends.
fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    below.unwrap_or(0).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &str) -> Result<ClaimsAsked, Problem> {
        check(&[("claims", claims)].into_iter().collect())
    }

    fn acr(claims: &str) -> AcrClaim {
        read(claims).unwrap().acr.unwrap()
    }

    #[test]
    fn an_acr_is_a_wish_unless_it_is_essential() {
        let wish = |values: &[&str], essential| AcrClaim {
            values: values.iter().map(|v| (*v).to_owned()).collect(),
            essential,
        };
        assert_eq!(acr(r#"{"id_token":{"acr":null}}"#), wish(&[], false));
        assert_eq!(acr(r#"{"id_token":{"acr":{"value":"a"}}}"#), wish(&["a"], false));
        assert_eq!(acr(r#"{"id_token":{"acr":{"essential":false,"values":["a","b"]}}}"#), wish(&["a", "b"], false));
        assert_eq!(acr(r#"{"id_token":{"acr":{"essential":true,"values":["a","b"]}}}"#), wish(&["a", "b"], true));
        assert_eq!(acr(r#"{"id_token":{"acr":{"essential":true,"value":"a"}},"userinfo":null}"#), wish(&["a"], true));
        // It is a claim of the ID token (section 5.5.1.1).
        assert_eq!(read(r#"{"userinfo":{"acr":{"essential":true,"value":"a"}}}"#).unwrap(), ClaimsAsked::default());
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for claims in [
            "{}",
            r#"{"id_token":{"auth_time":{"essential":true},"http://example.info/claims/groups":null,"name#ja":null}}"#,
            r#"{"userinfo":{"email":{"essential":true},"picture":null},"other":[1,{"x":2}]}"#,
            r#"{"id_token":{"nickname":{"essential":true,"purpose":"a greeting"}}}"#,
        ] {
            assert_eq!(read(claims).unwrap(), ClaimsAsked::default(), "{claims}");
        }
        let asked = read(r#"{"id_token":{"email":{"essential":true},"name":null}}"#).unwrap().id_token;
        assert_eq!(asked, ["email".to_owned(), "name".to_owned()].into());
    }

    #[test]
    fn what_is_malformed_or_too_much_is_refused() {
        let many: Vec<String> = (0..65).map(|n| format!(r#""c{n}":null"#)).collect();
        let long = format!(r#"{{"id_token":{{"acr":{{"value":"{}"}}}}}}"#, "a".repeat(4096));
        let deep = format!(r#"{{"userinfo":{{"address":{{"value":{}{}}}}}}}"#, "[".repeat(6), "]".repeat(6));
        let abyss = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
        for bad in [
            "x",
            "null",
            "[]",
            "\"{}\"",
            r#"{"id_token":[]}"#,
            r#"{"id_token":"acr"}"#,
            r#"{"userinfo":true}"#,
            r#"{"id_token":{"acr":true}}"#,
            r#"{"id_token":{"acr":"urn:vestibule:acr:2fa"}}"#,
            r#"{"id_token":{"acr":{"essential":"true","value":"a"}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"value":2}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"values":"a"}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"values":["a",1]}}}"#,
            r#"{"userinfo":{"email":1}}"#,
            r#"{"id_token":{"acr":{"value":"a"}}"#,
            &format!(r#"{{"id_token":{{{}}}}}"#, many.join(",")),
            &format!(r#"{{"id_token":{{"acr":{{"values":[{}]}}}}}}"#, vec!["\"a\""; 21].join(",")),
            &long,
            &deep,
            &abyss,
        ] {
            assert_eq!(read(bad).map_err(|problem| problem.code), Err(ErrorCode::InvalidRequest), "{bad:.80}");
        }
    }

    #[test]
    fn a_sub_is_one_user_or_nobody() {
        let alice = "01890000-0000-7000-8000-000000000000";
        let one = read(&format!(r#"{{"id_token":{{"sub":{{"value":"{alice}"}}}}}}"#)).unwrap();
        assert_eq!(one.sub, alice.parse().ok());
        assert_eq!(read(r#"{"id_token":{"sub":{"essential":true}}}"#).unwrap().sub, None);
        let nobody = read(r#"{"id_token":{"sub":{"value":"248289761001"}}}"#).unwrap_err();
        assert_eq!(nobody.code, ErrorCode::LoginRequired);
        let two = read(&format!(r#"{{"id_token":{{"sub":{{"values":["{alice}","{alice}"]}}}}}}"#)).unwrap_err();
        assert_eq!(two.code, ErrorCode::InvalidRequest);
    }
}
