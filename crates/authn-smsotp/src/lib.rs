//! One-time codes by text message, and the gateways that carry them.
//!
//! What is here: the [`SmsOtp`] authenticator, which verifies; the [`SmsGateway`] channel, which delivers by any vendor's
//! HTTP interface and is configuration rather than code; the [`Outbox`] that stands in for one in development; and
//! [`parse_number`], through which every telephone number comes. What is not: the code itself, its tries and its resends,
//! which are the engine's.

mod allowed;
mod area;
mod authenticator;
mod enrol;
mod gateway;
mod messages;
mod number;
mod outbox;
mod segments;
mod settings;
mod tariff;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use allowed::read_number;
pub use area::{area, is_area};
pub use authenticator::SmsOtp;
pub use gateway::{
    Advice, Call, Circuits, Receipt, Receipts, Route, SmsGateway, Unreachable, advise, build, is_route, members,
    settings_schema,
};
pub use number::{E164, NumberError, parse_number};
pub use outbox::{Behaviour, Outbox, OutboxMessage};
pub use tariff::{Alarm, Tariff};
