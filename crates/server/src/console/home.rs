//! `/admin`: what happened lately and what wants attention, and signing out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use serde_json::json;
use vestibule_core::{Time, prompt::Text};

use super::{
    Desk, Place,
    desk::{Base, part},
    guide,
};
use crate::{
    admin::{
        Permission,
        overview::{
            self, Concern, Ending, EndingKind, Failing, Funnel, Messages, OldPasswords, Overview, Slot, Step, Window,
        },
    },
    answer::{self, Drawing},
    context,
    http::{cookies::SESSION, csrf, form},
    insider::Insider,
    pages::{
        Cause, Page, SignedOut, Tone,
        console::{Action, BarRow, Bars, Block, Cell, Chart, Fact, Say, Screen, Table},
    },
    state::State,
};

/// `GET /admin`. `window` says how far back the numbers go, and `steps` whether the first steps are shown; without it they are
/// as long as nobody has signed in to an application.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    if !desk.may(Permission::AuditRead) {
        return desk.show(Place::Home, plain());
    }
    let params = desk.query();
    let window = match Window::of(params.get("window")) {
        Ok(window) => window,
        Err(error) => return desk.refused(Place::Home, &error),
    };
    match overview::get(&desk.state, &desk.actor, window).await {
        Ok(seen) => desk.show(Place::Home, screen(&seen, params.get("steps"), &desk.base())),
        Err(error) => desk.refused(Place::Home, &error),
    }
}

/// For those who may not read what happened.
pub(super) fn plain() -> Screen {
    Screen::new(Text::new("console.home.title")).lead("console.home.plain")
}

pub(super) fn screen(seen: &Overview, steps: Option<&str>, base: &Base) -> Screen {
    let mut screen = Screen::new(Text::new("console.home.title"));
    let tried = seen.first_steps.iter().any(|step| step.step == Step::Tried && step.done);
    let guided = steps.map_or(!tried, |steps| steps == "yes");
    if guided {
        screen = screen.with(guide::block(&seen.first_steps, base));
    }
    // What the guide says already is not said twice.
    for concern in seen.concerns.iter().filter(|concern| !guided || **concern != Concern::NoClient) {
        screen = screen.with(Block::Note { tone: Tone::Plain, says: vec![says(concern)] });
        let action = match concern {
            Concern::ConsoleOneStep => {
                Action::plain(base.to(&format!("/admin/chains/{}", super::CHAIN)), "console.home.second_step")
            }
            Concern::ConsoleOneFactor { .. } => Action::plain(base.to("/portal"), "console.home.portal"),
            Concern::CodesUnused { .. } => Action::plain(base.to("/admin/messages"), "console.home.to_messages"),
            Concern::NoClient => Action::main(base.to("/admin/clients/new"), "console.home.connect"),
            _ => continue,
        };
        screen = screen.with(Block::Actions { actions: vec![action] });
    }
    screen = lately(screen, seen, base);
    screen = ending(screen, seen, base);
    let counted = |name: &str, number: usize| Fact::new(name, [number.to_string()]);
    let screen = screen.with(heading("things", "console.home.things")).with(Block::Facts {
        facts: vec![
            counted("console.place.clients", seen.things.clients),
            counted("console.place.connections", seen.things.connections),
            counted("console.place.chains", seen.things.chains),
        ],
    });
    let screen = old_passwords(screen, &seen.old_passwords);
    let (to, word) = if guided { ("no", "console.guide.hide") } else { ("yes", "console.guide.show") };
    screen.with(Block::Actions { actions: vec![Action::plain(base.to(&format!("/admin?steps={to}")), word)] })
}

/// What was imported and has not been used since.
fn old_passwords(screen: Screen, old: &[OldPasswords]) -> Screen {
    if old.is_empty() {
        return screen;
    }
    let each = old.iter().map(|OldPasswords { kind, number }| format!("{number} {kind}"));
    let list = each.collect::<Vec<_>>().join(", ");
    screen
        .with(heading("old", "console.home.old"))
        .with(Block::Paragraph { says: Text::new("console.home.old.list").with("list", list).into() })
}

fn heading(id: &'static str, key: &str) -> Block {
    Block::Heading { id, text: Text::new(key) }
}

/// What happened in the window.
fn lately(screen: Screen, seen: &Overview, base: &Base) -> Screen {
    let switch = |window: &Window| {
        let (href, word) = (base.to(&format!("/admin?window={}", window.word())), window.word());
        let word = format!("console.home.window.{word}");
        if *window == seen.window { Action::main(href, &word) } else { Action::plain(href, &word) }
    };
    let bars = seen.spans.iter().map(|Slot { at, logins, wrong }| (Say::from(*at), *logins, *wrong));
    let chart = if seen.window == Window::Month { "console.home.chart_days" } else { "console.home.chart" };
    let sum = |of: fn(&Slot) -> u64| seen.spans.iter().map(of).sum::<u64>().to_string();
    let mut screen = screen
        .with(heading("lately", &format!("console.home.lately.{}", seen.window.word())))
        .with(Block::Actions { actions: Window::ALL.iter().map(switch).collect() })
        .with(Block::Chart(Chart::new("logins", chart, bars)))
        .with(Block::Facts {
            facts: vec![
                Fact::new("console.home.passed", [sum(|slot| slot.logins)]),
                Fact::new("console.home.failed", [sum(|slot| slot.wrong)]),
            ],
        })
        .with(heading("funnels", "console.home.funnels"));
    if seen.chains.is_empty() {
        screen = screen.with(Block::Paragraph { says: Say::key("console.home.funnel.none") });
    }
    let screen = screen.with_all(seen.chains.iter().map(funnel));
    let bar = |one: &Messages| {
        let cells = vec![one.taken.to_string().into(), one.refused.to_string().into()];
        BarRow::new(one.connection.as_str().into(), cells, one.taken, one.refused)
    };
    let screen = if seen.messages.is_empty() {
        screen
    } else {
        let bars = Bars::new("messages", "console.home.messages", &["taken", "refused"], seen.messages.iter().map(bar));
        let more = Action::plain(base.to("/admin/messages"), "console.home.to_messages");
        screen.with(heading("sent", "console.home.sent")).with(bars).with(Block::Actions { actions: vec![more] })
    };
    let row = |failing: &Failing| {
        let name = match &failing.client {
            Some(id) => Cell::link(base.to(&format!("/admin/clients/{}", part(id))), id.as_str()),
            None => Cell::say(Say::key("console.home.failing.unknown")),
        };
        vec![name, Cell::say(failing.refused.to_string()), Cell::say(failing.logins.to_string())]
    };
    let table = Table::new("failing", "console.home.failing", &["client", "refused", "logins"]);
    screen.with(heading("refused", "console.home.refused")).with(table.rows(seen.failing.iter().map(row)))
}

/// How far people came on a chain: a bar for each stage, in a table that says the same.
fn funnel(funnel: &Funnel) -> Block {
    let stages = [
        ("started", funnel.started),
        ("first_step", funnel.first_step),
        ("code_sent", funnel.code_sent),
        ("code_passed", funnel.code_passed),
        ("completed", funnel.completed),
        ("tokens", funnel.tokens),
    ];
    let most = stages.iter().map(|(_, number)| *number).max().unwrap_or(0).max(1);
    // What is not nothing can be seen.
    let width = |number: u64| if number == 0 { 0 } else { (number.saturating_mul(100) / most).max(1) };
    let stage = |(name, number): &(&str, u64)| {
        let label = Text::new(&format!("console.home.funnel.{name}"));
        json!({ "label": label, "number": number, "width": width(*number) })
    };
    let took = funnel.median_seconds.map(|seconds| Text::new("console.home.funnel.median").with("seconds", seconds));
    let value = json!({
        "title": Text::new("console.home.funnel.title").with("chain", &funnel.chain),
        "stages": stages.iter().map(stage).collect::<Vec<_>>(),
        "took": took,
    });
    Block::Own { template: "console/funnel", value }
}

fn ending(screen: Screen, seen: &Overview, base: &Base) -> Screen {
    let row = |ending: &Ending| {
        let (kind, place) = match ending.kind {
            EndingKind::Secret => ("secret", Some(format!("/admin/clients/{}", part(&ending.name)))),
            EndingKind::Key => ("key", Some("/admin/keys".to_owned())),
            EndingKind::Certificate => ("certificate", None),
        };
        let name = place
            .map_or_else(|| Cell::say(ending.name.as_str()), |place| Cell::link(base.to(&place), ending.name.as_str()));
        vec![name, Cell::say(Say::key(&format!("console.home.ending.{kind}"))), Cell::say(ending.at)]
    };
    let table = Table::new("ending", "console.home.ending", &["name", "kind", "at"]);
    screen.with(heading("ends", "console.home.ends")).with(table.rows(seen.ending.iter().map(row)))
}

fn says(concern: &Concern) -> Say {
    match concern {
        Concern::ConsoleOneStep => Say::key("console.home.concern.one_step"),
        Concern::ConsoleOneFactor { people } => {
            Text::new("console.home.concern.one_factor").with("people", people.join(", ")).into()
        }
        Concern::NoClient => Say::key("console.home.concern.no_client"),
        Concern::CodesUnused { connection, prefix } => {
            Text::new("console.home.concern.unused").with("connection", connection).with("prefix", prefix).into()
        }
        Concern::ConnectionOff { connection } => {
            Text::new("console.home.concern.off").with("connection", connection).into()
        }
        Concern::SecretEnds { client, at } => {
            Text::new("console.home.concern.secret").with("client", client).with("at", date(at.0)).into()
        }
        Concern::CertificateEnds { at } => Text::new("console.home.concern.certificate").with("at", date(at.0)).into(),
    }
}

fn date(at: Time) -> String {
    chrono::DateTime::from_timestamp(at.unix_seconds(), 0).unwrap_or_default().format("%F %H:%M UTC").to_string()
}

/// `POST /admin/sign-out`: out of this browser. Who has no role signs out here, too, so no desk is asked for.
pub(super) async fn sign_out(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    if !csrf::same_site(&req, &state.public.origin) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let params = match form::read(&state, &req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    let visitor = match Insider::CONSOLE.visitor(&state, &req).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return answer::see_other(&state.public.path(Insider::CONSOLE.home)),
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::right(&state.prf, super::desk::FORM, &visitor.cookie, given) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    if let Err(error) = state.engine.end_session(visitor.session.id, &context::of(&state, &req)).await {
        return answer::engine_error(&state, &req, &error, None);
    }
    let page = Page::SignedOut(SignedOut { back: None });
    let mut response = answer::page(&state, &req, StatusCode::OK, &page, Drawing::default());
    for cookie in [state.cookies.remove(Insider::CONSOLE.cookie), state.cookies.remove(SESSION)] {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be removed");
        }
    }
    response
}
