//! Every kind of event, and what it means. A test holds this list to the code, and the reference to this list.
//!
//! A kind is a text in the log and no enum: an older program must be able to read what a newer one wrote.

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What happened.
    pub meaning: &'static str,
}

/// How the kinds of an admin's changes begin. They are made of the object and the verb: `admin.client.changed`.
pub const ADMIN: &str = "admin.";

const fn kind(name: &'static str, meaning: &'static str) -> Kind {
    Kind { name, meaning }
}

/// Every kind but those of an admin's changes, by name.
pub const KINDS: &[Kind] = &[
    kind("account.deleted", "A person deleted their own account, and everything that was its own."),
    kind(
        "activity.disowned",
        "A person said that something of their activity was not them; they were signed out everywhere else and every remembered browser was forgotten.",
    ),
    kind("authorize.refused", "An authorization request was refused; `details` say why."),
    kind("client.refused", "A service provider could not authenticate itself."),
    kind("code.replayed", "An authorization code was brought a second time; all that it gave was revoked."),
    kind("consent.withdrawn", "A person withdrew what they had agreed to."),
    kind("data.exported", "A person took along what is kept of them."),
    kind("device.forgotten", "A remembered browser was forgotten."),
    kind("device.remembered", "A browser is remembered: a step that allows it may rest there."),
    kind("device.replayed", "The old secret of a remembered browser was brought again; it was forgotten."),
    kind("email.verified", "A person proved that an e-mail address is theirs."),
    kind(
        "factor.backup_changed",
        "A passkey says that it is kept on several devices now, or on one only; `details` say which.",
    ),
    kind("factor.enrolled", "A person set up one more way to sign in; `details` say which."),
    kind(
        "factor.removed",
        "A person took a way to sign in away; `details` say which. What was proved with it counts no more.",
    ),
    kind("factor.renamed", "A person gave a way to sign in another name."),
    kind("factors.ordered", "A person said which of their ways to sign in is opened first."),
    kind("grant.made", "A service provider got a grant: a login was completed, and consent was there."),
    kind("grant.refused", "A login was completed but opened nothing; `details` say why."),
    kind("login.completed", "Every due step passed; `details` tell the steps."),
    kind("login.tried", "Every due step passed in a trial of an admin; nobody was signed in, and nothing was granted."),
    kind("message.failed", "A message to a person could not be delivered for as long as it was worth anything."),
    kind("message.refused", "A gateway or mail server refused a message to a person; `details` say which and why."),
    kind("message.sent", "A message to a person outside of a sign-in left; `details` say what it was."),
    kind("number.captured", "A person gave a telephone number, and proved that it is theirs."),
    kind(
        "number.changed",
        "A person put another telephone number in the place of the one before, and proved that it is theirs.",
    ),
    kind(
        "otp.alarm",
        "Of the one-time codes that a connection sends to one country hardly any is used: somebody may be making you pay for messages.",
    ),
    kind("otp.delivered", "A gateway says that the message with a one-time code is on the phone."),
    kind("otp.failed", "A one-time code could not be judged: our trouble, not counted as a wrong try."),
    kind("otp.limited", "A one-time code was not sent or not judged: a budget is used up."),
    kind("otp.passed", "A one-time code was right."),
    kind("otp.rejected", "A one-time code was wrong or too late."),
    kind("otp.resent", "A one-time code was sent again; `details` say how that went."),
    kind("otp.sent", "A one-time code was sent; `details` say how that went."),
    kind("otp.undelivered", "A gateway says that the message with a one-time code did not reach the phone, and why."),
    kind("password.changed", "A person changed their password, and was signed out everywhere else."),
    kind(
        "password.reset",
        "A person who had forgotten their password chose another by a link that was mailed to them, and was signed out everywhere.",
    ),
    kind(
        "password.reset_asked",
        "Somebody asked for a link by which a forgotten password is replaced; with no user where there is nobody of that name.",
    ),
    kind("password.set", "A person chose a password by a link that an admin had made."),
    kind("profile.changed", "A person changed the name or the language that they are shown in; `details` say which."),
    kind("refresh.replayed", "A refresh token was brought a second time; its family was revoked."),
    kind("registration.begun", "Somebody who is no user asked for an account; `details` say how the message went."),
    kind("registration.limited", "An account was asked for or a code typed too often; nothing was sent or judged."),
    kind("session.ended", "A person signed out, or was signed out."),
    kind("step.failed", "A step could not be judged: our trouble, not counted as a wrong try."),
    kind("step.limited", "An answer was not judged: a budget is used up."),
    kind("step.passed", "A step was passed."),
    kind("step.rejected", "A step's answer was wrong."),
    kind("token.refused", "A request for tokens was refused; `details` say why."),
    kind("token.revoked", "A token was revoked by its service provider."),
    kind(
        "user.accepted",
        "A person took up an invitation and chose a password; `details` say whether that proved their address.",
    ),
    kind("user.registered", "A person created their own account, after they had proved an address or a number."),
];

/// Whether there is such a kind.
pub fn is_known(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.name == name) || is_admin(name)
}

/// Whether it is the kind of an admin's change: `admin.<object>.<verb>`.
pub fn is_admin(name: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
    let parts = name.strip_prefix(ADMIN).and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(object, verb)| word(object) && word(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_each_kind_is_explained() {
        assert!(KINDS.is_sorted_by(|a, b| a.name < b.name));
        for kind in KINDS {
            assert!(kind.meaning.ends_with('.') && !kind.name.starts_with(ADMIN), "{}", kind.name);
        }
    }

    #[test]
    fn an_admins_change_names_object_and_verb() {
        assert!(is_known("otp.sent") && is_known("admin.client.changed") && is_known("admin.client.secret_rotated"));
        for wrong in ["otp.seen", "admin.client", "admin.", "admin..changed", "admin.client.Changed", "admin.a.b.c", ""]
        {
            assert!(!is_known(wrong), "{wrong}");
        }
    }
}
