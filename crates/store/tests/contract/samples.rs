//! Samples of everything that is stored.

use std::time::Duration;

use serde_json::json;
use vestibule_core::{
    audit::AuditEvent,
    authenticator::Outgoing,
    chain::{ChainDocument, Seconds},
    channel::{Connection, Settings},
    code::{Alphabet, CodeSpec, IssuedCode},
    evidence::{Evidence, FactorClass, Via},
    id::{ChallengeId, CredentialId, InteractionId, SessionId, UserId},
    interaction::{Challenge, Interaction, Request, Stage, Subject},
    prompt::{Prompt, Text},
    random::SystemRandom,
    session::Session,
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_jose::{Algorithm, StoredKey};
use vestibule_oauth::model::{AuthorizationCode, Client, Grant, GrantId, RefreshState};

pub(crate) const NOW: Time = Time::from_unix_seconds(1_700_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

macro_rules! new_ids {
    ($($name:ident -> $id:ident;)*) => {$(
        pub(crate) fn $name() -> $id {
            $id::new(NOW, &SystemRandom::default())
        }
    )*};
}

new_ids! {
    user_id -> UserId;
    credential_id -> CredentialId;
    interaction_id -> InteractionId;
    challenge_id -> ChallengeId;
    session_id -> SessionId;
    grant_id -> GrantId;
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: user_id(),
        username: LoginName::parse(name).unwrap(),
        display_name: Some("Ada".to_owned()),
        email: Some(format!("{name}@Example.org")),
        email_verified: true,
        phone_number: Some("+15550100".to_owned()),
        phone_number_verified: true,
        phone_number_changed_at: Some(NOW),
        preferred: vec!["totp".into()],
        locale: None,
        groups: vec!["staff".to_owned()],
        roles: Vec::new(),
        disabled: false,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn credential(user: UserId, secret: &str) -> Credential {
    Credential {
        id: credential_id(),
        user,
        authenticator: "password".into(),
        label: None,
        secret: secret.to_owned().into(),
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn chain(steps: &serde_json::Value) -> ChainDocument {
    serde_json::from_value(json!({ "steps": steps })).unwrap()
}

pub(crate) fn connection(name: &str, secret: &str) -> Connection {
    let settings = json!({ "url": "https://sms.example/send", "api_key": secret });
    let Ok(settings) = serde_json::from_value(settings) else { panic!("settings") };
    Connection { name: name.into(), kind: "sms".to_owned(), settings: Settings(settings), disabled: false }
}

pub(crate) fn evidence(user: UserId, interaction: InteractionId) -> Evidence {
    Evidence {
        user,
        authenticator: "password".into(),
        credential: "1".to_owned(),
        factors: [FactorClass::Knowledge].into(),
        properties: [].into(),
        amr: ["pwd".to_owned()].into(),
        at: NOW,
        via: Via::Direct,
        interaction,
        step: 0,
        changed_at: None,
        unfit: Vec::new(),
    }
}

pub(crate) fn interaction() -> Interaction {
    let id = interaction_id();
    let user = user_id();
    Interaction {
        id,
        version: 1,
        request: Request {
            client: "shop".into(),
            client_name: "Shop".to_owned(),
            scopes: vec!["openid".to_owned()],
            acr_values: Vec::new(),
            acr_claim: None,
            not_before: None,
            required_user: None,
            ignore_session: false,
            login_hint: Some("ada@example.org".to_owned()),
            errand: None,
            locales: Vec::new(),
            payload: json!({ "state": "s" }),
        },
        chain: "default".into(),
        revision: 1,
        session: None,
        subject: Subject::Proven(user),
        evidence: vec![evidence(user, id)],
        tail: Vec::new(),
        renewal: Vec::new(),
        chosen: None,
        choosing: true,
        notice: None,
        issues: 0,
        created_at: NOW,
        expires_at: NOW + HOUR,
        remember: [].into(),
        device: None,
        stage: Stage::Open,
    }
}

pub(crate) fn challenge(interaction: InteractionId) -> Challenge {
    Challenge {
        id: challenge_id(),
        interaction,
        step: 1,
        alternative: 0,
        enrols: false,
        prompt: Prompt {
            title: Text::new("smsotp.title"),
            lead: None,
            exhibit: None,
            fields: Vec::new(),
            submit: Text::new("smsotp.submit"),
        },
        state: json!({ "nonce": "n" }),
        code: Some(IssuedCode {
            spec: CodeSpec { length: 6, alphabet: Alphabet::Numeric, life: Seconds(300), tries: 5 },
            destination: "+15550100".to_owned(),
            issue: 1,
            expires_at: NOW + HOUR,
        }),
        outgoing: Some(Outgoing {
            connection: "SMSOTP".into(),
            to: "+15550100".to_owned(),
            masked: "+1 ••• 00".to_owned(),
            subject: None,
            taken: None,
            template: "{{code}}".to_owned(),
            client: "Shop".to_owned(),
            host: "localhost".to_owned(),
        }),
        sent: None,
        carried_by: None,
        sent_at: Some(NOW),
        sends: 1,
        tries: 0,
        max_tries: 5,
        created_at: NOW,
        expires_at: NOW + HOUR,
        consumed_at: None,
    }
}

pub(crate) fn session(user: UserId) -> Session {
    Session {
        id: session_id(),
        generation: 1,
        seen: false,
        user,
        evidence: vec![evidence(user, interaction_id())],
        user_agent: Some("Browser".to_owned()),
        network: "192.0.2.1".to_owned(),
        created_at: NOW,
        renewed_at: NOW,
        expires_at: NOW + HOUR,
        ended_at: None,
    }
}

pub(crate) fn audit(kind: &str, at: Time) -> AuditEvent {
    AuditEvent { client: Some("shop".to_owned()), ..AuditEvent::new(kind, at, &SystemRandom::default()) }
}

pub(crate) fn client(id: &str) -> Client {
    serde_json::from_value(json!({ "id": id, "name": "Shop", "redirect_uris": ["https://shop.example/cb"] })).unwrap()
}

pub(crate) fn signing_key(id: &str, pkcs8: &[u8]) -> StoredKey {
    StoredKey {
        id: id.into(),
        algorithm: Algorithm::ES256,
        pkcs8: pkcs8.to_vec().into(),
        created_at: NOW.0,
        activates_at: NOW.0,
        retires_at: Some(NOW.0 + 1),
        removed_at: None,
    }
}

pub(crate) fn grant(user: UserId, scopes: &[&str]) -> Grant {
    Grant {
        id: grant_id(),
        client: "shop".into(),
        user,
        session: session_id(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        acr: None,
        amr: ["pwd".to_owned()].into(),
        auth_time: NOW,
        created_at: NOW,
        expires_at: NOW + HOUR,
        revoked_at: None,
        refresh: RefreshState::default(),
    }
}

pub(crate) fn code(hash: &str) -> AuthorizationCode {
    AuthorizationCode {
        hash: hash.to_owned(),
        grant: grant_id(),
        client: "shop".into(),
        redirect_uri: "https://shop.example/cb".to_owned(),
        code_challenge: Some("c".to_owned()),
        nonce: None,
        id_token_claims: [].into(),
        expires_at: NOW + Duration::from_secs(60),
        consumed_at: None,
    }
}
