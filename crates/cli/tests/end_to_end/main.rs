//! The program from outside: the `vestibule` that people start, over HTTP and signals, with software that others wrote.
//!
//! Service providers built with the `openidconnect` crate and with openid-client for Node, a real browser, an SMS gateway that
//! really receives what is sent, SIGKILL and SIGTERM. Every test has a server, a folder and a database of its own. What needs
//! Node or Chromium fails when it is missing, and says how to get it: a test that skips itself tests nothing.
#![cfg(test)]

#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the server; each uses its part")]
#[path = "../../../server/tests/support/html.rs"]
mod html;
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the server; each uses its part")]
#[path = "../../../server/tests/support/browser.rs"]
mod visitor;

mod chromium;
mod console;
mod crash;
mod database;
mod gateway;
mod house;
mod mail;
mod messages;
mod node;
mod open_files;
mod passkey;
mod person;
mod program;
mod relying_party;
mod start;
mod step_up;
mod stop;
mod try_login;
