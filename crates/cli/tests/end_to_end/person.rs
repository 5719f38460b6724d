//! A person with a browser, at the pages of the server.

use url::Url;

use super::{
    gateway::Gateway,
    visitor::{Browser, Page},
};

/// A person whom the declaration knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) username: &'static str,
    pub(crate) name: &'static str,
    pub(crate) number: &'static str,
}

pub(crate) const ALICE: Who = Who { username: "alice", name: "Alice Amber", number: "+12025550142" };
pub(crate) const BOB: Who = Who { username: "bob", name: "Bob Birch", number: "+442079460018" };
pub(crate) const CAROL: Who = Who { username: "carol", name: "Carol Cedar", number: "+33199000017" };

impl Who {
    pub(crate) const ALL: [Self; 3] = [ALICE, BOB, CAROL];
    /// Everybody's: what differs between people here is not their passwords.
    pub(crate) const PASSWORD: &str = "the quiet brown fox looks both ways";
}

/// Somebody in front of a browser of their own.
pub(crate) struct Person {
    pub(crate) browser: Browser,
    pub(crate) who: Who,
    gateway: Gateway,
}

impl Person {
    pub(crate) fn new(who: Who, server: &str, gateway: &Gateway) -> Self {
        Self { browser: Browser::new(server), who, gateway: gateway.clone() }
    }

    /// Opens the address that the service provider sends them to, and gives the password: the page that asks for the code.
    pub(crate) async fn reach_code(&mut self, authorize: &Url) -> Page {
        let asked = self.browser.open(authorize.as_str()).await;
        self.give_password(&asked, Who::PASSWORD).await
    }

    pub(crate) async fn give_password(&mut self, page: &Page, password: &str) -> Page {
        self.browser.submit(page, "password", &[("username", self.who.username), ("password", password)]).await
    }

    pub(crate) async fn give_code(&mut self, page: &Page, code: &str) -> Page {
        self.browser.submit(page, "code", &[("code", code)]).await
    }

    /// Presses the button that sends the message again.
    pub(crate) async fn ask_again(&mut self, page: &Page) -> Page {
        let form = page.forms().into_iter().find(|form| form.has_button("action", "resend"));
        let form = form.unwrap_or_else(|| panic!("no way to ask again:\n{}", page.body));
        // That form holds nothing to type in, but it may be in front of one that does.
        let fields: Vec<_> = form.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = self
            .browser
            .post(page.url.join(&form.action).unwrap().as_str(), &[&fields[..], &[("action", "resend")]].concat())
            .await;
        self.browser.follow(answer).await
    }

    /// The code that came last.
    pub(crate) async fn code(&self) -> String {
        self.gateway.latest_to(self.who.number).await.code()
    }

    /// The whole sign-in; where the browser is sent in the end.
    pub(crate) async fn sign_in(&mut self, authorize: &Url) -> Url {
        let asked = self.reach_code(authorize).await;
        let code = self.code().await;
        let page = self.give_code(&asked, &code).await;
        page.location().unwrap_or_else(|| panic!("not signed in at {} ({}):\n{}", page.url, page.status, page.body))
    }
}

/// A code that is surely another.
pub(crate) fn another(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(digit as u8 + 1) }).collect()
}
