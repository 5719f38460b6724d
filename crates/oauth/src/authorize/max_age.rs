//! How old the authentication may be: `max_age`, and `prompt=login`, which means "from now".

use std::time::Duration;

use vestibule_core::time::Time;

use super::Prompts;
use crate::{errors::Problem, params::Params};

pub(super) fn check(params: &Params, prompts: Prompts, now: Time) -> Result<Option<Time>, Problem> {
    let max_age = match params.get("max_age") {
        None => None,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            let seconds: u64 = text.parse().map_err(|_| Problem::invalid("max_age is too large"))?;
            Some(now - Duration::from_secs(seconds))
        }
        Some(_) => return Err(Problem::invalid("max_age is not a number of seconds")),
    };
    // Of the two the stricter, which is the later.
    Ok(max_age.max(prompts.login.then_some(now)))
}
