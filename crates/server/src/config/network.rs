//! Addresses: what people use, where the server listens, TLS, and proxies in front.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use url::{Host, Url};

use super::reader::Reader;

/// Where probes and metrics are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Management {
    /// Nowhere.
    Off,
    /// On this address.
    On(SocketAddr),
}

/// TLS, spoken by the server itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// With these PEM files.
    Files {
        /// The certificate and its chain.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// With a certificate that the server makes for itself: for tests in a closed network.
    SelfSigned,
}

pub(super) fn public_url(reader: &Reader<'_>, dev: bool, listen: SocketAddr) -> Option<Url> {
    if !dev {
        let url = reader.optional::<Url>("public_url");
        if url.is_none() {
            let example = "public_url = \"https://auth.example.com\"";
            reader.refuse("public_url", "is not set", format!("Set the address that people use: {example}."));
        }
        return url;
    }
    let local: Url = format!("http://localhost:{}", listen.port()).parse().ok()?;
    Some(reader.leaf("public_url", local))
}

pub(super) fn management(reader: &Reader<'_>, dev: bool) -> Management {
    let default = if dev { "off" } else { "127.0.0.1:9000" };
    let text = reader.leaf("management_listen", default.to_owned());
    if text == "off" {
        return Management::Off;
    }
    text.parse().map_or_else(
        |_| {
            reader.refuse("management_listen", "is no address", "Write `127.0.0.1:9000`, or `off` for none.");
            Management::Off
        },
        Management::On,
    )
}

pub(super) fn tls(reader: &Reader<'_>, listen: SocketAddr) -> Option<Tls> {
    let certificate = reader.path("certificate");
    let key = reader.path("key");
    let self_signed = reader.leaf("self_signed", false);
    match (certificate, key, self_signed) {
        (None, None, false) => None,
        (None, None, true) => {
            // Nobody can tell such a certificate from an attacker's, so it is no protection on a real network.
            if !listen.ip().is_loopback() {
                let advice = "Name certificate and key, or listen on a loopback address.";
                reader.refuse("self_signed", "is for loopback addresses only", advice);
            }
            Some(Tls::SelfSigned)
        }
        (Some(certificate), Some(key), false) => Some(Tls::Files { certificate, key }),
        (Some(_), Some(_), true) | (Some(_), None, true) | (None, Some(_), true) => {
            reader.refuse("self_signed", "stands beside a certificate", "Remove one of the two.");
            None
        }
        (Some(_), None, false) => {
            reader.refuse("key", "is not set", "Name the file of the certificate's private key.");
            None
        }
        (None, Some(_), false) => {
            reader.refuse("certificate", "is not set", "Name the file of the certificate and its chain.");
            None
        }
    }
}

/// What must hold between these settings.
pub(super) fn check(
    reader: &Reader<'_>,
    public_url: Option<&Url>,
    listen: SocketAddr,
    tls: bool,
    proxies: &[IpNet],
    dev: bool,
) {
    if dev && !listen.ip().is_loopback() {
        let advice = "Listen on 127.0.0.1 or [::1], or leave development mode.";
        reader.refuse("listen", "development mode is for loopback addresses only", advice);
    }
    if let Some((what, advice)) = public_url.and_then(|url| url_refused(url, dev)) {
        reader.refuse("public_url", what, advice);
    }
    // Plain HTTP that leaves this machine is right only behind a proxy that speaks TLS, and a proxy is named.
    if !tls && !listen.ip().is_loopback() && proxies.is_empty() {
        let advice = "Set [tls], or name the TLS proxy in front in trusted_proxies, or listen on 127.0.0.1.";
        reader.refuse("listen", "would serve plain HTTP to other machines", advice);
    }
}

fn url_refused(url: &Url, dev: bool) -> Option<(&'static str, &'static str)> {
    let loopback = is_loopback(url);
    match url.scheme() {
        "https" | "http" if !url.username().is_empty() || url.password().is_some() => {
            Some(("holds a user name", "Write it without one."))
        }
        // OpenID Connect Discovery, section 3: an issuer has no query and no fragment.
        "https" | "http" if url.query().is_some() || url.fragment().is_some() => {
            Some(("has a query or a fragment", "Write it without."))
        }
        "https" | "http" if dev && !loopback => {
            Some(("development mode is for loopback addresses only", "Use http://localhost."))
        }
        "https" => None,
        "http" if loopback => None,
        // OpenID Connect Core, section 16.17: without TLS everything on the way is read and changed.
        "http" => Some(("is not https", "Use https: with [tls] here, or with a TLS proxy in front.")),
        _ => Some(("is not https", "Use https.")),
    }
}

/// Whether a URL points to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
