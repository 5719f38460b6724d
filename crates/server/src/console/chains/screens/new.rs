//! A new chain, from a template.

use vestibule_core::prompt::Text;

use crate::{
    admin::{FieldFault, chains::templates::Template},
    pages::console::{Block, Choice, Fact, Field, Form, Screen},
};

/// A new one, from a template.
pub(in crate::console::chains) fn new(
    home: &str,
    name: &str,
    template: Option<Template>,
    faults: &[FieldFault],
) -> Screen {
    let chosen = template.unwrap_or(Template::Password);
    let choice = |template: Template| Choice::new(template.name(), template.title(), template == chosen);
    let form = Form::new("new", format!("{home}/new"), "chains.create")
        .field(Field::text("name", "chains.name", name).hint("chains.name.hint").required())
        .field(Field::select("template", "chains.template", Template::ALL.map(choice)))
        .refused(faults);
    let about =
        |template: Template| Fact { name: template.title(), values: vec![template.about().into()], code: false };
    let screen = Screen::new(Text::new("chains.new.title"))
        .crumb(home, Text::new("chains.title"))
        .lead("chains.new.lead")
        .with(form)
        .with(Block::Heading { id: "templates", text: Text::new("chains.templates") })
        .with(Block::Facts { facts: Template::ALL.map(about).into() });
    Screen { alarmed: !faults.is_empty(), ..screen }
}
