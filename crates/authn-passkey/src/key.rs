//! What is kept of a passkey: its public key and how it was last used.
//!
//! It is the credential's secret, as JSON, sealed in the database. The counter and the challenge that was answered last are part of
//! it, so that using a passkey is one conditional update: of two answers at once the second finds it changed.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vestibule_core::Time;
use webauthn_rs_core::{
    attestation::verify_attestation_ca_chain,
    proto::{AttestationCaList, AttestationMetadata, AuthenticationResult, AuthenticatorTransport, Credential},
};

/// What is kept of a passkey.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    pub(crate) credential: Credential,
    /// The model that it says it is.
    #[serde(default)]
    pub(crate) aaguid: Uuid,
    /// The challenge that it answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<String>,
}

/// Where a passkey is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// On one device, for good.
    Bound,
    /// On one device so far, though it may be copied to others.
    Single,
    /// In an account, on several devices.
    Synced,
}

/// What is kept cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("what is kept of the passkey cannot be read")]
pub struct Unusable;

impl Key {
    /// A passkey that was never used. By which way a browser reaches it is its own word, and no more than a hint.
    pub(crate) fn new(credential: Credential, aaguid: Uuid, transports: Vec<AuthenticatorTransport>) -> Self {
        let mut known: Vec<AuthenticatorTransport> = Vec::new();
        for transport in transports {
            if transport != AuthenticatorTransport::Unknown && !known.contains(&transport) {
                known.push(transport);
            }
        }
        let credential = Credential { transports: (!known.is_empty()).then_some(known), ..credential };
        Self { credential, aaguid, answered: None }
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// When it is no passkey.
    pub fn read(secret: &SecretString) -> Result<Self, Unusable> {
        serde_json::from_str(secret.expose_secret()).map_err(|_| Unusable)
    }

    /// What is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn secret(&self) -> Result<SecretString, Unusable> {
        serde_json::to_string(self).map(SecretString::from).map_err(|_| Unusable)
    }

    /// The same after an answer to `challenge`.
    pub(crate) fn used(mut self, challenge: &[u8], result: &AuthenticationResult) -> Self {
        self.credential.counter = result.counter();
        self.credential.backup_state = result.backup_state();
        self.answered = Some(URL_SAFE_NO_PAD.encode(challenge));
        self
    }

    /// Whether it answered this challenge before.
    pub(crate) fn answered(&self, challenge: &[u8]) -> bool {
        self.answered.as_deref() == Some(&URL_SAFE_NO_PAD.encode(challenge))
    }

    /// Whether it may be kept on several devices: then its key is one of software (RFC 8176, `swk`).
    pub fn synced(&self) -> bool {
        self.credential.backup_eligible
    }

    /// Where it was kept when it was used last (Web Authentication, section 6.1.3).
    pub fn kept(&self) -> Kept {
        match (self.credential.backup_eligible, self.credential.backup_state) {
            (false, _) => Kept::Bound,
            (true, false) => Kept::Single,
            (true, true) => Kept::Synced,
        }
    }

    /// Whether it is one of the models of `list`, attested by a certificate of it at the time it was `made`: what a device says of
    /// itself, anybody's device can say, and that a certificate runs out makes no device another.
    pub(crate) fn is_of(&self, list: &AttestationCaList, made: Time) -> bool {
        let made = Duration::from_secs(u64::try_from(made.unix_seconds()).unwrap_or_default());
        let attestation = &self.credential.attestation;
        let attested = verify_attestation_ca_chain(&attestation.data, list, SystemTime::UNIX_EPOCH + made);
        match (&attestation.metadata, attested) {
            (AttestationMetadata::Packed { aaguid } | AttestationMetadata::Tpm { aaguid, .. }, Ok(Some(maker))) => {
                maker.aaguids().contains_key(aaguid)
            }
            _ => false,
        }
    }

    /// The id by which browsers and devices know it, as they write it.
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.credential.cred_id)
    }

    /// What its model is called.
    pub fn model(&self) -> Option<&'static str> {
        crate::model(self.aaguid)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id()).field("aaguid", &self.aaguid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;
    use uuid::uuid;
    use vestibule_core::testing::step::StepFixture;
    use webauthn_rs_core::{error::WebauthnError, proto::RegisterPublicKeyCredential};

    use super::*;
    use crate::{
        Party,
        party::Refused,
        settings::{Settings, tests::root},
    };

    /// What a YubiKey 5Ci said on a tablet, as published in the tests of `webauthn-rs` (test_registration_ipados_5ci).
    const ADDRESS: &str = "https://172.20.0.141:8443";
    const CHALLENGE: &str = "tvR1m+d/ohXrwVxQjMgH8KnovHZ7BRWhZmDN4TVMpNU=";
    const CLIENT: &str = "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwib3JpZ2luIjoiaHR0cHM6XC9cLzE3Mi4yMC4wLjE0MTo4NDQzIiwiY2hhbGxlbmdl\
        IjoidHZSMW0tZF9vaFhyd1Z4UWpNZ0g4S25vdkhaN0JSV2habURONFRWTXBOVSJ9";
    const STATEMENT: &str = "o2NmbXRmcGFja2VkZ2F0dFN0bXSjY2FsZyZjc2lnWEcwRQIhAKAZODmj+uF5qXsDY2NFol3apRjld544KRUpHzwfk5cbAiBnp2gH\
        mamr2xr46ilQuhzIR9BwMlwtxWd6IT2QEYeo7WN4NWOBWQLBMIICvTCCAaWgAwIBAgIEK/F8eDANBgkqhkiG9w0BAQsFADAuMSww\
        KgYDVQQDEyNZdWJpY28gVTJGIFJvb3QgQ0EgU2VyaWFsIDQ1NzIwMDYzMTAgFw0xNDA4MDEwMDAwMDBaGA8yMDUwMDkwNDAwMDAw\
        MFowbjELMAkGA1UEBhMCU0UxEjAQBgNVBAoMCVl1YmljbyBBQjEiMCAGA1UECwwZQXV0aGVudGljYXRvciBBdHRlc3RhdGlvbjEn\
        MCUGA1UEAwweWXViaWNvIFUyRiBFRSBTZXJpYWwgNzM3MjQ2MzI4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdMLHhCPIcS6b\
        SPJZWGb8cECuTN8H13fVha8Ek5nt+pI8vrSflxb59Vp4bDQlH8jzXj3oW1ZwUDjHC6EnGWB5i6NsMGowIgYJKwYBBAGCxAoCBBUx\
        LjMuNi4xLjQuMS40MTQ4Mi4xLjcwEwYLKwYBBAGC5RwCAQEEBAMCAiQwIQYLKwYBBAGC5RwBAQQEEgQQxe9V/62aS5+1gK3rr+Am\
        0DAMBgNVHRMBAf8EAjAAMA0GCSqGSIb3DQEBCwUAA4IBAQCLbpN2nXhNbunZANJxAn/Cd+S4JuZsObnUiLnLLS0FPWa01TY8F7oJ\
        8bE+aFa4kTe6NQQfi8+yiZrQ8N+JL4f7gNdQPSrH+r3iFd4SvroDe1jaJO4J9LeiFjmRdcVa+5cqNF4G1fPCofvw9W4lKnObuPak\
        r0x/icdVq1MXhYdUtQk6Zr5mBnc4FhN9qi7DXqLHD5G7ZFUmGwfIcD2+0m1f1mwQS8yRD5+/aDCf3vutwddoi3crtivzyromwbKk\
        lR4qHunJ75LGZLZA8pJ/mXnUQ6TTsgRqPvPXgQPbSyGMf2z/DIPbQqCD/Bmc4dj9o6LozheBdDtcZCAjSPTAd/uiaGF1dGhEYXRh\
        WMS3tF916xTswLEZrAO3fy8EzMmvvR8f5wWM7F5+4KJ0ikEAAAACxe9V/62aS5+1gK3rr+Am0ABAuZcVDBVS68E/MtAgeQpElJxl\
        dF/6cY9sSvbWqx/qRh8wiu42lyRBRmh5yFeD/r9k130dMbFHBHI9RTFgdJQIzaUBAgMmIAEhWCDCfn9t/BeDFfwG32Ms/owb5hFe\
        BYUcaCmQRauVoRrI8yJYII97t5wYshX4dZ+iRas0vPwaOwYvZ1wTOnVn+QDbCF/E";
    const MODEL: Uuid = uuid!("c5ef55ff-ad9a-4b9f-b580-adebafe026d0");
    /// The certificate of its maker, as it is published by them.
    const MAKER: &str = "\
-----BEGIN CERTIFICATE-----
MIIDHjCCAgagAwIBAgIEG0BT9zANBgkqhkiG9w0BAQsFADAuMSwwKgYDVQQDEyNZ
dWJpY28gVTJGIFJvb3QgQ0EgU2VyaWFsIDQ1NzIwMDYzMTAgFw0xNDA4MDEwMDAw
MDBaGA8yMDUwMDkwNDAwMDAwMFowLjEsMCoGA1UEAxMjWXViaWNvIFUyRiBSb290
IENBIFNlcmlhbCA0NTcyMDA2MzEwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK
AoIBAQC/jwYuhBVlqaiYWEMsrWFisgJ+PtM91eSrpI4TK7U53mwCIawSDHy8vUmk
5N2KAj9abvT9NP5SMS1hQi3usxoYGonXQgfO6ZXyUA9a+KAkqdFnBnlyugSeCOep
8EdZFfsaRFtMjkwz5Gcz2Py4vIYvCdMHPtwaz0bVuzneueIEz6TnQjE63Rdt2zbw
nebwTG5ZybeWSwbzy+BJ34ZHcUhPAY89yJQXuE0IzMZFcEBbPNRbWECRKgjq//qT
9nmDOFVlSRCt2wiqPSzluwn+v+suQEBsUjTGMEd25tKXXTkNW21wIWbxeSyUoTXw
LvGS6xlwQSgNpk2qXYwf8iXg7VWZAgMBAAGjQjBAMB0GA1UdDgQWBBQgIvz0bNGJ
hjgpToksyKpP9xv9oDAPBgNVHRMECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIBBjAN
BgkqhkiG9w0BAQsFAAOCAQEAjvjuOMDSa+JXFCLyBKsycXtBVZsJ4Ue3LbaEsPY4
MYN/hIQ5ZM5p7EjfcnMG4CtYkNsfNHc0AhBLdq45rnT87q/6O3vUEtNMafbhU6kt
hX7Y+9XFN9NpmYxr+ekVY5xOxi8h9JDIgoMP4VB1uS0aunL1IGqrNooL9mmFnL2k
LVVee6/VR6C5+KSTCMCWppMuJIZII2v9o4dkoZ8Y7QRjQlLfYzd3qGtKbw7xaF1U
sG/5xUb/Btwb2X2g4InpiB/yt/3CpQXpiWX/K4mBvUKiGn05ZsqeY1gx4g0xLBqc
U9psmyPzK+Vsgw2jeRQ5JlKDyqE0hebfC1tvFu0CCrJFcw==
-----END CERTIFICATE-----";

    fn listed(model: Uuid, root: &str) -> AttestationCaList {
        let settings = json!({ "models": [model], "roots": [root] });
        Settings::read(settings.as_object().unwrap()).unwrap().attestation().unwrap().unwrap()
    }

    fn made(list: Option<&AttestationCaList>) -> Result<Key, Refused> {
        let bytes = |text: &str| STANDARD.decode(text).unwrap();
        let statement = bytes(STATEMENT);
        // The id stands in the statement, behind its length.
        let at = statement.windows(2).rposition(|pair| pair == [0x00, 0x40]).unwrap() + 2;
        let id = URL_SAFE_NO_PAD.encode(&statement[at..at + 64]);
        let answer: RegisterPublicKeyCredential = serde_json::from_value(json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "attestationObject": URL_SAFE_NO_PAD.encode(&statement),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(bytes(CLIENT)),
            },
        }))
        .unwrap();
        let party = Party::new(&ADDRESS.parse().unwrap(), &[]).unwrap();
        let user = StepFixture::new().user.unwrap();
        let policy = webauthn_rs_core::proto::UserVerificationPolicy::Preferred;
        let asked = party.ask_new(&bytes(CHALLENGE), &user, policy, &[], true).unwrap();
        party.made(&answer, &asked.state, list)
    }

    #[test]
    fn what_a_real_maker_vouches_for_is_of_its_model_and_of_no_other() {
        let good = listed(MODEL, MAKER);
        let key = made(Some(&good)).unwrap();
        assert_eq!((key.aaguid, key.model(), key.kept()), (MODEL, Some("YubiKey 5Ci"), Kept::Bound));
        let now = StepFixture::new().now;
        // As it comes out of the database again.
        let key = Key::read(&key.secret().unwrap()).unwrap();
        assert!(key.is_of(&good, now));
        assert!(!key.is_of(&good, Time::from_unix_seconds(0)), "when nobody vouched for anything yet");
        assert!(!key.is_of(&listed(uuid!("2fc0579f-8113-47ea-b116-bb5a8db9202a"), MAKER), now), "another model");
        assert!(!key.is_of(&listed(MODEL, &root()), now), "another maker");
    }

    #[test]
    fn a_088_a_real_device_is_not_set_up_where_it_is_not_listed() {
        for bad in [listed(Uuid::from_u128(9), MAKER), listed(MODEL, &root())] {
            let refused = made(Some(&bad)).unwrap_err();
            let untrusted = matches!(
                refused,
                Refused::Wrong(
                    WebauthnError::AttestationUntrustedAaguid | WebauthnError::AttestationChainNotTrusted(_)
                )
            );
            assert!(untrusted, "{refused:?}");
        }
        assert!(made(None).unwrap().is_of(&listed(MODEL, MAKER), StepFixture::new().now));
    }
}
