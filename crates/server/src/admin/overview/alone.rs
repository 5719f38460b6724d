//! For whom a password alone opens the console, though its chain asks for more of everybody who has more.

use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    chain::Step,
    directory::UserSearch,
    id::{AuthenticatorName, UserId},
    store::StoreExt as _,
    user::{Credential, User},
};

use crate::{
    admin::{AdminError, Role},
    console,
    state::{State, Transaction},
};

/// Those who can change what holds here.
const ROLES: [Role; 2] = [Role::Owner, Role::Admin];
/// So many of each role are looked at.
const LOOKED_AT: usize = 100;
/// So many are named.
const NAMED: usize = 5;

/// Their names, the first few of them. Nobody, where the chain has one step alone: then it is so for all.
pub(super) async fn look(state: &State) -> Result<Vec<String>, AdminError> {
    let (snapshot, configuration) = (state.live.snapshot(), state.engine.configuration());
    let chain = snapshot.client(console::CLIENT).map(|client| snapshot.chain(client));
    let own = configuration.chains.iter().find(|revision| Some(&revision.chain) == chain.as_ref());
    let further: &[Step] = own.and_then(|revision| revision.document.steps.get(1..)).unwrap_or_default();
    let always = |step: &Step| step.when.is_empty() && step.on_request.is_empty();
    if further.is_empty() || further.iter().any(always) {
        return Ok(Vec::new());
    }
    let ways: Vec<AuthenticatorName> =
        further.iter().flat_map(|step| &step.alternatives).map(|way| way.authenticator.clone()).collect();
    let read = move |tx: &mut Transaction| {
        let mut people: Vec<User> = Vec::new();
        for role in ROLES {
            let search =
                UserSearch { role: Some(role.name().to_owned()), disabled: Some(false), ..UserSearch::default() };
            people.extend(tx.find_users(&search, None, LOOKED_AT)?.into_iter().map(|(_, user)| user));
        }
        let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
        let credentials = tx.credentials_of_all(&ids)?;
        let mut names: Vec<String> = people.iter().filter(|user| alone(user, &credentials, &ways)).map(name).collect();
        names.sort();
        names.dedup();
        names.truncate(NAMED);
        Ok(names)
    };
    Ok(state.store.read(read).await?)
}

fn name(user: &User) -> String {
    user.username.to_string()
}

/// Whether somebody has none of these ways.
fn alone(user: &User, credentials: &[Credential], ways: &[AuthenticatorName]) -> bool {
    // A number is a way without a credential.
    let number = user.phone_number_verified && ways.iter().any(|way| way.as_str() == SmsOtp::NAME);
    let own = |credential: &Credential| credential.user == user.id && ways.contains(&credential.authenticator);
    !number && !credentials.iter().any(own)
}
