//! The form of a mail server, at `/admin/connections`: what it has that a gateway has not.

use serde_json::{Map, Value, json};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::{connections::secret_field, desk::Base, form};
use crate::{
    admin::FieldFault,
    pages::console::{Choice, Field, Form, Say, Screen},
};

/// The kind of connection.
pub(super) const KIND: &str = "mail";
/// Settings that are a line of text.
const LINES: [&str; 5] = ["host", "username", "from", "from_name", "reply_to"];
const TLS: [&str; 3] = ["starttls", "implicit", "none"];

pub(super) fn new_screen(typed: &Params, faults: &[FieldFault], base: &Base) -> Screen {
    let name = typed.get("name").unwrap_or("Mail");
    let form = Form::new("connection", base.to("/admin/connections/new"), "console.connections.create")
        .hidden("preset", KIND)
        .field(Field::text("name", "console.connections.name", name).required().hint("console.connections.name.hint"));
    let form = fields(form, &|name: &str| form::line(typed, name));
    let mut screen = Screen::new(Text::new("console.connections.new.mail"))
        .crumb(base.to("/admin/connections"), Say::key("console.connections.title"));
    screen.alarmed = !faults.is_empty();
    screen.with(form.refused(faults))
}

/// The fields of a mail server, with what `value` says of each.
pub(super) fn fields(form: Form, value: &dyn Fn(&str) -> String) -> Form {
    let text = |name: &str| Field::text(name, &format!("console.mail.{name}"), value(name));
    let chosen = value("tls");
    let tls = TLS.map(|tls| {
        let now = tls == chosen || chosen.is_empty() && tls == "starttls";
        Choice::new(tls, Text::new(&format!("console.mail.tls.{tls}")), now)
    });
    form.field(text("host").required())
        .field(Field::select("tls", "console.mail.tls", tls))
        .field(text("port").hint("console.mail.port.hint"))
        .field(text("username").hint("console.mail.username.hint").autocomplete("off"))
        .field(secret_field("password").hint("console.connections.secret.hint"))
        .field(text("from").required())
        .field(text("from_name"))
        .field(text("reply_to"))
        .field(
            Field::area("authority", "console.mail.authority", value("authority")).hint("console.mail.authority.hint"),
        )
}

/// The settings of a form. A secret that was left empty is left out, so that it stays; what else was emptied goes, where there was
/// something before.
pub(super) fn settings(params: &Params, before: bool) -> Map<String, Value> {
    let mut settings = Map::new();
    let mut set = |name: &str, value: Value| {
        let nothing = value.as_str().is_some_and(str::is_empty);
        if !nothing {
            settings.insert(name.to_owned(), value);
        } else if before && params.iter().any(|(given, _)| given == name) {
            settings.insert(name.to_owned(), Value::Null);
        }
    };
    for name in LINES {
        // Spaces alone are taken off: a line break is for the server to refuse.
        set(name, params.get(name).unwrap_or_default().trim_matches(' ').into());
    }
    set("authority", params.get("authority").unwrap_or_default().trim().replace('\r', "").into());
    set("tls", params.get("tls").unwrap_or_default().into());
    let port = form::line(params, "port");
    set("port", port.parse::<u16>().map_or_else(|_| port.clone().into(), Value::from));
    let password = params.get("secrets.password").unwrap_or_default();
    if !password.is_empty() {
        settings.insert("secrets".to_owned(), json!({ "password": password }));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str, before: bool) -> Value {
        settings(&Params::parse(form.as_bytes()).unwrap(), before).into()
    }

    #[test]
    fn a_form_becomes_settings_and_what_was_emptied_goes() {
        let form = "host=mail.example.com&port=2525&tls=implicit&username=me&secrets.password=hunter2&from=a%40example.com&from_name=";
        let all = json!({
            "host": "mail.example.com", "port": 2525, "tls": "implicit", "username": "me",
            "secrets": { "password": "hunter2" }, "from": "a@example.com",
        });
        assert_eq!(read(form, false), all);
        let emptied = read("host=mail.example.com&port=&reply_to=&secrets.password=", true);
        assert_eq!(emptied, json!({ "host": "mail.example.com", "port": null, "reply_to": null }));
        assert_eq!(read("port=abc", false), json!({ "port": "abc" }), "what makes no sense is refused, not dropped");
        assert_eq!(read("from=a%40example.com%0d%0aBcc:x", false), json!({ "from": "a@example.com\r\nBcc:x" }));
    }
}
