//! What happened lately, in numbers, what ends soon, and what is to be done first. It reads the [`tally`](crate::tally) and what
//! is in memory, so that it costs the same in a large house; the numbers are a moment behind.

mod first_steps;
mod keepers;

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    Time,
    store::StoreExt as _,
    tally::{Moment, Span, Total},
    time::Timestamp,
};

pub use self::first_steps::{FirstStep, Step};
use self::keepers::Keepers;
use super::{Actor, AdminError, FieldFault, Permission};
use crate::{
    console,
    state::{State, Transaction},
    tally::{
        messages::{ALARM, Way},
        words,
    },
};

/// So many service providers that are refused most are named.
const FAILING: usize = 10;
/// What ends within this is named.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
/// What wants to be done about within this is a concern.
const VERY_SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Window {
    /// A day, by the hour.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// A week, by the hour.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days, by the day.
    #[serde(rename = "30d")]
    Month,
}

impl Window {
    /// Each, from the shortest.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// How it is called in an address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The window of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(word: Option<&str>) -> Result<Self, AdminError> {
        let Some(word) = word else { return Ok(Self::default()) };
        let found = Self::ALL.into_iter().find(|window| window.word() == word);
        let fault = || FieldFault::new("/window", "this is 24h, 7d or 30d");
        found.ok_or_else(|| AdminError::Invalid(vec![fault()]))
    }

    fn span(self) -> Span {
        if self == Self::Month { Span::Day } else { Span::Hour }
    }

    fn count(self) -> u32 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30,
        }
    }

    /// When its spans begin, the oldest first; the last is the present one.
    fn begins(self, now: Time) -> Vec<Time> {
        let last = self.span().of(now);
        (0..self.count()).rev().map(|back| last - self.span().length() * back).collect()
    }
}

/// The overview.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Overview {
    /// How far back the numbers go.
    pub window: Window,
    /// Each hour of it, or of 30 days each day, the oldest first.
    pub spans: Vec<Slot>,
    /// How far people came on each chain; chains on which nothing happened are left out.
    pub chains: Vec<Funnel>,
    /// What became of messages, by connection.
    pub messages: Vec<Messages>,
    /// The service providers that were refused most, the worst first. Who is not registered is all one, without a name.
    pub failing: Vec<Failing>,
    /// What ends within thirty days, the next first.
    pub ending: Vec<Ending>,
    /// What wants attention.
    pub concerns: Vec<Concern>,
    /// What there is.
    pub things: Things,
    /// Passwords whose hash is not as it would be made today, by kind, when they were counted last; each goes away with the next
    /// sign-in by it.
    pub old_passwords: Vec<OldPasswords>,
    /// What to do first in a new house, and what of it is done.
    pub first_steps: Vec<FirstStep>,
}

/// An hour or a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Slot {
    /// When it began.
    pub at: Timestamp,
    /// Logins that came through, single sign-on among them.
    pub logins: u64,
    /// Wrong answers.
    pub wrong: u64,
}

/// How far people came on a chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Funnel {
    /// Its name.
    pub chain: String,
    /// Logins that somebody was shown a page for.
    pub started: u64,
    /// Whose first step was passed.
    pub first_step: u64,
    /// Codes that were sent, and taken by their gateway.
    pub code_sent: u64,
    /// Codes that were right.
    pub code_passed: u64,
    /// Logins that came through.
    pub completed: u64,
    /// Those of which the service provider got its tokens; here single sign-on counts as well.
    pub tokens: u64,
    /// Wrong answers.
    pub wrong: u64,
    /// From the first page to the end, in seconds: half of those who came through were faster.
    pub median_seconds: Option<f64>,
}

/// What became of the messages of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Messages {
    /// Its name.
    pub connection: String,
    /// Its gateway took them.
    pub taken: u64,
    /// It refused them, or nobody knows.
    pub refused: u64,
}

/// A service provider that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failing {
    /// Its id; none for all those who are not registered.
    pub client: Option<String>,
    /// How often it was refused a request, a token, or itself.
    pub refused: u64,
    /// How many logins it had.
    pub logins: u64,
}

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ending {
    /// What kind of thing.
    pub kind: EndingKind,
    /// Its name: the service provider, the id of the key, the host.
    pub name: String,
    /// When.
    pub at: Timestamp,
}

/// What kind of thing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndingKind {
    /// A secret of a service provider.
    Secret,
    /// A signing key; the next one takes over by itself.
    Key,
    /// The certificate of this server.
    Certificate,
}

/// Passwords whose hash is of an old kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OldPasswords {
    /// The kind: `bcrypt`.
    pub kind: String,
    /// How many.
    pub number: u64,
}

/// What there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Things {
    /// How many service providers.
    pub clients: usize,
    /// How many connections.
    pub connections: usize,
    /// How many chains are published.
    pub chains: usize,
}

/// What wants attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "concern")]
pub enum Concern {
    /// The console is protected by one step alone.
    ConsoleOneStep,
    /// The console asks for a second factor whoever has one, and these owners and admins have none: a password alone opens it
    /// for them until they set one up in the portal.
    ConsoleOneFactor {
        /// Their user names, the first few.
        people: Vec<String>,
    },
    /// A service provider's last secret stops working soon.
    SecretEnds {
        /// Whose.
        client: String,
        /// When.
        at: Timestamp,
    },
    /// The certificate of this server ends soon, or has.
    CertificateEnds {
        /// When.
        at: Timestamp,
    },
    /// Hardly any code is used of those that a connection sent to a country.
    CodesUnused {
        /// Which.
        connection: String,
        /// The calling code and the country.
        prefix: String,
    },
    /// A connection is switched off.
    ConnectionOff {
        /// Which.
        connection: String,
    },
    /// There is nothing to sign in to yet.
    NoClient,
}

/// `overview.get`.
///
/// # Errors
/// When the actor may not, or the store fails.
pub async fn get(state: &State, actor: &Actor, window: Window) -> Result<Overview, AdminError> {
    actor.needs(Permission::AuditRead)?;
    let now = state.clock.now();
    let begins = window.begins(now);
    let since = begins.first().copied().unwrap_or(now);
    let span = window.span();
    let read = move |tx: &mut Transaction| {
        let moments = tx.tallies_by_time(span, since, &[words::LOGIN, words::WRONG])?;
        Ok((moments, tx.tallies_by_subject(span, since)?))
    };
    let (moments, totals) = state.store.read(read).await?;
    let (failing, logins) = failing(&totals);
    let things = Things {
        clients: state.live.snapshot().clients().count(),
        connections: state.engine.configuration().connections.len(),
        chains: state.engine.configuration().chains.len(),
    };
    let mut concerns = concerns(state, now);
    concerns.extend(unused(&totals));
    let keepers = Keepers::read(state, actor).await?;
    // By whose password alone one gets in is for nobody who may not see people: a reader of the log least of all.
    let people = if actor.permissions.has(Permission::UsersRead) { keepers.alone(state) } else { Vec::new() };
    if !people.is_empty() {
        concerns.insert(0, Concern::ConsoleOneFactor { people });
    }
    if !first_steps::has_client(state) {
        concerns.push(Concern::NoClient);
    }
    Ok(Overview {
        window,
        spans: slots(&begins, &moments),
        chains: funnels(&totals),
        messages: messages(&totals),
        failing,
        ending: ending(state, now),
        concerns,
        things,
        old_passwords: old_passwords(state),
        first_steps: first_steps::look(state, &keepers, &logins).await?,
    })
}

fn old_passwords(state: &State) -> Vec<OldPasswords> {
    let counted = state.census.last().unwrap_or_default();
    counted.old().map(|(kind, number)| OldPasswords { kind: kind.to_owned(), number }).collect()
}

fn number(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn slots(begins: &[Time], moments: &[Moment]) -> Vec<Slot> {
    let at = |begin: Time, what: &str| {
        let found = moments.iter().filter(|moment| moment.at == begin && moment.what == what);
        found.map(|moment| number(moment.number)).sum()
    };
    let slot =
        |begin: &Time| Slot { at: (*begin).into(), logins: at(*begin, words::LOGIN), wrong: at(*begin, words::WRONG) };
    begins.iter().map(slot).collect()
}

/// How many took how long, by class.
type Took = Vec<(u32, u64)>;

fn funnels(totals: &[Total]) -> Vec<Funnel> {
    let mut funnels: BTreeMap<&str, (Funnel, Took)> = BTreeMap::new();
    for Total { what, about, number: counted } in totals {
        let class = words::class(what);
        let known = [
            words::STARTED,
            words::FIRST_STEP,
            words::CODE_SENT,
            words::CODE_PASSED,
            words::COMPLETED,
            words::TOKENS,
            words::WRONG,
        ];
        if (class.is_none() && !known.contains(&what.as_str())) || about.is_empty() {
            continue;
        }
        let counted = number(*counted);
        let (funnel, took) = funnels.entry(about).or_default();
        match what.as_str() {
            words::STARTED => funnel.started = counted,
            words::FIRST_STEP => funnel.first_step = counted,
            words::CODE_SENT => funnel.code_sent = counted,
            words::CODE_PASSED => funnel.code_passed = counted,
            words::COMPLETED => funnel.completed = counted,
            words::TOKENS => funnel.tokens = counted,
            words::WRONG => funnel.wrong = counted,
            _ => took.extend(class.map(|class| (class, counted))),
        }
    }
    let whole = |(chain, (funnel, took)): (&str, (Funnel, Took))| Funnel {
        chain: chain.to_owned(),
        median_seconds: words::median(took).map(|seconds| (seconds * 10.0).round() / 10.0),
        ..funnel
    };
    funnels.into_iter().map(whole).collect()
}

fn messages(totals: &[Total]) -> Vec<Messages> {
    let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for Total { what, about, number: counted } in totals {
        match what.as_str() {
            words::TAKEN => found.entry(about).or_default().0 += number(*counted),
            words::REFUSED => found.entry(about).or_default().1 += number(*counted),
            _ => {}
        }
    }
    let one =
        |(connection, (taken, refused)): (&str, _)| Messages { connection: connection.to_owned(), taken, refused };
    found.into_iter().map(one).collect()
}

/// The service providers that were refused most, and how many logins each one had.
fn failing(totals: &[Total]) -> (Vec<Failing>, BTreeMap<String, u64>) {
    let of = |word: &str| -> BTreeMap<String, u64> {
        let found = totals.iter().filter(|total| total.what == word);
        found.map(|total| (total.about.clone(), number(total.number))).collect()
    };
    let (refused, logins) = (of(words::FAILED), of(words::LOGIN));
    let one = |(client, refused): (&String, &u64)| Failing {
        client: Some(client.clone()).filter(|client| !client.is_empty()),
        refused: *refused,
        logins: logins.get(client).copied().unwrap_or(0),
    };
    let mut failing: Vec<Failing> = refused.iter().map(one).collect();
    failing.sort_by_key(|failing| std::cmp::Reverse(failing.refused));
    failing.truncate(FAILING);
    (failing, logins)
}

/// What ends soon, or ended without anybody doing something about it.
fn ending(state: &State, now: Time) -> Vec<Ending> {
    let snapshot = state.live.snapshot();
    let mut ending = Vec::new();
    let mut add = |kind, name: &str, at: Option<Time>| {
        if let Some(at) = at.filter(|at| *at < now + SOON) {
            ending.push(Ending { kind, name: name.to_owned(), at: at.into() });
        }
    };
    for client in snapshot.clients().filter(|client| !client.disabled) {
        for secret in client.secrets.iter().filter(|secret| secret.expires_at.is_some_and(|at| at > now)) {
            add(EndingKind::Secret, client.id.as_str(), secret.expires_at);
        }
    }
    for (key, _) in snapshot.keys().keys().filter(|(key, _)| key.retires_at.is_some_and(|at| Time(at) > now)) {
        add(EndingKind::Key, key.id.as_str(), key.retires_at.map(Time));
    }
    add(EndingKind::Certificate, &state.public.host, state.certificate_ends);
    ending.sort_by(|a, b| (a.at, a.kind, &a.name).cmp(&(b.at, b.kind, &b.name)));
    ending
}

/// Where an alarm was raised, in the whole window.
fn unused(totals: &[Total]) -> Vec<Concern> {
    let ways = totals.iter().filter(|total| total.what == ALARM).filter_map(|total| Way::parse(&total.about));
    ways.map(|Way { connection, area, .. }| Concern::CodesUnused { connection, prefix: area }).collect()
}

fn concerns(state: &State, now: Time) -> Vec<Concern> {
    let (snapshot, configuration) = (state.live.snapshot(), state.engine.configuration());
    let mut concerns = Vec::new();
    let chain = snapshot.client(console::CLIENT).map(|client| snapshot.chain(client));
    let own = configuration.chains.iter().find(|revision| Some(&revision.chain) == chain.as_ref());
    if own.is_some_and(|revision| revision.document.steps.len() < 2) {
        concerns.push(Concern::ConsoleOneStep);
    }
    let soon = now + VERY_SOON;
    let mut clients: Vec<_> = snapshot.clients().filter(|client| !client.disabled).collect();
    clients.sort_by(|a, b| a.id.cmp(&b.id));
    for client in clients {
        let ends = client.secrets.iter().map(|secret| secret.expires_at).max_by_key(|at| at.unwrap_or(Time(i64::MAX)));
        if let Some(at) = ends.flatten().filter(|at| *at < soon) {
            concerns.push(Concern::SecretEnds { client: client.id.to_string(), at: at.into() });
        }
    }
    if let Some(at) = state.certificate_ends.filter(|at| *at < soon) {
        concerns.push(Concern::CertificateEnds { at: at.into() });
    }
    let off = configuration.connections.iter().filter(|connection| connection.disabled);
    concerns.extend(off.map(|off| Concern::ConnectionOff { connection: off.name.to_string() }));
    concerns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(what: &str, about: &str, number: i64) -> Total {
        Total { what: what.to_owned(), about: about.to_owned(), number }
    }

    #[test]
    fn a_window_ends_with_the_present_span_and_has_no_hole() {
        let now = Time::from_unix_seconds(1_795_442_570);
        for window in Window::ALL {
            let begins = window.begins(now);
            assert_eq!(begins.len(), window.count() as usize, "{window:?}");
            assert!(begins.windows(2).all(|two| two[1] == two[0] + window.span().length()), "{window:?}");
            let last = *begins.last().unwrap();
            assert!(last <= now && now < last + window.span().length(), "{window:?}");
            assert_eq!(Window::of(Some(window.word())).unwrap(), window);
        }
        assert_eq!(Window::of(None).unwrap(), Window::Day);
        for wrong in ["", "1h", "24H", "30"] {
            assert!(matches!(Window::of(Some(wrong)), Err(AdminError::Invalid(_))), "{wrong}");
        }
    }

    #[test]
    fn numbers_stand_where_they_belong_and_what_is_nobodys_is_on_no_chain() {
        let totals = [
            total(words::STARTED, "two-doors", 10),
            total(words::STARTED, "", 3),
            total(words::COMPLETED, "two-doors", 4),
            total("took/2", "two-doors", 4),
            total("from tomorrow", "two-doors", 4),
            total(words::TAKEN, "SMSOTP", 5),
            total(words::REFUSED, "SMSOTP", 1),
            total(words::FAILED, "", 9),
            total(words::FAILED, "shop", 2),
            total(words::LOGIN, "shop", 7),
        ];
        let [funnel] = &funnels(&totals)[..] else { panic!("one chain") };
        assert_eq!((funnel.chain.as_str(), funnel.started, funnel.completed), ("two-doors", 10, 4));
        assert_eq!(funnel.median_seconds, Some(1.5));
        assert_eq!(messages(&totals), [Messages { connection: "SMSOTP".to_owned(), taken: 5, refused: 1 }]);
        let (failing, _) = failing(&totals);
        assert_eq!(failing[0], Failing { client: None, refused: 9, logins: 0 });
        assert_eq!(failing[1], Failing { client: Some("shop".to_owned()), refused: 2, logins: 7 });
    }
}
