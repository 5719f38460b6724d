//! What a new password has to be on this server, and asking elsewhere whether one was in a breach.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, StatusCode, redirect};
use url::Url;
use vestibule_authn_password::{Blocklist, BlocklistError, Breaches, PasswordRefused, Policy};
use vestibule_core::prompt::Text;

use crate::{config::PasswordRules, http::tls};

/// How long somebody who chooses a password is kept waiting for another's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer that is read: with padding there are about a thousand lines.
const LONGEST: usize = 256 << 10;

/// Why no policy could be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The list of the operator is none.
    #[error("password.blocklist: {0}")]
    Blocklist(#[from] BlocklistError),
    /// No connection could ever be made.
    #[error("password.breach_url: {0}")]
    Client(#[from] reqwest::Error),
}

/// The policy of the settings, on the server that people know as `host`.
///
/// # Errors
/// When the list of the operator cannot be read.
pub fn policy(rules: &PasswordRules, host: &str) -> Result<Policy, PolicyError> {
    let mut policy = Policy::default().at_least(rules.minimum).of_service(host);
    if let Some(path) = &rules.blocklist {
        policy = policy.without(Blocklist::open(path)?);
    }
    if let Some(url) = &rules.breach_url {
        policy = policy.asking(Arc::new(Range::new(url.clone())?));
    }
    Ok(policy)
}

/// What a person is told.
pub(crate) fn words(refused: PasswordRefused) -> Text {
    match refused {
        PasswordRefused::TooShort { minimum } => Text::new("new-password.short").with("minimum", minimum),
        PasswordRefused::TooLong => Text::new("new-password.long"),
        PasswordRefused::Common => Text::new("new-password.common"),
        PasswordRefused::Named => Text::new("new-password.named"),
        PasswordRefused::Breached => Text::new("new-password.breached"),
        PasswordRefused::Unchecked => Text::new("new-password.unchecked"),
    }
}

/// A server that speaks the range protocol of Have I Been Pwned.
struct Range {
    client: Client,
    base: Url,
}

impl Range {
    fn new(mut base: Url) -> Result<Self, reqwest::Error> {
        tls::install_provider();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // The address is the operator's; a redirect would be somebody else's.
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, base })
    }

    async fn ask(&self, prefix: &str) -> Result<String, String> {
        let url = self.base.join(prefix).map_err(|error| error.to_string())?;
        // With padding an observer of the line cannot tell ranges apart by the length of the answer.
        let request = self.client.get(url).header("Add-Padding", "true");
        let mut response = request.send().await.map_err(|error| error.without_url().to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer was {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            body.extend_from_slice(&part);
            if body.len() > LONGEST {
                return Err("the answer is too long".to_owned());
            }
        }
        String::from_utf8(body).map_err(|_| "the answer is no text".to_owned())
    }
}

#[async_trait]
impl Breaches for Range {
    async fn range(&self, prefix: &str) -> Option<String> {
        let asked = self.ask(prefix).await;
        asked.inspect_err(|why| tracing::warn!(event = "password.breach_check_failed", why)).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::mpsc::{Receiver, channel},
    };

    use super::*;

    const PREFIX_LENGTH: usize = 5;

    fn digest() -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, b"quiet otters");
        digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// A server that gives every request the same answer, and tells what it was asked.
    fn server(answer: Vec<u8>) -> (Url, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/range", listener.local_addr().unwrap()).parse().unwrap();
        let (heard, asked) = channel();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                }
                if heard.send(String::from_utf8_lossy(&head).into_owned()).is_err() {
                    return;
                }
                drop(stream.write_all(&answer));
            }
        });
        (url, asked)
    }

    fn answer(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
    }

    async fn check(url: &Url) -> Result<(), PasswordRefused> {
        let rules = PasswordRules { breach_url: Some(url.clone()), ..PasswordRules::default() };
        policy(&rules, "id.example").unwrap().check(&"quiet otters".into(), &[]).await
    }

    #[tokio::test]
    async fn a_breached_password_is_refused_and_the_server_hears_five_digits() {
        let digest = digest();
        let (prefix, rest) = digest.split_at(PREFIX_LENGTH);
        let (url, asked) = server(answer("200 OK", &format!("0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n{rest}:42\r\n")));
        assert_eq!(check(&url).await, Err(PasswordRefused::Breached));
        let request = asked.recv().unwrap();
        assert!(request.starts_with(&format!("GET /range/{prefix} HTTP/1.1\r\n")), "{request}");
        assert!(request.to_lowercase().contains("\r\nadd-padding: true\r\n") && !request.contains(rest), "{request}");
        let (url, _asked) = server(answer("200 OK", &format!("{rest}:0\r\n")));
        assert_eq!(check(&url).await, Ok(()), "padding is no breach");
    }

    #[tokio::test]
    async fn whoever_does_not_answer_well_keeps_nobody_from_a_password() {
        let known = format!("{}:42\r\n", &digest()[PREFIX_LENGTH..]);
        let (elsewhere, heard) = server(answer("200 OK", &known));
        let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
        let huge = format!("{}{known}", "0:1\r\n".repeat(LONGEST / 5 + 1));
        for bad in [answer("503 Unavailable", &known), redirect.into_bytes(), answer("200 OK", &huge), Vec::new()] {
            let (url, _asked) = server(bad);
            assert_eq!(check(&url).await, Ok(()));
        }
        assert!(heard.try_recv().is_err(), "a redirect is not followed");
    }

    #[tokio::test]
    async fn whoever_hangs_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let began = std::time::Instant::now();
        assert_eq!(check(&url).await, Ok(()));
        assert!(began.elapsed() < PATIENCE * 3, "{:?}", began.elapsed());
        drop(listener);
    }

    #[test]
    fn a_list_that_is_none_stops_the_start() {
        let rules = PasswordRules { blocklist: Some("/nowhere/list.txt".into()), ..PasswordRules::default() };
        assert!(policy(&rules, "id.example").unwrap_err().to_string().starts_with("password.blocklist: "));
    }
}
