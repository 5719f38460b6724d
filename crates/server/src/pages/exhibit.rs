//! What a page shows for the person to keep: the key of an authenticator app as a picture and as text, and codes to be put
//! away. Besides, what the browser is asked about a passkey.
//!
//! The picture is drawn here, as one path of an SVG in the page: it holds a secret, so it is no address that something could keep,
//! and it needs no script. Codes are downloaded from the page itself, which has them already.

use std::fmt::Write as _;

use qrcode::{Color, QrCode};
use serde::Serialize;
use vestibule_core::{
    Time,
    prompt::{self, FieldKind, Prompt, Text},
};

use super::Moment;

/// So many light modules are around the dark ones (ISO/IEC 18004, section 6.3.8).
const QUIET: usize = 4;
/// A key is read and typed in groups of this length.
const GROUP: usize = 4;

/// What is shown to be kept.
#[derive(Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Exhibit {
    /// The key of an authenticator app.
    OtpKey {
        /// To be scanned; none when it does not fit into a picture.
        picture: Option<Picture>,
        /// To be opened on a device that has such an app.
        link: Option<String>,
        /// To be typed, in groups.
        groups: Vec<String>,
        /// To be copied.
        key: String,
    },
    /// Codes, each good for once.
    Codes {
        /// The codes.
        codes: Vec<String>,
        /// All of them, a line each.
        lines: String,
        /// The same as a file, a `data:` address.
        file: String,
        /// When they were made.
        at: Moment,
    },
}

/// A picture of squares.
#[derive(Clone, Serialize)]
pub struct Picture {
    /// How many squares it has on each side.
    size: usize,
    /// The dark ones, as the path of an SVG.
    path: String,
}

/// What the browser is asked about a passkey.
#[derive(Clone, Debug, Serialize)]
pub struct Passkey {
    /// Whether one is made, rather than used.
    pub create: bool,
    /// The name of the input that takes the browser's answer.
    pub field: String,
    /// What it is asked, as JSON.
    pub options: String,
    /// The word on its button.
    pub submit: Text,
    /// The one that was sent last is nowhere here: for whom it was made, as the browser is told (JSON).
    pub unknown: Option<String>,
}

impl std::fmt::Debug for Exhibit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OtpKey { .. } => "OtpKey(…)",
            Self::Codes { .. } => "Codes(…)",
        })
    }
}

impl Exhibit {
    /// What a prompt shows to be kept.
    pub fn of(prompt: &Prompt, now: Time) -> Option<Self> {
        match prompt.exhibit.as_ref()? {
            prompt::Exhibit::OtpKey { uri, key } => Some(Self::otp_key(uri, key)),
            prompt::Exhibit::Codes { codes } => Some(Self::codes(codes.clone(), now)),
            prompt::Exhibit::PublicKey { .. } => None,
        }
    }

    /// A key, as a picture and as text.
    pub fn otp_key(uri: &str, key: &str) -> Self {
        // A link is followed, and so leads to an authenticator app and nowhere else.
        let link = uri.starts_with("otpauth://").then(|| uri.to_owned());
        let letters: Vec<char> = key.chars().filter(|c| !c.is_whitespace()).collect();
        let groups = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        Self::OtpKey { picture: Picture::of(uri), link, groups, key: letters.iter().collect() }
    }

    /// Codes, made at `now`.
    pub fn codes(codes: Vec<String>, now: Time) -> Self {
        let at = Moment::from(now);
        let lines = codes.join("\n");
        let text = format!("{}\n\n{lines}\n", at.date);
        let file = format!("data:text/plain;charset=utf-8,{}", escaped(&text));
        Self::Codes { codes, lines, file, at }
    }
}

/// A text as it stands in an address: whatever is neither letter nor digit is written as its bytes.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        // Writing to a text cannot fail.
        let _ = if byte.is_ascii_alphanumeric() {
            write!(escaped, "{}", char::from(byte))
        } else {
            write!(escaped, "%{byte:02X}")
        };
    }
    escaped
}

impl Picture {
    /// The QR code of a text; `None` when it is too long for one.
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let width = code.width();
        let rows = code.to_colors();
        let path = rows.chunks(width).enumerate().map(|(y, row)| row_path(row, y + QUIET)).collect();
        Some(Self { size: width + 2 * QUIET, path })
    }
}

/// The dark modules of a row, those that touch in one piece.
fn row_path(row: &[Color], y: usize) -> String {
    let mut path = String::new();
    let mut x = QUIET;
    for run in row.chunk_by(|left, right| left == right) {
        if run.first() == Some(&Color::Dark) {
            let length = run.len();
            // Writing to a text cannot fail.
            let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
        }
        x += run.len();
    }
    path
}

impl Passkey {
    /// What a prompt asks of the browser; `None` where it has no input for the answer.
    pub fn of(prompt: &Prompt) -> Option<Self> {
        let prompt::Exhibit::PublicKey { create, options } = prompt.exhibit.as_ref()? else { return None };
        let field = prompt.fields.iter().find(|field| field.kind == FieldKind::PublicKey)?;
        Some(Self {
            create: *create,
            field: field.name.clone(),
            options: options.to_string(),
            submit: prompt.submit.clone(),
            unknown: None,
        })
    }

    /// The same after an answer by a passkey that nobody has here.
    #[must_use]
    pub fn unknown(self) -> Self {
        let asked: serde_json::Value = serde_json::from_str(&self.options).unwrap_or_default();
        let party = asked.pointer("/publicKey/rpId").or_else(|| asked.get("rpId"));
        let unknown = party.map(|party| serde_json::json!({ "rpId": party }).to_string());
        Self { unknown, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/Vestibule:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Vestibule";

    /// The dark squares that a path draws.
    fn dark(path: &str) -> Vec<(usize, usize)> {
        let runs = path.split('M').skip(1);
        let run = |text: &str| {
            let (at, rest) = text.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            (x..x + length).map(move |x| (x, y)).collect::<Vec<_>>()
        };
        runs.flat_map(run).collect()
    }

    #[test]
    fn the_picture_is_the_code_with_its_quiet_zone() {
        let picture = Picture::of(URI).unwrap();
        let code = QrCode::new(URI).unwrap();
        assert_eq!(picture.size, code.width() + 8);
        let drawn = dark(&picture.path);
        for y in 0..picture.size {
            for x in 0..picture.size {
                let inside = (4..picture.size - 4).contains(&x) && (4..picture.size - 4).contains(&y);
                let is_dark = inside && code[(x - 4, y - 4)] == Color::Dark;
                assert_eq!(drawn.contains(&(x, y)), is_dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_key_is_shown_in_groups_and_copied_whole() {
        let Exhibit::OtpKey { groups, key, link, picture } = Exhibit::otp_key(URI, "GEZD GNBV GY") else { panic!() };
        assert_eq!((groups.join("-").as_str(), key.as_str()), ("GEZD-GNBV-GY", "GEZDGNBVGY"));
        assert!(link.is_some() && picture.is_some());
    }

    #[test]
    fn a_link_leads_to_an_authenticator_app_and_nowhere_else() {
        for uri in ["javascript:alert(1)", "https://evil.example/", "otpauth:alert(1)", " otpauth://totp/x"] {
            let Exhibit::OtpKey { link, .. } = Exhibit::otp_key(uri, "GEZD") else { panic!() };
            assert_eq!(link, None, "{uri}");
        }
        let Exhibit::OtpKey { picture, groups, .. } = Exhibit::otp_key(&"x".repeat(8000), "GEZD") else { panic!() };
        assert!(picture.is_none() && groups.len() == 1, "what no picture holds can still be typed");
    }

    #[test]
    fn codes_are_a_file_of_their_own_and_printing_tells_none() {
        let codes = vec!["ab&c-d\"e".to_owned(), "f#g".to_owned()];
        let shown = Exhibit::codes(codes, Time::from_unix_seconds(1_795_442_600));
        assert_eq!(format!("{shown:?}"), "Codes(…)");
        let Exhibit::Codes { file, lines, .. } = shown else { panic!() };
        let (head, body) = file.split_once(',').unwrap();
        assert_eq!(head, "data:text/plain;charset=utf-8");
        assert!(body.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'%'), "{body}");
        let query = format!("x={body}");
        let (_, read) = url::form_urlencoded::parse(query.as_bytes()).next().unwrap();
        assert_eq!(read, format!("2026-11-23 14:03 UTC\n\n{lines}\n"));
    }
}
