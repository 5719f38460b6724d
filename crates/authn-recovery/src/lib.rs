//! The way in for somebody who has lost the others: recovery codes, which they keep on paper, and a bypass code, which an
//! admin hands out.
//!
//! Both are look-up secrets (NIST SP 800-63B-4, section 3.1.2): something one has, each good for once. A code has fifty bits
//! and is stored as a keyed hash; it takes the place of a factor in the steps that list `recovery`, and of no other.

mod authenticator;
mod codes;
mod messages;
mod stored;

pub use authenticator::Recovery;
pub use stored::{Bypass, bypass, is_bypass};
