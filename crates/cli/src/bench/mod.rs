//! `vestibule bench`: what this machine's raw limits are, and how near the server comes.
//!
//! Absolute numbers belong to a machine; ratios to a raw limit, measured in the same run in alternating rounds, belong to the
//! program. The server and the bare endpoints run in processes of their own; what counts is their processor time, so
//! that the driver beside them on the same processors does not.

mod child;
mod floor;
mod http;
mod measure;
mod raw;
mod report;
mod sink;
mod work;

use std::{cell::RefCell, fmt::Write as _, path::Path, process::ExitCode, rc::Rc, time::Duration};

use clap::{Args, Subcommand};

use self::{
    child::Server,
    http::Http,
    measure::{Round, measure, median, median_round},
    report::{Goal, Line},
    sink::Sink,
    work::Work,
};
use crate::{
    exit::{Failure, UNAVAILABLE, USAGE},
    output::say,
};

/// Flags of `vestibule bench`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    hidden: Option<Hidden>,
    /// How long each round takes.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many rounds of each; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these, such as `discovery,login`.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Hidden {
    /// The bare endpoints that the server is compared with.
    #[command(hide = true)]
    Floor,
}

/// Everything that can be measured.
const NAMES: [&str; 10] = [
    "discovery",
    "jwks",
    "client_credentials",
    "introspection",
    "userinfo",
    "refresh",
    "code_exchange",
    "login",
    "cold_start",
    "memory",
];
/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Sign-ins at a time: each is a user of its own.
const LOGINS: usize = 8;
/// Codes that are made before their exchange is measured; they live for a minute.
const CODES: usize = 4000;
/// Token requests before memory is looked at again.
const MANY: f64 = 100_000.0;

impl Bench {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        if let Some(Hidden::Floor) = self.hidden {
            return floor::run().await;
        }
        if let Some(unknown) = self.only.iter().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(Failure::new(USAGE, format!("nothing is called {unknown}. There are {}.", NAMES.join(", "))));
        }
        if cfg!(debug_assertions) {
            say("This is a debug build: its numbers mean nothing.");
        }
        let lines = self.measure_all().await.map_err(|why| Failure::new(UNAVAILABLE, why))?;
        if self.json {
            say(serde_json::json!({ "seconds": self.seconds, "rounds": self.rounds, "lines": lines }));
        }
        Ok(if lines.iter().all(|line| line.met) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.max(1))
    }

    async fn measure_all(&self) -> Result<Vec<Line>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let ground = Ground::prepare(folder.path()).await?;
        let mut lines = Vec::new();
        let mut add = |line: Line| {
            if !self.json {
                line.show();
            }
            lines.push(line);
        };
        if !self.json {
            report::head();
        }
        for endpoint in ground.endpoints().await? {
            if self.wants(endpoint.name) {
                add(self.endpoint(&ground, endpoint).await?);
            }
        }
        if self.wants("refresh") {
            add(self.refresh(&ground).await?);
        }
        if self.wants("code_exchange") {
            add(self.code_exchange(&ground).await?);
        }
        if self.wants("login") {
            add(self.login(&ground).await?);
        }
        if self.wants("memory") {
            for line in self.memory().await? {
                add(line);
            }
        }
        if self.wants("cold_start") {
            for line in self.cold_start().await? {
                add(line);
            }
        }
        Ok(lines)
    }

    /// An endpoint against its bare twin: processor time for one request.
    async fn endpoint(&self, ground: &Ground, endpoint: Endpoint) -> Result<Line, String> {
        let Endpoint { name, work, twin, most } = endpoint;
        let (work, twin) = (Rc::new(work), Rc::new(twin));
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            bare.push(measure(&ground.floor, &twin, CONNECTIONS, self.time()).await?);
            ours.push(measure(&ground.server, &work, CONNECTIONS, self.time()).await?);
        }
        let (ours, bare) = (median_round(&ours), median_round(&bare));
        Ok(Line::new(name, "cpu us/request", ours.cpu_us, Some(bare.cpu_us), Goal::RatioAtMost(most)).with(ours))
    }

    /// Refreshes a second against single durable commits a second.
    async fn refresh(&self, ground: &Ground) -> Result<Line, String> {
        let mut http = ground.connect().await?;
        let mut tokens = Vec::new();
        for _ in 0..CONNECTIONS {
            let code = work::next_code(&mut http, &ground.cookies).await?;
            tokens.push(work::exchange(&mut http, &code).await?.1);
        }
        let work = Rc::new(Work::Refresh(RefCell::new(tokens)));
        let (mut ours, mut commits) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            commits.push(raw::commits(&ground.folder, self.time())?);
            ours.push(measure(&ground.server, &work, CONNECTIONS, self.time()).await?);
        }
        Ok(against_commits("refresh", &ours, commits))
    }

    /// Code exchanges a second against single durable commits a second.
    async fn code_exchange(&self, ground: &Ground) -> Result<Line, String> {
        let mut http = ground.connect().await?;
        let (mut ours, mut commits) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            commits.push(raw::commits(&ground.folder, self.time())?);
            let mut codes = Vec::new();
            let began = std::time::Instant::now();
            while codes.len() < CODES && began.elapsed() < Duration::from_secs(20) {
                codes.push(work::next_code(&mut http, &ground.cookies).await?);
            }
            let work = Rc::new(Work::Exchange(RefCell::new(codes)));
            ours.push(measure(&ground.server, &work, CONNECTIONS, Duration::from_secs(30)).await?);
        }
        Ok(against_commits("code_exchange", &ours, commits))
    }

    /// Processor time of a whole sign-in against that of its one argon2 hash.
    async fn login(&self, ground: &Ground) -> Result<Line, String> {
        let work = Rc::new(Work::Login { sink: ground.sink.clone() });
        let (mut ours, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            hashes.push(raw::argon2_micros(self.time())?);
            ours.push(measure(&ground.server, &work, LOGINS, self.time()).await?);
        }
        let ours = median_round(&ours);
        let goal = Goal::RatioAtMost(1.5);
        Ok(Line::new("login", "cpu us/login", ours.cpu_us, Some(median(hashes)), goal).with(ours))
    }

    /// From the start of the process to the first discovery answer, on an empty folder and on a used one.
    async fn cold_start(&self) -> Result<[Line; 2], String> {
        let (mut empty, mut warm) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            empty.push(Server::start(folder.path()).await?.took.as_secs_f64() * 1000.0);
            warm.push(Server::start(folder.path()).await?.took.as_secs_f64() * 1000.0);
        }
        Ok([
            Line::new("cold_start empty", "ms", median(empty), None, Goal::AtMost(1000.0)),
            Line::new("cold_start warm", "ms", median(warm), None, Goal::AtMost(500.0)),
        ])
    }

    /// Memory of a fresh server, and after many token requests.
    async fn memory(&self) -> Result<[Line; 2], String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let server = Server::start(folder.path()).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mebibytes = |kib: u64| Duration::from_micros(kib).as_secs_f64() * 1e6 / 1024.0;
        let idle = mebibytes(server.rss_kib());
        let work = Rc::new(client_credentials());
        let mut done = 0.0;
        while done < MANY {
            let round = measure(&server, &work, CONNECTIONS, Duration::from_secs(2)).await?;
            done += round.per_second * 2.0;
        }
        let after = mebibytes(server.rss_kib());
        Ok([
            Line::new("memory idle", "MiB", idle, None, Goal::AtMost(64.0)),
            Line::new("memory after 100000", "MiB", after, Some(idle), Goal::RatioAtMost(1.5)),
        ])
    }
}

fn against_commits(name: &'static str, ours: &[Round], commits: Vec<f64>) -> Line {
    let ours = median_round(ours);
    Line::new(name, "per second", ours.per_second, Some(median(commits)), Goal::RatioAtLeast(1.0)).with(ours)
}

fn client_credentials() -> Work {
    Work::post("/oauth2/token", &work::basic(), "grant_type=client_credentials")
}

/// An endpoint and its bare twin.
struct Endpoint {
    name: &'static str,
    work: Work,
    twin: Work,
    /// At most so many times the twin's processor time.
    most: f64,
}

/// What everything is measured on.
struct Ground {
    folder: std::path::PathBuf,
    server: Server,
    floor: Server,
    sink: Sink,
    /// Cookies of somebody who is signed in.
    cookies: String,
    /// A code of theirs, not exchanged yet.
    code: RefCell<Option<String>>,
}

impl Ground {
    async fn prepare(folder: &Path) -> Result<Self, String> {
        let data = folder.join("data");
        let server = Server::start(&data).await?;
        let floor = Server::start_floor()?;
        let sink = Sink::default();
        let address = sink.start().await.map_err(|error| error.to_string())?;
        furnish(folder, &data, &address.to_string())?;
        // The server looks at the version of its configuration once a second.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let mut http = Http::connect(server.address).await.map_err(|error| error.to_string())?;
        let (cookies, code) = work::sign_in(&mut http, 0, &sink).await?;
        Ok(Self { folder: folder.to_owned(), server, floor, sink, cookies, code: RefCell::new(Some(code)) })
    }

    async fn connect(&self) -> Result<Http, String> {
        Http::connect(self.server.address).await.map_err(|error| error.to_string())
    }

    /// Every endpoint with a twin that answers with as many bytes.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, String> {
        let mut http = self.connect().await?;
        let code = self.code.borrow_mut().take().ok_or("the code is spent")?;
        let (access, _) = work::exchange(&mut http, &code).await?;
        let bearer = format!("authorization: Bearer {access}\r\n");
        let secret = floor::SECRET;
        let token_twin =
            Work::post("/token", "", &format!("grant_type=client_credentials&client_id=try&client_secret={secret}"));
        let introspection = format!("token={access}");
        let works = [
            ("discovery", Work::get("/.well-known/openid-configuration", ""), 2.0),
            ("jwks", Work::get("/oauth2/jwks", ""), 2.0),
            ("client_credentials", client_credentials(), 2.0),
            ("introspection", Work::post("/oauth2/introspect", &work::basic(), &introspection), 4.0),
            ("userinfo", Work::get("/oauth2/userinfo", &bearer), 6.0),
        ];
        let mut endpoints = Vec::new();
        let mut token_twin = Some(token_twin);
        for (name, work, most) in works {
            let Work::Fixed { request } = &work else { continue };
            let reply = http.exchange(request).await.map_err(|error| error.to_string())?.expect(200, name)?;
            let same_size = || Work::get(&format!("/static/{}", reply.body.len()), "");
            let twin = Some(()).filter(|()| name == "client_credentials").and_then(|()| token_twin.take());
            endpoints.push(Endpoint { name, work, twin: twin.unwrap_or_else(same_size), most });
        }
        Ok(endpoints)
    }
}

/// Makes the users of the measurements, and lets messages go to our sink by real HTTP.
fn furnish(folder: &Path, data: &Path, sink: &str) -> Result<(), String> {
    let (password, file) = (folder.join("password"), folder.join("bench.toml"));
    let written = |error: std::io::Error| error.to_string();
    std::fs::write(&password, work::PASSWORD).map_err(written)?;
    let mut text =
        format!("[[connection]]\nname = \"SMSOTP\"\nsettings.url = \"http://{sink}/send?to=$ctx.num&code=$ctx.otp\"\n");
    for worker in 0..LOGINS {
        let (user, number) = (work::user(worker), work::number(worker));
        let _ = write!(
            text,
            "[[user]]\nusername = \"{user}\"\nphone_number = \"+{number}\"\npassword = {{ file = \"password\" }}\n"
        );
    }
    std::fs::write(&file, text).map_err(written)?;
    Server::apply(data, &file)
}
