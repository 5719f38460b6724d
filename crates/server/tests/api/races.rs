//! Two editors: one wins, and the other sees what is there.

use serde_json::json;
use tokio::task::JoinSet;
use vestibule_server::admin::Role;

use crate::house::{admin, person, server};

#[tokio::test]
async fn a_108_of_sixteen_editors_one_wins() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let path = format!("/users/{}", person(&app, "ada", &[]).await.id);
    let tag = admin.get(&path).await.header("etag").to_owned();
    let mut editors = JoinSet::new();
    for number in 0..16 {
        let (editor, path) = (admin.with("if-match", &tag), path.clone());
        editors.spawn(async move {
            editor.call("PATCH", &path, Some(&json!({ "display_name": format!("Ada {number}") }))).await
        });
    }
    let answers = editors.join_all().await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let now = admin.get(&path).await;
    assert_eq!(won[0].json(), now.json());
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((lost.status.as_u16(), lost.problem().as_str()), (412, "stale"));
        assert_eq!((&lost.json()["current"], lost.header("etag")), (&now.json(), now.header("etag")));
    }
}

#[tokio::test]
async fn a_change_says_which_version_it_was_made_from() {
    let app = server().await;
    let admin = admin(&app, Role::Admin).await;
    let path = format!("/users/{}", person(&app, "ada", &[]).await.id);
    for (method, body) in [("PATCH", Some(json!({ "display_name": "A" }))), ("DELETE", None)] {
        let missing = admin.call(method, &path, body.as_ref()).await;
        assert_eq!((missing.status.as_u16(), missing.problem().as_str()), (428, "version-wanted"), "{method}");
        for (tag, status) in
            [("*", 428), ("\"old\"", 412), ("unquoted", 400), ("W/\"weak\"", 400), ("\"a\", \"b\"", 400)]
        {
            let refused = admin.with("if-match", tag).call(method, &path, body.as_ref()).await;
            assert_eq!(refused.status, status, "{method} {tag}");
        }
    }
    let read = admin.get(&path).await;
    assert_eq!(admin.with("if-none-match", read.header("etag")).get(&path).await.status, 304);
    let tag = read.header("etag").to_owned();
    let minimal = admin.with("if-match", &tag).with("prefer", "return=minimal");
    let changed = minimal.call("PATCH", &path, Some(&json!({ "display_name": "A" }))).await;
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (204, ""));
    assert_ne!(changed.header("etag"), tag);
}
