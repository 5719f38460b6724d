//! One route, one file, named by the word of the specification. A handler reads the request, calls the domain once, and
//! answers; a rule that grows here wants a home in `oauth` or `core`.

pub mod assets;
pub mod authorize;
pub mod discovery;
pub mod fixed;
pub mod forgot_password;
pub mod health;
pub mod interaction;
pub mod introspect;
pub mod invitation;
pub mod jwks;
pub mod logout;
pub mod metrics;
pub mod receipts;
mod refusals;
pub mod revoke;
pub mod root;
pub mod set_password;
pub mod token;
pub mod userinfo;
