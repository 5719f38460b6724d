//! `vestibule doctor`: whether the server of these settings is set up as it should be. It looks at settings, files and database
//! itself, beside a running server or without one, and changes nothing.

use std::{process::ExitCode, sync::Arc};

use clap::Args;
use serde_json::json;
use vestibule_authn_smsotp::Outbox;
use vestibule_core::{
    Clock,
    random::{Random, SystemRandom},
    time::SystemClock,
};
use vestibule_server::{
    admin::{Permission, access::Permissions},
    authenticators::{self, Channels},
    config::Loaded,
    doctor::{self, Fault, Group, Patient, Report, Seat, Verdict},
    pages::english,
};

use crate::{
    exit::{CONFIGURATION, Failure, IO, UNAVAILABLE},
    output::say,
    settings::SettingsArguments,
};

/// Flags of `vestibule doctor`.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Print JSON instead of words.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let report = match arguments.load(Vec::new()) {
            Ok(loaded) => look(&loaded).await?,
            Err(problems) => Report::of(doctor::wrong(&problems)),
        };
        if self.json {
            let told = json!({ "items": report.advice() });
            say(serde_json::to_string_pretty(&told).map_err(|error| Failure::new(IO, error.to_string()))?);
        } else {
            print(&report);
        }
        Ok(match report.fault() {
            None => ExitCode::SUCCESS,
            Some(Fault::Configuration) => ExitCode::from(CONFIGURATION),
            Some(Fault::Dependency) => ExitCode::from(UNAVAILABLE),
        })
    }
}

async fn look(Loaded { settings, sources }: &Loaded) -> Result<Report, Failure> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let pool = authenticators::hash_pool(&settings.password, Arc::clone(&random))?;
    let registry = authenticators::registry(&pool, authenticators::party(settings)?)?;
    let channels = Channels { outbox: settings.dev.then(|| Outbox::new(Arc::clone(&clock))), ..Channels::default() };
    let (configured, records, prf, trouble) = doctor::offline(settings, &*random).await;
    let patient = Patient {
        settings,
        sources,
        seat: Seat::Command,
        now: clock.now(),
        arrived: None,
        registry: &registry,
        channels: &channels,
        pool: &pool,
        prf: prf.as_ref(),
        configured,
        records,
        trouble,
    };
    // Whoever can read the settings and the database may see everything.
    let may = Permissions::of_scopes(Permission::ALL.map(Permission::scope));
    Ok(doctor::examine(&patient, &may).await)
}

fn print(report: &Report) {
    for group in Group::ALL {
        let mut findings = report.of_group(group).peekable();
        if findings.peek().is_some() {
            say(format_args!("{}", group.word().to_uppercase()));
        }
        for finding in findings {
            say(format_args!("  {:<8} {}", finding.outcome.verdict.word(), english(&finding.says())));
            if let Some(remedy) = finding.remedy() {
                say(format_args!("           {} ({})", english(&remedy), finding.outcome.docs));
            }
        }
    }
    let [fail, warn, ok, skipped] = Verdict::ALL.map(|verdict| report.count(verdict));
    say(format_args!("{fail} fail, {warn} warn, {ok} ok, {skipped} not looked at."));
}
