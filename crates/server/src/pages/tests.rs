//! What holds for every page in every state.

use super::*;

fn cx(locale: &'static str) -> PageContext {
    PageContext {
        locale,
        nonce: Some("n0nce".to_owned()),
        csrf: "csrf-value".to_owned(),
        dev_banner: true,
        host: "login.example.com".to_owned(),
    }
}

fn pages() -> Pages {
    Pages::new(&Registry::default(), None).unwrap()
}

#[test]
fn every_page_can_be_drawn_in_every_state_and_language() {
    pages().check().unwrap();
}
