//! What the client wants of the person (OpenID Connect Core, section 3.1.2.1).

use crate::{errors::Problem, params::Params};

/// The `prompt` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Show nothing.
    pub none: bool,
    /// Authenticate anew.
    pub login: bool,
    /// Ask for consent anew.
    pub consent: bool,
    /// Let them choose an account.
    pub select_account: bool,
    /// Let them create one (Initiating User Registration via OpenID Connect 1.0).
    pub create: bool,
}

impl Prompts {
    /// The values that exist here.
    pub const VALUES: &[&str] = &["none", "login", "consent", "select_account"];
    /// The one that exists where people may create their own account.
    pub const CREATE: &str = "create";

    fn set(&mut self, value: &str) -> bool {
        let flag = match value {
            "none" => &mut self.none,
            "login" => &mut self.login,
            "consent" => &mut self.consent,
            "select_account" => &mut self.select_account,
            Self::CREATE => &mut self.create,
            _ => return false,
        };
        *flag = true;
        true
    }
}

pub(super) fn check(params: &Params, registration: bool) -> Result<Prompts, Problem> {
    let mut prompts = Prompts::default();
    for value in params.words("prompt") {
        // A prompt is a demand, so one that is not understood is not passed over.
        if !prompts.set(value) {
            return Err(Problem::invalid("unknown prompt"));
        }
    }
    if prompts.create && !registration {
        return Err(Problem::invalid("nobody can create an account here"));
    }
    if prompts.none && (prompts.login || prompts.consent || prompts.select_account || prompts.create) {
        return Err(Problem::invalid("prompt=none stands alone"));
    }
    Ok(prompts)
}
