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
//! All cryptography is aws-lc-rs, and every signature is verified through `jsonwebtoken`, as everything that this
//! project needs of JOSE is taken from that library where it can be. Two things are ours: what a token must be beside rightly
//! signed ([`Expect`]; the library would ask the machine for the time), and the making of a token, three base64url strings
//! and two dots (RFC 7515, section 7.1), because the library parses the private key again for each one.
//! `docs/decisions/0004-jose.md` has the measurements; the tests let `jsonwebtoken` read what we write and the other way round.

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
