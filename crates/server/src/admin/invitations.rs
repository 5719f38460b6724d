//! Invitations: a user who has nothing to sign in with yet gets a link, once and for a while, by which they choose a password.
//!
//! It is no link to set a password: that one is for somebody who lost theirs, and works whatever they have. An invitation works
//! for who has nothing, so that an old one that somebody finds opens no account that is lived in; it may go by mail, and then
//! whoever comes by it has proved that mailbox. What the admin was shown proves nothing of a mailbox.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vestibule_core::{
    crypto::Prf,
    id::{ClientId, UserId},
    joining::{Invitation, Invited},
    random::{Random, RandomExt as _},
    store::StoreExt as _,
    time::{Time, Timestamp},
    user::{LoginName, User},
};

use super::{
    Actor, AdminError, FieldFault, Permission, Role, Who,
    record::Change,
    transact::{self, Work},
    users::{link_hash, touched},
};
use crate::{
    pages::Moment,
    post::{Desk, Letter, Way},
    state::{Public, State, Transaction},
};

/// What the secret of an invitation is for.
pub const INVITATION: &str = "invitation";
/// Where its link leads; the secret follows.
pub const INVITATION_PAGE: &str = "/invitation";
/// So many are one transaction.
const GROUP: usize = 200;

/// An invitation that is to be made.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The service provider that they are invited to: the page names it, and leads there in the end.
    #[serde(default)]
    pub client: Option<String>,
    /// Whether the link is shown to you instead of being mailed. It then proves no mailbox. Where there is no mail server, or no
    /// address, it is shown in any case.
    #[serde(default)]
    pub show: bool,
}

/// An invitation that was made.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "MadeInvitation")]
pub struct Made {
    /// The address that it went to, masked; `null` when the link is shown.
    pub sent_to: Option<String>,
    /// The link, now and never again; `null` when it was mailed. Whoever opens it chooses the password.
    pub url: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// How an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It works.
    Open,
    /// They came.
    Accepted,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Ended,
}

/// A user's invitation, without its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InvitationView {
    /// How it stands.
    pub standing: Standing,
    /// Who invited.
    pub by: String,
    /// To which service provider.
    pub client: Option<String>,
    /// The address that it went to, masked; `null` when the link was shown.
    pub sent_to: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When they came.
    pub accepted_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl InvitationView {
    fn of(invitation: &Invitation, now: Time) -> Self {
        let standing = match invitation {
            Invitation { accepted_at: Some(_), .. } => Standing::Accepted,
            Invitation { revoked_at: Some(_), .. } => Standing::Revoked,
            open if open.alive(now) => Standing::Open,
            _ => Standing::Ended,
        };
        Self {
            standing,
            by: invitation.about.by.clone(),
            client: invitation.about.client.as_ref().map(ToString::to_string),
            sent_to: invitation.about.sent_to.clone().map(|to| Way::Mail(to).masked()),
            created_at: invitation.created_at.into(),
            expires_at: invitation.expires_at.into(),
            accepted_at: invitation.accepted_at.map(Into::into),
            revoked_at: invitation.revoked_at.map(Into::into),
        }
    }
}

/// The rank that an invitation is for: one of somebody of no rank is none of an owner, whatever they became in between.
pub(crate) fn rank(user: &User) -> Option<String> {
    Role::strongest(&user.roles).map(|role| role.name().to_owned())
}

/// What invitations are made with; it outlives the request.
#[derive(Clone)]
struct Inviting {
    work: Work,
    desk: Desk,
    prf: Prf,
    public: Public,
    /// The service provider, with the name that people know.
    client: Option<(ClientId, String)>,
    show: bool,
    life: Duration,
}

impl Inviting {
    fn of(state: &State, actor: &Actor, new: &NewInvitation) -> Result<Self, AdminError> {
        let snapshot = state.live.snapshot();
        let client = match new.client.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
            None => None,
            Some(id) => {
                let known = snapshot.client(id).filter(|client| !client.disabled);
                let fault =
                    || AdminError::Invalid(vec![FieldFault::new("/client", "there is no such service provider")]);
                Some(known.map(|client| (client.id.clone(), client.name.clone())).ok_or_else(fault)?)
            }
        };
        Ok(Self {
            work: Work::new(state, actor),
            desk: Desk::of(state),
            prf: state.prf.clone(),
            public: state.public.clone(),
            client,
            show: new.show,
            life: state.invitation.life,
        })
    }

    /// The name that people know who invites by.
    fn by(&self, tx: &mut Transaction) -> Result<String, AdminError> {
        let who = match &self.work.actor.who {
            Who::Person { user, .. } => tx.user(*user)?.and_then(|user| user.display_name),
            Who::Program(_) => None,
        };
        Ok(who.unwrap_or_else(|| self.work.actor.name()))
    }

    /// Invites a user by this secret, inside the caller's transaction.
    fn invite(&self, tx: &mut Transaction, user: &User, secret: &SecretString) -> Result<Made, AdminError> {
        if user.disabled {
            return Err(AdminError::Refused("this user is disabled, and could not sign in".to_owned()));
        }
        if !tx.credentials_of(user.id)?.is_empty() {
            let why =
                "this user has something to sign in with already; what they lost is given by a link to set a password";
            return Err(AdminError::Refused(why.to_owned()));
        }
        let (now, url) = (self.work.now, self.public.url(&format!("{INVITATION_PAGE}/{}", secret.expose_secret())));
        let (by, expires_at) = (self.by(tx)?, now + self.life);
        let way = user.email.clone().map(Way::Mail).filter(|way| !self.show && self.desk.reaches(way));
        tx.put_invitation(&Invitation {
            user: user.id,
            hash: link_hash(&self.prf, INVITATION, secret.expose_secret()),
            about: Invited {
                by: by.clone(),
                sent_to: way.as_ref().and(user.email.clone()),
                client: self.client.as_ref().map(|(id, _)| id.clone()),
                rank: rank(user),
            },
            created_at: now,
            expires_at,
            accepted_at: None,
            revoked_at: None,
        })?;
        if let Some(way) = &way {
            let to = self.client.as_ref().map_or(&self.public.host, |(_, name)| name);
            let letter = Letter::to(user, "invitation").with("by", by).with("to", to).with("url", &url);
            let letter = letter.with("until", Moment::from(expires_at).date).within(self.life);
            self.desk.post(tx, &letter, way, now)?;
        }
        let sent_to = way.as_ref().map(Way::masked);
        let view = serde_json::json!({ "expires_at": Timestamp(expires_at), "sent_to": sent_to });
        self.work.record(tx, &Change::new("user.invited", &user.username, &Value::Null, &view).about(user.id))?;
        Ok(Made { url: way.is_none().then_some(url), sent_to, expires_at: expires_at.into() })
    }
}

fn secret(random: &dyn Random) -> SecretString {
    SecretString::from(URL_SAFE_NO_PAD.encode(random.bytes::<32>()))
}

/// `users.invite`. An invitation that was made before for the same user ends.
///
/// # Errors
/// Without permission, for somebody above the actor, for who is disabled or has something to sign in with, and when there is no
/// such user or service provider.
pub async fn invite(state: &State, actor: &Actor, id: UserId, new: &NewInvitation) -> Result<Made, AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let inviting = Inviting::of(state, actor, new)?;
    let secret = secret(&*state.random);
    transact::write(state, move |tx| {
        let user = touched(tx, &inviting.work, id)?;
        inviting.invite(tx, &user, &secret)
    })
    .await
}

/// Invites those of these names who can be: who have an address, and nothing to sign in with. How many letters leave.
///
/// # Errors
/// Without permission.
pub async fn invite_all(state: &State, actor: &Actor, names: &[String]) -> Result<usize, AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let inviting = Inviting::of(state, actor, &NewInvitation::default())?;
    let names: Vec<LoginName> = names.iter().filter_map(|name| LoginName::parse(name)).collect();
    let mut invited = 0_usize;
    for group in names.chunks(GROUP) {
        let (inviting, random) = (inviting.clone(), std::sync::Arc::clone(&state.random));
        let group: Vec<_> = group.iter().map(|name| (name.clone(), secret(&*random))).collect();
        let some = transact::write(state, move |tx| {
            let mut sent = 0_usize;
            for (name, secret) in &group {
                let Some(user) = tx.user_by_login(name)? else { continue };
                let way = user.email.clone().map(Way::Mail);
                if !way.is_some_and(|way| inviting.desk.reaches(&way)) || actor_may_not(&inviting, &user) {
                    continue;
                }
                match inviting.invite(tx, &user, secret) {
                    Ok(_) => sent = sent.saturating_add(1),
                    Err(AdminError::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(sent)
        });
        invited = invited.saturating_add(some.await?);
    }
    Ok(invited)
}

fn actor_may_not(inviting: &Inviting, user: &User) -> bool {
    inviting.work.actor.may_touch(&user.roles).is_err()
}

/// `users.invitation`: the last that was made.
///
/// # Errors
/// Without permission, and when there is no such user or none was made.
pub async fn get(state: &State, actor: &Actor, id: UserId) -> Result<InvitationView, AdminError> {
    find(state, actor, id).await?.ok_or(AdminError::NotFound("invitation"))
}

/// The same, where there may be none.
///
/// # Errors
/// Without permission.
pub async fn find(state: &State, actor: &Actor, id: UserId) -> Result<Option<InvitationView>, AdminError> {
    actor.needs(Permission::UsersRead)?;
    let now = state.clock.now();
    let found = state.store.read(move |tx: &mut Transaction| tx.invitation_of(id)).await?;
    Ok(found.map(|invitation| InvitationView::of(&invitation, now)))
}

/// `users.revoke_invitation`.
///
/// # Errors
/// Without permission, for somebody above the actor, and when there is no such user or no invitation that works.
pub async fn revoke(state: &State, actor: &Actor, id: UserId) -> Result<(), AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let work = Work::new(state, actor);
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        let before = tx.invitation_of(id)?.map(|invitation| InvitationView::of(&invitation, work.now));
        if !tx.revoke_invitation(id, work.now)? {
            return Err(AdminError::NotFound("invitation"));
        }
        let after = tx.invitation_of(id)?.map(|invitation| InvitationView::of(&invitation, work.now));
        work.record(tx, &Change::new("user.invitation_revoked", &user.username, &before, &after).about(id))
    })
    .await
}
