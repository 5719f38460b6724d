//! The texts of the `totp` pages in English. Each state that a page can be in has one.

pub(crate) const MESSAGES: &[(&str, &str)] = &[
    ("totp.label", "Authenticator app"),
    ("totp.title", "Enter the code"),
    ("totp.lead", "Your authenticator app shows a code for {host}. Every 30 seconds it is another."),
    ("totp.field", "Code"),
    ("totp.submit", "Continue"),
    ("totp.empty", "Please enter the code that your app shows."),
    ("totp.malformed", "This does not look like a code. Please enter the digits as your app shows them."),
    ("totp.wrong", "This is not the code. If your app shows the same, see whether the clock of your device is right."),
    ("totp.expired", "This code was used already. Please wait until your app shows the next one."),
    ("totp.enrol_title", "Set up an authenticator app"),
    (
        "totp.enrol_lead",
        "Scan the picture with your app, or type the key into it. Then enter the code that the app shows.",
    ),
    ("totp.enrol_label", "What you call this device"),
    ("totp.enrol_submit", "Set up"),
];
