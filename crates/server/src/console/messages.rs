//! `/admin/messages`: what became of messages, how many of their codes were used, and what they cost.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_core::{Time, prompt::Text};

use super::{Desk, Place, desk::Base, form};
use crate::{
    admin::{
        AdminError, Permission,
        messages::{self, Cost, Figures, GatewayFigures, Lift, MessageFigures, PrefixFigures, Raised, Today},
        overview::Window,
    },
    pages::{
        Moment, Tone,
        console::{Action, BarRow, Bars, Block, Button, Cell, Fact, Say, Screen, Table},
    },
    state::State,
    stream,
};

const HERE: Place = Place::Messages;

/// `GET /admin/messages`. `window` says how far back.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match load(&desk).await {
        Ok(seen) => {
            let may = desk.may(Permission::ConnectionsWrite);
            desk.show(HERE, screen(&seen, may, &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

async fn load(desk: &Desk) -> Result<MessageFigures, AdminError> {
    messages::get(&desk.state, &desk.actor, Window::of(desk.query().get("window"))?).await
}

/// `GET /admin/messages/export`: the same as a file.
pub(super) async fn export(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let window = match Window::of(desk.query().get("window")) {
        Ok(window) => window,
        Err(error) => return desk.refused(HERE, &error),
    };
    match messages::export(&desk.state, &desk.actor, window).await {
        Ok(text) => stream::table("messages.csv", text),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `POST /admin/messages/lift`: what an alarm holds back goes again.
pub(super) async fn lift(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let wanted = Lift { connection: form::line(&params, "connection"), prefix: form::line(&params, "prefix") };
    match messages::lift(&desk.state, &desk.actor, wanted).await {
        Ok(()) => desk.go("/admin/messages", "lifted"),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn screen(seen: &MessageFigures, may: bool, base: &Base) -> Screen {
    let switch = |window: &Window| {
        let href = base.to(&format!("/admin/messages?window={}", window.word()));
        let word = format!("console.home.window.{}", window.word());
        if *window == seen.window { Action::main(href, &word) } else { Action::plain(href, &word) }
    };
    let mut screen = Screen::new(Text::new("console.messages.title"))
        .lead("console.messages.lead")
        .with(Block::Actions { actions: Window::ALL.iter().map(switch).collect() });
    for raised in &seen.alarms {
        let key = if raised.stopped { "console.messages.alarm.stopped" } else { "console.messages.alarm.raised" };
        let says = Text::new(key).with("connection", &raised.connection).with("prefix", &raised.prefix);
        screen = screen.with(Block::Note { tone: Tone::Bad, says: vec![says.into()] });
    }
    if !seen.alarms.is_empty() {
        screen = screen.with(alarms(&seen.alarms, may, base));
    }
    if seen.total == Figures::default() {
        screen = screen.with(Block::Paragraph { says: Say::key("console.messages.none") });
    } else {
        screen = figures(screen, seen, base);
    }
    screen.with(heading("today", "console.messages.today")).with(today(&seen.today))
}

fn heading(id: &'static str, key: &str) -> Block {
    Block::Heading { id, text: Text::new(key) }
}

fn figures(screen: Screen, seen: &MessageFigures, base: &Base) -> Screen {
    let total = &seen.total;
    let number = |name: &str, number: u64| Fact::new(&format!("console.messages.fact.{name}"), [number.to_string()]);
    let mut facts = vec![
        number("sent", total.sent),
        number("used", total.used),
        Fact::new("console.messages.fact.conversion", [share(total)]),
        number("delivered", total.delivered),
        number("undelivered", total.undelivered),
        number("unknown", total.unknown),
        number("refused", total.refused),
        Fact::new("console.messages.fact.cost", money(&total.cost)),
    ];
    if total.unpriced > 0 && !total.cost.is_empty() {
        facts.push(number("unpriced", total.unpriced));
    }
    let time = if seen.window == Window::Day { "console.messages.by_hour" } else { "console.messages.by_day" };
    let when = |at: Time| match seen.window {
        Window::Day => Say::from(at),
        Window::Week | Window::Month => Say::from(Moment::from(at).utc_day()),
    };
    let by_time = seen.by_time.iter().map(|one| row(when(one.at.into()), &one.figures));
    let gateway = |one: &GatewayFigures| {
        let name = if one.gateway == one.connection {
            Say::from(one.gateway.as_str())
        } else {
            Text::new("console.messages.through")
                .with("gateway", &one.gateway)
                .with("connection", &one.connection)
                .into()
        };
        row(name, &one.figures)
    };
    let prefix = |one: &PrefixFigures| {
        let name = one.prefix.as_deref().map_or_else(|| Say::key("console.messages.no_prefix"), Say::from);
        row(name, &one.figures)
    };
    let bars = |id, key: &str, rows: Vec<BarRow>| Bars::new(id, key, &COLUMNS, rows);
    let export = format!("/admin/messages/export?window={}", seen.window.word());
    screen
        .with(Block::Facts { facts })
        .with(heading("gateways", "console.messages.gateways"))
        .with(bars("by-gateway", "console.messages.by_gateway", seen.by_gateway.iter().map(gateway).collect()))
        .with(heading("prefixes", "console.messages.prefixes"))
        .with(bars("by-prefix", "console.messages.by_prefix", seen.by_prefix.iter().map(prefix).collect()))
        .with(heading("times", "console.messages.times"))
        .with(bars("by-time", time, by_time.collect()))
        .with(Block::Actions { actions: vec![Action::plain(base.to(&export), "console.messages.export")] })
}

const COLUMNS: [&str; 6] = ["sent", "used", "conversion", "undelivered", "refused", "cost"];

fn row(label: Say, figures: &Figures) -> BarRow {
    let Figures { sent, used, undelivered, refused, .. } = figures;
    let cells = [sent.to_string(), used.to_string(), share(figures), undelivered.to_string(), refused.to_string()];
    let cost = money(&figures.cost).join(", ");
    let cost = if cost.is_empty() { "–".to_owned() } else { cost };
    let cells = cells.into_iter().chain([cost]).map(Say::from).collect();
    BarRow::new(label, cells, *used, sent.saturating_sub(*used))
}

fn share(figures: &Figures) -> String {
    figures.conversion.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn money(cost: &[Cost]) -> Vec<String> {
    cost.iter().map(|Cost { currency, amount }| format!("{amount} {currency}")).collect()
}

fn alarms(raised: &[Raised], may: bool, base: &Base) -> Table {
    let row = |raised: &Raised| {
        let state = if raised.stopped { "console.messages.alarm.held" } else { "console.messages.alarm.told" };
        let hidden = [("connection", raised.connection.as_str()), ("prefix", raised.prefix.as_str())];
        let about = format!("{} {}", raised.connection, raised.prefix);
        let button = Button::new(base.to("/admin/messages/lift"), "console.messages.lift", about, &hidden);
        vec![
            Cell::say(raised.prefix.as_str()),
            Cell::say(raised.connection.as_str()),
            Cell::say(raised.at),
            Cell::say(Say::key(state)),
            if may && raised.stopped { Cell::button(button) } else { Cell::default() },
        ]
    };
    let columns = ["prefix", "connection", "at", "state", "do"];
    Table::new("alarms", "console.messages.alarms", &columns).rows(raised.iter().map(row))
}

fn today(today: &[Today]) -> Table {
    let row = |one: &Today| {
        let cost = money(&one.cost).join(", ");
        vec![
            Cell::say(one.connection.as_str()),
            Cell::say(one.sent.to_string()),
            Cell::say(one.limit.to_string()),
            Cell::say(if cost.is_empty() { "–".to_owned() } else { cost }),
        ]
    };
    let columns = ["connection", "sent", "limit", "cost"];
    Table::new("spend", "console.messages.spend", &columns).rows(today.iter().map(row))
}
