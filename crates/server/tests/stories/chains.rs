//! Chains as an admin knows them: drafts, publication, history, the simulator and the editor, over a real server.

use std::{net::Ipv4Addr, sync::Arc};

use crate::support::{Browser, PHONE, Page, TestApp};
use serde_json::{Value, json};
use vestibule_core::{
    chain::{ChainDocument, Demand},
    engine::RequestContext,
    id::ChainName,
    id::UserId,
    simulate::Outcome,
    user::LoginName,
};
use vestibule_oauth::managed::{Managed, ObjectKind};
use vestibule_server::admin::{
    Actor, AdminError, Etag, Role, Via, Who,
    chains::{self, ChainView, NewChain, PlanRequest, Publish, SaveDraft},
    paging::PageQuery,
};

#[expect(clippy::needless_pass_by_value, reason = "a value written in place reads better without a `&`")]
fn document(steps: Value) -> ChainDocument {
    serde_json::from_value(json!({ "steps": steps })).unwrap()
}

fn sms() -> Value {
    json!({ "authenticator": "smsotp", "connection": "SMSOTP" })
}

fn actor(role: Role) -> Actor {
    let cx = RequestContext { ip: None, user_agent: None, device: None, request_id: "test".to_owned() };
    let who = Who::Person { user: UserId(uuid::Uuid::nil()), username: LoginName::parse("ada").unwrap(), role };
    Actor { who, permissions: role.permissions(), via: Via::Api, cx }
}

/// A desk without a browser.
struct Desk {
    app: TestApp,
    actor: Actor,
    name: ChainName,
}

impl Desk {
    async fn of(name: &str) -> Self {
        Self { app: TestApp::start().await, actor: actor(Role::Owner), name: name.into() }
    }

    async fn view(&self) -> ChainView {
        chains::get(&self.app.state, &self.actor, &self.name).await.unwrap().value
    }

    async fn etag(&self) -> Etag {
        self.view().await.etag()
    }

    async fn save(&self, steps: Value) {
        let save = SaveDraft { document: document(steps), base: None };
        let etag = self.etag().await;
        chains::save_draft(&self.app.state, &self.actor, &self.name, Some(&etag), save).await.unwrap();
    }

    async fn publish(&self, note: Option<&str>) -> Result<ChainView, AdminError> {
        let (etag, note) = (self.etag().await, note.map(str::to_owned));
        let done = chains::publish(&self.app.state, &self.actor, &self.name, Some(&etag), Publish { note }).await;
        done.map(|done| done.value)
    }

    async fn plan(&self, request: PlanRequest) -> chains::Simulated {
        chains::plan(&self.app.state, &self.actor, &self.name, &request).await.unwrap()
    }
}

#[tokio::test]
async fn a_draft_holds_for_nobody_until_it_is_published_and_the_history_tells_who_and_why() {
    let desk = Desk::of("staff").await;
    let (state, actor, name) = (&desk.app.state, &desk.actor, &desk.name);
    let new = || NewChain { name: "staff".to_owned(), document: document(json!([["password"]])) };
    chains::create(state, actor, new()).await.unwrap();
    assert!(matches!(chains::create(state, actor, new()).await, Err(AdminError::Taken(_))));
    assert_eq!((desk.view().await.revision(), desk.view().await.draft.unwrap().base), (0, 0));
    assert_eq!(desk.publish(Some(" the first ")).await.unwrap().revision(), 1);
    assert!(desk.view().await.draft.is_none());
    desk.save(json!([["password"], [sms()]])).await;
    assert_eq!(desk.view().await.published.unwrap().document.steps.len(), 1, "the draft holds for nobody");
    desk.publish(None).await.unwrap();
    let history = chains::history(state, actor, name, &PageQuery::default()).await.unwrap().items;
    let told: Vec<_> =
        history.iter().map(|entry| (entry.revision, entry.author.as_deref(), entry.note.as_deref())).collect();
    assert_eq!(told, [(2, Some("ada"), None), (1, Some("ada"), Some("the first"))]);
    assert!(history[0].current && history[0].changes == 1 && !history[1].current);
    let old = chains::revision(state, actor, name, 1).await.unwrap();
    assert_eq!(old.diff.count(), 1, "restoring it would take the second step away");
    let etag = desk.etag().await;
    chains::restore(state, actor, name, 1, Some(&etag)).await.unwrap();
    assert_eq!(desk.publish(None).await.unwrap().published.unwrap().document, document(json!([["password"]])));
    assert!(matches!(
        chains::restore(state, actor, name, 9, Some(&desk.etag().await)).await,
        Err(AdminError::NotFound(_))
    ));
    desk.save(json!([["password"]])).await;
    assert!(matches!(desk.publish(None).await, Err(AdminError::Refused(_))), "nothing would change");
}

#[tokio::test]
async fn a_108_of_sixteen_publishers_one_wins_and_the_others_see_what_is_there() {
    let desk = Arc::new(Desk::of("default").await);
    desk.save(json!([["password"]])).await;
    let etag = desk.etag().await;
    let publish = |n: usize| {
        let (desk, etag) = (Arc::clone(&desk), etag.clone());
        tokio::spawn(async move {
            let note = Publish { note: Some(n.to_string()) };
            chains::publish(&desk.app.state, &desk.actor, &desk.name, Some(&etag), note).await
        })
    };
    let mut won = 0;
    for attempt in (0..16).map(publish).collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(published) => {
                won += 1;
                assert_eq!(published.value.revision(), 2);
            }
            Err(AdminError::Stale { current, .. }) => assert_eq!(current["published"]["revision"], 2),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((won, desk.view().await.revision()), (1, 2));
}

#[tokio::test]
async fn somebody_else_s_draft_and_publication_are_not_overwritten_unseen() {
    let desk = Desk::of("default").await;
    let (state, actor, name) = (&desk.app.state, &desk.actor, &desk.name);
    let save = |base| SaveDraft { document: document(json!([["password"]])), base };
    let seen = desk.etag().await;
    assert!(matches!(chains::save_draft(state, actor, name, None, save(None)).await, Err(AdminError::VersionWanted)));
    chains::save_draft(state, actor, name, Some(&seen), save(None)).await.unwrap();
    let late = chains::save_draft(state, actor, name, Some(&seen), save(None)).await;
    let Err(AdminError::Stale { current, etag }) = late else { panic!("{late:?}") };
    assert_eq!((current["draft"]["author"].as_str(), etag), (Some("ada"), desk.etag().await));
    // Somebody publishes past the draft.
    desk.app.chain("default", json!([["password"], [sms()], [sms()]])).await;
    assert!(matches!(desk.publish(None).await, Err(AdminError::Stale { .. })));
    assert!(desk.view().await.overtaken());
    let etag = desk.etag().await;
    let stale = chains::save_draft(state, actor, name, Some(&etag), save(Some(1))).await;
    assert!(matches!(stale, Err(AdminError::Stale { .. })), "a base that is not published");
    chains::save_draft(state, actor, name, Some(&etag), save(Some(2))).await.unwrap();
    assert_eq!(desk.publish(None).await.unwrap().revision(), 3);
}

#[tokio::test]
async fn a_107_a_chain_that_would_lock_the_last_owner_out_is_not_published() {
    let desk = Desk::of("admin").await;
    let mut owner = desk.app.user("root", "root", None).await;
    owner.roles = vec![Role::Owner.name().to_owned()];
    let saved = owner.clone();
    desk.app.write(move |tx| tx.update_user(&saved)).await;
    desk.save(json!([["password"], [sms()]])).await;
    let checked = chains::check(&desk.app.state, &desk.actor, &desk.name, None).await.unwrap();
    assert!(checked.locks_out.as_ref().is_some_and(|why| why.contains("root")) && !checked.passes(), "{checked:?}");
    let before = desk.view().await.revision();
    assert!(matches!(desk.publish(None).await, Err(AdminError::LocksOut(_))));
    assert_eq!(desk.view().await.revision(), before, "nothing of it stays");
    (owner.phone_number, owner.phone_number_verified) = (Some(PHONE.to_owned()), true);
    desk.app.write(move |tx| tx.update_user(&owner)).await;
    assert_eq!(desk.publish(None).await.unwrap().revision(), before + 1);
}

#[tokio::test]
async fn errors_keep_a_chain_from_being_published_and_warnings_do_not() {
    let desk = Desk::of("default").await;
    for broken in [
        json!([]),
        json!([["password"], []]),
        json!([["password"], ["smsotp"]]),
        json!([["password"], [{ "authenticator": "smsotp", "connection": "gone" }]]),
        json!([["password"], ["telepathy"]]),
        json!([{ "alternatives": ["password"], "when": [{ "cel": "1 +" }] }]),
    ] {
        desk.save(broken.clone()).await;
        let refused = desk.publish(None).await;
        let Err(AdminError::Invalid(faults)) = refused else { panic!("{broken}: {refused:?}") };
        assert!(faults.iter().all(|fault| fault.pointer.starts_with("/draft/document/")), "{faults:?}");
    }
    // Every step has conditions: worth a warning.
    desk.save(json!([{ "alternatives": ["password"], "when": [{ "network": "10.0.0.0/8", "not": true }] }])).await;
    let checked = chains::check(&desk.app.state, &desk.actor, &desk.name, None).await.unwrap();
    assert!(!checked.problems.is_empty() && checked.passes(), "{checked:?}");
    assert!(desk.publish(None).await.is_ok());
}

#[tokio::test]
async fn a_chain_below_the_floor_of_the_policy_is_not_published_and_a_published_one_goes_on() {
    let app = TestApp::start_with(|settings| settings.policy.floor = vec![Demand::Factors(2)]).await;
    let desk = Desk { app, actor: actor(Role::Owner), name: "default".into() };
    let unless = json!({ "alternatives": [sms()], "when": [{ "network": "10.0.0.0/8", "not": true }] });
    for weak in [json!([["password"]]), json!([["password"], unless]), json!([["password"], ["password", sms()]])] {
        desk.save(weak.clone()).await;
        let checked = chains::check(&desk.app.state, &desk.actor, &desk.name, None).await.unwrap();
        assert_eq!(checked.passes(), weak[1][0] == "password", "{weak}: {checked:?}");
    }
    desk.save(json!([["password"]])).await;
    let Err(AdminError::Invalid(faults)) = desk.publish(None).await else { panic!("it was published") };
    let said: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.detail.as_str())).collect();
    let why = "somebody may come through with less than the policy demands: factors >= 2";
    assert_eq!(said, [("/draft/document/demands", why)]);
    let view = desk.view().await;
    assert_eq!(view.revision(), 1, "nothing of it stays");
    // What the chain demands itself is enough.
    let demanding = json!({ "steps": [["password"], unless], "demands": [{ "factors": 2 }] });
    let save = SaveDraft { document: serde_json::from_value(demanding).unwrap(), base: None };
    chains::save_draft(&desk.app.state, &desk.actor, &desk.name, Some(&view.etag()), save).await.unwrap();
    assert_eq!(desk.publish(None).await.unwrap().revision(), 2);
    // The console's own chain was made before anybody could have two factors.
    let weaker = || async { chains::below_floor(&desk.app.state).await.unwrap() };
    let found = weaker().await;
    assert!(found.contains(&"admin".into()) && !found.contains(&desk.name), "{found:?}");
    desk.app.chain("default", json!([["password"]])).await;
    assert!(weaker().await.contains(&desk.name));
}

#[tokio::test]
async fn the_editor_shows_the_floor_with_its_source_and_says_what_is_below_it_in_both_languages() {
    let app = TestApp::start_with(|settings| settings.policy.floor = vec![Demand::Factors(2)]).await;
    let mut browser = signed_in(&app).await;
    let page = browser.get("/admin/chains/admin").await;
    for said in
        ["The least that any chain must reach", "less than this server&#x27;s policy demands", "factors &gt;&#x3D; 2"]
    {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    let page = browser.get("/admin/chains/admin/publish").await;
    assert_eq!(page.status, 404, "there is no draft: {}", page.body);
    app.user("bob", "bob", None).await;
    let refused = browser.get("/admin/chains/default?try=yes&user=bob").await;
    assert!(refused.body.contains("no alternative of step <bdi>2</bdi> is open to this user"), "{}", refused.body);
    browser.headers.push(("accept-language".to_owned(), "de".to_owned()));
    let refused = browser.get("/admin/chains/default?try=yes&user=bob").await;
    for said in ["kein Verfahren von Schritt <bdi>2</bdi> steht diesem Benutzer offen", "der Benutzer hat keines"] {
        assert!(refused.body.contains(said), "{said}: {}", refused.body);
    }
    let nobody = browser.get("/admin/chains/default?try=yes&user=nobody").await;
    assert!(nobody.body.contains("Es gibt niemanden mit diesem Namen."), "{}", nobody.body);
}

#[tokio::test]
async fn whom_a_draft_would_keep_out_is_counted() {
    let desk = Desk::of("default").await;
    desk.app.alice().await;
    desk.app.user("bob", "bob", None).await;
    let kept = |steps| {
        let document = Some(document(steps));
        let desk = &desk;
        async move { chains::check(&desk.app.state, &desk.actor, &desk.name, document).await.unwrap().keeps_out }
    };
    let phone = kept(json!([["password"], [sms()]])).await;
    assert_eq!(phone.len(), 1);
    assert_eq!((phone[0].step, phone[0].count.lacking, phone[0].count.of, phone[0].sometimes), (2, 1, 2, false));
    assert_eq!(kept(json!([["password"], ["password", sms()]])).await, [], "the password is a way too");
    let staff = json!([["password"], { "alternatives": [sms()], "when": [{ "group": "staff" }] }]);
    assert_eq!(kept(staff).await, [], "nobody is in the group");
    let outside =
        json!([["password"], { "alternatives": [sms()], "when": [{ "network": "10.0.0.0/8", "not": true }] }]);
    assert!(kept(outside).await[0].sometimes);
}

#[tokio::test]
async fn a_chain_in_use_or_from_a_file_stays_and_a_role_decides_who_may() {
    let desk = Desk::of("default").await;
    let (state, name) = (&desk.app.state, &desk.name);
    let etag = desk.etag().await;
    assert!(matches!(chains::delete(state, &desk.actor, name, Some(&etag)).await, Err(AdminError::Refused(_))));
    let admin = ChainName::from("admin");
    let of_console = chains::get(state, &desk.actor, &admin).await.unwrap().etag;
    assert!(matches!(chains::delete(state, &desk.actor, &admin, Some(&of_console)).await, Err(AdminError::Refused(_))));
    for (role, reads) in [(Role::Helpdesk, false), (Role::Auditor, true)] {
        let actor = actor(role);
        assert_eq!(chains::get(state, &actor, name).await.is_ok(), reads, "{role:?}");
        let plan = chains::plan(state, &actor, name, &PlanRequest::default()).await;
        assert_eq!(plan.is_ok(), reads, "{role:?}");
        let save = SaveDraft { document: document(json!([["password"]])), base: None };
        let refused = [
            chains::save_draft(state, &actor, name, Some(&etag), save).await.map(drop),
            chains::publish(state, &actor, name, Some(&etag), Publish::default()).await.map(drop),
            chains::restore(state, &actor, name, 1, Some(&etag)).await.map(drop),
            chains::discard_draft(state, &actor, name, Some(&etag)).await,
            chains::delete(state, &actor, name, Some(&etag)).await,
        ];
        assert!(refused.iter().all(|done| matches!(done, Err(AdminError::Forbidden(_)))), "{role:?}: {refused:?}");
    }
    let applied_at = vestibule_core::Clock::now(&*desk.app.clock);
    let managed =
        Managed { kind: ObjectKind::Chain, name: "default".to_owned(), source: "chains.toml".to_owned(), applied_at };
    desk.app.write(move |tx| tx.set_managed(&managed)).await;
    let save = SaveDraft { document: document(json!([["password"]])), base: None };
    let refused = chains::save_draft(state, &desk.actor, name, Some(&desk.etag().await), save).await;
    assert!(matches!(refused, Err(AdminError::Managed(file)) if file == "chains.toml"));
}

#[tokio::test]
async fn a_condition_that_errs_makes_its_step_due_and_the_simulator_says_so() {
    let desk = Desk::of("default").await;
    desk.app.alice().await;
    desk.save(json!([["password"], { "alternatives": [sms()], "when": [{ "cel": "groups[7] == 'staff'" }] }])).await;
    let request = || PlanRequest { user: Some("alice".to_owned()), ..PlanRequest::default() };
    let simulated = desk.plan(request()).await;
    let second = &simulated.run.steps[1];
    assert_eq!(serde_json::to_value(&second.fate).unwrap()["state"], "runs");
    assert!(second.condition_error.is_some(), "{second:?}");
    assert!(simulated.same, "the published chain asks for the code as well");
    // And so it is in a real login.
    desk.publish(None).await.unwrap();
    let mut browser = desk.app.browser();
    desk.app.log_in(&mut browser, "alice", "alice", PHONE).await.answer("code").expect("a code after both steps");
}

#[tokio::test]
async fn a_remembered_device_spares_the_step_that_says_so_in_the_simulator_too() {
    let desk = Desk::of("default").await;
    desk.app.alice().await;
    desk.save(json!([["password"], { "alternatives": [sms()], "remember_device": 86400 }])).await;
    for (known_device, state) in [(false, "runs"), (true, "satisfied")] {
        let request = PlanRequest { user: Some("alice".to_owned()), known_device, ..PlanRequest::default() };
        let run = desk.plan(request).await.run;
        assert_eq!(serde_json::to_value(&run.steps[1].fate).unwrap()["state"], state, "{run:?}");
        assert!(matches!(run.outcome, Outcome::Granted { .. }));
    }
}

#[tokio::test]
async fn what_the_simulator_says_is_what_a_login_then_does() {
    let desk = Desk::of("default").await;
    desk.app.alice().await;
    desk.app.user("bob", "bob", None).await;
    let inside = |network: &str, not: bool| json!([["password"], { "alternatives": [sms()], "when": [{ "network": network, "not": not }] }]);
    for steps in [inside("127.0.0.0/8", true), inside("127.0.0.0/8", false), inside("10.0.0.0/8", true)] {
        desk.save(steps.clone()).await;
        desk.publish(None).await.unwrap();
        for user in ["alice", "bob"] {
            let ip = Some(Ipv4Addr::LOCALHOST.into());
            let request = PlanRequest {
                user: Some(user.to_owned()),
                client: Some("shop".to_owned()),
                ip,
                ..PlanRequest::default()
            };
            let said = desk.plan(request).await.run;
            let mut browser = desk.app.browser();
            let page = browser.open(&desk.app.authorize(&[])).await;
            let mut page = browser.submit(&page, "password", &[("username", user), ("password", user)]).await;
            let asked = page.body.contains(r#"name="code""#);
            assert_eq!(asked, said.steps[1].chosen.is_some(), "{steps} {user}: {said:?}");
            if asked {
                let code = desk.app.sms().code_to(PHONE).await;
                page = browser.submit(&page, "code", &[("code", &code)]).await;
            }
            match said.outcome {
                Outcome::Granted { amr, acr, .. } => {
                    let claims = claims(&desk.app.exchange(&page).await);
                    assert_eq!((claims["amr"].clone(), claims["acr"].as_str()), (json!(amr), acr), "{steps} {user}");
                }
                refused => assert!(page.answer("code").is_none(), "{steps} {user}: {refused:?}"),
            }
            desk.app.advance(3600);
        }
    }
}

fn claims(answer: &Page) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = answer.json()["id_token"].as_str().unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// An owner at the console.
async fn signed_in(app: &TestApp) -> Browser {
    let mut owner = app.user("root", "root", Some("+491709999999")).await;
    owner.roles = vec![Role::Owner.name().to_owned()];
    app.write(move |tx| tx.update_user(&owner)).await;
    let mut browser = app.browser();
    let page = browser.open("/admin/chains").await;
    let page = browser.submit(&page, "password", &[("username", "root"), ("password", "root")]).await;
    assert!(page.status.is_success() && page.body.contains("/admin/chains/new"), "{}", page.body);
    browser
}

/// Presses a button on the card of a step, counted from 0.
async fn press(browser: &mut Browser, page: &Page, step: usize, act: &str) -> Page {
    let at = step.to_string();
    let forms = page.forms();
    let ours = |form: &&crate::support::html::Form| {
        form.has_button("act", act) && form.inputs.contains(&("step".to_owned(), at.clone()))
    };
    let form = forms.iter().find(ours).unwrap_or_else(|| panic!("no {act} at {step}: {}", page.body));
    let filled = form.filled(&[("act", act)]);
    let answer = browser.request(reqwest::Method::POST, &form.action, Some(&filled)).await;
    browser.follow(answer).await
}

/// Sends the form with this act (and, where there are several, this place), filled in so.
async fn send(browser: &mut Browser, page: &Page, act: &str, values: &[(&str, &str)]) -> Page {
    let forms = page.forms();
    let form = forms.iter().find(|form| form.inputs.contains(&("act".to_owned(), act.to_owned())));
    let form = form.unwrap_or_else(|| panic!("no {act}: {}", page.body));
    let answer = browser.request(reqwest::Method::POST, &form.action, Some(&form.filled(values))).await;
    browser.follow(answer).await
}

#[tokio::test]
async fn a_chain_is_written_published_and_restored_without_javascript() {
    let app = TestApp::start().await;
    let mut browser = signed_in(&app).await;
    let page = browser.get("/admin/chains/new").await;
    let refused = browser.submit(&page, "template", &[("name", "no name!"), ("template", "password_sms")]).await;
    assert!(refused.status == 422 && refused.body.contains("no name!"), "{}", refused.body);
    let page = browser.submit(&refused, "template", &[("name", "staff"), ("template", "password_sms")]).await;
    assert_eq!(page.body.matches("class=\"card\"").count(), 2, "{}", page.body);
    // The second step first, and back; the focus stays on the card that was moved.
    let page = press(&mut browser, &page, 1, "up").await;
    assert!(page.url.query().unwrap().contains("moved=0") && page.body.contains("Step 1 of 2"), "{}", page.url);
    assert_eq!(page.body.matches(" autofocus").count(), 1, "{}", page.body);
    let page = press(&mut browser, &page, 0, "down").await;
    let page = press(&mut browser, &page, 1, "duplicate").await;
    let page = press(&mut browser, &page, 2, "remove").await;
    // A condition, first with a mistake in it.
    let step = browser.get("/admin/chains/staff/steps/2?kind=network").await;
    let wrong = send(&mut browser, &step, "when_add", &[("value", "10.0.0.0/99"), ("not", "yes")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("value=\"10.0.0.0/99\"") && wrong.body.contains("aria-invalid"));
    let step = send(&mut browser, &wrong, "when_add", &[("value", "10.0.0.0/8"), ("not", "yes")]).await;
    assert!(step.status.is_success() && step.body.contains("not on the network"), "{}", step.body);
    let step = send(&mut browser, &step, "way", &[("setting.tries", "3")]).await;
    let step = send(&mut browser, &step, "step", &[("remember_device", "30d")]).await;
    assert!(step.body.contains("remembered on the device for 30 days"), "{}", step.body);
    drop(page);
    // Simulated from inside and from outside.
    let inside = browser.get("/admin/chains/staff?try=yes&user=root&ip=10.1.2.3").await;
    assert!(inside.body.contains("not due") && inside.body.contains("urn:vestibule:acr:1fa"), "{}", inside.body);
    let outside = browser.get("/admin/chains/staff?try=yes&user=root&ip=192.0.2.1").await;
    assert!(outside.body.contains("urn:vestibule:acr:2fa"), "{}", outside.body);
    let nobody = browser.get("/admin/chains/staff?try=yes&user=nobody").await;
    assert!(nobody.body.contains("There is nobody of this name"), "{}", nobody.body);
    // Published with a note, seen in the history, changed, restored.
    let page = browser.get("/admin/chains/staff/publish").await;
    let page = browser.submit(&page, "note", &[("note", "Codes outside of the office")]).await;
    assert!(page.body.contains("Revision <bdi>1</bdi>"), "{}", page.body);
    let page = press(&mut browser, &page, 1, "remove").await;
    assert!(page.body.contains("draft"), "{}", page.body);
    let page = browser.get("/admin/chains/staff/publish").await;
    assert!(page.body.contains("removed"), "{}", page.body);
    browser.submit(&page, "note", &[]).await;
    let history = browser.get("/admin/chains/staff/history?revision=1").await;
    assert!(history.body.contains("Codes outside of the office") && history.body.contains("root"), "{}", history.body);
    let restored = browser.submit(&history, "revision", &[]).await;
    assert_eq!(restored.body.matches("class=\"card\"").count(), 2, "{}", restored.body);
    let kept = app.read(|tx| tx.chain_draft(&"staff".into())).await.unwrap();
    let wanted = json!({
        "alternatives": [{ "authenticator": "smsotp", "connection": "SMSOTP", "settings": { "tries": 3 } }],
        "when": [{ "network": "10.0.0.0/8", "not": true }], "remember_device": 2_592_000,
    });
    assert_eq!(serde_json::to_value(&kept.document.steps[1]).unwrap(), wanted);
}

#[tokio::test]
async fn two_at_one_chain_see_each_other_and_choose() {
    let app = TestApp::start().await;
    let mut ada = signed_in(&app).await;
    let opened = ada.get("/admin/chains/default").await;
    let mut other = ada.clone();
    let theirs = press(&mut other, &opened, 1, "remove").await;
    assert!(theirs.status.is_success());
    let conflict = press(&mut ada, &opened, 1, "duplicate").await;
    assert_eq!(conflict.status, 409, "{}", conflict.body);
    assert!(conflict.body.contains("What is there now") && conflict.body.contains("duplicate"), "{}", conflict.body);
    // Somebody publishes past the draft: both ways are shown, and one's own can go on.
    app.chain("default", json!([["password"], [sms()], [sms()]])).await;
    let page = ada.get("/admin/chains/default/publish").await;
    assert_eq!(page.status, 409, "{}", page.body);
    let page = ada.submit(&page, "base", &[]).await;
    assert!(page.status.is_success(), "{}", page.body);
    let page = ada.get("/admin/chains/default/publish").await;
    let page = ada.submit(&page, "note", &[]).await;
    assert!(page.body.contains("Revision <bdi>3</bdi>"), "{}", page.body);
}

#[tokio::test]
async fn a_chain_from_a_file_is_shown_with_its_text_and_not_changed() {
    let app = TestApp::start().await;
    let mut browser = signed_in(&app).await;
    let applied_at = vestibule_core::Clock::now(&*app.clock);
    let managed =
        Managed { kind: ObjectKind::Chain, name: "default".to_owned(), source: "chains.toml".to_owned(), applied_at };
    app.write(move |tx| tx.set_managed(&managed)).await;
    let page = browser.get("/admin/chains/default").await;
    assert!(page.body.contains("chains.toml") && page.body.contains("[[chain]]"), "{}", page.body);
    assert!(!page.body.contains("name=\"act\""), "{}", page.body);
    assert_eq!(browser.get("/admin/chains/default/steps/1").await.status, 409);
}
