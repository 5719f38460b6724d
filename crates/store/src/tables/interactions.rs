//! Interactions. The body is sealed: it holds what the client asked, who claims to be whom, and the answer to be given
//! again.

use diesel::prelude::*;
use vestibule_core::{id::InteractionId, interaction::Interaction};

use super::written;
use crate::{error::Verdict, schema::interactions};

fn record(id: &str) -> String {
    format!("interactions/{id}")
}

on_both! {
    pub(crate) fn insert_interaction(tx: &mut Tx, interaction: &Interaction) -> Verdict<()> {
        let id = interaction.id.to_string();
        let body = tx.seal.close_json(&record(&id), interaction)?;
        let row = (
            interactions::id.eq(id),
            interactions::version.eq(interaction.version),
            interactions::expires_at.eq(interaction.expires_at.0),
            interactions::body.eq(body),
        );
        let new = diesel::insert_into(interactions::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the interaction's id is taken")
    }

    pub(crate) fn interaction(tx: &mut Tx, id: InteractionId) -> Verdict<Option<Interaction>> {
        let id = id.to_string();
        let row = interactions::table.find(&id).select((interactions::version, interactions::body));
        let row: Option<(i64, Vec<u8>)> = row.get_result(&mut tx.connection).optional()?;
        let Some((version, body)) = row else { return Ok(None) };
        let interaction: Interaction = tx.seal.open_json(&record(&id), &body)?;
        Ok(Some(Interaction { version, ..interaction }))
    }

    pub(crate) fn advance_interaction(tx: &mut Tx, interaction: &Interaction) -> Verdict<bool> {
        save(tx, interaction, interaction.version.saturating_sub(1))
    }

    pub(crate) fn note_interaction(tx: &mut Tx, interaction: &Interaction) -> Verdict<bool> {
        save(tx, interaction, interaction.version)
    }

    fn save(tx: &mut Tx, interaction: &Interaction, stored: i64) -> Verdict<bool> {
        let id = interaction.id.to_string();
        let body = tx.seal.close_json(&record(&id), interaction)?;
        let changed = diesel::update(interactions::table.find(&id).filter(interactions::version.eq(stored)))
            .set((
                interactions::version.eq(interaction.version),
                interactions::expires_at.eq(interaction.expires_at.0),
                interactions::body.eq(body),
            ))
            .execute(&mut tx.connection)?;
        Ok(changed == 1)
    }
}
