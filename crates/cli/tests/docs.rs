//! The documentation says what is: paths and functions that it names exist, links lead somewhere, the reference of the settings
//! is the program's own, and the configuration examples are accepted by the program.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use vestibule_core::{chain::ChainDocument, crypto::MasterKey, random::SystemRandom, user::User};
use vestibule_oauth::model::Client;
use vestibule_server::config::{Flag, Settings, Sources};

/// The folder of the whole project.
fn root() -> PathBuf {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect();
    root.canonicalize().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page, as paths from the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let mut folders = vec!["docs".to_owned(), "examples".to_owned(), "docker".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}/{name}");
            if entry.path().is_dir() {
                let foreign = ["node_modules", ".venv", "target"].contains(&name.as_str());
                folders.extend((!foreign).then_some(path));
            } else if name.ends_with(".md") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// What stands between single backticks, outside of code blocks.
fn quoted(text: &str) -> Vec<String> {
    prose(text).lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The text without its code blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The code blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let all = text.split("```").skip(1).step_by(2);
    all.filter_map(|block| block.split_once('\n').filter(|(head, _)| *head == language).map(|(_, code)| code)).collect()
}

fn looks_like_a_path(text: &str) -> bool {
    let ours = ["crates/", "docs/", "examples/", "docker/", "migrations/", ".ci/"];
    ours.iter().any(|folder| text.starts_with(folder)) && !text.contains([' ', '*', '…', '{', '<'])
}

/// The program. What is set on the machine that runs the tests is not what is tested.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_")) {
        command.env_remove(name);
    }
    command
}

#[test]
fn every_path_that_is_named_exists() {
    let mut missing = Vec::new();
    for page in pages() {
        let paths = quoted(&read(&page)).into_iter().filter(|text| looks_like_a_path(text));
        missing.extend(paths.filter(|path| !root().join(path).exists()).map(|path| format!("{page}: {path}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        let text = prose(&read(&page));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let target = if path.is_empty() { root().join(&page) } else { folder.join(path) };
            let found = target.exists() && (fragment.is_empty() || headings(&target).contains(fragment));
            if !found {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The fragments of a page's headings, as forges make them.
fn headings(page: &Path) -> BTreeSet<String> {
    let text = prose(&fs::read_to_string(page).unwrap());
    let fragment = |line: &str| {
        let title = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
    };
    text.lines().filter_map(fragment).collect()
}

/// The rows of the tables of a page: the cells of each.
fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn the_tour_names_functions_that_are_in_their_files() {
    let mut checked = 0;
    for row in rows(&read("docs/tour.md")) {
        let [file, functions, _] = row.as_slice() else { continue };
        let Some(file) = quoted(file).pop() else { continue };
        let text = read(&file);
        for function in quoted(functions) {
            let there = [format!("fn {function}("), format!("fn {function}<")].iter().any(|known| text.contains(known));
            assert!(there, "{file} has no function {function}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} functions were found in the tour");
}

/// The names of all tests of the workspace.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
                names.extend(functions.map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_attack_that_is_named_has_its_test() {
    let tests = tests();
    let named = |text: &String| text.starts_with("a_") && text.as_bytes().get(2).is_some_and(u8::is_ascii_digit);
    let mut count = 0;
    for page in pages() {
        for name in quoted(&read(&page)).into_iter().filter(named) {
            assert!(tests.contains(&name), "{page} names {name}, which is no test");
            count += 1;
        }
    }
    assert!(count > 20, "{count} tests are named");
}

/// What the program says of its settings: their defaults by name.
fn settings() -> BTreeMap<String, String> {
    let url = Flag::new("--public-url", "public_url", "https://auth.example.com");
    let loaded = Settings::load(&Sources { flags: vec![url], ..Sources::default() }).unwrap();
    let shown = |setting: vestibule_server::config::Setting| {
        let own = setting.key == "public_url";
        (setting.key, setting.shown.filter(|_| !own).map(|shown| format!("`{shown}`")).unwrap_or_default())
    };
    loaded.sources.into_iter().map(shown).collect()
}

#[test]
fn the_reference_has_every_setting_with_its_default_and_no_other() {
    let mut documented = BTreeMap::new();
    for row in rows(&read("docs/reference/configuration.md")) {
        let [key, default, variable, meaning] = row.as_slice() else { continue };
        let Some(key) = quoted(key).pop() else { continue };
        assert_eq!(variable, &format!("`VESTIBULE_{}`", key.to_uppercase().replace('.', "__")));
        assert!(meaning.ends_with('.'), "{key}: {meaning}");
        assert_eq!(documented.insert(key.clone(), default.clone()), None, "{key} stands there twice");
    }
    assert_eq!(documented, settings());
}

/// Every name that can be declared, as the program's own types write it.
fn declarable() -> BTreeSet<String> {
    let client: Client = serde_json::from_value(json!({ "id": "x", "name": "x" })).unwrap();
    let step = json!({
        "alternatives": [{ "authenticator": "x", "connection": "x", "settings": { "x": 1 }, "max_age": 1 }],
        "when": [{ "group": "x", "not": true }], "distinct": false, "enrol": "allow", "remember_device": 1, "on_request": ["x"],
    });
    let chain: ChainDocument =
        serde_json::from_value(json!({ "steps": [step], "demands": [{ "factors": 2 }] })).unwrap();
    let chain = serde_json::to_value(chain).unwrap();
    let user = json!({
        "id": uuid_nil(), "username": "x", "display_name": null, "email": null, "email_verified": false, "phone_number": null,
        "phone_number_verified": false, "locale": null, "groups": [], "roles": [], "disabled": false, "created_at": 0, "updated_at": 0,
    });
    let user = serde_json::to_value(serde_json::from_value::<User>(user).unwrap()).unwrap();
    let step = &chain["steps"][0];
    let tables =
        [&serde_json::to_value(client).unwrap(), &chain, step, &step["alternatives"][0], &step["when"][0], &user];
    let names = tables.into_iter().flat_map(|table| table.as_object().unwrap().keys().cloned());
    let made = ["created_at", "updated_at"];
    names.filter(|name| !made.contains(&name.as_str())).collect()
}

fn uuid_nil() -> String {
    "00000000-0000-0000-0000-000000000000".to_owned()
}

#[test]
fn the_reference_of_declarations_has_every_name() {
    let documented: BTreeSet<String> = quoted(&read("docs/reference/declarations.md")).into_iter().collect();
    let says = |name: &String| documented.iter().any(|text| text == name || text.starts_with(&format!("{name} =")));
    let missing: Vec<_> = declarable().into_iter().filter(|name| !says(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Each command in a page's shell blocks is one that the program has, and so is each of its flags.
#[test]
fn every_command_that_is_shown_exists() {
    let mut checked = 0;
    for page in pages() {
        for line in blocks(&read(&page), "sh").into_iter().flat_map(commands) {
            let words: Vec<_> = line.split_whitespace().take_while(|word| !["|", ">", "#"].contains(word)).collect();
            let known = ["admin", "user", "client", "keys", "audit", "config", "try"];
            let length = if words.first().is_some_and(|word| known.contains(word)) { 2 } else { 1 };
            let (command, arguments) = words.split_at(length.min(words.len()));
            let help = program().args(command).arg("--help").output().unwrap();
            assert!(help.status.success(), "{page}: {line}: {}", said(&help));
            for flag in arguments.iter().filter(|word| word.starts_with("--")) {
                assert!(said(&help).contains(flag), "{page}: {line}: there is no {flag}");
            }
            checked += 1;
        }
    }
    assert!(checked > 15, "{checked} commands are shown");
}

/// The lines of a shell block that call the program, without its name; continued lines are one.
fn commands(block: &str) -> Vec<String> {
    let names = ["vestibule ", "sudo vestibule ", "sudo -u vestibule vestibule ", "cargo run --release -- "];
    let joined = block.replace("\\\n", " ");
    let call = |line: &str| names.iter().find_map(|name| line.trim().strip_prefix(name)).map(str::to_owned);
    joined.lines().filter_map(call).collect()
}

/// The program, with the files and secrets that the examples expect.
fn vestibule(folder: &Path) -> Command {
    let mut command = program();
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("VESTIBULE_"));
    ours.for_each(|name| {
        command.env_remove(name);
    });
    let key = folder.join("master.key");
    if !key.exists() {
        fs::write(&key, MasterKey::generate(&SystemRandom::default()).to_text().as_bytes()).unwrap();
    }
    command
        .current_dir(folder)
        .env("VESTIBULE_SECRET_KEY_FILE", key)
        .env("VESTIBULE_DATA_DIR", folder.join("data"))
        .arg("--config")
        .arg(root().join("examples/config/vestibule.toml"));
    for secret in [
        "VONAGE_API_KEY",
        "VONAGE_API_SECRET",
        "MAIL_PASSWORD",
        "TWILIO_SID",
        "TWILIO_TOKEN",
        "SMS_TOKEN",
        "SMS_RECEIPTS_SECRET",
        "SHOP_SECRET",
    ] {
        command.env(secret, "0123456789abcdef0123456789abcdef");
    }
    command
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_production_settings_are_right() {
    let folder = TempDir::new().unwrap();
    let output = vestibule(folder.path()).args(["config", "check"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// Every declaration that is shown can be applied: the example first, then each one in its place.
#[test]
fn what_is_declared_in_examples_and_pages_can_be() {
    let folder = TempDir::new().unwrap();
    let apply =
        |path: &Path, more: &[&str]| vestibule(folder.path()).arg("apply").arg(path).args(more).output().unwrap();
    let example = root().join("examples/config/portal.toml");
    let output = apply(&example, &["--dry-run"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("+ client userportal"), "{}", said(&output));
    assert!(!said(&output).contains("0123456789abcdef"), "a secret is shown: {}", said(&output));
    let output = apply(&example, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let output = apply(&example, &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "a second time nothing changes: {}", said(&output));

    let mut shown = 0;
    for page in pages() {
        for block in blocks(&read(&page), "toml").into_iter().filter(|block| block.contains("[[")) {
            let file = folder.path().join("shown.toml");
            fs::write(&file, block).unwrap();
            let output = apply(&file, &["--dry-run"]);
            assert!(matches!(output.status.code(), Some(0 | 2)), "{page}: {}\n{block}", said(&output));
            shown += 1;
        }
    }
    assert!(shown > 3, "{shown} declarations are shown");
}

/// Each setting in a page's TOML that is no declaration is one of the program's.
#[test]
fn what_is_set_in_pages_can_be() {
    for page in pages() {
        for block in blocks(&read(&page), "toml").into_iter().filter(|block| !block.contains("[[")) {
            let folder = TempDir::new().unwrap();
            let file = folder.path().join("vestibule.toml");
            // A page shows what matters to it; the one setting that every file needs is given if it has none.
            let text = if block.contains("public_url") {
                block.to_owned()
            } else {
                format!("public_url = \"https://auth.example.com\"\n{block}")
            };
            fs::write(&file, text).unwrap();
            let key = folder.path().join("key");
            fs::write(&key, MasterKey::generate(&SystemRandom::default()).to_text().as_bytes()).unwrap();
            let output = program()
                .arg("--config")
                .arg(&file)
                .args(["config", "check"])
                .env("VESTIBULE_SECRET_KEY_FILE", &key)
                .env("VESTIBULE_DATABASE__URL_FILE", database_url(folder.path()))
                .output()
                .unwrap();
            assert!(output.status.success(), "{page}: {}\n{block}", said(&output));
        }
    }
}

fn database_url(folder: &Path) -> PathBuf {
    let file = folder.join("database-url");
    fs::write(&file, "sqlite::memory:").unwrap();
    file
}

/// The schema that the program prints for editors.
fn schema(more: &[&str]) -> Json {
    let output = program().args(["config", "schema"]).args(more).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What of `value` is against `schema`.
fn faults(schema: &Json, value: &Json) -> Vec<String> {
    let schema = jsonschema::validator_for(schema).unwrap();
    schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Everything that is shown fits the schema of its kind; what the program would refuse does not.
#[test]
fn examples_and_pages_fit_the_schemas() {
    let (settings, declarations) = (schema(&[]), schema(&["--declarations"]));
    let fits = |text: &str| {
        let value: Json = toml::from_str(text).unwrap();
        faults(if text.contains("[[") { &declarations } else { &settings }, &value)
    };
    let mut shown = 0;
    let examples = ["portal", "vestibule"].map(|name| read(&format!("examples/config/{name}.toml")));
    let pages: Vec<String> = pages().iter().map(|page| read(page)).collect();
    let shown_there = pages.iter().flat_map(|page| blocks(page, "toml"));
    for text in examples.iter().map(String::as_str).chain(shown_there) {
        assert_eq!(fits(text), Vec::<String>::new(), "{text}");
        shown += 1;
    }
    assert!(shown > 10, "{shown} are shown");
    for bad in [
        "listn = \"127.0.0.1:80\"",
        "[limits.tries]\nlimit = 0",
        "dev = 7",
        "[log]\nformat = \"xml\"",
        "[[client]]\nname = \"no id\"",
        "[[client]]\nid = \"a\"\nconsent = \"never\"",
        "[[client]]\nid = \"a\"\nsecret = \"written out\"",
        "[[chain]]\nname = \"a\"\nsteps = []",
        "[[chain]]\nname = \"a\"\nsteps = [[\"pasword\"]]",
        "[[chain]]\nname = \"a\"\nsteps = [{ alternatives = [\"password\"], when = [{ group = \"x\", nto = true }] }]",
        "[[chain]]\nname = \"a\"\nsteps = [[{ authenticator = \"smsotp\", settings = { length = 99 } }]]",
        "[[connection]]\nname = \"a\"\nsettings.secrets.key = \"written out\"",
        "[[connection]]\nname = \"a\"\nsettings.methd = \"GET\"",
        "[[user]]\nusername = \"a\"\ngroups = \"x\"",
    ] {
        assert!(!fits(bad).is_empty(), "{bad}");
    }
}

/// The settings of a schema by their paths, without the files that may hold them.
fn paths(schema: &Json, at: &str, out: &mut BTreeSet<String>) {
    let properties = schema["properties"].as_object().unwrap();
    for (key, schema) in properties {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let held = key.strip_suffix("_file").is_some_and(|held| properties.contains_key(held));
        match schema.get("properties") {
            Some(_) => paths(schema, &path, out),
            None if held => {}
            None => {
                assert!(schema.get("description").is_some(), "nothing is said of {path}");
                out.insert(path);
            }
        }
    }
}

#[test]
fn the_schema_has_every_setting_and_no_other() {
    let mut offered = BTreeSet::new();
    paths(&schema(&[]), "", &mut offered);
    assert_eq!(offered, settings().into_keys().collect());
}

#[test]
fn the_small_applications_stay_small() {
    for file in ["examples/node/app.mjs", "examples/python/app.py"] {
        let text = read(file);
        let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '/', '*']));
        let lines = code.count();
        assert!(lines <= 60, "{file}: {lines} lines");
    }
}
