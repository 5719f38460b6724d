//! A server in a process of its own, so that its processor time and its memory can be told from the driver's.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::http::Http;

/// A running child.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    /// From the start of the process to its first right answer.
    pub(super) took: Duration,
}

/// Budgets that no load runs into: what is measured is the server, not its refusals.
const UNLIMITED: [&str; 10] = [
    "TRIES",
    "CEILING",
    "NETWORK",
    "SENDS_TO_USER",
    "SENDS_TO",
    "SENDS_DAILY",
    "SENDS_FROM",
    "SENDS_TO_PREFIX",
    "SENDS_BY",
    "CLIENT",
];
/// The name of the file with its settings.
pub(super) const SETTINGS: &str = "vestibule.toml";
const PATIENCE: Duration = Duration::from_secs(20);
const DISCOVERY: &str = "/.well-known/openid-configuration";

impl Server {
    /// Starts `vestibule serve` in the folder `home`, with the settings of a production server behind a proxy on this machine,
    /// and waits until it answers.
    pub(super) async fn start(home: &Path) -> Result<Self, String> {
        Self::start_with(home, "").await
    }

    /// The same with more settings, as lines of TOML.
    pub(super) async fn start_with(home: &Path, more: &str) -> Result<Self, String> {
        let address = free_address()?;
        let port = address.port();
        let settings = format!(
            "public_url = \"http://localhost:{port}\"\nlisten = \"{address}\"\nmanagement_listen = \"off\"\ndata_dir = {:?}\n{more}",
            home.join("data")
        );
        fs::write(home.join(SETTINGS), settings).map_err(|error| error.to_string())?;
        let mut command = this_program()?;
        command.arg("serve").arg("--config").arg(home.join(SETTINGS));
        environment(&mut command);
        let began = Instant::now();
        let child = command.stdout(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        let mut server = Self { child, address, took: Duration::ZERO };
        while began.elapsed() < PATIENCE {
            if let Ok(mut http) = Http::connect(address).await
                && http.get(DISCOVERY, "").await.is_ok_and(|reply| reply.status == 200)
            {
                server.took = began.elapsed();
                return Ok(server);
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("the server ended with {status}"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("the server does not answer".to_owned())
    }

    /// Starts the bare endpoints of [`super::floor`].
    pub(super) fn start_floor() -> Result<Self, String> {
        let (child, line) = helper(&["floor"])?;
        let address = line.parse().map_err(|_| "the floor says no address".to_owned())?;
        Ok(Self { child, address, took: Duration::ZERO })
    }

    /// Starts a crowd of [`super::attack`] against this server, and waits until all of it is there.
    pub(super) fn crowd(&self, count: usize) -> Result<Self, String> {
        let (child, line) = helper(&["crowd", &self.address.to_string(), &count.to_string()])?;
        if line.is_empty() {
            Err("the crowd did not get in".to_owned())
        } else {
            Ok(Self { child, address: self.address, took: Duration::ZERO })
        }
    }

    /// Applies a declaration to the database of a running server.
    pub(super) fn apply(home: &Path, file: &Path) -> Result<(), String> {
        let mut command = this_program()?;
        command.arg("apply").arg(file).arg("--config").arg(home.join(SETTINGS));
        environment(&mut command);
        let output = command.output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// The processor time that it has used, user and system, in microseconds.
    pub(super) fn cpu_micros(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name of the program stands in brackets, and may hold anything. After it come the state, which is no number,
        // and ten numbers (one of which may be negative) before utime and stime. 100 ticks a second on Linux.
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        ticks.sum::<u64>() * 10_000
    }

    /// The memory that it occupies, in MiB.
    pub(super) fn rss_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        let kib = line.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    }

    /// Stops it in an orderly way.
    pub(super) fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().is_ok_and(|status| status.success());
        let began = Instant::now();
        while asked && began.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Another process of this program, and the line that it says when it is ready.
fn helper(arguments: &[&str]) -> Result<(Child, String), String> {
    let mut command = this_program()?;
    command.arg("bench").args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut line = String::new();
    let out = child.stdout.take().ok_or("a helper says nothing")?;
    BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
    Ok((child, line.trim().to_owned()))
}

fn this_program() -> Result<Command, String> {
    std::env::current_exe().map(Command::new).map_err(|error| error.to_string())
}

fn environment(command: &mut Command) {
    for budget in UNLIMITED {
        command.env(format!("VESTIBULE_LIMITS__{budget}__LIMIT"), "10000000");
    }
}

fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}
