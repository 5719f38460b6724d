//! Signing keys, their rotation, JWS and JWT, JWK Sets.
//!
//! What is here: [`SigningKey`], which is parsed once and then costs one signature a token; [`KeyRing`], the keys of this
//! server at one instant, with the bytes of its JWK Set; [`rotation`], a pure function from keys and time to what is due;
//! [`PublicKeys`], the keys of somebody else, and the verification of both kinds of tokens by one careful path.
//!
//! What is not here: no database, no HTTP, no clock (times are microseconds since the Unix epoch, passed in) and none of
//! our other crates. Nothing in this crate can fetch a key: a token's header names a key that we have, or the token is
//! refused.
//!
//! All cryptography is aws-lc-rs. The compact serialisation around it is three base64url strings and two dots
//! (RFC 7515, section 7.1), so it is written here rather than taken from `jsonwebtoken`: that library parses the private
//! key again for each token, and keeps a list of algorithms beside a key where here the algorithm is part of it. An ES256
//! token takes 13.9 µs here and 22.2 µs there, of which the bare signature is 13.4 µs (`benches/sign.rs`, one core of a
//! shared server). The tests let `jsonwebtoken` read what we write and the other way round.

mod algorithm;
mod cache;
mod compact;
mod jwk;
mod key;
mod public;
mod ring;
pub mod rotation;
mod verify;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use cache::VerifiedCache;
pub use compact::{Header, MAX_TOKEN, peek_header, peek_issuer};
pub use jwk::{Jwk, JwkError, KeyId, KeyParts};
pub use key::{KeyError, SignError, SigningKey};
pub use public::{JwksError, PublicKeys};
pub use ring::{KeyMeta, KeyRing, KeyState, StoredKey};
pub use rotation::RotationPolicy;
pub use verify::{Expect, Typ, VerifyError};
