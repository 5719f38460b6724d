//! Test sign-in: the form on the page of a service provider, the address that begins it in a tab of its own, and the page that
//! says what the application would get.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use serde_json::{Map, Value, json};
use vestibule_core::{
    authenticator::label,
    chain::ACR_VALUES,
    id::{InteractionId, UserId},
    plan::{Denial, StepReport},
    prompt::Text,
};
use vestibule_oauth::{ErrorCode, Params, Problem, model::Client};

use super::{
    Desk, Place, clients,
    desk::{Base, part},
    form,
};
use crate::{
    admin::{
        AdminError, FieldFault,
        trials::{self, Begun, NewTrial, TrialView, Verdict},
    },
    answer,
    http::cookies::{Cookies, SESSION},
    pages::{
        Tone,
        console::{Action, Block, Cell, Choice, Fact, Field, Form, Say, Screen, Table},
        interaction,
    },
    state::State,
};

const HERE: Place = Place::Clients;
const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// The form on the page of a service provider.
pub(super) fn form(client: &Client, typed: Option<&Params>, faults: &[FieldFault], own: &str) -> Form {
    let value = |name: &str| typed.and_then(|typed| typed.get(name)).unwrap_or_default();
    let choice = |name: &str, one: &str| Choice::new(one, one, value(name) == one);
    let none = |name: &str| Choice::new("", Say::key("console.trial.nothing"), value(name).is_empty());
    let acrs = std::iter::once(none("acr_values")).chain(ACR_VALUES.iter().map(|acr| choice("acr_values", acr.value)));
    let prompts = std::iter::once(none("prompt")).chain(PROMPTS.iter().map(|prompt| choice("prompt", prompt)));
    let mut form = Form::new("trial", format!("{own}/try"), "console.trial.begin").plain().new_tab();
    if client.redirect_uris.len() > 1 {
        let uris = client.redirect_uris.iter().map(|uri| choice("redirect_uri", uri));
        form = form.field(Field::select("redirect_uri", "console.trial.redirect", uris));
    }
    form.field(Field::select("acr_values", "console.trial.acr", acrs))
        .field(Field::text("max_age", "console.trial.max_age", value("max_age")).hint("console.trial.max_age.hint"))
        .field(Field::select("prompt", "console.trial.prompt", prompts).hint("console.trial.prompt.hint"))
        .field(
            Field::check(
                "single_sign_on",
                "console.trial.sso",
                typed.is_some_and(|t| form::ticked(t, "single_sign_on")),
            )
            .hint("console.trial.sso.hint"),
        )
        .refused(faults)
}

fn asked(params: &Params) -> Result<NewTrial, Vec<FieldFault>> {
    let number = |text: String| {
        let wrong = |_| vec![FieldFault::new("/max_age", "a number of seconds is expected")];
        text.parse::<u32>().map_err(wrong)
    };
    Ok(NewTrial {
        redirect_uri: form::some(params, "redirect_uri"),
        acr_values: form::some(params, "acr_values").into_iter().collect(),
        max_age: form::some(params, "max_age").map(number).transpose()?,
        prompt: form::some(params, "prompt"),
        single_sign_on: form::ticked(params, "single_sign_on"),
    })
}

/// `POST /admin/clients/{id}/try`.
pub(super) async fn offer(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let offered = match asked(&params) {
        Ok(asked) => trials::offer(&desk.state, &desk.actor, &path, &asked).await,
        Err(faults) => Err(AdminError::Invalid(faults)),
    };
    match offered {
        Ok(link) => answer::see_other(&link.url),
        Err(AdminError::Invalid(faults)) => clients::show_refused_trial(&desk, &path, &params, &faults).await,
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `GET /admin/trials/new/{ticket}`.
pub(super) async fn begin(req: HttpRequest, state: Data<State>, ticket: Path<String>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let (state, req) = (&desk.state, &desk.req);
    let session = state.cookies.read(req, SESSION).and_then(|cookie| state.engine.session_ref(&cookie));
    match trials::begin(state, &desk.actor, &ticket, session).await {
        Ok(Begun::Run { id, binding }) => {
            let mut response = answer::see_other(&interaction::path(id));
            let mut cookies = vec![state.cookies.make(&Cookies::interaction(id), binding)];
            cookies.extend(state.cookies.surplus_interactions(req).iter().map(|old| state.cookies.remove(old)));
            for cookie in cookies {
                if let Err(error) = response.add_cookie(&cookie) {
                    tracing::error!(%error, "a cookie could not be set");
                }
            }
            response
        }
        Ok(Begun::Over(view)) => desk.show(HERE, screen(&view, &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `GET /admin/trials/{run}`.
pub(super) async fn result(req: HttpRequest, state: Data<State>, run: Path<String>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let Ok(run) = run.parse::<InteractionId>() else {
        return desk.refused(HERE, &AdminError::NotFound("test sign-in"));
    };
    let binding = desk.state.cookies.read(&desk.req, &Cookies::interaction(run));
    match trials::result(&desk.state, &desk.actor, run, binding.as_deref(), &desk.actor.cx).await {
        Ok(Some(view)) => desk.show(HERE, screen(&view, &desk.base())),
        Ok(None) => answer::see_other(&interaction::path(run)),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// What the application would get.
pub(super) fn screen(view: &TrialView, base: &Base) -> Screen {
    let client = base.to(&format!("/admin/clients/{}", part(&view.client)));
    let mut screen = Screen::new(Text::new("console.trial.title").with("name", &view.client_name))
        .lead("console.trial.lead")
        .crumb(base.to("/admin/clients"), Say::key("console.clients.title"))
        .crumb(client.as_str(), view.client_name.as_str())
        .with(verdict(view))
        .with(facts(view))
        .with(steps(view));
    if let Verdict::Passed { id_token, access_token, userinfo, .. } = &view.verdict {
        let all = [
            ("id-token", "console.trial.id_token", id_token.as_ref()),
            ("access-token", "console.trial.access_token", Some(access_token)),
            ("userinfo", "console.trial.userinfo", userinfo.as_ref()),
        ];
        screen = screen.with_all(all.into_iter().filter_map(|(id, label, claims)| Some(pretty(id, label, claims?))));
        if id_token.is_none() {
            let says = Say::key("console.trial.no_openid");
            screen = screen.with(Block::Paragraph { says });
        }
    }
    screen.alarmed = !matches!(view.verdict, Verdict::Passed { .. });
    screen.with(Block::Actions { actions: vec![Action::plain(format!("{client}#trial"), "console.trial.again")] })
}

fn verdict(view: &TrialView) -> Block {
    let (tone, says) = match &view.verdict {
        Verdict::Passed { .. } => (Tone::Good, vec![Say::key("console.trial.passed")]),
        Verdict::Refused(problem) => {
            let error = Text::new("console.trial.refused").with("error", problem.code.as_str());
            let mut says = vec![Say::Text(error), problem.description.as_str().into()];
            says.extend(view.denial.as_ref().map(|denial| Say::Plain(denial.to_string())));
            (Tone::Bad, says)
        }
        Verdict::Gone => (Tone::Bad, vec![Say::key("console.trial.gone")]),
    };
    Block::Note { tone, says }
}

fn facts(view: &TrialView) -> Block {
    let mut facts = vec![Fact::new("console.trial.user", view.user.iter().map(|(name, _)| name.as_str()))];
    if let Verdict::Passed { acr, amr, auth_time, .. } = &view.verdict {
        facts.push(Fact::new("console.trial.acr_reached", acr.as_deref()).code());
        facts.push(Fact::new("console.trial.amr", amr.iter().map(String::as_str)).code());
        facts.push(Fact::new("console.trial.auth_time", [*auth_time]));
    }
    if let Some((chain, revision)) = &view.chain {
        let named = Text::new("console.trial.chain.revision").with("chain", chain).with("revision", revision);
        facts.push(Fact::new("console.clients.chain", [Say::Text(named)]));
    }
    facts.push(Fact::new("console.trial.url", view.url.as_deref()).code());
    Block::Facts { facts }
}

fn steps(view: &TrialView) -> Table {
    let rows = view.steps.iter().enumerate().map(|(at, (ways, report))| {
        let ways = ways.iter().map(|name| Say::Text(label(&name.as_str().into())));
        let name = Cell::say(at.saturating_add(1).to_string());
        let ways = Cell { says: ways.collect(), ..Cell::default() };
        vec![name, ways, became(report)]
    });
    Table::new("steps", "console.trial.steps", &["step", "ways", "became"]).rows(rows)
}

/// What became of a step, and why.
fn became(report: &StepReport) -> Cell {
    let key = |state: &str| Text::new(&format!("console.trial.step.{state}"));
    let named = |by: &String| Say::Text(label(&by.as_str().into()));
    match report {
        StepReport::Satisfied { by, remembered: true, at } => {
            Cell { says: vec![key("remembered").into(), named(by), (*at).into()], ..Cell::default() }
        }
        StepReport::Satisfied { by, at, .. } => {
            Cell { says: vec![key("passed").into(), named(by), (*at).into()], ..Cell::default() }
        }
        StepReport::NotDue { because } => {
            Cell { says: vec![key("not_due").into(), because.as_str().into()], ..Cell::default() }
        }
        StepReport::Blocked { because } => {
            Cell { says: vec![key("blocked").into(), because.as_str().into()], ..Cell::default() }
        }
        StepReport::Due { condition_error } => {
            let error = condition_error.iter().map(|error| Say::Plain(error.clone()));
            Cell { says: std::iter::once(key("due").into()).chain(error).collect(), ..Cell::default() }
        }
    }
}

fn pretty(id: &str, label: &str, claims: &Map<String, Value>) -> Block {
    let text = serde_json::to_string_pretty(claims).unwrap_or_default();
    Block::Copy { id: id.to_owned(), label: Text::new(label), text }
}

/// Every state of the page, for the gallery.
pub(super) fn samples() -> Vec<(&'static str, TrialView)> {
    let at = vestibule_core::Time(1_795_442_570_000_000);
    let claims = |more: Value| {
        let mut all = json!({ "iss": "https://login.example.com", "sub": "01936b5e-7c1a-7e40-9d1f-3f2b8a6c4d21" });
        if let (Some(all), Some(more)) = (all.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        all.as_object().cloned().unwrap_or_default()
    };
    let passed = |openid: bool| Verdict::Passed {
        acr: Some("urn:vestibule:acr:2fa".to_owned()),
        amr: ["otp", "pwd", "sms"].map(str::to_owned).to_vec(),
        auth_time: at,
        id_token: openid.then(|| claims(json!({ "aud": "shop", "amr": ["otp", "pwd", "sms"] }))),
        access_token: claims(json!({ "client_id": "shop", "scope": "openid profile" })),
        userinfo: openid.then(|| claims(json!({ "name": "Ada", "preferred_username": "ada" }))),
    };
    let step = |way: &str, report: StepReport| (vec![way.to_owned()], report);
    let satisfied = |by: &str, remembered| StepReport::Satisfied { by: by.to_owned(), at, remembered };
    let whole = TrialView {
        client: "shop".to_owned(),
        client_name: "Shop".to_owned(),
        user: Some(("Ada".to_owned(), UserId(uuid::Uuid::nil()))),
        chain: Some(("two-doors".to_owned(), 3)),
        steps: vec![step("password", satisfied("password", false)), step("smsotp", satisfied("smsotp", false))],
        url: Some("https://shop.example.com/callback?code=%28not+made+in+a+trial%29&state=af0ifjsldkj".to_owned()),
        verdict: passed(true),
        denial: None,
        at,
    };
    let problem = |code| Problem::new(code, "the user cannot authenticate as this client demands");
    let denial = Denial::NoAlternative { step: 2, why: "no telephone number".to_owned() };
    let blocked = TrialView {
        steps: vec![
            step("password", satisfied("password", true)),
            step("smsotp", StepReport::Blocked { because: denial.to_string() }),
            step("smsotp", StepReport::NotDue { because: "no class that needs it was asked for".to_owned() }),
            step("smsotp", StepReport::Due { condition_error: Some("no such group".to_owned()) }),
        ],
        verdict: Verdict::Refused(problem(ErrorCode::AccessDenied)),
        denial: Some(denial),
        ..whole.clone()
    };
    let nobody = TrialView { user: None, chain: None, steps: Vec::new(), ..whole.clone() };
    let silent = TrialView { verdict: Verdict::Refused(problem(ErrorCode::LoginRequired)), ..nobody.clone() };
    let gone = TrialView { verdict: Verdict::Gone, url: None, ..nobody };
    let plain = TrialView { verdict: passed(false), ..whole.clone() };
    vec![("passed", whole), ("without-openid", plain), ("refused", blocked), ("told-at-once", silent), ("gone", gone)]
}
