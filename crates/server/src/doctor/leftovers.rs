//! What a development server leaves behind: accounts whose passwords everybody knows, in a database that `serve` opens.

use super::{
    Patient,
    outcome::{Finding, LEFTOVER_CLIENT, LEFTOVER_USER, LEFTOVERS_DEV, LEFTOVERS_NONE, UNREAD},
};
use crate::{
    demo,
    dev::leftovers::{self, Leftover, TRY_CLIENT, USER},
};

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    if patient.settings.dev {
        return vec![LEFTOVERS_DEV.found()];
    }
    let (Some(configured), Some(records), Some(prf)) = (&patient.configured, &patient.records, patient.prf) else {
        return vec![UNREAD.found().of(super::Group::Accounts)];
    };
    let left = leftovers::among(&configured.clients, &records.passwords, patient.pool, prf, patient.now).await;
    if left.is_empty() {
        return vec![LEFTOVERS_NONE.found()];
    }
    let said = |left: Leftover| match left {
        Leftover::DemoClient => LEFTOVER_CLIENT.found().with("client", demo::CLIENT),
        Leftover::TryClient => LEFTOVER_CLIENT.found().with("client", TRY_CLIENT),
        Leftover::User => LEFTOVER_USER.found().with("user", USER),
    };
    left.into_iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vestibule_core::{
        id::{CredentialId, UserId},
        random::SystemRandom,
        user::Credential,
    };
    use vestibule_oauth::model::{Client, HashedSecret};

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    #[tokio::test]
    async fn a_known_secret_and_a_known_password_are_named_and_others_are_not() {
        let mut house = House::new();
        assert_eq!(keys(&check(&house.patient()).await), ["accounts.none"]);
        let (random, now) = (SystemRandom::default(), house.now);
        let credential = |secret: String| Credential {
            id: CredentialId::new(now, &random),
            user: UserId::new(now, &random),
            authenticator: "password".into(),
            label: None,
            secret: secret.into(),
            version: 1,
            created_at: now,
        };
        let own = house.pool.hash(&"a word of her own".into()).await.unwrap();
        house.records.as_mut().unwrap().passwords = vec![credential(own)];
        assert_eq!(keys(&check(&house.patient()).await), ["accounts.none"]);
        let known = house.pool.hash(&USER.into()).await.unwrap();
        house.records.as_mut().unwrap().passwords = vec![credential(known)];
        let client = json!({ "id": TRY_CLIENT, "name": "Try", "auth": "client_secret_basic", "redirect_uris": ["https://a.example/"] });
        let mut client: Client = serde_json::from_value(client).unwrap();
        client.secrets = vec![HashedSecret::of(&client.id, leftovers::TRY_SECRET, &house.prf)];
        house.configured.as_mut().unwrap().clients = vec![client];
        assert_eq!(keys(&check(&house.patient()).await), ["accounts.client", "accounts.user"]);
        house.settings.dev = true;
        assert_eq!(keys(&check(&house.patient()).await), ["accounts.dev"], "they belong to a development server");
    }
}
