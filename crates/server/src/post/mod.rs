//! Messages to people outside of any sign-in: notices, invitations, links.
//!
//! A [`Letter`] says what is told, in the words of the catalogue and the language of whoever gets it; a [`Way`] is where to; the
//! [`Desk`] chooses the connection and puts the message into the [outbox](vestibule_core::outbox) in the transaction of what it
//! tells of. What delivers runs beside the server: nobody waits for a gateway.
//!
//! The connections are the server's own choice, not those of the chains: a step's gateway may be the cheap one of a tenant,
//! and who has no chain with a code by mail still has a mailbox.

mod delivery;
mod desk;
mod letter;
pub mod notices;

pub(crate) use self::desk::usable;
pub use self::{
    delivery::{Round, close, deliver, keep_delivered},
    desk::{Desk, Lines, Way},
    letter::{Letter, locale_of},
};
