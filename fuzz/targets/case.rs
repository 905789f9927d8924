//! A case file from a stranger: it is read or refused, in words that a terminal can show, and one that is read names no
//! place outside its world.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use kratos_repro::case::{Case, Catalogue};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;

/// The most that is told of a file that is refused (`case/error.rs`), and its path and place.
const LONGEST: usize = 2_000 + 200;

/// Places that no case may name; the dictionary puts them into the files.
const OUTSIDE: [&str; 4] = ["file:///", "://evil.test", "://169.254.169.254", "://127.0.0.1:22"];

/// Keys whose value Kratos compares or shows to a browser, and asks nothing of by itself.
const COMPARED: [&str; 2] = ["allowed_origins", "allowed_return_urls"];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    Catalogue::read(&fixtures).expect("the cases of this checkout are read")
});

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

/// The file's path. What has a fenced block is Markdown.
fn write(input: &[u8]) -> PathBuf {
    let is_markdown = input.windows(3).any(|it| it == b"```");
    let path = FOLDER.path().join(if is_markdown { "case.md" } else { "case.yaml" });
    fs::write(&path, input).expect("a file in a temporary folder");
    path
}

/// A text of a Kratos configuration that names a place outside the world.
fn outside(config: &Value) -> Option<&str> {
    match config {
        Value::String(text) => OUTSIDE.iter().any(|place| text.contains(place)).then_some(text),
        Value::Array(all) => all.iter().find_map(outside),
        Value::Object(all) => {
            all.iter().filter(|(key, _)| !COMPARED.contains(&key.as_str())).find_map(|(_, value)| outside(value))
        }
        _ => None,
    }
}

fn ensure_inside(case: &Case) {
    for server in case.file.worlds().flat_map(|world| world.servers()) {
        for config in &server.configs {
            assert_eq!(outside(config), None, "a case that names it was accepted");
        }
    }
}

fuzz_target!(|input: &[u8]| {
    match CATALOGUE.read_file(&write(input)) {
        Ok(case) => ensure_inside(&case),
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() <= LONGEST, "{} bytes of error", text.len());
            let speaks = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(speaks), "an error speaks to the terminal: {text:?}");
        }
    }
});
