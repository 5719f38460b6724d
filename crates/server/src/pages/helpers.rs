//! The words that templates have: `t` and `rich` for messages, `moment` and `day` for instants.
//!
//! `{{t "key" name=value}}` gives plain text, for attributes and titles. `{{rich "key" name=value}}` gives HTML: every value stands
//! in a `<bdi>`, so that a name written from right to left cannot turn the sentence around, and an instant becomes a `<time>`.
//! Both take a key (in one piece, or in several that are joined by dots), or a [`Text`](vestibule_core::prompt::Text) with its own values; `own=` names a message to be preferred, where
//! there is one. Both escape everything.

use std::{borrow::Cow, sync::Arc};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason, html_escape,
};
use serde_json::Value;

use super::messages::{Catalogue, Piece, pieces};

/// Makes the helpers known to `templates`.
pub(super) fn register(templates: &mut Handlebars<'static>, catalogue: Arc<Catalogue>) {
    templates.register_helper("t", Box::new(Message { catalogue: Arc::clone(&catalogue), rich: false }));
    templates.register_helper("rich", Box::new(Message { catalogue: Arc::clone(&catalogue), rich: true }));
    templates.register_helper("say", Box::new(Anything(Message { catalogue: Arc::clone(&catalogue), rich: true })));
    templates.register_helper("sayt", Box::new(Anything(Message { catalogue, rich: false })));
    templates.register_helper("moment", Box::new(Instant { shown: "clock" }));
    templates.register_helper("day", Box::new(Instant { shown: "date" }));
}

struct Message {
    catalogue: Arc<Catalogue>,
    rich: bool,
}

impl HelperDef for Message {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        cx: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let text =
            helper.param(0).map(|param| param.value()).ok_or(RenderErrorReason::ParamNotFoundForIndex("t", 0))?;
        let parts: Option<Vec<&str>> = helper.params().iter().map(|param| key_of(param.value())).collect();
        let key = parts.ok_or_else(|| RenderErrorReason::Other("t wants a key or a text".to_owned()))?.join(".");
        let locale = cx.data().pointer("/cx/locale").and_then(Value::as_str).unwrap_or("en");
        let value = |name: &str| {
            let given = helper.hash_get(name).map(|param| param.value()).filter(|value| !value.is_null());
            given.or_else(|| text.get("args")?.get(name))
        };
        let n = value("n").and_then(Value::as_u64);
        let own = helper.hash_get("own").and_then(|param| param.value().as_str());
        let message =
            own.and_then(|own| self.catalogue.find(locale, own, n)).or_else(|| self.catalogue.find(locale, &key, n));
        let Some(message) = message else {
            // A plug-in may name a message that it does not bring: its key on the page tells its author.
            tracing::warn!(event = "message.missing", key, locale);
            out.write(&format!("[{}]", html_escape(&key)))?;
            return Ok(());
        };
        for piece in pieces(message) {
            match piece {
                Piece::Words(words) => out.write(&html_escape(words))?,
                Piece::Slot(name) => out.write(&self.filled(name, value(name)))?,
            }
        }
        Ok(())
    }
}

impl Message {
    fn filled(&self, name: &str, value: Option<&Value>) -> String {
        match value {
            None => format!("{{{}}}", html_escape(name)),
            Some(instant) if instant.get("iso").is_some() && self.rich => time(instant, "clock"),
            Some(value) => {
                let shown = html_escape(&plain(value));
                // A number in digits needs no isolation, and counts nothing that wants to stand out.
                if self.rich && !value.is_number() { format!("<bdi>{shown}</bdi>") } else { shown }
            }
        }
    }
}

/// A message, an instant, or a value as it is.
struct Anything(Message);

impl HelperDef for Anything {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        templates: &'reg Handlebars<'reg>,
        cx: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let given = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("say", 0))?.value();
        let shown = match given {
            Value::Object(text) if text.contains_key("key") => {
                return self.0.call(helper, templates, cx, render, out);
            }
            Value::Object(instant) if instant.contains_key("iso") && self.0.rich => time(given, "date"),
            Value::Object(instant) => html_escape(instant.get("date").and_then(Value::as_str).unwrap_or_default()),
            value => self.0.filled("", Some(value)),
        };
        out.write(&shown)?;
        Ok(())
    }
}

fn key_of(text: &Value) -> Option<&str> {
    text.as_str().or_else(|| text.get("key")?.as_str())
}

fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        Value::Object(instant) => instant.get("clock").and_then(Value::as_str).unwrap_or_default().into(),
        other => other.to_string().into(),
    }
}

struct Instant {
    shown: &'static str,
}

impl HelperDef for Instant {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let instant = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("moment", 0))?;
        out.write(&time(instant.value(), self.shown))?;
        Ok(())
    }
}

fn time(instant: &Value, shown: &str) -> String {
    let part = |name| instant.get(name).and_then(Value::as_str).map(html_escape).unwrap_or_default();
    format!(r#"<time datetime="{}" data-shown="{shown}">{}</time>"#, part("iso"), part(shown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vestibule_core::{Registry, prompt::Text};

    use super::*;

    fn render(template: &str, data: &Value) -> String {
        let mut templates = super::super::templates::engine();
        register(&mut templates, Arc::new(Catalogue::new(&Registry::default()).unwrap()));
        templates.render_template(template, data).unwrap()
    }

    #[test]
    fn a_014_a_value_is_escaped_wherever_it_stands() {
        let data = json!({ "cx": { "locale": "en" }, "name": "\"><script>", "text": Text::new("step.continue").with("app", "<b>") });
        let html = render(
            r#"{{t "step.continue" app=name}}|{{rich "step.continue" app=name}}|{{t text}}|{{rich text}}"#,
            &data,
        );
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("\">"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;").count(), 2, "{html}");
    }

    #[test]
    fn an_instant_in_a_sentence_is_a_time_element() {
        let at = json!({ "iso": "2026-11-23T14:03:20Z", "clock": "14:03:20 UTC", "date": "x" });
        let data = json!({ "cx": { "locale": "de" }, "at": at });
        let html = render(r#"{{rich "notice.wait" at=at}}"#, &data);
        assert!(
            html.contains(r#"<time datetime="2026-11-23T14:03:20Z" data-shown="clock">14:03:20 UTC</time>"#),
            "{html}"
        );
        assert!(!render(r#"{{t "notice.wait" at=at}}"#, &data).contains('<'));
    }

    #[test]
    fn the_language_is_the_pages() {
        let of = |locale: &str| render(r#"{{t "code.again"}}"#, &json!({ "cx": { "locale": locale } }));
        assert_ne!(of("en"), of("de"));
        assert_eq!(of("xx"), of("en"));
    }
}
