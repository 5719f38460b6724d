//! What a user's fields must be, whoever writes them: a form of the console, or a program.

use vestibule_authn_smsotp::parse_number;
use vestibule_core::user::{LoginName, User};

use super::{FieldFault, Role};
use crate::declare::is_email;

/// The most characters of a name to show, of a group and of a role.
const LONGEST: usize = 128;
/// The most groups, and the most roles, that somebody has.
const MOST: usize = 200;
/// What the names of this server's own roles begin with, however they are written.
const OWN: &str = "vestibule:";

/// Whether a role is one of this server's own, or pretends to be.
pub fn is_own_role(role: &str) -> bool {
    role.trim().to_lowercase().starts_with(OWN)
}

/// This server's own roles among a user's.
pub fn own_roles(roles: &[String]) -> Vec<String> {
    let mut own: Vec<String> = roles.iter().filter(|role| is_own_role(role)).cloned().collect();
    own.sort();
    own.dedup();
    own
}

/// A user name.
pub fn username(text: &str) -> Result<LoginName, FieldFault> {
    let wrong = "a user name has 1 to 255 bytes and no control characters";
    LoginName::parse(text).ok_or_else(|| FieldFault::new("/username", wrong))
}

/// A number in E.164, whatever spaces it is written with.
pub fn phone_number(text: &str) -> Result<String, FieldFault> {
    let number = parse_number(text, None).map(|number| number.as_str().to_owned());
    let how = "write it with + and the country code, such as +1 202 555 0142";
    number.map_err(|error| FieldFault::new("/phone_number", format!("{error}: {how}")))
}

/// Everything that is wrong with a user's fields; their number is canonical afterwards.
pub fn faults(user: &User) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut unless = |good: bool, pointer: &str, detail: &str| {
        if !good {
            faults.push(FieldFault::new(pointer, detail));
        }
    };
    let shown = user.display_name.as_deref().is_none_or(is_line);
    unless(shown, "/display_name", "a name has 1 to 128 characters, none of them a control character");
    unless(user.email.as_deref().is_none_or(is_email), "/email", "write it as name@example.com");
    unless(
        user.email.is_some() || !user.email_verified,
        "/email_verified",
        "there is no e-mail address to be verified",
    );
    unless(
        user.phone_number.is_some() || !user.phone_number_verified,
        "/phone_number_verified",
        "there is no number to be verified",
    );
    unless(user.locale.as_deref().is_none_or(is_locale), "/locale", "write a language tag, such as en or pt-BR");
    unless(user.groups.len() <= MOST, "/groups", "somebody is in 200 groups at most");
    unless(user.roles.len() <= MOST, "/roles", "somebody has 200 roles at most");
    for (field, names) in [("groups", &user.groups), ("roles", &user.roles)] {
        for (position, name) in names.iter().enumerate() {
            let detail = "a name has 1 to 128 characters, no space around it and no control character";
            unless(is_line(name) && name.trim() == name, &format!("/{field}/{position}"), detail);
        }
    }
    for (position, role) in user.roles.iter().enumerate() {
        let known = !is_own_role(role) || Role::of(role).is_some();
        unless(known, &format!("/roles/{position}"), "this server has no such role");
    }
    faults
}

/// Whether a text is a name to show: one line, not too long, and something on it.
pub fn is_line(text: &str) -> bool {
    (1..=LONGEST).contains(&text.chars().count()) && !text.chars().any(char::is_control) && !text.trim().is_empty()
}

/// The shape of BCP 47, not its registry.
fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts
        .next()
        .is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let rest = parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    language && rest && tag.len() <= 35
}

/// A list without the names that it has twice.
pub fn once_each(names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use vestibule_core::{id::UserId, time::Time};

    use super::*;

    #[test]
    fn each_fault_has_its_place() {
        let good = User::new(UserId(uuid::Uuid::nil()), LoginName::parse("ada").unwrap(), Time(0));
        assert_eq!(faults(&good), []);
        let of = |change: &dyn Fn(&mut User)| {
            let mut user = good.clone();
            change(&mut user);
            faults(&user).into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(of(&|user| user.display_name = Some("a\nb".into())), ["/display_name"]);
        assert_eq!(of(&|user| user.email = Some("nobody".into())), ["/email"]);
        assert_eq!(of(&|user| user.email_verified = true), ["/email_verified"]);
        assert_eq!(of(&|user| user.phone_number_verified = true), ["/phone_number_verified"]);
        assert_eq!(of(&|user| user.locale = Some("en_US".into())), ["/locale"]);
        assert_eq!(of(&|user| user.groups = vec!["a".into(), " b".into()]), ["/groups/1"]);
        assert_eq!(of(&|user| user.roles = vec!["Vestibule:Owner".into()]), ["/roles/0"]);
        assert_eq!(of(&|user| user.roles = vec!["vestibule:root".into()]), ["/roles/0"]);
        assert_eq!(of(&|user| user.roles = vec!["editor".into(); 201]), ["/roles"]);
        assert!(phone_number("0170 123").is_err());
    }
}
