//! Budgets: how often something may be tried. They belong to the engine, so every authenticator has them.
//!
//! What waits is (user, factor, network), never the account: a guesser cannot lock the owner out. A budget is a row in
//! the store, so it holds across tabs, restarts and instances. The arithmetic is here, as pure functions.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Prf,
    id::{AuthenticatorName, ClientId, ConnectionName, UserId},
    time::Time,
    user::LoginName,
};

/// What a budget is kept for. Its text is the key of the row: canonical, so that one thing has one budget however it is
/// spelt, and hashed where it would tell a name or a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BudgetKey(pub String);

/// Where a request comes from, as budgets see it: an IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network(String);

impl Network {
    /// The network of an address; those whose address is not known share one.
    pub fn of(ip: Option<IpAddr>) -> Self {
        Self(match ip.map(|ip| ip.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(ip)) => ip.to_string(),
            Some(IpAddr::V6(ip)) => {
                let [a, b, c, d, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        })
    }

    /// What stands for the network of a program that judges codes for others: wherever its machines are, it is one. No address
    /// looks like that.
    pub fn of_program(client: &ClientId) -> Self {
        Self(format!("program/{client}"))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose tries are counted: a user, or a name that nobody has (which must look the same from outside).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user.
    User(UserId),
    /// A name that nobody has.
    Nobody(LoginName),
}

impl BudgetKey {
    fn who(prf: &Prf, who: &Who) -> String {
        match who {
            Who::User(id) => id.to_string(),
            Who::Nobody(name) => prf.text("budget name", &[name.as_str().as_bytes()]),
        }
    }

    /// Failures of one user with one authenticator from one network.
    pub fn tries(prf: &Prf, who: &Who, authenticator: &AuthenticatorName, network: &Network) -> Self {
        Self(format!("try/{}/{authenticator}/{}", Self::who(prf, who), network.as_str()))
    }

    /// Consecutive failures of one user with one authenticator from anywhere.
    pub fn ceiling(prf: &Prf, who: &Who, authenticator: &AuthenticatorName) -> Self {
        Self(format!("ceiling/{}/{authenticator}", Self::who(prf, who)))
    }

    /// Failures from one network, whoever they are meant for.
    pub fn network(network: &Network) -> Self {
        Self(format!("network/{}", network.as_str()))
    }

    /// Reports that a limit was met, from one network.
    pub fn reports(network: &Network) -> Self {
        Self(format!("report/{}", network.as_str()))
    }

    /// Messages to one user.
    pub fn sends_to_user(user: UserId) -> Self {
        Self(format!("send/user/{user}"))
    }

    /// Messages to one destination, whoever asks.
    pub fn sends_to(prf: &Prf, destination: &str) -> Self {
        Self(format!("send/to/{}", prf.text("budget destination", &[destination.as_bytes()])))
    }

    /// The time between two messages to one destination.
    pub fn cooldown(prf: &Prf, destination: &str) -> Self {
        Self(format!("send/cooldown/{}", prf.text("budget destination", &[destination.as_bytes()])))
    }

    /// Messages to one destination in a day, used or not.
    pub fn sends_daily(prf: &Prf, destination: &str) -> Self {
        Self(format!("send/daily/{}", prf.text("budget destination", &[destination.as_bytes()])))
    }

    /// Messages asked for from one network.
    pub fn sends_from(network: &Network) -> Self {
        Self(format!("send/network/{}", network.as_str()))
    }

    /// Messages by one connection to destinations that begin alike: what pumping a range of numbers runs into.
    pub fn sends_to_prefix(connection: &ConnectionName, destination: &str) -> Self {
        Self(format!("send/prefix/{connection}/{}", destination.chars().take(6).collect::<String>()))
    }

    /// Events of one sort that one user is told of.
    pub fn notices(user: UserId, what: &str) -> Self {
        Self(format!("notice/{user}/{what}"))
    }

    /// The same for those who are no users: what they use up is not the users'.
    #[must_use]
    pub fn of_strangers(self) -> Self {
        Self(format!("stranger/{}", self.0))
    }

    /// All messages by one connection.
    pub fn sends_by(connection: &ConnectionName) -> Self {
        Self(format!("send/connection/{connection}"))
    }

    /// Registrations begun from one network in a day.
    pub fn registrations(network: &Network) -> Self {
        Self(format!("registration/{}", network.as_str()))
    }

    /// Messages by one connection to an area, while an alarm holds them back.
    pub fn stopped(connection: &ConnectionName, area: &str) -> Self {
        Self(format!("send/stopped/{connection}/{area}"))
    }

    /// Messages that one program asked for, whoever they are for.
    pub fn sends_for(client: &ClientId) -> Self {
        Self(format!("send/program/{client}"))
    }

    /// Messages that one program asked for to somebody that it named so, whether there is anybody of that name or not.
    pub fn sends_for_name(prf: &Prf, client: &ClientId, name: &LoginName) -> Self {
        let name = prf.text("budget name", &[name.as_str().as_bytes()]);
        Self(format!("send/program/{client}/{name}"))
    }

    /// The time between two of them.
    pub fn cooldown_for_name(prf: &Prf, client: &ClientId, name: &LoginName) -> Self {
        let name = prf.text("budget name", &[name.as_str().as_bytes()]);
        Self(format!("send/program-cooldown/{client}/{name}"))
    }

    /// Failed authentications of one client from one network, at the token endpoint.
    pub fn client(client: &str, network: &Network) -> Self {
        Self(format!("client/{client}/{}", network.as_str()))
    }
}

/// How a budget fills and empties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// So many are free within a window.
    pub limit: u32,
    /// A window begins with the first one counted and forgets everything when it ends; [`Duration::MAX`] never ends.
    pub window: Duration,
    /// What happens beyond the limit.
    pub beyond: Beyond,
}

/// What happens beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing more until the window ends.
    WaitForWindow,
    /// One more after each wait; the waits double from the first to the longest.
    Double {
        /// The first wait.
        first: Duration,
        /// The longest wait.
        longest: Duration,
    },
    /// Nothing more until a success resets it.
    Stop,
}

/// The state of a budget; no row is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// How many were counted in this window.
    pub count: u32,
    /// When the window began.
    pub since: Time,
    /// Nothing more before this.
    pub blocked_until: Time,
}

/// A budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// When to try again; `None` when only a success elsewhere or an admin helps.
    pub retry_at: Option<Time>,
}

impl Budget {
    const NEVER: Time = Time(i64::MAX);

    /// Counts one, or says until when there is nothing to count.
    ///
    /// # Errors
    /// When the budget is used up; nothing is counted then.
    pub fn spend(self, rule: &Rule, now: Time) -> Result<Self, Limited> {
        if now < self.blocked_until {
            let retry_at = (self.blocked_until != Self::NEVER).then_some(self.blocked_until);
            return Err(Limited { retry_at });
        }
        let ended = self.count > 0 && now >= self.forgotten_at(rule);
        let (count, since) =
            if self.count == 0 || ended { (1, now) } else { (self.count.saturating_add(1), self.since) };
        let over = count.checked_sub(rule.limit);
        let blocked_until = match (over, rule.beyond) {
            (None, _) => Time::default(),
            (Some(_), Beyond::WaitForWindow) => since + rule.window,
            (Some(_), Beyond::Stop) => Self::NEVER,
            (Some(over), Beyond::Double { first, longest }) => {
                now + first.saturating_mul(2_u32.saturating_pow(over)).min(longest)
            }
        };
        Ok(Self { count, since, blocked_until })
    }

    /// Takes one back: it was no failure after all.
    #[must_use]
    pub fn refund(self) -> Self {
        Self { count: self.count.saturating_sub(1), blocked_until: Time::default(), ..self }
    }

    /// When the row says nothing any more and may be deleted.
    pub fn forgotten_at(&self, rule: &Rule) -> Time {
        match rule.beyond {
            Beyond::Stop | Beyond::WaitForWindow => self.since + rule.window,
            // Sitting out a wait earns one try; only a quiet window after it earns them all.
            Beyond::Double { .. } => self.since.max(self.blocked_until) + rule.window,
        }
    }
}

/// The rules of a server. The defaults are those that the documentation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// (user, authenticator, network): 10 failures an hour, then waits that double from 30 s to 1 h.
    pub tries: Rule,
    /// (user, authenticator), anywhere: 100 consecutive failures (NIST SP 800-63B-4, section 3.2.2).
    pub ceiling: Rule,
    /// One network: 100 failures in ten minutes.
    pub network: Rule,
    /// One user: 5 messages an hour beyond the first of each login.
    pub sends_to_user: Rule,
    /// One destination, forgiven when the code is used.
    pub sends_to: Rule,
    /// One destination a day, not forgiven: one account must not be able to use up the messages of all.
    pub sends_daily: Rule,
    /// One network.
    pub sends_from: Rule,
    /// One prefix of destinations by one connection.
    pub sends_to_prefix: Rule,
    /// One connection, a day.
    pub sends_by: Rule,
    /// Between two sends of one challenge, and between two sends to one destination.
    pub cooldown: Duration,
    /// One client from one network, at the token endpoint: 60 failures in ten minutes.
    pub client: Rule,
    /// Messages that one program asks for, to confirm transactions: 1000 an hour.
    pub sends_for_program: Rule,
    /// Wrong codes of transactions that one program brings, whoever they were sent to: 300 in ten minutes.
    pub program: Rule,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Default for Limits {
    fn default() -> Self {
        let window = |limit, window| Rule { limit, window, beyond: Beyond::WaitForWindow };
        let double = Beyond::Double { first: Duration::from_secs(30), longest: HOUR };
        Self {
            tries: Rule { limit: 10, window: HOUR, beyond: double },
            ceiling: Rule { limit: 100, window: Duration::MAX, beyond: Beyond::Stop },
            network: window(100, Duration::from_secs(600)),
            sends_to_user: window(5, HOUR),
            sends_to: window(10, HOUR),
            sends_daily: window(100, 24 * HOUR),
            sends_from: window(60, HOUR),
            sends_to_prefix: window(300, HOUR),
            sends_by: window(20_000, 24 * HOUR),
            cooldown: Duration::from_secs(30),
            client: window(60, Duration::from_secs(600)),
            sends_for_program: window(1000, HOUR),
            program: window(300, Duration::from_secs(600)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_unix_seconds(1_000_000);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let rule = Limits::default().tries;
        let mut budget = Budget::default();
        for _ in 0..10 {
            budget = budget.spend(&rule, START).unwrap();
        }
        let mut now = START;
        for wait in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            assert_eq!(
                budget.spend(&rule, now + seconds(wait - 1)),
                Err(Limited { retry_at: Some(now + seconds(wait)) })
            );
            now = now + seconds(wait);
            budget = budget.spend(&rule, now).unwrap();
        }
    }

    #[test]
    fn a_window_ends_and_forgets() {
        let rule = Limits::default().sends_to_user;
        let mut budget = Budget::default();
        for _ in 0..5 {
            budget = budget.spend(&rule, START).unwrap();
        }
        assert_eq!(budget.spend(&rule, START + seconds(60)), Err(Limited { retry_at: Some(START + HOUR) }));
        assert_eq!(budget.spend(&rule, START + HOUR).unwrap().count, 1);
    }

    #[test]
    fn the_ceiling_has_no_end_of_its_own() {
        let rule = Limits::default().ceiling;
        let budget = (0..100).try_fold(Budget::default(), |budget, _| budget.spend(&rule, START)).unwrap();
        assert_eq!(budget.spend(&rule, START + 1000 * HOUR), Err(Limited { retry_at: None }));
    }

    #[test]
    fn one_network_has_one_text() {
        let of = |ip: &str| Network::of(Some(ip.parse().unwrap()));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
