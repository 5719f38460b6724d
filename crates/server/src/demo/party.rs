//! The relying party itself: discovery, the way to the server, and what comes back.

use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClientId, CsrfToken, EmptyAdditionalClaims, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreAuthPrompt, CoreClient, CoreProviderMetadata, CoreResponseType},
};
use reqwest::redirect::Policy;
use serde_json::{Map, Value};
use url::Url;
use vestibule_core::Time;
use vestibule_oauth::Params;

/// A relying party of one issuer.
pub(super) struct Party {
    http: reqwest::Client,
    issuer: IssuerUrl,
    client: ClientId,
    callback: RedirectUrl,
}

/// What it keeps while somebody is away.
pub(super) struct Going {
    state: String,
    nonce: Nonce,
    verifier: String,
}

/// Who signed in: the claims of the ID token, and the token itself.
pub(super) type Signed = (Map<String, Value>, String);

/// Something went wrong, in the library's words.
fn words(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

impl Party {
    pub(super) fn new(issuer: &str, client: &str, callback: &str) -> Result<Self, String> {
        // A relying party that followed redirects could be sent elsewhere with its code.
        let http = reqwest::Client::builder().redirect(Policy::none()).build().map_err(words)?;
        Ok(Self {
            http,
            issuer: IssuerUrl::new(issuer.to_owned()).map_err(words)?,
            client: ClientId::new(client.to_owned()),
            callback: RedirectUrl::new(callback.to_owned()).map_err(words)?,
        })
    }

    async fn metadata(&self) -> Result<CoreProviderMetadata, String> {
        CoreProviderMetadata::discover_async(self.issuer.clone(), &|request| send(self.http.clone(), request))
            .await
            .map_err(words)
    }

    /// Where to send the browser, and what to keep.
    pub(super) async fn go(&self, again: bool) -> Result<(Url, Going), String> {
        let client = CoreClient::from_provider_metadata(self.metadata().await?, self.client.clone(), None)
            .set_redirect_uri(self.callback.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let scopes = ["profile", "email", "phone"].map(|scope| Scope::new(scope.to_owned()));
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).add_scopes(scopes);
        let request = if again { request.add_prompt(CoreAuthPrompt::Login) } else { request };
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        Ok((url, Going { state: state.into_secret(), nonce, verifier: verifier.into_secret() }))
    }

    /// What came back, checked.
    pub(super) async fn back(&self, going: &Going, params: &Params, now: Time) -> Result<Signed, String> {
        if params.get("state") != Some(&going.state) {
            return Err("the answer's state is another one".to_owned());
        }
        if params.get("iss") != Some(self.issuer.as_str()) {
            return Err("the answer's iss is another one".to_owned());
        }
        if let Some(error) = params.get("error") {
            return Err(format!("{error}: {}", params.get("error_description").unwrap_or_default()));
        }
        let code = AuthorizationCode::new(params.get("code").unwrap_or_default().to_owned());
        let client = CoreClient::from_provider_metadata(self.metadata().await?, self.client.clone(), None)
            .set_redirect_uri(self.callback.clone());
        let http = |request| send(self.http.clone(), request);
        let exchange = client.exchange_code(code).map_err(words)?;
        let verifier = PkceCodeVerifier::new(going.verifier.clone());
        let tokens = exchange.set_pkce_verifier(verifier).request_async(&http).await.map_err(words)?;
        let id_token = tokens.id_token().ok_or("no ID token came")?;
        let now = chrono::DateTime::from_timestamp_micros(now.0).unwrap_or_default();
        let verifier = client.id_token_verifier().set_time_fn(move || now);
        id_token.claims(&verifier, &going.nonce).map_err(words)?;
        let text = id_token.to_string();
        let mut claims = payload(&text).ok_or("the ID token cannot be read")?;
        let info: openidconnect::UserInfoClaims<EmptyAdditionalClaims, openidconnect::core::CoreGenderClaim> = client
            .user_info(tokens.access_token().clone(), None)
            .map_err(words)?
            .request_async(&http)
            .await
            .map_err(words)?;
        if let Ok(Value::Object(info)) = serde_json::to_value(&info) {
            info.into_iter().for_each(|(name, value)| {
                claims.entry(name).or_insert(value);
            });
        }
        Ok((claims, text))
    }
}

/// The claims of a token that was verified, as they were written.
fn payload(token: &str) -> Option<Map<String, Value>> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The library's request by our HTTP client.
async fn send(
    http: reqwest::Client,
    request: openidconnect::HttpRequest,
) -> Result<openidconnect::HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let mut answer = openidconnect::HttpResponse::new(Vec::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    *answer.body_mut() = response.bytes().await?.to_vec();
    Ok(answer)
}
