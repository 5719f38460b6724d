//! The table of attacks says what is: all of them are in it, and every test that it names exists.

use std::{collections::BTreeSet, fs, path::Path};

/// The names of all functions in Rust files below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("node_modules") {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.extend(text.split("fn ").skip(1).map(name));
        }
    }
}

#[test]
fn the_table_of_attacks_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = fs::read_to_string(root.join("docs/reference/attacks.md")).unwrap();
    let mut known = BTreeSet::new();
    functions(&root.join("crates"), &mut known);
    let mut numbers = Vec::new();
    for line in table.lines().filter(|line| line.starts_with("| A-")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, _, tests, state] = cells[..] else { panic!("not four cells: {line}") };
        numbers.push(number.trim_start_matches("A-").parse::<usize>().unwrap());
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        for test in &named {
            assert!(known.contains(*test), "{number} names {test}, and there is no such test");
        }
        assert!(state.starts_with("tested") || state.starts_with("not built yet"), "{line}");
        assert!(
            !state.starts_with("tested") || !named.is_empty(),
            "{number} is said to be tested, and no test is named"
        );
    }
    assert_eq!(numbers, (1..=141).collect::<Vec<_>>());
}
