//! Reads the harness's own YAML files: bounded in size and depth, with errors that name line, column and the nearest key.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Budget, Error, Options};

use super::file::CaseError;

/// No case needs more; a larger file is refused before it is read whole.
const SIZE_LIMIT: u64 = 1 << 20;

/// A file's text.
///
/// # Errors
/// When it cannot be read, is larger than 1 MiB, empty or not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, CaseError> {
    let wrong = |message: String| CaseError::whole(path, message);
    let file = File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if file.metadata().is_ok_and(|it| it.is_dir()) {
        return Err(wrong("is a folder (hint: name a case file, a case or a claim)".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(wrong(format!("is larger than {} KiB, which no case needs", SIZE_LIMIT / 1024)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| wrong(format!("is not UTF-8 (first wrong byte at {})", error.utf8_error().valid_up_to())))?;
    if text.trim().is_empty() {
        return Err(wrong("is empty".to_owned()));
    }
    Ok(text)
}

/// The value that a file's text holds.
///
/// # Errors
/// When it is no YAML, too deep or too much of it, or not of the type's form.
pub(super) fn yaml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, CaseError> {
    let mut budget = Budget::default();
    budget.max_events = 50_000;
    budget.max_depth = 32;
    budget.max_nodes = 20_000;
    // Cases need neither; a file that has many is a bomb.
    budget.max_anchors = 100;
    budget.max_aliases = 100;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.with_snippet = false;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(path, &error))
}

fn explain(path: &Path, error: &Error) -> CaseError {
    let error = error.without_snippet();
    let message = match error {
        Error::SerdeUnknownField { field, expected, .. } => format!("unknown key `{field}`{}", hint(field, expected)),
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown `{variant}`{}", hint(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        other => plain(&other.to_string()),
    };
    match error.location() {
        Some(place) => CaseError::at(path, place.line(), place.column(), message),
        None => CaseError::whole(path, message),
    }
}

/// The library's text, without the place that it may carry at its end: the place stands at our line's head.
fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

/// The nearest of the known keys, or all of them.
fn hint(wrong: &str, known: &[&'static str]) -> String {
    let nearest = known
        .iter()
        .map(|key| (strsim::damerau_levenshtein(wrong, key), *key))
        .min()
        .filter(|(distance, key)| *distance <= (key.len() / 2).max(2));
    match nearest {
        Some((_, key)) => format!(" (hint: did you mean `{key}`?)"),
        None if known.is_empty() => " (hint: no keys are known here)".to_owned(),
        None => format!(" (hint: known here: {})", known.join(", ")),
    }
}
