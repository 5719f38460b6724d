//! `vestibule bench`: placeholder until the driver below is compiled.
use crate::exit::Failure;
use clap::Args;
use std::process::ExitCode;
/// Flags of `vestibule bench`.
#[derive(Args)]
pub(crate) struct Bench {}
impl Bench {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        Ok(ExitCode::SUCCESS)
    }
}
