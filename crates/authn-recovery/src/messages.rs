//! The texts of the `recovery` pages in English.

pub(crate) const MESSAGES: &[(&str, &str)] = &[
    ("recovery.label", "Recovery code"),
    ("recovery.title", "Enter a recovery code"),
    (
        "recovery.lead",
        "Use one of the codes that you put away, or the one that you were given by those who run this service. Each works once.",
    ),
    ("recovery.field", "Recovery code"),
    ("recovery.submit", "Continue"),
    ("recovery.empty", "Please enter a recovery code."),
    ("recovery.malformed", "This does not look like a recovery code. It has ten letters and digits."),
    ("recovery.wrong", "This is none of your codes, or it was used before."),
    ("recovery.expired", "The time of this code is over. Please ask for a new one."),
    ("recovery.enrol.title", "Keep these recovery codes"),
    (
        "recovery.enrol.lead",
        "With one of them you get in when you have lost your phone or key. Print them or write them down, and keep them where nobody else looks. Codes that you had before stop working now.",
    ),
    ("recovery.enrol.field", "One of these codes, to show that you have them"),
    ("recovery.enrol.submit", "I have put them away"),
];
