//! A grid card: a printed table of four rows and sixteen columns. A sign-in asks for one cell of each row.
//!
//! It is here to show how little an authenticator has to do. Who may try how often, what a reload does, how long a question
//! stands, how the page looks: all of that is the engine's. What a grid card is worth is said in
//! `docs/first-authenticator.md`; where you have the choice, take something better.

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{from_value, json};
use vestibule_core::{
    Authenticator, Descriptor,
    FactorClass::Possession,
    Outcome, Readiness, Rejection, StepContext, StepError,
    authenticator::{Opening, Proof},
    crypto::same_secret,
    evidence::Property::{Held, Unrestricted},
    prompt::{Field, FieldKind::Code, Fields, Prompt, Text},
    random::RandomExt as _,
    user::Credential,
};

/// Asks for four cells of a card. The credential's secret is the card: its 64 characters, row after row.
pub struct GridCard(Descriptor);

const MESSAGES: &[(&str, &str)] = &[
    ("gridcard.label", "Grid card"),
    ("gridcard.title", "Enter {cells} of your grid card"),
    ("gridcard.submit", "Continue"),
];

/// The authenticator `gridcard`.
pub fn gridcard() -> GridCard {
    // RFC 8176 has no word for a grid card; "otp" is the nearest, since the next answer is another one.
    let (factors, properties, amr) = ([Possession].into(), [Held, Unrestricted].into(), ["otp".to_owned()].into());
    let (settings, opening, connection, messages) = (json!({ "type": "object" }), Opening::Once, None, MESSAGES);
    GridCard(Descriptor { name: "gridcard".into(), factors, properties, amr, opening, connection, settings, messages })
}

#[async_trait]
impl Authenticator for GridCard {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        let (missing, why) = (cx.user.is_some() && cx.credentials.is_empty(), "there is no grid card".to_owned());
        Ok(if missing { Readiness::Unavailable { why } } else { Readiness::Ready { target: None } })
    }

    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let [a, b, c, d] = cx.random.bytes::<4>().map(|byte| usize::from(byte % 16));
        cx.state = json!([a, 16 + b, 32 + c, 48 + d]);
        let title = Text::new("gridcard.title").with("cells", format!("A{} B{} C{} D{}", a + 1, b + 1, c + 1, d + 1));
        let kind = Code { length: 4, numeric: false };
        let fields = vec![Field { name: "code".to_owned(), label: Text::new("gridcard.label"), kind }];
        Ok(Outcome::Ask(Prompt { title, lead: None, exhibit: None, fields, submit: Text::new("gridcard.submit") }))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let said = input.get("code").trim().to_ascii_uppercase();
        let card = cx.user.and(cx.credentials.last()).filter(|card| card.secret.expose_secret().chars().count() == 64);
        // Nobody has no card, and is compared with one all the same: it must not take less time.
        let text = card.map_or("-".repeat(64), |card| card.secret.expose_secret().to_owned());
        let cells: [usize; 4] = from_value(cx.state.clone()).map_err(|e| StepError::Misconfigured(e.to_string()))?;
        let right: String = cells.iter().filter_map(|cell| text.chars().nth(*cell)).collect();
        let Descriptor { factors, properties, amr, .. } = self.0.clone();
        let proof = |card: &Credential| Proof { credential: card.id.to_string(), factors, properties, amr };
        let passed = card.filter(|_| same_secret(said.as_bytes(), right.as_bytes())).map(proof);
        Ok(passed.map_or(if said.is_empty() { Rejection::Empty } else { Rejection::Wrong }.into(), Outcome::Passed))
    }
}
