//! Messages as they are counted: what became of each, by the way that it went. A way is the connection that chains name, the
//! gateway that carried the message, and the area of its destination. Names are of the house and areas of a list, so the table
//! grows with gateways, countries and days, and not with strangers.

use std::collections::BTreeMap;

use vestibule_authn_smsotp::is_area;

/// It was taken by its gateway, or may have been.
pub const SENT: &str = "messages/sent";
/// Of these: nobody knows.
pub const UNKNOWN: &str = "messages/unknown";
/// It was refused, so nothing was sent.
pub const REFUSED: &str = "messages/refused";
/// The gateway said later that it arrived.
pub const DELIVERED: &str = "messages/delivered";
/// The gateway said later that it did not.
pub const UNDELIVERED: &str = "messages/undelivered";
/// Its code was used.
pub const USED: &str = "messages/used";
/// It was sent so long ago that its code would have been used by now. By connection and area alone.
pub const RIPE: &str = "messages/ripe";
/// An alarm was raised. By connection and area alone, as the next two.
pub const ALARM: &str = "messages/alarm";
/// It holds messages back.
pub const STOPPED: &str = "messages/stopped";
/// An admin let them go again.
pub const LIFTED: &str = "messages/lifted";

/// What becomes of messages.
pub const FATES: [&str; 6] = [SENT, UNKNOWN, REFUSED, DELIVERED, UNDELIVERED, USED];

/// What stands for an area that is none: what an older or newer program wrote.
pub const OTHER: &str = "other";

/// What stands between the parts of a way: a character that no name has (ISO 646, unit separator).
const BETWEEN: char = '\u{1f}';

/// The kinds of events that say that the code of a message was used.
const USES: [&str; 4] = ["otp.passed", "number.captured", "number.changed", "email.verified"];

/// By which way messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The connection that chains name.
    pub connection: String,
    /// The one that carried them: the same, unless that goes by several. Empty where it is not asked.
    pub gateway: String,
    /// The area; empty where there are none (mail).
    pub area: String,
}

impl Way {
    /// The way that the details of an event tell; `None` when the event is about no message.
    pub fn of(details: &BTreeMap<String, String>) -> Option<Self> {
        let name = |name: &str| details.get(name).filter(|text| !text.is_empty() && !text.contains(BETWEEN)).cloned();
        let connection = name("connection")?;
        let gateway = name("gateway").unwrap_or_else(|| connection.clone());
        let area = details.get("prefix").map_or("", |area| if is_area(area) { area } else { OTHER });
        Some(Self { connection, gateway, area: area.to_owned() })
    }

    /// The same, by whomever.
    #[must_use]
    pub fn by_any(self) -> Self {
        Self { gateway: String::new(), ..self }
    }

    /// As it stands in the table.
    pub fn text(&self) -> String {
        format!("{}{BETWEEN}{}{BETWEEN}{}", self.connection, self.gateway, self.area)
    }

    /// From the table.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, BETWEEN).map(str::to_owned);
        Some(Self { connection: parts.next()?, gateway: parts.next()?, area: parts.next()? })
    }
}

/// What an event says of a message: how it is counted.
pub fn fates(kind: &str, outcome: Option<&str>) -> &'static [&'static str] {
    match (kind, outcome) {
        ("otp.sent" | "otp.resent", Some("accepted")) => &[SENT],
        ("otp.sent" | "otp.resent", Some("unknown")) => &[SENT, UNKNOWN],
        ("otp.sent" | "otp.resent", Some("refused")) => &[REFUSED],
        ("otp.delivered", _) => &[DELIVERED],
        ("otp.undelivered", _) => &[UNDELIVERED],
        (kind, _) if USES.contains(&kind) => &[USED],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(details: &[(&str, &str)]) -> Option<Way> {
        Way::of(&details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_way_is_written_and_read_and_what_is_no_area_is_one_other() {
        let route = way(&[("connection", "SMS OTP"), ("gateway", "LOCAL"), ("prefix", "+49 DE")]).unwrap();
        assert_eq!(route.text(), "SMS OTP\u{1f}LOCAL\u{1f}+49 DE");
        assert_eq!(Way::parse(&route.text()), Some(route.clone()));
        assert_eq!(route.by_any().gateway, "");
        let mail = way(&[("connection", "a/b")]).unwrap();
        assert_eq!(
            (mail.gateway.as_str(), mail.area.as_str(), Way::parse(&mail.text())),
            ("a/b", "", Some(mail.clone()))
        );
        let strange = way(&[("connection", "SMS"), ("prefix", "+4915123456789")]).unwrap();
        assert_eq!(strange.area, OTHER);
        for none in [&[("to", "+49")][..], &[("connection", "a\u{1f}b")], &[("connection", "")]] {
            assert_eq!(way(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_was_refused_was_not_sent_and_what_nobody_knows_may_have_been() {
        assert_eq!(fates("otp.sent", Some("refused")), [REFUSED]);
        assert_eq!(fates("otp.sent", None), [""; 0]);
        assert_eq!(fates("otp.resent", Some("unknown")), [SENT, UNKNOWN]);
        assert_eq!(fates("number.captured", None), [USED]);
        assert_eq!(fates("otp.rejected", None), [""; 0]);
    }
}
