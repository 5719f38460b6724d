//! `vestibule client`: service providers.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use vestibule_core::{id::ChainName, store::StoreExt as _};
use vestibule_oauth::{
    model::{Client, ClientAuthMethod, GrantType, new_client_secret},
    registration::faults,
};
use vestibule_server::{
    config::tree::Place,
    declare::{self, Declaration, DeclaredClient},
};

use crate::{
    exit::{DATA, Failure},
    offline,
    output::say,
    settings::SettingsArguments,
};

/// What can be done with service providers.
#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// Register an application. Its secret is shown once.
    Add(Add),
    /// Show which there are.
    List,
}

/// Flags of `vestibule client add`.
#[derive(Args)]
pub(crate) struct Add {
    /// The id.
    id: String,
    /// The name on pages; the id otherwise.
    #[arg(long)]
    name: Option<String>,
    /// Where answers go; may be repeated.
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// Where people go after signing out; may be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URL")]
    post_logout_redirect_uris: Vec<String>,
    /// The chain that its people pass; the server's default otherwise.
    #[arg(long)]
    chain: Option<String>,
    /// An application that can keep no secret: in a browser or on a telephone.
    #[arg(long, conflicts_with = "machine")]
    public: bool,
    /// A program without people: client credentials alone.
    #[arg(long)]
    machine: bool,
}

impl ClientCommand {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(add) => add.run(arguments).await,
            Self::List => list(arguments).await,
        }
    }
}

impl Add {
    async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let client = self.client()?;
        let wrong: Vec<String> = faults(&client).iter().map(|fault| format!("{}: {fault}", fault.field())).collect();
        if !wrong.is_empty() {
            return Err(Failure::new(DATA, wrong.join("\n")));
        }
        let offline = offline::open(arguments)?;
        let id = client.id.clone();
        if offline.workshop.store.read(move |tx| Ok(tx.clients()?.into_iter().any(|known| known.id == id))).await? {
            return Err(Failure::new(DATA, format!("{} exists already. Choose another id.", client.id)));
        }
        let secret = (!self.public).then(|| new_client_secret(offline.workshop.random.as_ref()));
        let secrets = secret.clone().map(|secret| vec![secret]);
        let declared = DeclaredClient { client, secrets, place: Place::Default };
        let declaration = Declaration { clients: vec![declared], ..Declaration::default() };
        declare::apply(&offline.workshop, &declaration, &offline.options()).await?;
        say("# Keep the secret now: it is not shown again.");
        say(format_args!("OIDC_ISSUER={}", offline.settings.issuer()));
        say(format_args!("OIDC_CLIENT_ID={}", self.id));
        if let Some(secret) = secret {
            say(format_args!("OIDC_CLIENT_SECRET={}", secret.expose_secret()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn client(&self) -> Result<Client, Failure> {
        let name = self.name.as_ref().unwrap_or(&self.id);
        let plain = serde_json::from_value(serde_json::json!({ "id": self.id, "name": name }));
        let plain: Client = plain.map_err(|error| Failure::new(DATA, error.to_string()))?;
        Ok(Client {
            auth: if self.public { ClientAuthMethod::None } else { ClientAuthMethod::default() },
            redirect_uris: self.redirect_uris.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
            grant_types: if self.machine { [GrantType::ClientCredentials].into() } else { plain.grant_types },
            chain: self.chain.as_deref().map(ChainName::from),
            ..plain
        })
    }
}

async fn list(arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
    let offline = offline::open(arguments)?;
    for client in offline.workshop.store.read(|tx| tx.clients()).await? {
        let chain = client.chain.as_ref().map_or("(default)", ChainName::as_str);
        let disabled = if client.disabled { "disabled" } else { "" };
        say(format_args!("{:<24} {:<32} {chain:<16} {disabled}", client.id.as_str(), client.name));
    }
    Ok(ExitCode::SUCCESS)
}
