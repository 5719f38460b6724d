//! How gateways do: which circuits are open, and why, as far as this instance has seen.

use crate::{
    admin::connections::{Circuit, GatewayHealth, HealthView},
    pages::console::{Block, Cell, Say, Table},
};
use vestibule_core::prompt::Text;

/// A mark for each gateway that messages do not go by as usual.
pub(super) fn tags(health: &HealthView) -> Vec<Say> {
    let tag = |gateway: &GatewayHealth| {
        let key = match gateway.circuit {
            Circuit::Closed => return None,
            Circuit::Open => "console.health.tag.open",
            Circuit::HalfOpen => "console.health.tag.half_open",
        };
        Some(Text::new(key).with("gateway", &gateway.gateway).into())
    };
    health.gateways.iter().filter_map(tag).collect()
}

/// All that is known.
pub(super) fn blocks(health: &HealthView) -> Vec<Block> {
    let table = Table::new("gateways", "console.health", &["gateway", "circuit", "failures", "last"]);
    vec![
        Block::Heading { id: "health", text: Text::new("console.health.title") },
        Block::Paragraph { says: Say::key("console.health.instance") },
        table.rows(health.gateways.iter().map(row)).into(),
    ]
}

fn row(gateway: &GatewayHealth) -> Vec<Cell> {
    let word = Say::key(match gateway.circuit {
        Circuit::Closed => "console.health.closed",
        Circuit::Open => "console.health.open",
        Circuit::HalfOpen => "console.health.half_open",
    });
    let when = |key: &str, at: Option<vestibule_core::time::Timestamp>| {
        at.map(|at| [Say::key(key), at.into()]).into_iter().flatten().collect::<Vec<_>>()
    };
    let circuit = Cell {
        says: [vec![word], when("console.health.since", gateway.since), when("console.health.until", gateway.until)]
            .concat(),
        ..Cell::default()
    };
    let last = match &gateway.last_failure {
        None => Cell::say("–"),
        Some(failure) => Cell { says: vec![failure.at.into(), failure.why.as_str().into()], ..Cell::default() },
    };
    vec![Cell::say(gateway.gateway.as_str()), circuit, Cell::say(gateway.failures.to_string()), last]
}
