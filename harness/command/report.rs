//! `report`: writes the reports of an earlier run anew, or one report of several runs.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};

use super::arguments::{ReportArguments, ReportFormat};
use super::{AS_EXPECTED, SURPRISE, WrongCall, place};
use crate::backend::Missing;
use crate::case::Catalogue;
use crate::report::history::{Changes, History};
use crate::report::{self, Found, Gaps, github, terminal};
use crate::trial::{NotRun, RunOutcome};

pub(super) fn report(arguments: &ReportArguments) -> Result<u8> {
    let Gathered { mut run, folder, is_part } = gather(arguments)?;
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
            let mut history = History::read(place).map_err(|error| match is_of_files(&error) {
                true => elsewhere(error, "--history"),
                false => WrongCall(format!("{error:#}")).into(),
            })?;
            history.add(&run, place).map_err(|error| elsewhere(error, "--history"))?;
            Some(history)
        }
    };
    let write = if is_part { report::write_pages } else { report::write_with };
    write(&run, &folder, history.as_ref()).map_err(|error| elsewhere(error, "--out"))?;
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
            let written = fs::write(&summary, github::markdown(run, changes));
            let written = written.with_context(|| format!("cannot write `{}`", summary.display()));
            written.map_err(|error| elsewhere(error, "--out"))?;
            place::print(&github::annotations(run, changes))
        }
        ReportFormat::Text => {
            let colour = place::colour(&io::stdout());
            place::print(&format!("{}{}", terminal::changes(changes, colour), terminal::summary(run, folder, colour)))
        }
    }
}

/// What is to be reported.
struct Gathered {
    run: RunOutcome,
    /// The folder of the report: the run's own, or a new one.
    folder: PathBuf,
    /// Whether the folder's own results are of a part of this run alone, and stay so.
    is_part: bool,
}

fn gather(arguments: &ReportArguments) -> Result<Gathered> {
    let mut found = Vec::new();
    for folder in &arguments.folders {
        let run = report::read(folder).map_err(|error| WrongCall(format!("{error:#}")))?;
        found.push(Found { folder: folder.clone(), run });
    }
    let refused = |error: anyhow::Error| WrongCall(format!("{error:#}"));
    let gaps = if arguments.incomplete { Gaps::Told } else { Gaps::Refused };
    if let [only] = found.as_slice()
        && arguments.out.as_ref().is_none_or(|out| is_same(&out.join(&only.run.run), &only.folder))
        && let Some(only) = found.pop()
    {
        let (folder, is_part) = (only.folder.clone(), only.run.scope.shard.is_some());
        return Ok(Gathered { run: report::alone(only, gaps).map_err(refused)?, folder, is_part });
    }
    let catalogue = Catalogue::read(&place::fixtures()?)?;
    let run = report::merge(&found, catalogue.claims(), gaps).map_err(refused)?;
    let folder = arguments.out.clone().unwrap_or_else(place::runs).join(&run.run);
    if let Some(read) = found.iter().find(|one| is_same(&one.folder, &folder)) {
        let read = read.folder.display();
        return Err(WrongCall(format!(
            "the report would replace `{read}`, which it reads (hint: `--out` names another place)"
        ))
        .into());
    }
    report::bring_evidence(&found, &folder).map_err(|error| elsewhere(error, "--out"))?;
    Ok(Gathered { run, folder, is_part: false })
}

/// What cannot be written here may be written where an option says.
fn elsewhere(error: anyhow::Error, option: &str) -> anyhow::Error {
    if is_of_files(&error) {
        return Missing::new(format!("{error:#}"), format!("`{option}` names another place")).into();
    }
    error
}

fn is_of_files(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<io::Error>())
}

/// Whether two paths lead to one folder that is there.
fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
