//! What is only carried: `nonce`, `login_hint`, `acr_values`, `ui_locales`, `display`. Bounded, so that a row has a size.

use crate::{errors::Problem, params::Params};

/// The longest `nonce` and `login_hint`, in bytes.
const MAX_TEXT: usize = 512;
/// The most values of a list.
const MAX_VALUES: usize = 20;
/// What `display` may be (OpenID Connect Core, section 3.1.2.1): our pages are the same for all of them.
pub const DISPLAY_VALUES: &[&str] = &["page", "popup", "touch", "wap"];

/// What is only carried.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The `nonce` claim.
    pub nonce: Option<String>,
    /// A name to fill in.
    pub login_hint: Option<String>,
    /// The authentication context classes asked for, in order of preference.
    pub acr_values: Vec<String>,
    /// The languages asked for, best first.
    pub ui_locales: Vec<String>,
}

pub(super) fn check(params: &Params) -> Result<Hints, Problem> {
    let nonce = text(params, "nonce")?;
    // A hint that nobody could type is none.
    let login_hint = text(params, "login_hint")?.filter(|hint| !hint.chars().any(char::is_control));
    Ok(Hints { nonce, login_hint, acr_values: list(params, "acr_values")?, ui_locales: list(params, "ui_locales")? })
}

fn text(params: &Params, name: &str) -> Result<Option<String>, Problem> {
    match params.get(name) {
        Some(text) if text.len() > MAX_TEXT => Err(Problem::invalid("nonce or login_hint is too long")),
        text => Ok(text.map(str::to_owned)),
    }
}

fn list(params: &Params, name: &str) -> Result<Vec<String>, Problem> {
    let values: Vec<String> = params.words(name).map(str::to_owned).collect();
    let fits = values.len() <= MAX_VALUES && values.iter().all(|value| value.len() <= MAX_TEXT);
    if fits { Ok(values) } else { Err(Problem::invalid("acr_values or ui_locales is too long")) }
}
