//! Whether people may create their own account, and for how long an invitation stands.

use std::time::Duration;

use url::Url;
use vestibule_core::id::ConnectionName;

use super::{network::is_loopback, reader::Reader};

/// How people become users by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationSettings {
    /// Whether they may.
    pub enabled: bool,
    /// What they prove to be theirs.
    pub contact: Proves,
    /// The connection that the codes go by; the first of its kind, where none is named.
    pub connection: Option<ConnectionName>,
    /// The domains of the addresses that are taken; none named: all.
    pub domains: Vec<String>,
    /// The groups that a new user is in. Nothing else is given: no roles.
    pub groups: Vec<String>,
    /// How many may be begun from one network in a day.
    pub per_network: u32,
    /// What has to be agreed to.
    pub terms_uri: Option<Url>,
    /// The same, of what becomes of one's data.
    pub policy_uri: Option<Url>,
}

/// What somebody proves to be theirs before they are a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proves {
    /// An e-mail address.
    #[default]
    Email,
    /// A telephone number.
    Phone,
}

impl Default for RegistrationSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            contact: Proves::Email,
            connection: None,
            domains: Vec::new(),
            groups: Vec::new(),
            per_network: 20,
            terms_uri: None,
            policy_uri: None,
        }
    }
}

impl RegistrationSettings {
    /// Whether this address is of a domain that is taken.
    pub fn takes(&self, domain: &str) -> bool {
        self.domains.is_empty() || self.domains.iter().any(|taken| taken.eq_ignore_ascii_case(domain))
    }
}

/// Invitations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationSettings {
    /// For how long the link of one works.
    pub life: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for InvitationSettings {
    fn default() -> Self {
        Self { life: 7 * DAY }
    }
}

pub(super) fn read(reader: &Reader<'_>) -> RegistrationSettings {
    let usual = RegistrationSettings::default();
    let domains: Vec<String> = reader.list("domains").unwrap_or_default();
    for domain in &domains {
        if !domain.contains('.') || domain.contains(['@', '/', '*', ' ']) {
            reader.refuse("domains", format!("{domain} is no domain"), "Write what stands behind the @: example.com.");
        }
    }
    let page = |key: &str| {
        let uri = reader.optional::<Url>(key);
        if uri.as_ref().is_some_and(|uri| uri.scheme() != "https" && !is_loopback(uri)) {
            reader.refuse(key, "is no address over https", "Write the whole address of the page.");
        }
        uri
    };
    let groups: Vec<String> = reader.list("groups").unwrap_or_default();
    if groups.iter().any(|group| group.trim().is_empty() || group.trim() != group) {
        reader.refuse("groups", "a name is empty or has space around it", "Write the names of the groups alone.");
    }
    RegistrationSettings {
        enabled: reader.leaf("enabled", false),
        contact: reader.choice("contact", &[("email", Proves::Email), ("phone", Proves::Phone)]).unwrap_or_default(),
        connection: reader.optional::<String>("connection").map(ConnectionName::from),
        domains,
        groups,
        per_network: reader.within("per_network", usual.per_network, 1..=1_000_000),
        terms_uri: page("terms_uri"),
        policy_uri: page("policy_uri"),
    }
}

pub(super) fn invitation(reader: &Reader<'_>) -> InvitationSettings {
    let hour = Duration::from_secs(3600);
    InvitationSettings { life: reader.within("life", InvitationSettings::default().life, hour..=30 * DAY) }
}
