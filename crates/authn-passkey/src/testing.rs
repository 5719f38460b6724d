//! A device in software: it signs with a key of its own, and says whatever a test wants it to say.

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_cbor_2::Value::{Bytes, Integer, Map, Text};
use serde_json::{Value, json};
use uuid::Uuid;

/// A passkey and the browser before it. Everything that a test may want to lie about is public.
pub struct SoftKey {
    /// The origin that the browser signs along.
    pub origin: String,
    /// The relying party, where it is another than was asked for.
    pub party: Option<String>,
    /// The challenge, where it is another than was asked for.
    pub challenge: Option<String>,
    /// Whether somebody touched it.
    pub present: bool,
    /// Whether it verified who.
    pub verified: bool,
    /// Whether it may be kept on several devices.
    pub synced: bool,
    /// Whether it is, where it may be.
    pub backed_up: bool,
    /// Whether the page stands in a frame of another.
    pub framed: bool,
    /// How often it was used, where it counts that.
    pub counter: Option<u32>,
    /// Which algorithm it says that its key is for.
    pub algorithm: i128,
    /// Which model it says that it is.
    pub aaguid: Uuid,
    /// The id by which it is known.
    pub id: Vec<u8>,
    /// Whose it says that it is.
    pub handle: Option<String>,
    /// What it signs with.
    pub key: EcdsaKeyPair,
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

fn text(options: &Value, path: &str) -> String {
    options.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "a test has nobody to tell")]
impl SoftKey {
    /// A device that was never used, in a browser on a page of `origin`. It counts, and verifies who holds it.
    pub fn new(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Self {
            origin: origin.trim_end_matches('/').to_owned(),
            party: None,
            challenge: None,
            present: true,
            verified: true,
            synced: false,
            backed_up: true,
            framed: false,
            counter: Some(0),
            algorithm: -7,
            aaguid: Uuid::nil(),
            id: sha256(key.public_key().as_ref()),
            handle: None,
            key,
        }
    }

    /// What the browser answers to `navigator.credentials.create`, as JSON.
    pub fn create(&mut self, options: &Value) -> String {
        self.handle = Some(text(options, "/user/id"));
        let client = self.client_data(options, "webauthn.create");
        let data = self.authenticator_data(&text(options, "/rp/id"), Some(self.attested()));
        let statement = [("fmt", Text("none".to_owned())), ("attStmt", Map([].into())), ("authData", Bytes(data))];
        self.credential(&json!({
            "clientDataJSON": base64(client),
            "attestationObject": base64(cbor(statement)),
            "transports": ["internal", "hybrid"],
        }))
    }

    /// The same, attested by the key itself: it signs, and nobody vouches for it. `forged`: with a signature of something else.
    pub fn create_attested(&mut self, options: &Value, forged: bool) -> String {
        self.handle = Some(text(options, "/user/id"));
        let client = self.client_data(options, "webauthn.create");
        let data = self.authenticator_data(&text(options, "/rp/id"), Some(self.attested()));
        let signature = self.sign(&data, if forged { b"something else" } else { &client });
        let statement = [("alg", Integer(-7)), ("sig", Bytes(signature))];
        let statement = statement.map(|(name, value)| (Text(name.to_owned()), value));
        let parts = [("fmt", Text("packed".to_owned())), ("attStmt", Map(statement.into())), ("authData", Bytes(data))];
        self.credential(&json!({ "clientDataJSON": base64(client), "attestationObject": base64(cbor(parts)) }))
    }

    /// The same, attested by its maker.
    pub fn create_vouched(&mut self, options: &Value, maker: &Maker) -> String {
        self.handle = Some(text(options, "/user/id"));
        let client = self.client_data(options, "webauthn.create");
        let data = self.authenticator_data(&text(options, "/rp/id"), Some(self.attested()));
        let signature = signed(&maker.key, &data, &client);
        let chain = maker.chain.iter().cloned().map(Bytes).collect();
        let statement = [("alg", Integer(-7)), ("sig", Bytes(signature)), ("x5c", serde_cbor_2::Value::Array(chain))];
        let statement = statement.map(|(name, value)| (Text(name.to_owned()), value));
        let parts = [("fmt", Text("packed".to_owned())), ("attStmt", Map(statement.into())), ("authData", Bytes(data))];
        self.credential(&json!({ "clientDataJSON": base64(client), "attestationObject": base64(cbor(parts)) }))
    }

    /// What the browser answers to `navigator.credentials.get`, as JSON.
    pub fn get(&mut self, options: &Value) -> String {
        self.counter = self.counter.map(|count| count + 1);
        let client = self.client_data(options, "webauthn.get");
        let data = self.authenticator_data(&text(options, "/rpId"), None);
        let signature = self.sign(&data, &client);
        self.credential(&json!({
            "clientDataJSON": base64(client),
            "authenticatorData": base64(data),
            "signature": base64(signature),
            "userHandle": self.handle,
        }))
    }

    fn sign(&self, data: &[u8], client: &[u8]) -> Vec<u8> {
        signed(&self.key, data, client)
    }

    fn client_data(&self, options: &Value, what: &str) -> Vec<u8> {
        let challenge = self.challenge.clone().unwrap_or_else(|| text(options, "/challenge"));
        let data = json!({
            "type": what, "challenge": challenge, "origin": self.origin, "crossOrigin": self.framed,
        });
        data.to_string().into_bytes()
    }

    fn credential(&self, response: &Value) -> String {
        let id = base64(&self.id);
        let made = json!({
            "id": id, "rawId": id, "type": "public-key", "response": response,
            "clientExtensionResults": {}, "authenticatorAttachment": "platform",
        });
        made.to_string()
    }

    /// Web Authentication, section 6.1.
    fn authenticator_data(&self, asked: &str, attested: Option<Vec<u8>>) -> Vec<u8> {
        let flags = [
            (self.present, 0x01),
            (self.verified, 0x04),
            (self.synced, 0x08),
            (self.synced && self.backed_up, 0x10),
            (attested.is_some(), 0x40),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).fold(0_u8, |flags, (_, bit)| flags | bit);
        let party = sha256(self.party.as_deref().unwrap_or(asked).as_bytes());
        let counter = self.counter.unwrap_or(0).to_be_bytes();
        [party, vec![flags], counter.to_vec(), attested.unwrap_or_default()].concat()
    }

    /// Web Authentication, section 6.5.1.
    fn attested(&self) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).expect("a short id").to_be_bytes();
        // An uncompressed point: 4, x, y.
        let (_, point) = self.key.public_key().as_ref().split_at(1);
        let (x, y) = point.split_at(32);
        let key = [
            (1, Integer(2)),
            (3, Integer(self.algorithm)),
            (-1, Integer(1)),
            (-2, Bytes(x.to_vec())),
            (-3, Bytes(y.to_vec())),
        ];
        let key = Map(key.map(|(name, value)| (Integer(name), value)).into());
        let key = serde_cbor_2::to_vec(&key).expect("a key");
        [self.aaguid.as_bytes().to_vec(), length.to_vec(), self.id.clone(), key].concat()
    }
}

/// Who vouches for the devices of a model.
pub struct Maker {
    /// What the certificate of the model is for.
    pub key: EcdsaKeyPair,
    /// The certificates from the model's up to the maker's, the last left out.
    pub chain: Vec<Vec<u8>>,
}

#[expect(clippy::expect_used, reason = "a test has nobody to tell")]
fn signed(key: &EcdsaKeyPair, data: &[u8], client: &[u8]) -> Vec<u8> {
    let message = [data, &sha256(client)].concat();
    key.sign(&SystemRandom::new(), &message).expect("a signature").as_ref().to_vec()
}

#[expect(clippy::expect_used, reason = "a test has nobody to tell")]
fn cbor<const N: usize>(parts: [(&str, serde_cbor_2::Value); N]) -> Vec<u8> {
    let parts = parts.map(|(name, value)| (Text(name.to_owned()), value));
    serde_cbor_2::to_vec(&Map(parts.into())).expect("an object")
}
