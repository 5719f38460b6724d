//! `vestibule completions`: a script that completes commands in a shell.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{Arguments, exit::Failure};

/// Flags of `vestibule completions`.
#[derive(Args)]
pub(crate) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        clap_complete::generate(self.shell, &mut Arguments::command(), "vestibule", &mut std::io::stdout());
        Ok(ExitCode::SUCCESS)
    }
}
