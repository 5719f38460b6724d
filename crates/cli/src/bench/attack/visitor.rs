//! Somebody who begins to sign in: each time from another address, with an empty browser.

use super::super::{
    http::{Http, Reply},
    work,
};
use crate::login::page::{self, Jar, Step};

/// The password of everybody who has one.
pub(super) const PASSWORD: &str = work::PASSWORD;

/// A browser in front of its first page.
pub(super) struct Visitor {
    jar: Jar,
    origin: String,
    step: Step,
}

/// The name of a person; those of one length differ in nothing but their letters.
pub(super) fn name(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:04}")
}

impl Visitor {
    /// Asks for a sign-in, and opens the page that it leads to. No two numbers have the same address.
    pub(super) async fn arrive(http: &mut Http, number: usize) -> Result<Self, String> {
        let [_, a, b, c] = u32::try_from(number).unwrap_or_default().to_be_bytes();
        let mut visitor =
            Self { jar: Jar::default(), origin: format!("x-forwarded-for: 10.{a}.{b}.{c}\r\n"), step: Step::default() };
        let reply = http.get(&work::authorize_path(), &visitor.headers()).await.map_err(|error| error.to_string())?;
        let reply = visitor.took(reply.expect(303, "authorize")?);
        let page = visitor.follow(http, &reply).await?.expect(200, "first page")?;
        visitor.step = page::next(&page.text()).ok_or("the first page asks for nothing")?;
        Ok(visitor)
    }

    /// Fills the page in, and looks at what comes.
    pub(super) async fn answer(&mut self, http: &mut Http, username: &str, password: &str) -> Result<Reply, String> {
        let action = work::relative(self.step.action());
        let filled = std::mem::take(&mut self.step).fill(&page::Credentials { username, password, code: "" });
        let pairs: Vec<_> = filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply =
            http.post(&action, &self.headers(), &work::form(&pairs)).await.map_err(|error| error.to_string())?;
        let reply = self.took(reply);
        if reply.location.is_some() { self.follow(http, &reply).await } else { Ok(reply) }
    }

    async fn follow(&self, http: &mut Http, reply: &Reply) -> Result<Reply, String> {
        let path = work::relative(reply.location.as_deref().ok_or("an answer leads nowhere")?);
        http.get(&path, &self.headers()).await.map_err(|error| error.to_string())
    }

    fn took(&mut self, reply: Reply) -> Reply {
        reply.cookies.iter().for_each(|cookie| self.jar.take(cookie));
        reply
    }

    fn headers(&self) -> String {
        let cookies = self.jar.header();
        if cookies.is_empty() { self.origin.clone() } else { format!("{}cookie: {cookies}\r\n", self.origin) }
    }
}
