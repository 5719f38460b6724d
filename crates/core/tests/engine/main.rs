//! The engine over a real database, with authenticators that are small enough to see through.

mod house;
mod races;
mod refusals;
mod story;
