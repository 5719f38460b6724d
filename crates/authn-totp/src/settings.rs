//! The settings of a `totp` alternative. A value out of range is refused when the chain is saved, and never replaced.
//!
//! How far a clock may be wrong is asked at every answer. Which hash and how many digits is asked when a device is enrolled,
//! and then kept with it: who changes them changes nothing for the devices that there are.

use serde_json::{Map, Value, json};

use crate::{Algorithm, Digits};

/// How an alternative takes codes, and what it enrols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) drift: u16,
    pub(crate) algorithm: Algorithm,
    pub(crate) digits: Digits,
}

/// RFC 6238, section 5.2: one time step is recommended.
const DRIFT: u16 = 1;
/// With more, a code that somebody saw over a shoulder is good for minutes.
const MOST_DRIFT: u16 = 2;

impl Default for Settings {
    fn default() -> Self {
        Self { drift: DRIFT, algorithm: Algorithm::default(), digits: Digits::default() }
    }
}

impl Settings {
    /// Reads the settings; the error names the setting and what it may be.
    pub(crate) fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, value) in written {
            let told = |why: &str| format!("{name}: {why}, not {value}");
            match name.as_str() {
                "drift" => {
                    settings.drift = drift(value).ok_or_else(|| told("a whole number from 0 to 2 is wanted"))?;
                }
                "algorithm" => {
                    let algorithm = serde_json::from_value(value.clone());
                    settings.algorithm = algorithm.map_err(|_| told("`SHA1`, `SHA256` or `SHA512` is wanted"))?;
                }
                "digits" => {
                    let digits = serde_json::from_value(value.clone());
                    settings.digits = digits.map_err(|_| told("6 or 8 is wanted"))?;
                }
                _ => return Err(format!("{name}: there is no such setting, only drift, algorithm and digits")),
            }
        }
        Ok(settings)
    }

    /// The JSON Schema from which the console draws its form.
    pub(crate) fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "drift": {
                    "type": "integer", "title": "Time steps accepted before and after the present one",
                    "minimum": 0, "maximum": MOST_DRIFT, "default": DRIFT,
                },
                "algorithm": {
                    "type": "string", "title": "Hash of new devices", "enum": ["SHA1", "SHA256", "SHA512"],
                    "default": "SHA1", "description": "Many apps know SHA1 alone, and show wrong codes for another.",
                },
                "digits": { "type": "integer", "title": "Digits of new devices", "enum": [6, 8], "default": 6 },
            },
        })
    }
}

fn drift(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number <= MOST_DRIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: impl Into<Value>) -> Result<Settings, String> {
        Settings::read(&Map::from_iter([(name.to_owned(), value.into())]))
    }

    #[test]
    fn a_setting_in_range_is_taken() {
        assert_eq!(read("drift", 0).unwrap().drift, 0);
        assert_eq!(read("drift", 2).unwrap().drift, 2);
        assert_eq!(read("algorithm", "SHA256").unwrap().algorithm, Algorithm::Sha256);
        assert_eq!(read("digits", 8).unwrap().digits, Digits::Eight);
    }

    #[test]
    fn a_setting_out_of_range_is_refused_by_name_and_never_replaced() {
        for (name, bad) in [
            ("drift", json!(3)),
            ("drift", json!(-1)),
            ("drift", json!(1.5)),
            ("drift", json!("1")),
            ("drift", json!(null)),
            ("algorithm", json!("sha1")),
            ("algorithm", json!("MD5")),
            ("algorithm", json!(1)),
            ("digits", json!(7)),
            ("digits", json!(10)),
            ("digits", json!("6")),
            ("digits", json!(262)),
            ("period", json!(60)),
        ] {
            let refused = read(name, bad.clone()).unwrap_err();
            assert!(refused.starts_with(name), "{bad}: {refused}");
        }
    }

    #[test]
    fn the_schema_knows_every_setting_and_its_default() {
        let schema = Settings::schema();
        let defaults = schema["properties"].as_object().unwrap();
        let defaults: Map<_, _> =
            defaults.iter().map(|(name, schema)| (name.clone(), schema["default"].clone())).collect();
        assert_eq!(defaults.len(), 3);
        assert_eq!(Settings::read(&defaults), Ok(Settings::default()));
    }
}
