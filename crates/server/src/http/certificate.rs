//! When a certificate ends. Nothing else of it is read here: whether it is any good is for the TLS library.
//!
//! A certificate is DER, and its end stands at a fixed place (RFC 5280, section 4.1), which a few lines find. A library that
//! understands all of X.509 was the road not taken.

use std::path::Path;

use chrono::NaiveDateTime;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use vestibule_core::Time;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When the first certificate of a PEM file ends; none when that cannot be read.
pub fn ends(file: &Path) -> Option<Time> {
    ends_der(CertificateDer::from_pem_file(file).ok()?.as_ref())
}

fn ends_der(certificate: &[u8]) -> Option<Time> {
    validity(certificate).map(|(_, end)| end)
}

/// From when to when a certificate in DER holds; none when that cannot be read.
pub(crate) fn validity(certificate: &[u8]) -> Option<(Time, Time)> {
    let (_, certificate, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut fields, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    // The version is left out of certificates of the first one.
    if let Some((VERSION, _, rest)) = element(fields) {
        fields = rest;
    }
    // The serial number, the algorithm of the signature, the issuer.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (_, validity, _) = element(fields).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (begins, rest) = dated(validity)?;
    Some((begins, dated(rest)?.0))
}

fn dated(der: &[u8]) -> Option<(Time, &[u8])> {
    let (tag, text, rest) = element(der)?;
    Some((instant(tag, std::str::from_utf8(text).ok()?)?, rest))
}

/// The first element: its tag, what is in it, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// An instant in UTC (RFC 5280, section 4.1.2.5).
fn instant(tag: u8, text: &str) -> Option<Time> {
    let text = match tag {
        // Two digits of the year: up to 49 they are of this century.
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let at = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    Some(Time::from_unix_seconds(at.and_utc().timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_found() {
        let mut params = rcgen::CertificateParams::new(vec!["auth.example.com".to_owned()]).unwrap();
        for year in [2031, 2060] {
            params.not_after = rcgen::date_time_ymd(year, 2, 28);
            let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
            let found = ends_der(made.der()).unwrap();
            let expected = chrono::DateTime::from_timestamp(found.unix_seconds(), 0).unwrap();
            assert_eq!(expected.format("%Y-%m-%d").to_string(), format!("{year}-02-28"));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end_and_harms_nothing() {
        let made = rcgen::generate_simple_self_signed(vec!["auth.example.com".to_owned()]).unwrap();
        let der = made.cert.der().to_vec();
        for length in 0..der.len() {
            assert_eq!(ends_der(&der[..length]), None, "{length} bytes of it");
        }
        for byte in 0..der.len() {
            let mut changed = der.clone();
            changed[byte] = 0xff;
            let _ = ends_der(&changed);
        }
        assert_eq!(instant(UTC_TIME, "é"), None);
    }
}
