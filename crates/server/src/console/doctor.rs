//! `/admin/doctor`: what every check finds, by groups, in words.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::json;
use vestibule_core::prompt::Text;

use super::{Desk, Place, desk::Base};
use crate::{
    admin::doctor,
    doctor::{Finding, Group, Report, Verdict},
    pages::{
        Tone,
        console::{Action, Block, Say, Screen},
    },
    state::State,
};

/// `GET /admin/doctor`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match doctor::run(&desk.state, &desk.actor, &desk.req).await {
        Ok(report) => desk.show(Place::Doctor, screen(&report, &desk.base())),
        Err(error) => desk.refused(Place::Doctor, &error),
    }
}

pub(super) fn screen(report: &Report, base: &Base) -> Screen {
    let (fail, warn) = (report.count(Verdict::Fail), report.count(Verdict::Warn));
    let (tone, whole) = match (fail, warn) {
        (0, 0) => (Tone::Good, "doctor.well"),
        (0, _) => (Tone::Plain, "doctor.odd"),
        _ => (Tone::Bad, "doctor.ill"),
    };
    let whole = Say::Text(Text::new(whole).with("fail", fail).with("warn", warn));
    let screen =
        Screen::new(Text::new("doctor.title")).lead("doctor.lead").with(Block::Note { tone, says: vec![whole] });
    let seen = Group::ALL.into_iter().filter(|group| report.of_group(*group).next().is_some());
    let groups: Vec<_> = seen.map(|group| shown(group, report)).collect();
    screen
        .with(Block::Own { template: "console/doctor", value: json!({ "groups": groups }) })
        .with(Block::Actions { actions: vec![Action::plain(base.to("/admin/doctor"), "doctor.again")] })
}

fn shown(group: Group, report: &Report) -> serde_json::Value {
    let findings: Vec<_> = report.of_group(group).map(finding).collect();
    json!({
        "id": group.word(),
        "name": Text::new(&format!("doctor.group.{}", group.word())),
        "findings": findings,
    })
}

fn finding(finding: &Finding) -> serde_json::Value {
    let tone = match finding.outcome.verdict {
        Verdict::Fail => Tone::Bad,
        Verdict::Ok => Tone::Good,
        Verdict::Warn | Verdict::Skipped => Tone::Plain,
    };
    let remedy = finding.remedy();
    json!({
        "tone": tone,
        "verdict": Text::new(&format!("doctor.verdict.{}", finding.outcome.verdict.word())),
        "says": finding.says(),
        "docs": remedy.as_ref().map(|_| finding.outcome.docs),
        "remedy": remedy,
    })
}
