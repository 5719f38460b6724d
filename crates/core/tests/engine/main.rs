//! The engine over a real database, with authenticators that are small enough to see through.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod confirmation;
mod cool_off;
mod devices;
mod enrol;
mod house;
mod liking;
mod lost;
mod proof;
mod races;
mod refusals;
mod story;
mod trial;
mod wish;
