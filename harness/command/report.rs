//! `report`: writes the reports of an earlier run anew, or one report of several runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::arguments::{ReportArguments, ReportFormat};
use super::{AS_EXPECTED, SURPRISE, WrongCall, place};
use crate::case::Catalogue;
use crate::report::history::{Changes, History};
use crate::report::{self, Found, Gaps, github, terminal};
use crate::trial::{NotRun, RunOutcome};

pub(super) fn report(arguments: &ReportArguments) -> Result<u8> {
    let (mut run, folder) = gather(arguments)?;
    for text in &arguments.not_run {
        let (case, reason) = text.split_once(": ").unwrap_or((text, "no reason was given"));
        let one = NotRun { case: case.to_owned(), reason: reason.to_owned() };
        if !run.not_run.contains(&one) {
            run.not_run.push(one);
        }
    }
    let history = match &arguments.history {
        None => None,
        Some(place) => {
            let mut history = History::read(place).map_err(|error| WrongCall(format!("{error:#}")))?;
            history.add(&run, place)?;
            Some(history)
        }
    };
    report::write_with(&run, &folder, history.as_ref())?;
    let changes = history.map(|history| history.changes(&run)).unwrap_or_default();
    tell(&run, &changes, &folder, arguments.format)?;
    Ok(if run.as_expected() && !run.interrupted { AS_EXPECTED } else { SURPRISE })
}

fn tell(run: &RunOutcome, changes: &Changes, folder: &Path, format: ReportFormat) -> Result<()> {
    match format {
        ReportFormat::Json => {
            place::print(&serde_json::to_string_pretty(run).context("failed to write the results as JSON")?)
        }
        ReportFormat::Github => {
            let summary = folder.join("summary.md");
            fs::write(&summary, github::markdown(run, changes))
                .with_context(|| format!("cannot write `{}`", summary.display()))?;
            place::print(&github::annotations(run, changes))
        }
        ReportFormat::Text => {
            let colour = place::colour();
            place::print(&format!("{}{}", terminal::changes(changes, colour), terminal::summary(run, folder, colour)))
        }
    }
}

/// The run to report and the folder of its report: the run's own, or a new one.
fn gather(arguments: &ReportArguments) -> Result<(RunOutcome, PathBuf)> {
    let mut found = Vec::new();
    for folder in &arguments.folders {
        let run = report::read(folder).map_err(|error| WrongCall(format!("{error:#}")))?;
        found.push(Found { folder: folder.clone(), run });
    }
    if let ([_], None) = (found.as_slice(), &arguments.out)
        && let Some(only) = found.pop()
    {
        return Ok((only.run, only.folder));
    }
    let catalogue = Catalogue::read(&place::fixtures()?)?;
    let gaps = if arguments.incomplete { Gaps::Told } else { Gaps::Refused };
    let run = report::merge(&found, catalogue.claims(), gaps).map_err(|error| WrongCall(format!("{error:#}")))?;
    let folder = arguments.out.clone().unwrap_or_else(place::runs).join(&run.run);
    report::bring_evidence(&found, &folder)?;
    Ok((run, folder))
}
