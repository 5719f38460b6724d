//! What an application is set up with, ready to be copied: the environment, and the libraries that most people use. Every value
//! is the service provider's own; the secret stands in none of them but where it is read from.
//!
//! What is quoted is quoted as JSON: what that writes is a string in JavaScript, Python, Go and Rust, and in YAML and TOML as well.

use serde_json::json;
use vestibule_core::prompt::Text;
use vestibule_oauth::model::{Client, ClientAuthMethod, GrantType};

use crate::pages::console::Block;

/// Where an application is answered that has no redirect URI yet.
const EXAMPLE: &str = "https://app.example.com/callback";
/// What stands for a secret that is shown no more.
const SECRET: &str = "the secret that you stored";

/// What the snippets are made of.
struct App<'a> {
    client: &'a Client,
    issuer: &'a str,
    redirect: &'a str,
    public: bool,
    scope: String,
}

/// The environment of an application; with its secret where that is at hand.
pub(super) fn environment(client: &Client, issuer: &str, secret: Option<&str>) -> String {
    let app = App::new(client, issuer);
    let mut lines = vec![format!("OIDC_ISSUER={issuer}"), format!("OIDC_CLIENT_ID={}", client.id)];
    if client.grant_types.contains(&GrantType::AuthorizationCode) {
        lines.push(format!("OIDC_REDIRECT_URI={}", shell(app.redirect)));
    }
    lines.push(format!("OIDC_SCOPE={}", shell(&app.scope)));
    if has_secret(client) {
        lines.push(format!("OIDC_CLIENT_SECRET={}", secret.map_or_else(|| shell(SECRET), shell)));
    }
    lines.join("\n") + "\n"
}

/// All of them, each with the message that names it. One that acts for itself has the environment alone.
pub(super) fn all(client: &Client, issuer: &str) -> Vec<Block> {
    let environment = ("environment", "console.client.environment", environment(client, issuer, None));
    let app = App::new(client, issuer);
    let mut all = vec![environment];
    if client.grant_types.contains(&GrantType::AuthorizationCode) {
        all.extend([
            ("node", "console.client.node", app.node()),
            ("python", "console.client.python", app.python()),
            ("go", "console.client.go", app.go()),
            ("spring", "console.client.spring", app.spring()),
            ("rust", "console.client.rust", app.rust()),
        ]);
        if !app.public {
            all.push(("oauth2-proxy", "console.client.oauth2_proxy", app.oauth2_proxy()));
        }
    }
    let block =
        |(id, label, text): (&str, &str, String)| Block::Copy { id: id.to_owned(), label: Text::new(label), text };
    all.into_iter().map(block).collect()
}

fn has_secret(client: &Client) -> bool {
    matches!(client.auth, ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost)
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A value that a shell and a file of the environment read as it is.
fn shell(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:/@%+,=".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

impl<'a> App<'a> {
    fn new(client: &'a Client, issuer: &'a str) -> Self {
        let redirect = client.redirect_uris.first().map_or(EXAMPLE, String::as_str);
        // Those that an application mostly wants, of those that it may have.
        let wanted = ["openid", "profile", "email"].into_iter().filter(|scope| client.scopes.contains(*scope));
        let scope = wanted.collect::<Vec<_>>().join(" ");
        Self { client, issuer, redirect, public: client.auth == ClientAuthMethod::None, scope }
    }

    fn id(&self) -> String {
        quoted(self.client.id.as_str())
    }

    fn node(&self) -> String {
        let (issuer, id, redirect, scope) =
            (quoted(self.issuer), self.id(), quoted(self.redirect), quoted(&self.scope));
        let auth = match self.client.auth {
            ClientAuthMethod::None => "undefined, client.None()",
            ClientAuthMethod::ClientSecretBasic => {
                "undefined, client.ClientSecretBasic(process.env.OIDC_CLIENT_SECRET)"
            }
            ClientAuthMethod::ClientSecretPost => "undefined, client.ClientSecretPost(process.env.OIDC_CLIENT_SECRET)",
            ClientAuthMethod::PrivateKeyJwt => "undefined, client.PrivateKeyJwt(privateKey)",
        };
        format!(
            r#"import * as client from "openid-client";

const config = await client.discovery(new URL({issuer}), {id}, {auth});
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
// Send the browser there, and keep verifier and state in its session.
const url = client.buildAuthorizationUrl(config, {{
  redirect_uri: {redirect},
  scope: {scope},
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
}});

// At the redirect URI:
const tokens = await client.authorizationCodeGrant(config, new URL(currentUrl), {{
  pkceCodeVerifier: verifier,
  expectedState: state,
}});
console.log(tokens.claims());
"#
        )
    }

    fn python(&self) -> String {
        let (id, scope, redirect) = (self.id(), quoted(&self.scope), quoted(self.redirect));
        let metadata = quoted(&format!("{}/.well-known/openid-configuration", self.issuer));
        let (secret, method) = match self.client.auth {
            ClientAuthMethod::None => ("None", "none"),
            ClientAuthMethod::ClientSecretPost => ("os.environ[\"OIDC_CLIENT_SECRET\"]", "client_secret_post"),
            ClientAuthMethod::ClientSecretBasic => ("os.environ[\"OIDC_CLIENT_SECRET\"]", "client_secret_basic"),
            ClientAuthMethod::PrivateKeyJwt => ("private_key", "private_key_jwt"),
        };
        format!(
            r#"import os
from authlib.integrations.flask_client import OAuth

oauth = OAuth(app)
oauth.register(
    "vestibule",
    client_id={id},
    client_secret={secret},
    server_metadata_url={metadata},
    client_kwargs={{
        "scope": {scope},
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "{method}",
    }},
)

# Where people sign in: return oauth.vestibule.authorize_redirect({redirect})
# At the redirect URI: token = oauth.vestibule.authorize_access_token()
"#
        )
    }

    fn go(&self) -> String {
        let (issuer, id, redirect) = (quoted(self.issuer), self.id(), quoted(self.redirect));
        let scopes: Vec<_> = self.scope.split(' ').map(quoted).collect();
        let scopes = scopes.join(", ");
        let secret =
            if has_secret(self.client) { "\n\t\tClientSecret: os.Getenv(\"OIDC_CLIENT_SECRET\")," } else { "" };
        let os = if has_secret(self.client) { "\t\"os\"\n" } else { "" };
        format!(
            "package main

import (
\t\"context\"
{os}
\t\"github.com/coreos/go-oidc/v3/oidc\"
\t\"golang.org/x/oauth2\"
)

func setup(ctx context.Context) (*oauth2.Config, *oidc.IDTokenVerifier, error) {{
\tprovider, err := oidc.NewProvider(ctx, {issuer})
\tif err != nil {{
\t\treturn nil, nil, err
\t}}
\tconfig := &oauth2.Config{{
\t\tClientID:     {id},{secret}
\t\tEndpoint:     provider.Endpoint(),
\t\tRedirectURL:  {redirect},
\t\tScopes:       []string{{{scopes}}},
\t}}
\t// config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), then
\t// config.Exchange(ctx, code, oauth2.VerifierOption(verifier)).
\treturn config, provider.Verifier(&oidc.Config{{ClientID: config.ClientID}}), nil
}}
"
        )
    }

    fn spring(&self) -> String {
        let (issuer, id, redirect) = (quoted(self.issuer), self.id(), quoted(self.redirect));
        let scope = self.scope.split(' ').map(quoted).collect::<Vec<_>>().join(", ");
        let method = match self.client.auth {
            ClientAuthMethod::None => "none",
            ClientAuthMethod::ClientSecretBasic => "client_secret_basic",
            ClientAuthMethod::ClientSecretPost => "client_secret_post",
            ClientAuthMethod::PrivateKeyJwt => "private_key_jwt",
        };
        let secret =
            if has_secret(self.client) { "\n            client-secret: \"${OIDC_CLIENT_SECRET}\"" } else { "" };
        format!(
            r#"spring:
  security:
    oauth2:
      client:
        registration:
          vestibule:
            client-id: {id}{secret}
            client-authentication-method: "{method}"
            authorization-grant-type: "authorization_code"
            redirect-uri: {redirect}
            scope: [{scope}]
        provider:
          vestibule:
            issuer-uri: {issuer}
"#
        )
    }

    fn rust(&self) -> String {
        let (issuer, id, redirect) = (quoted(self.issuer), self.id(), quoted(self.redirect));
        let secret = if has_secret(self.client) {
            "Some(ClientSecret::new(std::env::var(\"OIDC_CLIENT_SECRET\")?))"
        } else {
            "None"
        };
        let used = if has_secret(self.client) { "ClientSecret, " } else { "" };
        let scopes = self.scope.split(' ').filter(|scope| !matches!(*scope, "openid" | ""));
        let scopes: String =
            scopes.map(|scope| format!("\n    .add_scope(Scope::new({}.to_owned()))", quoted(scope))).collect();
        let scope = if scopes.is_empty() { "" } else { "Scope, " };
        format!(
            r#"use openidconnect::{{
    AuthenticationFlow, ClientId, {used}CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, RedirectUrl, {scope}
    core::{{CoreClient, CoreProviderMetadata, CoreResponseType}},
}};

let issuer = IssuerUrl::new({issuer}.to_owned())?;
let metadata = CoreProviderMetadata::discover_async(issuer, &http).await?;
let client = CoreClient::from_provider_metadata(metadata, ClientId::new({id}.to_owned()), {secret})
    .set_redirect_uri(RedirectUrl::new({redirect}.to_owned())?);
let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
// Send the browser to `url`, and keep state, nonce and verifier in its session.
let (url, state, nonce) = client
    .authorize_url(flow, CsrfToken::new_random, Nonce::new_random){scopes}
    .set_pkce_challenge(challenge)
    .url();
"#
        )
    }

    fn oauth2_proxy(&self) -> String {
        let (issuer, id, redirect, scope) =
            (quoted(self.issuer), self.id(), quoted(self.redirect), quoted(&self.scope));
        let secret = match self.client.auth {
            ClientAuthMethod::PrivateKeyJwt => "",
            _ => "# The secret is read from the environment: OAUTH2_PROXY_CLIENT_SECRET\n",
        };
        format!(
            r#"provider = "oidc"
oidc_issuer_url = {issuer}
client_id = {id}
{secret}redirect_url = {redirect}
scope = {scope}
code_challenge_method = "S256"
email_domains = ["*"]
"#
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const ISSUER: &str = "https://login.example.com/auth";
    const METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];

    fn client(auth: &str) -> Client {
        serde_json::from_value(json!({
            "id": "shop~1.x", "name": "Sh\"op's", "auth": auth, "scopes": ["openid", "email", "orders:read"],
            "redirect_uris": ["https://shop.example.com/cb?a='b'&c=$HOME"],
        }))
        .unwrap()
    }

    fn text(auth: &str, wanted: &str) -> String {
        let found = all(&client(auth), ISSUER).into_iter().find_map(|block| match block {
            Block::Copy { id, text, .. } if id == wanted => Some(text),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{auth} has no {wanted}"))
    }

    /// What a shell makes of assignments.
    fn sourced(text: &str) -> Vec<String> {
        let script = format!(
            "set -eu\n{text}\nprintf '%s\\n' \"$OIDC_ISSUER\" \"$OIDC_CLIENT_ID\" \"$OIDC_REDIRECT_URI\" \"$OIDC_SCOPE\""
        );
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_shell_reads_the_environment_as_it_is_meant() {
        for auth in METHODS {
            let read = sourced(&text(auth, "environment"));
            assert_eq!(read, [ISSUER, "shop~1.x", "https://shop.example.com/cb?a='b'&c=$HOME", "openid email"]);
        }
        let with = environment(&client("client_secret_basic"), ISSUER, Some("s'e$c"));
        assert!(with.contains("OIDC_CLIENT_SECRET='s'\\''e$c'"), "{with}");
        assert!(!text("none", "environment").contains("SECRET"));
    }

    #[test]
    fn the_settings_of_oauth2_proxy_are_toml() {
        for auth in ["client_secret_basic", "client_secret_post"] {
            let read: toml::Table = text(auth, "oauth2-proxy").parse().unwrap();
            assert_eq!(read["client_id"].as_str(), Some("shop~1.x"));
            assert_eq!(read["oidc_issuer_url"].as_str(), Some(ISSUER));
            assert_eq!(read["redirect_url"].as_str(), Some("https://shop.example.com/cb?a='b'&c=$HOME"));
        }
    }

    /// Block mappings of YAML 1.2 with flow values, which are JSON: as much of it as the snippet uses, and nothing else passes.
    fn yaml(text: &str) -> Value {
        fn block(lines: &mut std::iter::Peekable<std::vec::IntoIter<(usize, String, String)>>, depth: usize) -> Value {
            let mut map = serde_json::Map::new();
            while let Some((indent, key, value)) = lines.next_if(|(indent, ..)| *indent == depth) {
                let below = lines.peek().is_some_and(|(next, ..)| *next > indent);
                assert_eq!(value.is_empty(), below, "{key}: a value, or lines below it");
                let deeper = lines.peek().map_or(0, |(next, ..)| *next);
                let read = if below { block(lines, deeper) } else { serde_json::from_str(&value).unwrap() };
                assert!(map.insert(key.clone(), read).is_none(), "{key} twice");
            }
            Value::Object(map)
        }
        let lines = text.lines().map(|line| {
            assert!(!line.contains('\t') && line.trim_end() == line, "{line:?}");
            let bare = line.trim_start();
            let (key, value) = bare.split_once(':').unwrap();
            assert!(value.is_empty() || value.starts_with(' '), "{line:?}");
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{key}");
            (line.len() - bare.len(), key.to_owned(), value.trim().to_owned())
        });
        let mut lines = lines.collect::<Vec<_>>().into_iter().peekable();
        let read = block(&mut lines, 0);
        assert_eq!(lines.next(), None, "what is left stands at no depth of its own");
        read
    }

    #[test]
    fn the_settings_of_spring_are_yaml() {
        for auth in METHODS {
            let read = yaml(&text(auth, "spring"));
            let client = &read["spring"]["security"]["oauth2"]["client"];
            let registration = &client["registration"]["vestibule"];
            assert_eq!(client["provider"]["vestibule"]["issuer-uri"], ISSUER);
            assert_eq!(registration["client-id"], "shop~1.x");
            assert_eq!(registration["client-authentication-method"], auth);
            assert_eq!(registration["scope"], json!(["openid", "email"]));
            assert_eq!(registration.get("client-secret").is_some(), auth.starts_with("client_secret"));
        }
    }

    #[test]
    fn python_and_javascript_parse_where_there_is_something_to_parse_them() {
        for auth in METHODS {
            for (program, name, how) in [
                ("python3", "python", ["-c", "import ast,sys; ast.parse(sys.stdin.read())"].as_slice()),
                ("node", "node", ["--input-type=module", "--check"].as_slice()),
            ] {
                use std::{io::Write as _, process::Stdio};
                let spawned =
                    std::process::Command::new(program).args(how).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
                let Ok(mut child) = spawned else { continue };
                child.stdin.take().unwrap().write_all(text(auth, name).as_bytes()).unwrap();
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success(), "{auth} {name}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }

    #[test]
    fn every_snippet_has_the_issuer_and_the_id_and_none_has_brackets_that_stay_open() {
        for auth in METHODS {
            for block in all(&client(auth), ISSUER) {
                let Block::Copy { id, text, .. } = block else { panic!("not a snippet") };
                assert!(text.contains(ISSUER) && text.contains("shop~1.x"), "{auth} {id}: {text}");
                for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                    assert_eq!(text.matches(open).count(), text.matches(close).count(), "{auth} {id}: {text}");
                }
            }
        }
    }

    #[test]
    fn who_acts_for_itself_has_the_environment_alone() {
        let mut job = client("client_secret_basic");
        job.grant_types = [GrantType::ClientCredentials].into();
        let blocks = all(&job, ISSUER);
        assert!(matches!(blocks.as_slice(), [Block::Copy { id, .. }] if id == "environment"), "{blocks:?}");
    }
}
