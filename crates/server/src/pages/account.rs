//! What the pages of the user portal show, as types.

use serde::Serialize;
use vestibule_core::prompt::Text;

use super::{DeviceRow, Moment, Notice, Person, SessionRow, Tone, model::Body};

/// The portal's first page: is my account safe, and where am I signed in?
#[derive(Clone, Debug, Serialize)]
pub struct Home {
    /// Who is signed in.
    pub user: Person,
    /// How safe the account is, the worst first.
    pub checks: Vec<Check>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number, masked.
    pub phone: Option<String>,
    /// Where they are signed in; the present browser first.
    pub sessions: Vec<SessionRow>,
    /// Where they are remembered.
    pub devices: Vec<DeviceRow>,
    /// What was just done.
    pub notice: Option<Notice>,
    /// The portal's paths.
    pub paths: Paths,
}

/// Where the portal's pages are.
#[derive(Clone, Debug, Serialize)]
pub struct Paths {
    /// The first page; there the sign-out buttons are posted to, too: `session` names one, `everywhere` the others; `device`
    /// names one that is to be forgotten.
    pub home: String,
    /// Where signing out of this browser is posted to.
    pub logout: String,
    /// The ways to sign in.
    pub factors: String,
    /// The password.
    pub password: String,
    /// What happened.
    pub activity: String,
    /// The applications that one let in.
    pub apps: String,
    /// Who one is.
    pub profile: String,
    /// Taking one's data along, and leaving.
    pub data: String,
    /// Where one goes to prove that it is them.
    pub confirm: String,
}

/// One thing about an account that is good or could be better.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// How it is meant.
    pub tone: Tone,
    /// What is said.
    pub text: Text,
    /// Since when.
    pub at: Option<Moment>,
    /// Where it is made better.
    pub better: Option<Better>,
}

/// Where something is made better.
#[derive(Clone, Debug, Serialize)]
pub struct Better {
    /// The path.
    pub href: String,
    /// What to do there.
    pub text: Text,
}

/// The ways to sign in.
#[derive(Clone, Debug, Serialize)]
pub struct Factors {
    /// What there is, the password first.
    pub factors: Vec<FactorRow>,
    /// Their kinds, the one that is opened first before the others; the action is the name of each.
    pub order: Vec<Enrol>,
    /// Where a change of that order goes.
    pub reorder: String,
    /// Whether they have said so, and not only what comes first by itself.
    pub ordered: bool,
    /// What can be set up.
    pub ways: Vec<Enrol>,
    /// What was just done.
    pub notice: Option<Done>,
    /// Which passkeys are theirs, as the browser is told (JSON); `None` where that is not known for sure.
    pub accepted: Option<String>,
    /// The portal's paths.
    pub paths: Paths,
}

/// Something done about a way to sign in.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// What was done.
    pub text: Text,
    /// To which way; `None` where it is not known any more.
    pub which: Option<Text>,
}

/// A way to sign in that somebody has.
#[derive(Clone, Debug, Serialize)]
pub struct FactorRow {
    /// How it is called.
    pub label: Text,
    /// The name that its owner gave it, or its number, masked.
    pub name: Option<String>,
    /// What else is to be told of it.
    pub about: Option<Text>,
    /// Since when they have it.
    pub since: Option<Moment>,
    /// Whether it works: a number that nobody proved does not.
    pub usable: bool,
    /// How often it can still be used, where that has an end.
    pub left: Option<usize>,
    /// Its own page.
    pub href: String,
}

/// A way that can be set up.
#[derive(Clone, Debug, Serialize)]
pub struct Enrol {
    /// Where that is posted to.
    pub action: String,
    /// How it is called.
    pub label: Text,
}

/// One way to sign in: to be renamed, or taken away.
#[derive(Clone, Debug, Serialize)]
pub struct Factor {
    /// Which.
    pub factor: FactorRow,
    /// Where its new name is posted to; `None` where it has none.
    pub rename: Option<String>,
    /// Where one is sent from to see whether it works; `None` where a try would use it up.
    pub test: Option<String>,
    /// Where its removal is posted to.
    pub remove: String,
    /// Whether the person proved a moment ago that it is them. If not, they are asked to.
    pub fresh: bool,
    /// What did not work.
    pub fault: Option<Text>,
    /// The portal's paths.
    pub paths: Paths,
}

/// Changing the password.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePassword {
    /// Whose.
    pub username: String,
    /// The fewest characters.
    pub minimum: usize,
    /// Whether there is one that is to be given first.
    pub has_password: bool,
    /// Whether the person proved a moment ago that it is them. If not, they are asked to.
    pub fresh: bool,
    /// What is wrong.
    pub fault: Option<Text>,
    /// When it may be tried again.
    pub at: Option<Moment>,
    /// Whether it is changed.
    pub done: bool,
    /// The portal's paths.
    pub paths: Paths,
}

/// What happened to an account.
#[derive(Clone, Debug, Serialize)]
pub struct Activity {
    /// Newest first.
    pub events: Vec<EventRow>,
    /// Where the older ones are.
    pub older: Option<String>,
    /// Where the newest ones are, on a page of older ones.
    pub newest: Option<String>,
    /// Whether somebody just said that it was not them.
    pub disowned: bool,
    /// The portal's paths.
    pub paths: Paths,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    /// The value of `button[name=event]`.
    pub id: String,
    /// When.
    pub at: Moment,
    /// What.
    pub text: Text,
    /// By which way to sign in.
    pub way: Option<Text>,
    /// At which application.
    pub app: Option<String>,
    /// Where it came from.
    pub network: Option<String>,
    /// Whether somebody else could have done it.
    pub deniable: bool,
}

impl Body for Home {
    const TEMPLATE: &'static str = "home";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}

impl Body for Factors {
    const TEMPLATE: &'static str = "factors";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        std::iter::once("time.js").chain(self.accepted.is_some().then_some("signal.js")).collect()
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}

impl Body for Factor {
    const TEMPLATE: &'static str = "factor";
    const WIDE: bool = true;
    fn title(&self) -> Text {
        self.factor.label.clone()
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}

impl Body for ChangePassword {
    const TEMPLATE: &'static str = "change-password";
    fn title(&self) -> Text {
        Text::new(if self.done { "change-password.done-title" } else { "change-password.title" })
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn scripts(&self) -> Vec<&'static str> {
        vec!["password.js", "time.js"]
    }
}

impl Body for Activity {
    const TEMPLATE: &'static str = "activity";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
    fn style(&self) -> Option<&'static str> {
        Some("account.css")
    }
}
