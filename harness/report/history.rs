//! What earlier runs came to: one small file a run, by which a report says what has changed and shows each case's line
//! over time.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::words;
use crate::trial::{CaseOutcome, NotRun, Platform, RunOutcome, Verdict};

/// How many earlier runs a time is compared with: the median of those that were as expected.
const COMPARED: usize = 10;

/// A case is slower when it took this many times the median, in hundredths ...
const SLOWER_PERCENT: u64 = 150;

/// ... and this much more, in ms: a busy machine makes a short case vary by that.
const SLOWER_BY_MS: u64 = 3_000;

/// A case in its engines and on its platform: what has a line over time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The case's id.
    pub id: String,
    /// Its engines.
    pub engine: Option<String>,
    /// What it ran on.
    pub platform: Platform,
}

/// What a case came to in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Which case it is.
    pub line: Line,
    /// The verdict that was reached.
    pub verdict: Verdict,
    /// Whether it was the one that the file expects.
    pub as_expected: bool,
    /// How long it took, in ms.
    pub took_ms: u64,
}

/// One run, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The run's name, which is the file's.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Whether it was ended before every case had run.
    pub interrupted: bool,
    /// What each case came to.
    pub cases: Vec<Point>,
    /// What did not run.
    pub not_run: Vec<NotRun>,
}

/// The runs of a folder, the oldest first.
#[derive(Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
}

/// What is other than in the last run before. Each is a case by name, with what is told of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The run that is compared with; nothing where this is the first.
    pub since: Option<String>,
    /// As expected then, and not now.
    pub newly_red: Vec<String>,
    /// Not as expected then, and now.
    pub newly_green: Vec<String>,
    /// Slower than it was in the runs before.
    pub slower: Vec<String>,
    /// It ran then, and did not now.
    pub gone: Vec<String>,
    /// It did not run in any before.
    pub new: Vec<String>,
}

impl Entry {
    /// What of a run is kept.
    pub fn of(run: &RunOutcome) -> Self {
        let point = |case: &CaseOutcome| Point {
            line: Line { id: case.id.clone(), engine: case.engine.clone(), platform: case.platform.clone() },
            verdict: case.verdict,
            as_expected: case.as_expected(),
            took_ms: case.took_ms,
        };
        Self {
            run: run.run.clone(),
            started: run.started.clone(),
            interrupted: run.interrupted,
            cases: run.cases.iter().map(point).collect(),
            not_run: run.not_run.clone(),
        }
    }

    /// What a case came to in it.
    pub fn find(&self, line: &Line) -> Option<&Point> {
        self.cases.iter().find(|point| point.line == *line)
    }
}

impl Line {
    /// The case with its engines and what it ran on.
    pub fn name(&self) -> String {
        let engine = self.engine.as_ref().map_or(String::new(), |engine| format!(" ({engine})"));
        format!("{}{engine} on {}", self.id, words::platform(&self.platform))
    }
}

impl History {
    /// Reads every file of a folder. One that is not there is an empty history.
    ///
    /// # Errors
    /// When a file cannot be read or is none of a history; the error names it.
    pub fn read(folder: &Path) -> Result<Self> {
        let files = match fs::read_dir(folder) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot list the history `{}`", folder.display())),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for file in files {
            let path = file.with_context(|| format!("cannot list the history `{}`", folder.display()))?.path();
            if path.extension().is_none_or(|it| it != "json") {
                continue;
            }
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let entry = serde_json::from_str(&text);
            entries.push(
                entry.with_context(|| format!("`{}` is no entry of a history (hint: move it away)", path.display()))?,
            );
        }
        entries.sort_by(|a, b| (&a.started, &a.run).cmp(&(&b.started, &b.run)));
        Ok(Self { entries })
    }

    /// Writes a run's entry into the folder, which is made where there is none, and takes it in. An entry of the same
    /// run is replaced.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, run: &RunOutcome, folder: &Path) -> Result<PathBuf> {
        let entry = Entry::of(run);
        fs::create_dir_all(folder).with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
        let mut text = serde_json::to_string_pretty(&entry).context("cannot turn the run into JSON")?;
        text.push('\n');
        let name = format!("{}.json", run.run);
        super::file::replace(folder, &name, &text)?;
        self.entries.retain(|it| it.run != entry.run);
        self.entries.push(entry);
        self.entries.sort_by(|a, b| (&a.started, &a.run).cmp(&(&b.started, &b.run)));
        Ok(folder.join(name))
    }

    /// The runs, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The runs before this one.
    fn before(&self, run: &RunOutcome) -> impl DoubleEndedIterator<Item = &Entry> {
        let (started, name) = (run.started.clone(), run.run.clone());
        self.entries.iter().filter(move |it| (&it.started, &it.run) < (&started, &name))
    }

    /// What has changed since the last run before this one; each case is compared with the last run that had it.
    pub fn changes(&self, run: &RunOutcome) -> Changes {
        let Some(last) = self.before(run).next_back() else { return Changes::default() };
        let now = Entry::of(run);
        let mut changes = Changes { since: Some(last.run.clone()), ..Changes::default() };
        for point in &now.cases {
            let name = point.line.name();
            // A run that missed the case is not what it is compared with.
            let Some(then) = self.before(run).rev().find_map(|entry| entry.find(&point.line)) else {
                changes.new.push(format!("{name}: {}", point.verdict.word()));
                continue;
            };
            let words = || format!("{name}: {}, was {}", point.verdict.word(), then.verdict.word());
            match (then.as_expected, point.as_expected) {
                (true, false) => changes.newly_red.push(words()),
                (false, true) => changes.newly_green.push(words()),
                _ => {}
            }
            if let Some(usual) = self.usual_time(run, &point.line).filter(|_| point.as_expected)
                && point.took_ms * 100 > usual * SLOWER_PERCENT
                && point.took_ms > usual + SLOWER_BY_MS
            {
                let (took, usual) = (words::took(point.took_ms), words::took(usual));
                changes.slower.push(format!("{name}: {took}, before {usual}"));
            }
        }
        let gone = last.cases.iter().filter(|then| now.find(&then.line).is_none());
        changes.gone = gone.map(|then| format!("{}: was {}", then.line.name(), then.verdict.word())).collect();
        changes
    }

    /// The median of a case's times in the last runs that were as expected, in ms.
    fn usual_time(&self, run: &RunOutcome, line: &Line) -> Option<u64> {
        let points = self.before(run).rev().filter_map(|entry| entry.find(line));
        let mut times: Vec<u64> =
            points.filter(|point| point.as_expected).map(|point| point.took_ms).take(COMPARED).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
}

impl Changes {
    /// The kinds of change that there are, each with its heading and its lines.
    pub fn kinds(&self) -> Vec<(&'static str, &[String])> {
        let all: [(&'static str, &[String]); 5] = [
            ("Newly red", &self.newly_red),
            ("Newly green", &self.newly_green),
            ("Slower", &self.slower),
            ("Not run any more", &self.gone),
            ("New", &self.new),
        ];
        all.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// The sample run as of this day of a month.
    fn run(day: u8) -> RunOutcome {
        let mut run = sample::run();
        run.run = format!("day-{day:02}");
        run.started = format!("2026-11-{day:02}T02:00:00Z");
        run
    }

    fn history(runs: &[RunOutcome]) -> Result<History> {
        let folder = tempfile::tempdir()?;
        let mut history = History::default();
        for run in runs {
            history.add(run, folder.path())?;
        }
        assert_eq!(History::read(folder.path())?.entries(), history.entries(), "what is written is read back");
        Ok(history)
    }

    #[test]
    fn the_first_run_has_nothing_to_be_compared_with() -> Result<()> {
        assert_eq!(history(&[])?.changes(&run(1)), Changes::default());
        assert_eq!(history(&[run(1)])?.changes(&run(1)), Changes::default(), "not even itself");
        Ok(())
    }

    #[test]
    fn the_same_again_is_no_change() -> Result<()> {
        let changes = history(&[run(1)])?.changes(&run(2));

        assert_eq!(changes, Changes { since: Some("day-01".into()), ..Changes::default() });
        Ok(())
    }

    #[test]
    fn what_turned_is_told_either_way() -> Result<()> {
        let (before, mut now) = (run(1), run(2));
        let red = before.cases.iter().position(|case| !case.as_expected()).context("none is red")?;
        let green = before.cases.iter().position(CaseOutcome::as_expected).context("none is green")?;
        now.cases[red].verdict = now.cases[red].expected;
        now.cases[red].trials.iter_mut().for_each(|trial| trial.shown = trial.wanted[0]);
        now.cases[green].verdict = Verdict::Error;

        let changes = history(&[before])?.changes(&now);

        assert_eq!((changes.newly_red.len(), changes.newly_green.len()), (1, 1), "{changes:?}");
        assert!(changes.newly_red[0].contains(&now.cases[green].id) && changes.newly_red[0].contains("error, was "));
        assert!(changes.newly_green[0].contains(&now.cases[red].id), "{changes:?}");
        Ok(())
    }

    #[test]
    fn slower_is_what_is_well_above_the_median_of_the_runs_before() -> Result<()> {
        let mut now = run(9);
        let usual = now.cases[0].took_ms;
        let mut once = run(5);
        once.cases[0].took_ms = 100 * usual;
        let history = history(&[run(3), run(4), once])?;
        assert!(history.changes(&now).slower.is_empty(), "one slow run before makes nothing of it");

        now.cases[0].took_ms = usual * 2 + SLOWER_BY_MS;
        let changes = history.changes(&now);

        assert_eq!(changes.slower.len(), 1, "{changes:?}");
        now.cases[0].took_ms = usual + SLOWER_BY_MS - 1;
        assert!(history.changes(&now).slower.is_empty(), "a little more is no news");
        Ok(())
    }

    #[test]
    fn what_did_not_run_any_more_and_what_is_new_is_told() -> Result<()> {
        let (mut before, mut now) = (run(1), run(2));
        let gone = now.cases.remove(0);
        let new = before.cases.remove(1);

        let changes = history(&[before])?.changes(&now);

        assert!(changes.gone.len() == 1 && changes.gone[0].contains(&gone.id), "{changes:?}");
        assert!(changes.new.len() == 1 && changes.new[0].contains(&new.id), "{changes:?}");
        Ok(())
    }

    #[test]
    fn what_turned_red_after_a_run_without_it_is_newly_red() -> Result<()> {
        let (before, mut between, mut now) = (run(1), run(2), run(3));
        let green = before.cases.iter().position(CaseOutcome::as_expected).context("none is green")?;
        between.cases.remove(green);
        now.cases[green].verdict = Verdict::Error;

        let changes = history(&[before, between])?.changes(&now);

        assert!(changes.new.is_empty() && changes.gone.is_empty(), "{changes:?}");
        assert!(changes.newly_red.len() == 1 && changes.newly_red[0].contains(&now.cases[green].id), "{changes:?}");
        Ok(())
    }

    #[test]
    fn another_platform_has_a_line_of_its_own() -> Result<()> {
        let (before, mut now) = (run(1), run(2));
        now.cases.iter_mut().for_each(|case| case.platform.kratos = "v9.9.9".into());

        let changes = history(&[before])?.changes(&now);

        assert_eq!((changes.new.len(), changes.gone.len()), (now.cases.len(), now.cases.len()));
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_entry_is_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("x.json"), "{}")?;
        fs::write(folder.path().join("notes.txt"), "kept by a person")?;

        let Err(error) = History::read(folder.path()) else { anyhow::bail!("it was read") };

        assert!(error.to_string().contains("x.json"), "{error:#}");
        Ok(())
    }
}
