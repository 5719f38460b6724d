//! Samples of the pages by which people come to be users.

use vestibule_core::prompt::Text;

use super::{State, at, link};
use crate::pages::{Fault, Invitation, Page, Register, Stage, Term};

fn blank() -> Register {
    Register {
        stage: Stage::Address,
        action: "/register".to_owned(),
        app: None,
        fault: None,
        name: String::new(),
        contact: String::new(),
        phone: false,
        terms: Vec::new(),
        minutes: 10,
        again_at: None,
        username: String::new(),
        needs_username: false,
        minimum: 10,
        next: "/portal".to_owned(),
    }
}

/// What does not end on its line.
fn endless() -> String {
    "a-name-that-goes-on-and-on-".repeat(6)
}

fn fault(key: &str, field: &'static str, wait: bool) -> Option<Fault> {
    Some(Fault { text: Text::new(key), field, at: wait.then(|| at(3600)) })
}

/// Creating an account.
pub(super) fn register() -> Vec<State> {
    let typed = Register { name: "Ada Lovelace".to_owned(), contact: "ada@example.com".to_owned(), ..blank() };
    let terms = [("/terms", "register.terms"), ("/privacy", "register.policy")]
        .map(|(href, label)| Term { href: href.to_owned(), label: Text::new(label) });
    let from = Register { app: Some("Shop".to_owned()), terms: terms.into(), ..blank() };
    let disagreeing = Register { name: typed.name.clone(), contact: typed.contact.clone(), ..from.clone() };
    let number = Register { phone: true, ..blank() };
    let code = Register { stage: Stage::Code, action: "/register/code".to_owned(), ..typed.clone() };
    let account = Register { stage: Stage::Account, action: "/register/account".to_owned(), ..typed.clone() };
    let named = Register { username: "ada".to_owned(), phone: true, needs_username: true, ..account.clone() };
    let wrong = |page: &Register, key: &str, field, wait| {
        Page::Register(Register { fault: fault(&format!("register.fault.{key}"), field, wait), ..page.clone() })
    };
    let short = Fault { text: Text::new("new-password.short").with("minimum", 10), field: "password", at: None };
    let long = Register { contact: endless(), ..code.clone() };
    vec![
        ("fresh", Page::Register(blank())),
        ("from-an-app-with-terms", Page::Register(from)),
        ("number", Page::Register(number.clone())),
        ("wrong-name", wrong(&typed, "name", "name", false)),
        ("wrong-address", wrong(&typed, "email", "contact", false)),
        ("wrong-number", wrong(&number, "phone", "contact", false)),
        ("other-domain", wrong(&typed, "domain", "contact", false)),
        ("not-agreed", wrong(&disagreeing, "agree", "agree", false)),
        ("too-many", wrong(&typed, "network", "", true)),
        ("closed", wrong(&typed, "closed", "", false)),
        ("code", Page::Register(code.clone())),
        ("code-long-address", Page::Register(long)),
        ("code-just-sent", Page::Register(Register { again_at: Some(at(30)), ..code.clone() })),
        ("code-empty", wrong(&code, "empty", "code", false)),
        ("code-wrong", wrong(&code, "code", "code", false)),
        ("code-expired", wrong(&code, "expired", "code", false)),
        ("code-cooling", wrong(&code, "cooling", "", true)),
        ("account", Page::Register(account.clone())),
        ("account-of-a-number", Page::Register(named.clone())),
        ("bad-user-name", wrong(&named, "username", "username", false)),
        ("taken-user-name", wrong(&named, "taken", "username", false)),
        ("short-password", Page::Register(Register { fault: Some(short), ..account })),
        ("done", Page::Register(Register { stage: Stage::Done, username: "ada".to_owned(), ..typed.clone() })),
        ("over", Page::Register(Register { stage: Stage::Over, ..typed })),
    ]
}

/// Taking up an invitation.
pub(super) fn invitation() -> Vec<State> {
    let fresh = Invitation {
        action: "/invitation/x".to_owned(),
        by: "Grace Hopper".to_owned(),
        app: None,
        username: "ada".to_owned(),
        minimum: 10,
        fault: None,
        done: false,
        back: None,
    };
    let common = Some(Text::new("new-password.common"));
    let app = Some("Shop".to_owned());
    vec![
        ("to-the-server", Page::Invitation(fresh.clone())),
        ("to-an-app", Page::Invitation(Invitation { app: app.clone(), ..fresh.clone() })),
        ("long-names", Page::Invitation(Invitation { by: endless(), app: Some(endless()), ..fresh.clone() })),
        ("common", Page::Invitation(Invitation { fault: common, ..fresh.clone() })),
        ("done", Page::Invitation(Invitation { done: true, app, back: Some(link()), ..fresh })),
    ]
}
