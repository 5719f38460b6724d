//! The public address against the listener: the scheme, the cookies that it allows, and whose forwarding headers are believed.

use ipnet::IpNet;

use super::{
    Patient,
    outcome::{
        ADDRESS_HTTP, ADDRESS_HTTPS, COOKIES_HOST, COOKIES_PLAIN, Finding, PROXIES_NAMED, PROXIES_NONE, PROXIES_WIDE,
        PROXY_UNNAMED,
    },
};
use crate::config::Settings;

/// A network with fewer fixed bits than this is no row of proxies: 2²⁴ addresses of IPv4, 2⁹⁶ of IPv6.
const WIDE: (u8, u8) = (8, 32);

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let settings = patient.settings;
    let https = settings.public_url.scheme() == "https";
    let scheme = if https { ADDRESS_HTTPS.found() } else { ADDRESS_HTTP.found() };
    // RFC 6265bis, section 4.1.3.2: such a name wants `Secure`, and browsers take that by https alone.
    let cookies = if https { COOKIES_HOST.found() } else { COOKIES_PLAIN.found() };
    let mut found = vec![scheme.with("url", settings.issuer()), cookies];
    found.extend(proxies(settings, https));
    found
}

fn proxies(settings: &Settings, https: bool) -> Vec<Finding> {
    let wide = |net: &&IpNet| match net {
        IpNet::V4(net) => net.prefix_len() < WIDE.0,
        IpNet::V6(net) => net.prefix_len() < WIDE.1,
    };
    let mut found: Vec<_> =
        settings.trusted_proxies.iter().filter(wide).map(|net| PROXIES_WIDE.found().with("network", net)).collect();
    let networks: Vec<_> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    match (networks.is_empty(), https && settings.tls.is_none()) {
        (true, true) => found.push(PROXY_UNNAMED.found()),
        (true, false) => found.push(PROXIES_NONE.found()),
        (false, _) => found.push(PROXIES_NAMED.found().with("networks", networks.join(", "))),
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Tls,
        doctor::patient::tests::{House, keys},
    };

    #[test]
    fn https_behind_a_named_proxy_is_right() {
        let mut house = House::new();
        house.settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        assert_eq!(keys(&check(&house.patient())), ["address.https", "address.cookies", "address.proxies"]);
        house.settings.trusted_proxies.clear();
        house.settings.tls = Some(Tls::SelfSigned);
        assert_eq!(keys(&check(&house.patient())), ["address.https", "address.cookies", "address.no_proxy"]);
    }

    #[test]
    fn http_a_proxy_without_a_name_and_one_that_is_everybody_are_named() {
        let mut house = House::new();
        assert_eq!(keys(&check(&house.patient()))[2], "address.proxy_unnamed");
        house.settings.trusted_proxies = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        assert_eq!(keys(&check(&house.patient()))[2..4], ["address.proxies_wide", "address.proxies_wide"]);
        house.settings.public_url = "http://localhost:8080".parse().unwrap();
        assert_eq!(keys(&check(&house.patient()))[..2], ["address.http", "address.cookies_plain"]);
    }
}
