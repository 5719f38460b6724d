//! What publishing would change, what is wrong, whom it keeps out.

use serde_json::json;
use vestibule_core::{draft::Means, prompt::Text};

use super::{Editor, ProblemLine, step_of};
use crate::{
    admin::{
        FieldFault,
        chains::{Checked, Diff, KeptOut},
    },
    pages::{
        Tone,
        console::{Action, Block, Field, Form, Say, Screen},
        told,
    },
};

impl Editor<'_> {
    /// What publishing would change, what is wrong, whom it keeps out.
    pub(in crate::console::chains) fn publish(
        &self,
        diff: &Diff,
        checked: &Checked,
        note: &str,
        faults: &[FieldFault],
    ) -> Screen {
        let mut screen = self.screen(Text::new("chains.publish.title").with("name", &self.view.name));
        if let Some(why) = &checked.locks_out {
            let says = [vec![Say::key("chains.publish.locks_out")], told(why, self.registry)].concat();
            screen = screen.with(Block::Note { tone: Tone::Bad, says });
        }
        let value = json!({ "problems": checked.problems.iter().map(|problem| json!({
            "tone": ProblemLine::of(problem).tone,
            "text": problem.text,
            "step": step_of(&problem.pointer).map(|step| step.saturating_add(1)),
        })).collect::<Vec<_>>() });
        screen = screen
            .with(Block::Heading { id: "problems", text: Text::new("chains.publish.problems") })
            .with(Block::Own { template: "console/chain-problems", value })
            .with(Block::Heading { id: "kept-out", text: Text::new("chains.publish.kept_out") });
        screen = if checked.keeps_out.is_empty() {
            screen.with(Block::Paragraph { says: Say::key("chains.kept_out.nobody") })
        } else {
            screen.with_all(checked.keeps_out.iter().map(kept_out))
        };
        screen =
            screen.with(Block::Heading { id: "diff", text: Text::new("chains.publish.diff") }).with(self.diff(diff));
        if checked.passes() && self.editable() {
            let form = Form::new("publish", self.at("publish"), "chains.publish")
                .hidden("etag", self.view.etag().0)
                .field(Field::text("note", "chains.publish.note", note).hint("chains.publish.note.hint"))
                .refused(faults);
            screen = screen.with(form);
        }
        screen.with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }
}

/// "312 of 4210 users have no phone number."
fn kept_out(kept: &KeptOut) -> Block {
    let lacks = match kept.means.as_slice() {
        [Means::Phone] => "phone",
        [Means::Email] => "email",
        [Means::Credential(_)] => "credential",
        _ => "any",
    };
    let more = if kept.count.more { ".newest" } else { "" };
    let mut text = Text::new(&format!("chains.kept_out.{lacks}{more}"))
        .with("step", kept.step)
        .with("lacking", kept.count.lacking)
        .with("of", kept.count.of);
    if let [Means::Credential(name)] = kept.means.as_slice() {
        text = text.with("authenticator", name);
    }
    let mut says = vec![Say::Text(text)];
    if kept.sometimes {
        says.push(Say::key("chains.kept_out.sometimes"));
    }
    Block::Note { tone: Tone::Plain, says }
}
