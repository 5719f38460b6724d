//! The actix-web server: routes, handlers, pages, portal

pub mod config;
