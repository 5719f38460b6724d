//! TLS: from files, or with a certificate that the server makes for itself.
//!
//! TLS 1.3, and of TLS 1.2 only ECDHE with AES-GCM (RFC 9325, section 4.2).

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CipherSuite, ServerConfig, SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as what it should be.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Certificate and key do not go together, or the like.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The self-signed certificate could not be made.
    #[error("a self-signed certificate could not be made: {0}")]
    Rcgen(#[from] rcgen::Error),
    /// The self-signed certificate could not be kept.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Installs the one cryptography provider of this process; more than once does no harm.
pub fn install_provider() {
    // An error says that one is installed already.
    let _ = aws_lc_rs::default_provider().install_default();
}

fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| match suite {
        SupportedCipherSuite::Tls13(_) => true,
        SupportedCipherSuite::Tls12(suite) => matches!(
            suite.common.suite,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        ),
    });
    provider
}

/// The settings of a listener with this certificate chain and key, both PEM.
///
/// # Errors
/// When a file cannot be read, or they do not go together.
pub fn server_config(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |why: rustls::pki_types::pem::Error| TlsError::File { path, why: why.to_string() }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).map_err(wrong(certificate))?.collect();
    let key = PrivateKeyDer::from_pem_file(key).map_err(wrong(key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain.map_err(wrong(certificate))?, key)?;
    Ok(config)
}

/// The files of a certificate for `host` that the server made for itself in `folder`: made now, when there is none. For
/// trying out and for hops inside a cluster; browsers will warn.
///
/// # Errors
/// When it cannot be made or kept.
pub fn self_signed(folder: &Path, host: &str) -> Result<(PathBuf, PathBuf), TlsError> {
    let (certificate, key) = (folder.join("self-signed.crt"), folder.join("self-signed.key"));
    if !(certificate.exists() && key.exists()) {
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned(), "localhost".to_owned()])?;
        write(&key, &made.signing_key.serialize_pem(), 0o600)?;
        write(&certificate, &made.cert.pem(), 0o644)?;
    }
    // It may have been made by somebody else, or copied here: what others can read is no secret.
    private(&key)?;
    Ok((certificate, key))
}

fn private(key: &Path) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt as _;
    let kept = std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600));
    kept.map_err(|source| TlsError::Io { path: key.to_owned(), source })
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| TlsError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_made_once_and_its_key_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = self_signed(folder.path(), "auth.example.com").unwrap();
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let first = std::fs::read(&certificate).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        self_signed(folder.path(), "auth.example.com").unwrap();
        assert_eq!(std::fs::read(&certificate).unwrap(), first);
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600, "one that was there, too");
        server_config(&certificate, &key).unwrap();
        assert!(matches!(server_config(&key, &certificate), Err(TlsError::File { .. } | TlsError::Unusable(_))));
    }

    #[test]
    fn only_strong_suites_are_offered() {
        let weak = |suite: &SupportedCipherSuite| !format!("{:?}", suite.suite()).contains("GCM");
        let tls12 = |suite: &SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls12(_));
        assert!(!provider().cipher_suites.iter().any(|suite| tls12(suite) && weak(suite)));
        assert_eq!(provider().cipher_suites.iter().filter(|suite| tls12(suite)).count(), 4);
    }
}
