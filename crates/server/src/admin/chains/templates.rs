//! What a first chain may begin with. A template is a draft like any other: it is looked at, changed and published.

use serde_json::{Map, Value, json};
use vestibule_core::{
    chain::{Alternative, ChainDocument, EnrolPolicy, Step},
    channel::Connection,
    condition::Condition,
    prompt::Text,
};

use crate::admin::Role;

/// A template by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A password.
    Password,
    /// A password, then a code by SMS.
    PasswordSms,
    /// A password, then the code of an authenticator app, which who has none sets up on the way.
    PasswordTotp,
    /// A password, then a passkey or the code of an app, one of which who has neither sets up on the way.
    PasswordApp,
    /// A passkey, and a password for who has none.
    Passkey,
    /// A password and a code by SMS, but the code only from outside of a network.
    OutsideSms,
    /// A password, and the code when the application asks for two factors.
    StepUp,
    /// A password, and the code for those who administer this server.
    Admins,
}

impl Template {
    /// All of them, from the simplest.
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::PasswordSms,
        Self::PasswordTotp,
        Self::PasswordApp,
        Self::Passkey,
        Self::OutsideSms,
        Self::StepUp,
        Self::Admins,
    ];

    /// Its name, as forms carry it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordSms => "password_sms",
            Self::PasswordTotp => "password_totp",
            Self::PasswordApp => "password_app",
            Self::Passkey => "passkey",
            Self::OutsideSms => "outside_sms",
            Self::StepUp => "step_up",
            Self::Admins => "admins",
        }
    }

    /// The template of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    /// How it is called.
    pub fn title(self) -> Text {
        Text::new(&format!("chain_template.{}", self.name()))
    }

    /// What it does.
    pub fn about(self) -> Text {
        Text::new(&format!("chain_template.{}.about", self.name()))
    }

    /// The document, with the first SMS gateway that there is. Where there is none the check says so.
    pub fn document(self, connections: &[Connection]) -> ChainDocument {
        let sms = connections.iter().find(|connection| connection.kind == "sms");
        let connection = sms.map_or_else(|| "SMSOTP".into(), |connection| connection.name.clone());
        let code = Alternative {
            authenticator: "smsotp".into(),
            connection: Some(connection),
            settings: Map::new(),
            max_age: None,
        };
        let code = || Step::from(vec![code.clone()]);
        let second = match self {
            Self::Password | Self::Passkey => None,
            Self::PasswordSms => Some(code()),
            Self::PasswordTotp => {
                let app = Step::from(vec![Alternative::plain("totp")]);
                Some(Step { enrol: EnrolPolicy::Require, ..app })
            }
            Self::PasswordApp => {
                let either = Step::from(vec![Alternative::plain("passkey"), Alternative::plain("totp")]);
                Some(Step { enrol: EnrolPolicy::Require, ..either })
            }
            Self::OutsideSms => {
                Some(Step { when: condition(json!({ "network": "10.0.0.0/8", "not": true })), ..code() })
            }
            Self::StepUp => Some(Step { on_request: vec!["urn:vestibule:acr:2fa".to_owned()], ..code() }),
            Self::Admins => {
                let is = |role: Role| format!("'{}' in roles", role.name());
                let either = format!("{} || {}", is(Role::Owner), is(Role::Admin));
                Some(Step { when: condition(json!({ "cel": either })), ..code() })
            }
        };
        let passkey = (self == Self::Passkey).then(|| Alternative::plain("passkey"));
        let first = Step::from(passkey.into_iter().chain([Alternative::plain("password")]).collect::<Vec<_>>());
        ChainDocument { steps: std::iter::once(first).chain(second).collect(), demands: Vec::new() }
    }
}

/// The one condition that `value` says.
fn condition(value: Value) -> Vec<Condition> {
    serde_json::from_value(value).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_keeps_its_name_and_its_condition() {
        for template in Template::ALL {
            assert_eq!(Template::of(template.name()), Some(template));
            let document = template.document(&[]);
            assert_eq!(
                document.steps.len(),
                if matches!(template, Template::Password | Template::Passkey) { 1 } else { 2 },
                "{template:?}"
            );
        }
        for conditional in [Template::OutsideSms, Template::Admins] {
            let document = conditional.document(&[]);
            assert_eq!(document.steps[1].when.len(), 1, "{conditional:?}");
            assert_eq!(document.steps[1].when[0].check(), Ok(()), "{conditional:?}");
        }
        let app = &Template::PasswordTotp.document(&[]).steps[1];
        assert_eq!((app.alternatives[0].authenticator.as_str(), app.enrol), ("totp", EnrolPolicy::Require));
        let ways = |step: &Step| step.alternatives.iter().map(|way| way.authenticator.to_string()).collect::<Vec<_>>();
        assert_eq!(ways(&Template::Passkey.document(&[]).steps[0]), ["passkey", "password"]);
        let either = &Template::PasswordApp.document(&[]).steps[1];
        assert_eq!((ways(either), either.enrol), (vec!["passkey".to_owned(), "totp".to_owned()], EnrolPolicy::Require));
        assert_eq!(Template::of("none"), None);
    }
}
