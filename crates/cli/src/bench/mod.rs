//! `vestibule bench`: what this machine's raw limits are, and how near the server comes.
//!
//! Absolute numbers belong to a machine; ratios to a raw limit, measured in the same run in alternating rounds, belong to the
//! program. The server and the bare endpoints run in processes of their own; what counts is their processor time, so
//! that the driver beside them on the same processors does not.

mod attack;
mod child;
mod factors;
mod floor;
mod http;
mod measure;
mod people;
mod raw;
mod report;
mod sink;
mod work;

use std::{cell::RefCell, fmt::Write as _, path::Path, process::ExitCode, rc::Rc, time::Duration};

use clap::{Args, Subcommand};

use self::{
    child::Server,
    http::Http,
    measure::{measure, median, median_round},
    report::{Goal, Line},
    sink::Sink,
    work::Work,
};
use crate::{
    descriptors,
    exit::{Failure, UNAVAILABLE, USAGE},
    login::TRY_SECRET,
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
    /// How many users `admin_users` has, which is measured only when it is named.
    #[arg(long, default_value_t = people::MANY, value_name = "COUNT")]
    users: u32,
    /// Measure how the server stands attacks instead. Takes some minutes.
    #[arg(long)]
    attacks: bool,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Hidden {
    /// The bare endpoints that the server is compared with.
    #[command(hide = true)]
    Floor,
    /// Slow connections to a server.
    #[command(hide = true)]
    Crowd(attack::Crowd),
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
const CONNECTIONS: usize = 16;
/// Connections at a time where a commit is shared by those who wait.
const MANY_CONNECTIONS: usize = 64;
/// Sign-ins at a time: each is a user of its own.
const LOGINS: usize = 8;
/// Codes that are made before their exchange is measured; they live for a minute.
const CODES: usize = 4000;
/// Token requests before memory is looked at again.
const MANY: f64 = 100_000.0;

impl Bench {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        descriptors::allow_all();
        match self.hidden {
            Some(Hidden::Floor) => return floor::run().await,
            Some(Hidden::Crowd(crowd)) => return crowd.run().await,
            None => {}
        }
        let names: Vec<_> =
            NAMES.into_iter().chain(factors::NAMES).chain([people::NAME]).chain(attack::NAMES).collect();
        if let Some(unknown) = self.only.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(Failure::new(USAGE, format!("nothing is called {unknown}. There are {}.", names.join(", "))));
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
        if self.only.is_empty() {
            return attack::NAMES.contains(&name) == self.attacks;
        }
        self.only.iter().any(|only| only == name)
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.max(1))
    }

    async fn measure_all(&self) -> Result<Vec<Line>, String> {
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
        if NAMES.iter().any(|name| self.wants(name)) {
            self.measure_ordinary(&mut add).await?;
        }
        for name in factors::NAMES.into_iter().filter(|name| self.wants(name)) {
            add(factors::measure(name, self.time())?);
        }
        // Takes minutes and a gigabyte: never by the way.
        if self.only.iter().any(|only| only == people::NAME) {
            people::run(self, &mut add).await?;
        }
        for name in attack::NAMES.into_iter().filter(|name| self.wants(name)) {
            attack::measure(name, self, &mut add).await?;
        }
        Ok(lines)
    }

    async fn measure_ordinary(&self, add: &mut dyn FnMut(Line)) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let ground = Ground::prepare(folder.path()).await?;
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
        Ok(())
    }

    /// An endpoint against its bare twin: processor time for one request.
    async fn endpoint(&self, ground: &Ground, endpoint: Endpoint) -> Result<Line, String> {
        let Endpoint { name, work, twin, goal } = endpoint;
        let (work, twin) = (Rc::new(work), Rc::new(twin));
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            bare.push(measure(&ground.floor, &twin, CONNECTIONS, self.time()).await?);
            ours.push(measure(&ground.server, &work, CONNECTIONS, self.time()).await?);
        }
        let (ours, bare) = (median_round(&ours), median_round(&bare));
        Ok(Line::new(name, "cpu us/request", ours.cpu_us, Some(bare.cpu_us), goal).with(ours))
    }

    /// Processor time of a refresh with rotation: one durable transaction and one signature.
    async fn refresh(&self, ground: &Ground) -> Result<Line, String> {
        let mut http = ground.connect().await?;
        let mut tokens = Vec::new();
        for _ in 0..CONNECTIONS {
            let code = work::next_code(&mut http, &ground.cookies).await?;
            tokens.push(work::exchange(&mut http, &code).await?.1);
        }
        let work = Rc::new(Work::Refresh(RefCell::new(tokens)));
        let twin = Rc::new(token_twin());
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            bare.push(measure(&ground.floor, &twin, CONNECTIONS, self.time()).await?);
            ours.push(measure(&ground.server, &work, CONNECTIONS, self.time()).await?);
        }
        let (ours, bare) = (median_round(&ours), median_round(&bare));
        Ok(Line::new("refresh", "cpu us/request", ours.cpu_us, Some(bare.cpu_us), Goal::AtMost(300.0)).with(ours))
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
            ours.push(measure(&ground.server, &work, MANY_CONNECTIONS, Duration::from_secs(30)).await?);
        }
        let ours = median_round(&ours);
        let commits = Some(median(commits));
        Ok(Line::new("code_exchange", "per second", ours.per_second, commits, Goal::RatioAtLeast(1.0)).with(ours))
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
        let hash = median(hashes);
        let goal = Goal::AtMost(hash.mul_add(1.05, 1500.0));
        Ok(Line::new("login", "cpu us/login", ours.cpu_us, Some(hash), goal).with(ours))
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
            Line::new("cold_start empty", "ms", median(empty), None, Goal::AtMost(300.0)),
            Line::new("cold_start warm", "ms", median(warm), None, Goal::AtMost(100.0)),
        ])
    }

    /// Memory of a fresh server, and after many token requests.
    async fn memory(&self) -> Result<[Line; 2], String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let server = Server::start(folder.path()).await?;
        // A client alone: the password of a user would be hashed, and the memory of argon2 is not what is measured.
        furnish_client(folder.path())?;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let idle = server.rss_mib();
        let work = Rc::new(client_credentials());
        let mut done = 0.0;
        while done < MANY {
            let round = measure(&server, &work, CONNECTIONS, Duration::from_secs(2)).await?;
            done += round.per_second * 2.0;
        }
        let after = server.rss_mib();
        Ok([
            Line::new("memory idle", "MiB", idle, None, Goal::AtMost(25.0)),
            Line::new("memory after 100000", "MiB", after, Some(idle), Goal::AtMost(40.0)),
        ])
    }
}

/// What nobody can leave out of a token request.
fn token_twin() -> Work {
    let secret = floor::SECRET;
    Work::post("/token", "", &format!("grant_type=client_credentials&client_id=try&client_secret={secret}"))
}

fn client_credentials() -> Work {
    Work::post("/oauth2/token", &work::basic(), "grant_type=client_credentials")
}

/// An endpoint and its bare twin.
struct Endpoint {
    name: &'static str,
    work: Work,
    twin: Work,
    goal: Goal,
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
        let server = Server::start(folder).await?;
        let floor = Server::start_floor()?;
        let sink = Sink::default();
        let address = sink.start().await.map_err(|error| error.to_string())?;
        furnish_client(folder)?;
        furnish_people(folder, &address.to_string())?;
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
        let introspection = format!("token={access}");
        let works = [
            ("discovery", Work::get("/.well-known/openid-configuration", ""), Goal::RatioAtMost(1.5)),
            ("jwks", Work::get("/oauth2/jwks", ""), Goal::RatioAtMost(1.5)),
            ("client_credentials", client_credentials(), Goal::RatioAtMost(1.5)),
            ("introspection", Work::post("/oauth2/introspect", &work::basic(), &introspection), Goal::AtMost(120.0)),
            ("userinfo", Work::get("/oauth2/userinfo", &bearer), Goal::AtMost(120.0)),
        ];
        let mut endpoints = Vec::new();
        for (name, work, goal) in works {
            let Work::Fixed { requests, .. } = &work else { continue };
            let Some(request) = requests.first() else { continue };
            let reply = http.exchange(request).await.map_err(|error| error.to_string())?.expect(200, name)?;
            let same_size = Work::get(&format!("/static/{}", reply.body.len()), "");
            let twin = if name == "client_credentials" { token_twin() } else { same_size };
            endpoints.push(Endpoint { name, work, twin, goal });
        }
        Ok(endpoints)
    }
}

/// The service provider of the measurements, and its chain.
const CLIENT: &str = r#"
[[connection]]
name = "SMSOTP"
kind = "sms"
settings.url = "http://127.0.0.1:9/send?to=$ctx.num&code=$ctx.otp"

[[chain]]
name = "two-steps"
steps = [["password"], [{ authenticator = "smsotp", connection = "SMSOTP" }]]

[[client]]
id = "try"
name = "Bench"
secret = { file = "secret" }
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
id_token_signed_response_alg = "ES256"
chain = "two-steps"
consent = "skip"
"#;

fn furnish_client(home: &Path) -> Result<(), String> {
    write(&home.join("secret"), TRY_SECRET)?;
    write(&home.join("client.toml"), CLIENT)?;
    Server::apply(home, &home.join("client.toml"))
}

/// Makes the users of the measurements, and lets messages go to our sink by real HTTP.
fn furnish_people(home: &Path, sink: &str) -> Result<(), String> {
    write(&home.join("password"), work::PASSWORD)?;
    let mut text = format!(
        "[[connection]]\nname = \"SMSOTP\"\nkind = \"sms\"\nsettings.url = \"http://{sink}/send?to=$ctx.num&code=$ctx.otp\"\n"
    );
    for worker in 0..LOGINS {
        let (user, number) = (work::user(worker), work::number(worker));
        let _ = write!(
            text,
            "[[user]]\nusername = \"{user}\"\nphone_number = \"+{number}\"\nphone_number_verified = true\n\
             password = {{ file = \"password\" }}\n"
        );
    }
    write(&home.join("people.toml"), &text)?;
    Server::apply(home, &home.join("people.toml"))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
