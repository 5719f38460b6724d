//! The URL of a gateway: a template whose scheme and host are fixed, so that nothing that is filled in decides where a
//! message goes.

use std::net::IpAddr;

use url::{Host, Url};
use vestibule_core::channel::ConnectionError;

use super::{
    refused,
    template::{Place, Slot, Template, Values},
};

/// A URL with placeholders behind its host.
#[derive(Clone, Debug)]
pub(super) struct Address {
    template: Template,
    host: String,
    segments: usize,
}

/// Where connections to it go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// The name or address; one of IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether TLS is spoken there.
    pub(super) tls: bool,
}

/// Why a URL could not be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value would change the path of the URL")]
pub(super) struct LeavesPath;

impl Address {
    /// Reads a URL. `allow_plain_http` is the admin's word that the network up to there is theirs.
    pub(super) fn read(text: &str, allow_plain_http: bool) -> Result<Self, ConnectionError> {
        let bad = |why: &str| refused("url", why);
        let text = text.trim();
        let template = Template::read("url", text)?;
        let behind = text.split_once("://").map(|(_, rest)| rest).ok_or_else(|| bad("this is no URL"))?;
        let authority = behind.split(['/', '?', '#', '\\']).next().unwrap_or("");
        if authority.contains("{{") || authority.contains("$ctx.") || text.starts_with(['{', '$']) {
            return Err(bad("a placeholder may stand behind the host only"));
        }
        if text.contains('#') {
            return Err(bad("what follows a # is never sent; write %23 for the character"));
        }
        let mut address = Self { template, host: String::new(), segments: 0 };
        let sample = address.sample().map_err(|_| bad("this is no URL"))?;
        if !sample.username().is_empty() || sample.password().is_some() {
            return Err(bad("a name and a password belong into `auth`"));
        }
        match (sample.scheme(), sample.host()) {
            ("https", Some(_)) => {}
            ("http", Some(host)) if allow_plain_http || is_loopback(&host) => {}
            ("http", Some(_)) => return Err(bad("https is wanted: codes and secrets would travel in the clear")),
            _ => return Err(bad("this is no URL of a gateway: https://… is wanted")),
        }
        address.host = sample.host_str().unwrap_or("").to_owned();
        address.segments = segments(&sample);
        Ok(address)
    }

    fn sample(&self) -> Result<Url, url::ParseError> {
        let secrets = std::collections::BTreeMap::new();
        let values = Values { number: "1", body: "1", code: "1", from: "1", secrets: &secrets };
        self.template.fill(&values, Place::Url).unwrap_or_default().parse()
    }

    /// The host.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Where connections go: nothing that is filled in decides about it.
    pub(super) fn place(&self) -> At {
        let sample = self.sample().ok();
        let tls = sample.as_ref().is_none_or(|url| url.scheme() != "http");
        let port = sample.and_then(|url| url.port_or_known_default()).unwrap_or(443);
        At { host: self.host.clone(), port, tls }
    }

    /// What it asks for.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.template.slots()
    }

    /// The URL with everything filled in. Percent-encoding leaves `.` and `..` as they are, and a URL parser takes those for
    /// steps up the path, so the number of its parts must stay the same.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<Url, LeavesPath> {
        let url: Url =
            self.template.fill(values, Place::Url).ok().and_then(|url| url.parse().ok()).ok_or(LeavesPath)?;
        let same = url.host_str() == Some(&self.host) && segments(&url) == self.segments;
        same.then_some(url).ok_or(LeavesPath)
    }
}

fn segments(url: &Url) -> usize {
    url.path_segments().map_or(0, Iterator::count)
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fill(address: &str, body: &str) -> Result<String, LeavesPath> {
        let secrets = BTreeMap::new();
        let values = Values { number: "+1", body, code: "1", from: "", secrets: &secrets };
        Address::read(address, false).unwrap().fill(&values).map(String::from)
    }

    #[test]
    fn https_is_wanted_beyond_this_machine() {
        for good in [
            "https://sms.example.org/send?to=$ctx.num",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://localhost:1/x",
        ] {
            assert!(Address::read(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://sms.example.org/",
            "http://10.0.0.1/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
        ] {
            assert!(Address::read(bad, false).unwrap_err().why.contains("https"), "{bad}");
            assert!(Address::read(bad, true).is_ok(), "{bad}");
        }
    }

    #[test]
    fn what_decides_where_a_message_goes_is_fixed() {
        for bad in [
            "https://{{body}}/",
            "https://sms.example.org{{body}}/",
            "{{body}}",
            "$ctx.msg://x/",
            "https://$ctx.num.example.org/",
            "https://user:word@sms.example.org/",
            "ftp://sms.example.org/",
            "sms.example.org",
            "https://",
            "",
            "https://sms.example.org/#{{body}}",
            "file:///etc/passwd",
        ] {
            assert_eq!(Address::read(bad, true).unwrap_err().setting, "url", "{bad}");
        }
    }

    #[test]
    fn a_081_no_value_leaves_its_place_in_a_url() {
        assert_eq!(
            fill("https://a.example/send/{{body}}?x=1", "a/../b?c=d&e").unwrap(),
            "https://a.example/send/a%2F..%2Fb%3Fc%3Dd%26e?x=1"
        );
        assert_eq!(
            fill("https://a.example/?text={{body}}&x=1", "a&x=2#é").unwrap(),
            "https://a.example/?text=a%26x%3D2%23%C3%A9&x=1"
        );
        for up in ["..", "."] {
            assert_eq!(fill("https://a.example/send/{{body}}/now", up), Err(LeavesPath), "{up}");
        }
    }
}
