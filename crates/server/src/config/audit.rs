//! The audit log: who is given its events outside of the database.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::{network::is_loopback, reader::Reader};

/// Who is given the events of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditSettings {
    /// Whoever reads the standard output.
    pub stdout: bool,
    /// A file that is appended to.
    pub file: Option<PathBuf>,
    /// A server that takes them.
    pub http: Option<HttpSinkSettings>,
}

/// A server that takes events.
#[derive(Clone, Debug)]
pub struct HttpSinkSettings {
    /// Where they are posted.
    pub url: Url,
    /// What is sent as a bearer token.
    pub token: Option<SecretString>,
    /// How many at a time.
    pub batch: usize,
}

pub(super) fn read(reader: &Reader<'_>) -> AuditSettings {
    AuditSettings {
        stdout: reader.leaf("stdout", false),
        file: reader.path("file"),
        http: reader.section("http", http),
    }
}

fn http(reader: &Reader<'_>) -> Option<HttpSinkSettings> {
    let url = reader.optional::<Url>("url");
    let token = reader.secret("token");
    let batch = reader.within("batch", 100, 1..=1000);
    if url.is_none() && token.is_some() {
        reader.refuse("token", "is set, but no address", "Set audit.http.url as well.");
    }
    let url = url?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        reader.refuse("url", "is not https", "Use https: who did what is nobody else's to read.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        reader.refuse("url", "holds a user name or password", "Write it without, and set audit.http.token_file.");
    }
    Some(HttpSinkSettings { url, token, batch })
}
