//! Who is given the events: one JSON object a line, as `vestibule audit schema` describes it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio::task::spawn_blocking;
use vestibule_core::audit::{
    AuditEvent,
    chain::{AuditRow, Proof},
};

use crate::config::{AuditSettings, HttpSinkSettings};

/// The name of the standard output among the sinks.
pub(super) const STDOUT: &str = "stdout";
/// That of the file.
pub(super) const FILE: &str = "file";
/// That of the server.
pub(super) const HTTP: &str = "http";
/// So many lines at a time for a sink on this machine.
const LOCAL_BATCH: usize = 500;
/// How long a server may take to be reached.
const CONNECT: Duration = Duration::from_secs(5);
/// How long it may take in all. Shorter than a delivery is held.
pub(super) const TOTAL: Duration = Duration::from_secs(10);

/// Why a sink did not take the events.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file or the standard output cannot be written.
    #[error("{place}: {source}")]
    Io {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server was not reached, or did not answer.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// The server does not want them.
    #[error("the answer was {0}")]
    Refused(StatusCode),
    /// The writing was given up.
    #[error("the writing was given up")]
    GivenUp,
}

/// Who is given the events.
pub(super) enum Sink {
    Stdout,
    /// Opened for each batch: so a file that was moved away is begun anew, and nobody has to tell us.
    File(PathBuf),
    Http {
        client: Client,
        settings: HttpSinkSettings,
    },
}

impl Sink {
    /// Those of the settings.
    pub(super) fn all(settings: &AuditSettings) -> Result<Vec<Self>, SinkError> {
        let mut sinks = Vec::new();
        if settings.stdout {
            sinks.push(Self::Stdout);
        }
        if let Some(path) = &settings.file {
            append(path, b"").map_err(at(path))?;
            sinks.push(Self::File(path.clone()));
        }
        if let Some(settings) = &settings.http {
            // A redirect would take the token and the events elsewhere.
            let client = Client::builder().connect_timeout(CONNECT).timeout(TOTAL).redirect(Policy::none()).build()?;
            sinks.push(Self::Http { client, settings: settings.clone() });
        }
        Ok(sinks)
    }

    /// Its name among the marks of the database.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Stdout => STDOUT,
            Self::File(_) => FILE,
            Self::Http { .. } => HTTP,
        }
    }

    /// How many it is given at a time.
    pub(super) fn batch(&self) -> usize {
        match self {
            Self::Stdout | Self::File(_) => LOCAL_BATCH,
            Self::Http { settings, .. } => settings.batch,
        }
    }

    /// Gives it some events. Once this returns it has them.
    pub(super) async fn give(&self, rows: &[AuditRow]) -> Result<(), SinkError> {
        let lines = lines(rows);
        match self {
            Self::Stdout => {
                let write = move || io::stdout().lock().write_all(lines.as_bytes()).and_then(|()| io::stdout().flush());
                blocking(write).await?.map_err(at(Path::new("standard output")))
            }
            Self::File(path) => {
                let file = path.clone();
                blocking(move || append(&file, lines.as_bytes())).await?.map_err(at(path))
            }
            Self::Http { client, settings } => {
                let mut request = client.post(settings.url.clone()).header(CONTENT_TYPE, "application/x-ndjson");
                if let Some(token) = &settings.token {
                    request = request.bearer_auth(token.expose_secret());
                }
                let status = request.body(lines).send().await.map_err(reqwest::Error::without_url)?.status();
                if status.is_success() { Ok(()) } else { Err(SinkError::Refused(status)) }
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SinkError> {
    spawn_blocking(work).await.map_err(|_| SinkError::GivenUp)
}

fn at(path: &Path) -> impl Fn(io::Error) -> SinkError + use<> {
    let place = path.display().to_string();
    move |source| SinkError::Io { place: place.clone(), source }
}

/// An event as a sink gets it.
#[derive(Serialize)]
struct Line<'a> {
    seq: i64,
    mac: String,
    #[serde(flatten)]
    event: &'a AuditEvent,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unproven: bool,
}

fn lines(rows: &[AuditRow]) -> String {
    let mut text = String::new();
    for row in rows {
        // What is no event was put into the database by somebody; verifying names it.
        let (Some(seq), Some(event)) = (row.seq, row.event()) else {
            tracing::error!(
                seq = row.seq,
                id = row.id,
                "a row of the audit log is no event, and is not given to sinks"
            );
            continue;
        };
        let mac = URL_SAFE_NO_PAD.encode(row.mac.as_deref().unwrap_or_default());
        let line = Line { seq, mac, event: &event, unproven: row.proof != Proof::Right };
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// Appends to a file for its owner alone, and returns when the disk has it. A line that an earlier process could not end is
/// ended first.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if !lines.is_empty() && ends_within_a_line(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(lines)?;
    file.sync_data()
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    // A pipe or a device has no end to look at.
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_for_its_owner_alone_and_a_broken_line_is_ended() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.ndjson");
        append(&path, b"one\ntw").unwrap();
        append(&path, b"two\n").unwrap();
        append(&path, b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntw\ntwo\nthree\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings { file: Some(folder.path().join("no/such")), ..AuditSettings::default() };
        assert!(matches!(Sink::all(&settings), Err(SinkError::Io { .. })));
    }
}
