//! How the program ends: exit statuses of `sysexits.h`, and what is said with them.

use std::{fmt, process::ExitCode};

use vestibule_core::store::StoreError;
use vestibule_server::{
    BuildError,
    authenticators::NoParty,
    config::{Problems, master_key::MasterKeyError},
    declare::ApplyError,
};
use vestibule_store::OpenError;

/// The command line makes no sense.
pub(crate) const USAGE: u8 = 64;
/// What was given is no good.
pub(crate) const DATA: u8 = 65;
/// Something that is needed does not answer.
pub(crate) const UNAVAILABLE: u8 = 69;
/// A file cannot be made.
pub(crate) const CANNOT_CREATE: u8 = 73;
/// Reading or writing failed.
pub(crate) const IO: u8 = 74;
/// Try again later.
pub(crate) const TRY_LATER: u8 = 75;
/// The configuration is wrong.
pub(crate) const CONFIGURATION: u8 = 78;
/// A dry run found something to change.
pub(crate) const DIFFERENT: u8 = 2;

/// Said at the end of the help.
pub(crate) const HELP: &str = "Exit status: 0 done, 1 no, 2 a dry run found changes, 64 wrong command line, 65 wrong data, \
    69 something needed does not answer, 73 cannot create, 74 input or output failed, 75 try again later, 78 wrong configuration.";

/// Why a command did not do it: what is wrong, where, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(CONFIGURATION, problems.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let code = error.exit_code();
        let advice = match &error {
            BuildError::Open(OpenError::Locked(_)) => {
                ". Stop the other one first, or give this one a data_dir of its own."
            }
            BuildError::Open(OpenError::OtherMasterKey) => ". Give the key that belongs to it by secret_key_file.",
            BuildError::Listen { .. } => ". Free it, or set `listen` to another one.",
            _ => "",
        };
        Self::new(code, format!("{error}{advice}"))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        BuildError::from(error).into()
    }
}

impl From<NoParty> for Failure {
    fn from(error: NoParty) -> Self {
        BuildError::from(error).into()
    }
}

impl From<MasterKeyError> for Failure {
    fn from(error: MasterKeyError) -> Self {
        BuildError::from(error).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Unavailable(_) => UNAVAILABLE,
            StoreError::Conflict(_) => TRY_LATER,
            StoreError::Damaged(_) => IO,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused(problems) => Self::new(DATA, problems.to_string()),
            ApplyError::Store(error) => error.into(),
            ApplyError::Hash(_) => Self::new(DATA, error.to_string()),
        }
    }
}

impl From<vestibule_authn_password::HashError> for Failure {
    fn from(error: vestibule_authn_password::HashError) -> Self {
        Self::new(DATA, error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(IO, error.to_string())
    }
}
