//! The attacks whose numbers are too large for a test: how much of the server is left to everybody else meanwhile.
//!
//! Each has a server of its own, with the settings of production but for the budgets, which would end most of them early.

mod crowd;
mod gateways;
mod timing;
mod unfinished;
mod visitor;

use std::fmt::Write as _;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use tempfile::TempDir;

pub(super) use self::crowd::Crowd;
use super::{Bench, child::Server, furnish_client, report::Line, write};
use crate::descriptors;

/// Every attack that can be measured.
pub(super) const NAMES: [&str; 4] = ["account_timing", "slow_connections", "unfinished_requests", "hanging_gateways"];

/// Measures one of them.
pub(super) async fn measure(name: &str, bench: &Bench, add: &mut dyn FnMut(Line)) -> Result<(), String> {
    match name {
        "account_timing" => timing::run(add).await,
        "slow_connections" => crowd::run(bench, add).await,
        "unfinished_requests" => unfinished::run(add).await,
        _ => gateways::run(bench, add).await,
    }
}

/// A server with the client of the measurements, and its folder.
struct House {
    server: Server,
    folder: TempDir,
}

impl House {
    /// A house that believes what this machine says of where requests come from.
    async fn build(more: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let server = Server::start_with(folder.path(), &format!("trusted_proxies = [\"127.0.0.1\"]\n{more}")).await?;
        furnish_client(folder.path())?;
        Ok(Self { server, folder })
    }

    /// Applies more declarations, and waits until the server knows them.
    async fn declare(&self, text: &str) -> Result<(), String> {
        let file = self.folder.path().join("more.toml");
        write(&file, text)?;
        Server::apply(self.folder.path(), &file)?;
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        Ok(())
    }
}

/// People who can sign in, as declarations. All have one password, which is hashed once: a hash for each takes minutes.
fn people(prefix: &str, count: usize, more: &str) -> Result<String, String> {
    let hash = hash()?;
    let mut text = String::new();
    for number in 0..count {
        let _ = write!(
            text,
            "[[user]]\nusername = \"{}\"\npassword_hash = \"{hash}\"\nphone_number = \"+1202555{number:04}\"\n\
             phone_number_verified = true\n{more}\n",
            visitor::name(prefix, number)
        );
    }
    Ok(text)
}

/// The hash of [`visitor::PASSWORD`], with the parameters of the server, as a PHC string.
fn hash() -> Result<String, String> {
    let (memory, passes, lanes, salt) = (19_456, 2, 1, b"sixteen bytes ..");
    let params = Params::new(memory, passes, lanes, None).map_err(|error| error.to_string())?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(visitor::PASSWORD.as_bytes(), salt, &mut out)
        .map_err(|error| error.to_string())?;
    let (salt, out) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
    Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${out}"))
}

/// Refuses to begin what this machine does not allow.
fn wants_connections(count: usize) -> Result<(), String> {
    let most = descriptors::most();
    // The rest is for the database, the ordinary requests and what the process had open before.
    let wanted = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(200);
    if wanted <= most {
        return Ok(());
    }
    Err(format!(
        "{wanted} open files are needed and this machine allows {most}: raise the hard limit (`ulimit -Hn {wanted}` as root), and try again"
    ))
}
