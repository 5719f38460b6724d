//! `/admin/users/import`: many people by one file. First what would become of each line, then one click; what was seen is what
//! is done, or it is shown anew.
//!
//! Between the two the file is in the page and nowhere else: a draft in the database would be a copy of everybody's data that
//! somebody has to delete.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::{Desk, Place, desk::Base, form, proof};
use crate::{
    admin::{
        AdminError, FieldFault, Permission,
        import::{self, BOUNDS, Taking},
    },
    import::{Becomes, COLUMNS, Line, Refused, Report},
    pages::{
        Tone,
        console::{Action, Block, Cell, Fact, Field, Form, Kind, Say, Screen, Table},
    },
    state::State,
};

const HERE: Place = Place::Users;
const PATH: &str = "/admin/users/import";
/// So many lines of each kind are shown.
const SHOWN: usize = 200;
/// What the other fields of the form may take.
const OTHER_FIELDS: usize = 64 << 10;

/// What would become of a file.
pub(super) struct Look<'a> {
    pub(super) report: Report,
    pub(super) csv: &'a str,
    pub(super) skip_bad: bool,
    /// Whether those who are made are invited.
    pub(super) invite: bool,
    /// Whether something else was shown before.
    pub(super) changed: bool,
    /// What is shown, by which it is known again.
    pub(super) seal: String,
}

/// `GET /admin/users/import`.
pub(super) async fn new(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match desk.actor.needs(Permission::UsersWrite) {
        Ok(()) => desk.show(HERE, new_screen(&[], &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `POST /admin/users/import`: what would happen; and with the seal of what was shown, it happens.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_upload(req, state, payload, BOUNDS.bytes + OTHER_FIELDS).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    if let Err(error) = desk.actor.needs(Permission::UsersWrite) {
        return desk.refused(HERE, &error);
    }
    // A sheet brings roles and passwords, too; asked before it is looked at, since it has to be chosen again.
    if let Err(answer) = proof::fresh(&desk, HERE, PATH).await {
        return answer;
    }
    let csv = match given(&params) {
        Ok(csv) => csv,
        Err(fault) => {
            return desk.show_as(StatusCode::UNPROCESSABLE_ENTITY, HERE, new_screen(&[fault], &desk.base()));
        }
    };
    let wishes = (form::ticked(&params, "skip_bad"), form::ticked(&params, "invite"));
    match taken(&desk, csv, wishes, params.get("seal")).await {
        Ok(None) => desk.go("/admin/users", "imported"),
        Ok(Some(look)) => desk.show(HERE, look_screen(&look, &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// The file, chosen or pasted.
fn given(params: &Params) -> Result<&str, FieldFault> {
    match (params.get("file"), params.get("csv").filter(|csv| !csv.trim().is_empty())) {
        (Some(file), None) => Ok(file),
        (None, Some(csv)) => Ok(csv),
        (None, None) => Err(FieldFault::new("/csv", "choose a file, or paste one")),
        (Some(_), Some(_)) => Err(FieldFault::new("/csv", "choose a file or paste one, not both")),
    }
}

/// What would become of it; or nothing, when it was done because it is what was shown.
async fn taken<'a>(
    desk: &Desk,
    csv: &'a str,
    (skip_bad, invite): (bool, bool),
    shown: Option<&str>,
) -> Result<Option<Look<'a>>, AdminError> {
    let take = |dry_run| import::import(&desk.state, &desk.actor, csv.as_bytes(), Taking { dry_run, skip_bad, invite });
    let report = take(true).await?;
    let seal = seal(&desk.state, &report, skip_bad);
    if shown != Some(seal.as_str()) {
        return Ok(Some(Look { report, csv, skip_bad, invite, changed: shown.is_some(), seal }));
    }
    let done = take(false).await?;
    if done.applied {
        return Ok(None);
    }
    let seal = self::seal(&desk.state, &done, skip_bad);
    Ok(Some(Look { report: done, csv, skip_bad, invite, changed: true, seal }))
}

/// What is shown of a report, as one word.
fn seal(state: &State, report: &Report, skip_bad: bool) -> String {
    let text = serde_json::to_string(&(report, skip_bad)).unwrap_or_default();
    state.prf.text("import report", &[text.as_bytes()])
}

pub(super) fn new_screen(faults: &[FieldFault], base: &Base) -> Screen {
    let form = Form::new("import", base.to(PATH), "console.import.look")
        .uploading()
        .field(Field::new(Kind::File, "file", "console.import.file", ""))
        .field(Field::area("csv", "console.import.csv", ""))
        .field(Field::check("skip_bad", "console.import.skip_bad", false).hint("console.import.skip_bad.hint"))
        .field(Field::check("invite", "console.import.invite", false).hint("console.import.invite.hint"));
    let bounds = Text::new("console.import.bounds").with("bytes", BOUNDS.bytes >> 20).with("rows", BOUNDS.rows);
    let mut screen = screen().crumb(base.to("/admin/users"), Say::key("console.users.title"));
    screen.alarmed = !faults.is_empty();
    screen
        .with(Block::Facts { facts: vec![Fact::new("console.import.columns", COLUMNS).code()] })
        .with(Block::Paragraph { says: bounds.into() })
        .with(form.refused(faults))
}

fn screen() -> Screen {
    Screen::new(Text::new("console.import.title")).lead("console.import.lead")
}

pub(super) fn look_screen(look: &Look<'_>, base: &Base) -> Screen {
    let Report { created, changed, unchanged, refused, lines, .. } = &look.report;
    let number = |name: &str, number: usize| Fact::new(name, [number.to_string()]);
    let mut screen = screen()
        .crumb(base.to("/admin/users"), Say::key("console.users.title"))
        .crumb(base.to(PATH), Say::key("console.import.title"));
    let kept_out = !refused.is_empty() && !look.skip_bad;
    let to_do = created + changed;
    if look.changed {
        screen = screen.flash(Tone::Bad, Say::key("console.import.changed"));
    }
    screen = screen.with(Block::Heading { id: "would", text: Text::new("console.import.would") }).with(Block::Facts {
        facts: vec![
            number("console.import.created", *created),
            number("console.import.changed_users", *changed),
            number("console.import.unchanged", *unchanged),
            number("console.import.refused", refused.len()),
        ],
    });
    if kept_out {
        screen = screen.with(Block::Note { tone: Tone::Bad, says: vec![Say::key("console.import.kept_out")] });
    } else if to_do == 0 {
        screen = screen.with(Block::Paragraph { says: Say::key("console.import.nothing") });
    } else {
        let mut form = Form::new("do", base.to(PATH), "console.import.do").uploading();
        form.submit = Text::new("console.import.do").with("number", to_do);
        form = form.hidden("csv", look.csv).hidden("seal", &*look.seal);
        let form = if look.invite { form.hidden("invite", "yes") } else { form };
        screen = screen.with(if look.skip_bad { form.hidden("skip_bad", "yes") } else { form });
    }
    if kept_out && to_do > 0 {
        let form = Form::new("skip", base.to(PATH), "console.import.skip_bad").uploading().plain();
        let form = if look.invite { form.hidden("invite", "yes") } else { form };
        screen = screen.with(form.hidden("csv", look.csv).hidden("skip_bad", "yes"));
    }
    screen = screen.with(Block::Actions { actions: vec![Action::plain(base.to(PATH), "console.import.again")] });
    let table = Table::new("refused", "console.import.bad", &["line", "column", "why"]);
    screen = screen.with(table.rows(refused.iter().take(SHOWN).map(bad))).with_all(more(refused.len()));
    let table = Table::new("lines", "console.import.lines", &["line", "username", "becomes", "fields"]);
    screen.with(table.rows(lines.iter().take(SHOWN).map(good))).with_all(more(lines.len()))
}

fn more(all: usize) -> Option<Block> {
    let more = all.checked_sub(SHOWN).filter(|more| *more > 0)?;
    Some(Block::Paragraph { says: Text::new("console.import.more").with("number", more).into() })
}

fn bad(refused: &Refused) -> Vec<Cell> {
    let column = Cell::say(refused.column.as_str()).code();
    let column = if refused.column.is_empty() { Cell::default() } else { column };
    vec![Cell::say(refused.line.to_string()), column, Cell::say(refused.why.as_str())]
}

fn good(line: &Line) -> Vec<Cell> {
    let becomes = match line.becomes {
        Becomes::Created => "console.import.becomes.created",
        Becomes::Changed => "console.import.becomes.changed",
        Becomes::Unchanged => "console.import.becomes.unchanged",
    };
    vec![
        Cell::say(line.line.to_string()),
        Cell::say(line.username.as_str()),
        Cell::say(Say::key(becomes)),
        Cell::tags(line.fields.iter().map(String::as_str)),
    ]
}
