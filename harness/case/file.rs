//! The case file: its form, and reading it, also out of a bug report in Markdown.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::check::Check;
use super::markdown;
use super::read;
use super::spec::WorldSpec;
use super::step::Step;

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

/// What a case expects to show. See [`crate::trial::Verdict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// The symptom shows; there is no fix.
    Reproduced,
    /// The symptom does not show, and `instead` does.
    NotReproduced,
    /// The fix removes the symptom, and every wrong fix is caught.
    FixHolds,
    /// The fix that the page names does not remove the symptom.
    FixFails,
}

/// A case as its file says it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The id of a claim in `fixtures/claims.yaml`. A bug report may name none.
    #[serde(default)]
    pub claim: Option<Spanned<String>>,
    /// One sentence: what goes wrong.
    pub title: String,
    /// What differs from the words of the claim, or what is worth to know.
    #[serde(default)]
    pub note: Option<String>,
    /// What the case expects to show. Where it is left out: `fix-holds` with a fix, `not-reproduced` with `instead`,
    /// else `reproduced`.
    #[serde(default)]
    pub verdict: Option<Expected>,
    /// The set-up that has the problem.
    #[serde(default)]
    pub world: WorldSpec,
    /// What is done.
    pub steps: Vec<Spanned<Step>>,
    /// What shows the problem. All of it must hold.
    pub symptom: Vec<Spanned<Check>>,
    /// What happens in the symptom's place, where the case expects that it does not show.
    #[serde(default)]
    pub instead: Vec<Spanned<Check>>,
    /// The documented fix.
    #[serde(default)]
    pub fix: Option<Fix>,
    /// Other fixes that work as well.
    #[serde(default)]
    pub other_fixes: Vec<Change>,
    /// Plausible fixes that do not work.
    #[serde(default)]
    pub wrong_fixes: Vec<Change>,
    /// Why there are fewer than two wrong fixes.
    #[serde(default)]
    pub no_wrong_fixes: Option<String>,
}

/// The documented fix and what is true with it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// Who says so, and why it helps.
    pub why: String,
    /// What is put over the world.
    #[serde(default)]
    pub world: Option<WorldSpec>,
    /// What is done in place of the case's steps.
    #[serde(default)]
    pub steps: Option<Vec<Spanned<Step>>>,
    /// What is true with it.
    pub expect: Vec<Spanned<Check>>,
}

/// Another fix, or a wrong one: judged by what the documented fix promises.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Why somebody would try it.
    pub why: String,
    /// What is put over the world.
    #[serde(default)]
    pub world: Option<WorldSpec>,
    /// What is done in place of the case's steps.
    #[serde(default)]
    pub steps: Option<Vec<Spanned<Step>>>,
}

impl CaseFile {
    /// The verdict that the case expects, by its own word or by what it holds.
    pub fn expected(&self) -> Expected {
        self.verdict.unwrap_or(if self.fix.is_some() {
            Expected::FixHolds
        } else if self.instead.is_empty() {
            Expected::Reproduced
        } else {
            Expected::NotReproduced
        })
    }

    /// Reads a case from a YAML file, or from the first fenced `yaml` block of a Markdown file.
    /// Gives the text of the case as well.
    ///
    /// # Errors
    /// When the file cannot be read or is no case.
    pub fn read(path: &Path) -> Result<(Self, String), CaseError> {
        let (case, text) = Self::read_in_place(path)?;
        Ok((case, text.trim_start_matches('\n').to_owned()))
    }

    /// The same, with the text's lines at their numbers in the file.
    pub(super) fn read_in_place(path: &Path) -> Result<(Self, String), CaseError> {
        let whole = read::text(path)?;
        let is_markdown =
            path.extension().is_some_and(|it| it.eq_ignore_ascii_case("md") || it.eq_ignore_ascii_case("markdown"));
        let text = if is_markdown { markdown::first_yaml(path, &whole)? } else { whole };
        let case = read::yaml(path, &text)?;
        Ok((case, text))
    }
}
