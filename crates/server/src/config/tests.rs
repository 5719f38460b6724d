//! Each error names the setting, the place, and what to do.

use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let mut table = tree::parse("vestibule.toml", text)?;
    layers::environment(&mut table, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))?;
    Settings::read(&table)
}

/// The text of what is wrong; empty when nothing is.
fn wrong(text: &str, environment: &[(&str, &str)]) -> String {
    load(text, environment).err().map(|problems| problems.to_string()).unwrap_or_default()
}

const MINIMAL: &str = "public_url = \"https://auth.example.com\"\n";

fn minimal(more: &str) -> String {
    format!("{MINIMAL}{more}")
}

#[test]
fn one_line_is_enough() {
    let settings = load(MINIMAL, &[]).unwrap().settings;
    assert_eq!(settings.issuer(), "https://auth.example.com");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.management, Management::On("127.0.0.1:9000".parse().unwrap()));
    assert_eq!(settings.database.sqlite_file(), Some("vestibule-data/vestibule.db".into()));
    assert_eq!(settings.limits.budgets, vestibule_core::budget::Limits::default());
}

#[test]
fn the_floor_of_the_policy_is_a_list_of_demands_and_empty_at_first() {
    use vestibule_core::chain::Demand;
    let floor = |more: &str, environment: &[_]| load(&minimal(more), environment).unwrap().settings.policy.floor;
    assert_eq!(floor("", &[]), []);
    let both = [Demand::Factors(2), Demand::PhishingResistant];
    assert_eq!(floor("[policy]\nfloor = [\"factors >= 2\", \"phishing_resistant\"]\n", &[]), both);
    assert_eq!(floor("", &[("VESTIBULE_POLICY__FLOOR", "factors >= 2, phishing_resistant")]), both);
    let refused = wrong(&minimal("[policy]\nfloor = [\"factors > 2\"]\n"), &[]);
    assert!(refused.contains("policy.floor") && refused.contains("`factors >= 1` to"), "{refused}");
}

#[test]
fn a_133_an_unknown_key_is_refused_with_place_and_nearest() {
    let cases = [
        ("public_ulr = \"x\"\n", "vestibule.toml:2: public_ulr: there is no such setting. The nearest is public_url."),
        ("[password]\nmemory = 1\n", "vestibule.toml:3: password.memory: there is no such setting. The nearest is"),
        (
            "memory_kib = 1\n",
            "vestibule.toml:2: memory_kib: there is no such setting. The nearest is password.memory_kib.",
        ),
        ("[pasword]\nqueue = 1\n", "vestibule.toml:2: pasword: there is no such setting."),
        ("zebra = 1\n", "vestibule.toml:2: zebra: there is no such setting. Remove it."),
    ];
    for (text, expected) in cases {
        let wrong = wrong(&minimal(text), &[]);
        assert!(wrong.starts_with(expected), "{text}: {wrong}");
    }
}

#[test]
fn a_133_an_unknown_variable_is_refused_with_its_name() {
    let wrong = wrong(MINIMAL, &[("VESTIBULE_PASSWORD__MEMORY_KB", "1")]);
    assert_eq!(
        wrong,
        "environment variable VESTIBULE_PASSWORD__MEMORY_KB: password.memory_kb: there is no such setting. \
         The nearest is password.memory_kib."
    );
}

#[test]
fn variables_of_kubernetes_and_of_others_are_not_ours() {
    let others = [
        ("VESTIBULE_SERVICE_HOST", "10.0.0.1"),
        ("VESTIBULE_SERVICE_PORT_HTTP", "80"),
        ("VESTIBULE_PORT", "tcp://10.0.0.1:80"),
        ("VESTIBULE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("VESTIBULE_CONFIG", "x.toml"),
        ("PATH", "/bin"),
    ];
    assert_eq!(wrong(MINIMAL, &others), "");
}

#[test]
fn a_133_everything_wrong_is_said_at_once() {
    let wrong = wrong("listen = \"nowhere\"\n[session]\nidle = \"15\"\n[limits]\nbody = \"64KB\"\n", &[]);
    for expected in [
        "public_url: is not set. Set the address",
        "vestibule.toml:1: listen: is not readable. Write an address and a port",
        "vestibule.toml:3: session.idle: is not readable. Write a duration with its unit",
        "vestibule.toml:5: limits.body: is not readable. Write a size",
    ] {
        assert!(wrong.contains(expected), "{expected}: {wrong}");
    }
}

#[test]
fn a_133_a_bad_public_url_is_refused() {
    let cases = [
        ("auth.example.com", "public_url: is not readable"),
        ("http://auth.example.com", "public_url: is not https. Use https"),
        ("ftp://auth.example.com", "public_url: is not https"),
        ("https://auth.example.com/?a=b", "public_url: has a query"),
        ("https://me:pw@auth.example.com", "public_url: holds a user name"),
    ];
    for (url, expected) in cases {
        let wrong = wrong(&format!("public_url = \"{url}\"\n"), &[]);
        assert!(wrong.contains(expected), "{url}: {wrong}");
        assert!(!wrong.contains("pw"), "{wrong}");
    }
    assert_eq!(wrong("public_url = \"http://localhost:8080\"\n", &[]), "");
}

#[test]
fn plain_http_to_other_machines_needs_a_proxy() {
    assert!(wrong(&minimal("listen = \"0.0.0.0:8080\"\n"), &[]).contains("plain HTTP to other machines"));
    assert_eq!(wrong(&minimal("listen = \"0.0.0.0:8080\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n"), &[]), "");
    let tls = "listen = \"0.0.0.0:8443\"\n[tls]\ncertificate = \"a.pem\"\nkey_file = \"b.pem\"\n";
    assert_eq!(wrong(&minimal(tls), &[]), "");
    assert!(wrong(&minimal("[tls]\ncertificate = \"a.pem\"\n"), &[]).contains("tls.key: is not set"));
}

#[test]
fn development_mode_stays_on_this_machine() {
    assert!(wrong("dev = true\nlisten = \"0.0.0.0:8080\"\n", &[]).contains("listen: development mode is for loopback"));
    assert!(wrong("dev = true\npublic_url = \"https://a.example\"\n", &[]).contains("public_url: development mode"));
    let settings = load("dev = true\nlisten = \"127.0.0.1:8123\"\n", &[]).unwrap().settings;
    assert_eq!(settings.issuer(), "http://localhost:8123");
    assert_eq!(settings.management, Management::Off);
}

#[test]
fn the_environment_lies_over_the_file_and_flags_over_both() {
    let mut table = tree::parse("vestibule.toml", &minimal("[limits]\nbody = \"1MiB\"\n")).unwrap();
    layers::environment(&mut table, [("VESTIBULE_LIMITS__BODY".to_owned(), "2MiB".to_owned())]).unwrap();
    assert_eq!(Settings::read(&table).unwrap().settings.limits.body, 2 << 20);
    layers::flags(&mut table, [Flag::new("--body", "limits.body", "3MiB")]).unwrap();
    let loaded = Settings::read(&table).unwrap();
    assert_eq!(loaded.settings.limits.body, 3 << 20);
    let body = loaded.sources.iter().find(|setting| setting.key == "limits.body").unwrap();
    assert_eq!(body.place.to_string(), "flag --body");
}

#[test]
fn a_leaf_may_stand_in_a_file_but_not_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://vestibule:hunter2@localhost/v\n").unwrap();
    let path = path.display().to_string();
    let key = ("VESTIBULE_SECRET_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let file = ("VESTIBULE_DATABASE__URL_FILE", path.as_str());
    let loaded = load(MINIMAL, &[file, key]).unwrap();
    assert_eq!(loaded.settings.database.sqlite_file(), None);
    assert!(!format!("{loaded:?}").contains("hunter2"), "a secret is printed");

    let both = wrong(MINIMAL, &[file, key, ("VESTIBULE_DATABASE__URL", "sqlite:x")]);
    assert!(both.contains("database.url_file: database.url is set as well. Set one of the two."), "{both}");
    let hidden = load(&minimal("[database]\nurl = \"sqlite:x\"\n"), &[file, key]).unwrap();
    assert_eq!(hidden.settings.database.sqlite_file(), None, "the environment hides the file's twin");
    let missing = wrong(MINIMAL, &[("VESTIBULE_SECRET_KEY_FILE", "/nonexistent/key")]);
    assert!(missing.contains("secret_key_file: cannot read /nonexistent/key"), "{missing}");
}

#[test]
fn postgresql_needs_a_key_that_was_given() {
    let wrong = wrong(&minimal("[database]\nurl = \"postgres://localhost/v\"\n"), &[]);
    assert!(wrong.contains("secret_key: is not set, but PostgreSQL needs it"), "{wrong}");
}

#[test]
fn numbers_out_of_range_are_refused_not_replaced() {
    let cases = [
        ("[password]\nmemory_kib = 64\n", "password.memory_kib: 64 is out of range. Set it between 7168 and 1048576."),
        ("[password]\nminimum = 7\n", "password.minimum: 7 is out of range. Set it between 8 and 64."),
        ("[password]\nbreach_url = \"http://breaches.example/\"\n", "password.breach_url: is not https"),
        ("[password]\nbreach_url = \"https://breaches.example/?a=\"\n", "password.breach_url: is more than a place"),
        ("[password]\nmemory_kib = 7168\n", "password.memory_kib: and iterations together"),
        ("[limits.tries]\nlimit = 0\n", "limits.tries.limit: 0 is out of range"),
        ("[limits.ceiling]\nwindow = \"1h\"\n", "limits.ceiling.window: there is no such setting"),
        ("[session]\nidle = \"10d\"\n", "session.idle: is longer than session.absolute"),
        ("[keys]\nalgorithms = [\"ES256\"]\n", "keys.algorithms: RS256 is missing"),
        ("[keys]\nalgorithms = [\"none\"]\n", "keys.algorithms: is not readable"),
        (
            "[log]\nformat = \"jsom\"\n",
            "log.format: there is no such choice. Set one of auto, json, pretty. The nearest is json.",
        ),
        ("[log]\nlevel = \"loud=very\"\n", "log.level: is no filter"),
        ("log = \"info\"\n", "log: is not readable. Write a table."),
    ];
    for (text, expected) in cases {
        let wrong = wrong(&minimal(text), &[]);
        assert!(wrong.contains(expected), "{text}: {wrong}");
    }
}
