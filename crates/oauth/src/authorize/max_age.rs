//! How old the login may be: `max_age`, and `prompt=login`, which is the same as `max_age=0` (OpenID Connect Core, section
//! 3.1.2.1) and means "after now": what was proved until this very instant does not count.

use std::time::Duration;

use vestibule_core::time::Time;

use super::Prompts;
use crate::{errors::Problem, params::Params};

pub(super) fn check(params: &Params, prompts: Prompts, now: Time) -> Result<Option<Time>, Problem> {
    let max_age = match params.get("max_age") {
        None => None,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            let seconds: u64 = text.parse().map_err(|_| Problem::invalid("max_age is too large"))?;
            Some(if seconds == 0 { after(now) } else { now - Duration::from_secs(seconds) })
        }
        Some(_) => return Err(Problem::invalid("max_age is not a number of seconds")),
    };
    // Of the two the stricter, which is the later.
    Ok(max_age.max(prompts.login.then(|| after(now))))
}

fn after(now: Time) -> Time {
    now + Duration::from_micros(1)
}
