//! The settings of a `passkey` alternative. A value that makes no sense is refused when the chain is saved, and never replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;
use webauthn_rs_core::proto::{AttestationCaList, AttestationCaListBuilder, UserVerificationPolicy};

/// How an alternative takes passkeys, and which it enrols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) verification: Verification,
    models: BTreeSet<Uuid>,
    /// Certificates of makers, as PEM.
    roots: Vec<String>,
}

/// Whether the device has to verify who holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Always: then a passkey is two factors.
    #[default]
    Required,
    /// Where it can: a plain security key is one factor.
    Preferred,
}

/// More is no list of models.
const MOST: usize = 100;

impl From<Verification> for UserVerificationPolicy {
    fn from(verification: Verification) -> Self {
        match verification {
            Verification::Required => Self::Required,
            Verification::Preferred => Self::Preferred,
        }
    }
}

impl Settings {
    /// Reads the settings; the error names the setting and what it may be.
    pub(crate) fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, value) in written {
            match name.as_str() {
                "user_verification" => {
                    settings.verification = match value.as_str() {
                        Some("required") => Verification::Required,
                        Some("preferred") => Verification::Preferred,
                        _ => return Err(format!("{name}: `required` or `preferred` is wanted, not {value}")),
                    }
                }
                "models" => settings.models = models(value).map_err(|why| format!("{name}: {why}"))?,
                "roots" => settings.roots = texts(value).map_err(|why| format!("{name}: {why}"))?,
                _ => {
                    return Err(format!("{name}: there is no such setting, only user_verification, models and roots"));
                }
            }
        }
        settings.whole()
    }

    /// A model without a certificate of its maker is what anybody can say of their own device, so that the two belong together.
    fn whole(self) -> Result<Self, String> {
        match (self.models.is_empty(), self.roots.is_empty()) {
            (true, false) => Err("models: roots are given, and no model that they attest".to_owned()),
            (false, true) => {
                Err("roots: models are given, and no certificate by which one is told from what claims to \
                                  be one"
                    .to_owned())
            }
            _ => self.attestation().map(|_| self),
        }
    }

    /// Whether it names models.
    pub(crate) fn lists(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whose word is taken for which models; `None` where any passkey will do.
    pub(crate) fn attestation(&self) -> Result<Option<AttestationCaList>, String> {
        if self.models.is_empty() {
            return Ok(None);
        }
        let mut list = AttestationCaListBuilder::new();
        for root in &self.roots {
            for model in &self.models {
                list.insert_device_pem(root.as_bytes(), *model, String::new(), BTreeMap::new())
                    .map_err(|_| "roots: one is no certificate in PEM".to_owned())?;
            }
        }
        Ok(Some(list.build()))
    }

    /// The JSON Schema from which the console draws its form.
    pub(crate) fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "user_verification": {
                    "type": "string", "title": "User verification", "enum": ["required", "preferred"],
                    "default": "required",
                    "description": "A fingerprint, a face or a PIN. With it a passkey is two factors, without it one.",
                },
                "models": {
                    "type": "array", "title": "Models that may be set up (AAGUID)", "default": [],
                    "items": { "type": "string", "format": "uuid" }, "maxItems": MOST,
                    "description": "Empty: any. Each has to be attested by one of the certificates below.",
                },
                "roots": {
                    "type": "array", "title": "Certificates of their makers (PEM)", "default": [],
                    "items": { "type": "string" }, "maxItems": MOST,
                },
            },
        })
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    let list = value.as_array().filter(|list| list.len() <= MOST);
    let list = list.ok_or_else(|| format!("a list of at most {MOST} is wanted"))?;
    let text =
        |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("a text is wanted, not {value}"));
    list.iter().map(text).collect()
}

fn models(value: &Value) -> Result<BTreeSet<Uuid>, String> {
    let read = |text: String| match text.parse::<Uuid>() {
        // A device that says nothing of itself says this.
        Ok(aaguid) if !aaguid.is_nil() => Ok(aaguid),
        _ => Err(format!("an AAGUID is wanted, not \"{text}\"")),
    };
    texts(value)?.into_iter().map(read).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::Maker;

    pub(crate) fn root() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    }

    /// A maker, with the certificate of whoever vouches for its devices, and its own as PEM.
    pub(crate) fn maker() -> (Maker, String) {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
        let own = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        root.distinguished_name.push(DnType::CommonName, "Maker");
        let pem = root.self_signed(&own).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let mut model = CertificateParams::new(Vec::new()).unwrap();
        model.is_ca = IsCa::ExplicitNoCa;
        // Web Authentication, section 8.2.1.
        for (kind, value) in [
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "Maker"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Model"),
        ] {
            model.distinguished_name.push(kind, value);
        }
        let chain = vec![model.signed_by(&key, &Issuer::new(root, own)).unwrap().der().to_vec()];
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der()).unwrap();
        (Maker { key, chain }, pem)
    }

    const MODEL: &str = "2fc0579f-8113-47ea-b116-bb5a8db9202a";

    fn read(settings: &Value) -> Result<Settings, String> {
        Settings::read(settings.as_object().unwrap())
    }

    #[test]
    fn a_setting_that_makes_sense_is_taken() {
        assert_eq!(read(&json!({ "user_verification": "preferred" })).unwrap().verification, Verification::Preferred);
        assert!(read(&json!({ "models": [], "roots": [] })).unwrap().attestation().unwrap().is_none());
        let listed = read(&json!({ "models": [MODEL], "roots": [root(), root()] })).unwrap();
        assert_eq!(listed.attestation().unwrap().unwrap().len(), 2);
    }

    #[test]
    fn a_setting_that_makes_none_is_refused_by_name_and_never_replaced() {
        for (name, bad) in [
            ("user_verification", json!({ "user_verification": "discouraged" })),
            ("user_verification", json!({ "user_verification": true })),
            ("models", json!({ "models": MODEL, "roots": [root()] })),
            ("models", json!({ "models": ["YubiKey"], "roots": [root()] })),
            ("models", json!({ "models": ["00000000-0000-0000-0000-000000000000"], "roots": [root()] })),
            ("models", json!({ "models": [1], "roots": [root()] })),
            ("models", json!({ "models": vec![MODEL; 101], "roots": [root()] })),
            ("models", json!({ "roots": [root()] })),
            ("roots", json!({ "models": [MODEL] })),
            ("roots", json!({ "models": [MODEL], "roots": ["x"] })),
            ("timeout", json!({ "timeout": 60 })),
        ] {
            let refused = read(&bad).unwrap_err();
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
