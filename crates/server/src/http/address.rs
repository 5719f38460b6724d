//! Where a request comes from: the peer, or what a trusted proxy says of the peer.
//!
//! A forwarding header is believed only as far as the chain of trusted proxies reaches: it is read from the right, and the
//! first address that is no proxy of ours is the browser's. Whatever stands left of it was written by strangers.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The browser's address. When both `X-Forwarded-For` and `Forwarded` (RFC 7239) are there and disagree, one of them was
/// passed through a proxy that writes only the other: neither is believed, and the peer stands for the browser.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusts(trusted, peer) {
        return peer;
    }
    let old = walk(peer, &list(headers, &X_FORWARDED_FOR, |hop| Some(hop)), trusted);
    let new = walk(peer, &list(headers, &FORWARDED, forwarded_for), trusted);
    match (old, new) {
        (Some(old), Some(new)) if old != new => peer,
        (Some(ip), _) | (None, Some(ip)) => ip,
        (None, None) => peer,
    }
}

fn trusts(trusted: &[IpNet], ip: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&ip))
}

/// The first address from the right that is no proxy of ours; the last one reached, when something cannot be read. `None`
/// without the header.
fn walk(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &[IpNet]) -> Option<IpAddr> {
    let mut reached = (!hops.is_empty()).then_some(peer)?;
    for hop in hops.iter().rev() {
        let Some(ip) = hop else { break };
        reached = *ip;
        if !trusts(trusted, reached) {
            break;
        }
    }
    Some(reached)
}

/// The hops of all lines of a header, in their order; `None` for one that is not an address.
fn list(headers: &HeaderMap, name: &HeaderName, part: fn(&str) -> Option<&str>) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(name).map(|line| line.to_str().unwrap_or("?"));
    lines.flat_map(|line| line.split(',')).map(|hop| part(hop.trim()).and_then(parse)).collect()
}

/// The value of `for=` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&ip))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn resolve(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client_ip(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_122_a_stranger_cannot_say_where_it_comes_from() {
        assert_eq!(resolve("198.51.100.7", &[("x-forwarded-for", "192.0.2.1")]), "198.51.100.7");
        assert_eq!(resolve("198.51.100.7", &[("forwarded", "for=192.0.2.1")]), "198.51.100.7");
    }

    #[test]
    fn a_122_what_stands_left_of_the_first_stranger_is_ignored() {
        assert_eq!(resolve("10.0.0.1", &[("x-forwarded-for", "192.0.2.1, 203.0.113.9, 10.0.0.2")]), "203.0.113.9");
        let lines = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(resolve("10.0.0.1", &lines), "203.0.113.9");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk_and_is_never_looked_up() {
        assert_eq!(resolve("10.0.0.1", &[("x-forwarded-for", "192.0.2.1, localhost, 10.0.0.2")]), "10.0.0.2");
        assert_eq!(resolve("10.0.0.1", &[("x-forwarded-for", "unknown")]), "10.0.0.1");
        assert_eq!(resolve("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn both_notations_are_read_with_and_without_ports() {
        assert_eq!(resolve("10.0.0.1", &[("forwarded", r#"for="[2001:db8::1]:4711";proto=https"#)]), "2001:db8::1");
        assert_eq!(resolve("fd00::1", &[("x-forwarded-for", "192.0.2.1:555")]), "192.0.2.1");
        assert_eq!(resolve("::ffff:10.0.0.1", &[("x-forwarded-for", "::ffff:192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn a_122_two_headers_that_disagree_are_both_disbelieved() {
        let lines = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(resolve("10.0.0.1", &lines), "10.0.0.1");
        let lines = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(resolve("10.0.0.1", &lines), "203.0.113.9");
    }
}
