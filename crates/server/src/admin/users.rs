//! Users: who there is, what they may, and what they sign in with.
//!
//! An admin never knows a password: whoever has lost theirs gets a link, once, and chooses one. Roles of this server itself
//! are given by [`set_roles`] alone, so that whoever may edit users cannot make themselves an owner.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vestibule_authn_password::{Password, must_change};
use vestibule_authn_smsotp::{SmsOtp, parse_number};
use vestibule_core::{
    crypto::Prf,
    directory::{OneTimeLink, UserPlace, UserSearch},
    id::{CredentialId, UserId},
    prompt::Text,
    random::RandomExt as _,
    store::StoreExt as _,
    time::{Time, Timestamp},
    user::{Credential, LoginName, User},
};
use vestibule_oauth::{managed::ObjectKind, sign_out};

use super::{
    Actor, AdminError, Etag, FieldFault, Permission, Role, Versioned,
    error::all_right,
    paging::{Listing, PageQuery},
    profile::{self, own_roles, phone_number},
    record::Change,
    sessions::SessionView,
    transact::{self, Work},
    view::given,
};
use crate::{
    post::{Desk, notices},
    state::{State, Transaction},
};

/// What a link to choose a password is for.
pub const PASSWORD_LINK: &str = "password";
/// Where such a link leads; its secret follows.
pub const PASSWORD_PAGE: &str = "/set-password";
/// For how long one works.
const LINK_LIFE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// The factor that is a number and no credential.
pub const PHONE_FACTOR: &str = "phone";

/// The purpose of a link for this user, as they stand now. A link for somebody of no rank is none for an owner, whatever they
/// became in between: whoever made it might not make one for an owner.
pub fn password_purpose(user: &User) -> String {
    Role::strongest(&user.roles)
        .map_or_else(|| PASSWORD_LINK.to_owned(), |role| format!("{PASSWORD_LINK} {}", role.name()))
}

/// A user, without anything that somebody could sign in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UserView {
    /// The `sub` claim; never used again for anybody else.
    pub id: String,
    /// The name to sign in with, in canonical form.
    pub username: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// The e-mail address; also a name to sign in with.
    pub email: Option<String>,
    /// Whether somebody proved that the mailbox is theirs.
    pub email_verified: bool,
    /// E.164.
    pub phone_number: Option<String>,
    /// Whether the number may receive codes.
    pub phone_number_verified: bool,
    /// BCP 47.
    pub locale: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Roles, of applications and of this server (`vestibule:…`).
    pub roles: Vec<String>,
    /// The authenticators that they would rather be asked for, the best first, where a step leaves a choice. Theirs to say.
    pub preferred: Vec<String>,
    /// A disabled user gets nothing on any path.
    pub disabled: bool,
    /// When they were made.
    pub created_at: Timestamp,
    /// When any of this last changed.
    pub updated_at: Timestamp,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            phone_number: user.phone_number.clone(),
            phone_number_verified: user.phone_number_verified,
            locale: user.locale.clone(),
            groups: user.groups.clone(),
            roles: user.roles.clone(),
            preferred: user.preferred.iter().map(ToString::to_string).collect(),
            disabled: user.disabled,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
        }
    }
}

/// A user to be made.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: String,
    /// The name to show.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether whoever makes the user vouches for the address; they do not when nothing is said.
    #[serde(default)]
    pub email_verified: Option<bool>,
    /// A number with `+` and country code.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Whether whoever makes the user vouches for the number; they do when nothing is said.
    #[serde(default)]
    pub phone_number_verified: Option<bool>,
    /// BCP 47.
    #[serde(default)]
    pub locale: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Roles of applications; those of this server are given once the user is there.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whether the user gets nothing for now.
    #[serde(default)]
    pub disabled: bool,
}

/// A change of a user: what is left out stays, `null` takes it away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The name to sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name to show.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Option<String>>,
    /// The e-mail address.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// Whether the address is vouched for; a new one is not when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// A number with `+` and country code.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<Option<String>>,
    /// Whether the number is vouched for; a new one is when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_verified: Option<bool>,
    /// BCP 47.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub locale: Option<Option<String>>,
    /// All groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// All roles of applications. Those of this server stay as they are; to name others than the user has is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Whether the user gets nothing for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// The roles of this server that somebody shall have.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRoles {
    /// All of them: `vestibule:owner`, `vestibule:admin`, `vestibule:helpdesk`, `vestibule:auditor`.
    pub roles: Vec<String>,
}

/// Whom to list.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// What the user name, the e-mail address or the name to show begins with.
    pub q: Option<String>,
    /// A group.
    pub group: Option<String>,
    /// A role.
    pub role: Option<String>,
    /// Whether they are disabled.
    pub disabled: Option<bool>,
    /// Whether they have something to sign in with besides a password: another credential, or a number that was vouched for.
    pub second_factor: Option<bool>,
    /// Whether they have ever signed in; the list is a moment behind.
    pub signed_in: Option<bool>,
    /// Which page.
    pub page: PageQuery,
}

/// Something that a user signs in with, without what makes it work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FactorView {
    /// What to call it when it is removed: the id of a credential, or `phone`.
    pub id: String,
    /// The authenticator that asks for it.
    pub authenticator: String,
    /// The name that its owner gave it, or the masked number.
    pub label: Option<String>,
    /// Whether it works: a number that nobody vouched for does not.
    pub usable: bool,
    /// Whether another is asked for at the next sign-in, since others may know it.
    pub must_change: bool,
    /// When it was made; not known of a number.
    pub created_at: Option<Timestamp>,
    /// What its authenticator tells of it: that a passkey is kept on several devices.
    #[serde(skip)]
    pub about: Option<Text>,
}

/// A link, shown once.
#[derive(Clone, Serialize, JsonSchema)]
pub struct PasswordLink {
    /// The address. Whoever opens it chooses the password.
    pub url: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What signing somebody out did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SignedOut {
    /// How many sessions ended.
    pub sessions: usize,
}

/// `users.list`.
///
/// # Errors
/// Without permission, and when the page makes no sense.
pub async fn list(state: &State, actor: &Actor, query: &UserQuery) -> Result<Listing<UserView>, AdminError> {
    actor.needs(Permission::UsersRead)?;
    let UserQuery { q, group, role, disabled, second_factor, signed_in, page } = query.clone();
    let name = ("users", &q, &group, &role, disabled, second_factor, signed_in);
    let asked = page.read::<(String, UserId)>(&name, &state.prf)?;
    let after = asked.after.clone().map(|(term, user)| UserPlace { term, user });
    let search =
        UserSearch { text: q.clone(), group: group.clone(), role: role.clone(), disabled, second_factor, signed_in };
    let limit = asked.and_one();
    let read = move |tx: &mut Transaction| tx.find_users(&search, after.as_ref(), limit);
    let found = state.store.read(read).await?;
    let place = |(place, _): &(UserPlace, User)| (place.term.clone(), place.user);
    Ok(asked.page(found, &name, &state.prf, place, |(_, user)| UserView::from(&user)))
}

/// `users.get`.
///
/// # Errors
/// Without permission, and when there is no such user.
pub async fn get(state: &State, actor: &Actor, id: UserId) -> Result<Versioned<UserView>, AdminError> {
    actor.needs(Permission::UsersRead)?;
    let user = state.store.read(move |tx: &mut Transaction| tx.user(id)).await?;
    Ok(Versioned::new(UserView::from(&user.ok_or(AdminError::NotFound("user"))?)))
}

/// `users.create`.
///
/// # Errors
/// Without permission, when something is wrong with a field, and when a name is taken.
pub async fn create(state: &State, actor: &Actor, new: NewUser) -> Result<Versioned<UserView>, AdminError> {
    create_with(state, actor, new, OwnRoles::default()).await
}

/// `users.create`, and `users.set_roles` with it: the user is made with these roles of this server, or not at all.
///
/// # Errors
/// As of both.
pub async fn create_with(
    state: &State,
    actor: &Actor,
    new: NewUser,
    own: OwnRoles,
) -> Result<Versioned<UserView>, AdminError> {
    actor.needs(Permission::UsersWrite)?;
    if !own.roles.is_empty() {
        actor.needs(Permission::RolesWrite)?;
        own.known()?;
        actor.may_touch(&own.roles)?;
    }
    let work = Work::new(state, actor);
    let user = new_user(&new, &work)?;
    transact::write(state, move |tx| {
        free(tx, &user)?;
        let roles = user.roles.iter().cloned().chain(own_roles(&own.roles)).collect();
        let made = User { roles, ..user.clone() };
        tx.insert_user(&made)?;
        let (plain, view) = (UserView::from(&user), UserView::from(&made));
        work.record(tx, &Change::new("user.created", &view.username, &Value::Null, &plain).about(user.id))?;
        if plain != view {
            work.record(tx, &Change::new("user.roles", &view.username, &plain, &view).about(user.id))?;
        }
        Ok(Versioned::new(view))
    })
    .await
}

impl OwnRoles {
    /// Goes on when there are such roles.
    fn known(&self) -> Result<(), AdminError> {
        let unknown = |(position, role): (usize, &String)| {
            let fault = FieldFault::new(format!("/roles/{position}"), "this server has no such role");
            Role::of(role).is_none().then_some(fault)
        };
        all_right(self.roles.iter().enumerate().filter_map(unknown).collect())
    }
}

/// The user that is to be made, if there is nothing wrong with it.
fn new_user(new: &NewUser, work: &Work) -> Result<User, AdminError> {
    let blank = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let mut faults = Vec::new();
    let username = profile::username(&new.username).map_err(|fault| faults.push(fault)).ok();
    let number = blank(&new.phone_number).map(|text| phone_number(&text));
    let number = number.transpose().map_err(|fault| faults.push(fault)).ok().flatten();
    let stand_in = LoginName::parse("x").ok_or(AdminError::NotFound("user"))?;
    let id = UserId::new(work.now, &*work.random);
    let user = User {
        display_name: blank(&new.display_name),
        email: blank(&new.email),
        email_verified: new.email_verified.unwrap_or(false),
        phone_number_verified: new.phone_number_verified.unwrap_or(number.is_some()) && number.is_some(),
        phone_number: number,
        locale: blank(&new.locale),
        groups: profile::once_each(new.groups.clone()),
        roles: profile::once_each(new.roles.clone()),
        disabled: new.disabled,
        ..User::new(id, username.unwrap_or(stand_in), work.now)
    };
    faults.extend(profile::faults(&user));
    if !own_roles(&user.roles).is_empty() {
        faults.push(only_by_set_roles());
    }
    all_right(faults)?;
    Ok(user)
}

fn only_by_set_roles() -> FieldFault {
    FieldFault::new("/roles", "the roles of this server are given by PUT /users/{id}/roles, by an owner")
}

/// Refuses a name that somebody else signs in with.
fn free(tx: &mut Transaction, user: &User) -> Result<(), AdminError> {
    let email = user.email.as_deref().and_then(LoginName::parse);
    let names = [("/username", Some(user.username.clone())), ("/email", email)];
    for (pointer, name) in names {
        let Some(name) = name else { continue };
        if tx.user_by_login(&name)?.is_some_and(|owner| owner.id != user.id) {
            return Err(AdminError::Taken(FieldFault::new(pointer, "somebody else signs in with this name")));
        }
    }
    Ok(())
}

/// The user of that id, whom the actor may touch.
pub(super) fn touched(tx: &mut Transaction, work: &Work, id: UserId) -> Result<User, AdminError> {
    let user = tx.user(id)?.ok_or(AdminError::NotFound("user"))?;
    work.actor.may_touch(&user.roles)?;
    Ok(user)
}

/// Refuses where a file says how the user is: the next time that it is applied, the change would be gone.
pub(crate) fn unmanaged(tx: &mut Transaction, user: &User) -> Result<(), AdminError> {
    match tx.managed(ObjectKind::User, user.username.as_str())? {
        Some(managed) => Err(AdminError::Managed(managed.source)),
        None => Ok(()),
    }
}

/// `users.update`.
///
/// # Errors
/// Without permission, for somebody above the actor, from an older version, when something is wrong with a field or a name is
/// taken, and when it would lock the last owner out.
pub async fn update(
    state: &State,
    actor: &Actor,
    id: UserId,
    expected: Option<&Etag>,
    change: UserChange,
) -> Result<Versioned<UserView>, AdminError> {
    actor.needs(Permission::UsersWrite)?;
    let (work, expected, desk) = (Work::new(state, actor), expected.cloned(), Desk::of(state));
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        let before = UserView::from(&user);
        Etag::matches(expected.as_ref(), &before)?;
        let changed = changed(&user, &change, work.now)?;
        if changed == user {
            return Ok(Versioned::new(before));
        }
        // Whatever a file says: to disable somebody must be possible at once.
        if (User { disabled: user.disabled, ..changed.clone() }) != user {
            unmanaged(tx, &user)?;
        }
        let changed = User { updated_at: work.now.max(user.updated_at), ..changed };
        free(tx, &changed)?;
        let guarded = work.guard.before(tx)?;
        tx.update_user(&changed)?;
        notices::former(tx, &desk, &user, &changed, work.now)?;
        work.guard.hold(tx, guarded)?;
        let after = UserView::from(&changed);
        work.record(tx, &Change::new("user.changed", &after.username, &before, &after).about(id))?;
        Ok(Versioned::new(after))
    })
    .await
}

/// The user as they shall be, if there is nothing wrong with it.
fn changed(user: &User, change: &UserChange, now: Time) -> Result<User, AdminError> {
    let text = |change: &Option<Option<String>>, now: &Option<String>| match change {
        None => now.clone(),
        Some(new) => new.clone().filter(|text| !text.trim().is_empty()),
    };
    let mut faults = Vec::new();
    let username = match &change.username {
        None => user.username.clone(),
        Some(name) => profile::username(name).unwrap_or_else(|fault| {
            faults.push(fault);
            user.username.clone()
        }),
    };
    let number = text(&change.phone_number, &user.phone_number);
    let number = match number {
        Some(text) if Some(&text) != user.phone_number.as_ref() => {
            phone_number(&text).map_err(|fault| faults.push(fault)).ok()
        }
        same => same,
    };
    let email = text(&change.email, &user.email);
    // A number that an admin sets is vouched for unless they say otherwise; an address is its owner's to prove.
    let vouched = if number == user.phone_number { user.phone_number_verified } else { number.is_some() };
    let proved = email == user.email && user.email_verified;
    let wanted = User {
        username,
        display_name: text(&change.display_name, &user.display_name),
        email_verified: change.email_verified.unwrap_or(proved),
        phone_number_verified: change.phone_number_verified.unwrap_or(vouched),
        locale: text(&change.locale, &user.locale),
        groups: change.groups.clone().map_or_else(|| user.groups.clone(), profile::once_each),
        roles: change.roles.clone().map_or_else(|| user.roles.clone(), profile::once_each),
        disabled: change.disabled.unwrap_or(user.disabled),
        email,
        phone_number_changed_at: user.number_changed_at(number.as_deref(), now),
        phone_number: number,
        ..user.clone()
    };
    faults.extend(profile::faults(&wanted));
    if own_roles(&wanted.roles) != own_roles(&user.roles) {
        faults.push(only_by_set_roles());
    }
    all_right(faults)?;
    Ok(wanted)
}

/// `users.delete`: the user and everything that is theirs. The id is random and made anew for everybody, so that nobody gets
/// it again.
///
/// # Errors
/// Without permission, for somebody above the actor, from an older version, and when it would lock the last owner out.
pub async fn delete(state: &State, actor: &Actor, id: UserId, expected: Option<&Etag>) -> Result<(), AdminError> {
    actor.needs(Permission::UsersWrite)?;
    let (work, expected) = (Work::new(state, actor), expected.cloned());
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        let before = UserView::from(&user);
        Etag::matches(expected.as_ref(), &before)?;
        unmanaged(tx, &user)?;
        let guarded = work.guard.before(tx)?;
        tx.delete_user(id)?;
        work.guard.hold(tx, guarded)?;
        // What they were goes with them: the log keeps that it happened, and to whom.
        let was = serde_json::json!({ "username": before.username, "roles": before.roles });
        work.record(tx, &Change::new("user.deleted", &before.username, &was, &Value::Null).about(id))
    })
    .await
}

/// `users.set_roles`: the roles of this server; those of applications stay.
///
/// # Errors
/// Without permission, for somebody above the actor, from an older version, for a role that there is not, and when it would lock
/// the last owner out.
pub async fn set_roles(
    state: &State,
    actor: &Actor,
    id: UserId,
    expected: Option<&Etag>,
    wanted: OwnRoles,
) -> Result<Versioned<UserView>, AdminError> {
    actor.needs(Permission::RolesWrite)?;
    wanted.known()?;
    let (work, expected) = (Work::new(state, actor), expected.cloned());
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        work.actor.may_touch(&wanted.roles)?;
        let before = UserView::from(&user);
        Etag::matches(expected.as_ref(), &before)?;
        let mut roles: Vec<String> = user.roles.iter().filter(|role| !profile::is_own_role(role)).cloned().collect();
        roles.extend(own_roles(&wanted.roles));
        if own_roles(&roles) == own_roles(&user.roles) {
            return Ok(Versioned::new(before));
        }
        unmanaged(tx, &user)?;
        let changed = User { roles, updated_at: work.now.max(user.updated_at), ..user };
        let guarded = work.guard.before(tx)?;
        tx.update_user(&changed)?;
        work.guard.hold(tx, guarded)?;
        let after = UserView::from(&changed);
        work.record(tx, &Change::new("user.roles", &after.username, &before, &after).about(id))?;
        Ok(Versioned::new(after))
    })
    .await
}

/// `users.factors`.
///
/// # Errors
/// Without permission, and when there is no such user.
pub async fn factors(state: &State, actor: &Actor, id: UserId) -> Result<Vec<FactorView>, AdminError> {
    actor.needs(Permission::UsersRead)?;
    let read = move |tx: &mut Transaction| Ok((tx.user(id)?, tx.credentials_of(id)?));
    let (user, credentials) = state.store.read(read).await?;
    let user = user.ok_or(AdminError::NotFound("user"))?;
    let registry = state.engine.registry();
    let told = |own: &Credential| {
        let about = registry.get(&own.authenticator).and_then(|known| known.about(own));
        FactorView { about, ..factor(own) }
    };
    Ok(phone_of(&user).into_iter().chain(credentials.iter().map(told)).collect())
}

pub(crate) fn factor(credential: &Credential) -> FactorView {
    FactorView {
        id: credential.id.to_string(),
        authenticator: credential.authenticator.to_string(),
        label: credential.label.clone(),
        usable: true,
        must_change: credential.authenticator.as_str() == Password::NAME
            && must_change(credential.secret.expose_secret()),
        created_at: Some(credential.created_at.into()),
        about: None,
    }
}

pub(crate) fn phone_of(user: &User) -> Option<FactorView> {
    let number = user.phone_number.as_deref()?;
    Some(FactorView {
        id: PHONE_FACTOR.to_owned(),
        authenticator: SmsOtp::NAME.to_owned(),
        label: parse_number(number, None).ok().map(|number| number.masked()),
        usable: user.phone_number_verified,
        must_change: false,
        created_at: None,
        about: None,
    })
}

/// `users.remove_factor`. What was proved with it counts no more, in any session.
///
/// # Errors
/// Without permission, for somebody above the actor, when there is no such factor, and when it would lock the last owner out.
pub async fn remove_factor(state: &State, actor: &Actor, id: UserId, factor_id: &str) -> Result<(), AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let (work, factor_id, desk) = (Work::new(state, actor), factor_id.to_owned(), Desk::of(state));
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        let guarded = work.guard.before(tx)?;
        let removed = take_away(tx, &desk, &user, &factor_id, work.now)?;
        work.guard.hold(tx, guarded)?;
        let change = Change::new("user.factor_removed", &user.username, &removed, &Value::Null).about(id);
        work.record(tx, &change)
    })
    .await
}

/// Takes a factor of `user` away, inside the caller's transaction; how it was.
///
/// # Errors
/// When they have no such factor.
pub(crate) fn take_away(
    tx: &mut Transaction,
    desk: &Desk,
    user: &User,
    factor_id: &str,
    now: Time,
) -> Result<FactorView, AdminError> {
    if factor_id == PHONE_FACTOR {
        let removed = phone_of(user).ok_or(AdminError::NotFound("factor"))?;
        let without = numberless(user, now);
        tx.update_user(&without)?;
        notices::former(tx, desk, user, &without, now)?;
        return Ok(removed);
    }
    let wanted: CredentialId = factor_id.parse().map_err(|_| AdminError::NotFound("factor"))?;
    let credential = tx.credentials_of(user.id)?.into_iter().find(|credential| credential.id == wanted);
    let credential = credential.ok_or(AdminError::NotFound("factor"))?;
    tx.delete_credential(credential.id)?;
    Ok(factor(&credential))
}

/// Somebody as they are without their number. The next one is no first one.
pub(super) fn numberless(user: &User, now: Time) -> User {
    let phone_number_changed_at = user.number_changed_at(None, now);
    let updated_at = now.max(user.updated_at);
    User { phone_number: None, phone_number_verified: false, phone_number_changed_at, updated_at, ..user.clone() }
}

/// The keyed hash by which a link is found.
pub fn link_hash(prf: &Prf, purpose: &str, secret: &str) -> String {
    prf.text("one-time link", &[purpose.as_bytes(), secret.as_bytes()])
}

/// `users.password_link`.
///
/// # Errors
/// Without permission, for somebody above the actor, and when there is no such user.
pub async fn password_link(state: &State, actor: &Actor, id: UserId) -> Result<PasswordLink, AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let work = Work::new(state, actor);
    let secret = SecretString::from(URL_SAFE_NO_PAD.encode(state.random.bytes::<32>()));
    let hash = link_hash(&state.prf, PASSWORD_LINK, secret.expose_secret());
    let expires_at = work.now + LINK_LIFE;
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        if user.disabled {
            return Err(AdminError::Refused(
                "this user is disabled, and could not sign in with a new password".to_owned(),
            ));
        }
        tx.insert_link(&OneTimeLink {
            hash: hash.clone(),
            purpose: password_purpose(&user),
            user: id,
            created_at: work.now,
            expires_at,
            consumed_at: None,
        })?;
        let view = serde_json::json!({ "expires_at": Timestamp(expires_at) });
        work.record(tx, &Change::new("user.password_link", &user.username, &Value::Null, &view).about(id))
    })
    .await?;
    let url = state.public.url(&format!("{PASSWORD_PAGE}/{}", secret.expose_secret()));
    Ok(PasswordLink { url, expires_at: expires_at.into() })
}

/// `users.sessions`: where a user is signed in, newest first, 100 at most.
///
/// # Errors
/// Without permission, and when there is no such user.
pub async fn sessions(state: &State, actor: &Actor, id: UserId) -> Result<Vec<SessionView>, AdminError> {
    actor.needs(Permission::SessionsRead)?;
    let now = state.clock.now();
    let read = move |tx: &mut Transaction| Ok((tx.user(id)?, tx.sessions_of(id, now)?));
    let (user, sessions) = state.store.read(read).await?;
    let user = user.ok_or(AdminError::NotFound("user"))?;
    Ok(sessions.iter().map(|session| SessionView::new(session, Some(&user.username))).collect())
}

/// `users.sign_out`: everywhere, and nothing that was granted is refreshed any more.
///
/// # Errors
/// Without permission, for somebody above the actor, and when there is no such user.
pub async fn sign_out(state: &State, actor: &Actor, id: UserId) -> Result<SignedOut, AdminError> {
    actor.needs(Permission::SessionsWrite)?;
    let work = Work::new(state, actor);
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        let signed_out = SignedOut { sessions: sign_out::everywhere(tx, id, work.now)? };
        work.record(tx, &Change::new("user.signed_out", &user.username, &Value::Null, &signed_out).about(id))?;
        Ok(signed_out)
    })
    .await
}
