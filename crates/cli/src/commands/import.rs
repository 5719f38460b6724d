//! `vestibule user import` and `vestibule user export`: people in bulk, as CSV.

use std::{
    fs::File,
    io::{BufWriter, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use vestibule_core::audit::Via;
use vestibule_server::import::{self, Bounds, ExportError, Options, Report};

use crate::{
    exit::{CANNOT_CREATE, DATA, DIFFERENT, Failure, IO},
    offline,
    output::{complain, say},
    settings::SettingsArguments,
};

/// Flags of `vestibule user import`.
#[derive(Args)]
pub(crate) struct Import {
    /// The CSV file; its first line names the columns. `-` for standard input.
    file: PathBuf,
    /// Only show what would become of it; exit status 2 when something would change.
    #[arg(long)]
    dry_run: bool,
    /// Take the good rows when there are bad ones; otherwise one bad row keeps the whole file out.
    #[arg(long)]
    skip_bad: bool,
    /// Let rows give this server's own roles, and change people who have one.
    #[arg(long)]
    allow_admin_roles: bool,
    /// Show the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `vestibule user export`.
#[derive(Args)]
pub(crate) struct Export {
    /// The file to write; `-` for standard output.
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// So many refusals are shown to a person.
const SHOWN: usize = 50;

impl Import {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let bounds = Bounds::default();
        let bytes = read(&self.file, bounds.bytes)?;
        let offline = offline::open(arguments)?;
        let Self { dry_run, skip_bad, allow_admin_roles, .. } = self;
        let (by, default_chain) = (offline::account(Via::Cli), offline.settings.default_chain.clone());
        let options = Options { by, default_chain, dry_run, skip_bad, allow_admin_roles, bounds, ..Options::default() };
        let report = import::users_csv(&offline.workshop, &bytes, &options).await?;
        if self.json {
            say(serde_json::to_string_pretty(&report).map_err(|error| Failure::new(IO, error.to_string()))?);
        } else {
            tell(&report);
        }
        let kept_out = !report.refused.is_empty() && !skip_bad;
        Ok(match report {
            _ if kept_out => ExitCode::from(DATA),
            Report { created: 0, changed: 0, .. } => ExitCode::SUCCESS,
            _ if dry_run => ExitCode::from(DIFFERENT),
            _ => ExitCode::SUCCESS,
        })
    }
}

/// One byte more than may be is enough to know that it is too much.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::new(IO, format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    if path.as_os_str() == "-" {
        std::io::stdin().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
    }
    Ok(bytes)
}

fn tell(report: &Report) {
    let Report { created, changed, unchanged, refused, applied, .. } = report;
    refused.iter().take(SHOWN).for_each(complain);
    if let Some(more) = refused.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        complain(format_args!("and {more} more"));
    }
    let nothing = if *applied { "" } else { ". Nothing was written" };
    say(format_args!(
        "{created} created, {changed} changed, {unchanged} unchanged, {} refused{nothing}",
        refused.len()
    ));
}

impl Export {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let offline = offline::open(arguments)?;
        let store = &*offline.workshop.store;
        if self.file.as_os_str() == "-" {
            import::export_users(store, std::io::stdout().lock()).await?;
        } else {
            let file = File::create_new(&self.file).map_err(|error| {
                let what = format!("cannot write {}: {error}. Name another file.", self.file.display());
                Failure::new(CANNOT_CREATE, what)
            })?;
            import::export_users(store, BufWriter::new(file)).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Io(error) => error.into(),
        }
    }
}
