//! Whether a mail server can be reached: it is connected to and greeted, under the TLS that a mail would have, and that is all. No
//! name is given and no mail: a password that is tried at each look would be taken for somebody who guesses.

use tokio::time::timeout;

use super::{Mail, Trouble, mask::Mask};

/// Why a mail server cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {why}")]
pub struct Unreachable {
    /// The mail server.
    pub host: String,
    /// How far it came.
    pub why: String,
}

impl Mail {
    /// Looks whether it can be reached, without sending anything.
    ///
    /// # Errors
    /// How far it came.
    pub async fn reach(&self) -> Result<(), Unreachable> {
        let away = |trouble: Trouble| {
            let why = Mask::default().excerpt(&trouble.to_string());
            Unreachable { host: self.host.clone(), why }
        };
        let mut connection = timeout(self.connect, self.open()).await.unwrap_or(Err(Trouble::Late)).map_err(away)?;
        drop(timeout(super::GOODBYE, connection.quit()).await);
        Ok(())
    }
}
