//! Chains that hold: what is wrong with them now (a connection may have gone since), and the second step of the console.

use vestibule_core::{
    chain::{self, ChainProblem, ChainRevision, Severity},
    code::message::Longest,
};
use vestibule_oauth::model::{Client, GrantType};

use super::{
    Patient,
    outcome::{CHAIN_MISSING, CHAIN_ODD, CHAIN_WRONG, CHAINS_RIGHT, CONSOLE_ONE_STEP, CONSOLE_STEPS, Finding, UNREAD},
};
use crate::console;

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let (Some(configured), Some(records)) = (&patient.configured, &patient.records) else {
        return vec![UNREAD.found().of(super::Group::Chains)];
    };
    let named = |client: &Client| client.chain.clone().unwrap_or_else(|| configured.default_chain.clone());
    let mut found = Vec::new();
    for revision in &records.chains {
        let (document, registry) = (&revision.document, patient.registry);
        let used = configured.clients.iter().filter(|client| named(client) == revision.chain);
        let host = patient.settings.public_url.host_str().unwrap_or_default().to_owned();
        let longest = Longest { clients: used.map(|client| client.name.clone()).collect(), host };
        let problems = chain::check(document, registry, &records.connections, Some(&patient.settings.policy.floor));
        let long = chain::long_messages(document, registry, &longest);
        found.extend(problems.iter().chain(&long).map(|problem| said(revision, problem)));
    }
    for client in configured
        .clients
        .iter()
        .filter(|client| !client.disabled && client.grant_types.contains(&GrantType::AuthorizationCode))
    {
        let wanted = named(client);
        if !records.chains.iter().any(|revision| revision.chain == wanted) {
            found.push(CHAIN_MISSING.found().with("chain", wanted).with("client", &client.id));
        }
    }
    if found.is_empty() {
        found.push(CHAINS_RIGHT.found().with("count", records.chains.len()));
    }
    let own = configured.clients.iter().find(|client| client.id.as_str() == console::CLIENT).map(named);
    let own = records.chains.iter().find(|revision| Some(&revision.chain) == own.as_ref());
    found.extend(own.map(|revision| match revision.document.steps.len() {
        0 | 1 => CONSOLE_ONE_STEP.found().with("chain", &revision.chain),
        _ => CONSOLE_STEPS.found(),
    }));
    found
}

fn said(revision: &ChainRevision, problem: &ChainProblem) -> Finding {
    let found = if problem.severity == Severity::Error { CHAIN_WRONG.found() } else { CHAIN_ODD.found() };
    found.with("chain", &revision.chain).with("problem", &problem.detail)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    fn house(chain: &str, steps: &Value) -> House {
        let mut house = House::new();
        let document = serde_json::from_value(json!({ "steps": steps })).unwrap();
        house.records.as_mut().unwrap().chains = vec![ChainRevision { chain: chain.into(), revision: 1, document }];
        let console =
            json!({ "id": "console", "name": "Console", "auth": "none", "redirect_uris": ["https://a.example/"] });
        let mut client: Client = serde_json::from_value(console).unwrap();
        client.id = console::CLIENT.into();
        house.configured.as_mut().unwrap().clients = vec![client];
        house
    }

    #[test]
    fn chains_that_work_are_right_and_a_console_of_two_steps_is() {
        let sms = json!({ "authenticator": "smsotp", "connection": "SMS" });
        let mut house = house("default", &json!([["password"], [sms]]));
        let gateway = json!({ "name": "SMS", "kind": "sms", "settings": {} });
        house.records.as_mut().unwrap().connections = vec![serde_json::from_value(gateway).unwrap()];
        assert_eq!(keys(&check(&house.patient())), ["chains.right", "chains.console"]);
    }

    #[test]
    fn a_connection_that_is_gone_a_chain_that_is_not_there_and_one_step_are_named() {
        let sms = json!({ "authenticator": "smsotp", "connection": "SMS" });
        let found = keys(&check(&house("default", &json!([["password"], [sms]])).patient()));
        assert!(found.contains(&"chains.wrong"), "{found:?}");
        let found = keys(&check(&house("other", &json!([["password"]])).patient()));
        assert!(found.contains(&"chains.missing"), "{found:?}");
        let found = keys(&check(&house("default", &json!([["password"]])).patient()));
        assert_eq!(found.last(), Some(&"chains.console_one"));
    }
}
