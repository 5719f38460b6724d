//! The simulator: a form beside the editor, its result below.

use serde_json::{Value, json};
use vestibule_core::{
    Registry,
    authenticator::label,
    id::ClientId,
    prompt::Text,
    simulate::{Fate, Outcome},
};
use vestibule_oauth::Params;

use super::{Editor, acr_choices};
use crate::{
    admin::{
        FieldFault,
        chains::{Simulated, SimulatedRun},
    },
    pages::{
        console::{Block, Choice, Field, Form, Say},
        told,
    },
};

impl Editor<'_> {
    /// The simulator: a form beside the editor, its result below.
    pub(in crate::console::chains) fn simulator(
        &self,
        params: &Params,
        faults: &[FieldFault],
        result: Option<&Simulated>,
    ) -> Vec<Block> {
        let typed = |name: &str| params.get(name).unwrap_or_default().to_owned();
        let chosen = |name: &str| params.get(name).unwrap_or_default();
        let client = |id: &ClientId| Choice::new(id.as_str(), id.to_string(), chosen("client") == id.as_str());
        let any = Choice::new("", Text::new("chains.try.client.any"), chosen("client").is_empty());
        let none = Choice::new("", Text::new("chains.try.acr.none"), chosen("acr").is_empty());
        let acrs = std::iter::once(none).chain(acr_choices(&[typed("acr")]));
        let form = Form::asking("try", format!("{}#try-result", self.chain()), "chains.try.submit")
            .hidden("try", "yes")
            .field(Field::text("user", "chains.try.user", typed("user")).hint("chains.try.user.hint"))
            .field(Field::select(
                "client",
                "chains.try.client",
                std::iter::once(any).chain(self.view.clients.iter().map(client)),
            ))
            .field(Field::text("ip", "chains.try.ip", typed("ip")))
            .field(Field::select("acr", "chains.try.acr", acrs))
            .field(Field::text("time", "chains.try.time", typed("time")).hint("chains.try.time.hint"))
            .field(Field::check("known", "chains.try.known", params.get("known").is_some()))
            .refused(faults);
        let mut blocks = vec![Block::Heading { id: "try-heading", text: Text::new("chains.try") }, form.into()];
        if let Some(result) = result {
            let value = json!({
                "run": run(&result.run, self.registry),
                "published": result.published.as_ref().map(|published| run(published, self.registry)),
                "same": result.same,
                "compared": self.view.published.is_some(),
            });
            blocks.push(Block::Own { template: "console/chain-run", value });
        }
        blocks
    }
}

/// What a simulated login comes to, as the template shows it.
fn run(run: &SimulatedRun, registry: &Registry) -> Value {
    let steps = run.steps.iter().map(|step| {
        let (state, because) = match &step.fate {
            Fate::Runs => ("runs", Vec::new()),
            Fate::Satisfied { by, .. } => ("satisfied", vec![label(&by.as_str().into()).into()]),
            Fate::NotDue { .. } if step.unmet.is_some() => ("not_due", Vec::new()),
            Fate::NotDue { because } => ("not_due", told(because, registry)),
            Fate::Blocked { because } => ("blocked", told(because, registry)),
            Fate::NotReached => ("not_reached", Vec::new()),
        };
        json!({
            "number": step.step,
            "state": state,
            "text": Text::new(&format!("chains.run.{state}")),
            "because": because,
            "unmet": step.unmet,
            "sentence": step.sentence,
            "besides": step.besides.iter().map(|name| label(&name.as_str().into())).collect::<Vec<_>>(),
            "offered": step.offered.iter().map(|name| label(&name.as_str().into())).collect::<Vec<_>>(),
            "chosen": step.chosen.as_ref().map(|name| label(&name.as_str().into())),
            "error": step.condition_error.as_ref().map(|error| told(error, registry)),
        })
    });
    let refused = |text: Text, why: &str| [vec![Say::Text(text)], told(why, registry)].concat();
    let (outcome, tone) = match &run.outcome {
        Outcome::Granted { acr, amr, .. } => {
            let text = Text::new("chains.run.granted").with("acr", acr.unwrap_or("–")).with("amr", amr.join(", "));
            (vec![text.into()], "good")
        }
        Outcome::Refused { denial } => (refused(Text::new("chains.run.refused"), &denial.to_string()), "bad"),
        Outcome::Enrols { step, .. } => {
            (vec![Text::new("chains.run.enrols").with("step", step.saturating_add(1)).into()], "plain")
        }
        Outcome::Stuck { step, because } => {
            (refused(Text::new("chains.run.stuck").with("step", step.saturating_add(1)), because), "bad")
        }
    };
    json!({ "steps": steps.collect::<Vec<_>>(), "outcome": outcome, "tone": tone })
}
