//! The user portal: who am I, where am I signed in, sign out there. It is an insider.

mod client;
pub mod home;

pub use client::{CHAIN, ensure};
pub(crate) use home::browser;
