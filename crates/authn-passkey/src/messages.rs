//! The texts of the `passkey` pages in English. Each state that a page can be in has one.

pub(crate) const MESSAGES: &[(&str, &str)] = &[
    ("passkey.label", "Passkey"),
    ("passkey.title", "Sign in with a passkey"),
    (
        "passkey.lead",
        "Your device asks for your fingerprint, your face or its PIN, and proves to {host} that it is you.",
    ),
    ("passkey.field", "Passkey"),
    ("passkey.submit", "Use a passkey"),
    ("passkey.empty", "Your browser has sent no passkey. Please try again, or choose another way."),
    ("passkey.malformed", "What your browser has sent cannot be read. Please try again, or choose another way."),
    (
        "passkey.unknown",
        "This passkey is not known here any more. Please try another, or choose another way. You can delete it from your device.",
    ),
    (
        "passkey.wrong",
        "This passkey is not known here, or not for this account. Please try another, or choose another way.",
    ),
    ("passkey.expired", "This page was open for too long. Please try again."),
    ("passkey.enrol_title", "Set up a passkey"),
    (
        "passkey.enrol_lead",
        "Sign in on {host} from now on as you unlock your device. Nobody can make you give a passkey away.",
    ),
    ("passkey.enrol_again", "That took too long. Please try again."),
    ("passkey.enrol_label", "What you call this passkey"),
    ("passkey.enrol_submit", "Set up a passkey"),
    ("passkey.synced", "Kept in an account, on several devices"),
    ("passkey.single", "Kept on one device so far; it can be copied to others"),
    ("passkey.bound", "Kept on one device"),
];
