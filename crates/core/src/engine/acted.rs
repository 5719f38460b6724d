//! What came of what a person posted. What to show is another question, with its own reads and its own plan, and a
//! browser that is sent on by a 303 never asks it of this request.

use serde_json::Value;

use super::{Engine, EngineError, RequestContext, View, finish::Keepsake};
use crate::{
    device::DeviceGiven,
    id::{ClientId, InteractionId},
    interaction::{Interaction, Stage},
    session::SessionRef,
    store::Store,
};

/// What came of [`Engine::answer`], [`Engine::choose`], [`Engine::resend`] and [`Engine::conclude`].
#[derive(Debug)]
pub enum Acted {
    /// It was taken up, or noted why not; the run goes on at its page.
    Open {
        /// Who asked for the login.
        client: ClientId,
    },
    /// It was the last thing due: go to the client.
    Closed {
        /// Who asked for the login.
        client: ClientId,
        /// The protocol's own record of its answer.
        answer: Value,
        /// The session whose cookie to set.
        session: SessionRef,
        /// The remembered device whose cookie to set.
        device: Option<DeviceGiven>,
    },
    /// It came to nothing: the view tells what there is.
    Nothing {
        /// Whether it came from a page of before: another tab went on, or the button was pressed twice.
        stale: bool,
    },
}

impl Acted {
    pub(super) fn open(interaction: &Interaction) -> Self {
        Self::Open { client: interaction.request.client.clone() }
    }

    /// After an ending was written down; `kept` is what the browser keeps of it.
    pub(super) fn ended(interaction: Interaction, kept: Option<Keepsake>) -> Self {
        match (interaction.stage, kept) {
            (Stage::Closed { answer, .. }, Some(Keepsake { session, device })) => {
                Self::Closed { client: interaction.request.client, answer, session, device }
            }
            (Stage::Open | Stage::Held, _) => Self::Open { client: interaction.request.client },
            (Stage::Closed { .. } | Stage::Denied { .. }, _) => Self::Nothing { stale: false },
        }
    }
}

impl<S: Store + ?Sized> Engine<S> {
    /// What is to be shown after an act.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn after(
        &self,
        acted: &Acted,
        id: InteractionId,
        binding: Option<&str>,
        cx: &RequestContext,
    ) -> Result<View, EngineError> {
        let stale = matches!(acted, Acted::Nothing { stale: true });
        Ok(View { stale, ..self.view(id, binding, cx).await? })
    }
}
