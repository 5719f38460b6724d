//! Somebody else was faster: what they did, what was meant, and the choice.

use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::Editor;
use crate::{
    admin::chains::Diff,
    pages::{
        Tone,
        console::{Action, Block, Fact, Form, Say, Screen},
    },
};

impl Editor<'_> {
    /// Somebody else published since the draft was begun: both ways from where it began, and the choice.
    pub(in crate::console::chains) fn overtaken(&self, mine: &Diff, theirs: &Diff) -> Screen {
        let etag = self.view.etag().0;
        let keep = Form::new("keep", self.at("draft"), "chains.conflict.keep")
            .hidden("etag", etag.clone())
            .hidden("act", "rebase")
            .hidden("base", self.view.revision().to_string());
        let take = Form::new("take", self.at("discard"), "chains.conflict.take").hidden("etag", etag).danger();
        self.screen(Text::new("chains.conflict.title"))
            .flash(Tone::Bad, Text::new("chains.overtaken").with("revision", self.view.revision()))
            .with(Block::Heading { id: "theirs", text: Text::new("chains.conflict.theirs") })
            .with(self.diff(theirs))
            .with(Block::Heading { id: "mine", text: Text::new("chains.conflict.mine") })
            .with(self.diff(mine))
            .with(keep)
            .with(take)
    }

    /// Somebody else saved the draft in the meantime: what they have, what was sent, and the choice.
    pub(in crate::console::chains) fn conflict(&self, params: &Params) -> Screen {
        let hidden = ["csrf", "etag", "act", "step", "way", "when", "kind"];
        let sent = params.iter().filter(|(name, value)| !hidden.contains(name) && !value.is_empty());
        let mut facts: Vec<Fact> = Vec::new();
        if let Some(act) = params.get("act") {
            facts.push(Fact { name: Text::new("chains.conflict.act"), values: vec![act.into()], code: true });
        }
        facts.extend(sent.map(|(name, value)| Fact {
            name: Text::new("chains.conflict.field").with("name", name),
            values: vec![value.into()],
            code: true,
        }));
        let form =
            Form::new("again", self.at("draft"), "chains.conflict.again").hidden("etag", self.view.etag().0).danger();
        let again = params.iter().filter(|(name, _)| !["csrf", "etag"].contains(name));
        let form = again.fold(form, |form, (name, value)| form.hidden(name, value));
        let document = self.view.editable();
        let cards = Editor { may: false, home: self.home.clone(), ..*self }.cards(&document, &[], None);
        self.screen(Text::new("chains.conflict.title"))
            .flash(Tone::Bad, Say::key("chains.conflict.lead"))
            .with(Block::Heading { id: "theirs", text: Text::new("chains.conflict.there") })
            .with(Block::Facts { facts: self.facts() })
            .with(cards)
            .with(Block::Heading { id: "mine", text: Text::new("chains.conflict.sent") })
            .with(Block::Facts { facts })
            .with(form)
            .with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }
}
