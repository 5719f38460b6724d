//! Budgets, sizes and times: how much of anything one request, one network or one person may take.

use std::time::Duration;

use vestibule_core::budget::{Beyond, Limits, Rule};

use super::{leaf::Size, reader::Reader};

/// Budgets, sizes and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// How often something may be tried.
    pub budgets: Limits,
    /// How often the admin API may be asked.
    pub api: ApiLimits,
    /// The largest body of a request, in bytes.
    pub body: usize,
    /// The largest query of a request, in bytes.
    pub query: usize,
    /// How long a client may take to send the head of its request.
    pub request_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long requests under way are waited for when the server stops.
    pub drain: Duration,
    /// How many connections one worker takes at a time.
    pub connections: usize,
    /// Threads that answer requests; `None` means one for each processor.
    pub workers: Option<usize>,
}

/// How often the admin API may be asked, from each network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// By one person or program.
    pub caller: Rule,
    /// By all together who show no good token.
    pub stranger: Rule,
}

impl Default for ApiLimits {
    fn default() -> Self {
        let minute = |limit| Rule { limit, window: Duration::from_secs(60), beyond: Beyond::WaitForWindow };
        Self { caller: minute(600), stranger: minute(60) }
    }
}

pub(super) fn read(reader: &Reader<'_>, dev: bool) -> LimitSettings {
    let seconds = Duration::from_secs;
    LimitSettings {
        budgets: budgets(reader, dev),
        api: api(reader),
        body: reader.within("body", Size(64 << 10), Size(4 << 10)..=Size(16 << 20)).0,
        query: reader.within("query", Size(16 << 10), Size(1 << 10)..=Size(64 << 10)).0,
        request_timeout: reader.within("request_timeout", seconds(5), seconds(1)..=seconds(120)),
        keep_alive: reader.within("keep_alive", seconds(75), seconds(1)..=seconds(3600)),
        drain: reader.within("drain", seconds(25), seconds(0)..=seconds(600)),
        connections: reader.within("connections", 10_000, 10..=1_000_000),
        workers: workers(reader),
    }
}

fn workers(reader: &Reader<'_>) -> Option<usize> {
    let workers = reader.optional("workers");
    if workers == Some(0) {
        reader.refuse("workers", "is 0", "Set at least 1, or remove it for one for each processor.");
    }
    workers
}

fn budgets(reader: &Reader<'_>, dev: bool) -> Limits {
    // Only a load test on a development server sends again at once.
    let shortest = if dev { Duration::ZERO } else { Duration::from_secs(1) };
    let default = Limits::default();
    let rule = |key: &str, default: Rule| reader.section(key, |section| self::rule(section, default));
    Limits {
        tries: rule("tries", default.tries),
        ceiling: rule("ceiling", default.ceiling),
        network: rule("network", default.network),
        sends_to_user: rule("sends_to_user", default.sends_to_user),
        sends_to: rule("sends_to", default.sends_to),
        sends_daily: rule("sends_daily", default.sends_daily),
        sends_from: rule("sends_from", default.sends_from),
        sends_to_prefix: rule("sends_to_prefix", default.sends_to_prefix),
        sends_by: rule("sends_by", default.sends_by),
        client: rule("client", default.client),
        sends_for_program: rule("sends_for_program", default.sends_for_program),
        program: rule("program", default.program),
        cooldown: reader.within("cooldown", default.cooldown, shortest..=Duration::from_secs(3600)),
    }
}

fn api(reader: &Reader<'_>) -> ApiLimits {
    let default = ApiLimits::default();
    ApiLimits {
        caller: reader.section("api", |section| rule(section, default.caller)),
        stranger: reader.section("api_strangers", |section| rule(section, default.stranger)),
    }
}

/// A rule keeps its kind (wait for the window, double the waits, stop); only its numbers are settings.
fn rule(reader: &Reader<'_>, default: Rule) -> Rule {
    let (second, week) = (Duration::from_secs(1), Duration::from_secs(7 * 86_400));
    let limit = reader.within("limit", default.limit, 1..=10_000_000);
    let beyond = match default.beyond {
        Beyond::Stop => return Rule { limit, ..default },
        Beyond::WaitForWindow => Beyond::WaitForWindow,
        Beyond::Double { first, longest } => Beyond::Double {
            first: reader.within("first_wait", first, second..=week),
            longest: reader.within("longest_wait", longest, second..=week),
        },
    };
    Rule { limit, window: reader.within("window", default.window, second..=week), beyond }
}
