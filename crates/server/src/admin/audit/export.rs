//! The log to take along: what a filter wants, newest first, as lines of JSON or as a table.
//!
//! It is read page by page, each in a transaction of its own that ends before the page is sent, so a reader who is slow holds up
//! nobody, and an export of everything needs no more memory than a page. What the log holds is what it may tell: secrets
//! were never written to it.

use std::{fmt::Write as _, time::Duration};

use csv::{QuoteStyle, Terminator, WriterBuilder};
use serde_json::Value;
use vestibule_core::{
    audit::{
        AuditEvent,
        page::{AuditCursor, AuditFilter},
    },
    time::{Time, Timestamp},
};

use super::{
    super::{
        Actor, AdminError, Permission,
        record::Change,
        transact::{self, Work},
    },
    AuditView, Still, asked,
    places::Place,
};
use crate::state::State;

/// So many events are read at a time.
const PAGE: usize = 500;
/// Whoever takes longer than this is cut off.
const LIFE: Duration = Duration::from_secs(60 * 60);
/// So many exports at a time.
pub const IN_ALL: usize = 8;
/// So many of one person or program.
pub const EACH: usize = 2;

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// A table, after RFC 4180.
    Csv,
}

impl Format {
    /// Each.
    pub const ALL: [Self; 2] = [Self::Ndjson, Self::Csv];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// The format of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn head(self) -> String {
        match self {
            Self::Ndjson => String::new(),
            Self::Csv => record(COLUMNS.map(str::to_owned)),
        }
    }

    fn line(self, view: AuditView) -> String {
        match self {
            Self::Ndjson => serde_json::to_string(&view).unwrap_or_default() + "\n",
            Self::Csv => record(cells(view)),
        }
    }
}

/// An export under way.
pub struct Export {
    filter: AuditFilter,
    format: Format,
    /// Where to go on: from the newest, behind a place, or nowhere any more.
    next: Option<Option<AuditCursor>>,
    ends: Time,
    _place: Place,
}

impl Export {
    /// Begins one, and writes down that it was asked for.
    ///
    /// # Errors
    /// When the actor may not, there is no place, or the store fails.
    pub async fn begin(state: &State, actor: &Actor, filter: AuditFilter, format: Format) -> Result<Self, AdminError> {
        actor.needs(Permission::AuditRead)?;
        let place = state.audit.exports.take(actor).ok_or(AdminError::Busy)?;
        let (work, wanted) = (Work::new(state, actor), asked(&filter));
        let ends = work.now + LIFE;
        let change = move |tx: &mut crate::state::Transaction| {
            work.record(tx, &Change::new("audit.exported", format.word(), &Value::Null, &wanted))
        };
        transact::write(state, change).await?;
        Ok(Self { filter, format, next: Some(None), ends, _place: place })
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The next part of it; `None` at the end. Whether the actor may still read is asked before every page.
    ///
    /// # Errors
    /// When they may not any longer, it took too long, or the store fails: then what was given so far is not all.
    pub async fn next(&mut self, state: &State, still: &Still) -> Result<Option<String>, AdminError> {
        let Some(before) = self.next else { return Ok(None) };
        if state.clock.now() >= self.ends || !still().await {
            return Err(AdminError::Refused("it took too long, or may not be read any more".to_owned()));
        }
        let filter = self.filter.clone();
        let page = transact::read(state, move |tx| Ok(tx.audit_page(&filter, before, PAGE)?)).await?;
        self.next = page.next.map(Some);
        let mut text = if before.is_none() { self.format.head() } else { String::new() };
        for entry in page.entries {
            text.push_str(&self.format.line(AuditView { seq: entry.seq, event: entry.event }));
        }
        Ok(Some(text))
    }
}

const COLUMNS: [&str; 13] = [
    "seq",
    "at",
    "kind",
    "user",
    "actor",
    "actor_id",
    "via",
    "client",
    "network",
    "request_id",
    "id",
    "details",
    "changes",
];

fn cells(AuditView { seq, event }: AuditView) -> [String; 13] {
    let AuditEvent { id, at, kind, client, user, network, request_id, details, actor, changes } = event;
    let via = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let (name, actor_id, via) = actor.map_or_else(Default::default, |actor| {
        let id = actor.user.map(|user| user.to_string()).unwrap_or_default();
        (actor.username, id, via(serde_json::to_value(actor.via).unwrap_or_default()))
    });
    let json = |empty: bool, value: Result<String, serde_json::Error>| {
        if empty { String::new() } else { value.unwrap_or_default() }
    };
    [
        seq.map(|seq| seq.to_string()).unwrap_or_default(),
        Timestamp(at).to_string(),
        kind,
        user.map(|user| user.to_string()).unwrap_or_default(),
        name,
        actor_id,
        via,
        client.unwrap_or_default(),
        network.unwrap_or_default(),
        request_id.unwrap_or_default(),
        id.to_string(),
        json(details.is_empty(), serde_json::to_string(&details)),
        json(changes.is_empty(), serde_json::to_string(&changes)),
    ]
}

/// A row, every cell of it quoted. A program for tables takes a cell that begins so for a formula and would run it (CWE-1236); a
/// quote mark before it makes it text.
pub(crate) fn record(cells: impl IntoIterator<Item = String>) -> String {
    let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let safe = |cell: String| if formula(cell.trim_start_matches(' ')) { format!("'{cell}") } else { cell };
    let mut writer =
        WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    let written = writer.write_record(cells.into_iter().map(safe)).ok().and_then(|()| writer.into_inner().ok());
    String::from_utf8(written.unwrap_or_default()).unwrap_or_default()
}

/// What a browser calls the file.
pub fn file_name(format: Format, now: Time) -> String {
    let mut name = String::from("audit-");
    name.extend(Timestamp(now).to_string().chars().take(19).filter(char::is_ascii_alphanumeric));
    let _ = write!(name, ".{}", format.word());
    name
}

#[cfg(test)]
mod tests {
    use vestibule_core::random::SystemRandom;

    use super::*;

    fn row(kind: &str, client: &str) -> Vec<String> {
        let event = AuditEvent {
            client: Some(client.to_owned()),
            details: [("why".to_owned(), "=1+1".to_owned())].into(),
            ..AuditEvent::new(kind, Time(0), &SystemRandom::default())
        };
        let text = Format::Csv.line(AuditView { seq: Some(7), event });
        assert!(text.ends_with("\"\r\n") && text.starts_with('"'), "{text}");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_cell_is_never_a_formula_and_stays_one_cell() {
        for formula in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"] {
            let cells = row("otp.sent", formula);
            assert_eq!(cells[7], format!("'{formula}"));
            assert_eq!(cells.len(), COLUMNS.len());
        }
        for plain in ["shop", "a,b;\"c\"\r\nd", "x=1", "'="] {
            assert_eq!(row("otp.sent", plain)[7], plain);
        }
        let cells = row("=1", "shop");
        assert_eq!((cells[0].as_str(), cells[2].as_str(), cells[11].as_str()), ("7", "'=1", r#"{"why":"=1+1"}"#));
    }

    #[test]
    fn a_format_has_a_name_and_a_file_one_without_anything_odd_in_it() {
        assert!(Format::ALL.iter().all(|format| Format::of(format.word()) == Some(*format)));
        assert_eq!(Format::of("xlsx"), None);
        assert_eq!(file_name(Format::Csv, Time(1_795_442_600_000_000)), "audit-20261123T140320.csv");
    }
}
