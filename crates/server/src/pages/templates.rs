//! The templates: part of the binary, each replaceable by a file of the same name.

use std::{io::ErrorKind, path::Path};

use handlebars::Handlebars;

use super::PagesError;

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every template.
        pub(super) const ALL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../templates/", $name, ".hbs")))),*];
    };
}

templates! {
    "frame", "step", "choose", "consent", "no-way", "ended", "confirm-logout", "signed-out", "new-password", "register", "invitation", "forgot-password", "error", "home", "factors", "factor", "change-password", "activity", "apps", "profile", "own-data", "deleted", "landing",
    "outbox", "demo", "gallery", "api-docs",
    // Parts of others.
    "console/frame", "console/block", "console/table", "console/cell", "console/form", "console/field",
    "console/described", "console/chart", "console/versions",
    "console/funnel", "console/bars", "console/first-steps", "console/doctor",
    "console/live", "console/live-line",
    "console/chain-sentence", "console/chain-steps", "console/chain-step", "console/chain-problems", "console/chain-fields",
    "console/chain-diff", "console/chain-steps-run", "console/chain-run",
    "_answer", "_back", "_beside", "_besides", "_code", "_context", "_doors", "_exhibit", "_fields", "_hidden", "_later", "_notice", "_passkey", "_prove", "_rooms",
}

/// Strict: a name that a page does not have is an error, not an empty place. HTML is escaped wherever it is not asked for.
pub(super) fn engine() -> Handlebars<'static> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates
}

/// Reads every template, from `overrides` where it has one.
pub(super) fn register(templates: &mut Handlebars<'static>, overrides: Option<&Path>) -> Result<(), PagesError> {
    if let Some(folder) = overrides {
        refuse_unknown(folder)?;
    }
    for (name, built_in) in ALL {
        let own = overrides.map(|folder| read(&folder.join(format!("{name}.hbs")))).transpose()?.flatten();
        let text = own.as_deref().unwrap_or(built_in);
        let wrong = |source| PagesError::Template { name: (*name).to_owned(), source: Box::new(source) };
        templates.register_template_string(name, text).map_err(wrong)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<String>, PagesError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(folder_error(path, error)),
    }
}

/// A template that replaces nothing is a typing error, and would be missed in silence.
fn refuse_unknown(folder: &Path) -> Result<(), PagesError> {
    for entry in std::fs::read_dir(folder).map_err(|error| folder_error(folder, error))? {
        let path = entry.map_err(|error| folder_error(folder, error))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let template = path.extension().is_some_and(|extension| extension == "hbs");
        if template && !ALL.iter().any(|(name, _)| *name == stem) {
            return Err(PagesError::UnknownTemplate(path.display().to_string()));
        }
    }
    Ok(())
}

fn folder_error(path: &Path, source: std::io::Error) -> PagesError {
    PagesError::Folder { path: path.display().to_string(), source }
}
