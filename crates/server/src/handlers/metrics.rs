//! `GET /metrics`, on the management listener alone: figures in the text format of Prometheus.
//!
//! Each is read from memory, where something in the background has put it: to be asked costs nothing.

use std::fmt::Write as _;

use actix_web::{HttpResponse, web::Data};
use vestibule_core::tally::Tally;

use crate::{
    state::State,
    tally::messages::{ALARM, Way},
};

/// The type of the text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`.
pub async fn get(state: Data<State>) -> HttpResponse {
    let mut text = String::new();
    if let Some(counted) = state.census.last() {
        text.push_str("# HELP vestibule_passwords Passwords by the kind of their hash, when they were counted last.\n");
        text.push_str("# TYPE vestibule_passwords gauge\n");
        for (kind, number) in &counted.kinds {
            // Writing to a text does not fail.
            let _ = writeln!(text, "vestibule_passwords{{kind=\"{kind}\"}} {number}");
        }
        text.push_str("# HELP vestibule_passwords_counted_seconds When they were counted, in seconds since 1970.\n");
        text.push_str("# TYPE vestibule_passwords_counted_seconds gauge\n");
        let _ = writeln!(text, "vestibule_passwords_counted_seconds {}", counted.at.unix_seconds());
    }
    messages(&mut text, &state.latest.tallies());
    HttpResponse::Ok().content_type(TEXT).body(text)
}

/// What became of messages since the day of UTC began. Like after a restart they begin with 0 then, as a counter may. The same
/// message may be sent and used, so what is told of one is no sum. Connections are of the house and prefixes of a list.
fn messages(text: &mut String, tallies: &[Tally]) {
    let known = |what: &'static str| {
        let of = move |tally: &&Tally| (tally.what == ALARM) == (what == ALARM);
        tallies.iter().filter(of).filter_map(|tally| Some((tally, Way::parse(&tally.about)?)))
    };
    text.push_str("# HELP vestibule_messages_total What became of messages since midnight UTC.\n");
    text.push_str("# TYPE vestibule_messages_total counter\n");
    for (tally, Way { connection, gateway, area }) in known("") {
        let fate = tally.what.rsplit('/').next().unwrap_or_default();
        let labels = [("connection", connection), ("gateway", gateway), ("prefix", area), ("fate", fate.to_owned())];
        let _ = writeln!(text, "vestibule_messages_total{{{}}} {}", labelled(&labels), tally.number);
    }
    text.push_str("# HELP vestibule_message_alarms_total Alarms since midnight UTC: hardly any code is used.\n");
    text.push_str("# TYPE vestibule_message_alarms_total counter\n");
    for (tally, Way { connection, area, .. }) in known(ALARM) {
        let labels = [("connection", connection), ("prefix", area)];
        let _ = writeln!(text, "vestibule_message_alarms_total{{{}}} {}", labelled(&labels), tally.number);
    }
}

fn labelled(labels: &[(&str, String)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let label = |(name, value): &(&str, String)| format!("{name}=\"{}\"", escaped(value));
    labels.iter().map(label).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use vestibule_core::{Time, tally::Span};

    use super::*;
    use crate::tally::messages::SENT;

    #[test]
    fn a_label_is_one_whatever_an_admin_called_it() {
        let way = Way { connection: "a\"b\\c\nd".to_owned(), gateway: "GW".to_owned(), area: "+49 DE".to_owned() };
        let tally = |what: &str| {
            let (what, about) = (what.to_owned(), way.text());
            Tally { span: Span::Day, at: Time(0), what, about, number: 7 }
        };
        let mut text = String::new();
        messages(&mut text, &[tally(SENT), tally(ALARM)]);
        let sent = r#"vestibule_messages_total{connection="a\"b\\c\nd",gateway="GW",prefix="+49 DE",fate="sent"} 7"#;
        assert!(text.lines().any(|line| line == sent), "{text}");
        let alarm = r#"vestibule_message_alarms_total{connection="a\"b\\c\nd",prefix="+49 DE"} 7"#;
        assert!(text.lines().any(|line| line == alarm), "{text}");
        assert_eq!(text.lines().count(), 6);
    }
}
