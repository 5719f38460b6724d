//! The owners and admins, and whoever asks: read once, for all that the overview says of them.

use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    chain::Step,
    directory::{FIRST_FACTOR, UserSearch},
    id::{AuthenticatorName, UserId},
    store::{StoreExt as _, StoreResult},
    user::{Credential, User},
};

use crate::{
    admin::{Actor, AdminError, Role, Who},
    console,
    state::{State, Transaction},
};

/// Those who can change what holds here.
const ROLES: [Role; 2] = [Role::Owner, Role::Admin];
/// So many of each role are looked at.
const LOOKED_AT: usize = 100;
/// So many are named.
const NAMED: usize = 5;

/// The people, and what they sign in with.
pub(super) struct Keepers {
    /// The owners and admins.
    users: Vec<User>,
    /// Whoever asks; nobody for a program.
    me: Option<User>,
    /// What all of these have.
    credentials: Vec<Credential>,
}

impl Keepers {
    pub(super) async fn read(state: &State, actor: &Actor) -> Result<Self, AdminError> {
        let me = match &actor.who {
            Who::Person { user, .. } => Some(*user),
            Who::Program(_) => None,
        };
        Ok(state.store.read(move |tx: &mut Transaction| Self::of(tx, me)).await?)
    }

    fn of(tx: &mut Transaction, asks: Option<UserId>) -> StoreResult<Self> {
        let mut users: Vec<User> = Vec::new();
        for role in ROLES {
            let role = Some(role.name().to_owned());
            let search = UserSearch { role, disabled: Some(false), ..UserSearch::default() };
            users.extend(tx.find_users(&search, None, LOOKED_AT)?.into_iter().map(|(_, user)| user));
        }
        users.sort_by(|a, b| a.username.cmp(&b.username));
        users.dedup_by_key(|user| user.id);
        let me = match asks {
            Some(id) => match users.iter().find(|user| user.id == id).cloned() {
                Some(me) => Some(me),
                None => tx.user(id)?,
            },
            None => None,
        };
        let ids: Vec<UserId> = users.iter().chain(&me).map(|user| user.id).collect();
        let credentials = tx.credentials_of_all(&ids)?;
        Ok(Self { users, me, credentials })
    }

    /// Whether a person asks.
    pub(super) fn person_asks(&self) -> bool {
        self.me.is_some()
    }

    /// Whether whoever asks has something besides a password.
    pub(super) fn i_have_more(&self) -> bool {
        let more = |me: &User| {
            let own = |one: &Credential| one.user == me.id && one.authenticator.as_str() != FIRST_FACTOR;
            me.has_number() || self.credentials.iter().any(own)
        };
        self.me.as_ref().is_some_and(more)
    }

    /// Whether these are more than one already; else the house has to be asked.
    pub(super) fn several(&self) -> bool {
        let beside = |me: &User| self.users.iter().any(|user| user.id != me.id);
        self.users.len() > 1 || self.me.as_ref().is_some_and(beside)
    }

    /// The first few of those for whom a password alone opens the console, though its chain asks for more of everybody who has
    /// more. None where the chain has one step alone: then it is so for all.
    pub(super) fn alone(&self, state: &State) -> Vec<String> {
        let (snapshot, configuration) = (state.live.snapshot(), state.engine.configuration());
        let chain = snapshot.client(console::CLIENT).map(|client| snapshot.chain(client));
        let own = configuration.chains.iter().find(|revision| Some(&revision.chain) == chain.as_ref());
        let further: &[Step] = own.and_then(|revision| revision.document.steps.get(1..)).unwrap_or_default();
        let always = |step: &Step| step.when.is_empty() && step.on_request.is_empty();
        if further.is_empty() || further.iter().any(always) {
            return Vec::new();
        }
        let ways = further.iter().flat_map(|step| &step.alternatives);
        let ways: Vec<&AuthenticatorName> = ways.map(|way| &way.authenticator).collect();
        let alone = self.users.iter().filter(|user| !self.has_one(user, &ways));
        alone.take(NAMED).map(|user| user.username.to_string()).collect()
    }

    /// Whether somebody has one of these ways.
    fn has_one(&self, user: &User, ways: &[&AuthenticatorName]) -> bool {
        // A number is a way without a credential.
        let number = user.phone_number_verified && ways.iter().any(|way| way.as_str() == SmsOtp::NAME);
        let own = |one: &Credential| one.user == user.id && ways.contains(&&one.authenticator);
        number || self.credentials.iter().any(own)
    }
}
