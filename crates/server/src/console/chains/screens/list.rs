//! All chains.

use vestibule_core::{authenticator::label, prompt::Text};

use crate::{
    admin::{chains::ChainSummary, paging::Listing},
    pages::console::{Action, Block, Cell, Say, Screen, Table},
};

/// All chains.
pub(in crate::console::chains) fn list(home: &str, chains: &Listing<ChainSummary>, may: bool, after: bool) -> Screen {
    let row = |chain: &ChainSummary| {
        let mut name = Cell::link(format!("{home}/{}", chain.name), chain.name.to_string());
        if chain.draft {
            name = name.tag(Text::new("chains.tag.draft"));
        }
        if chain.managed_by.is_some() {
            name = name.tag(Text::new("chains.tag.managed"));
        }
        let mut steps = Cell::default();
        for (at, step) in chain.document.steps.iter().enumerate() {
            if at > 0 {
                steps.says.push("→".into());
            }
            steps.says.extend(step.alternatives.iter().map(|way| Say::Text(label(&way.authenticator))));
        }
        let revision =
            chain.revision.map_or_else(|| Say::key("chains.unpublished"), |number| number.to_string().into());
        let clients = Cell::tags(chain.clients.iter().map(|client| client.to_string()));
        vec![name, steps, Cell::say(revision), clients]
    };
    let table = Table::new("chains", "chains.list", &["name", "steps", "revision", "clients"])
        .rows(chains.items.iter().map(row))
        .pages(chains.next.as_ref().map(|next| format!("{home}?after={next}")), after.then(|| home.to_owned()));
    let screen = Screen::new(Text::new("chains.title")).lead("chains.lead");
    let screen = if may {
        screen.with(Block::Actions { actions: vec![Action::main(format!("{home}/new"), "chains.new")] })
    } else {
        screen
    };
    screen.with(table)
}
