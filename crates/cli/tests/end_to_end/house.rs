//! A server as an operator sets one up: a configuration file, what `vestibule apply` declares, then `vestibule serve`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    database::Database,
    gateway::Gateway,
    person::Who,
    program::{Running, free_port, run, said, vestibule},
};

/// Where service providers want the answer. Nobody listens there: the test is the service provider.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";
/// Where they want people after a logout.
pub(crate) const AFTER_LOGOUT: &str = "http://127.0.0.1:9/goodbye";
/// The secret of every service provider that has one.
pub(crate) const SECRET: &str = "vss_end-to-end-end-to-end-end-to-end-0001";

/// A configured server: its files, its database, its SMS gateway.
pub(crate) struct House {
    folder: TempDir,
    pub(crate) gateway: Gateway,
    port: u16,
}

impl House {
    /// Sets one up; `jwks` are the public keys of the service provider `signer`.
    pub(crate) fn build(database: Database, jwks: Option<&Value>) -> Self {
        let house = Self { folder: TempDir::new().unwrap(), gateway: Gateway::open(), port: free_port() };
        house.write("vestibule.toml", &house.settings(database));
        house.write("declared/connections.toml", &connection(&house.gateway));
        house.write("declared/people.toml", &people());
        house.write("declared/clients.toml", &clients(jwks.is_some()));
        house.write("declared/secret", SECRET);
        house.write("declared/password", Who::PASSWORD);
        if let Some(jwks) = jwks {
            house.write("declared/signer.jwks", &jwks.to_string());
        }
        house.apply();
        house
    }

    fn settings(&self, database: Database) -> String {
        let (url, data) = (self.url(), self.path("data"));
        let address = database.create(self.folder.path());
        let mut settings = format!(
            "public_url = \"{url}\"\nlisten = \"127.0.0.1:{}\"\nmanagement_listen = \"off\"\ndata_dir = \"{}\"\n",
            self.port,
            data.display()
        );
        if database == Database::Postgres {
            let key = vestibule_core::crypto::MasterKey::generate(&vestibule_core::random::SystemRandom::default());
            let file = self.write("master.key", &key.to_text());
            settings += &format!("secret_key_file = \"{}\"\n", file.display());
        }
        // One message may be asked for again, so that a test can see whether it was spent; and soon.
        settings
            + &format!(
                "[database]\nurl = \"{address}\"\n[limits]\ncooldown = \"1s\"\nsends_to_user = {{ limit = 1 }}\n"
            )
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its address, and its issuer.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A command of the program with this server's configuration.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = vestibule();
        command.arg(name).arg("--config").arg(self.path("vestibule.toml")).current_dir(self.folder.path());
        command
    }

    fn apply(&self) {
        let output = run(self.command("apply").arg(self.path("declared")));
        assert!(output.status.success(), "vestibule apply: {}", said(&output));
    }

    /// `vestibule serve`.
    pub(crate) async fn serve(&self) -> Running {
        Running::start(self.command("serve"), &self.url(), &self.path("log")).await
    }
}

fn connection(gateway: &Gateway) -> String {
    format!(
        "[[connection]]\nname = \"SMSOTP\"\nkind = \"sms\"\n[connection.settings]\nurl = \"{}\"\ntimeout_seconds = 2\n\
         success = {{ status = [200], body = [{{ json = {{ path = \"messages[*].status\", equals = \"0\" }} }}] }}\n\
         [[chain]]\nname = \"two-doors\"\n\
         steps = [[\"password\"], [{{ authenticator = \"smsotp\", connection = \"SMSOTP\" }}]]\n",
        gateway.sms_url()
    )
}

fn people() -> String {
    let one = |who: &Who| {
        format!(
            "[[user]]\nusername = \"{}\"\ndisplay_name = \"{}\"\nemail = \"{}@example.com\"\nphone_number = \"{}\"\n\
             password = {{ file = \"password\" }}\n",
            who.username, who.name, who.username, who.number
        )
    };
    Who::ALL.iter().map(one).collect()
}

fn clients(with_keys: bool) -> String {
    let one = |id: &str, auth: &str, more: &str| {
        let grants = if auth == "none" { "" } else { ", \"client_credentials\"" };
        format!(
            "[[client]]\nid = \"{id}\"\nname = \"The {id}\"\nauth = \"{auth}\"\nchain = \"two-doors\"\n\
             redirect_uris = [\"{REDIRECT_URI}\"]\npost_logout_redirect_uris = [\"{AFTER_LOGOUT}\"]\n\
             grant_types = [\"authorization_code\", \"refresh_token\"{grants}]\n\
             scopes = [\"openid\", \"profile\", \"email\", \"phone\", \"offline_access\", \"stock.read\"]\n{more}\n"
        )
    };
    let secret = "secret = { file = \"secret\" }";
    let mut clients = one("shop", "client_secret_basic", &format!("consent = \"skip\"\n{secret}"));
    clients += &one("poster", "client_secret_post", secret);
    clients += &one("app", "none", "");
    if with_keys {
        clients += &one("signer", "private_key_jwt", "jwks_file = \"signer.jwks\"");
    }
    clients
}
