//! What the cases of a run come to, each of them once or many times. Of many only what has to be told is kept.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::place;
use crate::trial::{CaseOutcome, Repeats};

/// One line for each repetition, written when it has ended: what a run that is killed leaves of its results.
const LINES: &str = "repetitions.jsonl";

/// The outcome of a repetition that surprised, in the folder of its evidence.
const OUTCOME: &str = "outcome.json";

/// Gathers what cases come to.
#[derive(Debug)]
pub(super) struct Repetitions {
    asked: u32,
    folder: PathBuf,
    ended: usize,
    told: Vec<CaseOutcome>,
    failed: Option<anyhow::Error>,
}

impl Repetitions {
    /// Of cases that run so often, with the evidence in this folder.
    pub(super) fn new(asked: u32, folder: &Path) -> Self {
        Self { asked, folder: folder.to_owned(), ended: 0, told: Vec::new(), failed: None }
    }

    /// How many have ended, of all cases.
    pub(super) fn ended(&self) -> usize {
        self.ended
    }

    /// Takes one that has ended; `place` is the folder of its evidence, relative to the run's.
    pub(super) fn add(&mut self, outcome: CaseOutcome, repetition: u32, place: &str) {
        self.ended += 1;
        if let Err(error) = self.note(&outcome, repetition, place) {
            // Told at the end: what runs goes on, and the first failure explains those after it.
            self.failed.get_or_insert(error);
        }
        if self.asked == 1 {
            return self.told.push(outcome);
        }
        let same = |told: &&mut CaseOutcome| {
            (&told.id, &told.engine, &told.platform) == (&outcome.id, &outcome.engine, &outcome.platform)
        };
        let Some(told) = self.told.iter_mut().find(same) else {
            let mut repeats = Repeats::of(self.asked);
            repeats.count(repetition, &outcome, place);
            return self.told.push(CaseOutcome { repeats: Some(repeats), ..outcome });
        };
        let mut repeats = told.repeats.take().unwrap_or_else(|| Repeats::of(self.asked));
        repeats.count(repetition, &outcome, place);
        if outcome.as_expected() {
            drop_evidence(&self.folder.join(place));
        } else if told.as_expected() {
            *told = outcome;
        }
        told.repeats = Some(repeats);
    }

    /// Writes the line of one, and all of it where it surprised.
    fn note(&self, outcome: &CaseOutcome, repetition: u32, place: &str) -> Result<()> {
        let line = json!({
            "case": outcome.id,
            "engine": outcome.engine,
            "platform": outcome.platform,
            "repetition": repetition,
            "expected": outcome.expected,
            "verdict": outcome.verdict,
            "as_expected": outcome.as_expected(),
            "took_ms": outcome.took_ms,
            "cause": (!outcome.as_expected()).then_some(&outcome.reason),
        });
        // Somebody may have removed it meanwhile.
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to make the folder `{}`", self.folder.display()))?;
        let path = self.folder.join(LINES);
        let append =
            || File::options().create(true).append(true).open(&path)?.write_all(format!("{line}\n").as_bytes());
        append().with_context(|| format!("failed to write `{}`", path.display()))?;
        if outcome.as_expected() || self.asked == 1 {
            return Ok(());
        }
        let folder = self.folder.join(place);
        fs::create_dir_all(&folder).with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
        let text = serde_json::to_string_pretty(outcome).context("failed to write an outcome as JSON")?;
        let path = folder.join(OUTCOME);
        fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
    }

    /// What is to be told of each case, and the first line or outcome that could not be written.
    pub(super) fn told(self) -> (Vec<CaseOutcome>, Result<()>) {
        (self.told, self.failed.map_or(Ok(()), Err))
    }
}

/// That there is more evidence than is asked for is no failure of the run.
fn drop_evidence(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            place::say(&format!("`{}` could not be removed: {error}", folder.display()));
        }
        _ => {}
    }
}
