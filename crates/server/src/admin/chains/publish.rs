//! `chains.publish`.

use schemars::JsonSchema;
use serde::Deserialize;
use vestibule_core::{draft::Byline, id::ChainName};

use super::{
    check,
    view::{ChainView, view},
};
use crate::{
    admin::{
        Actor, AdminError, Etag, FieldFault, Permission, Versioned,
        error::all_right,
        gate,
        record::Change,
        transact::{Work, configure},
    },
    state::{State, Transaction},
};

/// The longest note, in characters.
const NOTE: usize = 500;

/// A publication.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Why, for whoever reads the history.
    #[serde(default)]
    pub note: Option<String>,
}

/// `chains.publish`: the draft becomes the next revision. Logins under way keep the one that they began with.
///
/// # Errors
/// When the actor may not, there is no draft, it has errors, somebody else published or changed it since, it would lock the
/// last owner out, a file manages it, or the database fails.
pub async fn publish(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    expected: Option<&Etag>,
    publication: Publish,
) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    let note = publication.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE) {
        return Err(AdminError::Invalid(vec![FieldFault::new("/note", format!("At most {NOTE} characters."))]));
    }
    let work = {
        let (work, snapshot, registry) =
            (Work::new(state, actor), state.live.snapshot(), state.engine.registry().clone());
        let floor = state.policy.floor.clone();
        let (byline, name, expected) = (Byline { author: Some(actor.name()), note }, name.clone(), expected.cloned());
        move |tx: &mut Transaction| {
            let before = view(tx, &snapshot, &name)?.ok_or(AdminError::NotFound("chain"))?;
            before.ours()?;
            before.unchanged(expected.as_ref())?;
            let draft = before.draft.as_ref().ok_or(AdminError::NotFound("draft"))?;
            if before.overtaken() {
                return Err(before.stale());
            }
            if before.published.as_ref().is_some_and(|published| published.document == draft.document) {
                return Err(AdminError::Refused("The draft says what is published already.".to_owned()));
            }
            all_right(check::errors(&draft.document, &registry, &tx.connections()?, &floor))?;
            gate::may_open(tx, &snapshot, &work.actor, &name)?;
            let owners = work.guard.before(tx)?;
            tx.publish_chain_by(&name, &draft.document, &byline, work.now)?;
            tx.delete_chain_draft(&name)?;
            work.guard.hold(tx, owners)?;
            let after = view(tx, &snapshot, &name)?.ok_or(AdminError::NotFound("chain"))?;
            work.record(tx, &Change::new("chain.published", &name, &before.published, &after.published))?;
            Ok(after)
        }
    };
    Ok(configure(state, work).await?.versioned())
}
