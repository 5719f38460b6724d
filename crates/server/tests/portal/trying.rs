//! Trying a way to sign in out, and codes on paper: which are offered, and when they run short.

use serde_json::json;
use vestibule_core::{
    Clock as _,
    id::{CredentialId, UserId},
    random::SystemRandom,
    user::Credential,
};

use super::{TestApp, app_key, audited, easy, enters, posts, support::PHONE, takes_the_way};

/// A sheet with so many codes left.
async fn sheet(app: &TestApp, user: UserId, left: usize) -> CredentialId {
    let now = app.clock.now();
    let id = CredentialId::new(now, &SystemRandom::default());
    let codes: Vec<String> = (0..left).map(|n| format!("hash {n}")).collect();
    let credential = Credential {
        id,
        user,
        authenticator: "recovery".into(),
        label: None,
        secret: json!({ "is": "codes", "left": codes }).to_string().into(),
        version: 1,
        created_at: now,
    };
    app.write(move |tx| tx.insert_credential(&credential)).await;
    id
}

#[tokio::test]
async fn whether_a_way_works_is_seen_by_using_it() {
    let (app, _) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors/phone").await;
    app.advance(2);
    let asked = posts(&mut browser, &page, "/portal/factors/phone/test", &[]).await;
    let asked = takes_the_way(&mut browser, asked).await;
    app.sms().wait_for(PHONE, 1).await;
    let wrong = browser.submit(&asked, "code", &[("code", "000000")]).await;
    assert!(wrong.url.path().starts_with("/interaction/"), "{}", wrong.body);
    let code = app.sms().code_to(PHONE).await;
    let done = browser.submit(&wrong, "code", &[("code", &code)]).await;
    assert_eq!((done.status.as_u16(), done.url.path()), (200, "/portal/factors"), "{}", done.body);
    assert!(done.body.contains("This works."), "{}", done.body);
    // The address alone says nothing.
    assert!(!browser.open("/portal/factors?tested=totp").await.body.contains("This works."));
    app.advance(301);
    assert!(!browser.open("/portal/factors?tested=smsotp").await.body.contains("This works."));
    assert!(audited(&app, "factor.enrolled").await.is_empty(), "nothing else changed");
}

#[tokio::test]
async fn an_app_is_tried_out_by_its_next_code_and_not_that_of_somebody_else() {
    let (app, alice) = easy().await;
    let own = app_key(&app, alice.id).await;
    let mallory = app.user("mallory", "mallory", None).await;
    let hers = app_key(&app, mallory.id).await;
    let codes = sheet(&app, alice.id, 10).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, &format!("/portal/factors/{}", own.id)).await;
    let test = |id: CredentialId| format!("/portal/factors/{id}/test");
    for id in [hers.id, codes] {
        assert_eq!(posts(&mut browser, &page, &test(id), &[]).await.status, 404);
    }
    assert_eq!(browser.post(&test(own.id), &[]).await.status, 403);
    assert_eq!(browser.get(&test(own.id)).await.status, 405);
    assert!(!browser.open(&format!("/portal/factors/{codes}")).await.body.contains("/test"), "a try would use one up");
    app.advance(2);
    let asked = posts(&mut browser, &page, &test(own.id), &[]).await;
    assert!(asked.url.path().starts_with("/interaction/"), "{}", asked.body);
    let at = u64::try_from(app.clock.now().unix_seconds()).unwrap();
    let device = totp_rs::Builder::new().with_secret(vec![7; 20]).build().unwrap();
    let done = browser.submit(&asked, "code", &[("code", &device.generate(at).to_string())]).await;
    assert!(done.body.contains("This works."), "{}", done.body);
}

#[tokio::test]
async fn codes_on_paper_are_no_first_way_and_are_missed_before_they_run_out() {
    let (app, mut alice) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    assert!(page.body.contains("/portal/factors/add/recovery"), "beside a telephone: {}", page.body);
    sheet(&app, alice.id, 4).await;
    assert!(!browser.open("/portal").await.body.contains("recovery codes left"));
    assert!(browser.open("/portal/factors").await.body.contains("Can be used 4 more times"));
    let few = sheet(&app, alice.id, 3).await;
    assert!(!browser.open("/portal").await.body.contains("recovery codes left"), "the other sheet is still good");
    let all = app.read(move |tx| tx.credentials(alice.id, &"recovery".into())).await;
    app.write(move |tx| {
        all.iter().filter(|own| own.id != few).try_for_each(|own| tx.delete_credential(own.id).map(drop))
    })
    .await;
    let page = browser.open("/portal").await;
    assert!(page.body.contains("You have <bdi>3</bdi> recovery codes left."), "{}", page.body);

    (alice.phone_number, alice.phone_number_verified) = (None, false);
    app.write(move |tx| tx.update_user(&alice)).await;
    let page = browser.open("/portal/factors").await;
    assert!(!page.body.contains("/portal/factors/add/recovery"), "they would be the only way: {}", page.body);
    assert_eq!(posts(&mut browser, &page, "/portal/factors/add/recovery", &[]).await.status, 404);
}
