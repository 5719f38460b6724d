//! The actix-web server: routes, handlers, pages, the user portal, and what only development has.
//!
//! What is here: everything that knows HTTP. [`Application`] is built from [`config::Settings`] and run; [`routes`] is one
//! flat table; a handler in [`handlers`] reads a request, calls `vestibule-oauth` or the engine once, and answers. What is
//! not: no rule of the protocol, no SQL, no judgement about a password.

pub mod admin;
pub mod answer;
pub mod api;
mod application;
pub mod audit;
pub mod authenticators;
pub mod census;
pub mod config;
pub mod configuration;
pub mod console;
mod context;
pub mod declare;
pub mod demo;
pub mod dev;
pub mod doctor;
pub mod handlers;
pub mod http;
pub mod import;
mod insider;
pub(crate) mod joining;
pub mod logging;
pub mod pages;
pub mod passwords;
pub mod portal;
pub mod post;
mod rehearsal;
pub mod reset;
pub mod routes;
pub mod state;
mod stream;
pub mod tally;

pub use application::{Addresses, Application, BuildError, Parts};
