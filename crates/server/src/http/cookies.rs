//! Cookies: their names, their attributes, and how many of them.
//!
//! Over https every cookie has the `__Host-` prefix, so no other host and no plain connection can plant one. Over plain http
//! (development on loopback) browsers refuse that prefix and most programs do not return a `Secure` cookie, so there the
//! names are plain; `public_url` decides, never the request.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};
use vestibule_core::id::InteractionId;

/// So many interactions of one browser are remembered; the oldest gives way. Bounds the `Cookie` header.
const INTERACTIONS_KEPT: usize = 10;

/// Makes and reads the cookies of this server.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// The cookies of a server whose public address is https, or not.
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// The name as the browser knows it.
    pub fn name(&self, plain: &str) -> String {
        if self.secure { format!("__Host-{plain}") } else { plain.to_owned() }
    }

    /// The value of a cookie; `None` when there is none or there are several, since then one was planted.
    pub fn read(&self, req: &HttpRequest, plain: &str) -> Option<String> {
        let name = self.name(plain);
        let mut values = pairs(req).filter(|(key, _)| *key == name).map(|(_, value)| value);
        let value = values.next()?.to_owned();
        values.next().is_none().then_some(value)
    }

    /// A cookie that lives as long as the browser.
    pub fn make(&self, plain: &str, value: impl Into<String>) -> Cookie<'static> {
        Cookie::build(self.name(plain), value.into())
            .path("/")
            .secure(self.secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .finish()
    }

    /// A cookie that takes one away.
    pub fn remove(&self, plain: &str) -> Cookie<'static> {
        let mut cookie = self.make(plain, "");
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    /// The plain name of the cookie that binds an interaction to its browser.
    pub fn interaction(id: InteractionId) -> String {
        format!("{INTERACTION}{id}")
    }

    /// The plain names of the interaction cookies that have to go so that one more can come: the oldest, which UUIDv7 tells
    /// by their order.
    pub fn surplus_interactions(&self, req: &HttpRequest) -> Vec<String> {
        let prefix = self.name(INTERACTION);
        let ids = pairs(req).filter_map(|(name, _)| name.strip_prefix(&prefix)?.parse::<InteractionId>().ok());
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let surplus = (ids.len() + 1).saturating_sub(INTERACTIONS_KEPT);
        ids.into_iter().take(surplus).map(Self::interaction).collect()
    }
}

/// The plain name of the session cookie.
pub const SESSION: &str = "vestibule-session";
/// The plain name of the cookie of a remembered device.
pub const DEVICE: &str = "vestibule-device";
const INTERACTION: &str = "vestibule-i-";

/// The cookies of a request. Read by hand: a cookie that some other software set and that cannot be decoded must not make
/// ours unreadable, and none of ours needs decoding.
fn pairs(req: &HttpRequest) -> impl Iterator<Item = (&str, &str)> {
    let lines = req.headers().get_all(actix_web::http::header::COOKIE).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use vestibule_core::{
        random::{RandomExt as _, SystemRandom},
        time::Time,
    };

    use super::*;

    fn request(cookies: &str) -> HttpRequest {
        TestRequest::default().insert_header(("cookie", cookies)).to_http_request()
    }

    #[test]
    fn a_101_cookies_are_bound_to_the_host_and_hidden_from_scripts() {
        let cookie = Cookies::new(true).make(SESSION, "x").to_string();
        assert_eq!(cookie, "__Host-vestibule-session=x; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(Cookies::new(true).remove(SESSION).to_string().contains("Max-Age=0"));
        assert_eq!(
            Cookies::new(false).make(SESSION, "x").to_string(),
            "vestibule-session=x; HttpOnly; SameSite=Lax; Path=/"
        );
    }

    #[test]
    fn a_101_an_unprefixed_or_doubled_cookie_is_not_read() {
        let cookies = Cookies::new(true);
        assert_eq!(cookies.read(&request("vestibule-session=planted"), SESSION), None);
        assert_eq!(cookies.read(&request("__Host-vestibule-session=a; __Host-vestibule-session=b"), SESSION), None);
        assert_eq!(cookies.read(&request("odd=%zz; __Host-vestibule-session=a"), SESSION), Some("a".into()));
    }

    #[test]
    fn the_oldest_interactions_give_way() {
        let random = SystemRandom::default();
        let id = |second| InteractionId(random.uuid(Time::from_unix_seconds(second)));
        let ids: Vec<_> = (1..=12).rev().map(id).collect();
        let header: Vec<_> = ids.iter().map(|id| format!("vestibule-i-{id}=x")).collect();
        let gone = Cookies::new(false).surplus_interactions(&request(&header.join("; ")));
        let oldest: Vec<_> = ids.iter().rev().take(3).map(|id| Cookies::interaction(*id)).collect();
        assert_eq!(gone, oldest);
        assert!(Cookies::new(false).surplus_interactions(&request(&header[..9].join("; "))).is_empty());
    }
}
