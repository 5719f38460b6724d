//! How often the API may be asked: a budget of each caller from each network, and one of each network for those whose token is
//! no good. What is left is told in the headers `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers), and a refusal says when to come again.
//!
//! The budgets are the engine's arithmetic, but kept in memory and on each instance alone: they keep one program from taking
//! everything, and guard no secret, so a write to the database at each request would be too dear. So many are kept, and of more
//! the ones that were not asked for longest are forgotten.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    http::header::{HeaderName, HeaderValue},
};
use moka::sync::Cache;
use vestibule_core::{
    Time,
    budget::{Budget, Network, Rule},
};

use super::problem::{Kind, Problem};
use crate::config::ApiLimits;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// So many budgets are kept.
const KEPT: u64 = 100_000;

/// The budgets of this instance.
pub struct Rates {
    rules: ApiLimits,
    kept: Cache<(Asker, Network), Arc<Mutex<Budget>>>,
}

/// Whose budget it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asker {
    /// Somebody with a good token.
    Known(String),
    /// Everybody without one.
    Stranger,
}

/// What is left of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    name: &'static str,
    rule: Rule,
    /// Whether it was used up before.
    over: bool,
    remaining: u32,
    reset: Duration,
}

impl Rates {
    /// Nobody asked yet.
    pub fn new(rules: ApiLimits) -> Self {
        let longest = rules.caller.window.max(rules.stranger.window);
        Self { rules, kept: Cache::builder().max_capacity(KEPT).time_to_idle(longest).build() }
    }

    /// Counts a request of somebody whose token is good, and whose name is not another's.
    pub(super) fn caller(&self, name: &str, network: &Network, now: Time) -> Left {
        self.count(Asker::Known(name.to_owned()), network, now)
    }

    /// Counts a request of somebody whose token is not.
    pub(super) fn stranger(&self, network: &Network, now: Time) -> Left {
        self.count(Asker::Stranger, network, now)
    }

    fn count(&self, asker: Asker, network: &Network, now: Time) -> Left {
        let (name, rule) = match asker {
            Asker::Known(_) => ("caller", self.rules.caller),
            Asker::Stranger => ("network", self.rules.stranger),
        };
        let slot = self.kept.get_with((asker, network.clone()), Arc::default);
        let mut budget = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = budget.spend(&rule, now);
        let over = spent.is_err();
        *budget = spent.unwrap_or(*budget);
        let remaining = rule.limit.saturating_sub(budget.count);
        Left { name, rule, over, remaining, reset: (budget.since + rule.window).since(now) }
    }
}

impl Left {
    /// Until when a budget is new again, in whole seconds: who comes then is not too early.
    fn seconds(&self) -> u64 {
        self.reset.as_secs().saturating_add(u64::from(self.reset.subsec_nanos() > 0)).max(1)
    }

    /// The refusal of a request for which nothing was left.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let detail = format!("{} requests were made in {} s", self.rule.limit, self.rule.window.as_secs());
        self.over.then(|| Problem::new(Kind::TooMany, detail).retry_after(self.seconds()))
    }

    /// Says so in an answer.
    pub(super) fn tell(&self, response: &mut HttpResponse) {
        let Self { name, rule, remaining, .. } = self;
        let limit = format!("\"{name}\";r={remaining};t={}", self.seconds());
        let policy = format!("\"{name}\";q={};w={}", rule.limit, rule.window.as_secs());
        for (header, value) in [(LIMIT, limit), (POLICY, policy)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(header, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::budget::Beyond;

    use super::*;

    fn rates(limit: u32) -> Rates {
        let rule = Rule { limit, window: Duration::from_secs(60), beyond: Beyond::WaitForWindow };
        Rates::new(ApiLimits { caller: rule, stranger: Rule { limit: 1, ..rule } })
    }

    fn network(ip: &str) -> Network {
        Network::of(Some(ip.parse().unwrap()))
    }

    #[test]
    fn each_caller_from_each_network_has_a_budget_of_their_own() {
        let (rates, here, there) = (rates(2), network("192.0.2.1"), network("192.0.2.2"));
        let now = Time::from_unix_seconds(1_000);
        assert_eq!(rates.caller("client/batch", &here, now).remaining, 1);
        assert_eq!(rates.caller("client/batch", &here, now).refusal().map(|refusal| refusal.kind), None);
        let left = rates.caller("client/batch", &here, now + Duration::from_millis(10_500));
        assert_eq!((left.refusal().map(|refusal| refusal.kind), left.seconds()), (Some(Kind::TooMany), 50));
        assert!(!rates.caller("client/other", &here, now).over && !rates.caller("client/batch", &there, now).over);
        assert_eq!(rates.caller("client/batch", &here, now + Duration::from_secs(60)).remaining, 1);
    }

    #[test]
    fn who_has_no_good_token_uses_up_nobodys_budget_but_the_strangers() {
        let (rates, here) = (rates(2), network("192.0.2.1"));
        let now = Time::from_unix_seconds(1_000);
        assert!(!rates.stranger(&here, now).over && rates.stranger(&here, now).over);
        assert!(!rates.stranger(&network("192.0.2.2"), now).over);
        assert!(!rates.caller("client/batch", &here, now).over);
    }

    #[test]
    fn what_is_left_is_told_as_structured_fields() {
        let mut response = HttpResponse::Ok().finish();
        rates(2).caller("client/batch", &network("192.0.2.1"), Time(1)).tell(&mut response);
        assert_eq!(response.headers().get("ratelimit").unwrap(), "\"caller\";r=1;t=60");
        assert_eq!(response.headers().get("ratelimit-policy").unwrap(), "\"caller\";q=2;w=60");
    }
}
