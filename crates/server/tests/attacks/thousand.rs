//! A thousand at once: of all who bring one thing that is good for once, one passes, and what is judged stays inside the budget.
//!
//! They come by the engine, with the authenticators and the store of a server (two of them on PostgreSQL): a thousand
//! connections would measure this machine. Over HTTP there are sixteen in `otp` and `totp`, and 64 for each kind of link beside
//! the tests of that link.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule_authn_recovery::Bypass;
use vestibule_authn_totp::{Algorithm, Device, Digits};
use vestibule_core::{
    Clock as _,
    authenticator::opaque_id,
    budget::{Limits, Rule},
    engine::{Acted, Answer, Body, RequestContext, Start, Started},
    id::{ChallengeId, CredentialId, InteractionId},
    random::SystemRandom,
    user::{Credential, User},
};
use vestibule_server::{config::Settings, state::State};

use crate::{
    house::{Database, at_once, at_the_code, audited, on_both_databases, rows},
    support::{PHONE, TestApp},
};

on_both_databases! {
    a_074_of_a_thousand_right_codes_by_sms_one_passes,
    a_074_of_a_thousand_right_codes_by_mail_one_passes,
    a_074_of_a_thousand_wrong_codes_by_sms_five_are_judged,
    a_084_of_a_thousand_with_one_step_of_an_app_one_passes,
    a_092_of_a_thousand_with_one_recovery_code_one_passes,
    a_095_of_a_thousand_with_one_bypass_code_one_passes,
}

const MANY: usize = 1000;
/// So many tries has somebody in one network before they wait.
const TRIES: usize = 10;

/// Budgets that none of them meets, where it is asked whether two can win and not whether they have to wait.
fn wide(settings: &mut Settings) {
    let wide = |rule: Rule| Rule { limit: 10_000, ..rule };
    let Limits { tries, ceiling, network, .. } = &mut settings.limits.budgets;
    (*tries, *ceiling, *network) = (wide(*tries), wide(*ceiling), wide(*network));
}

fn cx() -> RequestContext {
    let ip = "192.0.2.1".parse().ok();
    RequestContext { ip, user_agent: None, device: None, request_id: "r".to_owned() }
}

/// A run in a browser, and the page that it shows.
#[derive(Clone, Copy)]
struct Run {
    id: InteractionId,
    version: i64,
    challenge: Option<ChallengeId>,
}

/// The page of a run.
async fn shown(state: &State, id: InteractionId) -> Run {
    let view = state.engine.view(id, Some(&state.engine.binding(id)), &cx()).await.unwrap();
    let Body::Step(step) = view.body else { panic!("{:?}", view.body) };
    Run { id, version: view.version, challenge: step.challenge.map(|challenge| challenge.id) }
}

/// The run that a browser opened.
async fn opened(app: &TestApp, path: &str) -> InteractionId {
    let id = path.strip_prefix("/interaction/").unwrap().parse().unwrap();
    shown(&app.state, id).await.id
}

/// A thousand runs that ask for the same, each as if in a browser of its own.
async fn runs(app: &TestApp) -> Vec<Run> {
    let page = app.browser().open(&app.authorize(&[])).await;
    let first = opened(app, page.url.path()).await;
    let request = app.read(move |tx| tx.interaction(first)).await.unwrap().request;
    let begun = (0..MANY).map(|_| {
        let start = Start { request: request.clone(), chain: "default".into(), session: None, interactive: true };
        let state = Arc::clone(&app.state);
        async move {
            match state.engine.start(start, &cx()).await.unwrap() {
                Started::Interaction { id, .. } => id,
                other => panic!("{other:?}"),
            }
        }
    });
    let ids = at_once(begun).await;
    let like = shown(&app.state, ids[0]).await;
    ids.into_iter().map(|id| Run { id, ..like }).collect()
}

/// Gives the same answer in all of these runs at once, in turn at the two instances where there are two; how many were signed
/// in by it.
async fn all_answer(app: &TestApp, second: Option<&TestApp>, runs: Vec<Run>, fields: &[(&str, &str)]) -> usize {
    let states: Vec<_> = [Some(app), second].into_iter().flatten().map(|app| Arc::clone(&app.state)).collect();
    let jobs = runs.into_iter().zip(states.iter().cycle()).map(|(Run { id, version, challenge }, state)| {
        let (state, answer) =
            (Arc::clone(state), Answer { version, challenge, fields: fields.iter().copied().collect() });
        async move {
            let binding = state.engine.binding(id);
            // Whoever finds the database busy is told to come again: that is no pass.
            let acted = state.engine.answer(id, Some(&binding), answer, &cx()).await;
            matches!(acted, Ok(Acted::Closed { .. }))
        }
    });
    at_once(jobs).await.into_iter().filter(|passed| *passed).count()
}

/// That one was signed in, whatever the others were told.
fn one_passed(app: &TestApp, passed: usize) {
    assert_eq!((passed, rows(app, "grants"), rows(app, "sessions"), rows(app, "codes")), (1, 1, 1, 1));
}

/// A server, its second instance, and alice, who has a number.
async fn house(
    database: Database,
    steps: Value,
    change: fn(&mut Settings),
) -> Option<(TestApp, Option<TestApp>, User)> {
    let app = database.start_with(change).await?;
    let mail = json!({ "name": "Mail", "kind": "mail", "settings": { "preset": "outbox" } });
    let mail = serde_json::from_value(mail).unwrap();
    app.write(move |tx| tx.put_connection(&mail)).await;
    app.chain("default", steps).await;
    let alice = app.alice().await;
    let second = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(app.beside().await),
    };
    Some((app, second, alice))
}

fn by(authenticator: &str, connection: &str) -> Value {
    json!([["password"], [{ "authenticator": authenticator, "connection": connection }]])
}

/// The code of six digits in the latest message to somebody.
async fn code_to(app: &TestApp, to: &str) -> String {
    let text = app.sms().latest_to(to).await;
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.rfind(is_code).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

/// One run, at the page that asks for a code, and the code.
async fn asked(app: &TestApp, to: &str) -> (Vec<Run>, String) {
    let page = at_the_code(app, &mut app.browser()).await;
    let run = shown(&app.state, opened(app, page.url.path()).await).await;
    (vec![run; MANY], code_to(app, to).await)
}

async fn right_codes(database: Database, authenticator: &str, connection: &str, to: &str) {
    let Some((app, second, _)) = house(database, by(authenticator, connection), wide).await else { return };
    let (runs, code) = asked(&app, to).await;
    one_passed(&app, all_answer(&app, second.as_ref(), runs, &[("code", &code)]).await);
    assert_eq!(audited(&app, "otp.passed").await.len(), 1);
}

async fn a_074_of_a_thousand_right_codes_by_sms_one_passes(database: Database) {
    right_codes(database, "smsotp", "SMSOTP", PHONE).await;
}

async fn a_074_of_a_thousand_right_codes_by_mail_one_passes(database: Database) {
    right_codes(database, "emailotp", "Mail", "alice@example.com").await;
}

async fn a_074_of_a_thousand_wrong_codes_by_sms_five_are_judged(database: Database) {
    let Some((app, second, _)) = house(database, by("smsotp", "SMSOTP"), wide).await else { return };
    let (runs, code) = asked(&app, PHONE).await;
    let wrong = if code.starts_with('9') { "812345" } else { "912345" };
    let id = runs[0].id;
    // Each wave answers the page as it is then: a stale page is not even judged.
    for _ in 0..MANY / 100 {
        let page = shown(&app.state, id).await;
        assert_eq!(all_answer(&app, second.as_ref(), vec![page; 100], &[("code", wrong)]).await, 0);
    }
    let judged = audited(&app, "otp.rejected").await.len();
    assert!((1..=5).contains(&judged), "{judged}");
    let page = shown(&app.state, id).await;
    assert_eq!(all_answer(&app, second.as_ref(), vec![page], &[("code", &code)]).await, 0, "the code is dead");
    assert_eq!(rows(&app, "grants"), 0);
}

/// Somebody has this besides.
async fn has(app: &TestApp, user: &User, authenticator: &str, secret: secrecy::SecretString) {
    let (now, random) = (app.clock.now(), SystemRandom::default());
    let credential = Credential {
        id: CredentialId::new(now, &random),
        user: user.id,
        authenticator: authenticator.into(),
        label: None,
        secret,
        version: 1,
        created_at: now,
    };
    app.write(move |tx| tx.insert_credential(&credential)).await;
}

/// A thousand runs are given one code that is the whole sign-in: with budgets that nobody meets, and with the usual ones.
async fn one_of_all(
    database: Database,
    authenticator: &str,
    kept: impl Fn(&TestApp, &User) -> (String, secrecy::SecretString),
) {
    for change in [wide as fn(&mut Settings), |_| {}] {
        let Some((app, second, alice)) = house(database, json!([[authenticator]]), change).await else { return };
        let (code, secret) = kept(&app, &alice);
        has(&app, &alice, authenticator, secret).await;
        let runs = runs(&app).await;
        let fields = [("username", "alice"), ("code", code.as_str())];
        one_passed(&app, all_answer(&app, second.as_ref(), runs, &fields).await);
        let judged = audited(&app, "step.rejected").await.len();
        let usual = app.settings.limits.budgets.tries.limit == Limits::default().tries.limit;
        assert!(!usual || judged <= TRIES, "{judged} were judged");
    }
}

async fn a_084_of_a_thousand_with_one_step_of_an_app_one_passes(database: Database) {
    const KEY: [u8; 20] = *b"12345678901234567890";
    one_of_all(database, "totp", |app, _| {
        let at = u64::try_from(app.clock.now().unix_seconds()).unwrap();
        let code = totp_rs::Builder::new().with_secret(KEY).build().unwrap().generate(at).to_string();
        (code, Device::new(KEY.into(), Algorithm::Sha1, Digits::Six).secret().unwrap())
    })
    .await;
}

async fn a_092_of_a_thousand_with_one_recovery_code_one_passes(database: Database) {
    one_of_all(database, "recovery", |app, alice| {
        let kept = |code: &str| opaque_id(&app.state.prf, Some(alice.id), &format!("recovery code {code}"));
        let left = [kept("0123456789"), kept("ABCDEFGHJK")];
        ("01234-56789".to_owned(), json!({ "is": "codes", "left": left }).to_string().into())
    })
    .await;
}

async fn a_095_of_a_thousand_with_one_bypass_code_one_passes(database: Database) {
    use secrecy::ExposeSecret as _;
    one_of_all(database, "recovery", |app, alice| {
        let ends = app.clock.now() + std::time::Duration::from_secs(600);
        let made = vestibule_authn_recovery::bypass(&app.state.prf, alice, &SystemRandom::default(), ends);
        let Bypass { code, secret } = made.unwrap();
        (code.expose_secret().to_owned(), secret)
    })
    .await;
}
