//! Whatever is edited, and in whatever order: somebody can still sign in to the console as an owner.

use secrecy::SecretString;
use serde_json::{Value, json};
use vestibule_authn_totp::{Algorithm, Device, Digits};
use vestibule_core::{Clock as _, id::CredentialId, random::SystemRandom, user::Credential};
use vestibule_server::{
    admin::{Role, guard::Guard},
    state::Transaction,
};

use crate::{
    house::{Caller, admin, all_scopes, person, program, server},
    support::{PHONE, TestApp},
};

/// Whether an owner can sign in, as the guard sees it.
async fn somebody_can(app: &TestApp) -> bool {
    let guard = Guard::new(&app.state);
    app.read(move |tx: &mut Transaction| guard.look(tx)).await.is_ok()
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    assert!(somebody_can(&app).await);
    let me = owner.get("/users?q=owner").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/users/{me}");
    let tag = owner.get(&path).await.header("etag").to_owned();
    let password = owner.get(&format!("{path}/factors")).await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let tagged = owner.with("if-match", &tag);
    for (method, below, body) in [
        ("PATCH", "", Some(json!({ "disabled": true }))),
        ("DELETE", "", None),
        ("PUT", "/roles", Some(json!({ "roles": ["vestibule:admin"] }))),
        ("DELETE", &format!("/factors/{password}"), None),
    ] {
        let refused = tagged.call(method, &format!("{path}{below}"), body.as_ref()).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "locks-out"), "{method} {below}");
        assert_eq!(owner.get(&path).await.header("etag"), tag, "nothing of it stayed");
    }
    // With a second one it is no question; an owner without a password is none.
    person(&app, "second", &[Role::Owner.name()]).await;
    tagged.call("PATCH", &path, Some(&json!({ "disabled": true }))).await.ok();
    assert!(somebody_can(&app).await);
}

#[tokio::test]
async fn a_chain_that_no_owner_can_finish_is_none_to_be_had() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let (chain, sms) = ("admin", json!([["password"], [{ "authenticator": "smsotp", "connection": "SMSOTP" }]]));
    let published = publish(&owner, chain, &sms).await;
    assert_eq!(published, 409, "the owner has no number");
    let me = owner.get("/users?q=owner").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    owner.patch(&format!("/users/{me}"), &json!({ "phone_number": PHONE })).await.ok();
    assert_eq!(publish(&owner, chain, &sms).await, 200);
    let refused = owner.call("DELETE", &format!("/users/{me}/factors/phone"), None).await;
    assert_eq!(refused.problem(), "locks-out");
    let refused = owner.patch("/connections/SMSOTP", &json!({ "disabled": true })).await;
    assert_eq!(refused.problem(), "locks-out", "{}", refused.text);
}

#[tokio::test]
async fn the_app_of_the_last_owner_stays_where_the_console_asks_everybody_for_one() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let (always, whoever) = (
        json!([["password"], ["totp"]]),
        json!([["password"], { "alternatives": ["totp"], "when": [{ "enrolled": true }] }]),
    );
    assert_eq!(publish(&owner, "admin", &always).await, 409, "the owner has no app");
    let me = owner.get("/users?q=owner").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let device = Device::new(vec![7; 20], Algorithm::Sha1, Digits::Six).secret().unwrap();
    let factor = format!("/users/{me}/factors/{}", held(&app, &me, "totp", device).await);
    assert_eq!(publish(&owner, "admin", &always).await, 200);
    let refused = owner.call("DELETE", &factor, None).await;
    assert_eq!(refused.problem(), "locks-out", "{}", refused.text);
    // Where it is asked for of those alone who have one, it may go.
    assert_eq!(publish(&owner, "admin", &whoever).await, 200);
    owner.call("DELETE", &factor, None).await.ok();
    assert!(somebody_can(&app).await);
}

#[tokio::test]
async fn a_bypass_code_of_the_last_owner_is_no_way_in_that_lasts() {
    let app = server().await;
    let root = program(&app, &all_scopes()).await;
    let ann = format!("/users/{}", person(&app, "ann", &[Role::Owner.name()]).await.id);
    let always = json!([["password"], ["totp", "recovery"]]);
    let sheet = |left: usize| json!({ "is": "codes", "left": vec!["x"; left] }).to_string();
    let paper = held(&app, &ann, "recovery", sheet(2).into()).await;
    assert_eq!(publish(&root, "admin", &always).await, 200, "codes on paper are a way in");
    root.post(&format!("{ann}/bypass-code"), &json!({})).await.ok();
    let refused = root.call("DELETE", &format!("{ann}/factors/{paper}"), None).await;
    assert_eq!(refused.problem(), "locks-out", "only the code of an hour would be left: {}", refused.text);
    // With one code left they are hardly more than that; as long as nobody has more, what there is stays all the same.
    let (id, last) = (paper.parse().unwrap(), sheet(1));
    assert!(app.write(move |tx: &mut Transaction| tx.renew_credential(id, 1, &last)).await);
    assert!(!somebody_can(&app).await);
    let factors = root.get(&format!("{ann}/factors")).await.json()["items"].clone();
    let password = factors.as_array().unwrap().iter().find(|own| own["authenticator"] == "password").unwrap();
    let refused = root.call("DELETE", &format!("{ann}/factors/{}", password["id"].as_str().unwrap()), None).await;
    assert_eq!(refused.problem(), "locks-out", "{}", refused.text);
    root.call("DELETE", &format!("{ann}/factors/{paper}"), None).await.ok();
}

/// Gives somebody a credential; its id.
async fn held(app: &TestApp, user: &str, authenticator: &str, secret: SecretString) -> String {
    let (created_at, random) = (app.clock.now(), SystemRandom::default());
    let credential = Credential {
        id: CredentialId::new(created_at, &random),
        user: user.trim_start_matches("/users/").parse().unwrap(),
        authenticator: authenticator.into(),
        label: None,
        secret,
        version: 1,
        created_at,
    };
    let id = credential.id.to_string();
    app.write(move |tx: &mut Transaction| tx.insert_credential(&credential)).await;
    id
}

/// Writes a draft and publishes it; the status.
async fn publish(owner: &Caller, chain: &str, steps: &Value) -> u16 {
    let path = format!("/chains/{chain}");
    let tag = owner.get(&path).await.ok().header("etag").to_owned();
    let draft = json!({ "document": { "steps": steps } });
    let saved = owner.with("if-match", &tag).call("PUT", &format!("{path}/draft"), Some(&draft)).await;
    if saved.status != 200 {
        return saved.status.as_u16();
    }
    let tag = saved.header("etag").to_owned();
    owner.with("if-match", &tag).post(&format!("{path}/publish"), &json!({})).await.status.as_u16()
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap()
    }
}

#[tokio::test]
async fn no_sequence_of_edits_leaves_nobody() {
    for seed in 0..4 {
        let app = server().await;
        let mut people = Vec::new();
        for (name, role) in [("ann", Role::Owner), ("ben", Role::Owner), ("cid", Role::Admin)] {
            people.push(person(&app, name, &[role.name()]).await.id.to_string());
        }
        // A program, since a person's token would end with the person.
        let root = program(&app, &all_scopes()).await;
        let mut dice = Dice(seed + 1);
        let (mut done, mut refused) = (0, 0);
        for _ in 0..60 {
            let status = edit(&root, &people, &mut dice).await;
            match status {
                200..300 => done += 1,
                // 400: a part of the server that cannot be disabled by anybody.
                400 | 409 => refused += 1,
                404 => {}
                _ => panic!("{status}"),
            }
            assert!(somebody_can(&app).await, "after {done} changes and {refused} refusals of seed {seed}");
        }
        assert!(done > 5 && refused > 0, "seed {seed}: {done} done, {refused} refused");
    }
}

/// One of the things that an admin can click.
async fn edit(root: &Caller, people: &[String], dice: &mut Dice) -> u16 {
    let user = format!("/users/{}", people[dice.roll(people.len())]);
    let tag = root.get(&user).await.header("etag").to_owned();
    let tagged = root.with("if-match", &tag);
    let flag = dice.roll(2) == 0;
    let answer = match dice.roll(9) {
        0 => tagged.call("PATCH", &user, Some(&json!({ "disabled": flag }))).await,
        1 if dice.roll(4) == 0 => tagged.call("DELETE", &user, None).await,
        1 | 2 => {
            let role = Role::ALL[dice.roll(4)].name();
            tagged.call("PUT", &format!("{user}/roles"), Some(&json!({ "roles": [role] }))).await
        }
        3 => {
            let number = if flag { json!(PHONE) } else { Value::Null };
            tagged.call("PATCH", &user, Some(&json!({ "phone_number": number }))).await
        }
        4 => {
            let factors = root.get(&format!("{user}/factors")).await;
            let Some(factor) = factors.json()["items"][0]["id"].as_str().map(str::to_owned) else { return 404 };
            root.call("DELETE", &format!("{user}/factors/{factor}"), None).await
        }
        5 => {
            let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
            let steps = [json!([["password"]]), json!([["password"], [sms]])];
            let status = publish(root, "admin", &steps[dice.roll(2)]).await;
            // What is published already is refused, which is no harm.
            return status;
        }
        6 => root.patch("/clients/admin-console", &json!({ "disabled": true })).await,
        7 => {
            root.patch("/clients/admin-console", &json!({ "groups": if flag { json!(["staff"]) } else { json!([]) } }))
                .await
        }
        _ => root.patch("/connections/SMSOTP", &json!({ "disabled": flag })).await,
    };
    answer.status.as_u16()
}
