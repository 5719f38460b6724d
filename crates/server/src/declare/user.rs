//! `[[user]]`: a person who can sign in. What is left out stays as it is: people change their own profile.

use serde_json::Value as Json;
use vestibule_authn_password::Policy;
use vestibule_authn_smsotp::parse_number;
use vestibule_core::{
    id::UserId,
    random::Random,
    time::Time,
    user::{LoginName, User},
};

use super::{
    diff::Fields,
    password::{self, DeclaredPassword},
    secret::Secrets,
};
use crate::config::{Leaf, Reader, tree::Place};

/// A declared user.
#[derive(Clone, Debug)]
pub struct DeclaredUser {
    /// The name to sign in with.
    pub username: LoginName,
    /// See [`User`].
    pub display_name: Option<String>,
    /// See [`User`].
    pub email: Option<String>,
    /// See [`User`].
    pub email_verified: Option<bool>,
    /// See [`User`]; E.164.
    pub phone_number: Option<String>,
    /// See [`User`].
    pub phone_number_verified: Option<bool>,
    /// See [`User`].
    pub locale: Option<String>,
    /// See [`User`].
    pub groups: Option<Vec<String>>,
    /// See [`User`].
    pub roles: Option<Vec<String>>,
    /// See [`User`].
    pub disabled: Option<bool>,
    /// The password; `None` when it stays as it is.
    pub password: Option<DeclaredPassword>,
    /// Where it is declared.
    pub place: Place,
}

impl Leaf for LoginName {
    const WANTED: &'static str = "a name of at most 255 bytes without control characters";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

pub(super) fn read(
    reader: &Reader<'_>,
    place: &Place,
    secrets: &Secrets<'_>,
    policy: Option<&Policy>,
) -> Option<DeclaredUser> {
    let username = reader.required::<LoginName>("username", place);
    let user = DeclaredUser {
        username: username.clone().or_else(|| LoginName::parse("x"))?,
        display_name: reader.optional("display_name"),
        email: email(reader),
        email_verified: reader.optional("email_verified"),
        phone_number: phone_number(reader),
        phone_number_verified: reader.optional("phone_number_verified"),
        locale: reader.optional("locale"),
        groups: reader.list("groups"),
        roles: reader.list("roles"),
        disabled: reader.optional("disabled"),
        password: None,
        place: place.clone(),
    };
    let names = [Some(user.username.as_str()), user.email.as_deref(), user.display_name.as_deref()];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    let password = password::read(reader, secrets, policy, &names);
    username.map(|_| DeclaredUser { password, ..user })
}

fn email(reader: &Reader<'_>) -> Option<String> {
    let email = reader.optional::<String>("email")?;
    if !is_email(&email) {
        reader.refuse("email", "is no e-mail address", "Write it as `name@example.com`.");
    }
    Some(email)
}

/// Whether a text has the shape of an e-mail address, and can be a name to sign in with.
pub(crate) fn is_email(email: &str) -> bool {
    let shaped = email
        .split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.contains('@'));
    shaped && LoginName::parse(email).is_some() && !email.contains(char::is_whitespace)
}

fn phone_number(reader: &Reader<'_>) -> Option<String> {
    let text = reader.optional::<String>("phone_number")?;
    match parse_number(&text, None) {
        Ok(number) => Some(number.as_str().to_owned()),
        Err(error) => {
            reader.refuse(
                "phone_number",
                error.to_string(),
                "Write it with + and country code, such as `+1 202 555 0142`.",
            );
            None
        }
    }
}

impl DeclaredUser {
    /// A user of whom nothing is said but the name.
    pub fn new(username: LoginName, place: Place) -> Self {
        Self {
            username,
            display_name: None,
            email: None,
            email_verified: None,
            phone_number: None,
            phone_number_verified: None,
            locale: None,
            groups: None,
            roles: None,
            disabled: None,
            password: None,
            place,
        }
    }

    /// The user as they shall be, given who they are.
    pub(crate) fn wanted(&self, current: Option<&User>, now: Time, random: &dyn Random) -> User {
        let user = current.cloned().unwrap_or_else(|| User::new(UserId::new(now, random), self.username.clone(), now));
        let number = self.phone_number.clone().or_else(|| user.phone_number.clone());
        // A number that an admin declares is vouched for, unless the declaration says otherwise.
        let same_number = number == user.phone_number;
        let vouched = if same_number && current.is_some() { user.phone_number_verified } else { number.is_some() };
        let email = self.email.clone().or_else(|| user.email.clone());
        let proved = email == user.email && user.email_verified;
        let wanted = User {
            display_name: self.display_name.clone().or_else(|| user.display_name.clone()),
            email_verified: self.email_verified.unwrap_or(proved),
            phone_number_verified: self.phone_number_verified.unwrap_or(vouched),
            locale: self.locale.clone().or_else(|| user.locale.clone()),
            groups: self.groups.clone().unwrap_or_else(|| user.groups.clone()),
            roles: self.roles.clone().unwrap_or_else(|| user.roles.clone()),
            disabled: self.disabled.unwrap_or(user.disabled),
            phone_number_changed_at: user.number_changed_at(number.as_deref(), now),
            phone_number: number,
            email,
            ..user.clone()
        };
        if wanted == user { wanted } else { User { updated_at: now, ..wanted } }
    }
}

/// What is not declared, but made.
const OWN: [&str; 4] = ["id", "created_at", "updated_at", "phone_number_changed_at"];

/// The fields of a user under the names that a declaration gives them.
pub(super) fn fields(user: &User) -> Fields {
    let mut fields = Fields::default();
    if let Ok(Json::Object(map)) = serde_json::to_value(user) {
        for (key, value) in map.into_iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
            let verified = matches!(key.as_str(), "phone_number_verified" | "email_verified");
            let empty =
                value.is_null() || value == Json::Array(Vec::new()) || (value == Json::Bool(false) && !verified);
            if !empty {
                fields.plain(&key, value);
            }
        }
    }
    fields
}
