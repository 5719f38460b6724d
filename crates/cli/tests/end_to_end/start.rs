//! Starts that must not be: each ends with the exit status that says whose turn it is, and with words that say what to do.

use std::{
    fs,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use vestibule_core::{crypto::MasterKey, random::SystemRandom};

use super::{
    database::Database,
    house::House,
    program::{free_port, said},
};

const CONFIGURATION: i32 = 78;
const INPUT_OUTPUT: i32 = 74;
const TRY_LATER: i32 = 75;

/// Runs what must end by itself soon.
fn refused(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it started: {}", said(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

fn says(output: &Output, status: &[i32], words: &[&str]) {
    let said = said(output);
    assert!(output.status.code().is_some_and(|code| status.contains(&code)), "wanted {status:?}: {said}");
    for word in words {
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "no {word:?} in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test]
async fn a_128_a_second_server_on_one_sqlite_file_exits_75() {
    let house = House::build(Database::Sqlite, None);
    let server = house.serve().await;
    let port = free_port();
    let mut second = house.command("serve");
    second
        .env("VESTIBULE_LISTEN", format!("127.0.0.1:{port}"))
        .env("VESTIBULE_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
    says(&refused(&mut second), &[TRY_LATER], &["vestibule.db"]);
    // The first one does not mind.
    let shop = super::relying_party::Shop::new(&server.url).await;
    drop(shop);
    drop(server);
    house.serve().await;
}

#[tokio::test]
async fn a_132_a_wrong_or_lost_master_key_exits_78_and_none_is_made() {
    let house = House::build(Database::Sqlite, None);
    let key = house.path("data/master.key");
    let right = fs::read_to_string(&key).unwrap();
    let other = MasterKey::generate(&SystemRandom::default()).to_text().to_string();
    for wrong in [other.as_str(), "no key at all", ""] {
        house.write("data/master.key", wrong);
        says(&refused(&mut house.command("serve")), &[CONFIGURATION], &["key"]);
        assert_eq!(fs::read_to_string(&key).unwrap(), wrong, "nothing is repaired by guessing");
    }
    fs::remove_file(&key).unwrap();
    says(&refused(&mut house.command("serve")), &[CONFIGURATION], &["master key", "master.key", "backup"]);
    assert!(!key.exists(), "a new key was made beside an old database");
    house.write("data/master.key", &right);
    house.serve().await;
}

#[tokio::test]
async fn a_132_a_damaged_database_is_refused_before_listening() {
    let house = House::build(Database::Sqlite, None);
    let file = house.path("data/vestibule.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len().min(8192));
    bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(&file, &bytes).unwrap();
    says(&refused(&mut house.command("serve")), &[INPUT_OUTPUT, CONFIGURATION], &["database", "damaged"]);
    assert_eq!(fs::read(&file).unwrap(), bytes, "the evidence is left as it is");
}

#[test]
fn a_133_an_unknown_setting_exits_78_naming_it_and_the_nearest() {
    let house = House::build(Database::Sqlite, None);
    let settings = fs::read_to_string(house.path("vestibule.toml")).unwrap();
    house.write("vestibule.toml", &settings.replacen("listen =", "listne =", 1));
    says(&refused(&mut house.command("serve")), &[CONFIGURATION], &["vestibule.toml", "listne", "listen"]);
    house.write("vestibule.toml", &settings.replace("cooldown", "cooldwn"));
    says(&refused(&mut house.command("serve")), &[CONFIGURATION], &["limits.cooldwn", "cooldown"]);
    house.write("vestibule.toml", &settings);
    says(
        &refused(house.command("serve").env("VESTIBULE_LIMITS__COLDOWN", "3s")),
        &[CONFIGURATION],
        &["COLDOWN", "cooldown"],
    );
}

#[test]
fn a_133_a_bad_address_exits_78_and_says_what_is_wrong_with_it() {
    let house = House::build(Database::Sqlite, None);
    let with = |name: &str, value: &str| refused(house.command("serve").env(name, value));
    says(&with("VESTIBULE_PUBLIC_URL", "auth.example.com"), &[CONFIGURATION], &["public_url"]);
    says(&with("VESTIBULE_PUBLIC_URL", "http://auth.example.com"), &[CONFIGURATION], &["public_url", "https"]);
    says(&with("VESTIBULE_LISTEN", "everywhere"), &[CONFIGURATION], &["listen"]);
    says(&with("VESTIBULE_DATABASE__URL", "mysql://localhost/x"), &[CONFIGURATION], &["database.url", "postgres://"]);
}
