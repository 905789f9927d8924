//! What the page says of earlier runs, made ready for the template: what has changed, and each case's line over time.

use serde::Serialize;

use super::history::{History, Line, Point};
use super::words;
use crate::trial::{RunOutcome, Verdict};

/// How many runs a line shows at most, this one among them.
const SHOWN: usize = 30;

/// The earlier runs beside this one.
#[derive(Debug, Serialize)]
pub(super) struct OverTime {
    /// The run that is compared with.
    since: Option<String>,
    /// Heading, mood and lines of each kind of change.
    changes: Vec<(&'static str, &'static str, Vec<String>)>,
    /// When the first and the last run that is shown began.
    from: String,
    to: String,
    runs: usize,
    lines: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    bars: Vec<Bar>,
    took: String,
}

/// What a case came to in one run. The height is its time against the longest of the line.
#[derive(Debug, Serialize)]
struct Bar {
    mood: &'static str,
    percent: u64,
    title: String,
}

impl OverTime {
    /// Puts the history, which has this run in it, beside the run.
    pub(super) fn of(run: &RunOutcome, history: &History) -> Self {
        let changes = history.changes(run);
        let entries: Vec<_> =
            history.entries().iter().filter(|it| (&it.started, &it.run) <= (&run.started, &run.run)).collect();
        let entries = &entries[entries.len().saturating_sub(SHOWN)..];
        let date = |at: Option<&&super::history::Entry>| at.map_or(String::new(), |it| words::date(&it.started));
        let lines = run.cases.iter().map(|case| {
            let line = Line { id: case.id.clone(), engine: case.engine.clone(), platform: case.platform.clone() };
            let points: Vec<(String, Option<&Point>)> =
                entries.iter().map(|it| (words::date(&it.started), it.find(&line))).collect();
            let longest =
                points.iter().filter_map(|(_, point)| Some(point.as_ref()?.took_ms)).max().unwrap_or(1).max(1);
            let bars = points.into_iter().map(|(date, point)| Bar::of(&date, point, longest)).collect();
            Row { name: line.name(), bars, took: words::took(case.took_ms) }
        });
        Self {
            since: changes.since.clone(),
            changes: changes.kinds().into_iter().map(|(title, lines)| (title, mood(title), lines.to_vec())).collect(),
            from: date(entries.first()),
            to: date(entries.last()),
            runs: entries.len(),
            lines: lines.collect(),
        }
    }
}

impl Bar {
    fn of(date: &str, point: Option<&Point>, longest: u64) -> Self {
        let Some(point) = point else { return Self { mood: "none", percent: 0, title: format!("{date}: not run") } };
        let mood = match (point.as_expected, point.verdict) {
            (true, _) => "good",
            (false, Verdict::Error) => "error",
            (false, _) => "bad",
        };
        // One that took no time at all is still to be seen.
        let percent = (point.took_ms * 100 / longest).max(12);
        let title = format!("{date}: {}, {}", point.verdict.word(), words::took(point.took_ms));
        Self { mood, percent, title }
    }
}

fn mood(title: &str) -> &'static str {
    match title {
        "Newly red" => "bad",
        "Newly green" => "good",
        _ => "error",
    }
}
