//! The house's doors: which room may depend on which, and what only one place may do.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and the rooms it may name. A new arrow is a decision: it is made here, in the same change.
const DOORS: &[(&str, &[&str])] = &[
    ("policies", &[]),
    ("indexes", &[]),
    ("inference", &[]),
    ("plugins", &["indexes", "inference", "policies"]),
    ("service", &["indexes", "inference", "plugins", "policies"]),
    ("benches", &["indexes", "inference", "plugins", "policies", "service"]),
];

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).expect("the manifest is there");
    text.parse().expect("the manifest is TOML")
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![house().join(room).join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the room has sources") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the source is text");
                files.push((path, text));
            }
        }
    }
    files
}

#[test]
fn rooms_depend_on_each_other_only_through_the_doors() {
    let rooms: BTreeSet<&str> = DOORS.iter().map(|(room, _)| *room).collect();
    for (room, doors) in DOORS {
        let manifest = manifest(&house().join(room).join("Cargo.toml"));
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for dependency in dependencies.keys().filter(|name| rooms.contains(name.as_str())) {
                assert!(doors.contains(&dependency.as_str()), "{room} has no door to {dependency}");
            }
        }
    }
}

#[test]
fn every_member_of_the_workspace_is_a_room() {
    let manifest = manifest(&house().join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().expect("members is a list");
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(members, DOORS.iter().map(|(room, _)| *room).collect());
}

#[test]
fn there_is_exactly_one_binary_and_no_room_has_versions_of_its_own() {
    let mut binaries = Vec::new();
    for (room, _) in DOORS {
        let manifest = manifest(&house().join(room).join("Cargo.toml"));
        let named = manifest.get("bin").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        binaries.extend(named.iter().filter_map(|bin| bin["name"].as_str().map(str::to_owned)));
        assert!(!house().join(room).join("src/bin").exists(), "{room} hides binaries in src/bin");
        for table in ["dependencies", "dev-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for (name, value) in dependencies {
                let shared = value.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(shared, Some(true), "{room} does not take {name} from the version table");
            }
        }
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{room} has lints of its own");
    }
    assert_eq!(binaries, ["lamassu"]);
}

#[test]
fn unsafe_code_is_confined_to_at_most_one_module_of_inference() {
    let mut exceptions = Vec::new();
    for (room, _) in DOORS {
        for (path, text) in sources(room) {
            if text.contains("expect(unsafe_code") {
                exceptions.push((*room, path));
            }
        }
    }
    assert!(exceptions.len() <= 1, "{exceptions:?}");
    assert!(exceptions.iter().all(|(room, _)| *room == "inference"), "{exceptions:?}");
}

/// Whether `text` holds `word`, and not only as the end of another: `import::` is no `ort::`.
fn holds(text: &str, word: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(at, _)| !text.get(..at).unwrap_or_default().ends_with(is_name))
}

#[test]
fn the_leaves_of_the_house_know_neither_http_nor_json_on_the_wire() {
    for (room, forbidden) in [
        ("policies", ["ort::", "actix_web", "derive(Serialize"].as_slice()),
        ("indexes", &["ort::", "actix_web", "policies::"]),
        ("inference", &["actix_web", "policies::", "indexes::"]),
        ("plugins", &["ort::", "tokenizers::", "actix_web"]),
        ("service", &["ort::", "tokenizers::", "redb::"]),
    ] {
        for (path, text) in sources(room) {
            for word in forbidden {
                assert!(!holds(&text, word), "{} holds `{word}`", path.display());
            }
        }
    }
}
