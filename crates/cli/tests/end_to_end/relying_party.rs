//! A service provider built with the `openidconnect` crate: its own checks of issuer, nonce, signature and claims are the test.

use std::collections::BTreeSet;

use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, TokenResponse as _,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreRequestTokenError,
        CoreTokenResponse, CoreUserInfoClaims,
    },
};
use url::Url;

use super::{
    database::Database,
    house::{AFTER_LOGOUT, House, REDIRECT_URI, SECRET},
    person::{ALICE, Person},
    program::http_client,
};

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A service provider.
pub(crate) struct Shop {
    client: Client,
    metadata: ProviderMetadataWithLogout,
    http: reqwest::Client,
}

/// What it remembers between the request and the answer.
pub(crate) struct Asked {
    pub(crate) url: Url,
    verifier: PkceCodeVerifier,
    state: CsrfToken,
    nonce: Nonce,
}

/// A code that came back, and what is needed to spend it. It may be tried more than once, which no honest client does.
#[derive(Clone)]
pub(crate) struct Came {
    code: String,
    verifier: String,
    nonce: Nonce,
}

type Refused = CoreRequestTokenError<reqwest::Error>;

/// The crate's idea of an HTTP client, over ours.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let answer = http.execute(request.try_into()?).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

impl Shop {
    /// Reads discovery and keys. All that it is told is the issuer and who it is.
    pub(crate) async fn new(issuer: &str) -> Self {
        let http = http_client();
        let call = |request| send(http.clone(), request);
        let issuer = IssuerUrl::new(issuer.to_owned()).unwrap();
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &call).await.unwrap();
        let secret = ClientSecret::new(SECRET.to_owned());
        let client = CoreClient::from_provider_metadata(metadata.clone(), ClientId::new("shop".into()), Some(secret))
            .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.into()).unwrap());
        Self { client, metadata, http }
    }

    /// Where it sends people.
    pub(crate) fn ask(&self, prompt_none: bool) -> Asked {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = self
            .client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(["profile", "email", "phone"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge);
        if prompt_none {
            request = request.add_prompt(openidconnect::core::CoreAuthPrompt::None);
        }
        let (url, state, nonce) = request.url();
        Asked { url, verifier, state, nonce }
    }

    /// Reads the answer that the browser brought, up to the code.
    pub(crate) fn came(&self, asked: Asked, callback: &Url) -> Result<Came, String> {
        let get = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert!(callback.as_str().starts_with(REDIRECT_URI), "{callback}");
        assert_eq!(get("state").as_ref(), Some(asked.state.secret()));
        // RFC 9207.
        assert_eq!(get("iss").as_deref(), Some(self.metadata.issuer().as_str()));
        let code = get("code").ok_or_else(|| get("error").unwrap_or_default())?;
        Ok(Came { code, verifier: asked.verifier.into_secret(), nonce: asked.nonce })
    }

    /// Spends the code, and checks the ID token as the library does.
    pub(crate) async fn exchange(&self, came: &Came) -> Result<CoreTokenResponse, Refused> {
        let call = |request| send(self.http.clone(), request);
        let request = self.client.exchange_code(AuthorizationCode::new(came.code.clone())).unwrap();
        let verifier = PkceCodeVerifier::new(came.verifier.clone());
        let tokens = request.set_pkce_verifier(verifier).request_async(&call).await?;
        let claims = tokens.id_token().unwrap().claims(&self.client.id_token_verifier(), &came.nonce);
        claims.unwrap_or_else(|error| panic!("the ID token is refused: {error}"));
        Ok(tokens)
    }

    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<CoreTokenResponse, Refused> {
        let call = |request| send(self.http.clone(), request);
        self.client.exchange_refresh_token(token).unwrap().request_async(&call).await
    }

    pub(crate) async fn user_info(&self, token: &AccessToken) -> Option<CoreUserInfoClaims> {
        let call = |request| send(self.http.clone(), request);
        self.client.user_info(token.clone(), None).unwrap().request_async(&call).await.ok()
    }

    /// Where it sends people who want to leave.
    pub(crate) fn logout(&self, token: &CoreIdToken, state: &CsrfToken) -> Url {
        let endpoint = self.metadata.additional_metadata().end_session_endpoint.clone().unwrap();
        LogoutRequest::from(endpoint)
            .set_id_token_hint(token)
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(AFTER_LOGOUT.into()).unwrap())
            .set_state(state.clone())
            .http_get_url()
    }
}

/// The registered code of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Refused>) -> CoreErrorResponseType {
    match answer {
        Err(RequestTokenError::ServerResponse(said)) => said.error().clone(),
        other => panic!("no refusal: {other:?}"),
    }
}

/// The refresh token that came along.
pub(crate) fn refresh_token(tokens: &CoreTokenResponse) -> RefreshToken {
    tokens.refresh_token().unwrap().clone()
}

async fn story(database: Database) {
    if !database.is_there() {
        return;
    }
    let house = House::build(database, None);
    let server = house.serve().await;
    let shop = Shop::new(&server.url).await;
    let mut alice = Person::new(ALICE, &server.url, &house.gateway);

    // Password, then the code that the gateway received, then tokens.
    let asked = shop.ask(false);
    let callback = alice.sign_in(&asked.url).await;
    let came = shop.came(asked, &callback).unwrap();
    let tokens = shop.exchange(&came).await.unwrap();
    let claims = tokens.id_token().unwrap().claims(&shop.client.id_token_verifier(), &came.nonce).unwrap();
    let amr: BTreeSet<_> = claims.auth_method_refs().unwrap().iter().map(|amr| amr.to_string()).collect();
    assert!(["pwd", "otp", "sms"].iter().all(|amr_value| amr.contains(*amr_value)), "{amr:?}");
    assert!(claims.auth_time().is_some() && claims.subject().as_str() != ALICE.username);

    let info = shop.user_info(tokens.access_token()).await.unwrap();
    assert_eq!(info.subject(), claims.subject());
    assert_eq!(info.preferred_username().map(|name| name.as_str()), Some(ALICE.username));
    assert_eq!(info.phone_number().map(|number| number.as_str()), Some(ALICE.number));
    assert_eq!(info.phone_number_verified(), Some(true));

    // The refresh token rotates. An answer that got lost is given again; one that arrived and was used is not.
    let first = refresh_token(&tokens);
    let second = refresh_token(&shop.refresh(&first).await.unwrap());
    assert_ne!(first.secret(), second.secret());
    let lost = refresh_token(&shop.refresh(&first).await.unwrap());
    assert_eq!(lost.secret(), second.secret(), "the same successor, as its answer may have been lost");
    let third = shop.refresh(&second).await.unwrap();
    assert!(shop.user_info(third.access_token()).await.is_some());
    assert_eq!(refusal(shop.refresh(&first).await), CoreErrorResponseType::InvalidGrant);
    assert_eq!(refusal(shop.refresh(&refresh_token(&third)).await), CoreErrorResponseType::InvalidGrant);
    assert!(shop.user_info(third.access_token()).await.is_none(), "a stolen token costs the whole family");

    // Single sign-on: nothing is asked. A code works once.
    let asked = shop.ask(true);
    let callback = alice.browser.open(asked.url.as_str()).await.location().unwrap();
    let came = shop.came(asked, &callback).unwrap();
    let tokens = shop.exchange(&came).await.unwrap();
    assert_eq!(refusal(shop.exchange(&came).await), CoreErrorResponseType::InvalidGrant);
    assert!(shop.user_info(tokens.access_token()).await.is_none(), "a code that was tried twice costs its tokens");

    // Somebody else's verifier.
    let asked = shop.ask(false);
    let callback = alice.browser.open(asked.url.as_str()).await.location().unwrap();
    let came = shop.came(asked, &callback).unwrap();
    let thief = Came { verifier: PkceCodeChallenge::new_random_sha256().1.into_secret(), ..came };
    assert_eq!(refusal(shop.exchange(&thief).await), CoreErrorResponseType::InvalidGrant);

    // Logout, and then nobody is signed in.
    let asked = shop.ask(false);
    let callback = alice.browser.open(asked.url.as_str()).await.location().unwrap();
    let tokens = shop.exchange(&shop.came(asked, &callback).unwrap()).await.unwrap();
    let state = CsrfToken::new_random();
    let left = alice.browser.open(shop.logout(tokens.id_token().unwrap(), &state).as_str()).await;
    let goodbye = left.location().unwrap_or_else(|| panic!("{}", left.body));
    assert_eq!(goodbye.as_str(), format!("{AFTER_LOGOUT}?state={}", state.secret()));
    assert_eq!(refusal(shop.refresh(&refresh_token(&tokens)).await), CoreErrorResponseType::InvalidGrant);
    let asked = shop.ask(true);
    let callback = alice.browser.open(asked.url.as_str()).await.location().unwrap();
    assert_eq!(shop.came(asked, &callback).err().as_deref(), Some("login_required"));
    assert_eq!(house.gateway.to(ALICE.number).len(), 1, "single sign-on sent no further message");
}

#[tokio::test]
async fn a_rust_service_provider_on_sqlite() {
    story(Database::Sqlite).await;
}

#[tokio::test]
async fn a_rust_service_provider_on_postgresql() {
    story(Database::Postgres).await;
}
