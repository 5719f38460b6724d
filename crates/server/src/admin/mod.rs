//! What an admin can do, as plain functions: the one place behind the console and the API.
//!
//! A file for each kind of object. Every function takes the [`State`](crate::state::State) and the [`Actor`], asks first
//! whether the actor may ([`Actor::needs`]), does its work in one transaction, and writes an audit event in it
//! ([`record`]). A handler of the console and a handler of the API differ in how they read and how they answer, in nothing
//! else; [`operations`] lists every operation once, and a test holds both faces to the list.

pub mod access;
pub mod audit;
pub mod bypass;
pub mod chains;
pub mod clients;
pub mod compromise;
pub mod connections;
pub mod doctor;
pub mod error;
pub mod etag;
mod gate;
pub mod groups;
pub mod guard;
pub mod import;
pub mod invitations;
pub mod keys;
pub mod messages;
pub mod operations;
pub mod otp;
pub mod overview;
pub mod paging;
pub mod profile;
pub mod record;
pub mod registration;
pub mod rescue;
pub mod sessions;
pub mod settings;
pub mod transact;
pub mod trials;
pub mod users;
pub mod view;

use vestibule_core::{
    engine::RequestContext,
    id::{ClientId, UserId},
    user::LoginName,
};

pub use self::{
    access::{Permission, Role},
    error::{AdminError, FieldFault},
    etag::{Etag, Versioned},
    operations::Operation,
};

/// Who does it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// A person, or a program of its own.
    pub who: Who,
    /// What they may do: what their roles give, and of that what their token was given.
    pub permissions: access::Permissions,
    /// By which face.
    pub via: Via,
    /// Where the request comes from.
    pub cx: RequestContext,
}

/// A person, or a program of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody with a role.
    Person {
        /// Their id.
        user: UserId,
        /// Their name, for the log.
        username: LoginName,
        /// The strongest of their roles.
        role: Role,
    },
    /// A service provider with a token of its own (client credentials).
    Program(ClientId),
}

/// The face that an operation came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The pages at `/admin`.
    Console,
    /// `/api/v1`.
    Api,
}

impl Actor {
    /// Goes on when they may.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`] with what is missing.
    pub fn needs(&self, permission: Permission) -> Result<(), AdminError> {
        if self.permissions.has(permission) { Ok(()) } else { Err(AdminError::Forbidden(permission)) }
    }

    /// Goes on when they may do so to somebody with these roles: nobody changes those who stand above them, or a help desk
    /// could give itself an owner's account by giving it a new factor.
    ///
    /// # Errors
    /// [`AdminError::Above`].
    pub fn may_touch(&self, roles: &[String]) -> Result<(), AdminError> {
        let theirs = Role::strongest(roles);
        let own = match &self.who {
            Who::Person { role, .. } if self.permissions.has(Permission::RolesWrite) => Some(*role),
            // With less an owner stands no higher than an admin: an admin may register a service provider, and an owner who is
            // led there would lend it their rank.
            Who::Person { role, .. } => Some((*role).min(Role::Admin)),
            // A program may touch an admin only with the permission that an owner alone can give.
            Who::Program(_) if self.permissions.has(Permission::RolesWrite) => Some(Role::Owner),
            Who::Program(_) => None,
        };
        match theirs {
            None => Ok(()),
            Some(theirs) if own.is_some_and(|own| own.rank() >= theirs.rank()) => Ok(()),
            Some(_) => Err(AdminError::Above),
        }
    }

    /// Goes on when they may do themselves what these scopes allow: whoever registers a service provider, or gets its secret,
    /// could use what it may do.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`] with the first that they lack.
    pub fn may_grant<'a>(&self, scopes: impl IntoIterator<Item = &'a String>) -> Result<(), AdminError> {
        scopes.into_iter().filter_map(|scope| Permission::of(scope)).try_for_each(|permission| self.needs(permission))
    }

    /// Their name, for the audit log.
    pub fn name(&self) -> String {
        match &self.who {
            Who::Person { username, .. } => username.to_string(),
            Who::Program(client) => client.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(who: Who, permissions: access::Permissions) -> Actor {
        let cx = RequestContext { ip: None, user_agent: None, device: None, request_id: "r".to_owned() };
        Actor { who, permissions, via: Via::Api, cx }
    }

    fn person(role: Role) -> Actor {
        let (user, username) = (UserId(uuid::Uuid::nil()), LoginName::parse("ada").unwrap());
        actor(Who::Person { user, username, role }, role.permissions())
    }

    #[test]
    fn a_106_nobody_touches_who_stands_above_them() {
        let roles = |role: Role| vec![role.name().to_owned(), "editor".to_owned()];
        for (own, theirs, may) in [
            (Role::Owner, Role::Owner, true),
            (Role::Admin, Role::Admin, true),
            (Role::Admin, Role::Owner, false),
            (Role::Helpdesk, Role::Admin, false),
            (Role::Helpdesk, Role::Owner, false),
            (Role::Auditor, Role::Helpdesk, false),
        ] {
            assert_eq!(person(own).may_touch(&roles(theirs)).is_ok(), may, "{own:?} {theirs:?}");
        }
        assert!(person(Role::Helpdesk).may_touch(&["editor".to_owned()]).is_ok());
        let lent = Actor { permissions: Role::Admin.permissions(), ..person(Role::Owner) };
        assert!(lent.may_touch(&roles(Role::Owner)).is_err(), "a token of an owner that an admin could have asked for");
        assert!(lent.may_touch(&roles(Role::Admin)).is_ok());
        let program = actor(Who::Program("batch".into()), Role::Helpdesk.permissions());
        assert!(program.may_touch(&roles(Role::Auditor)).is_err());
        assert!(program.may_touch(&[]).is_ok());
    }
}
