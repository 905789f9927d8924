//! One run out of several: all shards of one that was split over machines, or the same cases on several platforms.
//! What does not belong together is refused by name.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Differing, put_in_order, words};
use crate::case::Claims;
use crate::trial::{CaseOutcome, NotRun, Part, Platform, RunOutcome, Scope, Shard};

/// The part that stands for a shard in a run's own report.
pub const SHARD: &str = "shard";

/// The part that stands for the cases of a run that was interrupted, those with them that did not run.
const PLANNED: &str = "cases asked for";

/// A run that was read, and the folder that it was read from.
#[derive(Debug)]
pub struct Found {
    /// Where it lies.
    pub folder: PathBuf,
    /// What it came to.
    pub run: RunOutcome,
}

/// What becomes of a split run of which shards are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// It is refused.
    Refused,
    /// It is told as a run that was interrupted, with what is missing by name.
    Told,
}

impl Gaps {
    /// The shards that are missing.
    fn of(self, found: &[Found]) -> Result<Vec<NotRun>> {
        let missing = missing_shards(found)?;
        if let (Self::Refused, Some(one)) = (self, missing.first()) {
            let (case, reason) = (&one.case, &one.reason);
            bail!("{case}: {reason} (hint: name its folder too, or report what there is by `--incomplete`)");
        }
        Ok(missing)
    }
}

/// Puts runs together. The paths of their evidence then begin with the name of the run that it is of, so that they
/// hold in a folder that [`bring_evidence`] has filled.
///
/// # Errors
/// When the runs are of other fixtures or another harness, when the same case was run twice on one engine and platform,
/// or when they are not all shards of one split; the error names the folders.
pub fn merge(found: &[Found], claims: &Claims, gaps: Gaps) -> Result<RunOutcome> {
    let first = found.first().context("there is no run to report")?;
    for other in found {
        compare(first, other)?;
    }
    ensure_once(found)?;
    let missing = gaps.of(found)?;
    let labels = labels(found)?;
    let mut cases: Vec<CaseOutcome> =
        found.iter().zip(&labels).flat_map(|(it, label)| placed(&it.run, label)).collect();
    put_in_order(&mut cases, claims);
    Ok(RunOutcome {
        run: name(found),
        started: found.iter().map(|it| it.run.started.clone()).min().unwrap_or_default(),
        took_ms: found.iter().map(|it| it.run.took_ms).sum(),
        interrupted: !missing.is_empty() || found.iter().any(|it| it.run.interrupted),
        scope: scope(found),
        parts: merged_parts(found, &missing),
        cases,
        not_run: distinct(found.iter().flat_map(|it| it.run.not_run.clone()).chain(missing)),
        not_applicable: distinct(found.iter().flat_map(|it| it.run.not_applicable.clone())),
    })
}

/// The run of a report that stays where its run lies, so that the paths of its evidence stay too. A shard is part of a
/// run, and lacks the others.
///
/// # Errors
/// When it is a shard and gaps are refused.
pub fn alone(found: Found, gaps: Gaps) -> Result<RunOutcome> {
    let missing = gaps.of(std::slice::from_ref(&found))?;
    let mut run = found.run;
    run.interrupted |= !missing.is_empty();
    if !missing.is_empty() {
        // It tells of this shard alone.
        run.parts.retain(|part| part.name != PLANNED);
    }
    run.not_run.extend(missing);
    Ok(run)
}

/// What took part in any of the runs. Of how many cases they would have had, all tell or nobody does.
fn merged_parts(found: &[Found], missing: &[NotRun]) -> Vec<Part> {
    let of_one = |part: &Part| [SHARD, PLANNED].contains(&part.name.as_str());
    let mut parts = distinct(found.iter().flat_map(|it| it.run.parts.clone()).filter(|part| !of_one(part)));
    let all: Option<usize> = found.iter().map(|it| planned(&it.run)).sum();
    parts
        .extend(all.filter(|_| missing.is_empty()).filter(|_| found.iter().any(|it| it.run.interrupted)).map(planning));
    parts
}

/// How many cases there would have been, as a part of a run that was interrupted.
pub fn planning(cases: usize) -> Part {
    Part { name: PLANNED.to_owned(), version: cases.to_string(), note: "not all of them ran".to_owned() }
}

/// How many cases a run would have had, where that is known.
pub(super) fn planned(run: &RunOutcome) -> Option<usize> {
    match run.parts.iter().find(|part| part.name == PLANNED) {
        Some(part) => part.version.parse().ok(),
        None => (!run.interrupted).then_some(run.cases.len()),
    }
}

/// Brings the evidence of the runs into the folder of the report, a folder for each run: linked where that can be,
/// else copied.
///
/// # Errors
/// When a file cannot be brought, or a `results.json` names one outside its folder.
pub fn bring_evidence(found: &[Found], folder: &Path) -> Result<()> {
    for (one, label) in found.iter().zip(labels(found)?) {
        for place in one.run.cases.iter().flat_map(evidence).filter(|place| !place.is_empty()) {
            let inside = Path::new(place).components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(inside, "`{}` has evidence outside its folder: `{place}`", one.folder.display());
            bring(&one.folder.join(place), &folder.join(&label).join(place))?;
        }
    }
    Ok(())
}

/// The folders of a case's evidence: of its trials, and of each repetition that surprised.
fn evidence(case: &CaseOutcome) -> impl Iterator<Item = &str> {
    let surprises = case.repeats.iter().flat_map(|repeats| &repeats.surprises);
    case.trials.iter().map(|trial| trial.folder.as_str()).chain(surprises.map(|one| one.folder.as_str()))
}

/// Links or copies every file below a folder; what is neither a file nor a folder stays where it is.
fn bring(from: &Path, to: &Path) -> Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        // The report says of each picture that it is missing.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot list `{}`", from.display())),
    };
    fs::create_dir_all(to).with_context(|| format!("cannot create the folder `{}`", to.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list `{}`", from.display()))?;
        let (kind, target) = (entry.file_type(), to.join(entry.file_name()));
        let kind = kind.with_context(|| format!("cannot look at `{}`", entry.path().display()))?;
        if kind.is_dir() {
            bring(&entry.path(), &target)?;
        } else if kind.is_file() && !target.exists() && fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to `{}`", target.display()))?;
        }
    }
    Ok(())
}

/// Two runs are of the same cases and the same harness.
fn compare(first: &Found, other: &Found) -> Result<()> {
    let folders = || format!("`{}` and `{}`", first.folder.display(), other.folder.display());
    ensure!(
        first.run.scope.fixtures == other.run.scope.fixtures,
        "{} are runs of different fixtures (hint: run both again with the same source)",
        folders()
    );
    ensure!(
        first.run.scope.interface == other.run.scope.interface,
        "{} are runs of different interfaces: {} and {} (hint: run both again with the same `--ui-command`)",
        folders(),
        first.run.scope.interface.as_deref().unwrap_or("ours"),
        other.run.scope.interface.as_deref().unwrap_or("ours")
    );
    let harness =
        |run: &RunOutcome| run.parts.iter().find(|part| part.name == "kratos-repro").map(|it| it.version.clone());
    ensure!(
        harness(&first.run) == harness(&other.run),
        "{} are runs of different versions of kratos-repro (hint: run both again with the same source)",
        folders()
    );
    Ok(())
}

/// No case is there twice on the same engines and platform.
fn ensure_once(found: &[Found]) -> Result<()> {
    let mut known: BTreeMap<(&str, Option<&str>, &Platform), &Path> = BTreeMap::new();
    for one in found {
        for case in &one.run.cases {
            if let Some(before) = known.insert((&case.id, case.engine.as_deref(), &case.platform), &one.folder) {
                bail!(
                    "`{}` and `{}` both have {} on {} (hint: name the folder of each shard once)",
                    before.display(),
                    one.folder.display(),
                    Differing::default().name(case),
                    words::platform(&case.platform)
                );
            }
        }
    }
    Ok(())
}

/// One run that was split, as far as it was found.
struct Split<'a> {
    scope: Scope,
    shards: Vec<(Shard, &'a Path)>,
}

/// The shards that are missing, for each run that was split.
fn missing_shards(found: &[Found]) -> Result<Vec<NotRun>> {
    let mut missing = Vec::new();
    let mut splits: Vec<Split<'_>> = Vec::new();
    for one in found {
        let Some(text) = &one.run.scope.shard else { continue };
        let shard: Shard = text.parse().map_err(|why| anyhow::anyhow!("`{}`: {why}", one.folder.display()))?;
        let scope = Scope { shard: None, platforms: platforms(&one.run), ..one.run.scope.clone() };
        match splits.iter_mut().find(|split| split.scope == scope) {
            Some(split) => split.shards.push((shard, &one.folder)),
            None => splits.push(Split { scope, shards: vec![(shard, &one.folder)] }),
        }
    }
    for Split { scope, shards } in splits {
        let Some((first, place)) = shards.first().copied() else { continue };
        if let Some((other, there)) = shards.iter().find(|(it, _)| it.of() != first.of()) {
            let (place, there) = (place.display(), there.display());
            bail!("`{place}` is shard {first} and `{there}` is {other}: they are not of one split");
        }
        let on = scope.platforms.iter().map(words::platform).collect::<Vec<_>>().join("; ");
        for number in (1..=first.of()).filter(|number| shards.iter().all(|(it, _)| it.number() != *number)) {
            let case = format!("shard {number}/{}", first.of());
            missing.push(NotRun { case, reason: format!("no result of it on {on} is among those that were named") });
        }
    }
    Ok(missing)
}

/// What a run was to run on. One of before that was written down tells only what its cases did run on.
fn platforms(run: &RunOutcome) -> Vec<Platform> {
    if run.scope.platforms.is_empty() {
        return distinct(run.cases.iter().map(|case| case.platform.clone()));
    }
    run.scope.platforms.clone()
}

/// The cases of a run, their evidence below a folder of its name.
fn placed(run: &RunOutcome, label: &str) -> Vec<CaseOutcome> {
    let mut cases = run.cases.clone();
    let below = |path: &str| format!("{label}/{path}");
    for surprise in cases.iter_mut().filter_map(|case| case.repeats.as_mut()).flat_map(|it| &mut it.surprises) {
        surprise.folder = below(&surprise.folder);
    }
    for trial in cases.iter_mut().flat_map(|case| &mut case.trials) {
        if !trial.folder.is_empty() {
            trial.folder = below(&trial.folder);
        }
        for step in &mut trial.steps {
            step.screenshot = step.screenshot.as_deref().map(below);
        }
    }
    cases
}

/// A folder's name for each run: its own, with a number where two machines began one at the same moment.
fn labels(found: &[Found]) -> Result<Vec<String>> {
    let mut labels: Vec<String> = Vec::new();
    for one in found {
        let name = one.run.run.as_str();
        // The file may come from a stranger: its name must not lead out of the folder of the report.
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        ensure!(plain, "the run in `{}` has a name that is none: `{name}`", one.folder.display());
        let again = labels.iter().filter(|label| label.split('.').next() == Some(name)).count();
        labels.push(if again == 0 { name.to_owned() } else { format!("{name}.{}", again + 1) });
    }
    Ok(labels)
}

/// The name of the first run, and how many more there are.
fn name(found: &[Found]) -> String {
    let first = found.iter().map(|it| it.run.run.as_str()).min().unwrap_or_default();
    match found.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first}-and-{}-more", count - 1),
    }
}

/// What all runs were asked for, in so far as they agree.
fn scope(found: &[Found]) -> Scope {
    let mut scope = found.first().map(|it| it.run.scope.clone()).unwrap_or_default();
    scope.shard = None;
    for one in found.iter().map(|it| &it.run.scope) {
        scope.names.extend(one.names.iter().filter(|name| !scope.names.contains(name)).cloned().collect::<Vec<_>>());
        let more: Vec<_> = one.engines.iter().filter(|name| !scope.engines.contains(name)).cloned().collect();
        scope.engines.extend(more);
        let more: Vec<_> = one.platforms.iter().filter(|it| !scope.platforms.contains(it)).cloned().collect();
        scope.platforms.extend(more);
        scope.thorough |= one.thorough;
    }
    if found.iter().any(|it| it.run.scope.names.is_empty()) {
        scope.names.clear();
    }
    scope
}

/// Each item once, in the order of first appearance.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all
}

#[cfg(test)]
mod tests;
