//! The heart of Vestibule: chains of authentication steps and the engine that runs them.
//!
//! What is here: the [`Authenticator`] trait that every way to authenticate implements, the [`Channel`] trait that every
//! way to deliver a message implements, the pure function [`plan()`](plan::plan) that decides what is due, the [`Engine`] that
//! runs an interaction, one-time codes, budgets, and the ports through which all of it reaches a database.
//!
//! What is not here: no web framework, no database driver, no OAuth, and no particular authenticator. Those crates
//! depend on this one; this one depends on none of ours.
//!
//! The design in one sentence: there is no step pointer. Evidence is appended, and what comes next is derived from it
//! by a pure function, so that reload, back button, crash, single sign-on and a second tab are one and the same operation.

pub mod audit;
pub mod authenticator;
pub mod budget;
pub mod chain;
pub mod channel;
pub mod code;
pub mod condition;
pub mod crypto;
pub mod device;
pub mod directory;
pub mod draft;
pub mod engine;
pub mod evidence;
pub mod id;
pub mod interaction;
pub mod joining;
pub mod language;
pub mod nearest;
pub mod outbox;
mod outside;
pub mod plan;
pub mod prompt;
pub mod purpose;
pub mod random;
pub mod reach;
pub mod session;
pub mod simulate;
pub mod store;
pub mod tally;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod user;

pub use authenticator::{Authenticator, Descriptor, Outcome, Readiness, Registry, Rejection, StepContext, StepError};
pub use channel::{Channel, Connection};
pub use engine::Engine;
pub use evidence::{Evidence, FactorClass};
pub use plan::Completed;
pub use time::{Clock, Time};
