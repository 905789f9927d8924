//! The error of a case file, with its place, in words that a terminal can show.

use std::fmt;
use std::path::{Path, PathBuf};

/// A case file that cannot be used: the command line ends with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CaseError {
    /// The file.
    pub file: PathBuf,
    /// Line and column, counted from 1, where they are known.
    pub place: Option<(u64, u64)>,
    /// What is wrong, with the cure in parentheses.
    pub message: String,
}

impl CaseError {
    /// An error about the file as a whole.
    pub fn whole(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: None, message: harmless(&message.into()) }
    }

    /// An error at a place in the file.
    pub fn at(file: &Path, line: u64, column: u64, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: Some((line, column)), message: harmless(&message.into()) }
    }
}

/// More would fill a screen.
const LONGEST_MESSAGE: usize = 2_000;

/// A text that may quote a stranger's file, without what a terminal would obey: control characters, and those that
/// turn the direction of writing (Unicode 16, section 23.2).
fn harmless(text: &str) -> String {
    let mut plain = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST_MESSAGE {
            plain.push_str(" ...");
            break;
        }
        if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", harmless(&self.file.display().to_string()))?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}
