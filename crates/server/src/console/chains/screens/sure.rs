//! Asked again before something is gone.

use vestibule_core::prompt::Text;

use super::Editor;
use crate::pages::console::{Action, Block, Form, Screen};

impl Editor<'_> {
    /// Asked again before something is gone.
    pub(in crate::console::chains) fn sure(&self, what: &'static str) -> Screen {
        let key = |rest: &str| format!("chains.{what}.{rest}");
        let form = Form::new("sure", self.at(what), &key("submit")).hidden("etag", self.view.etag().0).danger();
        self.screen(Text::new(&key("title")).with("name", &self.view.name))
            .lead(&key("lead"))
            .with(form)
            .with(Block::Actions { actions: vec![Action::plain(self.chain(), "chains.back")] })
    }
}
