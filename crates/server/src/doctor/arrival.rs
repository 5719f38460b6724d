//! What arrived: host, scheme and client address of the request that asked, against what people are told to use. That is where
//! a proxy that rewrites too much or says too little is seen.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{FORWARDED, HOST, HeaderMap},
};

use super::{
    Patient,
    outcome::{
        ARRIVED_HOST, ARRIVED_SCHEME, ARRIVED_STRANGER, ARRIVED_UNASKED, ARRIVED_UNKNOWN, ARRIVED_UNSAID, ARRIVED_WELL,
        Finding,
    },
};
use crate::{
    config::Settings,
    http::address::{client_ip, trusts},
};

/// A request, as far as it says by which way it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Who connected.
    pub peer: IpAddr,
    /// Whether its headers about the way are believed.
    pub trusted: bool,
    /// Whether there are any.
    pub forwarded: bool,
    /// The browser's address, if it can be told.
    pub client: Option<IpAddr>,
    /// The host that was asked for.
    pub host: Option<String>,
    /// The scheme, as far as it can be told.
    pub scheme: Option<String>,
}

impl Arrived {
    /// What a request says.
    pub fn of(req: &HttpRequest, settings: &Settings) -> Option<Self> {
        Some(Self::from(req.peer_addr()?.ip().to_canonical(), req.headers(), settings))
    }

    fn from(peer: IpAddr, headers: &HeaderMap, settings: &Settings) -> Self {
        let trusted = trusts(&settings.trusted_proxies, peer);
        let said = |name: &str| headers.get(name)?.to_str().ok().map(short);
        let believed = |name: &str| said(name).filter(|_| trusted);
        let forwarded = ["x-forwarded-for", FORWARDED.as_str()].iter().any(|name| headers.contains_key(*name));
        let own = if settings.tls.is_some() { "https" } else { "http" };
        let direct = (!trusted && !forwarded).then(|| own.to_owned());
        Self {
            peer,
            trusted,
            forwarded,
            client: client_ip(peer, headers, &settings.trusted_proxies),
            host: believed("x-forwarded-host").or_else(|| said(HOST.as_str())),
            scheme: believed("x-forwarded-proto").or(direct),
        }
    }
}

/// A header that is shown: somebody may have written a book into it.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    match &patient.arrived {
        Some(arrived) => judge(arrived, patient.settings),
        None => vec![ARRIVED_UNASKED.found()],
    }
}

fn judge(arrived: &Arrived, settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    let wanted = authority(settings);
    if let Some(host) = arrived.host.as_ref().filter(|host| !host.eq_ignore_ascii_case(&wanted)) {
        found.push(ARRIVED_HOST.found().with("host", host).with("wanted", &wanted));
    }
    let scheme = settings.public_url.scheme();
    if let Some(came) = arrived.scheme.as_ref().filter(|came| !came.eq_ignore_ascii_case(scheme)) {
        found.push(ARRIVED_SCHEME.found().with("scheme", came).with("wanted", scheme));
    }
    let peer = |finding: Finding| finding.with("peer", arrived.peer);
    match (arrived.trusted, arrived.forwarded, arrived.client) {
        (false, true, _) => found.push(peer(ARRIVED_STRANGER.found())),
        (true, false, _) => found.push(peer(ARRIVED_UNSAID.found())),
        (_, _, None) => found.push(peer(ARRIVED_UNKNOWN.found())),
        (_, _, Some(client)) if found.is_empty() => {
            found.push(ARRIVED_WELL.found().with("host", &wanted).with("client", client));
        }
        _ => {}
    }
    found
}

/// Host and port as a browser writes them.
fn authority(settings: &Settings) -> String {
    let host = settings.public_url.host_str().unwrap_or_default();
    settings.public_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    fn seen(peer: &str, lines: &[(&'static str, &str)]) -> Vec<&'static str> {
        let mut house = House::new();
        house.settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let arrived = Arrived::from(peer.parse().unwrap(), &headers, &house.settings);
        keys(&judge(&arrived, &house.settings))
    }

    const WELL: [(&str, &str); 3] =
        [("host", "auth.example.com"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];

    #[test]
    fn a_request_by_the_named_proxy_is_well() {
        assert_eq!(seen("10.0.0.1", &WELL), ["arrived.well"]);
        assert_eq!(seen("10.0.0.1", &WELL[..2]), ["arrived.well"], "a proxy need not say the scheme");
    }

    #[test]
    fn another_host_or_scheme_is_named() {
        assert_eq!(seen("10.0.0.1", &[("host", "127.0.0.1:8080"), WELL[1], WELL[2]]), ["arrived.host"]);
        assert_eq!(seen("10.0.0.1", &[WELL[0], WELL[1], ("x-forwarded-proto", "http")]), ["arrived.scheme"]);
        assert_eq!(seen("198.51.100.1", &[WELL[0]]), ["arrived.scheme"], "plain http from outside");
    }

    #[test]
    fn a_proxy_without_a_name_and_one_that_says_nothing_are_named() {
        assert_eq!(seen("198.51.100.1", &WELL), ["arrived.stranger"]);
        assert_eq!(seen("10.0.0.1", &[WELL[0], WELL[2]]), ["arrived.unsaid"]);
        let doubled = [WELL[0], WELL[1], WELL[2], ("forwarded", "for=192.0.2.1")];
        assert_eq!(seen("10.0.0.1", &doubled), ["arrived.unknown"]);
    }

    #[test]
    fn a_command_has_no_request_to_look_at() {
        assert_eq!(keys(&check(&House::new().patient())), ["arrived.unasked"]);
    }
}
