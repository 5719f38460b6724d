//! The `vestibule` program: it parses the command line and calls one function; what a command does is in its own file.

mod bench;
mod commands;
mod descriptors;
mod exit;
mod login;
mod offline;
mod output;
mod settings;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

use crate::{commands::Command, exit::USAGE, output::complain};

/// An OAuth 2.0 and OpenID Connect server that issues tokens only after every configured step of authentication passed.
#[derive(Parser)]
#[command(name = "vestibule", version, arg_required_else_help = true, after_help = exit::HELP)]
struct Arguments {
    #[command(flatten)]
    settings: settings::SettingsArguments,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let system = actix_web::rt::System::new();
    match system.block_on(arguments.command.run(&arguments.settings)) {
        Ok(code) => code,
        Err(failure) => {
            complain(&failure);
            failure.code()
        }
    }
}
