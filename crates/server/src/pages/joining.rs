//! The pages by which people come to be users: creating an account, and taking up an invitation.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use vestibule_core::prompt::Text;

use super::{Link, Moment, model::Body};

/// Creating an account: which of its pages, and what is typed there already.
#[derive(Clone, Debug, Serialize)]
pub struct Register {
    /// Which page.
    pub stage: Stage,
    /// The path that it is posted to.
    pub action: String,
    /// Which application somebody came from.
    pub app: Option<String>,
    /// What is wrong with what was typed.
    #[serde(serialize_with = "Fault::or_none")]
    pub fault: Option<Fault>,
    /// The name to show, as it was typed.
    pub name: String,
    /// The address or number, as it was typed; on the later pages the one that the code went to.
    pub contact: String,
    /// Whether it is a number.
    pub phone: bool,
    /// What has to be agreed to.
    pub terms: Vec<Term>,
    /// For how many minutes the code works.
    pub minutes: u32,
    /// From when on another message may be asked for; none when it may now.
    pub again_at: Option<Moment>,
    /// The name to sign in with, as it was typed.
    pub username: String,
    /// Whether one has to be chosen: a number is none.
    pub needs_username: bool,
    /// The fewest characters of a password.
    pub minimum: usize,
    /// Where to go on: to sign in, or to begin anew.
    pub next: String,
}

/// A page of creating an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Who one is and where one is reached.
    #[default]
    Address,
    /// The code that was sent there.
    Code,
    /// The password.
    Account,
    /// It is there.
    Done,
    /// Nothing can come of it any more.
    Over,
}

/// What has to be agreed to, with the page that says it.
#[derive(Clone, Debug, Serialize)]
pub struct Term {
    /// Where it stands.
    pub href: String,
    /// What it is called.
    pub label: Text,
}

/// What is wrong, and with which input.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The words.
    pub text: Text,
    /// The name of the input; empty when it is none.
    pub field: &'static str,
    /// When it is over.
    pub at: Option<Moment>,
}

impl Fault {
    /// A template asks which input is at fault, whether one is or not.
    fn or_none<S: Serializer>(fault: &Option<Self>, to: S) -> Result<S::Ok, S::Error> {
        let text = fault.as_ref().map(|fault| &fault.text);
        let field = fault.as_ref().map_or("", |fault| fault.field);
        let at = fault.as_ref().and_then(|fault| fault.at.as_ref());
        let mut said = to.serialize_struct("Fault", 3)?;
        said.serialize_field("text", &text)?;
        said.serialize_field("field", field)?;
        said.serialize_field("at", &at)?;
        said.end()
    }
}

/// An invitation: who invites, and choosing a password.
#[derive(Clone, Debug, Serialize)]
pub struct Invitation {
    /// The path that the password is posted to.
    pub action: String,
    /// Who invites.
    pub by: String,
    /// To which application; none where it is to this server alone.
    pub app: Option<String>,
    /// Whom.
    pub username: String,
    /// The fewest characters.
    pub minimum: usize,
    /// What is wrong with the password that was typed.
    pub fault: Option<Text>,
    /// Whether it was taken up.
    pub done: bool,
    /// Where to go on.
    pub back: Option<Link>,
}

impl Body for Register {
    const TEMPLATE: &'static str = "register";
    fn title(&self) -> Text {
        Text::new(match self.stage {
            Stage::Address => "register.title",
            Stage::Code => "register.code-title",
            Stage::Account => "register.account-title",
            Stage::Done => "register.done-title",
            Stage::Over => "register.over-title",
        })
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn scripts(&self) -> Vec<&'static str> {
        match self.stage {
            Stage::Code => vec!["otp.js", "time.js"],
            Stage::Account => vec!["password.js"],
            Stage::Address => vec!["time.js"],
            Stage::Done | Stage::Over => Vec::new(),
        }
    }
}

impl Body for Invitation {
    const TEMPLATE: &'static str = "invitation";
    fn title(&self) -> Text {
        Text::new(if self.done { "invitation.done-title" } else { "invitation.title" })
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn scripts(&self) -> Vec<&'static str> {
        if self.done { Vec::new() } else { vec!["password.js"] }
    }
}
