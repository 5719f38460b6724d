//! The server, asked from outside: its discovery document at the public address must be its own, and the certificate that is
//! shown there must hold, whoever ends TLS.
//!
//! A machine cannot always reach itself by its public name, so silence is a warning and not a failure.

use std::time::Instant;

use reqwest::{Client, Response, redirect::Policy, tls::TlsInfo};
use rustls::pki_types::CertificateDer;
use serde_json::Value;

use super::{
    PATIENCE, Patient, certificate,
    outcome::{DISCOVERY_OTHER, DISCOVERY_RIGHT, DISCOVERY_SILENT, DISCOVERY_STATUS, Finding},
    span,
};

/// No document of ours is longer.
const LONGEST: usize = 64 << 10;

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let issuer = patient.settings.issuer();
    let url = format!("{issuer}/.well-known/openid-configuration");
    let began = Instant::now();
    let response = match ask(&url).await {
        Ok(response) => response,
        Err(error) => {
            return vec![DISCOVERY_SILENT.found().with("url", url).with("why", cause(error))];
        }
    };
    let host = patient.settings.public_url.host_str().unwrap_or_default();
    let shown = response.extensions().get::<TlsInfo>().and_then(|tls| tls.peer_certificate()).map(<[u8]>::to_vec);
    let shown = shown.map(|der| certificate::judge(&CertificateDer::from(der), &url, host, patient.now.unix_seconds()));
    let (status, body) = (response.status(), body(response).await);
    let mut found = shown.unwrap_or_default();
    found.push(match status.is_success() {
        true => judge(&body, issuer, &url, span(began.elapsed())),
        false => DISCOVERY_STATUS.found().with("url", url).with("status", status.as_u16()),
    });
    found
}

async fn ask(url: &str) -> Result<Response, reqwest::Error> {
    crate::http::tls::install_provider();
    let secure = url.starts_with("https:");
    let builder = Client::builder().timeout(PATIENCE - std::time::Duration::from_millis(200));
    let builder = builder.redirect(Policy::none()).no_proxy().tls_info(true);
    // Where only http is spoken no roots are read, so that a machine without them works.
    let builder = if secure { builder } else { builder.tls_certs_only([]) };
    builder.build()?.get(url).send().await
}

/// What lies deepest: the outer words hold addresses and say less.
fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {}", span(PATIENCE));
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

async fn body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = LONGEST.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            break;
        }
    }
    body
}

fn judge(body: &[u8], issuer: &str, url: &str, took: String) -> Finding {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = document.get("issuer").and_then(Value::as_str).unwrap_or("–");
    if named == issuer {
        return DISCOVERY_RIGHT.found().with("url", url).with("took", took);
    }
    let named: String = named.chars().filter(|c| !c.is_control()).take(200).collect();
    DISCOVERY_OTHER.found().with("url", url).with("issuer", named)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    /// What is found at an address where somebody answers so.
    async fn at(status: &'static str, body: &'static str) -> Vec<&'static str> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let body = body.replace("OWN", &url);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nLocation: /x\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let mut house = House::new();
        house.settings.public_url = url.parse().unwrap();
        keys(&check(&house.patient()).await)
    }

    #[tokio::test]
    async fn our_own_document_is_right_and_any_other_is_named() {
        assert_eq!(at("200 OK", r#"{"issuer":"OWN"}"#).await, ["discovery.right"]);
        assert_eq!(at("200 OK", r#"{"issuer":"https://other.example"}"#).await, ["discovery.other"]);
        assert_eq!(at("200 OK", "<html>Welcome to nginx!").await, ["discovery.other"]);
        assert_eq!(at("502 Bad Gateway", "").await, ["discovery.status"]);
        assert_eq!(at("302 Found", "").await, ["discovery.status"], "a redirect is not followed");
    }

    #[tokio::test]
    async fn silence_is_a_warning() {
        let mut house = House::new();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        house.settings.public_url = format!("http://127.0.0.1:{free}").parse().unwrap();
        assert_eq!(keys(&check(&house.patient()).await), ["discovery.silent"]);
    }
}
