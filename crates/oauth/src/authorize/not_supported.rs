//! What would change the meaning of the request and is not built: it is refused rather than passed over (OpenID Connect
//! Core, sections 6.1, 6.2 and 7.2.1).

use crate::{
    errors::{ErrorCode, Problem},
    params::Params,
};

pub(super) fn check(params: &Params) -> Result<(), Problem> {
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ] {
        if params.get(name).is_some() {
            return Err(Problem::new(code, "this parameter is not supported"));
        }
    }
    Ok(())
}
