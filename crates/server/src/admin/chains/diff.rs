//! How two documents differ, step by step. Steps that are the same in both are found first (the longest common row of them);
//! what lies between is told as moved, changed, added or removed.
//!
//! A difference of the JSON text was the road not taken: to put one step in front would look like a change of all.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use vestibule_core::chain::{ChainDocument, Step};

/// How two documents differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// Each step of either, in the order of the newer one; what was removed stands where it was.
    pub steps: Vec<StepChange>,
    /// What differs of the demands.
    pub demands: Vec<FieldChange>,
}

/// What became of a step. Positions are counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum StepChange {
    /// Nothing.
    Same {
        /// Where it stood.
        from: usize,
        /// Where it stands.
        to: usize,
        /// It.
        step: Step,
    },
    /// It is new.
    Added {
        /// Where it stands.
        to: usize,
        /// It.
        step: Step,
    },
    /// It is gone.
    Removed {
        /// Where it stood.
        from: usize,
        /// It.
        step: Step,
    },
    /// It is the same in another place.
    Moved {
        /// Where it stood.
        from: usize,
        /// Where it stands.
        to: usize,
        /// It.
        step: Step,
    },
    /// Some of its fields are others.
    Changed {
        /// Where it stood.
        from: usize,
        /// Where it stands.
        to: usize,
        /// As it was.
        before: Step,
        /// As it is.
        after: Step,
        /// Field by field.
        fields: Vec<FieldChange>,
    },
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// Where, as a JSON Pointer (RFC 6901) into the newer document.
    pub pointer: String,
    /// As it was; `null` when it was not there.
    pub before: Value,
    /// As it is; `null` when it is gone.
    pub after: Value,
}

impl Diff {
    /// How many things differ.
    pub fn count(&self) -> usize {
        let steps = self.steps.iter().filter(|change| !matches!(change, StepChange::Same { .. })).count();
        steps.saturating_add(self.demands.len())
    }

    /// Whether nothing does.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

/// How `after` differs from `before`; from nothing, when there was none.
pub fn diff(before: Option<&ChainDocument>, after: &ChainDocument) -> Diff {
    let nothing = ChainDocument::default();
    let before = before.unwrap_or(&nothing);
    let mut demands = Vec::new();
    compare("/demands", &json(&before.demands), &json(&after.demands), &mut demands);
    Diff { steps: steps(&before.steps, &after.steps), demands }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn steps(before: &[Step], after: &[Step]) -> Vec<StepChange> {
    let mut told = Vec::new();
    let (mut old, mut new) = (0, 0);
    let ends = std::iter::once((before.len(), after.len()));
    for (from, to) in common(before, after).into_iter().chain(ends) {
        between(before, after, old..from, new..to, &mut told);
        if let Some(step) = after.get(to) {
            told.push(StepChange::Same { from: from.saturating_add(1), to: to.saturating_add(1), step: step.clone() });
        }
        (old, new) = (from.saturating_add(1), to.saturating_add(1));
    }
    moved(told)
}

/// The positions of the longest row of steps that both have, in order.
fn common(before: &[Step], after: &[Step]) -> Vec<(usize, usize)> {
    // `best[i][j]` is the longest row of what follows `i` and `j`: documents have at most a few dozen steps.
    let mut best = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    let at = |best: &[Vec<usize>], i: usize, j: usize| best.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            let length =
                if old == new { at(&best, i + 1, j + 1) + 1 } else { at(&best, i + 1, j).max(at(&best, i, j + 1)) };
            if let Some(cell) = best.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while let (Some(old), Some(new)) = (before.get(i), after.get(j)) {
        if old == new {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&best, i + 1, j) >= at(&best, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// What lies between two common steps: pairs are changes, the rest was added or removed.
fn between(
    before: &[Step],
    after: &[Step],
    old: std::ops::Range<usize>,
    new: std::ops::Range<usize>,
    told: &mut Vec<StepChange>,
) {
    let (mut old, mut new) = (old, new);
    loop {
        let (from, to) = (old.next(), new.next());
        let was = from.and_then(|from| Some((from.saturating_add(1), before.get(from)?)));
        let is = to.and_then(|to| Some((to.saturating_add(1), after.get(to)?)));
        match (was, is) {
            (None, None) => return,
            (Some((from, step)), None) => told.push(StepChange::Removed { from, step: step.clone() }),
            (None, Some((to, step))) => told.push(StepChange::Added { to, step: step.clone() }),
            (Some((from, before)), Some((to, after))) if alike(before, after) => {
                let mut fields = Vec::new();
                let at = format!("/steps/{}", to.saturating_sub(1));
                compare(&at, &whole(before), &whole(after), &mut fields);
                told.push(StepChange::Changed { from, to, before: before.clone(), after: after.clone(), fields });
            }
            (Some((from, was)), Some((to, is))) => {
                told.push(StepChange::Removed { from, step: was.clone() });
                told.push(StepChange::Added { to, step: is.clone() });
            }
        }
    }
}

/// Whether one step may be told as a change of another: they have a way in common, or one has none yet.
fn alike(before: &Step, after: &Step) -> bool {
    let names = |step: &Step| step.alternatives.iter().map(|a| a.authenticator.clone()).collect::<Vec<_>>();
    let (before, after) = (names(before), names(after));
    before.is_empty() || after.is_empty() || before.iter().any(|name| after.contains(name))
}

/// What was removed in one place and added in another was moved.
fn moved(told: Vec<StepChange>) -> Vec<StepChange> {
    let mut told: Vec<Option<StepChange>> = told.into_iter().map(Some).collect();
    for at in 0..told.len() {
        let Some(Some(StepChange::Added { to, step })) = told.get(at).cloned() else { continue };
        let same =
            |change: &Option<StepChange>| matches!(change, Some(StepChange::Removed { step: old, .. }) if *old == step);
        let Some(source) = told.iter().position(same) else { continue };
        let Some(Some(StepChange::Removed { from, .. })) = told.get_mut(source).map(Option::take) else { continue };
        if let Some(slot) = told.get_mut(at) {
            *slot = Some(StepChange::Moved { from, to, step });
        }
    }
    told.into_iter().flatten().collect()
}

/// A step with every field written out, so that a default that became something is told as a change and not as an addition.
fn whole(step: &Step) -> Value {
    serde_json::json!({
        "alternatives": step.alternatives.iter().map(|alternative| serde_json::json!({
            "authenticator": alternative.authenticator,
            "connection": alternative.connection,
            "settings": alternative.settings,
            "max_age": alternative.max_age,
        })).collect::<Vec<_>>(),
        "when": step.when,
        "distinct": step.distinct,
        "enrol": step.enrol,
        "remember_device": step.remember_device,
        "on_request": step.on_request,
        "cool_off": step.cool_off,
    })
}

fn compare(at: &str, before: &Value, after: &Value, fields: &mut Vec<FieldChange>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(old), Value::Object(new)) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let (old, new) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
                compare(&format!("{at}/{}", escaped(name)), old, new, fields);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                let (old, new) = (old.get(index).unwrap_or(&Value::Null), new.get(index).unwrap_or(&Value::Null));
                compare(&format!("{at}/{index}"), old, new, fields);
            }
        }
        _ => fields.push(FieldChange { pointer: at.to_owned(), before: before.clone(), after: after.clone() }),
    }
}

/// A name as a reference token (RFC 6901, section 4).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "a value written in place reads better without a `&`")]
    fn document(steps: Value) -> ChainDocument {
        serde_json::from_value(json!({ "steps": steps })).unwrap()
    }

    fn told(before: Value, after: Value) -> Vec<String> {
        let diff = diff(Some(&document(before)), &document(after));
        let line = |change: &StepChange| match change {
            StepChange::Same { from, to, .. } => format!("{from}={to}"),
            StepChange::Added { to, .. } => format!("+{to}"),
            StepChange::Removed { from, .. } => format!("-{from}"),
            StepChange::Moved { from, to, .. } => format!("{from}>{to}"),
            StepChange::Changed { from, to, fields, .. } => {
                let pointers: Vec<_> = fields.iter().map(|field| field.pointer.as_str()).collect();
                format!("{from}~{to} {}", pointers.join(" "))
            }
        };
        diff.steps.iter().map(line).collect()
    }

    #[test]
    fn a_step_put_in_front_leaves_the_others_alone() {
        assert_eq!(told(json!([["b"], ["c"]]), json!([["a"], ["b"], ["c"]])), ["+1", "1=2", "2=3"]);
        assert_eq!(told(json!([["a"], ["b"]]), json!([["b"]])), ["-1", "2=1"]);
        assert_eq!(told(json!([["a"]]), json!([["a"]])), ["1=1"]);
        assert!(diff(Some(&document(json!([["a"]]))), &document(json!([["a"]]))).is_empty());
    }

    #[test]
    fn a_step_in_another_place_was_moved() {
        assert_eq!(told(json!([["a"], ["b"], ["c"]]), json!([["b"], ["c"], ["a"]])), ["2=1", "3=2", "1>3"]);
    }

    #[test]
    fn a_changed_step_tells_its_fields() {
        let after = json!([["a"], { "alternatives": ["b", "c"], "enrol": "allow", "remember_device": 60 }]);
        let told = told(json!([["a"], ["b"]]), after);
        assert_eq!(told, ["1=1", "2~2 /steps/1/alternatives/1 /steps/1/enrol /steps/1/remember_device"]);
    }

    #[test]
    fn another_way_altogether_is_another_step() {
        assert_eq!(told(json!([["a"]]), json!([["b"]])), ["-1", "+1"]);
    }

    #[test]
    fn a_demand_is_a_difference_too() {
        let mut after = document(json!([["a"]]));
        after.demands = vec![vestibule_core::chain::Demand::Factors(2)];
        let diff = diff(Some(&document(json!([["a"]]))), &after);
        assert_eq!((diff.count(), diff.demands[0].pointer.as_str()), (1, "/demands/0"));
    }
}
