//! `vestibule healthcheck`: asks a running server whether it is ready, for images that have no other program.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use vestibule_server::config::Management;

use crate::{
    exit::{CONFIGURATION, Failure, UNAVAILABLE},
    output::say,
    settings::SettingsArguments,
};

/// Flags of `vestibule healthcheck`.
#[derive(Args)]
pub(crate) struct Healthcheck {
    /// The management listener; otherwise the one in the settings.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<SocketAddr>,
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Healthcheck {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let address = match self.address {
            Some(address) => address,
            None => configured(arguments)?,
        };
        let status = timeout(PATIENCE, ask(address)).await;
        let nobody = |why: String| {
            let advice = "Start the server, or name its management listener with --address.";
            Failure::new(UNAVAILABLE, format!("{address} does not answer: {why}. {advice}"))
        };
        let status =
            status.map_err(|_| nobody("no answer in 5 s".to_owned()))?.map_err(|error| nobody(error.to_string()))?;
        say(&status);
        Ok(if status.contains(" 200 ") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn configured(arguments: &SettingsArguments) -> Result<SocketAddr, Failure> {
    match arguments.load(Vec::new())?.settings.management {
        Management::On(address) => Ok(address),
        Management::Off => Err(Failure::new(
            CONFIGURATION,
            "management_listen is off, so nobody can be asked. Set it to 127.0.0.1:9000.",
        )),
    }
}

/// The status line of the readiness probe. Written out, since this must work where nothing but this program is.
async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /healthz/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}
