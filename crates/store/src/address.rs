//! Database addresses: what an operator writes, and what it may mean.
//!
//! A PostgreSQL address is checked here and then handed to libpq nearly as it was written, so the check reads it as
//! libpq does: several hosts, `host` and `hostaddr` among the parameters, the last of two equal ones wins. What libpq
//! would take from the environment instead (`PGHOSTADDR`, `PGSSLMODE`) is written out, so that it cannot lead
//! elsewhere.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use secrecy::{ExposeSecret as _, SecretString};

use crate::error::OpenError;

/// The address of a database.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A file, or memory: `sqlite:PATH`, `sqlite://PATH`, a bare path, `sqlite::memory:`.
    Sqlite(SqliteFile),
    /// A server: `postgres://USER:PASSWORD@HOST/NAME`, with libpq's parameters.
    Postgres(PgServer),
}

/// Where SQLite keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteFile(Option<PathBuf>);

impl SqliteFile {
    /// The file's path; `None` for a database in memory.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

/// A PostgreSQL server, checked.
#[derive(Clone, Debug)]
pub struct PgServer(SecretString);

impl PgServer {
    /// The address as libpq takes it.
    pub(crate) fn url(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for DatabaseUrl {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        let sqlite = |path: &str| match path {
            "" => Err(address("the path of the database is empty: write for example `sqlite:vestibule.db`")),
            ":memory:" => Ok(Self::Sqlite(SqliteFile(None))),
            path => Ok(Self::Sqlite(SqliteFile(Some(path.into())))),
        };
        match text.split_once(':') {
            Some(("postgres" | "postgresql", rest)) => {
                let rest = rest
                    .strip_prefix("//")
                    .ok_or_else(|| address("a PostgreSQL address is written `postgres://USER:PASSWORD@HOST/NAME`"))?;
                checked_server(rest, cfg!(feature = "postgres-tls")).map(Self::Postgres)
            }
            Some(("sqlite", rest)) => sqlite(rest.strip_prefix("//").unwrap_or(rest)),
            // Only the scheme is repeated: the rest may hold a password.
            Some((scheme, rest)) if rest.starts_with("//") => Err(address(&format!(
                "`{scheme}://…` is no database address: write `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`"
            ))),
            _ => sqlite(text),
        }
    }
}

fn address(why: &str) -> OpenError {
    OpenError::Address(why.to_owned())
}

/// What is written out where an operator did not: what the environment would decide otherwise, and how soon a server
/// counts as gone (TCP alone would take a quarter of an hour).
const WRITTEN_OUT: [(&str, &str); 8] = [
    ("host", ""),
    ("hostaddr", ""),
    ("connect_timeout", "3"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "2"),
    ("tcp_user_timeout", "5000"),
    ("application_name", "vestibule"),
];

/// Checks what follows `postgres://`, and completes it.
fn checked_server(rest: &str, tls: bool) -> Result<PgServer, OpenError> {
    // The first `@` before any `/` ends the user, even behind a `?`.
    let server = rest.split_once('@').filter(|(user, _)| !user.contains('/')).map_or(rest, |(_, server)| server);
    let (place, parameters) = server.split_once('?').unwrap_or((server, ""));
    let hosts = place.split('/').next().unwrap_or_default();
    if parameters.split('&').any(leads_elsewhere) {
        return Err(address("a PostgreSQL address must not name a service, nor encode the names of its parameters"));
    }
    let parameter = |name: &str| {
        let mut pairs = parameters.split('&').filter_map(|pair| pair.split_once('='));
        pairs.rfind(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    };
    let host = parameter("host").unwrap_or_else(|| names_of(hosts));
    let target = parameter("hostaddr").filter(|address| !address.is_empty()).unwrap_or(host);
    let near = target.split(',').all(is_near);
    let written = parameter("sslmode").or_else(|| (parameter("ssl")? == "true").then(|| "require".to_owned()));
    let missing = |name: &str| parameter(name).is_none() && (name != "host" || hosts.is_empty());
    let added = [("sslmode", sslmode(written.as_deref(), near, tls)?)];
    let added = added.into_iter().chain(WRITTEN_OUT.into_iter().filter(|(name, _)| missing(name)));
    let added: Vec<String> = added.map(|(name, value)| format!("{name}={value}")).collect();
    let separator = if server.contains('?') { '&' } else { '?' };
    Ok(PgServer(format!("postgres://{rest}{separator}{}", added.join("&")).into()))
}

/// Whether a parameter would take the connection where this check does not look.
fn leads_elsewhere(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default();
    name == "service" || name.contains('%')
}

/// How the connection is to be protected, or why it cannot be made. `prefer` and `allow`, libpq's own default, go on in
/// plain text without a word, so they are good enough for nothing that leaves the machine.
fn sslmode(written: Option<&str>, near: bool, tls: bool) -> Result<&str, OpenError> {
    match written {
        Some("disable") => Ok("disable"),
        Some(mode @ ("require" | "verify-ca" | "verify-full")) if tls => Ok(mode),
        Some("require" | "verify-ca" | "verify-full") => Err(address(
            "this build cannot speak TLS to PostgreSQL: use one with the feature `postgres-tls`, or write \
             `sslmode=disable` if the network protects the connection",
        )),
        None | Some("prefer" | "allow") if near => Ok("disable"),
        None if tls => Ok("verify-full"),
        None | Some("prefer" | "allow") => Err(address(
            "the connection to PostgreSQL would leave this machine in plain text: use a build with the feature \
             `postgres-tls` and `sslmode=verify-full`, or write `sslmode=disable` if the network protects it",
        )),
        Some(_) => Err(address("sslmode is one of disable, require, verify-ca, verify-full")),
    }
}

/// Whether a connection to `host` stays on this machine. No name is a Unix socket.
fn is_near(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
    host.is_empty() || host.starts_with(['/', '@']) || host == "localhost" || address.parse().is_ok_and(loopback)
}

/// The names in `host:port,[::1]:port`, without their ports.
fn names_of(hosts: &str) -> String {
    let name = |host: &str| match host.split_once(']') {
        Some((address, _)) => format!("{address}]"),
        None => decoded(host.split(':').next().unwrap_or_default()),
    };
    hosts.split(',').map(name).collect::<Vec<_>>().join(",")
}

/// Percent-decoded text. What cannot be decoded stays as it is; libpq refuses it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.split_at_checked(2).filter(|_| *first == b'%');
        let code =
            code.and_then(|(code, rest)| Some((u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?, rest)));
        let (byte, next) = code.unwrap_or((*first, after));
        bytes.push(byte);
        rest = next;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(rest: &str, tls: bool) -> Result<String, String> {
        checked_server(rest, tls).map(|server| server.url().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_may_be_written_in_four_ways() {
        for (text, path) in
            [("sqlite:a.db", "a.db"), ("sqlite://a.db", "a.db"), ("a.db", "a.db"), ("sqlite:///srv/a.db", "/srv/a.db")]
        {
            let Ok(DatabaseUrl::Sqlite(file)) = text.parse() else { panic!("{text}") };
            assert_eq!(file.path(), Some(Path::new(path)), "{text}");
        }
        let Ok(DatabaseUrl::Sqlite(file)) = "sqlite::memory:".parse() else { panic!("memory") };
        assert_eq!(file.path(), None);
    }

    #[test]
    fn a_133_a_bad_address_is_refused_by_name_and_keeps_its_password() {
        for bad in ["", "sqlite:", "mysql://root:hunter2@localhost/x", "postgres:localhost"] {
            let error = bad.parse::<DatabaseUrl>().unwrap_err();
            assert!(matches!(error, OpenError::Address(_)), "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let secret: DatabaseUrl = "postgres://u:hunter2@localhost/x".parse().unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        for near in [
            "u:p@localhost/db",
            "127.0.0.1:5433/db",
            "[::1]:5432/db",
            "[::ffff:127.0.0.1]/db",
            "/db",
            "",
            "%2Fvar%2Frun%2Fpostgresql/db",
            "u@/db?host=/run/postgresql",
            "localhost:1,127.0.0.2:2/db",
            "db.example/db?hostaddr=127.0.0.1",
            "localhost/db?sslmode=prefer",
        ] {
            let url = server(near, false).unwrap_or_else(|error| panic!("{near}: {error}"));
            assert!(url.contains("sslmode=disable"), "{url}");
        }
    }

    #[test]
    fn plain_text_does_not_leave_this_machine_unless_written_out() {
        for far in [
            "db.example/db",
            "u:p@10.0.0.5/db",
            "localhost,db.example/db",
            "localhost/db?host=db.example",
            "127.0.0.1.evil/db",
            "localhost/db?hostaddr=192.0.2.1",
            "db.example/db?sslmode=prefer",
            "db.example/db?sslmode=allow",
            "localhost.evil/db",
            "localhost@db.example/db",
            "localhost/db?host=localhost&host=db.example",
            "localhost/db?service=far",
            "localhost/db?%68ost=db.example",
            "localhost/db?host=db%2Eexample",
            "u:localhost@[2001:db8::1]/db",
            "localhost?user=u@db.example/db",
            "u@db.example@localhost/db",
        ] {
            assert!(server(far, false).is_err(), "{far}");
            let url = server(
                &format!(
                    "{far}{}sslmode=disable",
                    if far.rsplit('@').next().unwrap().contains('?') { '&' } else { '?' }
                ),
                false,
            );
            assert_eq!(url.is_ok(), !far.contains("service") && !far.contains("%68"), "{far}");
        }
    }

    #[test]
    fn tls_is_refused_where_there_is_none_and_asked_for_where_there_is() {
        for wish in ["localhost/db?sslmode=require", "db.example/db?sslmode=verify-full", "localhost/db?ssl=true"] {
            assert!(server(wish, false).unwrap_err().contains("postgres-tls"), "{wish}");
            assert!(server(wish, true).is_ok(), "{wish}");
        }
        assert!(server("db.example/db", true).unwrap().contains("sslmode=verify-full"));
        assert!(server("db.example/db?sslmode=prefer", true).is_err());
        assert!(server("localhost/db?sslmode=Disable", true).is_err());
    }

    #[test]
    fn the_environment_cannot_lead_elsewhere() {
        let url = server("localhost/db", false).unwrap();
        assert!(url.contains("hostaddr=&"), "{url}");
        assert!(server("/db", false).unwrap().contains("host=&"));
    }
}
