//! The gallery: every page in every state, to be looked at, photographed and tested for accessibility. Development only.

use super::{Gallery, GalleryEntry, Link, Page, locale::LOCALES, samples::Sample};

/// The path that the gallery lives at. A state is at `{PREFIX}/{page}/{state}`.
pub const PREFIX: &str = "/dev/gallery";

/// The list of pages and states.
pub fn index() -> Page {
    let mut pages: Vec<GalleryEntry> = Vec::new();
    for Sample { page, state, .. } in Page::samples() {
        let link = Link { href: format!("{PREFIX}/{page}/{state}"), name: state.replace('-', " ") };
        match pages.iter_mut().find(|entry| entry.page == page) {
            Some(entry) => entry.states.push(link),
            None => pages.push(GalleryEntry { page, states: vec![link] }),
        }
    }
    Page::Gallery(Gallery { pages, locales: LOCALES.to_vec() })
}

/// A page in a state.
pub fn find(page: &str, state: &str) -> Option<Page> {
    Page::samples().into_iter().find(|sample| sample.page == page && sample.state == state).map(|sample| sample.value)
}
