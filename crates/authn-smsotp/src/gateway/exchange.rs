//! One request and its answer: how much of it is read, how it is shown, and what it means when there is none.

use std::time::Duration;

use reqwest::{
    Client, Request, Response,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::channel::SendOutcome;

use super::{mask::Mask, rule::Answer};

/// So much of an answer is read: a gateway's explanation is short, and what is longer is none.
const ANSWER_BYTES: usize = 64 * 1024;
/// How a refusal begins where nobody took the connection.
pub(super) const NO_CONNECTION: &str = "no connection";

/// Why there is no answer of the gateway.
pub(super) enum NoAnswer {
    Broken(reqwest::Error),
    /// There is no token for it, and why.
    NoToken(String),
}

/// The request with a token; a body of ours can always be sent once more.
pub(super) fn bearing(request: &Request, token: &SecretString) -> Option<Request> {
    let mut request = request.try_clone()?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Some(request)
}

/// A request as text. Headers that are marked as sensitive are dots.
pub(super) fn written_down(request: &Request) -> String {
    let mut text = format!("{} {}", request.method(), request.url());
    for (name, value) in request.headers() {
        let value = if value.is_sensitive() { "•••" } else { value.to_str().unwrap_or("•••") };
        text += &format!("\n{name}: {value}");
    }
    if let Some(body) = request.body().and_then(reqwest::Body::as_bytes) {
        text += &format!("\n\n{}", String::from_utf8_lossy(body));
    }
    text
}

pub(super) fn no_answer(timeout: Duration) -> String {
    format!("no answer within {} s", timeout.as_secs())
}

pub(super) async fn exchange(client: &Client, request: Request) -> Result<Answer, reqwest::Error> {
    let response = client.execute(request).await?;
    let status = response.status().as_u16();
    let (body, whole) = read_body(response).await;
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), whole })
}

/// The beginning of the body, and whether that is all of it. A body that breaks off is no error: the status may say enough.
async fn read_body(mut response: Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = ANSWER_BYTES.saturating_sub(body.len());
                body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    return (body, false);
                }
            }
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}

/// What an exchange that failed means. Before there was a connection nothing was sent; after that anything may have been.
pub(super) fn trouble(error: reqwest::Error, mask: &Mask) -> SendOutcome {
    let (connecting, timed_out, building) = (error.is_connect(), error.is_timeout(), error.is_builder());
    // The URL in the text of the error holds whatever was filled in.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = mask.excerpt(&cause.to_string());
    match (connecting, timed_out) {
        (true, true) => SendOutcome::Refused { why: format!("{NO_CONNECTION} in time") },
        (true, false) => SendOutcome::Refused { why: format!("{NO_CONNECTION}: {cause}") },
        (false, _) if building => SendOutcome::Refused { why: format!("the request could not be made: {cause}") },
        (false, true) => SendOutcome::Unknown { why: "no answer in time".to_owned() },
        (false, false) => SendOutcome::Unknown { why: format!("the connection broke: {cause}") },
    }
}
