//! How a client proves who it is (RFC 6749, section 2.3; OpenID Connect Core, section 9; RFC 7523): by exactly the method
//! that it registered.
//!
//! A success by secret reads nothing from the database. Failures are counted per client and network, and beyond the budget
//! the answer is 429 with `Retry-After`, still `invalid_client`: a secret of 256 bits cannot be guessed, so the budget does
//! not keep a good one out; it keeps a broken deployment from flooding the log.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{budget::BudgetKey, engine::RequestContext, id::ClientId, store::StoreError, time::Time};
use vestibule_jose::peek_issuer;

use crate::{
    assertion::{self, AssertionError},
    audit::{self, Facts},
    deps::Deps,
    model::ClientAuthMethod,
    params::{self, Params},
    snapshot::Registered,
};

impl ClientAuthMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt, Self::None];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// Why a client is not believed. For the log; on the wire all but the last two are one `invalid_client`.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthError {
    /// It says nothing about itself.
    #[error("no client_id was sent")]
    NoClient,
    /// The header or the parameters make no sense.
    #[error("the credentials cannot be read: {0}")]
    Malformed(&'static str),
    /// It used more than one method at once (RFC 6749, section 2.3).
    #[error("more than one authentication method was used")]
    TwoMethods,
    /// It says two different things about itself.
    #[error("two different client_ids were sent")]
    TwoClients,
    /// Nobody has that id.
    #[error("there is no client {0:?}")]
    Unknown(String),
    /// It is disabled.
    #[error("client `{0}` is disabled")]
    Disabled(ClientId),
    /// It used another method than the one it registered.
    #[error("client `{client}` is registered for {} and used {}", registered.as_str(), used.as_str())]
    OtherMethod {
        /// The client.
        client: ClientId,
        /// What it registered.
        registered: ClientAuthMethod,
        /// What it used.
        used: ClientAuthMethod,
    },
    /// The secret is wrong, or expired.
    #[error("the secret of client `{0}` is wrong or expired")]
    Secret(ClientId),
    /// The assertion is no good.
    #[error("the assertion of client `{client}` is refused: {why}")]
    Assertion {
        /// The client.
        client: ClientId,
        /// Why.
        why: AssertionError,
    },
    /// The client must prove who it is here, and is a public one.
    #[error("client `{0}` is public and may not do this")]
    Public(ClientId),
    /// Too many failures.
    #[error("too many failed authentications")]
    Limited {
        /// When to try again.
        retry_at: Option<Time>,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a client shows.
struct Presented {
    id: String,
    proof: Proof,
}

enum Proof {
    Nothing,
    Basic(SecretString),
    Post(SecretString),
    Assertion(String),
}

impl Proof {
    fn method(&self) -> ClientAuthMethod {
        match self {
            Self::Nothing => ClientAuthMethod::None,
            Self::Basic(_) => ClientAuthMethod::ClientSecretBasic,
            Self::Post(_) => ClientAuthMethod::ClientSecretPost,
            Self::Assertion(_) => ClientAuthMethod::PrivateKeyJwt,
        }
    }
}

/// Finds out which client speaks, and has it prove that. A public client proves nothing, and is what it says.
///
/// # Errors
/// [`ClientAuthError`] for the log; the failure is counted.
pub async fn authenticate(
    deps: &Deps<'_>,
    authorization: Option<&str>,
    form: &Params,
    cx: &RequestContext,
) -> Result<Arc<Registered>, ClientAuthError> {
    match attempt(deps, authorization, form).await {
        Err(ClientAuthError::Store(error)) => Err(error.into()),
        Err(refused) => Err(count(deps, cx, refused).await),
        Ok(client) => Ok(client),
    }
}

async fn attempt(
    deps: &Deps<'_>,
    authorization: Option<&str>,
    form: &Params,
) -> Result<Arc<Registered>, ClientAuthError> {
    let Presented { id, proof } = presented(authorization, form)?;
    let client = deps.snapshot.client(&id).ok_or_else(|| ClientAuthError::Unknown(id.chars().take(64).collect()))?;
    if client.disabled {
        return Err(ClientAuthError::Disabled(client.id.clone()));
    }
    let (registered, used) = (client.auth, proof.method());
    if registered != used {
        return Err(ClientAuthError::OtherMethod { client: client.id.clone(), registered, used });
    }
    match proof {
        Proof::Nothing => {}
        Proof::Basic(secret) | Proof::Post(secret) => {
            let now = deps.now();
            let secret = secret.expose_secret();
            if !client.secrets.iter().any(|hashed| hashed.matches(&client.id, secret, deps.prf, now)) {
                return Err(ClientAuthError::Secret(client.id.clone()));
            }
        }
        Proof::Assertion(jwt) => {
            if let Err(why) = assertion::check(deps, client, &jwt).await? {
                return Err(ClientAuthError::Assertion { client: client.id.clone(), why });
            }
        }
    }
    Ok(Arc::clone(client))
}

/// Reads what the client shows, and refuses what shows two things.
fn presented(authorization: Option<&str>, form: &Params) -> Result<Presented, ClientAuthError> {
    let basic = authorization.map(basic).transpose()?;
    let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
    let methods = [basic.is_some(), secret.is_some(), assertion.is_some()];
    if methods.into_iter().filter(|used| *used).count() > 1 {
        return Err(ClientAuthError::TwoMethods);
    }
    let (named, proof) = match (basic, secret, assertion) {
        (Some((id, secret)), _, _) => (Some(id), Proof::Basic(secret)),
        (_, Some(secret), _) => (None, Proof::Post(secret.into())),
        (_, _, Some(jwt)) => {
            if form.get("client_assertion_type") != Some(assertion::TYPE) {
                return Err(ClientAuthError::Malformed("client_assertion_type"));
            }
            let issuer = peek_issuer(jwt).map_err(|_| ClientAuthError::Malformed("client_assertion"))?;
            (Some(issuer), Proof::Assertion(jwt.to_owned()))
        }
        (None, None, None) => (None, Proof::Nothing),
    };
    let id = match (named, form.get("client_id")) {
        (Some(named), Some(sent)) if named != sent => return Err(ClientAuthError::TwoClients),
        (Some(named), _) => named,
        (None, Some(sent)) => sent.to_owned(),
        (None, None) => return Err(ClientAuthError::NoClient),
    };
    Ok(Presented { id, proof })
}

/// Reads `Basic`: id and secret are encoded as in a form before they are joined (RFC 6749, section 2.3.1).
fn basic(header: &str) -> Result<(String, SecretString), ClientAuthError> {
    let malformed = || ClientAuthError::Malformed("the Authorization header");
    let (scheme, encoded) = header.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > Params::MAX_VALUE {
        return Err(malformed());
    }
    let joined = STANDARD.decode(encoded.trim_matches(' ')).map_err(|_| malformed())?;
    let mut halves = joined.splitn(2, |byte| *byte == b':');
    let (Some(id), Some(secret)) = (halves.next(), halves.next()) else { return Err(malformed()) };
    let id = params::decode(id).map_err(|_| malformed())?;
    let secret = params::decode(secret).map_err(|_| malformed())?;
    if id.is_empty() || secret.is_empty() { Err(malformed()) } else { Ok((id, secret.into())) }
}

/// Counts a failure. Ids that nobody has share one budget, or whoever makes them up would make up rows.
async fn count(deps: &Deps<'_>, cx: &RequestContext, refused: ClientAuthError) -> ClientAuthError {
    let client = match &refused {
        ClientAuthError::Disabled(client)
        | ClientAuthError::OtherMethod { client, .. }
        | ClientAuthError::Secret(client)
        | ClientAuthError::Assertion { client, .. } => Some(client),
        _ => None,
    };
    let key = BudgetKey::client(client.map_or("-", ClientId::as_str), &cx.network());
    let facts = Facts { client, ..Facts::default() }.with("why", &refused);
    let event = audit::of_request(deps, cx, "client.refused", facts);
    match audit::count(deps, key, deps.limits.client, event).await {
        Ok(None) => refused,
        Ok(Some(limited)) => ClientAuthError::Limited { retry_at: limited.retry_at },
        Err(error) => error.into(),
    }
}

/// The same for a place where a public client has no business (RFC 7662, section 2.1).
pub(crate) async fn authenticate_confidential(
    deps: &Deps<'_>,
    authorization: Option<&str>,
    form: &Params,
    cx: &RequestContext,
) -> Result<Arc<Registered>, ClientAuthError> {
    let client = authenticate(deps, authorization, form, cx).await?;
    if client.auth == ClientAuthMethod::None { Err(ClientAuthError::Public(client.id.clone())) } else { Ok(client) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vestibule_core::testing::fuzz::fuzz;

    use super::*;

    fn header(joined: &str) -> String {
        format!("Basic {}", STANDARD.encode(joined))
    }

    fn shown(authorization: Option<&str>, form: &str) -> Result<(String, ClientAuthMethod), ClientAuthError> {
        let shown = presented(authorization, &Params::parse(form.as_bytes()).unwrap())?;
        let method = shown.proof.method();
        Ok((shown.id, method))
    }

    #[test]
    fn id_and_secret_are_decoded_as_in_a_form() {
        let (id, secret) = basic(&header("my%20shop:a%2Bb%3Ac+d")).unwrap();
        assert_eq!((id.as_str(), secret.expose_secret()), ("my shop", "a+b:c d"));
        assert_eq!(basic(&format!("bAsIc {}", STANDARD.encode("a:b"))).unwrap().0, "a");
    }

    #[test]
    fn a_030_what_is_no_basic_header() {
        for bad in [
            "",
            "Basic",
            "Basic ",
            "Basic !!!",
            "Bearer YTpi",
            &header("a"),
            &header(":b"),
            &header("a:"),
            &header("%zz:b"),
        ] {
            assert!(matches!(basic(bad), Err(ClientAuthError::Malformed(_))), "{bad:?}");
        }
        assert!(basic(&header("a:%FF")).is_err());
    }

    #[test]
    fn a_030_one_method_and_one_client() {
        use ClientAuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
        let shop = header("shop:s");
        assert_eq!(shown(Some(&shop), "").unwrap(), ("shop".into(), ClientSecretBasic));
        assert_eq!(shown(Some(&shop), "client_id=shop").unwrap(), ("shop".into(), ClientSecretBasic));
        assert_eq!(shown(None, "client_id=shop&client_secret=s").unwrap(), ("shop".into(), ClientSecretPost));
        assert_eq!(shown(None, "client_id=shop").unwrap(), ("shop".into(), Public));
        // An empty secret is none.
        assert_eq!(shown(None, "client_id=shop&client_secret=").unwrap(), ("shop".into(), Public));
        assert!(matches!(shown(None, ""), Err(ClientAuthError::NoClient)));
        assert!(matches!(shown(Some(&shop), "client_secret=s"), Err(ClientAuthError::TwoMethods)));
        assert!(matches!(shown(Some(&shop), "client_assertion=x"), Err(ClientAuthError::TwoMethods)));
        assert!(matches!(shown(None, "client_secret=s&client_assertion=x"), Err(ClientAuthError::TwoMethods)));
        assert!(matches!(shown(Some(&shop), "client_id=other"), Err(ClientAuthError::TwoClients)));
        assert!(matches!(shown(None, "client_id=shop&client_assertion=x"), Err(ClientAuthError::Malformed(_))));
    }

    #[test]
    fn a_120_odd_credentials_are_read_or_refused() {
        let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=\
             eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJzaG9wIn0.AAAA";
        let post = "client_id=shop&client_secret=s";
        // A line is the header, the next one the form.
        let lines =
            [format!("{}\n{post}", header("my%20shop:a%2Bb+c")), format!("\n{assertion}"), format!("x\n{post}")];
        fuzz(&lines.each_ref().map(String::as_str), |input| {
            let mut lines = input.splitn(2, |byte| *byte == b'\n');
            let shown = String::from_utf8_lossy(lines.next().unwrap()).into_owned();
            let form = Params::parse(lines.next().unwrap_or_default()).unwrap_or_default();
            for header in [None, Some(shown.clone()), Some(format!("Basic {}", STANDARD.encode(&shown)))] {
                if let Ok(shown) = presented(header.as_deref(), &form) {
                    assert!(!shown.id.is_empty() && !shown.id.contains('\0'));
                }
            }
        });
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(header in ".{0,80}", form in prop::collection::vec(any::<u8>(), 0..80)) {
            let form = Params::parse(&form).unwrap_or_default();
            let _ = presented(Some(&header), &form);
            let _ = presented(Some(&format!("Basic {}", STANDARD.encode(&header))), &form);
        }
    }
}
