//! whether the time of a refusal tells who has an account.
//!
//! What is compared is the whole answer to a wrong password, to the page that says so: of somebody who has an account, of
//! nobody, and of somebody who was disabled. One at a time, in random order within each round, each from an address and a
//! browser of its own, as a patient attacker would do it.

use std::time::Instant;

use vestibule_core::random::{RandomExt as _, SystemRandom};

use super::{House, people, visitor};
use crate::bench::{
    http::Http,
    measure::median,
    report::{Goal, Line},
};

const ROUNDS: usize = 2000;
/// Names of each kind: each is tried ten times.
const NAMES: usize = 200;
/// Somebody, nobody, and somebody who was disabled.
const KINDS: [&str; 3] = ["have", "none", "gone"];
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
/// More or less than this part is a difference.
const PART: f64 = 0.02;

pub(super) async fn run(add: &mut dyn FnMut(Line)) -> Result<(), String> {
    let house = House::build("").await?;
    let [somebody, _, disabled] = KINDS;
    house.declare(&(people(somebody, NAMES, "")? + &people(disabled, NAMES, "disabled = true\n")?)).await?;
    let mut http = Http::connect(house.server.address).await.map_err(|error| error.to_string())?;
    let mut times: [Vec<f64>; 3] = Default::default();
    let random = SystemRandom::default();
    for round in 0..ROUNDS {
        let [dice] = random.bytes::<1>();
        for kind in ORDERS.get(usize::from(dice) % ORDERS.len()).into_iter().flatten() {
            let (Some(prefix), Some(times)) = (KINDS.get(*kind), times.get_mut(*kind)) else { continue };
            times.push(guess(&mut http, round * KINDS.len() + kind, &visitor::name(prefix, round % NAMES)).await?);
        }
    }
    let [known, unknown, disabled] = times.map(median);
    add(Line::new("account_timing nobody", "ms median", unknown, Some(known), Goal::RatioWithin(PART)));
    add(Line::new("account_timing disabled", "ms median", disabled, Some(known), Goal::RatioWithin(PART)));
    Ok(())
}

/// Milliseconds of one wrong guess.
async fn guess(http: &mut Http, number: usize, name: &str) -> Result<f64, String> {
    let mut visitor = visitor::Visitor::arrive(http, number).await?;
    let began = Instant::now();
    let answer = visitor.answer(http, name, "a wrong password").await?;
    let took = began.elapsed();
    let page = answer.text();
    if page.contains("role=\"alert\"") && page.contains("name=\"password\"") {
        return Ok(took.as_secs_f64() * 1000.0);
    }
    Err(format!("a wrong password of {name} was answered with {}: {page}", answer.status))
}
