//! Each hop of a sign-in: what, where, with which status, in how many milliseconds.

use std::{process::ExitCode, time::Instant};

use serde::Serialize;
use url::Url;

use crate::output::{complain, say};

/// The hops so far.
pub(super) struct Trace {
    json: bool,
    began: Instant,
    hops: Vec<Hop>,
}

#[derive(Serialize)]
struct Hop {
    name: String,
    method: String,
    path: String,
    status: u16,
    ms: f64,
}

/// A hop under way.
pub(super) struct Begun {
    name: String,
    method: String,
    path: String,
    at: Instant,
}

impl Trace {
    pub(super) fn new(json: bool) -> Self {
        Self { json, began: Instant::now(), hops: Vec::new() }
    }

    /// Notes that a hop begins. The query is left out: it holds codes and tokens.
    pub(super) fn begin(&self, name: &str, method: &str, url: &Url) -> Begun {
        Begun { name: name.to_owned(), method: method.to_owned(), path: url.path().to_owned(), at: Instant::now() }
    }

    pub(super) fn end(&mut self, begun: Begun, status: u16) {
        let Begun { name, method, path, at } = begun;
        let ms = milliseconds(at);
        let path = path.split('/').map(short).collect::<Vec<_>>().join("/");
        if !self.json {
            say(format_args!("  {status}  {ms:>7.1} ms  {method:<4} {path:<40} {name}"));
        }
        self.hops.push(Hop { name, method, path, status, ms });
    }

    /// Something that was checked.
    pub(super) fn checked(&self, what: &str) {
        if !self.json {
            say(format_args!("                   ✓ {what}"));
        }
    }

    /// Says how it ended.
    pub(super) fn finish(self, issuer: &str, outcome: Result<(), String>) -> ExitCode {
        let ms = milliseconds(self.began);
        if self.json {
            let error = outcome.as_ref().err();
            say(
                serde_json::json!({ "ok": error.is_none(), "issuer": issuer, "error": error, "ms": ms, "hops": self.hops }),
            );
        }
        match outcome {
            Ok(()) => {
                if !self.json {
                    say(format_args!("  signed in and out at {issuer} in {ms:.0} ms"));
                }
                ExitCode::SUCCESS
            }
            Err(why) => {
                if !self.json {
                    complain(why);
                }
                ExitCode::FAILURE
            }
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// A part of a path; ids are long and say nothing.
fn short(part: &str) -> String {
    match part.get(..8) {
        Some(start) if part.len() == 36 => format!("{start}…"),
        _ => part.to_owned(),
    }
}
