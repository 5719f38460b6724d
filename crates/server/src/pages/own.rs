//! What the pages of the portal show on which people look after what is theirs: the applications that they let in, their profile,
//! and their data.

use serde::Serialize;
use vestibule_core::prompt::Text;

use super::{Enrol, Moment, Paths, Scope, model::Body};

/// The applications that somebody let in.
#[derive(Clone, Debug, Serialize)]
pub struct Apps {
    /// Each, by name.
    pub apps: Vec<AppRow>,
    /// Whether one was just shut out.
    pub withdrawn: bool,
    /// The portal's paths.
    pub paths: Paths,
}

/// One application that somebody let in.
#[derive(Clone, Debug, Serialize)]
pub struct AppRow {
    /// The value of `button[name=client]`.
    pub id: String,
    /// Its name, which its owner chose.
    pub name: String,
    /// The host of its own pages.
    pub host: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Since when.
    pub since: Moment,
    /// Whether the people who look after the server let it in for everybody: then it comes back with the next sign-in.
    pub vouched: bool,
}

/// What is known of somebody.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// The name to sign in with.
    pub username: String,
    /// The name to show, as it was typed.
    pub display_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether it is proved.
    pub email_verified: bool,
    /// The number, masked.
    pub phone: Option<String>,
    /// Whether it is proved.
    pub phone_verified: bool,
    /// The languages.
    pub locales: Vec<Language>,
    /// What is set up anew to change it: each is proved on the way.
    pub changes: Vec<Enrol>,
    /// Whether a file says how this account is.
    pub managed: bool,
    /// What is wrong.
    pub fault: Option<Text>,
    /// Whether it is saved.
    pub done: bool,
    /// Under which name the browser keeps their passkeys from now on (JSON); where it was changed just now.
    pub named: Option<String>,
    /// The portal's paths.
    pub paths: Paths,
}

/// A language to choose.
#[derive(Clone, Debug, Serialize)]
pub struct Language {
    /// The value of the option.
    pub value: String,
    /// Its name in that language itself; `None`: as the browser says.
    pub name: Option<String>,
    /// Whether it is the one.
    pub chosen: bool,
}

/// Taking one's data along, and deleting one's account.
#[derive(Clone, Debug, Serialize)]
pub struct OwnData {
    /// Whether the person proved a moment ago that it is them. If not, they are asked to.
    pub fresh: bool,
    /// Where the data is asked for.
    pub export: String,
    /// Where deleting is posted to; `None` where nobody may.
    pub delete: Option<String>,
    /// The name that is to be typed.
    pub username: String,
    /// What did not work.
    pub fault: Option<Text>,
    /// Whether that is about what was typed.
    pub typed_wrong: bool,
    /// The portal's paths.
    pub paths: Paths,
}

/// The account is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Deleted {}

impl Body for Apps {
    const TEMPLATE: &'static str = "apps";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}

impl Body for Profile {
    const TEMPLATE: &'static str = "profile";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        self.named.is_some().then_some("signal.js").into_iter().collect()
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}

impl Body for OwnData {
    const TEMPLATE: &'static str = "own-data";
    const WIDE: bool = true;
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}

impl Body for Deleted {
    const TEMPLATE: &'static str = "deleted";
}
