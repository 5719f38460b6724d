//! The first steps in a new house: a list in which what is done is ticked. It is the overview's while there is nothing else to
//! see, and comes back when it is asked for.

use serde_json::json;
use vestibule_core::prompt::Text;

use super::desk::Base;
use crate::{
    admin::overview::{FirstStep, Step},
    pages::console::Block,
};

/// Where a step is done.
fn place(step: Step) -> &'static str {
    match step {
        Step::OwnSecondFactor => "/portal",
        Step::Connection => "/admin/connections",
        Step::Client => "/admin/clients/new",
        Step::Chain => "/admin/chains",
        Step::User => "/admin/users/new",
        Step::Tried => "/admin/clients",
    }
}

/// The list.
pub(super) fn block(steps: &[FirstStep], base: &Base) -> Block {
    let next = steps.iter().find(|step| !step.done).map(|step| step.step);
    let one = |FirstStep { step, done }: &FirstStep| {
        json!({
            "href": base.to(place(*step)),
            "label": Text::new(&format!("console.guide.{}", step.word())),
            "why": Text::new(&format!("console.guide.{}.why", step.word())),
            "done": done,
            "next": Some(*step) == next,
        })
    };
    let done = steps.iter().filter(|step| step.done).count();
    let value = json!({
        "steps": steps.iter().map(one).collect::<Vec<_>>(),
        "progress": Text::new("console.guide.progress").with("done", done).with("all", steps.len()),
    });
    Block::Own { template: "console/first-steps", value }
}
