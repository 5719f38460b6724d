//! How passwords are hashed (argon2id, on threads of its own), and what a new one has to be.

use std::{path::PathBuf, time::Duration};

use url::Url;
use vestibule_authn_password::Policy;

use super::{network::is_loopback, reader::Reader};

/// How passwords are hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Threads that hash; `None` means one for each processor.
    pub threads: Option<usize>,
    /// How many may wait for a thread; one more is answered with 503.
    pub queue: usize,
    /// How long one may wait.
    pub deadline: Duration,
    /// What a new one has to be.
    pub rules: PasswordRules,
    /// Whether who forgot theirs may choose another by a link that is mailed to them.
    pub reset: bool,
}

/// What a new password has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters.
    pub minimum: usize,
    /// A list of those that nobody may choose.
    pub blocklist: Option<PathBuf>,
    /// Who is asked whether one was in a breach.
    pub breach_url: Option<Url>,
    /// Whether one that is found in these lists when somebody signs in with it must change.
    pub change_known: bool,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { minimum: Policy::MINIMUM, blocklist: None, breach_url: None, change_known: false }
    }
}

/// The least that the OWASP password storage cheat sheet and RFC 9106 leave as reasonable: 19 MiB and two passes.
pub(crate) const FLOOR_KIB: u32 = 19_456;

pub(super) fn read(reader: &Reader<'_>, dev: bool) -> PasswordSettings {
    let least = if dev { 1024 } else { 7_168 };
    let settings = PasswordSettings {
        memory_kib: reader.within("memory_kib", FLOOR_KIB, least..=1_048_576),
        iterations: reader.within("iterations", 2, 1..=64),
        parallelism: reader.within("parallelism", 1, 1..=16),
        threads: reader.optional("threads"),
        queue: reader.within("queue", 256, 1..=100_000),
        deadline: reader.within(
            "deadline",
            Duration::from_secs(5),
            Duration::from_millis(100)..=Duration::from_secs(60),
        ),
        rules: rules(reader),
        reset: reader.leaf("reset", false),
    };
    if settings.threads == Some(0) {
        reader.refuse("threads", "is 0", "Set at least 1, or remove it for one thread for each processor.");
    }
    if !dev && u64::from(settings.memory_kib) * u64::from(settings.iterations) < u64::from(FLOOR_KIB) * 2 {
        let advice = format!("Use at least {FLOOR_KIB} KiB with 2 iterations, or 7168 KiB with 5 or 6.");
        reader.refuse("memory_kib", "and iterations together make hashes too cheap to guess", advice);
    }
    settings
}

fn rules(reader: &Reader<'_>) -> PasswordRules {
    let breach_url = reader.optional::<Url>("breach_url");
    if breach_url.as_ref().is_some_and(|url| url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url))) {
        reader.refuse(
            "breach_url",
            "is not https",
            "Use https: who changes the answer decides which passwords are taken.",
        );
    }
    if breach_url
        .as_ref()
        .is_some_and(|url| url.query().is_some() || url.fragment().is_some() || !url.username().is_empty())
    {
        reader.refuse(
            "breach_url",
            "is more than a place",
            "End it where five digits are to stand, without ?, # and names.",
        );
    }
    PasswordRules {
        minimum: reader.within("minimum", Policy::MINIMUM, Policy::LEAST..=Policy::MOST),
        blocklist: reader.path("blocklist"),
        breach_url,
        change_known: reader.leaf("change_known", false),
    }
}
