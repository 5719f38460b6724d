//! `vestibule dev`: a server to try things with, on this machine only, ready in under a second.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use vestibule_authn_emailotp::parse_address;
use vestibule_authn_smsotp::{Outbox, parse_number};
use vestibule_server::{
    Application, Parts,
    authenticators::Channels,
    config::{Flag, Loaded, Settings},
    configuration,
    declare::{self, Checks, Workshop},
    logging,
    state::State,
};

use crate::{
    exit::{CONFIGURATION, Failure},
    login::TRY_SECRET,
    output::say,
    settings::SettingsArguments,
};

/// Flags of `vestibule dev`.
#[derive(Args)]
pub(crate) struct Dev {
    /// The port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The address, which must be one of this machine's own.
    #[arg(long, default_value = "127.0.0.1")]
    host: std::net::IpAddr,
    /// The folder for its data.
    #[arg(long, value_name = "DIR", default_value = ".vestibule-dev")]
    data: PathBuf,
    /// Say nothing but what goes wrong.
    #[arg(long)]
    quiet: bool,
}

const DECLARATION: &str = include_str!("dev.toml");
const USER: &str = "alice";
/// The owner of the console, with their own name as a password.
const ADMIN: &str = "admin";

impl Dev {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let began = Instant::now();
        let Loaded { settings, sources } = arguments.load_named(self.flags())?;
        logging::init(&settings.log);
        let parts = Parts { sources, ..Parts::default() };
        let outbox = Outbox::new(Arc::clone(&parts.clock));
        let banner = Banner::of(&settings);
        let application = Application::build(settings, Parts { outbox: Some(outbox.clone()), ..parts }).await?;
        furnish(&application.state(), &outbox).await?;
        if !self.quiet {
            banner.show(began.elapsed());
            actix_web::rt::spawn(tell_messages(outbox));
        }
        application.run().await?;
        Ok(ExitCode::SUCCESS)
    }

    fn flags(&self) -> Vec<Flag> {
        let listen = std::net::SocketAddr::new(self.host, self.port).to_string();
        vec![
            Flag::new("dev", "dev", "true"),
            Flag::new("--port", "listen", listen),
            Flag::new("--data", "data_dir", self.data.display().to_string()),
            Flag::new("dev", "default_chain", "demo"),
            Flag::new("dev", "log.level", "warn"),
        ]
    }
}

/// What is said at the start.
struct Banner {
    issuer: String,
    data: PathBuf,
}

impl Banner {
    fn of(settings: &Settings) -> Self {
        Self { issuer: settings.issuer().to_owned(), data: settings.data_dir.clone() }
    }

    fn show(&self, took: Duration) {
        let Self { issuer, data } = self;
        let version = env!("CARGO_PKG_VERSION");
        let (data, seconds) = (data.display(), took.as_secs_f64());
        say(format_args!(
            "  vestibule {version} · dev mode · data in {data} (delete it to start over)          ready in {seconds:.1} s"
        ));
        say(format_args!("  Demo app      {issuer}/demo         <- click: alice / alice, then the code below"));
        say(format_args!(
            "  Console       {issuer}/admin        sign in as {ADMIN} / {ADMIN}  (or: vestibule admin link)"
        ));
        say(format_args!("  Portal        {issuer}/portal"));
        say(format_args!("  Outbox        {issuer}/dev/outbox   SMS land here, nothing is sent"));
        say(format_args!("  Discovery     {issuer}/.well-known/openid-configuration"));
    }
}

/// Makes the demo's people, chain and service providers, if they are not there or not so.
async fn furnish(state: &State, outbox: &Outbox) -> Result<(), Failure> {
    let workshop = Workshop {
        store: Arc::clone(&state.store),
        pool: state.hash_pool.clone(),
        prf: state.prf.clone(),
        clock: Arc::clone(&state.clock),
        random: Arc::clone(&state.random),
        registry: state.engine.registry().clone(),
        floor: state.policy.floor.clone(),
        host: state.public.host.clone(),
        channels: Channels { outbox: Some(outbox.clone()), ..Channels::default() },
    };
    let environment = |name: &str| match name {
        "ALICE_PASSWORD" => Some(USER.to_owned()),
        "ADMIN_PASSWORD" => Some(ADMIN.to_owned()),
        "TRY_SECRET" => Some(TRY_SECRET.to_owned()),
        _ => None,
    };
    let checks = Checks { registry: &workshop.registry, environment: &environment, passwords: None };
    let declaration = declare::read_text("dev.toml", DECLARATION, Path::new("."), &checks)?;
    let diff = declare::apply(&workshop, &declaration, &declare::Options::default()).await?;
    if !diff.is_empty() {
        configuration::refresh(state).await.map_err(|error| Failure::new(CONFIGURATION, error.to_string()))?;
    }
    Ok(())
}

/// Says each message as it arrives: whoever reads this terminal is who would read the telephone.
async fn tell_messages(outbox: Outbox) {
    let mut told = 0;
    loop {
        for message in outbox.messages().into_iter().filter(|message| message.id > told).collect::<Vec<_>>() {
            told = message.id;
            let number = parse_number(&message.to, None).map(|number| number.masked());
            let address = parse_address(&message.to).map(|address| address.masked());
            let to = number.or(address).unwrap_or_else(|_| "•••".to_owned());
            let kind = if message.subject.is_some() { "mail" } else { "sms" };
            let mark = format!("  [{kind} → {to}]");
            let indent = " ".repeat(mark.chars().count());
            let lines = message.body.lines().filter(|line| !line.is_empty());
            for (index, line) in lines.enumerate() {
                say(format_args!("{}  {line}", if index == 0 { &mark } else { &indent }));
            }
        }
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    }
}
