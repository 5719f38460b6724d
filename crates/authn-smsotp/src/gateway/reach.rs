//! Whether a gateway can be reached: its host is looked up, a connection is made, and where it is https the handshake is done.
//! Then it is closed: no request is written, so nothing is sent and nothing is paid.
//!
//! The address, its rules (https, unless the admin said that the network is theirs), the time-out and the roots of trust are those
//! of the gateway itself. A request without a message was not taken: some vendors bill whatever is asked of them.

use std::{io, sync::Arc};

use rustls::{ClientConfig, crypto::CryptoProvider, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::SmsGateway;

/// Why a gateway cannot be reached. None of it holds a secret: what is before the path of its address is fixed.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// Its name leads nowhere.
    #[error("the name {host} is not found: {why}")]
    Name {
        /// The name.
        host: String,
        /// Why.
        why: io::Error,
    },
    /// Nobody takes the connection.
    #[error("no connection to {host}: {why}")]
    Connection {
        /// The name.
        host: String,
        /// Why.
        why: io::Error,
    },
    /// There is no trust.
    #[error("no TLS with {host}: {why}")]
    Tls {
        /// The name.
        host: String,
        /// Why.
        why: io::Error,
    },
    /// It took too long.
    #[error("{host} did not answer in time")]
    Late {
        /// The name.
        host: String,
    },
}

impl SmsGateway {
    /// The host that messages are given to.
    pub fn host(&self) -> &str {
        self.address.host()
    }

    /// Looks whether it can be reached, without sending anything.
    ///
    /// # Errors
    /// How far it came.
    pub async fn reach(&self) -> Result<(), Unreachable> {
        let late = || Unreachable::Late { host: self.host().to_owned() };
        timeout(self.connect, self.handshake()).await.map_err(|_| late())?
    }

    async fn handshake(&self) -> Result<(), Unreachable> {
        let place = self.address.place();
        let host = || self.host().to_owned();
        let bare = place.host.trim_start_matches('[').trim_end_matches(']');
        let found = lookup_host((bare, place.port)).await.map_err(|why| Unreachable::Name { host: host(), why })?;
        let found: Vec<_> = found.collect();
        let stream = TcpStream::connect(&*found).await;
        let stream = stream.map_err(|why| Unreachable::Connection { host: host(), why })?;
        if !place.tls {
            return Ok(());
        }
        let untrusted = |why| Unreachable::Tls { host: host(), why };
        let name = ServerName::try_from(bare.to_owned()).map_err(|why| untrusted(io::Error::other(why)))?;
        let connector = TlsConnector::from(Arc::new(config().map_err(|why| untrusted(io::Error::other(why)))?));
        connector.connect(name, stream).await.map(drop).map_err(untrusted)
    }
}

/// As the client of the gateway has it: this provider, and the machine's roots.
fn config() -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_platform_verifier()?.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    fn gateway(url: &str) -> SmsGateway {
        let settings = json!({ "url": url, "connect_timeout_seconds": 1 });
        SmsGateway::from_settings(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_gateway_is_reached_and_nothing_is_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            stream.read_to_end(&mut text).await.unwrap();
            text
        });
        gateway(&format!("http://127.0.0.1:{port}/send?to=$ctx.num&text=$ctx.msg")).reach().await.unwrap();
        assert_eq!(seen.await.unwrap(), Vec::<u8>::new());
    }

    #[tokio::test]
    async fn how_far_it_came_is_told() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let closed = gateway(&format!("http://127.0.0.1:{free}/")).reach().await.unwrap_err();
        assert!(matches!(closed, Unreachable::Connection { .. }), "{closed}");
        let unknown = gateway("https://gateway.invalid/send").reach().await.unwrap_err();
        assert!(matches!(unknown, Unreachable::Name { .. } | Unreachable::Late { .. }), "{unknown}");
    }

    #[tokio::test]
    async fn who_does_not_speak_tls_or_says_nothing_is_not_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (first, _) = listener.accept().await.unwrap();
            drop(first);
            let (_second, _) = listener.accept().await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
        });
        let gateway = gateway(&format!("https://127.0.0.1:{port}/send"));
        let broken = gateway.reach().await.unwrap_err();
        assert!(matches!(broken, Unreachable::Tls { .. }), "{broken}");
        let silent = gateway.reach().await.unwrap_err();
        assert!(matches!(silent, Unreachable::Late { .. }), "{silent}");
    }
}
