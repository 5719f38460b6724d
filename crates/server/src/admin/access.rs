//! Who may do what: four roles, and permissions that are OAuth scopes.
//!
//! A role is a name among a user's roles, with a prefix that no role of an application should have. A permission is a scope
//! that a token may carry; what a token may do is what it carries *and* what its user's roles give at that moment, so a
//! role that is taken away takes effect at once.

use std::collections::BTreeSet;

/// A role of this server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads everything, changes nothing.
    Auditor,
    /// Factors and sessions of users; no configuration.
    Helpdesk,
    /// Everything but the roles of others.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// Every role, from the weakest.
    pub const ALL: [Self; 4] = [Self::Auditor, Self::Helpdesk, Self::Admin, Self::Owner];

    /// How it stands among a user's roles.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auditor => "vestibule:auditor",
            Self::Helpdesk => "vestibule:helpdesk",
            Self::Admin => "vestibule:admin",
            Self::Owner => "vestibule:owner",
        }
    }

    /// The role of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The strongest among a user's roles; `None` for somebody who is no admin at all.
    pub fn strongest(roles: &[String]) -> Option<Self> {
        roles.iter().filter_map(|role| Self::of(role)).max()
    }

    /// Who may touch whom: an equal or a higher rank.
    pub fn rank(self) -> u8 {
        match self {
            Self::Auditor => 0,
            Self::Helpdesk => 1,
            Self::Admin => 2,
            Self::Owner => 3,
        }
    }

    /// What it gives.
    pub fn permissions(self) -> Permissions {
        let all = Permission::ALL.into_iter();
        let given = |permission: &Permission| match self {
            Self::Owner => true,
            Self::Admin => *permission != Permission::RolesWrite,
            Self::Auditor => permission.reads(),
            Self::Helpdesk => matches!(
                permission,
                Permission::UsersRead | Permission::FactorsWrite | Permission::SessionsRead | Permission::SessionsWrite
            ),
        };
        Permissions(all.filter(given).collect())
    }
}

macro_rules! permissions {
    ($($name:ident $scope:literal $doc:literal;)*) => {
        /// What somebody may do; its text is an OAuth scope.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $(#[doc = $doc] $name,)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: [Self; [$($scope),*].len()] = [$(Self::$name),*];

            /// The scope that stands for it in a token.
            pub fn scope(self) -> &'static str {
                match self {
                    $(Self::$name => $scope,)*
                }
            }

            /// What it allows, in a sentence.
            pub fn describe(self) -> &'static str {
                match self {
                    $(Self::$name => $doc,)*
                }
            }
        }
    };
}

permissions! {
    UsersRead "admin:users.read" "See users, their groups, roles and factors.";
    UsersWrite "admin:users.write" "Make, change, lock and delete users; change their groups and the roles of applications.";
    RolesWrite "admin:roles.write" "Give and take the roles of this server.";
    FactorsWrite "admin:factors.write" "Remove factors, ask for new ones, make a temporary bypass code.";
    SessionsRead "admin:sessions.read" "See who is signed in where.";
    SessionsWrite "admin:sessions.write" "Sign people out.";
    ClientsRead "admin:clients.read" "See service providers.";
    ClientsWrite "admin:clients.write" "Make, change and delete service providers and their secrets.";
    ConnectionsRead "admin:connections.read" "See connections, without their secrets.";
    ConnectionsWrite "admin:connections.write" "Make, change, try and delete connections.";
    ChainsRead "admin:chains.read" "See chains and their history, and simulate them.";
    ChainsWrite "admin:chains.write" "Edit, publish and delete chains.";
    KeysRead "admin:keys.read" "See the signing keys, without their secrets.";
    KeysWrite "admin:keys.write" "Rotate signing keys.";
    AuditRead "admin:audit.read" "Read the audit log.";
    SettingsRead "admin:settings.read" "See the settings of this server and where they come from.";
    OtpSend "otp:send" "Have codes sent to people that confirm a transaction, and verify them: for programs.";
}

impl Permission {
    /// Whether it changes nothing.
    pub fn reads(self) -> bool {
        self.scope().ends_with(".read")
    }

    /// The permission that a scope stands for.
    pub fn of(scope: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.scope() == scope)
    }
}

/// A set of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Permission>);

impl Permissions {
    /// Those that scopes stand for; other scopes mean nothing here.
    pub fn of_scopes<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Self {
        Self(scopes.into_iter().filter_map(Permission::of).collect())
    }

    /// Those that the roles among a user's give together.
    pub fn of_roles(roles: &[String]) -> Self {
        let given = roles.iter().filter_map(|role| Role::of(role)).flat_map(|role| role.permissions().0);
        Self(given.collect())
    }

    /// Whether it is one of them.
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = Permission> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_desk_has_no_configuration_and_the_auditor_changes_nothing() {
        let changes = |role: Role| role.permissions().iter().filter(|p| !p.reads()).collect::<Vec<_>>();
        assert_eq!(changes(Role::Auditor), []);
        assert_eq!(changes(Role::Helpdesk), [Permission::FactorsWrite, Permission::SessionsWrite]);
        assert!(!Role::Admin.permissions().has(Permission::RolesWrite));
        assert!(Permission::ALL.into_iter().all(|p| Role::Owner.permissions().has(p)));
        for configuration in [Permission::ClientsRead, Permission::ChainsRead, Permission::ConnectionsRead] {
            assert!(!Role::Helpdesk.permissions().has(configuration), "{configuration:?}");
        }
    }

    #[test]
    fn a_role_is_a_name_with_our_prefix_and_a_scope_is_a_permission() {
        for role in Role::ALL {
            assert_eq!(Role::of(role.name()), Some(role));
        }
        assert_eq!(Role::strongest(&["owner".to_owned(), "vestibule:helpdesk".to_owned()]), Some(Role::Helpdesk));
        assert_eq!(Role::strongest(&["admin".to_owned()]), None);
        for permission in Permission::ALL {
            assert_eq!(Permission::of(permission.scope()), Some(permission));
        }
        let given = Permissions::of_scopes(["openid", "admin:users.read", "admin:nothing.write"]);
        assert_eq!(given.iter().collect::<Vec<_>>(), [Permission::UsersRead]);
    }
}
