//! Tokens and keys as the rest of the server meets them. One binary, since each would link the cryptography again.

#[cfg(test)]
mod interoperability;
#[cfg(test)]
mod keys_of_others;
#[cfg(test)]
mod never_panics;
#[cfg(test)]
mod our_tokens;
#[cfg(test)]
mod rotation_story;
#[cfg(test)]
mod support;
#[cfg(test)]
mod vectors;
