//! How long the messages of a chain are at their longest, and which of them are paid for more than once.
//!
//! It hangs on who uses the chain, since a message names its service provider; so it stands beside the check of the document, which
//! does not know that.

use super::{ChainDocument, ChainFault, ChainProblem};
use crate::{
    authenticator::Registry,
    code::message::{Longest, MessageSize},
};

/// The length of every message, with a JSON Pointer to the alternative that sends it.
pub fn sizes(document: &ChainDocument, registry: &Registry, longest: &Longest) -> Vec<(String, MessageSize)> {
    let mut sizes = Vec::new();
    for (position, step) in document.steps.iter().enumerate() {
        for (index, alternative) in step.alternatives.iter().enumerate() {
            let Some(authenticator) = registry.get(&alternative.authenticator) else { continue };
            let pointer = format!("/steps/{position}/alternatives/{index}");
            let own = authenticator.sizes(&alternative.settings, longest);
            sizes.extend(own.into_iter().map(|size| (pointer.clone(), size)));
        }
    }
    sizes
}

/// A warning for each message that is paid for more than once.
pub fn long_messages(document: &ChainDocument, registry: &Registry, longest: &Longest) -> Vec<ChainProblem> {
    let long = sizes(document, registry, longest).into_iter().filter(|(_, size)| size.parts > 1);
    long.map(|(pointer, size)| {
        let MessageSize { setting, language, characters, wide, parts } = size;
        ChainFault::LongMessage { language, characters, parts, wide }.at(format!("{pointer}/settings/{setting}"))
    })
    .collect()
}
