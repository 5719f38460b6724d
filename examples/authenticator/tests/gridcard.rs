//! The contract that every authenticator passes, what is a grid card's own, and the promise of forty lines.
#![cfg(test)]

use async_trait::async_trait;
use vestibule_core::{
    Authenticator, Outcome, Readiness, Rejection, StepError,
    prompt::Fields,
    testing::{
        contract::{Contract, authenticator_contract},
        step::StepFixture,
    },
};
use vestibule_example_gridcard::{GridCard, gridcard};

const CARD: &str = "ABCDEFGHJKMNPQRSTUVWXYZ23456789ABCDEFGHJKMNPQRSTUVWXYZ23456789AB";

fn step() -> StepFixture {
    StepFixture::new().credential("gridcard", CARD)
}

fn typed(code: &str) -> Fields {
    Fields::from_iter([("code", code)])
}

/// What the card has where the step asks.
fn right(step: &StepFixture) -> String {
    let cells: Vec<usize> = serde_json::from_value(step.state.clone()).unwrap();
    cells.iter().map(|cell| CARD.chars().nth(*cell).unwrap()).collect()
}

struct Checked(GridCard);

#[async_trait]
impl Contract for Checked {
    fn authenticator(&self) -> &dyn Authenticator {
        &self.0
    }

    async fn ready(&self) -> StepFixture {
        step()
    }

    async fn right(&self, step: &StepFixture) -> Fields {
        typed(&right(step))
    }

    async fn wrong(&self, step: &StepFixture) -> Fields {
        typed(&right(step).chars().rev().chain(['!']).collect::<String>())
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    authenticator_contract(&Checked(gridcard())).await;
}

#[tokio::test]
async fn small_letters_and_blanks_around_are_forgiven() {
    let (grid, mut step) = (gridcard(), step());
    step.begin(&grid).await.unwrap();
    let answer = typed(&format!(" {} ", right(&step).to_lowercase()));
    assert!(matches!(step.answer(&grid, &answer).await, Ok(Outcome::Passed(_))));
}

#[tokio::test]
async fn an_answer_to_another_question_is_rejected() {
    let (grid, mut step) = (gridcard(), step());
    step.begin(&grid).await.unwrap();
    let earlier = right(&step);
    step.begin(&grid).await.unwrap();
    assert_ne!(earlier, right(&step), "another question");
    assert!(matches!(step.answer(&grid, &typed(&earlier)).await, Ok(Outcome::Rejected(Rejection::Wrong))));
}

#[tokio::test]
async fn an_answer_without_a_question_passes_nobody() {
    let (grid, mut step) = (gridcard(), step());
    for answer in ["", "ABCD"] {
        let outcome = step.answer(&grid, &typed(answer)).await;
        assert!(matches!(outcome, Err(StepError::Misconfigured(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_card_that_is_too_short_passes_nobody() {
    let (grid, mut step) = (gridcard(), StepFixture::new().credential("gridcard", "ABCD"));
    step.begin(&grid).await.unwrap();
    for answer in ["", "A", "ABCD", "----"] {
        let outcome = step.answer(&grid, &typed(answer)).await;
        assert!(matches!(outcome, Ok(Outcome::Rejected(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn without_a_card_nobody_is_ready() {
    let ready = StepFixture::new().readiness(&gridcard()).await;
    assert!(matches!(ready, Ok(Readiness::Unavailable { .. })), "{ready:?}");
}

#[test]
fn it_has_at_most_forty_lines() {
    let mut inside_use = false;
    let counts = |line: &&str| {
        let line = line.trim();
        let begins_use = line.starts_with("use ");
        let counted = !(line.is_empty() || line.starts_with("//") || inside_use || begins_use);
        inside_use = (inside_use || begins_use) && !line.ends_with(';');
        counted
    };
    let lines = include_str!("../src/lib.rs").lines().filter(counts).count();
    assert!(lines <= 40, "{lines} lines");
}
