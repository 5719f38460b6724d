//! Answers that are given part by part: a download, and server-sent events (WHATWG HTML, section 9.2). The next part is made
//! when the one before was taken, so a reader who is slow costs no memory.

use std::fmt::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName},
    web::{Bytes, Data},
};
use futures_util::stream;

use crate::{
    admin::{
        AdminError, FieldFault,
        audit::{
            AuditView, Still,
            export::{Export, file_name},
            tail::{Step, Tail},
        },
    },
    state::State,
};

/// After so many milliseconds a browser whose stream ended comes back.
const RETRY_MS: u32 = 2000;
/// Tells a proxy to pass on each part as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Where a browser stood that comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How an event of the log is written.
pub(crate) type Show = Box<dyn Fn(&AuditView) -> String>;

/// Who looks at the log as it grows.
struct Looking {
    state: Data<State>,
    tail: Tail,
    still: Still,
    show: Show,
    greeted: bool,
}

impl Looking {
    /// What is said next, and whether anything is after it; `None` at the end.
    async fn next(&mut self) -> Option<(String, bool)> {
        if !self.greeted {
            self.greeted = true;
            return Some((format!("retry: {RETRY_MS}\nid: {}\n\n", self.tail.at()), true));
        }
        match self.tail.next(&self.state, &self.still).await {
            Ok(Some(Step::Events(views, at))) => {
                let said = views.iter().fold(String::new(), |mut said, view| {
                    let seq = view.seq.unwrap_or_default();
                    let _ = write!(said, "id: {seq}\ndata: {}\n\n", one_line(&(self.show)(view)));
                    said
                });
                Some((format!("{said}{}", place(at)), true))
            }
            Ok(Some(Step::Quiet(at))) => Some((place(at), true)),
            Ok(Some(Step::Over)) => Some(("event: over\ndata: {}\n\n".to_owned(), false)),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "a live tail of the audit log ended");
                None
            }
        }
    }
}

/// Tells where the reader stands and nothing else: without data no event comes of it.
fn place(at: i64) -> String {
    format!("id: {at}\n\n")
}

/// Where a reader stands who comes back: what their browser says, or what stands in the address.
pub(crate) fn stands_at(req: &HttpRequest, after: Option<&str>) -> Result<Option<i64>, AdminError> {
    let wrong = || AdminError::Invalid(vec![FieldFault::new("/after", "this is not the number of an event")]);
    let said = match req.headers().get(LAST_EVENT_ID) {
        Some(said) => Some(said.to_str().map_err(|_| wrong())?),
        None => after,
    };
    said.map(|said| said.parse().map_err(|_| wrong())).transpose()
}

/// A line break would end the data.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// The log as it grows. When the reader may look no longer, the last thing said is `over`; when the stream ends without it,
/// they come back where they stood.
pub(crate) fn tail(state: Data<State>, tail: Tail, still: Still, show: Show) -> HttpResponse {
    let looking = Looking { state, tail, still, show, greeted: false };
    let parts = stream::unfold(Some(looking), |looking| async {
        let mut looking = looking?;
        let (said, more) = looking.next().await?;
        Some((Ok::<_, AdminError>(Bytes::from(said)), more.then_some(looking)))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((BUFFERING, "no"))
        .streaming(parts)
}

/// A table to take along, as a file of this name.
pub(crate) fn table(name: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(text)
}

/// The log to take along. If it cannot be given whole the connection is broken off, so that a part is not taken for all.
pub(crate) fn export(state: Data<State>, export: Export, still: Still) -> HttpResponse {
    let format = export.format();
    let name = file_name(format, state.clock.now());
    let parts = stream::unfold(Some((state, export, still)), |under_way| async {
        let (state, mut export, still) = under_way?;
        match export.next(&state, &still).await {
            Ok(None) => None,
            Ok(Some(text)) => Some((Ok(Bytes::from(text)), Some((state, export, still)))),
            Err(error) => {
                tracing::warn!(%error, "an export of the audit log was broken off");
                Some((Err(error), None))
            }
        }
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((BUFFERING, "no"))
        .streaming(parts)
}
