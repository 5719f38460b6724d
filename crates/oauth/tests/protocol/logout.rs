//! Logout asked for by a client.

use vestibule_core::{session::Session, time::Clock as _};
use vestibule_oauth::{
    ErrorPage,
    logout::{LogoutPlan, Then, plan_logout},
};

use crate::world::{Texts as _, World, param, query};

struct Scene {
    world: World,
    session: Session,
    hint: String,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (url, session) = world.sign_in(&query(&[])).await;
    let hint = world.exchange("shop", &param(&url, "code").unwrap(), &[]).await.unwrap().id();
    let session = world.session(session).await.unwrap();
    Scene { world, session, hint }
}

impl Scene {
    fn plan(
        &self,
        pairs: &[(&str, &str)],
        session: Option<&Session>,
        confirmed: bool,
    ) -> Result<LogoutPlan, ErrorPage> {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let snapshot = self.world.current.get();
        plan_logout(query.as_bytes(), session, confirmed, &snapshot, self.world.clock.now())
    }

    fn here(&self, pairs: &[(&str, &str)]) -> Result<LogoutPlan, ErrorPage> {
        self.plan(pairs, Some(&self.session), false)
    }
}

fn bye() -> (&'static str, &'static str) {
    ("post_logout_redirect_uri", "https://shop.example/bye")
}

fn sent(to: &str) -> Then {
    Then::Redirect(to.parse().unwrap())
}

#[tokio::test]
async fn the_id_token_of_this_session_ends_it() {
    let scene = scene().await;
    scene.world.wait(3600);
    let hint = ("id_token_hint", scene.hint.as_str());
    let end = |then| Ok(LogoutPlan::End { session: scene.session.id, then });
    assert_eq!(scene.here(&[hint]), end(Then::Page));
    assert_eq!(scene.here(&[hint, bye(), ("state", "a b")]), end(sent("https://shop.example/bye?state=a+b")));
    assert_eq!(scene.here(&[hint, bye(), ("client_id", "shop")]), end(sent("https://shop.example/bye")));
    let gone = scene.plan(&[hint, bye()], None, false);
    assert_eq!(gone, Ok(LogoutPlan::SignedOut(sent("https://shop.example/bye"))));
}

#[tokio::test]
async fn a_103_without_a_token_of_this_session_the_person_is_asked() {
    let scene = scene().await;
    assert_eq!(scene.here(&[]), Ok(LogoutPlan::Confirm { client_name: None }));
    let named = scene.here(&[("client_id", "shop"), bye()]);
    assert_eq!(named, Ok(LogoutPlan::Confirm { client_name: Some("The shop".to_owned()) }));
    // A token of another session of the same person.
    let other = scene.world.tokens().await.id();
    let foreign = scene.here(&[("id_token_hint", &other), bye()]);
    assert_eq!(foreign, Ok(LogoutPlan::Confirm { client_name: Some("The shop".to_owned()) }));
    let confirmed = scene.plan(&[("client_id", "shop"), bye()], Some(&scene.session), true);
    assert_eq!(confirmed, Ok(LogoutPlan::End { session: scene.session.id, then: sent("https://shop.example/bye") }));
}

#[tokio::test]
async fn a_103_a_forged_hint_is_an_error_page() {
    let scene = scene().await;
    let forged = format!("{}AAAA", &scene.hint[..scene.hint.len() - 4]);
    for bad in [forged.as_str(), "x", "a.b.c"] {
        assert_eq!(scene.here(&[("id_token_hint", bad), bye()]), Err(ErrorPage::BadHint), "{bad}");
    }
    let other = scene.here(&[("id_token_hint", &scene.hint), ("client_id", "bank")]);
    assert_eq!(other, Err(ErrorPage::HintOfOtherClient("bank".into())));
}

#[tokio::test]
async fn a_103_nobody_is_sent_to_an_unregistered_uri() {
    let scene = scene().await;
    let hint = ("id_token_hint", scene.hint.as_str());
    for off in [
        "https://shop.example/bye/",
        "https://shop.example/BYE",
        "https://shop.example/bye?x",
        "https://shop.example/cb",
        "https://bank.example/bye",
        "https://evil.example/",
        "javascript:alert(1)",
    ] {
        let refused = scene.here(&[hint, ("post_logout_redirect_uri", off)]);
        assert!(matches!(refused, Err(ErrorPage::UnregisteredUri { .. })), "{off}");
        let confirmed = scene.plan(&[("client_id", "shop"), ("post_logout_redirect_uri", off)], None, true);
        assert!(matches!(confirmed, Err(ErrorPage::UnregisteredUri { .. })), "{off}");
    }
    assert_eq!(scene.here(&[bye()]), Err(ErrorPage::NoClient), "registered by whom?");
    assert_eq!(scene.here(&[hint, bye(), bye()]), Err(ErrorPage::Repeated("post_logout_redirect_uri")));
}
