//! How large a chain may be.

use vestibule_core::chain::ChainDocument;

use crate::admin::FieldFault;

/// A chain is read by people: more than this is a mistake or an attack.
const STEPS: usize = 20;
const ALTERNATIVES: usize = 10;
const CONDITIONS: usize = 20;

/// What is too much.
pub(super) fn size(document: &ChainDocument, at: &str) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut bounded = |length: usize, most: usize, pointer: String, what: &str| {
        if length > most {
            faults.push(FieldFault::new(pointer, format!("At most {most} {what}.")));
        }
    };
    bounded(document.steps.len(), STEPS, format!("{at}/steps"), "steps");
    for (number, step) in document.steps.iter().enumerate() {
        let step_at = format!("{at}/steps/{number}");
        bounded(step.alternatives.len(), ALTERNATIVES, format!("{step_at}/alternatives"), "alternatives");
        bounded(step.when.len(), CONDITIONS, format!("{step_at}/when"), "conditions");
    }
    faults
}
