//! Reads the harness's own YAML files: bounded in size and depth, with errors that name line, column and the nearest key.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Budget, Error, Options};

use super::error::CaseError;
use super::nearest::nearest;

/// No case needs more; a larger file is refused before it is read whole.
const SIZE_LIMIT: u64 = 1 << 20;

/// Levels of maps and lists.
const DEPTH_LIMIT: usize = 32;

/// A file's text.
///
/// # Errors
/// When it cannot be read, is no regular file, larger than 1 MiB, empty or not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, CaseError> {
    let wrong = |message: String| CaseError::whole(path, message);
    // Looked at before it is opened: to open a pipe without a writer would wait for ever.
    let kind = fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if kind.is_dir() {
        return Err(wrong("is a folder (hint: name a case file, a case or a claim)".to_owned()));
    }
    if !kind.is_file() {
        return Err(wrong("is no regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(wrong(format!("is larger than {} MiB, which no case needs", SIZE_LIMIT >> 20)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| wrong(format!("is not UTF-8 (first wrong byte at {})", error.utf8_error().valid_up_to())))?;
    // The byte order mark that some editors write first.
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
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
    budget.max_depth = DEPTH_LIMIT;
    budget.max_nodes = 20_000;
    // Cases need neither; a file that has many is a bomb.
    budget.max_anchors = 100;
    budget.max_aliases = 100;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.with_snippet = false;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(path, text, &error))
}

fn explain(path: &Path, text: &str, error: &Error) -> CaseError {
    let error = error.without_snippet();
    let message = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown key `{field}`{}", nearest(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown `{variant}`{}", nearest(variant, expected))
        }
        other => words(other),
    };
    match error.location() {
        Some(place) if runs_on(text, place.line(), place.column()) => {
            let message = format!("{message} (hint: this goes on in the next line: is a `}}` or `]` missing?)");
            CaseError::at(path, place.line(), place.column(), message)
        }
        Some(place) => CaseError::at(path, place.line(), place.column(), message),
        None => CaseError::whole(path, message),
    }
}

/// Whether what begins at a place stands in braces or brackets that were opened in its line, and does not end in it.
fn runs_on(text: &str, line: u64, column: u64) -> bool {
    let mut lines = text.lines().skip(usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1));
    let here = lines.next().and_then(|line| line.split(" #").next()).unwrap_or_default();
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let (before, rest): (Vec<_>, Vec<_>) = here.chars().enumerate().partition(|(place, _)| *place < column);
    let count = |ends: [char; 2]| before.iter().filter(|(_, c)| ends.contains(c)).count();
    let is_inside = count(['{', '[']) > count(['}', ']']);
    let ends_here = rest.iter().any(|(_, c)| ",}]".contains(*c));
    let ends_next = lines.next().is_none_or(|next| next.trim_start().starts_with([',', '}', ']']));
    is_inside && !ends_here && !ends_next
}

/// What is wrong in the words of a case's author, who need not know the parser's.
fn words(error: &Error) -> String {
    match error {
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            format!("expected here: {expected} (found: {unexpected})")
        }
        Error::Eof { .. } => "holds no case (hint: is it empty, or all comments?)".to_owned(),
        Error::Unexpected { expected: "string scalar", .. } => "a text is expected here".to_owned(),
        Error::Unexpected { expected: "mapping start", .. } => "a map, `key: value`, is expected here".to_owned(),
        Error::Unexpected { expected: "sequence start", .. } => "a list, `- ...`, is expected here".to_owned(),
        Error::InvalidScalar { ty: "boolean" | "bool", .. } => "`true` or `false` is expected here".to_owned(),
        Error::InvalidScalar { ty, .. } if ty.starts_with('u') => {
            "a whole number is expected here, neither negative nor too large".to_owned()
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` stands here a second time"),
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            "a step or check has one name only (hint: begin the next one with `- `)".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            format!("is nested deeper than {DEPTH_LIMIT} levels, which no case needs")
        }
        Error::AliasError { error, .. } => words(error),
        Error::Budget { .. } => "holds more keys, values or anchors than any case needs".to_owned(),
        other => plain(&other.to_string()),
    }
}

/// The library's text, without the place that it may carry at its end: the place stands at our line's head.
fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    line.split(" at line ").next().unwrap_or(line).to_owned()
}
