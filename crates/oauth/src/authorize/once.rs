//! No parameter twice (RFC 6749, section 3.1).

use crate::{errors::Problem, params::Params};

pub(super) fn check(params: &Params) -> Result<(), Problem> {
    match params.repeated() {
        Some(_) => Err(Problem::invalid("a parameter was sent more than once")),
        None => Ok(()),
    }
}
