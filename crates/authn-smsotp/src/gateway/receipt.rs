//! Delivery receipts: what a gateway says later, by calling an address that only it knows.
//!
//! ```json
//! { "preset": "vonage", "receipts": { "type": "vonage" }, "secrets": { "receipts": "at-least-sixteen-characters", … } }
//! ```
//! The secret is part of the address, since not every vendor signs what it says; where one does (Twilio) the signature is asked
//! for besides. What is neither the one nor the other state (queued, buffered, sent) is listened to and means nothing.

use std::collections::BTreeMap;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use vestibule_core::channel::{ConnectionError, Delivery, Settings};

use super::{mask::Mask, refused, rule, settings::Written};

/// The secret of the address, by its name among the secrets.
const SECRET: &str = "receipts";
/// The key of Twilio's signatures, as its preset has it.
const TWILIO_KEY: &str = "auth_token";
const SHORTEST: usize = 16;
const REFERENCE_CHARACTERS: usize = 64;

/// How a gateway says it, as an admin writes it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub(super) enum Form {
    /// `messageId`, `status` and `err-code`, as JSON or as a form.
    Vonage,
    /// `MessageSid`, `MessageStatus` and `ErrorCode` as a form, signed.
    Twilio,
    /// A JSON object, looked into by JSON pointers (RFC 6901).
    Generic {
        /// Where the gateway's own id of the message is.
        reference: String,
        /// Where its state is.
        state: String,
        /// Where it says why, if anywhere.
        why: Option<String>,
        /// The states that say that it was delivered.
        delivered: Vec<String>,
        /// The states that say that it was not and will not be.
        undelivered: Vec<String>,
    },
}

/// What called.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The whole address that was called, as the gateway knows it.
    pub url: &'a str,
    /// The last part of it.
    pub secret: &'a str,
    /// `X-Twilio-Signature`.
    pub signature: Option<&'a str>,
    /// What was posted.
    pub body: &'a [u8],
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// What became of a message.
    Of {
        /// As the gateway called it.
        reference: String,
        /// What became of it.
        delivery: Delivery,
    },
    /// It is on its way.
    Pending,
}

/// Reads receipts of one gateway.
pub struct Receipts {
    form: Form,
    secret: SecretString,
    key: Option<SecretString>,
}

impl Receipts {
    /// What these settings say of receipts; `None` where the gateway tells nothing.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn of(settings: &Settings) -> Result<Option<Self>, ConnectionError> {
        Self::written(&Written::read(settings)?)
    }

    pub(super) fn written(written: &Written) -> Result<Option<Self>, ConnectionError> {
        let Some(form) = written.receipts.clone() else { return Ok(None) };
        let secret = |name: &str| written.secrets.get(name).map(|secret| secret.0.clone());
        let missing = |name: &str, why: &str| refused(&format!("secrets.{name}"), why);
        let own = secret(SECRET).ok_or_else(|| missing(SECRET, "is missing: it is the last part of the address"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if own.expose_secret().len() < SHORTEST || !own.expose_secret().chars().all(plain) {
            return Err(missing(SECRET, "at least 16 letters, digits, `-` or `_` are wanted: it stands in an address"));
        }
        let key = secret(TWILIO_KEY);
        match &form {
            Form::Twilio if key.is_none() => {
                return Err(missing(TWILIO_KEY, "is missing: Twilio signs what it says with it"));
            }
            Form::Generic { reference, state, delivered, .. } => {
                for (name, pointer) in [("reference", reference), ("state", state)] {
                    if !pointer.starts_with('/') {
                        return Err(refused(
                            &format!("receipts.{name}"),
                            "a JSON pointer is wanted, such as /message/id",
                        ));
                    }
                }
                if delivered.is_empty() {
                    return Err(refused("receipts.delivered", "which states say that it was delivered?"));
                }
            }
            Form::Twilio | Form::Vonage => {}
        }
        Ok(Some(Self { form, secret: own, key }))
    }

    /// What is said by a call; `None` for one that is forged or makes no sense.
    pub fn read(&self, call: &Call<'_>) -> Option<Receipt> {
        verify_slices_are_equal(self.secret.expose_secret().as_bytes(), call.secret.as_bytes()).ok()?;
        match &self.form {
            Form::Vonage => {
                let told = Told::any(call.body)?;
                let (good, bad) = (["delivered"], ["expired", "failed", "rejected"]);
                told.receipt("/messageId", "/status", Some("/err-code"), &good, &bad)
            }
            Form::Twilio => {
                let told = Told::form(call.body)?;
                self.signed(call, &told).then_some(())?;
                let (good, bad) = (["delivered"], ["undelivered", "failed"]);
                told.receipt("/MessageSid", "/MessageStatus", Some("/ErrorCode"), &good, &bad)
            }
            Form::Generic { reference, state, why, delivered, undelivered } => {
                let told = Told::json(call.body)?;
                let good: Vec<_> = delivered.iter().map(String::as_str).collect();
                let bad: Vec<_> = undelivered.iter().map(String::as_str).collect();
                told.receipt(reference, state, why.as_deref(), &good, &bad)
            }
        }
    }

    /// Twilio's signature: the address, then every field with its value in the order of their names, by HMAC-SHA1.
    fn signed(&self, call: &Call<'_>, told: &Told) -> bool {
        let (Some(key), Some(signature)) = (&self.key, call.signature) else { return false };
        let Ok(signature) = STANDARD.decode(signature.trim()) else { return false };
        let fields: BTreeMap<&String, &Value> = told.0.as_object().into_iter().flatten().collect();
        let mut text = call.url.to_owned();
        for (name, value) in fields {
            text.push_str(name);
            text.push_str(value.as_str().unwrap_or_default());
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.expose_secret().as_bytes());
        hmac::verify(&key, text.as_bytes(), &signature).is_ok()
    }
}

/// What was posted, as an object.
struct Told(Value);

impl Told {
    fn json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().filter(Value::is_object).map(Self)
    }

    /// A form in which no name stands twice: of two values nobody could say which was signed.
    fn form(body: &[u8]) -> Option<Self> {
        let mut fields = serde_json::Map::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if fields.insert(name.into_owned(), value.into_owned().into()).is_some() {
                return None;
            }
        }
        Some(Self(fields.into()))
    }

    fn any(body: &[u8]) -> Option<Self> {
        Self::json(body).or_else(|| Self::form(body))
    }

    fn text(&self, pointer: &str) -> Option<String> {
        rule::text_of(self.0.pointer(pointer)?)
    }

    fn receipt(&self, id: &str, state: &str, why: Option<&str>, good: &[&str], bad: &[&str]) -> Option<Receipt> {
        let reference = self.text(id).filter(|id| !id.is_empty() && id.chars().count() <= REFERENCE_CHARACTERS)?;
        let state = self.text(state)?;
        let delivery = match () {
            () if good.contains(&state.as_str()) => Delivery::Delivered,
            () if bad.contains(&state.as_str()) => {
                let why = why.and_then(|pointer| self.text(pointer)).filter(|why| !why.is_empty());
                let told = why.map_or_else(|| state.clone(), |why| format!("{state} ({why})"));
                Delivery::Undelivered { why: Mask::default().excerpt(&told) }
            }
            () => return Some(Receipt::Pending),
        };
        Some(Receipt::Of { reference, delivery })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "0123456789abcdef";

    fn receipts(receipts: &Value, more: &Value) -> Result<Option<Receipts>, ConnectionError> {
        let mut settings = json!({ "url": "https://x.example/", "receipts": receipts, "secrets": { "receipts": OWN } });
        for (name, value) in more.as_object().unwrap() {
            settings["secrets"][name] = value.clone();
        }
        Receipts::of(&serde_json::from_value(settings).unwrap())
    }

    fn call(body: &str) -> Call<'_> {
        Call {
            url: "https://login.example/gateways/SMS/receipts/x",
            secret: OWN,
            signature: None,
            body: body.as_bytes(),
        }
    }

    fn of(reference: &str, why: Option<&str>) -> Option<Receipt> {
        let delivery = match why {
            None => Delivery::Delivered,
            Some(why) => Delivery::Undelivered { why: why.to_owned() },
        };
        Some(Receipt::Of { reference: reference.to_owned(), delivery })
    }

    #[test]
    fn vonage_by_json_and_by_form() {
        let vonage = receipts(&json!({ "type": "vonage" }), &json!({})).unwrap().unwrap();
        let json = r#"{"msisdn":"447700900000","to":"AcmeInc","network-code":"12345","messageId":"0A0000001234567B","price":"0.03330000","status":"delivered","scts":"2001011400","err-code":"0","api-key":"abcd1234","message-timestamp":"2020-01-01 12:00:00 +0000"}"#;
        assert_eq!(vonage.read(&call(json)), of("0A0000001234567B", None));
        let form = "msisdn=447700900000&to=AcmeInc&messageId=0A0000001234567B&status=failed&err-code=9";
        assert_eq!(vonage.read(&call(form)), of("0A0000001234567B", Some("failed (9)")));
        for state in ["accepted", "buffered", "unknown"] {
            let form = format!("messageId=1&status={state}");
            assert_eq!(vonage.read(&call(&form)), Some(Receipt::Pending), "{state}");
        }
        for senseless in ["", "[]", "{", "status=delivered", "messageId=&status=delivered", "messageId=1", "\0"] {
            assert_eq!(vonage.read(&call(senseless)), None, "{senseless:?}");
        }
        let long = format!("messageId={}&status=delivered", "1".repeat(65));
        assert_eq!(vonage.read(&call(&long)), None);
        for wrong in ["", "0123456789abcdeg", "0123456789abcde", "0123456789abcdef0"] {
            assert_eq!(vonage.read(&Call { secret: wrong, ..call(form) }), None, "{wrong:?}");
        }
    }

    #[test]
    fn twilio_is_believed_by_its_signature_alone() {
        let twilio = receipts(&json!({ "type": "twilio" }), &json!({ "auth_token": "12345" })).unwrap().unwrap();
        let body = "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30006&To=%2B12025550142";
        let signed = |url: &str| {
            let text = format!("{url}ErrorCode30006MessageSidSM1MessageStatusundeliveredTo+12025550142");
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
            STANDARD.encode(hmac::sign(&key, text.as_bytes()))
        };
        let right = signed(call(body).url);
        let told = |signature, body| twilio.read(&Call { signature, ..call(body) });
        assert_eq!(told(Some(right.as_str()), body), of("SM1", Some("undelivered (30006)")));
        let elsewhere = signed("https://evil.example/");
        for forged in [None, Some(""), Some("%"), Some(elsewhere.as_str())] {
            assert_eq!(told(forged, body), None, "{forged:?}");
        }
        let changed = body.replace("undelivered", "delivered");
        assert_eq!(told(Some(right.as_str()), &changed), None);
        assert_eq!(told(Some(right.as_str()), &format!("{body}&MessageSid=SM1")), None, "a name that stands twice");
    }

    /// The example of Twilio's own documentation of its signatures.
    #[test]
    fn twilios_own_example_is_right() {
        let twilio = receipts(&json!({ "type": "twilio" }), &json!({ "auth_token": "12345" })).unwrap().unwrap();
        let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let signature = Some("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        let call = Call { url, signature, ..call(body) };
        assert!(twilio.signed(&call, &Told::form(body.as_bytes()).unwrap()));
    }

    #[test]
    fn any_other_by_pointers() {
        let form = json!({ "type": "generic", "reference": "/m/0/id", "state": "/m/0/s", "why": "/m/0/e", "delivered": ["DELIVRD"], "undelivered": ["EXPIRED"] });
        let generic = receipts(&form, &json!({})).unwrap().unwrap();
        assert_eq!(generic.read(&call(r#"{"m":[{"id":17,"s":"DELIVRD"}]}"#)), of("17", None));
        let late = r#"{"m":[{"id":"a","s":"EXPIRED","e":"to +12025550142"}]}"#;
        assert_eq!(generic.read(&call(late)), of("a", Some("EXPIRED (to •••)")), "no number gets into the log");
        assert_eq!(generic.read(&call(r#"{"m":[{"id":"a","s":"ENROUTE"}]}"#)), Some(Receipt::Pending));
        assert_eq!(generic.read(&call(r#"{"m":[{"id":{},"s":"DELIVRD"}]}"#)), None);
    }

    #[test]
    fn settings_that_make_no_sense_are_refused_by_name() {
        let generic = |reference: &str, delivered: Value| json!({ "type": "generic", "reference": reference, "state": "/s", "delivered": delivered, "undelivered": [] });
        for (form, more, setting) in [
            (json!({ "type": "vonage" }), json!({ "receipts": "short" }), "secrets.receipts"),
            (json!({ "type": "vonage" }), json!({ "receipts": "0123456789abcdef/.." }), "secrets.receipts"),
            (json!({ "type": "twilio" }), json!({}), "secrets.auth_token"),
            (json!({ "type": "plivo" }), json!({}), "receipts"),
            (generic("id", json!(["a"])), json!({}), "receipts.reference"),
            (generic("/id", json!([])), json!({}), "receipts.delivered"),
        ] {
            let error = receipts(&form, &more).err().unwrap();
            assert!(error.setting.starts_with(setting), "{form}: {error}");
        }
        let none = serde_json::from_value(json!({ "url": "https://x.example/", "receipts": { "type": "vonage" } }));
        assert_eq!(Receipts::of(&none.unwrap()).err().unwrap().setting, "secrets.receipts");
        let untold = serde_json::from_value(json!({ "url": "https://x.example/" })).unwrap();
        assert!(Receipts::of(&untold).unwrap().is_none());
    }
}
