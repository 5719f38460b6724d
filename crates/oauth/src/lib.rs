//! OAuth 2.0 and OpenID Connect as plain functions over ports: no web framework, no database.
//!
//! What is here: service providers, grants, codes, tokens and consents as types; each endpoint as a function from a parsed
//! request to an answer; discovery, generated from what is built. What is not: how a person is authenticated. The engine in
//! `vestibule-core` does that, and hands over a [`Completed`](vestibule_core::Completed), without which no grant can be made.
//!
//! The way of one request: [`authorize::RawRequest`] → [`authorize::TrustedRequest`] (client and redirect URI are known:
//! from here on the client is told of errors) → [`authorize::ValidRequest`] → the engine → [`Grants`], which makes the grant
//! and its code in the transaction in which the last step passed → [`token()`].

pub mod access_token;
pub mod assertion;
pub mod audit;
pub mod authorize;
pub mod bearer;
pub mod claims;
pub mod client_auth;
pub mod code;
pub mod consent;
pub mod deps;
pub mod discovery;
pub mod errors;
pub mod grants;
pub mod id_token;
pub mod introspect;
pub mod issuer;
pub mod keys;
pub mod logout;
pub mod managed;
pub mod may_act;
pub mod model;
pub mod params;
pub mod redirect_uri;
pub mod refresh;
pub mod registration;
pub mod revoke;
pub mod sign_out;
pub mod snapshot;
pub mod store;
pub mod token;
pub mod trial;
pub mod userinfo;

pub use deps::Deps;
pub use errors::{ClientAnswer, ErrorCode, ErrorPage, Problem, TokenError, answer_url};
pub use grants::Grants;
pub use issuer::{Endpoints, Issuer};
pub use params::Params;
pub use snapshot::{Current, Registered, Settings, Snapshot};
pub use store::{Store, Tx};
pub use token::{TokenAnswer, TokenRequest, token};
