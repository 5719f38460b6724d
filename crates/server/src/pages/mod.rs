//! The pages that people see: typed values in, HTML out.
//!
//! A page is a value ([`Page`]), a template draws it, a catalogue gives it words in a language. Handlers never write HTML and
//! templates never decide anything: what a page may say is in its type, so every state of it can be listed
//! ([`Page::samples`]), drawn by a test, and looked at in the gallery.
//!
//! Everything works without JavaScript. A page has no inline script and no inline style, so the content security policy
//! needs no `unsafe-*`. A page application built in the browser was the road not taken: it would need focus, titles, history and
//! translations built again by hand, and a second toolchain.

mod account;
pub mod assets;
pub mod console;
mod exhibit;
pub mod gallery;
mod helpers;
pub mod interaction;
mod joining;
pub mod locale;
mod messages;
mod model;
mod moment;
mod own;
mod reference;
mod said;
mod samples;
mod templates;

use std::{path::Path, sync::Arc};

use handlebars::Handlebars;
use serde::Serialize;
use vestibule_core::{Registry, prompt::Text};

pub use self::{
    account::*,
    assets::Assets,
    exhibit::{Exhibit, Passkey, Picture},
    joining::*,
    locale::{accepted, negotiate},
    messages::{Words, english},
    model::*,
    moment::Moment,
    own::*,
    reference::*,
    said::{said, told},
    samples::Sample,
};

/// Draws pages. Made once, when the server starts.
pub struct Pages {
    templates: Handlebars<'static>,
    assets: Assets,
    words: Words,
}

/// What a page needs beside its own value.
#[derive(Clone)]
pub struct PageContext {
    /// One of [`locale::LOCALES`], as [`negotiate`] gives it. Also goes into `Content-Language`.
    pub locale: &'static str,
    /// The nonce of the content security policy, where it has one.
    pub nonce: Option<String>,
    /// The value of the hidden input `csrf` of every form; empty where the page has no form.
    pub csrf: String,
    /// Whether to say on every page that this is a development server.
    pub dev_banner: bool,
    /// The host that the person should see in the address bar, such as `login.example.com`.
    pub host: String,
}

/// Why a page could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// A template cannot be read as one.
    #[error("template {name}: {source}")]
    Template {
        /// Which.
        name: String,
        /// Where and why.
        #[source]
        source: Box<handlebars::TemplateError>,
    },
    /// A template asks for what its page does not have.
    #[error("page {name}: {source}")]
    Render {
        /// Which.
        name: String,
        /// Where and why.
        #[source]
        source: Box<handlebars::RenderError>,
    },
    /// A catalogue cannot be read.
    #[error("messages {locale}: {source}")]
    Messages {
        /// Which.
        locale: &'static str,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// The folder of own templates cannot be read.
    #[error("{path}: {source}")]
    Folder {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file in the folder of own templates replaces nothing.
    #[error("{0}: there is no template of this name to replace")]
    UnknownTemplate(String),
}

/// What a body template sees: the page's own fields, its title as a heading, and `cx`.
#[derive(Serialize)]
struct Data<'a, T> {
    #[serde(flatten)]
    page: &'a T,
    heading: Text,
    cx: View<'a>,
}

/// [`PageContext`] as templates see it.
#[derive(Clone, Copy, Serialize)]
struct View<'a> {
    locale: &'static str,
    nonce: Option<&'a str>,
    csrf: &'a str,
    dev_banner: bool,
    host: &'a str,
}

/// What the frame around every body sees.
#[derive(Serialize)]
struct Frame<'a> {
    name: &'static str,
    title: Text,
    alarmed: bool,
    wide: bool,
    body: String,
    style: &'a str,
    own_style: Option<&'a str>,
    logo: &'a str,
    scripts: Vec<&'a str>,
    cx: View<'a>,
}

/// What the frame of the console sees.
#[derive(Serialize)]
struct ConsoleFrame<'a> {
    #[serde(flatten)]
    page: &'a console::Console,
    style: &'a str,
    console_style: &'a str,
    logo: &'a str,
    scripts: Vec<&'a str>,
    cx: View<'a>,
}

impl PageContext {
    fn view(&self) -> View<'_> {
        View {
            locale: self.locale,
            nonce: self.nonce.as_deref(),
            csrf: &self.csrf,
            dev_banner: self.dev_banner,
            host: &self.host,
        }
    }
}

impl Pages {
    /// Reads all templates and catalogues. The authenticators of `registry` bring their own messages; a file in the folder
    /// `overrides` replaces the template of the same name. With replaced templates every page is drawn once in each of its
    /// states, so that a wrong name in one is found now and not by somebody who wants to sign in.
    ///
    /// # Errors
    /// When a template or a catalogue cannot be used.
    pub fn new(registry: &Registry, overrides: Option<&Path>) -> Result<Self, PagesError> {
        let mut templates = templates::engine();
        let words = Words(Arc::new(messages::Catalogue::new(registry)?));
        helpers::register(&mut templates, Arc::clone(&words.0));
        templates::register(&mut templates, overrides)?;
        let pages = Self { templates, assets: Assets::new(), words };
        if overrides.is_some() {
            pages.check()?;
        }
        Ok(pages)
    }

    /// Draws every sample in every language.
    ///
    /// # Errors
    /// The first that cannot be drawn.
    pub fn check(&self) -> Result<(), PagesError> {
        for &locale in locale::LOCALES {
            let cx = PageContext {
                locale,
                nonce: None,
                csrf: String::new(),
                dev_banner: true,
                host: "login.example.com".to_owned(),
            };
            Page::samples().iter().try_for_each(|sample| self.render(&sample.value, &cx).map(drop))?;
        }
        Ok(())
    }

    /// Draws a page.
    ///
    /// # Errors
    /// When a template asks for what the page does not have; a test keeps the built-in ones from that.
    pub fn render(&self, page: &Page, cx: &PageContext) -> Result<String, PagesError> {
        match page {
            Page::Step(page) => self.draw(page, cx),
            Page::Choose(page) => self.draw(page, cx),
            Page::Consent(page) => self.draw(page, cx),
            Page::NoWay(page) => self.draw(page, cx),
            Page::Ended(page) => self.draw(page, cx),
            Page::ConfirmLogout(page) => self.draw(page, cx),
            Page::SignedOut(page) => self.draw(page, cx),
            Page::NewPassword(page) => self.draw(page, cx),
            Page::Register(page) => self.draw(page, cx),
            Page::Invitation(page) => self.draw(page, cx),
            Page::ForgotPassword(page) => self.draw(page, cx),
            Page::Error(page) => self.draw(page, cx),
            Page::Home(page) => self.draw(page, cx),
            Page::Factors(page) => self.draw(page, cx),
            Page::Factor(page) => self.draw(page, cx),
            Page::ChangePassword(page) => self.draw(page, cx),
            Page::Activity(page) => self.draw(page, cx),
            Page::Apps(page) => self.draw(page, cx),
            Page::Profile(page) => self.draw(page, cx),
            Page::OwnData(page) => self.draw(page, cx),
            Page::Deleted(page) => self.draw(page, cx),
            Page::Landing(page) => self.draw(page, cx),
            Page::Outbox(page) => self.draw(page, cx),
            Page::Demo(page) => self.draw(page, cx),
            Page::Gallery(page) => self.draw(page, cx),
            Page::ApiDocs(page) => self.draw(page, cx),
            Page::Console(page) => self.draw_console(page, cx),
        }
    }

    /// The style sheet, the scripts and the logo, to be served at [`assets::PREFIX`].
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The words, for what is no page.
    pub fn words(&self) -> &Words {
        &self.words
    }

    fn draw<T: Body>(&self, page: &T, cx: &PageContext) -> Result<String, PagesError> {
        let view = cx.view();
        let frame = Frame {
            name: T::TEMPLATE,
            title: page.title(),
            alarmed: page.alarmed(),
            wide: T::WIDE,
            body: self.fill(T::TEMPLATE, &Data { page, heading: page.title(), cx: view })?,
            style: self.assets.url("site.css"),
            own_style: page.style().map(|name| self.assets.url(name)),
            logo: self.assets.url("logo.svg"),
            scripts: page.scripts().into_iter().map(|name| self.assets.url(name)).collect(),
            cx: view,
        };
        self.fill("frame", &frame)
    }

    fn draw_console(&self, page: &console::Console, cx: &PageContext) -> Result<String, PagesError> {
        let scripts = ["time.js", "console.js"].into_iter().chain(page.screen.scripts.iter().copied());
        let frame = ConsoleFrame {
            page,
            style: self.assets.url("site.css"),
            console_style: self.assets.url("console.css"),
            logo: self.assets.url("logo.svg"),
            scripts: scripts.map(|name| self.assets.url(name)).collect(),
            cx: cx.view(),
        };
        self.fill("console/frame", &frame)
    }

    fn fill(&self, name: &str, data: &impl Serialize) -> Result<String, PagesError> {
        let wrong = |source| PagesError::Render { name: name.to_owned(), source: Box::new(source) };
        self.templates.render(name, data).map_err(wrong)
    }
}

#[cfg(test)]
mod tests;
