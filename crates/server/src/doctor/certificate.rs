//! When a certificate holds, and for which name.

use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};

use super::{
    date,
    outcome::{Finding, TLS_EARLY, TLS_NAME, TLS_OVER, TLS_SOON, TLS_UNUSABLE, TLS_VALID},
};
use crate::http::certificate::validity;

/// From so many days on the end of a certificate is said: whoever renews by hand needs some, and what renews by itself has done
/// so long before.
const SOON: i64 = 21;
const DAY: i64 = 86_400;

/// What there is to say about a certificate that is called `what` and stands for `host`.
pub(super) fn judge(der: &CertificateDer<'_>, what: &str, host: &str, now: i64) -> Vec<Finding> {
    let named = |finding: Finding| finding.with("what", what);
    let Some((since, until)) = validity(der) else {
        return vec![named(TLS_UNUSABLE.found()).with("why", "it cannot be read")];
    };
    let (since, until) = (since.unix_seconds(), until.unix_seconds());
    let mut found = Vec::new();
    let fits = ParsedCertificate::try_from(der).ok().zip(ServerName::try_from(bare(host)).ok());
    if fits.is_none_or(|(certificate, name)| verify_server_name(&certificate, &name).is_err()) {
        found.push(named(TLS_NAME.found()).with("host", host));
    }
    let days = (until - now).div_euclid(DAY);
    found.push(match () {
        () if now >= until => named(TLS_OVER.found()).with("until", date(until)),
        () if now < since => named(TLS_EARLY.found()).with("since", date(since)),
        () if days < SOON => named(TLS_SOON.found()).with("until", date(until)).with("days", days),
        () => named(TLS_VALID.found()).with("until", date(until)).with("days", days),
    });
    found
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::doctor::patient::tests::keys;

    /// A certificate that holds from the first to the last of these days, which are counted from `now`.
    pub(in crate::doctor) fn certificate(now: i64, since: i64, until: i64) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec!["auth.example.com".to_owned()]).unwrap();
        let day = |days: i64| rcgen::date_time_ymd(1970, 1, 1) + days_of(now, days);
        (params.not_before, params.not_after) = (day(since), day(until));
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap(), key)
    }

    fn days_of(now: i64, days: i64) -> std::time::Duration {
        std::time::Duration::from_secs(u64::try_from(now + days * DAY).unwrap())
    }

    const NOW: i64 = 1_795_442_570;

    fn judged(since: i64, until: i64, host: &str) -> Vec<&'static str> {
        keys(&judge(certificate(NOW, since, until).0.der(), "x", host, NOW))
    }

    #[test]
    fn a_certificate_holds_from_one_day_to_another() {
        assert_eq!(judged(-1, 90, "auth.example.com"), ["tls.valid"]);
        assert_eq!(judged(-80, 10, "auth.example.com"), ["tls.soon"]);
        assert_eq!(judged(-90, -1, "auth.example.com"), ["tls.over"]);
        assert_eq!(judged(1, 90, "auth.example.com"), ["tls.early"]);
        assert_eq!(judged(-1, 36_500, "auth.example.com"), ["tls.valid"], "beyond 2049 the date is written otherwise");
        assert_eq!(judged(-1, 90, "login.example.com"), ["tls.name", "tls.valid"]);
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        for bad in [&b""[..], b"0", b"0\x80", b"0\x84\xff\xff\xff\xff", b"text"] {
            assert_eq!(keys(&judge(&CertificateDer::from(bad.to_vec()), "x", "y", NOW)), ["tls.unusable"]);
        }
    }
}
