//! For tests, here and in crates that implement an [`Authenticator`](crate::Authenticator): a clock that is moved, a
//! random source that is seeded, a step's context without an engine, and the contract that every authenticator passes.

pub mod clock;
pub mod contract;
pub mod fuzz;
pub mod random;
pub mod step;

pub use clock::FakeClock;
pub use fuzz::fuzz;
pub use random::SeededRandom;
