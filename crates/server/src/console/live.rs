//! The live tail on the page of the audit log: a list that `live-tail.js` fills. Without JavaScript there is a link to what is
//! newer, and nothing else of it is seen.

use serde::Serialize;
use serde_json::json;
use vestibule_core::time::Timestamp;

use super::{audit::details, desk::Base};
use crate::{
    admin::audit::AuditView,
    pages::{Moment, console::Block},
};

/// What the tail is about, as its word on the page says it: `console.live.…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Doing {
    /// New events appear.
    Live,
    /// So far there was none of the kind.
    Quiet,
    /// New events wait until the reader goes on.
    Paused,
    /// The connection is gone, and being made anew.
    Away,
    /// It ended for good.
    Over,
}

impl Doing {
    /// Each.
    pub(super) const ALL: [Self; 5] = [Self::Live, Self::Quiet, Self::Paused, Self::Away, Self::Over];

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Quiet => "quiet",
            Self::Paused => "paused",
            Self::Away => "away",
            Self::Over => "over",
        }
    }
}

/// An event as a line of the list, and as the stream brings it.
#[derive(Clone, Debug, Default, Serialize)]
struct Line {
    id: String,
    iso: String,
    shown: String,
    kind: String,
    user: String,
    by: String,
    client: String,
    details: String,
}

impl Line {
    fn of(view: &AuditView, base: &Base) -> Self {
        let event = &view.event;
        let moment = Moment::from(event.at);
        Self {
            id: event.id.to_string(),
            iso: Timestamp(event.at).to_string(),
            shown: moment.date,
            kind: event.kind.clone(),
            user: event.user.map(|user| base.to(&format!("/admin/users/{user}"))).unwrap_or_default(),
            by: event.actor.as_ref().map(|actor| actor.username.clone()).unwrap_or_default(),
            client: event.client.clone().unwrap_or_default(),
            details: details(view).join(" · "),
        }
    }
}

/// An event as the stream brings it.
pub(super) fn line(view: &AuditView, base: &Base) -> String {
    serde_json::to_string(&Line::of(view, base)).unwrap_or_default()
}

/// The list.
pub(super) struct Live {
    url: String,
    newer: String,
    known: Vec<String>,
    doing: Option<Doing>,
    lines: Vec<Line>,
}

impl Live {
    /// The list that is filled from `url`, but for the events whose ids are `known`: they stand on the page already.
    pub(super) fn new(url: String, newer: String, known: Vec<String>) -> Self {
        Self { url, newer, known, doing: None, lines: Vec::new() }
    }

    /// The list as it is seen while a script fills it, without the script.
    pub(super) fn seen(doing: Doing, views: &[AuditView], base: &Base) -> Self {
        let lines = views.iter().map(|view| Line::of(view, base)).collect();
        Self { doing: Some(doing), lines, ..Self::new(String::new(), base.to("/admin/audit?"), Vec::new()) }
    }

    pub(super) fn block(self) -> Block {
        let words: Vec<_> = Doing::ALL.into_iter().map(Doing::word).collect();
        let value = json!({
            "url": self.url, "newer": self.newer, "known": self.known.join(" "),
            "doing": self.doing.map(Doing::word), "words": words,
            "waits": self.doing == Some(Doing::Paused), "over": self.doing == Some(Doing::Over),
            "lines": self.lines, "blank": Line::default(),
        });
        Block::Own { template: "console/live", value }
    }
}
