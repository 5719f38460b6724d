//! The texts of the `smsotp` pages in English. Each state that a page can be in has one.

pub(crate) const MESSAGES: &[(&str, &str)] = &[
    ("smsotp.label", "Text message"),
    ("smsotp.title", "Enter the code"),
    ("smsotp.lead", "A code comes to your phone in a text message. It is good for {minutes} min."),
    ("smsotp.field", "Code"),
    ("smsotp.submit", "Continue"),
    ("smsotp.resend", "Send it again"),
    ("smsotp.enrol_title", "Your phone number"),
    (
        "smsotp.number_needed",
        "Which phone should codes be sent to? We send one now: with it you show that the phone is yours.",
    ),
    ("smsotp.enrol_field", "Phone number"),
    ("smsotp.enrol_submit", "Send the code"),
    ("smsotp.number_empty", "Please enter a phone number."),
    (
        "smsotp.number_malformed",
        "This is no phone number that we can read. Please enter it with + and the country code, such as +1 202 555 0142.",
    ),
    ("smsotp.sending", "We are sending the code to {target}."),
    ("smsotp.sent", "We sent the code to {target}."),
    ("smsotp.resend_at", "You can have it sent again from {time}."),
    ("smsotp.resent", "We sent the same code once more. Whichever message comes first, its code is right."),
    ("smsotp.renewed", "We sent a new code. The earlier one is no longer valid."),
    ("smsotp.empty", "Please enter the code from the text message."),
    ("smsotp.malformed", "This does not look like a code. Please enter it as the message has it."),
    ("smsotp.wrong", "This is not the code. You can try {left} more times."),
    ("smsotp.wrong_last", "This is not the code. You can try once more."),
    ("smsotp.expired", "The time of this code is over. We can send you a new one."),
    ("smsotp.dead", "This code was wrong too often and is no longer valid. We can send you a new one."),
    ("smsotp.wait", "There were too many tries. Please go on at {time}."),
    ("smsotp.wait_sends", "We have sent as many messages as we may for now. The next can go out at {time}."),
    (
        "smsotp.refused",
        "The message could not be sent. Please try again or choose another way. If you ask for help, name {reference}.",
    ),
    (
        "smsotp.unknown",
        "We do not know yet whether the message has left. If none comes within a minute, have it sent again. If you ask for help, name {reference}.",
    ),
    (
        "smsotp.not_allowed",
        "We do not send messages to numbers of this kind. Please give another number or choose another way.",
    ),
    ("smsotp.no_number", "No phone number is on file for you. Please ask those who run this service to add one."),
    ("smsotp.other_tab", "You have gone on in another window. This one can be closed."),
];
