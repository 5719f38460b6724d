//! How one document differs from another, step by step.

use serde_json::{Value, json};
use vestibule_core::{chain::Step, prompt::Text};

use super::Editor;
use crate::{
    admin::chains::{Diff, FieldChange, StepChange, words},
    pages::console::Block,
};

impl Editor<'_> {
    pub(super) fn diff(&self, diff: &Diff) -> Block {
        let sentence = |step: &Step| words::sentence(step, self.registry);
        let line = |kind: &str, text: Text, step: &Step, fields: Value| json!({ "kind": kind, "text": text, "sentence": sentence(step), "fields": fields });
        let steps = diff.steps.iter().map(|change| match change {
            StepChange::Same { to, step, .. } => {
                line("same", Text::new("chains.diff.same").with("to", to), step, json!([]))
            }
            StepChange::Added { to, step } => {
                line("added", Text::new("chains.diff.added").with("to", to), step, json!([]))
            }
            StepChange::Removed { from, step } => {
                line("removed", Text::new("chains.diff.removed").with("from", from), step, json!([]))
            }
            StepChange::Moved { from, to, step } => {
                let text = Text::new("chains.diff.moved").with("from", from).with("to", to);
                line("moved", text, step, json!([]))
            }
            StepChange::Changed { to, after, fields, .. } => {
                line("changed", Text::new("chains.diff.changed").with("to", to), after, field_lines(fields))
            }
        });
        let value = json!({
            "steps": steps.collect::<Vec<_>>(),
            "demands": field_lines(&diff.demands),
            "same": diff.is_empty(),
        });
        Block::Own { template: "console/chain-diff", value }
    }
}

fn field_lines(fields: &[FieldChange]) -> Value {
    let shown = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = |field: &FieldChange| {
        json!({
            "pointer": field.pointer, "before": shown(&field.before), "after": shown(&field.after),
        })
    };
    fields.iter().map(line).collect()
}
