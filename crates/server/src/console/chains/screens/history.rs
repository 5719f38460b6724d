//! The revisions of a chain, and one of them compared with what is published.

use vestibule_core::prompt::Text;

use super::{Editor, minute};
use crate::{
    admin::{
        chains::{HistoryView, RevisionView},
        paging::Listing,
    },
    pages::console::{Action, Block, Cell, Form, Say, Screen, Table},
};

impl Editor<'_> {
    /// The revisions, and one of them compared with what is published.
    pub(in crate::console::chains) fn history(
        &self,
        page: &Listing<HistoryView>,
        after: bool,
        shown: Option<&RevisionView>,
    ) -> Screen {
        let here = self.at("history");
        let row = |entry: &HistoryView| {
            let mut number = Cell::link(
                format!("{here}?revision={}#revision", entry.revision),
                Text::new("chains.revision").with("revision", entry.revision),
            );
            if entry.current {
                number = number.tag(Text::new("chains.tag.current"));
            }
            let say = |text: &Option<String>| Cell::say(text.clone().unwrap_or_else(|| "–".to_owned()));
            vec![number, Cell::say(minute(entry.published_at)), say(&entry.author), say(&entry.note)]
        };
        let table = Table::new("history", "chains.history", &["revision", "at", "author", "note"])
            .rows(page.items.iter().map(row))
            .pages(page.next.as_ref().map(|next| format!("{here}?after={next}")), after.then(|| here.clone()));
        let mut screen = self.screen(Text::new("chains.history.title").with("name", &self.view.name)).with(table);
        if let Some(shown) = shown {
            let number = shown.revision.revision;
            screen = screen
                .with(Block::Heading {
                    id: "revision",
                    text: Text::new("chains.history.compared").with("revision", number),
                })
                .with(self.diff(&shown.diff));
            if self.editable() && !shown.diff.is_empty() {
                let form = Form::new("restore", here, "chains.restore")
                    .hidden("etag", self.view.etag().0)
                    .hidden("revision", number.to_string());
                let lead = if self.view.draft.is_some() { "chains.restore.over_draft" } else { "chains.restore.lead" };
                screen = screen.with(Block::Paragraph { says: Say::key(lead) }).with(form);
            }
        }
        screen.with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }
}
