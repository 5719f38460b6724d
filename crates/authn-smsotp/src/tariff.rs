//! What messages cost by a connection, and when hardly any code being used is an alarm.
//!
//! ```json
//! { "price": 0.075, "prices": { "+49": 0.06, "+1 JM": 0.21 }, "currency": "EUR",
//!   "alarm_messages": 50, "alarm_used_percent": 20, "alarm_stops": true }
//! ```
//! Prices are of a message, in whole millionths of the currency: sums of them are exact. Nothing is converted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vestibule_core::channel::{Connection, ConnectionError, Settings};

use crate::is_area;

const PRICE: &str = "price";
const PRICES: &str = "prices";
const CURRENCY: &str = "currency";
const ALARM_MESSAGES: &str = "alarm_messages";
const ALARM_USED: &str = "alarm_used_percent";

/// The settings of both, by name.
pub(crate) const NAMES: [&str; 6] = [PRICE, PRICES, CURRENCY, ALARM_MESSAGES, ALARM_USED, Connection::ALARM_STOPS];

/// Dearer than this is a mistake.
const DEAREST: f64 = 1_000_000.0;

/// What messages cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tariff {
    /// In which currency.
    pub currency: String,
    price: Option<i64>,
    prices: BTreeMap<String, i64>,
}

/// When it is an alarm that hardly any code is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// From so many messages to an area in an hour or a day.
    pub messages: u64,
    /// When less than this share of them is used, in percent; never, when it is 0.
    pub used_percent: u64,
    /// Whether it holds back what would go there next.
    pub stops: bool,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { messages: 50, used_percent: 20, stops: false }
    }
}

fn refused(setting: &str, why: &str) -> ConnectionError {
    ConnectionError { setting: setting.to_owned(), why: why.to_owned() }
}

impl Tariff {
    /// What settings say.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn of(settings: &Settings) -> Result<Self, ConnectionError> {
        let wrong = |setting: &str| refused(setting, "a number from 0 is wanted, such as 0.075");
        let price = match settings.0.get(PRICE) {
            None => None,
            Some(written) => Some(millionths(written).ok_or_else(|| wrong(PRICE))?),
        };
        let mut prices = BTreeMap::new();
        let table = || refused(PRICES, "a table of prices is wanted, such as { \"+49\" = 0.06, \"+1 JM\" = 0.21 }");
        let written = settings.0.get(PRICES).map(|written| written.as_object().ok_or_else(table)).transpose()?;
        for (area, written) in written.into_iter().flatten() {
            if !is_area(area) {
                return Err(refused(PRICES, "a price is of a calling code, alone or with a country: +1, or +1 JM"));
            }
            prices.insert(area.clone(), millionths(written).ok_or_else(|| wrong(&format!("{PRICES}.{area}")))?);
        }
        let letters = |text: &&str| (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let currency = match settings.0.get(CURRENCY) {
            None if price.is_some() || !prices.is_empty() => {
                return Err(refused(CURRENCY, "a price wants a currency, such as EUR"));
            }
            None => "",
            Some(written) => {
                let written = written.as_str().filter(letters);
                written.ok_or_else(|| refused(CURRENCY, "capital letters are wanted, such as EUR"))?
            }
        };
        Ok(Self { currency: currency.to_owned(), price, prices })
    }

    /// What a message to an area costs, in millionths: by its country, by its calling code, or as any other.
    pub fn price(&self, area: &str) -> Option<i64> {
        let code = area.split(' ').next().unwrap_or_default();
        self.prices.get(area).or_else(|| self.prices.get(code)).copied().or(self.price)
    }
}

impl Alarm {
    /// What settings say.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn of(settings: &Settings) -> Result<Self, ConnectionError> {
        let usual = Self::default();
        let number = |name: &str, usual: u64, least: u64, most: u64, why: &str| match settings.0.get(name) {
            None => Ok(usual),
            Some(written) => {
                let number = written.as_u64().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| refused(name, why))
            }
        };
        let stops = match settings.0.get(Connection::ALARM_STOPS) {
            None => usual.stops,
            Some(written) => {
                written.as_bool().ok_or_else(|| refused(Connection::ALARM_STOPS, "true or false is wanted"))?
            }
        };
        Ok(Self {
            messages: number(ALARM_MESSAGES, usual.messages, 1, u64::MAX, "a whole number from 1 is wanted")?,
            used_percent: number(ALARM_USED, usual.used_percent, 0, 100, "a whole number from 0 to 100 is wanted")?,
            stops,
        })
    }

    /// Whether it is one that of so many messages so many were used.
    pub fn raised(&self, sent: u64, used: u64) -> bool {
        sent >= self.messages && used.saturating_mul(100) < sent.saturating_mul(self.used_percent)
    }
}

/// Checks what settings say of both.
pub(crate) fn check(settings: &Settings) -> Result<(), ConnectionError> {
    Tariff::of(settings)?;
    Alarm::of(settings).map(|_| ())
}

/// The schema of one of these settings.
pub(crate) fn schema(name: &str) -> Value {
    let price = || json!({ "type": "number", "minimum": 0 });
    match name {
        PRICE => price(),
        PRICES => json!({ "type": "object", "additionalProperties": price() }),
        CURRENCY => json!({ "type": "string", "pattern": "^[A-Z]{1,8}$" }),
        ALARM_MESSAGES => json!({ "type": "integer", "minimum": 1, "default": Alarm::default().messages }),
        ALARM_USED => {
            json!({ "type": "integer", "minimum": 0, "maximum": 100, "default": Alarm::default().used_percent })
        }
        _ => json!({ "type": "boolean", "default": false }),
    }
}

/// A price in millionths. It is read from its digits, so that what is written is what is counted.
fn millionths(written: &Value) -> Option<i64> {
    let price = written.as_f64().filter(|price| (0.0..=DEAREST).contains(price))?;
    format!("{price:.6}").replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(written: Value) -> Settings {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn the_price_of_the_country_goes_before_that_of_the_code_and_of_all() {
        let written = json!({ "price": 0.075, "prices": { "+1": 0.01, "+1 JM": 0.21 }, "currency": "EUR" });
        let tariff = Tariff::of(&settings(written)).unwrap();
        assert_eq!(tariff.price("+1 JM"), Some(210_000));
        assert_eq!(tariff.price("+1 US"), Some(10_000));
        assert_eq!(tariff.price("+49 DE"), Some(75_000));
        assert_eq!(tariff.price(""), Some(75_000));
        assert_eq!(Tariff::of(&settings(json!({}))).unwrap().price("+49 DE"), None);
        let whole = Tariff::of(&settings(json!({ "price": 1, "currency": "USD" }))).unwrap();
        assert_eq!(whole.price(""), Some(1_000_000));
    }

    #[test]
    fn a_price_that_is_none_is_refused_by_its_setting() {
        for (written, setting) in [
            (json!({ "price": -1, "currency": "EUR" }), "price"),
            (json!({ "price": "0.1", "currency": "EUR" }), "price"),
            (json!({ "price": 1e9, "currency": "EUR" }), "price"),
            (json!({ "price": 0.1 }), "currency"),
            (json!({ "price": 0.1, "currency": "€" }), "currency"),
            (json!({ "currency": 1 }), "currency"),
            (json!({ "prices": 1 }), "prices"),
            (json!({ "prices": { "+4915": 1 }, "currency": "EUR" }), "prices"),
            (json!({ "prices": { "+49": "x" }, "currency": "EUR" }), "prices.+49"),
        ] {
            assert_eq!(Tariff::of(&settings(written.clone())).unwrap_err().setting, setting, "{written}");
        }
    }

    #[test]
    fn an_alarm_wants_enough_messages_and_few_that_were_used() {
        let alarm = Alarm::of(&settings(json!({}))).unwrap();
        assert_eq!(alarm, Alarm { messages: 50, used_percent: 20, stops: false });
        assert!(alarm.raised(50, 9) && !alarm.raised(50, 10) && !alarm.raised(49, 0));
        let never = Alarm::of(&settings(json!({ "alarm_used_percent": 0 }))).unwrap();
        assert!(!never.raised(u64::MAX, 0));
        let all = Alarm::of(&settings(json!({ "alarm_messages": 1, "alarm_used_percent": 100 }))).unwrap();
        assert!(all.raised(2, 1) && !all.raised(2, 2));
        for (written, setting) in [
            (json!({ "alarm_messages": 0 }), "alarm_messages"),
            (json!({ "alarm_used_percent": 101 }), "alarm_used_percent"),
            (json!({ "alarm_stops": "yes" }), "alarm_stops"),
        ] {
            assert_eq!(Alarm::of(&settings(written.clone())).unwrap_err().setting, setting, "{written}");
        }
    }
}
