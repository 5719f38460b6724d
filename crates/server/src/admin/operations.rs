//! Every operation, once: its place in the API, what it needs, and where the console does it. The router of the API, the
//! OpenAPI document, the table of least privilege and the parity of console and API are made from this list.

use super::Permission;

/// The method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or acts.
    Post,
    /// Replaces.
    Put,
    /// Changes some fields (RFC 7396).
    Patch,
    /// Removes.
    Delete,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its `operationId`, such as `users.create`.
    pub id: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path below `/api/v1`, such as `/users/{id}`.
    pub path: &'static str,
    /// What it needs.
    pub permission: Permission,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The pages of the console that do it.
    pub console: &'static [&'static str],
}

macro_rules! operations {
    ($($id:literal $method:ident $path:literal $permission:ident $summary:literal [$($console:literal),*];)*) => {
        /// Every operation.
        pub const ALL: &[Operation] = &[$(Operation {
            id: $id,
            method: Method::$method,
            path: $path,
            permission: Permission::$permission,
            summary: $summary,
            console: &[$($console),*],
        }),*];
    };
}

operations! {
    "users.list" Get "/users" UsersRead "Users, a page at a time." ["/admin/users"];
    "users.create" Post "/users" UsersWrite "Makes a user." ["/admin/users/new"];
    "users.import" Post "/users/import" UsersWrite "Makes and changes users by a CSV file, all or nothing, or line by line." ["/admin/users/import"];
    "users.get" Get "/users/{id}" UsersRead "One user." ["/admin/users/{id}"];
    "users.update" Patch "/users/{id}" UsersWrite "Changes a user." ["/admin/users/{id}"];
    "users.delete" Delete "/users/{id}" UsersWrite "Deletes a user; the id is never used again." ["/admin/users/{id}/delete"];
    "users.set_roles" Put "/users/{id}/roles" RolesWrite "Gives and takes the roles of this server." ["/admin/users/{id}/roles"];
    "users.factors" Get "/users/{id}/factors" UsersRead "What a user can sign in with." ["/admin/users/{id}"];
    "users.remove_factor" Delete "/users/{id}/factors/{factor}" FactorsWrite "Removes a factor." ["/admin/users/{id}/factors"];
    "users.password_link" Post "/users/{id}/password-link" FactorsWrite "Makes a link, once and for a while, by which the user sets a password." ["/admin/users/{id}/password-link"];
    "users.require_password" Post "/users/{id}/password-change" FactorsWrite "Others may know this user's password: another is asked for at the next sign-in, and they are signed out everywhere." ["/admin/users/{id}/password-change"];
    "users.bypass_code" Post "/users/{id}/bypass-code" FactorsWrite "Makes a code, good once and for a while, that takes the place of a lost factor." ["/admin/users/{id}/bypass-code"];
    "users.invite" Post "/users/{id}/invitation" FactorsWrite "Invites a user who has nothing to sign in with: mails a link, or shows it." ["/admin/users/{id}/invitation"];
    "users.invitation" Get "/users/{id}/invitation" UsersRead "The last invitation of a user, without its link." ["/admin/users/{id}"];
    "users.revoke_invitation" Delete "/users/{id}/invitation" FactorsWrite "Takes an invitation back: its link works no more." ["/admin/users/{id}/invitation/revoke"];
    "registration.get" Get "/registration" UsersRead "Whether people may create their own account." ["/admin/registration"];
    "registration.set" Put "/registration" UsersWrite "Closes registration for a while, or opens it again." ["/admin/registration"];
    "users.timeline" Get "/users/{id}/events" AuditRead "What happened to a user, newest first." ["/admin/users/{id}"];
    "users.sessions" Get "/users/{id}/sessions" SessionsRead "Where a user is signed in." ["/admin/users/{id}"];
    "users.sign_out" Delete "/users/{id}/sessions" SessionsWrite "Signs a user out everywhere." ["/admin/users/{id}/sign-out"];
    "sessions.list" Get "/sessions" SessionsRead "Who is signed in, newest first." ["/admin/sessions"];
    "sessions.end" Delete "/sessions/{id}" SessionsWrite "Signs one browser out." ["/admin/sessions"];
    "groups.list" Get "/groups" UsersRead "Groups, and how many are in each." ["/admin/groups"];
    "clients.list" Get "/clients" ClientsRead "Service providers." ["/admin/clients"];
    "clients.create" Post "/clients" ClientsWrite "Registers a service provider." ["/admin/clients/new"];
    "clients.get" Get "/clients/{id}" ClientsRead "One service provider." ["/admin/clients/{id}"];
    "clients.update" Patch "/clients/{id}" ClientsWrite "Changes a service provider." ["/admin/clients/{id}"];
    "clients.delete" Delete "/clients/{id}" ClientsWrite "Removes a service provider and what was granted to it." ["/admin/clients/{id}/delete"];
    "clients.rotate_secret" Post "/clients/{id}/secrets" ClientsWrite "Makes a new secret, shown once; the old ones last a while." ["/admin/clients/{id}/secrets"];
    "clients.try" Post "/clients/{id}/try" ClientsWrite "Offers a test sign-in: an address that runs the chain of a service provider for real, and grants nothing." ["/admin/clients/{id}/try"];
    "connections.list" Get "/connections" ConnectionsRead "Connections, without their secrets." ["/admin/connections"];
    "connections.create" Post "/connections" ConnectionsWrite "Makes a connection." ["/admin/connections/new"];
    "connections.get" Get "/connections/{name}" ConnectionsRead "One connection, without its secrets." ["/admin/connections/{name}"];
    "connections.update" Patch "/connections/{name}" ConnectionsWrite "Changes a connection; a secret that is left out stays." ["/admin/connections/{name}"];
    "connections.delete" Delete "/connections/{name}" ConnectionsWrite "Removes a connection that no chain uses." ["/admin/connections/{name}/delete"];
    "connections.health" Get "/connections/{name}/health" ConnectionsRead "How the gateways of a connection do, as far as the instance that answers has seen." ["/admin/connections/{name}"];
    "connections.test" Post "/connections/{name}/test" ConnectionsWrite "Sends a test message, and shows request and answer with secrets masked." ["/admin/connections/{name}/test"];
    "chains.list" Get "/chains" ChainsRead "Chains." ["/admin/chains"];
    "chains.create" Post "/chains" ChainsWrite "Begins a chain as a draft." ["/admin/chains/new"];
    "chains.get" Get "/chains/{name}" ChainsRead "A chain: what is published, and the draft." ["/admin/chains/{name}"];
    "chains.save_draft" Put "/chains/{name}/draft" ChainsWrite "Saves the draft of a chain." ["/admin/chains/{name}/draft", "/admin/chains/{name}/steps/{number}"];
    "chains.discard_draft" Delete "/chains/{name}/draft" ChainsWrite "Throws the draft away." ["/admin/chains/{name}/discard"];
    "chains.check" Post "/chains/{name}/check" ChainsRead "What is wrong with a draft, and whom it would keep out." ["/admin/chains/{name}"];
    "chains.publish" Post "/chains/{name}/publish" ChainsWrite "Publishes the draft as the next revision." ["/admin/chains/{name}/publish"];
    "chains.history" Get "/chains/{name}/revisions" ChainsRead "The revisions of a chain, newest first." ["/admin/chains/{name}/history"];
    "chains.revision" Get "/chains/{name}/revisions/{revision}" ChainsRead "One revision, and how it differs from the published one." ["/admin/chains/{name}/history"];
    "chains.restore" Post "/chains/{name}/revisions/{revision}/restore" ChainsWrite "Makes an old revision the draft." ["/admin/chains/{name}/history"];
    "chains.delete" Delete "/chains/{name}" ChainsWrite "Removes a chain that no service provider uses." ["/admin/chains/{name}/delete"];
    "chains.plan" Post "/chains/{name}/plan" ChainsRead "Simulates a login: which steps run, and why." ["/admin/chains/{name}"];
    "keys.list" Get "/keys" KeysRead "The signing keys, without their secrets." ["/admin/keys"];
    "keys.rotate" Post "/keys/rotate" KeysWrite "Makes the next signing key of an algorithm." ["/admin/keys"];
    "audit.list" Get "/audit" AuditRead "The audit log, newest first." ["/admin/audit"];
    "audit.tail" Get "/audit/tail" AuditRead "The audit log as it grows, as server-sent events." ["/admin/audit"];
    "audit.export" Get "/audit/export" AuditRead "The audit log to take along; that it was asked for is written down." ["/admin/audit/export"];
    "audit.health" Get "/audit/health" AuditRead "How far the audit log is sealed, whether its end is whole, and how far each sink has been served." ["/admin/audit"];
    "settings.list" Get "/settings" SettingsRead "The settings of this server, and where each comes from." ["/admin/settings"];
    "doctor.run" Get "/doctor" SettingsRead "Whether this server is set up as it should be: what each check found, what it means and what to do. Of what the caller may not see nothing is looked at." ["/admin/doctor"];
    "otp.create" Post "/otp" OtpSend "Sends a code to a person that confirms a transaction." [];
    "otp.get" Get "/otp/{id}" OtpSend "What became of a code that the program asked for." [];
    "otp.resend" Post "/otp/{id}/resend" OtpSend "Sends the same code once more." [];
    "otp.verify" Post "/otp/{id}/verify" OtpSend "Whether a code is the one that was sent; a right one is spent by it." [];
    "messages.get" Get "/messages" AuditRead "What became of messages, how many of their codes were used and what they cost: by gateway, country and day." ["/admin/messages"];
    "messages.export" Get "/messages/export" AuditRead "The same to take along, each hour or day, gateway and country in a line." ["/admin/messages/export"];
    "messages.lift" Post "/messages/lift" ConnectionsWrite "Lets messages go again that an alarm holds back." ["/admin/messages/lift"];
    "overview.get" Get "/overview" AuditRead "What happened lately, in numbers." ["/admin"];
}

/// The operation of that id.
pub fn of(id: &str) -> Option<&'static Operation> {
    ALL.iter().find(|operation| operation.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_operation_has_one_id_and_one_place() {
        let ids: BTreeSet<_> = ALL.iter().map(|operation| operation.id).collect();
        let places: BTreeSet<_> = ALL.iter().map(|operation| (operation.method, operation.path)).collect();
        assert_eq!((ids.len(), places.len()), (ALL.len(), ALL.len()));
    }

    #[test]
    fn what_only_reads_needs_no_more_than_reading_and_what_changes_needs_more() {
        let reading = ["chains.check", "chains.plan"];
        for operation in ALL {
            // What one program asked for is nobody else's, so there is no reading of it and no page for it.
            if operation.permission == Permission::OtpSend {
                assert!(operation.console.is_empty(), "{}", operation.id);
                continue;
            }
            let reads = operation.method == Method::Get || reading.contains(&operation.id);
            assert_eq!(operation.permission.reads(), reads, "{}", operation.id);
            assert!(!operation.console.is_empty(), "{} has no place in the console", operation.id);
        }
    }
}
