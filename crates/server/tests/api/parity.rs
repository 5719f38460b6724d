//! Whatever can be done at the console can be done by the API: every form and every button of every page, in every state that the
//! gallery shows, leads to a page that an operation names.
//!
//! **When this fails**, a form leads somewhere that no operation of `crates/server/src/admin/operations.rs` has in its last
//! brackets: add the path there, or the operation that is missing. The other way round, an operation whose page has no form
//! and no screen fails the second test.

use std::collections::BTreeSet;

use vestibule_server::admin::operations;

use crate::support::{TestApp, html};

/// What a visitor does with their own browser, or to find a page: no operation of an admin.
const OWN: [&str; 3] = ["/admin/confirm", "/admin/sign-out", "/admin/enter/{link}"];

/// Whether a path is one of a page: a part in braces is any.
fn is_of(page: &str, path: &str) -> bool {
    let (page, path): (Vec<_>, Vec<_>) = (page.split('/').collect(), path.split('/').collect());
    page.len() == path.len() && page.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}

fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    operations::ALL.iter().flat_map(|operation| operation.console.iter().map(|page| (*page, operation.id)))
}

#[tokio::test]
async fn every_form_of_the_console_is_of_an_operation() {
    let app = TestApp::start_dev().await;
    let mut browser = app.browser();
    let index = browser.get("/dev/gallery").await;
    let places: BTreeSet<String> =
        html::links(&index.body).into_iter().filter(|href| href.contains("/dev/gallery/")).collect();
    let (mut seen, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for place in &places {
        let page = browser.get(place).await;
        assert_eq!(page.status, 200, "{place}");
        for target in html::targets(&page.body) {
            let path = target.split(['?', '#']).next().unwrap().to_owned();
            if !path.starts_with("/admin") || OWN.iter().any(|own| is_of(own, &path)) {
                continue;
            }
            if pages().any(|(page, _)| is_of(page, &path)) {
                seen.insert(path);
            } else {
                unknown.insert(format!("{path} (at {place})"));
            }
        }
    }
    assert!(unknown.is_empty(), "forms that no operation names: {unknown:#?}");
    assert!(places.len() > 100 && seen.len() > 20, "{} {seen:?}", places.len());
}

#[test]
fn a_part_in_braces_is_any_and_the_rest_is_to_the_letter() {
    assert!(is_of("/admin/users/{id}/roles", "/admin/users/1/roles"));
    for other in ["/admin/users/1", "/admin/users/1/delete", "/admin/users/1/roles/2", "/admin/clients/1/roles"] {
        assert!(!is_of("/admin/users/{id}/roles", other), "{other}");
    }
}
