//! What HTTP asks of every route alike: who is calling, cookies, forms, headers, cross-site checks, TLS.
//!
//! Nothing here knows OAuth or the engine; the handlers bring the two together.

pub mod address;
pub mod certificate;
pub mod conditional;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod form;
pub mod gate;
pub mod headers;
pub mod multipart;
pub mod tls;
