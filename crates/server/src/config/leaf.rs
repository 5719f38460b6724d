//! Kinds of values: how each is read from text, and how it is shown.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use serde_json::{Value as Json, json};
use url::Url;

/// A value that can be read from text.
pub trait Leaf: Sized {
    /// What it must look like, for errors, such as ``a duration such as `15m` ``.
    const WANTED: &'static str;

    /// Reads it; `None` when the text is not one.
    fn read(text: &str) -> Option<Self>;

    /// How it is written.
    fn show(&self) -> String;

    /// What it is in a JSON Schema: how an editor completes and checks it. Stricter than [`Leaf::read`] in one thing: a number
    /// is not written as a text, although the environment can do no better.
    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

macro_rules! leaf {
    ($($type:ty, $json:literal, $wanted:literal;)*) => {$(
        impl Leaf for $type {
            const WANTED: &'static str = $wanted;

            fn schema() -> Json {
                json!({ "type": $json })
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

leaf! {
    bool, "boolean", "`true` or `false`";
    u32, "integer", "a whole number";
    u64, "integer", "a whole number";
    i64, "integer", "a whole number";
    usize, "integer", "a whole number";
    SocketAddr, "string", "an address and a port such as `127.0.0.1:8080`";
    String, "string", "a text";
}

impl Leaf for Url {
    const WANTED: &'static str = "an absolute URL such as `https://auth.example.com`";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(Self::has_host)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Leaf for PathBuf {
    const WANTED: &'static str = "the path of a file or folder";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then(|| text.into())
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Leaf for IpNet {
    const WANTED: &'static str = "an IP address or range such as `10.0.0.0/8`";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(Self::from))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Leaf for Duration {
    const WANTED: &'static str = "a duration with its unit, such as `30s`, `15m`, `12h` or `7d`";

    fn read(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut total = Self::ZERO;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, after) = rest.split_at(digits);
            let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit);
            let number: u64 = number.parse().ok()?;
            let seconds = |n: u64| number.checked_mul(n).map(Self::from_secs);
            let part = match unit.trim() {
                "ms" => Self::from_millis(number),
                "s" => seconds(1)?,
                "m" | "min" => seconds(60)?,
                "h" => seconds(3600)?,
                "d" => seconds(86_400)?,
                _ => return None,
            };
            total = total.checked_add(part)?;
            rest = after.trim_start();
        }
        (!text.trim().is_empty()).then_some(total)
    }

    fn show(&self) -> String {
        let millis = self.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
        let whole = units.into_iter().find(|(size, _)| millis > 0 && millis.is_multiple_of(*size));
        whole.map_or_else(|| "0s".to_owned(), |(size, unit)| format!("{}{unit}", millis / size))
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

impl Size {
    const UNITS: [(usize, &'static str); 4] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
}

impl Leaf for Size {
    const WANTED: &'static str = "a size such as `64KiB` or `1MiB`";

    fn schema() -> Json {
        json!({ "type": ["string", "integer"] })
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let (size, _) = match unit.trim() {
            "" => (1, ""),
            unit => Self::UNITS.into_iter().find(|(_, name)| *name == unit)?,
        };
        number.parse::<usize>().ok()?.checked_mul(size).map(Self)
    }

    fn show(&self) -> String {
        let whole = Self::UNITS.into_iter().find(|(size, _)| self.0 > 0 && self.0.is_multiple_of(*size));
        whole.map_or_else(|| self.0.to_string(), |(size, unit)| format!("{}{unit}", self.0 / size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit_and_shown_again() {
        for (text, seconds) in [("30s", 30), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("1h30m", 5400)] {
            let read = Duration::read(text);
            assert_eq!(read, Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(read.and_then(|d| Duration::read(&d.show())), read);
        }
        assert_eq!(Duration::from_secs(900).show(), "15m");
        for bad in ["", "15", "m", "15 apples", "-1s", "1.5h", "99999999999999999999s", "99999999999999999d"] {
            assert_eq!(Duration::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_and_shown_again() {
        for (text, bytes) in [("64KiB", 65_536), ("1MiB", 1 << 20), ("100", 100), ("100B", 100)] {
            assert_eq!(Size::read(text), Some(Size(bytes)), "{text}");
        }
        assert_eq!(Size(65_536).show(), "64KiB");
        for bad in ["", "KiB", "64KB", "64kib", "-1", "99999999999999999999GiB", "9999999999999999GiB"] {
            assert_eq!(Size::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_is_a_range_of_one() {
        assert_eq!(IpNet::read("10.0.0.1").map(|net| net.to_string()), Some("10.0.0.1/32".to_owned()));
        assert_eq!(IpNet::read("10.0.0.300"), None);
    }
}
