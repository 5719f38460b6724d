//! Reads the forms and links of a page: as much of HTML as our templates write, and no more.

/// A form of a page.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub action: String,
    pub method: String,
    /// Every input with its value, hidden ones too.
    pub inputs: Vec<(String, String)>,
    /// Every named button.
    pub buttons: Vec<(String, String)>,
}

impl Form {
    pub fn has_input(&self, name: &str) -> bool {
        self.inputs.iter().any(|(known, _)| known == name)
    }

    pub fn has_button(&self, name: &str, value: &str) -> bool {
        self.buttons.iter().any(|(n, v)| n == name && v == value)
    }

    /// The inputs with these values put in, and these added that are buttons.
    pub fn filled(&self, values: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut pairs = self.inputs.clone();
        for (name, value) in values {
            pairs.retain(|(known, _)| known != name);
            pairs.push(((*name).to_owned(), (*value).to_owned()));
        }
        pairs
    }
}

/// The forms of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let (mut select, mut chosen) = (None, false);
    for (name, attributes, text) in tags(html) {
        let get = |wanted: &str| attributes.iter().find(|(n, _)| n == wanted).map(|(_, v)| v.clone());
        match name.as_str() {
            "form" => forms.push(Form {
                action: get("action").unwrap_or_default(),
                method: get("method").unwrap_or_else(|| "get".into()).to_lowercase(),
                ..Form::default()
            }),
            "input" => {
                let unchecked = get("type").as_deref() == Some("checkbox") && get("checked").is_none();
                if let (Some(form), Some(name), false) = (forms.last_mut(), get("name"), unchecked) {
                    form.inputs.push((name, get("value").unwrap_or_default()));
                }
            }
            // What is typed begins on the line after the tag.
            "textarea" => {
                if let (Some(form), Some(name)) = (forms.last_mut(), get("name")) {
                    form.inputs.push((name, unescape(text.strip_prefix('\n').unwrap_or(text))));
                }
            }
            "select" => {
                select = get("name");
                chosen = false;
            }
            // The first one, until another says that it is chosen.
            "option" => {
                let wanted = get("selected").is_some();
                if let (Some(form), Some(name)) = (forms.last_mut(), select.clone()) {
                    let known = form.inputs.iter().any(|(other, _)| *other == name);
                    if wanted || !(known || chosen) {
                        form.inputs.retain(|(other, _)| *other != name);
                        form.inputs.push((name, get("value").unwrap_or_default()));
                        chosen |= wanted;
                    }
                }
            }
            "button" => {
                if let (Some(form), Some(name)) = (forms.last_mut(), get("name")) {
                    form.buttons.push((name, get("value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// The `href` of every link.
pub fn links(html: &str) -> Vec<String> {
    let href = |(_, attributes, _): Tag<'_>| attributes.into_iter().find(|(n, _)| n == "href").map(|(_, v)| v);
    tags(html).into_iter().filter(|(name, ..)| name == "a").filter_map(href).collect()
}

/// Where every form, and every button that goes elsewhere, leads.
pub fn targets(html: &str) -> Vec<String> {
    let target = |(name, attributes, _): Tag<'_>| {
        let wanted = if name == "form" { "action" } else { "formaction" };
        attributes.into_iter().find(|(n, _)| n == wanted).map(|(_, v)| v)
    };
    tags(html).into_iter().filter_map(target).collect()
}

/// An opening tag, its attributes, and the text up to the next one.
type Tag<'a> = (String, Vec<(String, String)>, &'a str);

/// The opening tags.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    for piece in html.split('<').skip(1) {
        let Some(end) = end_of_tag(piece) else { continue };
        let inside = &piece[..end];
        let name_end = inside.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inside.len());
        let name = inside[..name_end].to_lowercase();
        if !name.is_empty() {
            found.push((name, attributes(&inside[name_end..]), &piece[end + 1..]));
        }
    }
    found
}

fn end_of_tag(piece: &str) -> Option<usize> {
    let mut quote = None;
    piece.char_indices().find_map(|(at, c)| match (quote, c) {
        (None, '>') => Some(at),
        (None, '"' | '\'') => {
            quote = Some(c);
            None
        }
        (Some(open), c) if c == open => {
            quote = None;
            None
        }
        _ => None,
    })
}

fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if text.is_empty() {
            return attributes;
        }
        let end = text.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(text.len());
        let name = text[..end].to_lowercase();
        text = &text[end..];
        let mut value = String::new();
        if let Some(rest) = text.strip_prefix('=') {
            let (raw, after) = match rest.chars().next() {
                Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
                _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
            };
            value = unescape(raw);
            text = after;
        } else if end == 0 {
            text = &text[text.chars().next().map_or(0, char::len_utf8)..];
        }
        if !name.is_empty() {
            attributes.push((name, value));
        }
    }
}

/// Undoes the escapes that our templates write.
pub fn unescape(text: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x3D;", "="),
        ("&#x60;", "`"),
        ("&amp;", "&"),
    ];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn forms_are_read_with_their_inputs_and_buttons() {
    let html = r#"<form method="post" action="/a?b&amp;c"><input type="hidden" name="csrf" value="x&#x3D;&quot;">
        <input name=code required><button name="action" value="resend">Again</button></form>"#;
    let form = &forms(html)[0];
    assert_eq!(form.action, "/a?b&c");
    assert_eq!(form.inputs, [("csrf".to_owned(), "x=\"".to_owned()), ("code".to_owned(), String::new())]);
    assert!(form.has_button("action", "resend"));
}
