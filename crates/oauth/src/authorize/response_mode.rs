//! How the answer travels: in the query of the redirect URI. `fragment` would hand the code to scripts, `form_post` is not
//! built. An error about the mode travels in the query too.

use crate::{errors::Problem, params::Params};

/// The response modes that exist here.
pub const RESPONSE_MODES: &[&str] = &["query"];

pub(super) fn check(params: &Params) -> Result<(), Problem> {
    match params.get("response_mode") {
        Some(mode) if !RESPONSE_MODES.contains(&mode) => Err(Problem::invalid("the only response_mode is query")),
        _ => Ok(()),
    }
}
