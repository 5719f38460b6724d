//! What each page shows, as a type. Whatever a template may ask for is a field here; nothing is optional by being left out.

use serde::Serialize;
use vestibule_core::{chain::Seconds, prompt::Text};

use super::{
    account::{Activity, ChangePassword, Factor, Factors, Home},
    exhibit::{Exhibit, Passkey},
    joining::{Invitation, Register},
    moment::Moment,
    own::{Apps, Deleted, OwnData, Profile},
};

/// A page.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a page is made, drawn and dropped: there is never more than one of a request"
)]
pub enum Page {
    /// A step is due: sign in, say who you are, type a code.
    Step(Step),
    /// A step can be passed in several ways, and none is chosen yet.
    Choose(Choose),
    /// An application asks for something that the person has to allow.
    Consent(Consent),
    /// This person cannot pass a step, whatever they do here.
    NoWay(NoWay),
    /// An interaction that nothing can be done with any more.
    Ended(Ended),
    /// Whether to sign out.
    ConfirmLogout(ConfirmLogout),
    /// Signed out.
    SignedOut(SignedOut),
    /// Choosing a password by a link.
    NewPassword(NewPassword),
    /// Creating an account.
    Register(Register),
    /// Taking up an invitation.
    Invitation(Invitation),
    /// Asking for such a link.
    ForgotPassword(ForgotPassword),
    /// Something cannot be done, and no application can be told.
    Error(ErrorPage),
    /// The portal: is my account safe, where am I signed in.
    Home(Home),
    /// The portal: the ways to sign in.
    Factors(Factors),
    /// The portal: one of them.
    Factor(Factor),
    /// The portal: changing the password.
    ChangePassword(ChangePassword),
    /// The portal: what happened.
    Activity(Activity),
    /// The portal: the applications that one let in.
    Apps(Apps),
    /// The portal: who one is.
    Profile(Profile),
    /// The portal: taking one's data along, and leaving.
    OwnData(OwnData),
    /// The account is gone.
    Deleted(Deleted),
    /// What somebody sees who types the server's address.
    Landing(Landing),
    /// Messages that a development server kept instead of sending them.
    Outbox(Outbox),
    /// The built-in relying party.
    Demo(Demo),
    /// All pages in all states.
    Gallery(Gallery),
    /// The document of the API.
    ApiDocs(super::reference::ApiDocs),
    /// A page of the console.
    Console(super::console::Console),
}

/// What all pages have.
pub(super) trait Body: Serialize {
    /// The name of the template.
    const TEMPLATE: &'static str;
    /// Whether it holds lists and tables and so wants more than a column.
    const WIDE: bool = false;
    /// The title of the document.
    fn title(&self) -> Text {
        Text::new(&format!("{}.title", Self::TEMPLATE))
    }
    /// Whether the title should begin with "Error", which a screen reader reads first.
    fn alarmed(&self) -> bool {
        false
    }
    /// The modules that make it more comfortable.
    fn scripts(&self) -> Vec<&'static str> {
        Vec::new()
    }
    /// A style sheet of its own, beside the one of all pages.
    fn style(&self) -> Option<&'static str> {
        None
    }
}

/// Who asks.
#[derive(Clone, Debug, Serialize)]
pub struct App {
    /// How it is called.
    pub name: String,
    /// Its host, so that a name cannot lie about where one goes.
    pub host: Option<String>,
}

/// A link out of a page.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// Where to. Only ever an address that an admin registered.
    pub href: String,
    /// How the place is called.
    pub name: String,
}

/// Where a form goes, and the hidden inputs that say what was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Form {
    /// The path that it is posted to.
    pub action: String,
    /// Hidden input `version`.
    pub version: i64,
    /// Hidden input `challenge`; empty where there is none.
    pub challenge: String,
}

/// How many doors there are, and at which we stand.
#[derive(Clone, Debug, Serialize)]
pub struct Progress {
    step: usize,
    of: usize,
    doors: Vec<Door>,
}

/// How a door is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Door {
    Passed,
    Here,
    Ahead,
}

impl Progress {
    /// More doors than this are told in words alone.
    const DRAWN: usize = 6;

    /// At door `step` (counted from 1) of `of`. A way of one door has nothing to tell: `None`.
    pub fn new(step: usize, of: usize) -> Option<Self> {
        let door = |n: usize| match n.cmp(&step) {
            std::cmp::Ordering::Less => Door::Passed,
            std::cmp::Ordering::Equal => Door::Here,
            std::cmp::Ordering::Greater => Door::Ahead,
        };
        let drawn = if of <= Self::DRAWN { of } else { 0 };
        (of > 1).then(|| Self { step, of, doors: (1..=drawn).map(door).collect() })
    }
}

/// A step is due.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Where the answer goes.
    pub form: Form,
    /// Who asks for the sign-in.
    pub app: Option<App>,
    /// Where in the row of doors.
    pub progress: Option<Progress>,
    /// Who is signing in, once proven.
    pub user_name: Option<String>,
    /// The heading.
    pub title: Text,
    /// What to do.
    pub lead: Option<Text>,
    /// Asked beside the other fields; the value is filled in.
    pub username: Option<String>,
    /// What is shown to be kept.
    pub exhibit: Option<Exhibit>,
    /// What the browser is asked about a passkey.
    pub passkey: Option<Passkey>,
    /// The same, where that may be answered instead of what is asked.
    pub beside: Option<Passkey>,
    /// What is asked.
    pub fields: Vec<Input>,
    /// The word on the main button.
    pub submit: Text,
    /// What became of the message that carries the code.
    pub code: Option<CodeStatus>,
    /// Whether to offer that this device is remembered.
    pub remember: Option<Remember>,
    /// What the last answer came to.
    pub notice: Option<Notice>,
    /// The other ways to pass this step.
    pub others: Vec<Way>,
    /// The ways that it does not take yet.
    pub later: Vec<Later>,
    /// The ways that may be set up besides.
    pub besides: Vec<Way>,
    /// The way that was wished for besides: a wish that may be taken back.
    pub wished: Option<Text>,
    /// Where somebody goes who has no account; none where nobody makes one by themselves, or it is known who sits there.
    pub join: Option<String>,
    /// Where somebody goes who has forgotten what is asked; none where nothing can be done about that here.
    pub forgot: Option<String>,
}

/// A way that a step does not take yet: what the person has is new in the place of something else.
#[derive(Clone, Debug, Serialize)]
pub struct Later {
    /// How it is called.
    pub label: Text,
    /// From then on it does.
    pub from: Moment,
}

/// The offer to remember this device instead of a step.
#[derive(Clone, Debug, Serialize)]
pub struct Remember {
    /// What is offered.
    pub text: Text,
    /// Fills `{n}`.
    pub n: u32,
    /// Whether the box is ticked: the person wished it before.
    pub wished: bool,
}

impl Remember {
    /// For so long, in the largest unit that it fills.
    pub fn new(life: Seconds, wished: bool) -> Self {
        let whole = |unit: u32| life.0.is_multiple_of(unit).then_some(life.0 / unit).filter(|n| *n > 0);
        let (key, n) = match (whole(86_400), life.0 / 3600) {
            (Some(days), _) => ("remember.days", days),
            (None, hours @ 1..) => ("remember.hours", hours),
            (None, 0) => ("remember.minutes", (life.0 / 60).max(1)),
        };
        Self { text: Text::new(key), n, wished }
    }
}

/// One input.
#[derive(Clone, Debug, Serialize)]
pub struct Input {
    /// Its name: `username`, `password`, `code`, or what an authenticator of one's own calls it.
    pub name: String,
    /// Its label.
    pub label: Text,
    /// What it takes.
    pub kind: InputKind,
    /// Whether typing begins here.
    pub focus: bool,
}

/// What an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum InputKind {
    /// A name to sign in with.
    Username,
    /// A password.
    Password,
    /// A one-time code.
    Code {
        /// How many characters.
        length: u8,
        /// The same with room for the spaces and dashes that people paste.
        room: u8,
        /// Whether they are all digits.
        numeric: bool,
    },
    /// A password that is to be.
    NewPassword,
    /// A telephone number.
    PhoneNumber,
    /// An e-mail address.
    Email,
    /// The name of a device; may be left empty.
    Label,
    /// What the browser answers, filled in by the page's script.
    PublicKey,
}

/// Where the message stands that carries a code.
#[derive(Clone, Debug, Serialize)]
pub struct CodeStatus {
    /// What is to be said of it.
    pub state: CodeState,
    /// Where it was sent, masked; `None` for somebody who has proved nothing, who is then told nothing of any message either.
    pub to: Option<String>,
    /// For how many minutes the code works, rounded; at least 1.
    pub minutes: u32,
    /// Until when it works.
    pub until: Moment,
    /// Whether another may be asked for; `None` where never.
    pub resend: Option<Resend>,
    /// What to quote when asking for help.
    pub reference: String,
    /// What a link brought to be filled in.
    pub filled: Option<String>,
    /// Whether it comes as a text message, which the browser may read.
    pub sms: bool,
}

/// What is to be said of a code's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// Somebody who has proved nothing asked for it: whether there was anybody to send to is not told.
    Asked,
    /// It is being sent.
    Sending,
    /// The gateway took it.
    Sent,
    /// The gateway refused it.
    Refused,
    /// It may or may not have been sent.
    Unknown,
    /// Its time is over.
    Expired,
    /// It had too many tries.
    Dead,
}

/// When another message may be asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Resend {
    /// From when on.
    pub at: Moment,
    /// So many seconds from now; 0 is now.
    pub wait: u64,
}

/// A way to pass a step.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// The value of `button[name=alternative]`.
    pub index: usize,
    /// Which authenticator, for a picture.
    pub authenticator: String,
    /// How it is called.
    pub label: Text,
    /// Which device or number, masked.
    pub target: Option<String>,
}

/// A number with spaces at which no line breaks: half a number on each of two lines is hard to read.
pub fn unbroken(number: &str) -> String {
    number.replace(' ', "\u{a0}")
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As hoped.
    Good,
    /// Worth knowing.
    Plain,
    /// Something did not work.
    Bad,
}

/// What the last answer came to, in one or two sentences.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// What is said.
    pub text: Text,
    /// The message that the authenticator itself may bring for this, which is then said instead.
    pub own: Option<String>,
    /// Fills `{n}`.
    pub n: Option<u32>,
    /// Fills `{at}`.
    pub at: Option<Moment>,
    /// What to quote when asking for help.
    pub reference: Option<String>,
    /// Whether it is about what was typed: then typing goes on in the field, which names the notice as its description.
    /// Otherwise the notice itself takes the focus.
    pub about_field: bool,
}

impl Notice {
    fn new(tone: Tone, key: &str) -> Self {
        Self { tone, text: Text::new(key), own: None, n: None, at: None, reference: None, about_field: false }
    }

    fn mistake(key: &str) -> Self {
        Self { about_field: true, ..Self::new(Tone::Bad, key) }
    }

    /// User name and password do not belong together; never which of them is wrong.
    pub fn wrong_credentials() -> Self {
        Self::mistake("notice.credentials")
    }

    /// The password is not right, for somebody who is already known.
    pub fn wrong_password() -> Self {
        Self::mistake("notice.password")
    }

    /// What was typed is not right.
    pub fn wrong() -> Self {
        Self::mistake("notice.wrong")
    }

    /// The code is not right; it has `left` tries.
    pub fn wrong_code(left: u32) -> Self {
        Self { n: Some(left), ..Self::mistake("notice.code") }
    }

    /// It was right once.
    pub fn expired() -> Self {
        Self::mistake("notice.expired")
    }

    /// Nothing was typed.
    pub fn empty() -> Self {
        Self::mistake("notice.empty")
    }

    /// What was typed cannot be read.
    pub fn malformed() -> Self {
        Self::mistake("notice.malformed")
    }

    /// The same notice in the words of an authenticator, where it brings any.
    #[must_use]
    pub fn in_words_of(self, authenticator: &str, what: &str) -> Self {
        Self { own: Some(format!("{authenticator}.{what}")), ..self }
    }

    /// Too many tries: wait until then, or use another way or device.
    pub fn wait(until: Option<Moment>) -> Self {
        let key = if until.is_some() { "notice.wait" } else { "notice.stopped" };
        Self { at: until, ..Self::new(Tone::Bad, key) }
    }

    /// Too many messages: wait until then, or use another way.
    pub fn wait_for_messages(until: Option<Moment>) -> Self {
        let key = if until.is_some() { "notice.sends_wait" } else { "notice.sends_stopped" };
        Self { at: until, ..Self::new(Tone::Bad, key) }
    }

    /// The same code was sent again.
    pub fn resent() -> Self {
        Self::new(Tone::Good, "notice.resent")
    }

    /// A new code was sent; only this one works.
    pub fn renewed() -> Self {
        Self::new(Tone::Good, "notice.renewed")
    }

    /// Our trouble.
    pub fn trouble(reference: String, busy: bool) -> Self {
        let key = if busy { "notice.busy" } else { "notice.trouble" };
        Self { reference: Some(reference), ..Self::new(Tone::Bad, key) }
    }

    /// Messages are not sent to this kind of number here.
    pub fn number_not_allowed() -> Self {
        Self::new(Tone::Bad, "notice.number")
    }

    /// A browser was signed out, as wished.
    pub fn session_ended() -> Self {
        Self::new(Tone::Good, "notice.session_ended")
    }

    /// The code of a link is filled in, and nothing was done with it.
    pub fn filled() -> Self {
        Self::new(Tone::Plain, "notice.filled")
    }

    /// The person went on in another tab.
    pub fn moved() -> Self {
        Self::new(Tone::Plain, "notice.moved")
    }
}

impl Page {
    /// The HTTP status that the page is answered with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Error(page) => page.status,
            Self::NoWay(_) => 403,
            Self::Ended(_) => 410,
            _ => 200,
        }
    }

    /// The same page with the code of a link filled in, where it asks for one that was sent and is still good.
    #[must_use]
    pub fn with_code(mut self, typed: &str) -> Self {
        if let Self::Step(Step { code: Some(code), notice, .. }) = &mut self
            && !matches!(code.state, CodeState::Dead | CodeState::Expired)
        {
            code.filled = Some(typed.to_owned());
            notice.get_or_insert_with(Notice::filled);
        }
        self
    }

    /// The same page with the way to an account of one's own, where it asks who somebody is.
    #[must_use]
    pub fn with_join(mut self, path: &str) -> Self {
        if let Self::Step(step) = &mut self
            && step.username.is_some()
        {
            step.join = Some(path.to_owned());
        }
        self
    }

    /// The same page with the way to another password, where it asks for one.
    #[must_use]
    pub fn with_reset(mut self, path: &str) -> Self {
        if let Self::Step(step) = &mut self
            && step.fields.iter().any(|field| field.kind == InputKind::Password)
        {
            let name = step.username.as_deref().filter(|name| !name.is_empty());
            let query =
                |name| url::form_urlencoded::Serializer::new(String::new()).append_pair("username", name).finish();
            step.forgot = Some(name.map_or_else(|| path.to_owned(), |name| format!("{path}?{}", query(name))));
        }
        self
    }

    /// The same page, saying that the person went on in another tab, when it has nothing else to say.
    #[must_use]
    pub fn moved(mut self) -> Self {
        match &mut self {
            Self::Step(Step { notice, .. }) | Self::Choose(Choose { notice, .. }) => {
                notice.get_or_insert_with(Notice::moved);
            }
            _ => {}
        }
        self
    }
}

/// A step can be passed in several ways.
#[derive(Clone, Debug, Serialize)]
pub struct Choose {
    /// Where the choice goes.
    pub form: Form,
    /// Who asks for the sign-in.
    pub app: Option<App>,
    /// Where in the row of doors.
    pub progress: Option<Progress>,
    /// Who is signing in, once proven.
    pub user_name: Option<String>,
    /// Whether one of them is to be set up, rather than used.
    pub enrolling: bool,
    /// The ways.
    pub ways: Vec<Way>,
    /// The ways that are not taken yet.
    pub later: Vec<Later>,
    /// The ways that may be set up besides.
    pub besides: Vec<Way>,
    /// The way that was wished for besides: a wish that may be taken back.
    pub wished: Option<Text>,
    /// What the last answer came to.
    pub notice: Option<Notice>,
}

/// An application asks for something.
#[derive(Clone, Debug, Serialize)]
pub struct Consent {
    /// Where the decision goes.
    pub form: Form,
    /// Who asks.
    pub app: App,
    /// The account in use.
    pub user: Person,
    /// What is asked for and cannot be left out.
    pub needed: Vec<Scope>,
    /// What is asked for and can be left out: a checkbox each.
    pub optional: Vec<Scope>,
    /// Whether the person allowed other things before, and this is more.
    pub more: bool,
}

/// Somebody.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    /// The name to show.
    pub name: String,
    /// The name to sign in with.
    pub username: String,
}

/// One thing asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Scope {
    /// The value of the input `scope`.
    pub name: String,
    /// In plain words.
    pub text: Text,
}

impl Scope {
    /// The scopes that the catalogue has plain words for.
    const KNOWN: [&'static str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];

    /// A scope in plain words, as far as there are any.
    pub fn new(name: &str) -> Self {
        let known = Self::KNOWN.contains(&name);
        let text =
            if known { Text::new(&format!("scope.{name}")) } else { Text::new("scope.other").with("name", name) };
        Self { name: name.to_owned(), text }
    }

    /// Those that cannot be left out, and the others. It is `openid` alone that cannot: without it there is no sign-in.
    pub fn sorted(names: &[String]) -> (Vec<Self>, Vec<Self>) {
        names.iter().map(|name| Self::new(name)).partition(|scope| scope.name == "openid")
    }
}

/// This person cannot pass a step.
#[derive(Clone, Debug, Serialize)]
pub struct NoWay {
    /// Who asked for the sign-in.
    pub app: Option<App>,
    /// Why.
    pub why: Lack,
    /// From when on they can, where waiting helps.
    pub from: Option<Moment>,
    /// The way back to the application, which is then told.
    pub back: Option<Link>,
    /// What to quote when asking for help.
    pub reference: String,
}

/// Why somebody cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// They have none of the ways that are asked for, such as a phone number, and none can be added here.
    Way,
    /// Their account is switched off.
    Account,
    /// The application asked for somebody else.
    OtherUser,
    /// The application is for others only.
    Membership,
    /// What they have came in the place of something else a short time ago.
    NotYet,
    /// What they have is not as strong as what the application asked for.
    Strength,
    /// The sign-in is not set up as it should be: our fault.
    Setup,
}

/// An interaction that nothing can be done with.
#[derive(Clone, Debug, Serialize)]
pub struct Ended {
    /// How it ended.
    pub how: End,
    /// The way back to the application.
    pub back: Option<Link>,
}

/// How an interaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Too old.
    Expired,
    /// It was finished before.
    Finished,
}

/// Whether to sign out.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmLogout {
    /// The path that the answer is posted to.
    pub action: String,
    /// Who is signed in.
    pub user: Option<Person>,
    /// Who asks.
    pub app: Option<App>,
    /// What the request carried, to be sent along.
    pub hidden: Vec<Hidden>,
}

/// A hidden input.
#[derive(Clone, Debug, Serialize)]
pub struct Hidden {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Signed out.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOut {
    /// The way back to the application.
    pub back: Option<Link>,
}

/// Choosing a password by a link.
#[derive(Clone, Debug, Serialize)]
pub struct NewPassword {
    /// The path that the password is posted to.
    pub action: String,
    /// Whose.
    pub username: String,
    /// The fewest characters.
    pub minimum: usize,
    /// What is wrong with the one that was typed.
    pub fault: Option<Text>,
    /// Whether it is chosen.
    pub done: bool,
    /// Where to sign in with it.
    pub back: Option<Link>,
}

/// Asking for a link by which one chooses another password.
#[derive(Clone, Debug, Serialize)]
pub struct ForgotPassword {
    /// The path that the name is posted to.
    pub action: String,
    /// The name, as far as it is known.
    pub username: String,
    /// For how many minutes the link works.
    pub minutes: u64,
    /// What is wrong.
    pub fault: Option<Text>,
    /// When it may be tried again.
    pub at: Option<Moment>,
    /// Whether it was asked for. The page says the same whoever that was.
    pub asked: bool,
}

/// Something cannot be done.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorPage {
    cause: Cause,
    status: u16,
    /// What the developer should change; only given in development.
    pub hint: Option<String>,
    /// What to quote when asking for help.
    pub reference: String,
    /// The way back to the application.
    pub back: Option<Link>,
}

impl ErrorPage {
    /// What went wrong, and what to quote when asking for help.
    pub fn new(cause: Cause, reference: impl Into<String>) -> Self {
        Self { cause, status: cause.status(), hint: None, reference: reference.into(), back: None }
    }
}

/// What went wrong, as far as a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Cause {
    /// The application is not registered here, or switched off.
    UnknownApp,
    /// The application asked to be answered where it is not registered.
    WrongAddress,
    /// The request makes no sense.
    BadRequest,
    /// The sign-in was begun in another browser, or its cookie is gone.
    WrongBrowser,
    /// The same, of a link in a message: its code can be typed where the sign-in was begun.
    OtherBrowser,
    /// It is not allowed.
    Forbidden,
    /// There is nothing here.
    NotFound,
    /// A link that was used, or is too old. One that never was is told the same, with the same status as anything that is not there.
    Gone,
    /// The request is too large.
    TooLarge,
    /// Too many requests.
    TooMany,
    /// Our fault.
    Internal,
    /// Our fault, and soon over.
    Unavailable,
}

impl Cause {
    /// The HTTP status to answer with.
    pub const fn status(self) -> u16 {
        self.facts().0
    }

    /// The status, and the name that its messages have in the catalogue.
    const fn facts(self) -> (u16, &'static str) {
        match self {
            Self::UnknownApp => (400, "unknown_app"),
            Self::WrongAddress => (400, "wrong_address"),
            Self::BadRequest => (400, "bad_request"),
            Self::WrongBrowser => (403, "wrong_browser"),
            Self::OtherBrowser => (403, "other_browser"),
            Self::Forbidden => (403, "forbidden"),
            Self::NotFound => (404, "not_found"),
            Self::Gone => (404, "gone"),
            Self::TooLarge => (413, "too_large"),
            Self::TooMany => (429, "too_many"),
            Self::Internal => (500, "internal"),
            Self::Unavailable => (503, "unavailable"),
        }
    }
}

impl From<Cause> for &'static str {
    fn from(cause: Cause) -> Self {
        cause.facts().1
    }
}

/// One browser that is signed in.
#[derive(Clone, Debug, Serialize)]
pub struct SessionRow {
    /// The value of `button[name=session]`.
    pub id: String,
    /// The browser, in words such as "Firefox on Linux".
    pub browser: String,
    /// The network that it came from.
    pub network: String,
    /// When it signed in.
    pub since: Moment,
    /// When it last did.
    pub renewed: Moment,
    /// Whether it is the one that looks at this page.
    pub current: bool,
}

/// One browser that is remembered.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceRow {
    /// The value of `button[name=device]`.
    pub id: String,
    /// The browser, in words such as "Firefox on Linux".
    pub browser: String,
    /// The network that it was last used from.
    pub network: String,
    /// Until when it is remembered.
    pub until: Moment,
    /// Whether it is the one that looks at this page.
    pub current: bool,
}

/// What somebody sees who types the server's address.
#[derive(Clone, Debug, Serialize)]
pub struct Landing {
    /// Who is signed in.
    pub user: Option<Person>,
    /// Whether to point at what only a development server has.
    pub dev: bool,
}

/// Messages that were kept instead of sent, the newest first.
#[derive(Clone, Debug, Serialize)]
pub struct Outbox {
    /// The messages.
    pub messages: Vec<OutboxRow>,
}

/// One message.
#[derive(Clone, Debug, Serialize)]
pub struct OutboxRow {
    /// When.
    pub at: Moment,
    /// Where to.
    pub to: String,
    /// What it is about: then it is a mail, and otherwise a text message.
    pub subject: Option<String>,
    /// The text.
    pub body: String,
    /// The code in it.
    pub code: Option<String>,
}

/// The built-in relying party.
#[derive(Clone, Debug, Serialize)]
pub struct Demo {
    /// Who signed in, and what the application was told.
    pub signed_in: Option<DemoUser>,
    /// Where signing in begins.
    pub login: String,
    /// Where signing in begins that asks for every step again.
    pub again: String,
    /// Where signing out is posted to.
    pub logout: String,
    /// What did not work, in the protocol's words.
    pub problem: Option<String>,
}

/// What a relying party learns.
#[derive(Clone, Debug, Serialize)]
pub struct DemoUser {
    /// The `name` claim, or another to greet with.
    pub name: String,
    /// How they signed in, the `amr` claim.
    pub amr: Vec<String>,
    /// How strong that is, the `acr` claim.
    pub acr: Option<String>,
    /// The claims of the ID token, in order.
    pub claims: Vec<Claim>,
}

/// One claim.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its value as JSON.
    pub value: String,
    /// A time in it, for claims that are one.
    pub moment: Option<Moment>,
}

/// All pages in all states.
#[derive(Clone, Debug, Serialize)]
pub struct Gallery {
    /// The pages.
    pub pages: Vec<GalleryEntry>,
    /// The languages to see them in.
    pub locales: Vec<&'static str>,
}

/// A page and its states.
#[derive(Clone, Debug, Serialize)]
pub struct GalleryEntry {
    /// Its name.
    pub page: &'static str,
    /// Its states, and where each can be seen.
    pub states: Vec<Link>,
}

impl Body for Step {
    const TEMPLATE: &'static str = "step";
    fn title(&self) -> Text {
        self.title.clone()
    }
    fn alarmed(&self) -> bool {
        let failed = |code: &CodeStatus| !matches!(code.state, CodeState::Asked | CodeState::Sending | CodeState::Sent);
        self.notice.as_ref().is_some_and(Notice::bad) || self.code.as_ref().is_some_and(failed)
    }
    fn scripts(&self) -> Vec<&'static str> {
        let has = |wanted: fn(&InputKind) -> bool| self.fields.iter().any(|field| wanted(&field.kind));
        let password =
            has(|kind| matches!(kind, InputKind::Password | InputKind::NewPassword)).then_some("password.js");
        let code = has(|kind| matches!(kind, InputKind::Code { .. })).then_some("otp.js");
        let at = self.notice.as_ref().is_some_and(|notice| notice.at.is_some());
        let codes = matches!(self.exhibit, Some(Exhibit::Codes { .. }));
        let time = (at || codes || self.code.is_some() || !self.later.is_empty()).then_some("time.js");
        let key = self.passkey.as_ref().or(self.beside.as_ref());
        let passkey = key.is_some().then_some("passkey.js");
        let signal = key.is_some_and(|key| key.unknown.is_some()).then_some("signal.js");
        let keep = self.exhibit.is_some().then_some("keep.js");
        [password, code, passkey, signal, keep, time].into_iter().flatten().collect()
    }
    fn style(&self) -> Option<&'static str> {
        self.exhibit.is_some().then_some("account.css")
    }
}

impl Notice {
    fn bad(&self) -> bool {
        self.tone == Tone::Bad
    }
}

impl Body for Choose {
    const TEMPLATE: &'static str = "choose";
    fn title(&self) -> Text {
        Text::new(match self.ways.len() {
            _ if self.enrolling => "choose.enrol",
            1 => "choose.one",
            _ => "choose.title",
        })
    }
    fn alarmed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::bad)
    }
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
}

impl Body for Consent {
    const TEMPLATE: &'static str = "consent";
}

impl Body for NoWay {
    const TEMPLATE: &'static str = "no-way";
    fn alarmed(&self) -> bool {
        true
    }
    fn scripts(&self) -> Vec<&'static str> {
        if self.from.is_some() { vec!["time.js"] } else { Vec::new() }
    }
}

impl Body for Ended {
    const TEMPLATE: &'static str = "ended";
}

impl Body for ConfirmLogout {
    const TEMPLATE: &'static str = "confirm-logout";
}

impl Body for SignedOut {
    const TEMPLATE: &'static str = "signed-out";
}

impl Body for NewPassword {
    const TEMPLATE: &'static str = "new-password";
    fn title(&self) -> Text {
        Text::new(if self.done { "new-password.done-title" } else { "new-password.title" })
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
}

impl Body for ForgotPassword {
    const TEMPLATE: &'static str = "forgot-password";
    fn title(&self) -> Text {
        Text::new(if self.asked { "forgot-password.asked-title" } else { "forgot-password.title" })
    }
    fn alarmed(&self) -> bool {
        self.fault.is_some()
    }
    fn scripts(&self) -> Vec<&'static str> {
        if self.at.is_some() { vec!["time.js"] } else { Vec::new() }
    }
}

impl Body for ErrorPage {
    const TEMPLATE: &'static str = "error";
    fn title(&self) -> Text {
        Text::new(&format!("error.{}.title", self.cause.facts().1))
    }
    fn alarmed(&self) -> bool {
        true
    }
}

impl Body for Landing {
    const TEMPLATE: &'static str = "landing";
}

impl Body for Outbox {
    const TEMPLATE: &'static str = "outbox";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
}

impl Body for Demo {
    const TEMPLATE: &'static str = "demo";
    const WIDE: bool = true;
    fn scripts(&self) -> Vec<&'static str> {
        vec!["time.js"]
    }
}

impl Body for Gallery {
    const TEMPLATE: &'static str = "gallery";
    const WIDE: bool = true;
}
