//! The pages of the console: a shell with the navigation, and in it blocks of a few kinds — facts, tables, forms, notes. A screen
//! is a list of blocks, so every list pages alike, every field says what is wrong beside it, and a new screen needs no
//! template. What no block can say brings a template of its own ([`Block::Own`]).

use serde::Serialize;
use vestibule_core::prompt::Text;

use super::{Moment, Tone, said};

/// A page of the console.
#[derive(Clone, Debug, Serialize)]
pub struct Console {
    /// What is around it.
    pub shell: Shell,
    /// The screen.
    #[serde(flatten)]
    pub screen: Screen,
}

/// What is around every screen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shell {
    /// The path of the overview.
    pub home: String,
    /// Where the visitor may go.
    pub nav: Vec<NavItem>,
    /// Who is signed in, and as what; `None` where nobody is yet.
    pub visitor: Option<Visitor>,
}

/// Somebody signed in.
#[derive(Clone, Debug, Serialize)]
pub struct Visitor {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Text,
    /// Where the form goes that signs them out.
    pub logout: String,
}

/// A place in the navigation.
#[derive(Clone, Debug, Serialize)]
pub struct NavItem {
    /// Its path.
    pub href: String,
    /// Its name.
    pub label: Text,
    /// Whether this page belongs to it.
    pub current: bool,
}

/// A screen: all of a page but its shell.
#[derive(Clone, Debug, Serialize)]
pub struct Screen {
    /// The heading, and the title of the document.
    pub title: Text,
    /// A sentence below it.
    pub lead: Option<Text>,
    /// The way here, without this page itself.
    pub crumbs: Vec<Crumb>,
    /// What became of the last request.
    pub flash: Option<Flash>,
    /// The rest.
    pub blocks: Vec<Block>,
    /// Whether something went wrong; said first in the document's title.
    pub alarmed: bool,
    /// Modules that make it more comfortable, beside those of every page.
    #[serde(skip)]
    pub scripts: Vec<&'static str>,
}

impl Screen {
    /// A screen of this title.
    pub fn new(title: Text) -> Self {
        let (crumbs, blocks, scripts) = (Vec::new(), Vec::new(), Vec::new());
        Self { title, lead: None, crumbs, flash: None, blocks, alarmed: false, scripts }
    }

    /// The same with a sentence below the title.
    #[must_use]
    pub fn lead(mut self, key: &str) -> Self {
        self.lead = Some(Text::new(key));
        self
    }

    /// The same with one more step on the way here.
    #[must_use]
    pub fn crumb(mut self, href: impl Into<String>, name: impl Into<Say>) -> Self {
        self.crumbs.push(Crumb { href: href.into(), name: name.into() });
        self
    }

    /// The same with one more block.
    #[must_use]
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }

    /// The same with more blocks.
    #[must_use]
    pub fn with_all(mut self, blocks: impl IntoIterator<Item = Block>) -> Self {
        self.blocks.extend(blocks);
        self
    }

    /// The same, saying what became of the last request.
    #[must_use]
    pub fn flash(mut self, tone: Tone, says: impl Into<Say>) -> Self {
        self.alarmed |= tone == Tone::Bad;
        self.flash = Some(Flash { tone, says: says.into() });
        self
    }
}

/// A step on the way to a page.
#[derive(Clone, Debug, Serialize)]
pub struct Crumb {
    /// Where to.
    pub href: String,
    /// What it is called.
    pub name: Say,
}

/// What became of a request.
#[derive(Clone, Debug, Serialize)]
pub struct Flash {
    /// How it is meant.
    pub tone: Tone,
    /// What is said.
    pub says: Say,
}

/// Something to be said: a message of the catalogue, an instant, or a value as it is. Templates say it by `{{say …}}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Say {
    /// A value as it is, escaped, in a `<bdi>`.
    Plain(String),
    /// A message.
    Text(Text),
    /// An instant.
    Moment(Moment),
}

impl Say {
    /// A message of the catalogue.
    pub fn key(key: &str) -> Self {
        Self::Text(Text::new(key))
    }
}

impl From<&str> for Say {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Say {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<Text> for Say {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<vestibule_core::time::Timestamp> for Say {
    fn from(at: vestibule_core::time::Timestamp) -> Self {
        at.0.into()
    }
}

impl From<vestibule_core::Time> for Say {
    fn from(time: vestibule_core::Time) -> Self {
        Self::Moment(time.into())
    }
}

/// A part of a screen.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Block {
    /// Begins a section.
    Heading {
        /// Its anchor.
        id: &'static str,
        /// What it is called.
        text: Text,
    },
    /// A paragraph.
    Paragraph {
        /// What is said.
        says: Say,
    },
    /// A notice that stays.
    Note {
        /// How it is meant.
        tone: Tone,
        /// What is said, each in a paragraph.
        says: Vec<Say>,
    },
    /// Names and values.
    Facts {
        /// They.
        facts: Vec<Fact>,
    },
    /// Rows and columns.
    Table(Table),
    /// A form.
    Form(Form),
    /// Links and buttons in a row.
    Actions {
        /// They.
        actions: Vec<Action>,
    },
    /// Text to be copied: a snippet, or a secret that is shown once.
    Copy {
        /// Its anchor.
        id: String,
        /// What it is.
        label: Text,
        /// The text itself.
        text: String,
    },
    /// Numbers as bars, drawn here; a table says the same.
    Chart(Chart),
    /// What no other block can say.
    Own {
        /// A template below `console/`; it sees the value as `value`.
        template: &'static str,
        /// What it shows.
        value: serde_json::Value,
    },
}

impl From<Table> for Block {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Form> for Block {
    fn from(form: Form) -> Self {
        Self::Form(form)
    }
}

/// A name and its values.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// The name.
    pub name: Text,
    /// The values; none is drawn as a dash.
    pub values: Vec<Say>,
    /// Whether they are names of the machine's.
    pub code: bool,
}

impl Fact {
    /// A fact with these values.
    pub fn new(name: &str, values: impl IntoIterator<Item = impl Into<Say>>) -> Self {
        Self { name: Text::new(name), values: values.into_iter().map(Into::into).collect(), code: false }
    }

    /// The same, as names of the machine's.
    #[must_use]
    pub fn code(mut self) -> Self {
        self.code = true;
        self
    }
}

/// A table.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its anchor.
    pub id: &'static str,
    /// What it lists.
    pub caption: Text,
    /// The names of its columns; an empty key has none.
    pub columns: Vec<Text>,
    /// Its rows; the first cell of each is its heading.
    pub rows: Vec<Vec<Cell>>,
    /// What is said where there is no row.
    pub empty: Text,
    /// The address of the next page.
    pub next: Option<String>,
    /// The address of the first page, on any other.
    pub first: Option<String>,
}

impl Table {
    /// A table without rows; the keys of its words begin with `key`.
    pub fn new(id: &'static str, key: &str, columns: &[&str]) -> Self {
        let word = |name: &str| Text::new(&format!("{key}.{name}"));
        Self {
            id,
            caption: word("caption"),
            columns: columns.iter().map(|name| word(&format!("column.{name}"))).collect(),
            rows: Vec::new(),
            empty: word("empty"),
            next: None,
            first: None,
        }
    }

    /// The same with these rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// The same with a way on and a way back.
    #[must_use]
    pub fn pages(mut self, next: Option<String>, first: Option<String>) -> Self {
        (self.next, self.first) = (next, first);
        self
    }
}

/// A cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    /// Where its words lead.
    pub href: Option<String>,
    /// Its words.
    pub says: Vec<Say>,
    /// Short marks.
    pub tags: Vec<Say>,
    /// Whether its words are names of the machine's.
    pub code: bool,
    /// Buttons that do something to the row.
    pub buttons: Vec<Button>,
}

impl Cell {
    /// A cell that says this.
    pub fn say(says: impl Into<Say>) -> Self {
        Self { says: vec![says.into()], ..Self::default() }
    }

    /// A cell that leads somewhere.
    pub fn link(href: impl Into<String>, says: impl Into<Say>) -> Self {
        Self { href: Some(href.into()), ..Self::say(says) }
    }

    /// A cell of short marks.
    pub fn tags(tags: impl IntoIterator<Item = impl Into<Say>>) -> Self {
        Self { tags: tags.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A cell of a button.
    pub fn button(button: Button) -> Self {
        Self { buttons: vec![button], ..Self::default() }
    }

    /// The same with one more mark.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Say>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The same, as a name of the machine's.
    #[must_use]
    pub fn code(mut self) -> Self {
        self.code = true;
        self
    }
}

impl Button {
    /// A button that posts these fields.
    pub fn new(action: impl Into<String>, label: &str, about: impl Into<String>, hidden: &[(&str, &str)]) -> Self {
        let field = |(name, value): &(&str, &str)| Hidden { name: (*name).to_owned(), value: (*value).to_owned() };
        let hidden = hidden.iter().map(field).collect();
        Self { action: action.into(), hidden, label: Text::new(label), about: about.into() }
    }
}

/// A button that posts.
#[derive(Clone, Debug, Serialize)]
pub struct Button {
    /// Where to.
    pub action: String,
    /// Hidden fields.
    pub hidden: Vec<Hidden>,
    /// The word on it.
    pub label: Text,
    /// What it is about, for who hears the button alone.
    pub about: String,
}

/// A link or a button.
#[derive(Clone, Debug, Serialize)]
pub struct Action {
    /// Where to.
    pub href: String,
    /// The word on it.
    pub label: Text,
    /// Whether it is what one mostly wants.
    pub main: bool,
}

impl Action {
    /// What one mostly wants.
    pub fn main(href: impl Into<String>, label: &str) -> Self {
        Self { href: href.into(), label: Text::new(label), main: true }
    }

    /// One more way.
    pub fn plain(href: impl Into<String>, label: &str) -> Self {
        Self { href: href.into(), label: Text::new(label), main: false }
    }
}

/// A hidden field of a form.
#[derive(Clone, Debug, Serialize)]
pub struct Hidden {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A form.
#[derive(Clone, Debug, Serialize)]
pub struct Form {
    /// Its anchor, and what the ids of its fields begin with.
    pub id: &'static str,
    /// Where it goes.
    pub action: String,
    /// Whether it only asks: then it is a GET, and its fields stand in the address.
    pub asks: bool,
    /// What it is for, where several stand on a page.
    pub title: Option<Text>,
    /// Hidden fields.
    pub hidden: Vec<Hidden>,
    /// What is typed.
    pub fields: Vec<Field>,
    /// What is typed seldom, in groups that open.
    pub groups: Vec<Group>,
    /// What is wrong with none of its fields, or with one that is not here.
    pub faults: Vec<Say>,
    /// The word on its button.
    pub submit: Text,
    /// Whether the button is what one mostly wants.
    pub main: bool,
    /// Whether what it does cannot be undone.
    pub danger: bool,
    /// Whether it brings a file, or more text than other forms may hold.
    pub uploads: bool,
    /// Whether what comes of it is shown in a tab of its own.
    pub new_tab: bool,
}

impl Form {
    /// A form that changes something.
    pub fn new(id: &'static str, action: impl Into<String>, submit: &str) -> Self {
        Self {
            id,
            action: action.into(),
            asks: false,
            title: None,
            hidden: Vec::new(),
            fields: Vec::new(),
            groups: Vec::new(),
            faults: Vec::new(),
            submit: Text::new(submit),
            main: true,
            danger: false,
            uploads: false,
            new_tab: false,
        }
    }

    /// A form that only asks.
    pub fn asking(id: &'static str, action: impl Into<String>, submit: &str) -> Self {
        Self { asks: true, main: false, ..Self::new(id, action, submit) }
    }

    /// The same with a title.
    #[must_use]
    pub fn title(mut self, key: &str) -> Self {
        self.title = Some(Text::new(key));
        self
    }

    /// The same with a hidden field.
    #[must_use]
    pub fn hidden(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.hidden.push(Hidden { name: name.into(), value: value.into() });
        self
    }

    /// The same with one more field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        let id = format!("{}-{}", self.id, field.name);
        self.fields.push(Field { id, ..field });
        self
    }

    /// The same with one more group of fields.
    #[must_use]
    pub fn group(mut self, mut group: Group) -> Self {
        for field in &mut group.fields {
            field.id = format!("{}-{}", self.id, field.name);
        }
        self.groups.push(group);
        self
    }

    /// The same with a button beside others.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.main = false;
        self
    }

    /// The same, showing what comes of it in a tab of its own.
    #[must_use]
    pub fn new_tab(mut self) -> Self {
        self.new_tab = true;
        self
    }

    /// The same, with room for a file.
    #[must_use]
    pub fn uploading(mut self) -> Self {
        self.uploads = true;
        self
    }

    /// The same, warning of what cannot be undone.
    #[must_use]
    pub fn danger(mut self) -> Self {
        (self.danger, self.main) = (true, false);
        self
    }

    /// The same with what is wrong beside the fields; what belongs to none of them stands above.
    #[must_use]
    pub fn refused(mut self, faults: &[crate::admin::FieldFault]) -> Self {
        for fault in faults {
            match self.at(&fault.pointer) {
                Some(field) => field.faults.push(said(&fault.detail)),
                None if fault.pointer.is_empty() => self.faults.push(said(&fault.detail)),
                None => self.faults.push(fault.to_string().into()),
            }
        }
        for group in &mut self.groups {
            group.open |= group.fields.iter().any(|field| !field.faults.is_empty());
        }
        self
    }

    /// The field of a JSON pointer: its own, or else that of what it is a part of.
    fn at(&mut self, pointer: &str) -> Option<&mut Field> {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        let names = || self.fields.iter().chain(self.groups.iter().flat_map(|group| &group.fields)).map(|f| &f.name);
        let known = |path: &str| {
            let below = format!("{path}.");
            names().find(|name| *name == path).or_else(|| names().find(|name| name.starts_with(&below)))
        };
        let parts = std::iter::successors(Some(&*path), |path| path.rsplit_once('.').map(|(rest, _)| rest));
        let name = parts.filter(|path| !path.is_empty()).find_map(known)?.clone();
        let mut all = self.fields.iter_mut().chain(self.groups.iter_mut().flat_map(|group| &mut group.fields));
        all.find(|field| field.name == name)
    }
}

/// Fields that belong together, and that are seldom typed: a heading that opens them.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// What they are about.
    pub title: Text,
    /// What to know before typing.
    pub hint: Option<Text>,
    /// Whether they are seen at once.
    pub open: bool,
    /// They.
    pub fields: Vec<Field>,
}

impl Group {
    /// A group of these fields; its title is the message `title`.
    pub fn new(title: &str, fields: impl IntoIterator<Item = Field>) -> Self {
        Self { title: Text::new(title), hint: None, open: false, fields: fields.into_iter().collect() }
    }

    /// The same with what to know before typing.
    #[must_use]
    pub fn hint(mut self, key: &str) -> Self {
        self.hint = Some(Text::new(key));
        self
    }

    /// The same, seen at once if so.
    #[must_use]
    pub fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }
}

/// A field.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its anchor, once it is in a form.
    id: String,
    /// Its label.
    pub label: Text,
    /// What to know before typing.
    pub hint: Option<Text>,
    /// What it takes.
    pub kind: Kind,
    /// What stands in it.
    pub value: String,
    /// What can be chosen.
    pub choices: Vec<Choice>,
    /// What is wrong with it.
    pub faults: Vec<Say>,
    /// Whether it must be filled.
    pub required: bool,
    /// `autocomplete`.
    pub autocomplete: &'static str,
    /// Where what is typed is checked before it is saved, where there are scripts.
    pub checked_at: Option<String>,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A line.
    Text,
    /// A telephone number.
    Tel,
    /// Lines.
    Area,
    /// What is not shown; it never comes back.
    Password,
    /// One of a list.
    Select,
    /// Any of a list.
    Checks,
    /// Yes or no.
    Check,
    /// A file, whose name ends in `.csv`.
    File,
}

/// What can be chosen.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// The value.
    pub value: String,
    /// What it is called.
    pub label: Say,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Choice {
    /// A choice.
    pub fn new(value: impl Into<String>, label: impl Into<Say>, chosen: bool) -> Self {
        Self { value: value.into(), label: label.into(), chosen }
    }
}

impl Field {
    /// A field of this kind; its label is the message `label`.
    pub fn new(kind: Kind, name: impl Into<String>, label: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: String::new(),
            label: Text::new(label),
            hint: None,
            kind,
            value: value.into(),
            choices: Vec::new(),
            faults: Vec::new(),
            required: false,
            autocomplete: "off",
            checked_at: None,
        }
    }

    /// A line of text.
    pub fn text(name: impl Into<String>, label: &str, value: impl Into<String>) -> Self {
        Self::new(Kind::Text, name, label, value)
    }

    /// Lines of text.
    pub fn area(name: impl Into<String>, label: &str, value: impl Into<String>) -> Self {
        Self::new(Kind::Area, name, label, value)
    }

    /// Yes or no.
    pub fn check(name: impl Into<String>, label: &str, chosen: bool) -> Self {
        Self::new(Kind::Check, name, label, if chosen { "yes" } else { "" })
    }

    /// One of a list.
    pub fn select(name: impl Into<String>, label: &str, choices: impl IntoIterator<Item = Choice>) -> Self {
        Self { choices: choices.into_iter().collect(), ..Self::new(Kind::Select, name, label, "") }
    }

    /// Any of a list.
    pub fn checks(name: impl Into<String>, label: &str, choices: impl IntoIterator<Item = Choice>) -> Self {
        Self { choices: choices.into_iter().collect(), ..Self::new(Kind::Checks, name, label, "") }
    }

    /// The same with what to know before typing.
    #[must_use]
    pub fn hint(mut self, key: &str) -> Self {
        self.hint = Some(Text::new(key));
        self
    }

    /// The same, to be filled.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, checked there while it is typed.
    #[must_use]
    pub fn checked_at(mut self, path: String) -> Self {
        self.checked_at = Some(path);
        self
    }

    /// The same with a word for password managers.
    #[must_use]
    pub fn autocomplete(mut self, word: &'static str) -> Self {
        self.autocomplete = word;
        self
    }
}

/// Numbers as bars.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Its anchor.
    pub id: &'static str,
    /// What it shows.
    pub title: Text,
    /// The name of what each bar stands for.
    pub of: Text,
    /// The names of the two parts of a bar.
    pub parts: [Text; 2],
    /// The bars.
    pub bars: Vec<Bar>,
    /// The width of the drawing.
    width: usize,
}

/// A bar: two numbers one upon the other.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// What it stands for.
    pub label: Say,
    /// The lower part.
    pub good: u64,
    /// The upper part.
    pub bad: u64,
    x: usize,
    good_y: u64,
    good_height: u64,
    bad_y: u64,
    bad_height: u64,
}

impl Chart {
    const HEIGHT: u64 = 100;
    const STEP: usize = 12;

    /// A chart of these numbers.
    pub fn new(id: &'static str, key: &str, bars: impl IntoIterator<Item = (Say, u64, u64)>) -> Self {
        let word = |name: &str| Text::new(&format!("{key}.{name}"));
        let bars: Vec<_> = bars.into_iter().collect();
        let most = bars.iter().map(|(_, good, bad)| good + bad).max().unwrap_or(0).max(1);
        let drawn: Vec<_> =
            bars.into_iter().enumerate().map(|(at, bar)| Bar::new(at * Self::STEP, bar, most)).collect();
        let width = drawn.len() * Self::STEP;
        Self { id, title: word("title"), of: word("of"), parts: [word("good"), word("bad")], bars: drawn, width }
    }
}

impl Bar {
    fn new(x: usize, (label, good, bad): (Say, u64, u64), most: u64) -> Self {
        // What is not nothing can be seen.
        let scaled = |number: u64| if number == 0 { 0 } else { (number * Chart::HEIGHT / most).max(1) };
        let (good_height, bad_height) = (scaled(good), scaled(bad));
        let good_y = Chart::HEIGHT.saturating_sub(good_height);
        Self { label, good, bad, x, good_y, good_height, bad_y: good_y.saturating_sub(bad_height), bad_height }
    }
}

/// Things with numbers, and a bar for each: a table that can be seen at a glance. It is drawn by `console/bars`.
#[derive(Clone, Debug, Serialize)]
pub struct Bars {
    /// Its anchor.
    pub id: &'static str,
    /// What it shows.
    pub caption: Text,
    /// The name of what each row stands for.
    pub of: Text,
    /// The names of its numbers.
    pub columns: Vec<Text>,
    /// Its rows.
    pub rows: Vec<BarRow>,
    /// What the two parts of a bar are.
    pub parts: [Text; 2],
}

/// A row with a bar.
#[derive(Clone, Debug, Serialize)]
pub struct BarRow {
    /// What it stands for.
    pub label: Say,
    /// Its numbers.
    pub cells: Vec<Say>,
    /// The first part of the bar.
    pub good: u64,
    /// The part after it.
    pub bad: u64,
    good_width: u64,
    bad_width: u64,
}

impl BarRow {
    /// A row whose bar has these two parts.
    pub fn new(label: Say, cells: Vec<Say>, good: u64, bad: u64) -> Self {
        Self { label, cells, good, bad, good_width: 0, bad_width: 0 }
    }
}

impl Bars {
    /// The length of the longest bar.
    const WIDTH: u64 = 100;

    /// A table of these rows; the keys of its words begin with `key`.
    pub fn new(id: &'static str, key: &str, columns: &[&str], rows: impl IntoIterator<Item = BarRow>) -> Self {
        let word = |name: &str| Text::new(&format!("{key}.{name}"));
        let mut rows: Vec<_> = rows.into_iter().collect();
        let most = rows.iter().map(|row| row.good.saturating_add(row.bad)).max().unwrap_or(0).max(1);
        // What is not nothing can be seen.
        let scaled = |number: u64| if number == 0 { 0 } else { (number.saturating_mul(Self::WIDTH) / most).max(1) };
        for row in &mut rows {
            (row.good_width, row.bad_width) = (scaled(row.good), scaled(row.bad));
        }
        Self {
            id,
            caption: word("caption"),
            of: word("of"),
            columns: columns.iter().map(|name| word(&format!("column.{name}"))).collect(),
            rows,
            parts: [word("good"), word("bad")],
        }
    }
}

impl From<Bars> for Block {
    fn from(bars: Bars) -> Self {
        Self::Own { template: "console/bars", value: serde_json::to_value(bars).unwrap_or_default() }
    }
}
