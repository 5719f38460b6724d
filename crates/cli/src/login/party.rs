//! The relying party: the `openidconnect` crate over our HTTP client.

use std::sync::Mutex;

use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken, Scope, TokenResponse as _,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType,
        CoreIdToken, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
    },
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{parameter, trace::Trace, unreachable_words};

/// What discovery says besides what the library reads.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct More {
    end_session_endpoint: Option<Url>,
    introspection_endpoint: Option<Url>,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A relying party of one server.
pub(super) struct Party {
    client: Client,
    id: String,
    secret: Option<String>,
    issuer: String,
    redirect_uri: Url,
    more: More,
}

/// What it keeps while the browser is away.
pub(super) struct Going {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// What it was given.
pub(super) struct Tokens {
    response: CoreTokenResponse,
    id_token: CoreIdToken,
    subject: String,
    refresh: Option<RefreshToken>,
}

impl Party {
    pub(super) async fn discover(
        issuer: &str,
        id: &str,
        secret: Option<&str>,
        redirect_uri: &str,
        http: &reqwest::Client,
        trace: &mut Trace,
    ) -> Result<Self, String> {
        let url = IssuerUrl::new(issuer.trim_end_matches('/').to_owned()).map_err(words)?;
        let traced = Traced::new(http, "discovery", trace);
        let metadata = Metadata::discover_async(url, &|request| traced.send(request)).await;
        let metadata = traced.told(metadata)?;
        trace.checked("issuer and JWK Set");
        let client_secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
        let more = metadata.additional_metadata().clone();
        let issuer = metadata.issuer().to_string();
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), client_secret)
            .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).map_err(words)?);
        let redirect_uri = redirect_uri.parse().map_err(words)?;
        Ok(Self { client, id: id.to_owned(), secret: secret.map(str::to_owned), issuer, redirect_uri, more })
    }

    /// Where the browser is sent. `quietly` asks for an answer without any page.
    pub(super) fn authorize_url(&self, quietly: bool) -> (Url, Going) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let scopes = ["profile", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
        let request = self.client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).add_scopes(scopes);
        let request = if quietly { request.add_prompt(CoreAuthPrompt::None) } else { request };
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let going =
            Going { state: state.into_secret(), nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        (url, going)
    }

    /// Whether a redirect is the answer to us.
    pub(super) fn is_answer(&self, url: &Url) -> bool {
        let ours = &self.redirect_uri;
        (url.scheme(), url.host(), url.port(), url.path()) == (ours.scheme(), ours.host(), ours.port(), ours.path())
    }

    /// The code in an answer, after its state and its issuer (RFC 9207) were compared.
    pub(super) fn read_answer(&self, answer: &Url, state: &str) -> Result<String, String> {
        if let Some(error) = parameter(answer, "error") {
            let description = parameter(answer, "error_description").unwrap_or_default();
            return Err(format!("the server refused: {error} ({description})"));
        }
        if parameter(answer, "state").as_deref() != Some(state) {
            return Err("the answer's state is another one".to_owned());
        }
        if parameter(answer, "iss").as_deref() != Some(&self.issuer) {
            return Err("the answer's iss is another one".to_owned());
        }
        parameter(answer, "code").ok_or_else(|| "the answer has no code".to_owned())
    }

    pub(super) async fn exchange(
        &self,
        code: String,
        verifier: PkceCodeVerifier,
        nonce: &Nonce,
        http: &reqwest::Client,
        trace: &mut Trace,
    ) -> Result<Tokens, String> {
        let traced = Traced::new(http, "code exchange", trace);
        let request =
            self.client.exchange_code(AuthorizationCode::new(code)).map_err(words)?.set_pkce_verifier(verifier);
        let response = request.request_async(&|request| traced.send(request)).await;
        let response = traced.told(response)?;
        let tokens = self.verified(response, nonce)?;
        trace.checked("ID token: signature, iss, aud, exp, nonce, at_hash");
        Ok(tokens)
    }

    fn verified(&self, response: CoreTokenResponse, nonce: &Nonce) -> Result<Tokens, String> {
        let id_token = response.id_token().ok_or("no ID token came")?.clone();
        let verifier = self.client.id_token_verifier();
        let claims = id_token.claims(&verifier, nonce).map_err(words)?;
        let expected = claims.access_token_hash().ok_or("the ID token has no at_hash")?;
        let algorithm = id_token.signing_alg().map_err(words)?;
        let key = id_token.signing_key(&verifier).map_err(words)?;
        let actual = AccessTokenHash::from_token(response.access_token(), algorithm, key).map_err(words)?;
        if actual != *expected {
            return Err("at_hash is not that of the access token".to_owned());
        }
        let subject = claims.subject().to_string();
        let refresh = response.refresh_token().cloned();
        Ok(Tokens { response, id_token, subject, refresh })
    }

    pub(super) async fn userinfo(
        &self,
        tokens: &Tokens,
        http: &reqwest::Client,
        trace: &mut Trace,
    ) -> Result<(), String> {
        let traced = Traced::new(http, "userinfo", trace);
        let request = self.client.user_info(tokens.response.access_token().clone(), None).map_err(words)?;
        let claims: Result<CoreUserInfoClaims, _> = request.request_async(&|request| traced.send(request)).await;
        let claims = traced.told(claims)?;
        if claims.subject().as_str() != tokens.subject {
            return Err("userinfo is about somebody else".to_owned());
        }
        trace.checked("sub is that of the ID token");
        Ok(())
    }

    pub(super) async fn refresh(
        &self,
        before: Tokens,
        http: &reqwest::Client,
        trace: &mut Trace,
    ) -> Result<Tokens, String> {
        let Some(token) = &before.refresh else { return Ok(before) };
        let traced = Traced::new(http, "refresh", trace);
        let request = self.client.exchange_refresh_token(token).map_err(words)?;
        let response = request.request_async(&|request| traced.send(request)).await;
        let response = traced.told(response)?;
        if response.access_token().secret() == before.response.access_token().secret() {
            return Err("the refresh gave the same access token".to_owned());
        }
        trace.checked("a new access token");
        let refresh = response.refresh_token().cloned().or(before.refresh);
        Ok(Tokens { response, refresh, ..before })
    }

    pub(super) async fn introspect(
        &self,
        tokens: &Tokens,
        http: &reqwest::Client,
        trace: &mut Trace,
    ) -> Result<(), String> {
        let Some(url) = &self.more.introspection_endpoint else { return Ok(()) };
        let hop = trace.begin("introspection", "POST", url);
        let form = [("token", tokens.response.access_token().secret().as_str())];
        let request = http.post(url.clone()).basic_auth(&self.id, self.secret.as_ref()).form(&form);
        let response = request.send().await.map_err(|error| unreachable_words(url, &error))?;
        trace.end(hop, response.status().as_u16());
        let answer: serde_json::Value = response.json().await.map_err(|error| error.to_string())?;
        if answer.get("active") != Some(&serde_json::Value::Bool(true)) {
            return Err("introspection says that the access token is not active".to_owned());
        }
        trace.checked("the access token is active");
        Ok(())
    }

    pub(super) fn logout_url(&self, tokens: &Tokens) -> Option<Url> {
        let mut url = self.more.end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", &tokens.id_token.to_string())
            .append_pair("client_id", &self.id);
        Some(url)
    }
}

/// The library's HTTP, with each request as a hop.
struct Traced<'a> {
    http: &'a reqwest::Client,
    name: &'static str,
    trace: Mutex<&'a mut Trace>,
    unreachable: Mutex<Option<String>>,
}

impl<'a> Traced<'a> {
    fn new(http: &'a reqwest::Client, name: &'static str, trace: &'a mut Trace) -> Self {
        Self { http, name, trace: Mutex::new(trace), unreachable: Mutex::default() }
    }

    async fn send(&self, request: openidconnect::HttpRequest) -> Result<openidconnect::HttpResponse, reqwest::Error> {
        let request: reqwest::Request = request.try_into()?;
        let url = request.url().clone();
        let hop = self.trace.lock().ok().map(|trace| trace.begin(self.name, request.method().as_str(), &url));
        let response = self.http.execute(request).await.inspect_err(|error| {
            if let Ok(mut unreachable) = self.unreachable.lock() {
                *unreachable = Some(unreachable_words(&url, error));
            }
        })?;
        let mut answer = openidconnect::HttpResponse::new(Vec::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        *answer.body_mut() = response.bytes().await?.to_vec();
        if let (Ok(mut trace), Some(hop)) = (self.trace.lock(), hop) {
            trace.end(hop, answer.status().as_u16());
        }
        Ok(answer)
    }

    /// A result of the library, its error in words; that nobody answered is said in ours.
    fn told<T, E: std::error::Error + Send + Sync + 'static>(self, result: Result<T, E>) -> Result<T, String> {
        let unreachable = self.unreachable.into_inner().ok().flatten();
        result.map_err(|error| unreachable.unwrap_or_else(|| format!("{}: {}", self.name, words(error))))
    }
}

/// An error with its causes.
fn words(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
