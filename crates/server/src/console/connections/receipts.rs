//! Where a vendor says what became of a message: an address with a secret in it. It is shown whole once, when the secret is made or
//! typed; whoever lost it makes a new one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use vestibule_core::{
    prompt::Text,
    random::{Random, RandomExt as _},
};
use vestibule_oauth::Params;

use crate::{
    console::{
        Desk,
        desk::{Base, part},
        form,
    },
    pages::{
        Tone,
        console::{Action, Block, Say, Screen},
    },
};

/// The address of a gateway's receipts.
pub(super) fn address(issuer: &str, name: &str, secret: &str) -> String {
    format!("{issuer}/gateways/{}/receipts/{secret}", part(name))
}

/// The settings with a secret for the address, where receipts are wanted and there is none, or another one is wanted.
pub(super) fn with_secret(
    mut settings: Map<String, Value>,
    params: &Params,
    random: &dyn Random,
) -> Map<String, Value> {
    let wanted = form::some(params, "receipts.type").is_some();
    let wants_new = params.get("receipts.kept").is_none() || form::ticked(params, "receipts.renew");
    if !wanted || !wants_new || secret_of(&settings).is_some() {
        return settings;
    }
    let secret = URL_SAFE_NO_PAD.encode(random.bytes::<24>());
    match settings.get_mut("secrets").and_then(Value::as_object_mut) {
        Some(secrets) => drop(secrets.insert("receipts".to_owned(), secret.into())),
        None => drop(settings.insert("secrets".to_owned(), json!({ "receipts": secret }))),
    }
    settings
}

/// The secret of the address, when it was given or made now.
pub(super) fn secret_of(settings: &Map<String, Value>) -> Option<String> {
    settings.get("secrets")?.get("receipts")?.as_str().map(str::to_owned)
}

/// The whole address, once.
pub(super) fn screen(name: &str, desk: &Desk, secret: &str) -> Screen {
    told(name, &address(&desk.state.public.url(""), name, secret), &desk.base())
}

pub(in crate::console) fn told(name: &str, address: &str, base: &Base) -> Screen {
    let here = base.to(&format!("/admin/connections/{}", part(name)));
    Screen::new(Text::new("console.receipts.title").with("name", name))
        .crumb(base.to("/admin/connections"), Say::key("console.connections.title"))
        .crumb(here.as_str(), name)
        .flash(Tone::Good, Say::key("console.receipts.once"))
        .with(Block::Copy {
            id: "receipts".to_owned(),
            label: Text::new("console.receipts.address"),
            text: address.to_owned(),
        })
        .with(Block::Actions { actions: vec![Action::main(here, "console.receipts.stored")] })
}
