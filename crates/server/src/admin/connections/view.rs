//! A connection as it is shown: without its secrets, with who uses it, and with a tag that tells one version from another.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use vestibule_authn_smsotp::advise;
use vestibule_core::{chain::ChainRevision, channel::Connection, crypto::Prf};
use vestibule_oauth::managed::ObjectKind;

use super::secrets::masked;
use crate::{
    admin::{AdminError, Etag, Versioned},
    state::Transaction,
};

/// A connection, without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ConnectionView {
    /// Its name.
    pub name: String,
    /// What it is, such as `sms`.
    pub kind: String,
    /// Its settings; dots stand for secrets.
    pub settings: Map<String, Value>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// The chains that use it.
    pub used_by: Vec<String>,
    /// What would be better about it.
    pub advice: Vec<String>,
    /// The file that it is managed by: then it is changed there.
    pub managed_by: Option<String>,
}

pub(super) fn tagged(
    tx: &mut Transaction,
    connection: &Connection,
    prf: &Prf,
) -> Result<Versioned<ConnectionView>, AdminError> {
    let value = view(tx, connection)?;
    Ok(Versioned { etag: tag(connection, &value, prf), value })
}

/// The tag is of the connection itself, so that a secret that changed is a change too; which chains use it is none. It is keyed:
/// by a plain hash whoever may read a connection could try out its secrets at home.
fn tag(connection: &Connection, view: &ConnectionView, prf: &Prf) -> Etag {
    let json = serde_json::to_vec(&(connection, &view.managed_by)).unwrap_or_default();
    Etag(prf.text("connection version", &[&json]))
}

/// What is there now, when the change was made from it.
pub(super) fn editable(
    tx: &mut Transaction,
    connection: &Connection,
    expected: Option<&Etag>,
    prf: &Prf,
) -> Result<ConnectionView, AdminError> {
    let view = view(tx, connection)?;
    if let Some(file) = &view.managed_by {
        return Err(AdminError::Managed(file.clone()));
    }
    let (expected, etag) = (expected.ok_or(AdminError::VersionWanted)?, tag(connection, &view, prf));
    if *expected != etag {
        return Err(AdminError::Stale { etag, current: serde_json::to_value(&view).unwrap_or_default() });
    }
    Ok(view)
}

fn view(tx: &mut Transaction, connection: &Connection) -> Result<ConnectionView, AdminError> {
    let mark = tx.managed(ObjectKind::Connection, connection.name.as_str())?;
    Ok(shown(connection, mark.map(|mark| mark.source), &tx.published_chains()?))
}

pub(super) fn shown(connection: &Connection, managed_by: Option<String>, chains: &[ChainRevision]) -> ConnectionView {
    let uses = |revision: &ChainRevision| {
        let mut alternatives = revision.document.steps.iter().flat_map(|step| &step.alternatives);
        alternatives.any(|alternative| alternative.connection.as_ref() == Some(&connection.name))
    };
    let used_by = chains.iter().filter(|chain| uses(chain)).map(|c| c.chain.to_string()).collect();
    let advice = advise(&connection.settings).into_iter().map(|advice| advice.why).collect();
    ConnectionView {
        name: connection.name.to_string(),
        kind: connection.kind.clone(),
        settings: masked(&connection.settings),
        disabled: connection.disabled,
        used_by,
        advice,
        managed_by,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;
    use crate::admin::connections::given::{read, tests::map};

    #[test]
    fn a_110_the_version_of_a_connection_is_no_way_to_try_out_its_secrets() {
        let of = |secret: &str| {
            let settings = json!({ "url": "https://x.example", "secrets": { "k": secret } });
            read(&map(json!({ "name": "a", "settings": settings })), None).unwrap()
        };
        let view = ConnectionView {
            name: "a".to_owned(),
            kind: "sms".to_owned(),
            settings: Map::new(),
            disabled: false,
            used_by: Vec::new(),
            advice: Vec::new(),
            managed_by: None,
        };
        let random = SystemRandom::default();
        let (ours, theirs) = (MasterKey::generate(&random).prf(), MasterKey::generate(&random).prf());
        assert_ne!(tag(&of("1"), &view, &ours), tag(&of("2"), &view, &ours), "a secret that changed is a change");
        assert_ne!(tag(&of("1"), &view, &ours), tag(&of("1"), &view, &theirs), "without the key nobody can compute it");
    }
}
