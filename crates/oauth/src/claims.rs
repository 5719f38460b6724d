//! Which scope gives which claims about a person: one table, read by UserInfo and by discovery.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vestibule_core::user::User;

/// The scopes with a meaning of their own, and the claims that each gives (OpenID Connect Core, section 5.4).
pub const SCOPES: &[(&str, &[&str])] = &[
    ("openid", &["sub"]),
    ("profile", &["name", "preferred_username", "locale", "updated_at"]),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("groups", &["groups"]),
    ("roles", &["roles"]),
    ("offline_access", &[]),
];

/// The claims that every ID token has, beside those about the person.
pub const TOKEN_CLAIMS: &[&str] = &["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];

/// Whether a scope is about a person: a client that acts for itself cannot have it.
pub fn is_about_a_person(scope: &str) -> bool {
    SCOPES.iter().any(|(name, _)| *name == scope)
}

/// What `scopes` tell about a user. What is not known is left out, never null (OpenID Connect Core, section 5.3.2).
pub fn about(user: &User, scopes: &BTreeSet<String>) -> Map<String, Value> {
    let names = SCOPES.iter().filter(|(scope, _)| scopes.contains(*scope)).flat_map(|(_, claims)| *claims);
    names.filter_map(|name| Some(((*name).to_owned(), claim(user, name)?))).collect()
}

/// Of what `scopes` tell about a user, the claims named in `asked`; who the user is stands in every token.
pub fn about_as_asked(user: &User, scopes: &BTreeSet<String>, asked: &BTreeSet<String>) -> Map<String, Value> {
    about(user, scopes).into_iter().filter(|(name, _)| name != "sub" && asked.contains(name)).collect()
}

fn claim(user: &User, name: &str) -> Option<Value> {
    match name {
        "sub" => Some(user.id.to_string().into()),
        "name" => user.display_name.clone().map(Value::from),
        "preferred_username" => Some(user.username.as_str().into()),
        "locale" => user.locale.clone().map(Value::from),
        "updated_at" => Some(user.updated_at.unix_seconds().into()),
        "email" => user.email.clone().map(Value::from),
        "email_verified" => user.email.is_some().then(|| user.email_verified.into()),
        "phone_number" => user.phone_number.clone().map(Value::from),
        "phone_number_verified" => user.phone_number.is_some().then(|| user.phone_number_verified.into()),
        "groups" => Some(user.groups.clone().into()),
        "roles" => Some(user.roles.clone().into()),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use vestibule_core::{id::UserId, time::Time, user::LoginName};

    use super::*;

    pub(crate) fn alice() -> User {
        User {
            id: UserId(uuid::Uuid::from_u128(1)),
            username: LoginName::parse("alice").unwrap(),
            display_name: Some("Alice".into()),
            email: Some("alice@shop.example".into()),
            email_verified: true,
            phone_number: None,
            phone_number_verified: false,
            phone_number_changed_at: None,
            preferred: Vec::new(),
            locale: None,
            groups: vec!["staff".into()],
            roles: Vec::new(),
            disabled: false,
            created_at: Time(0),
            updated_at: Time::from_unix_seconds(5),
        }
    }

    fn names(scopes: &[&str]) -> Vec<String> {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        about(&alice(), &scopes).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_scope_gives_its_claims_and_no_more() {
        assert_eq!(names(&[]), Vec::<String>::new());
        assert_eq!(names(&["openid", "offline_access", "shop.read"]), ["sub"]);
        assert_eq!(names(&["email"]), ["email", "email_verified"]);
        assert_eq!(names(&["groups"]), ["groups"]);
    }

    #[test]
    fn a_claim_that_is_asked_for_alone_is_told_only_where_a_scope_covers_it() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let asked = set(&["sub", "email", "groups", "phone_number"]);
        let told = about_as_asked(&alice(), &set(&["openid", "email", "phone"]), &asked);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["email"]);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(names(&["phone"]), Vec::<String>::new());
        assert_eq!(names(&["profile"]), ["name", "preferred_username", "updated_at"]);
    }

    #[test]
    fn every_claim_of_the_table_is_made() {
        let mut user = alice();
        user.phone_number = Some("+15550100".into());
        user.locale = Some("en".into());
        for (_, claims) in SCOPES {
            assert!(claims.iter().all(|name| claim(&user, name).is_some()), "{claims:?}");
        }
    }
}
