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
}

impl Prompts {
    /// The values that exist here.
    pub const VALUES: &[&str] = &["none", "login", "consent", "select_account"];

    fn set(&mut self, value: &str) -> bool {
        let flag = match value {
            "none" => &mut self.none,
            "login" => &mut self.login,
            "consent" => &mut self.consent,
            "select_account" => &mut self.select_account,
            _ => return false,
        };
        *flag = true;
        true
    }
}

pub(super) fn check(params: &Params) -> Result<Prompts, Problem> {
    let mut prompts = Prompts::default();
    for value in params.words("prompt") {
        // A prompt is a demand, so one that is not understood is not passed over.
        if !prompts.set(value) {
            return Err(Problem::invalid("unknown prompt"));
        }
    }
    if prompts.none && (prompts.login || prompts.consent || prompts.select_account) {
        return Err(Problem::invalid("prompt=none stands alone"));
    }
    Ok(prompts)
}
