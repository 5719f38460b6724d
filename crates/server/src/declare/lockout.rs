//! Whether anybody is left who can administer the server: what files and sheets change must not take the last one away.
//!
//! Here it is asked who has the role and may sign in at all. Whether they can pass a chain is a matter of that chain, and is
//! asked where chains are published.

use vestibule_core::{id::UserId, store::StoreResult, user::User};
use vestibule_oauth::store::Tx;

/// What the names of this server's own roles begin with.
pub const ADMIN_ROLES: &str = "vestibule:";

/// The roles that can help everybody else out, from the weakest: a weaker one is no help to who needs the stronger.
const RULING: [&str; 2] = ["vestibule:admin", "vestibule:owner"];

/// How many users are read at once.
const PAGE: usize = 1000;

/// Whether a role is one of this server's own.
pub fn is_admin_role(role: &str) -> bool {
    role.trim().to_lowercase().starts_with(ADMIN_ROLES)
}

/// Whether a user administers this server in any way.
pub fn is_admin(user: &User) -> bool {
    user.roles.iter().any(|role| is_admin_role(role))
}

/// How much of the server a user rules: 0 for nothing.
fn rank(user: &User) -> usize {
    let ranks = RULING.iter().zip(1..).filter(|(role, _)| user.roles.iter().any(|own| own == *role));
    ranks.map(|(_, rank)| rank).filter(|_| !user.disabled).max().unwrap_or(0)
}

/// What many changes together do to those who rule.
#[derive(Clone, Debug, Default)]
pub struct Power {
    /// Who loses something of it.
    fallen: Vec<UserId>,
    /// The most that one of them had.
    lost: usize,
    /// The most that somebody has who is changed.
    named: usize,
}

impl Power {
    /// Takes in a change; whether somebody loses something by it.
    pub fn change(&mut self, before: Option<&User>, after: &User) -> bool {
        let (had, has) = (before.map_or(0, rank), rank(after));
        self.named = self.named.max(has);
        if has < had {
            self.lost = self.lost.max(had);
            self.fallen.push(after.id);
        }
        has < had
    }

    /// Whether somebody is left who has as much as was lost. It reads user after user until one has, and so only when
    /// somebody lost something.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_kept(&self, tx: &mut dyn Tx) -> StoreResult<bool> {
        if self.lost <= self.named {
            return Ok(true);
        }
        let mut after: Option<UserId> = None;
        loop {
            let page = tx.users(after, PAGE)?;
            if page.iter().any(|user| rank(user) >= self.lost && !self.fallen.contains(&user.id)) {
                return Ok(true);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id),
                _ => return Ok(false),
            }
        }
    }
}
