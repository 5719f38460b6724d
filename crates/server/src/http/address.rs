//! Where a request comes from: the peer, or what a trusted proxy says of the peer.
//!
//! A forwarding header is believed only as far as the chain of trusted proxies reaches: it is read from the right, and the
//! first address that is no proxy of ours is the browser's. Whatever stands left of it was written by strangers.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The browser's address; `None` when it cannot be told. That is so when a hop on the way cannot be read, and when both
/// `X-Forwarded-For` and `Forwarded` (RFC 7239) are there and disagree: then one of them was passed through by a proxy that
/// writes only the other, and it is a stranger's word. The peer must not stand for the browser there. It is a proxy of ours,
/// mostly in a network that conditions trust, and anybody could have that for the price of a header.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    if !trusts(trusted, peer) {
        return Some(peer);
    }
    let old = walk(&list(headers, &X_FORWARDED_FOR, |hop| Some(hop)), trusted);
    let new = walk(&list(headers, &FORWARDED, forwarded_for), trusted);
    match (old, new) {
        (Walk::Nowhere, Walk::Nowhere) => Some(peer),
        (Walk::To(ip), Walk::Nowhere) | (Walk::Nowhere, Walk::To(ip)) => Some(ip),
        (Walk::To(old), Walk::To(new)) if old == new => Some(old),
        (Walk::To(_), Walk::To(_)) | (Walk::Lost, _) | (_, Walk::Lost) => None,
    }
}

/// Whether forwarding headers of this peer are believed, and its other headers about a request.
pub fn trusts(trusted: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|net| net.contains(&peer))
}

/// Where following a header leads.
enum Walk {
    /// There is no such header.
    Nowhere,
    /// To the first address from the right that is no proxy of ours, or to the last one.
    To(IpAddr),
    /// To something that is no address.
    Lost,
}

fn walk(hops: &[Option<IpAddr>], trusted: &[IpNet]) -> Walk {
    let mut reached = Walk::Nowhere;
    for hop in hops.iter().rev() {
        let Some(ip) = *hop else { return Walk::Lost };
        reached = Walk::To(ip);
        if !trusts(trusted, ip) {
            break;
        }
    }
    reached
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
        let told = client_ip(peer.parse().unwrap(), &headers, &trusted);
        told.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
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
    fn a_122_what_cannot_be_read_is_unknown_and_never_looked_up() {
        for unreadable in ["192.0.2.1, localhost, 10.0.0.2", "192.0.2.1, localhost", "unknown", "", "10.0.0.2,"] {
            assert_eq!(resolve("10.0.0.1", &[("x-forwarded-for", unreadable)]), "unknown", "{unreadable}");
        }
        for unreadable in ["for=unknown", "for=_hidden", "proto=https", "for="] {
            assert_eq!(resolve("10.0.0.1", &[("forwarded", unreadable)]), "unknown", "{unreadable}");
            let lines = [("forwarded", unreadable), ("x-forwarded-for", "203.0.113.9")];
            assert_eq!(resolve("10.0.0.1", &lines), "unknown", "{unreadable}");
        }
        let left = "localhost, 203.0.113.9, 10.0.0.2";
        assert_eq!(
            resolve("10.0.0.1", &[("x-forwarded-for", left)]),
            "203.0.113.9",
            "nobody asks what stands further left"
        );
        assert_eq!(resolve("10.0.0.1", &[]), "10.0.0.1", "nothing was forwarded");
    }

    #[test]
    fn both_notations_are_read_with_and_without_ports() {
        assert_eq!(resolve("10.0.0.1", &[("forwarded", r#"for="[2001:db8::1]:4711";proto=https"#)]), "2001:db8::1");
        assert_eq!(resolve("fd00::1", &[("x-forwarded-for", "192.0.2.1:555")]), "192.0.2.1");
        assert_eq!(resolve("::ffff:10.0.0.1", &[("x-forwarded-for", "::ffff:192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn a_122_two_headers_that_disagree_make_nobody_internal() {
        let lines = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(resolve("10.0.0.1", &lines), "unknown");
        let lines = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(resolve("10.0.0.1", &lines), "203.0.113.9");
    }
}
