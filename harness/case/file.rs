//! The case file: its form, and reading it, also out of a bug report in Markdown.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::check::Check;
use super::engines::Engines;
use super::error::CaseError;
use super::markdown;
use super::read;
use super::spec::WorldSpec;
use super::step::Step;
use super::verdicts::VerdictsOn;

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
    /// What it expects on some versions of Kratos in place of that.
    #[serde(default)]
    pub verdict_on: VerdictsOn,
    /// The features of `fixtures/servers/differences.yaml` that it is about: on a version of Kratos without them the case
    /// is not applicable. What its steps and its own configuration need is known without a word.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// On which engines it is run; on each where it is left out.
    #[serde(default)]
    pub engines: Engines,
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
    /// What a wrong fix shows where it shows another problem than the symptom. Without it, it has to show the symptom.
    #[serde(default)]
    pub instead: Vec<Spanned<Check>>,
}

impl Fix {
    /// What it changes against the broken set-up.
    pub fn as_change(&self) -> Change {
        Change { why: self.why.clone(), world: self.world.clone(), steps: self.steps.clone(), instead: Vec::new() }
    }
}

impl CaseFile {
    /// The broken world, and what the fixes put over it.
    pub fn worlds(&self) -> impl Iterator<Item = &WorldSpec> {
        let changes = self.other_fixes.iter().chain(&self.wrong_fixes).filter_map(|it| it.world.as_ref());
        std::iter::once(&self.world).chain(self.fix.iter().filter_map(|fix| fix.world.as_ref())).chain(changes)
    }

    /// Every step of it, those of its fixes too.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let changes = self.other_fixes.iter().chain(&self.wrong_fixes).filter_map(|it| it.steps.as_ref());
        let fixes = self.fix.iter().filter_map(|fix| fix.steps.as_ref()).chain(changes).flatten();
        self.steps.iter().chain(fixes).map(|step| &step.value)
    }

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

    /// Whether one of its worlds has a Hydra.
    pub fn needs_hydra(&self) -> bool {
        self.worlds().any(|world| world.hydra.is_some())
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
