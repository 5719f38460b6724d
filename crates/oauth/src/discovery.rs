//! Discovery (OpenID Connect Discovery; RFC 8414): one document for both paths, made once for each configuration.
//!
//! Every list in it is the list that a handler checks against, so what is advertised is what is built.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_core::chain::ACR_VALUES;
use vestibule_jose::Algorithm;

use crate::{
    authorize::{CODE_CHALLENGE_METHODS, DISPLAY_VALUES, Prompts, RESPONSE_MODES, RESPONSE_TYPES},
    claims::{SCOPES, TOKEN_CLAIMS},
    issuer::{Endpoints, Issuer},
    model::{ClientAuthMethod, GrantType},
};

/// A document, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    body: Box<[u8]>,
    etag: String,
}

impl Document {
    /// `used` are the algorithms that there are keys for, or will be in a moment: at the first start keys are made while the
    /// server already answers, and a document that forgot them would be kept by clients.
    pub(crate) fn new(issuer: &Issuer, endpoints: &Endpoints, used: &BTreeSet<Algorithm>, registration: bool) -> Self {
        let body = metadata(issuer, endpoints, used, registration).to_string().into_bytes().into_boxed_slice();
        let digest = digest::digest(&digest::SHA256, &body);
        let half = digest.as_ref().get(..16).unwrap_or_default();
        Self { etag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(half)), body }
    }

    /// The JSON.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Its entity tag, quotes included (RFC 9110, section 8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

/// The paths below the issuer of the document. When the issuer has a path, RFC 8414 (section 3.1) inserts the well-known part
/// before it, and OpenID Connect appends it.
pub fn paths(issuer: &Issuer) -> Vec<String> {
    let path = issuer.path();
    let mut paths = Vec::new();
    for name in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        paths.push(format!("{path}{name}"));
        paths.push(format!("{name}{path}"));
    }
    paths.dedup();
    paths
}

fn metadata(issuer: &Issuer, endpoints: &Endpoints, used: &BTreeSet<Algorithm>, registration: bool) -> Value {
    let mut methods = ClientAuthMethod::ALL.map(ClientAuthMethod::as_str).to_vec();
    let any_method = methods.clone();
    methods.retain(|method| *method != ClientAuthMethod::None.as_str());
    let assertion_algorithms = Algorithm::ALL.map(Algorithm::as_str);
    let signing: Vec<&str> = used.iter().map(|algorithm| algorithm.as_str()).collect();
    let mut claims: Vec<&str> = SCOPES.iter().flat_map(|(_, claims)| *claims).copied().collect();
    claims.extend(TOKEN_CLAIMS);
    let prompts: Vec<&str> = Prompts::VALUES.iter().copied().chain(registration.then_some(Prompts::CREATE)).collect();
    json!({
        "issuer": issuer,
        "authorization_endpoint": endpoints.authorize,
        "token_endpoint": endpoints.token,
        "userinfo_endpoint": endpoints.userinfo,
        "jwks_uri": endpoints.jwks,
        "revocation_endpoint": endpoints.revoke,
        "introspection_endpoint": endpoints.introspect,
        "end_session_endpoint": endpoints.logout,
        "scopes_supported": SCOPES.iter().map(|(scope, _)| scope).collect::<Vec<_>>(),
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "response_types_supported": RESPONSE_TYPES,
        "response_modes_supported": RESPONSE_MODES,
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": any_method,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "revocation_endpoint_auth_methods_supported": any_method,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "code_challenge_methods_supported": CODE_CHALLENGE_METHODS,
        "acr_values_supported": ACR_VALUES.iter().map(|acr| acr.value).collect::<Vec<_>>(),
        "prompt_values_supported": prompts,
        "display_values_supported": DISPLAY_VALUES,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_is_built() {
        let used = [Algorithm::ES256, Algorithm::EdDSA].into();
        let issuer = Issuer::parse("https://id.example/auth").unwrap();
        let document = Document::new(&issuer, &Endpoints::of(&issuer), &used, false);
        let json: Value = serde_json::from_slice(document.body()).unwrap();
        assert_eq!(json["issuer"], "https://id.example/auth");
        assert_eq!(json["token_endpoint"], "https://id.example/auth/oauth2/token");
        assert_eq!(json["id_token_signing_alg_values_supported"], json!(["ES256", "EdDSA"]));
        assert_eq!(json["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(json["response_types_supported"], json!(["code"]));
        assert_eq!(json["claims_parameter_supported"], json!(true));
        assert!(!json["introspection_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("none")));
        assert_eq!(json["prompt_values_supported"], json!(Prompts::VALUES));
        let open = Document::new(&issuer, &Endpoints::of(&issuer), &used, true);
        let open: Value = serde_json::from_slice(open.body()).unwrap();
        assert!(open["prompt_values_supported"].as_array().unwrap().contains(&json!("create")));
        assert!(document.etag().starts_with('"') && document.etag().len() > 10);
    }

    #[test]
    fn the_document_is_where_both_specifications_look() {
        let at = |issuer| paths(&Issuer::parse(issuer).unwrap());
        assert_eq!(
            at("https://id.example"),
            ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
        );
        assert!(at("https://id.example/a").contains(&"/.well-known/oauth-authorization-server/a".to_owned()));
        assert!(at("https://id.example/a").contains(&"/a/.well-known/openid-configuration".to_owned()));
    }
}
