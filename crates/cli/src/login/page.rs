//! Reads the pages of a sign-in as a browser does: which form is there, and what goes into it.
//!
//! It knows what automation may rely on (inputs `username`, `password`, `code`; buttons `alternative`, `action`,
//! `decision`) and nothing else of the pages. An HTML library would be more than these forms need.

/// What is filled in.
pub(crate) struct Credentials<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    pub(crate) code: &'a str,
}

/// Cookies by name.
#[derive(Clone, Default)]
pub(crate) struct Jar(Vec<(String, String)>);

impl Jar {
    /// Takes in a `Set-Cookie` header. Paths and expiry do not matter for one sign-in, but for cookies that are taken away.
    pub(crate) fn take(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        self.0.retain(|(known, _)| known != name);
        if !parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of the `Cookie` header.
    pub(crate) fn header(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// What a page asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    action: String,
    fields: Vec<(String, String)>,
    asks: Vec<Asked>,
}

/// What has to be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Username,
    Password,
    Code,
    Choice,
    Consent,
    Nothing,
}

/// The first form of a page that leads on.
pub(crate) fn next(html: &str) -> Option<Step> {
    let steps: Vec<Step> = html.split("<form").skip(1).filter_map(step).collect();
    let rank = |step: &Step| match step.asks.last() {
        Some(Asked::Username | Asked::Password | Asked::Code) => 0,
        Some(Asked::Consent) => 1,
        Some(Asked::Choice) => 2,
        Some(Asked::Nothing) | None => 3,
    };
    steps.into_iter().min_by_key(rank)
}

fn step(text: &str) -> Option<Step> {
    let text = text.split("</form>").next()?;
    let (head, body) = text.split_once('>')?;
    let mut step = Step { action: attribute(head, "action")?, fields: Vec::new(), asks: Vec::new() };
    for tag in tags(body, "<input") {
        step.input(tag);
    }
    for tag in tags(body, "<button") {
        step.button(tag);
    }
    if step.asks.is_empty() {
        step.asks.push(Asked::Nothing);
    }
    Some(step)
}

impl Step {
    fn input(&mut self, tag: &str) {
        let Some(name) = attribute(tag, "name") else { return };
        let kind = attribute(tag, "type").unwrap_or_default();
        match name.as_str() {
            "username" => self.asks.push(Asked::Username),
            "password" => self.asks.push(Asked::Password),
            "code" => self.asks.push(Asked::Code),
            _ if kind == "hidden" || kind == "checkbox" && tag.contains(" checked") => {
                self.fields.push((name, attribute(tag, "value").unwrap_or_default()));
            }
            _ => {}
        }
    }

    fn button(&mut self, tag: &str) {
        let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) else { return };
        let asked = match name.as_str() {
            "alternative" => Asked::Choice,
            "decision" if value == "allow" => Asked::Consent,
            _ => return,
        };
        if !self.asks.contains(&asked) {
            self.asks.push(asked);
            self.fields.push((name, value));
        }
    }

    pub(crate) fn action(&self) -> &str {
        &self.action
    }

    pub(crate) fn wants_code(&self) -> bool {
        self.asks.contains(&Asked::Code)
    }

    /// What the person does.
    pub(crate) fn name(&self) -> &'static str {
        match self.asks.last() {
            Some(Asked::Username) => "user name",
            Some(Asked::Password) => "password",
            Some(Asked::Code) => "code from the outbox",
            Some(Asked::Choice) => "choice",
            Some(Asked::Consent) => "consent",
            Some(Asked::Nothing) | None => "continue",
        }
    }

    /// The form as it is sent.
    pub(crate) fn fill(self, who: &Credentials<'_>) -> Vec<(String, String)> {
        let mut fields = self.fields;
        for asked in self.asks {
            let (name, value) = match asked {
                Asked::Username => ("username", who.username),
                Asked::Password => ("password", who.password),
                Asked::Code => ("code", who.code),
                Asked::Choice | Asked::Consent | Asked::Nothing => continue,
            };
            fields.push((name.to_owned(), value.to_owned()));
        }
        fields
    }
}

/// What a page says went wrong.
pub(crate) fn notice(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("role=\"alert\"")?;
    let (_, rest) = rest.split_once('>')?;
    let text = rest.split("</div>").next()?;
    let mut plain = String::new();
    let mut inside = true;
    for c in text.chars() {
        match c {
            '<' => inside = false,
            '>' => inside = true,
            _ if inside => plain.push(c),
            _ => {}
        }
    }
    Some(unescape(plain.split_whitespace().collect::<Vec<_>>().join(" ").as_str()))
}

/// The title of a page.
pub(crate) fn title(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("<title>")?;
    rest.split("</title>").next().map(unescape)
}

fn tags<'a>(html: &'a str, open: &str) -> impl Iterator<Item = &'a str> {
    html.split(open).skip(1).filter_map(|rest| rest.split('>').next())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescape)
}

fn unescape(text: &str) -> String {
    let pairs = [
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#x3D;", "="),
        ("&#x60;", "`"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<title>Sign in &amp; on</title>
        <form class="again" method="post" action="/interaction/1"><input type="hidden" name="csrf" value="a&#x3D;b"><button name="action" value="resend">Again</button></form>
        <form method="post" action="/interaction/1?x&amp;y"><input type="hidden" name="csrf" value="a&#x3D;b">
        <input id="username" name="username" type="text"><input name="password" type="password"><button type="submit">Go</button></form>"#;

    #[test]
    fn the_form_that_asks_for_something_is_filled_in() {
        let step = next(PAGE).unwrap();
        assert_eq!((step.action(), step.name(), step.wants_code()), ("/interaction/1?x&y", "password", false));
        let filled = step.fill(&Credentials { username: "u", password: "p", code: "" });
        let filled: Vec<_> = filled.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(filled, ["csrf:a=b", "username:u", "password:p"]);
        assert_eq!(title(PAGE).as_deref(), Some("Sign in & on"));
    }

    #[test]
    fn a_choice_takes_the_first_way_and_a_consent_agrees() {
        let choice = next(
            r#"<form action="/i"><button name="alternative" value="2">A</button><button name="alternative" value="3">B</button></form>"#,
        );
        let none = Credentials { username: "", password: "", code: "" };
        assert_eq!(choice.unwrap().fill(&none), [("alternative".to_owned(), "2".to_owned())]);
        let consent = next(
            r#"<form action="/i"><input type="checkbox" name="scope" value="email" checked><button name="decision" value="allow">A</button><button name="decision" value="deny">B</button></form>"#,
        );
        let sent = consent.unwrap().fill(&none);
        assert_eq!(sent, [("scope".to_owned(), "email".to_owned()), ("decision".to_owned(), "allow".to_owned())]);
        assert_eq!(next("<p>Nothing here</p>"), None);
    }

    #[test]
    fn cookies_come_and_go() {
        let mut jar = Jar::default();
        jar.take("a=1; Path=/; HttpOnly");
        jar.take("b=2");
        jar.take("a=3");
        assert_eq!(jar.header(), "b=2; a=3");
        jar.take("b=; Max-Age=0; Path=/");
        assert_eq!(jar.header(), "a=3");
    }
}
