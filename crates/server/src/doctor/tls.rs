//! The certificate that the server itself shows: whether it fits its key and the public address, and when it ends.

use std::path::Path;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    Patient, certificate,
    outcome::{Finding, TLS_ELSEWHERE, TLS_NONE, TLS_SELF_SIGNED, TLS_UNUSABLE},
};
use crate::{config::Tls, http::tls::server_config};

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let settings = patient.settings;
    let (host, now) = (settings.public_url.host_str().unwrap_or_default(), patient.now.unix_seconds());
    match &settings.tls {
        Some(Tls::Files { certificate, key }) => files(certificate, key, host, now),
        Some(Tls::SelfSigned) => vec![TLS_SELF_SIGNED.found()],
        None if settings.public_url.scheme() == "https" => vec![TLS_ELSEWHERE.found()],
        None => vec![TLS_NONE.found()],
    }
}

fn files(path: &Path, key: &Path, host: &str, now: i64) -> Vec<Finding> {
    let what = path.display().to_string();
    let unusable = |why: String| vec![TLS_UNUSABLE.found().with("what", &what).with("why", why)];
    if let Err(error) = server_config(path, key) {
        return unusable(error.to_string());
    }
    let first = CertificateDer::pem_file_iter(path).ok().and_then(|mut all| all.next()).and_then(Result::ok);
    match first {
        Some(first) => certificate::judge(&first, &what, host, now),
        None => unusable("there is no certificate in it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    #[test]
    fn a_pair_of_files_is_looked_at_and_one_that_does_not_fit_is_named() {
        let mut house = House::new();
        let now = house.now.unix_seconds();
        let (made, key) = certificate::tests::certificate(now, -1, 90);
        let (_, other) = certificate::tests::certificate(now, -1, 90);
        let place = |name: &str| house.settings.data_dir.join(name);
        let (certificate, right, wrong) = (place("a.pem"), place("a.key"), place("b.key"));
        fs::write(&certificate, made.pem()).unwrap();
        fs::write(&right, key.serialize_pem()).unwrap();
        fs::write(&wrong, other.serialize_pem()).unwrap();
        house.settings.tls = Some(Tls::Files { certificate: certificate.clone(), key: right.clone() });
        assert_eq!(keys(&check(&house.patient())), ["tls.valid"]);
        house.settings.tls = Some(Tls::Files { certificate, key: wrong });
        assert_eq!(keys(&check(&house.patient())), ["tls.unusable"]);
        house.settings.tls = Some(Tls::Files { certificate: place("none.pem"), key: right });
        assert_eq!(keys(&check(&house.patient())), ["tls.unusable"]);
    }

    #[test]
    fn where_tls_ends_elsewhere_or_nowhere_is_said() {
        let mut house = House::new();
        assert_eq!(keys(&check(&house.patient())), ["tls.elsewhere"]);
        house.settings.tls = Some(Tls::SelfSigned);
        assert_eq!(keys(&check(&house.patient())), ["tls.self_signed"]);
        (house.settings.tls, house.settings.public_url) = (None, "http://localhost".parse().unwrap());
        assert_eq!(keys(&check(&house.patient())), ["tls.none"]);
    }
}
