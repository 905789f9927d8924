//! One run out of several: all shards of one that was split over machines, or the same cases on several platforms.
//! What does not belong together is refused by name.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Differing, put_in_order, words};
use crate::case::Claims;
use crate::trial::{CaseOutcome, NotRun, Platform, RunOutcome, Scope, Shard};

/// The part that stands for a shard in a run's own report.
pub const SHARD: &str = "shard";

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
    let missing = missing_shards(found)?;
    if let (Gaps::Refused, Some(one)) = (gaps, missing.first()) {
        bail!("{}: {} (hint: name its folder too, or report what there is by `--incomplete`)", one.case, one.reason);
    }
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
        parts: distinct(found.iter().flat_map(|it| it.run.parts.clone()).filter(|part| part.name != SHARD)),
        cases,
        not_run: distinct(found.iter().flat_map(|it| it.run.not_run.clone()).chain(missing)),
        not_applicable: distinct(found.iter().flat_map(|it| it.run.not_applicable.clone())),
    })
}

/// Brings the evidence of the runs into the folder of the report, a folder for each run: linked where that can be,
/// else copied.
///
/// # Errors
/// When a file cannot be brought, or a `results.json` names one outside its folder.
pub fn bring_evidence(found: &[Found], folder: &Path) -> Result<()> {
    for (one, label) in found.iter().zip(labels(found)?) {
        for trial in one.run.cases.iter().flat_map(|case| &case.trials).filter(|trial| !trial.folder.is_empty()) {
            let inside = Path::new(&trial.folder).components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(inside, "`{}` has evidence outside its folder: `{}`", one.folder.display(), trial.folder);
            bring(&one.folder.join(&trial.folder), &folder.join(&label).join(&trial.folder))?;
        }
    }
    Ok(())
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
    platforms: Vec<Platform>,
    shards: Vec<(Shard, &'a Path)>,
}

/// The shards that are missing, for each split and each platform that it ran on.
fn missing_shards(found: &[Found]) -> Result<Vec<NotRun>> {
    let mut missing = Vec::new();
    let mut splits: Vec<Split<'_>> = Vec::new();
    for one in found {
        let Some(text) = &one.run.scope.shard else { continue };
        let shard: Shard = text.parse().map_err(|why| anyhow::anyhow!("`{}`: {why}", one.folder.display()))?;
        let scope = Scope { shard: None, ..one.run.scope.clone() };
        let platforms = distinct(one.run.cases.iter().map(|case| case.platform.clone()));
        match splits.iter_mut().find(|split| split.scope == scope && split.platforms == platforms) {
            Some(split) => split.shards.push((shard, &one.folder)),
            None => splits.push(Split { scope, platforms, shards: vec![(shard, &one.folder)] }),
        }
    }
    for Split { platforms, shards, .. } in splits {
        let Some((first, place)) = shards.first().copied() else { continue };
        if let Some((other, there)) = shards.iter().find(|(it, _)| it.of() != first.of()) {
            let (place, there) = (place.display(), there.display());
            bail!("`{place}` is shard {first} and `{there}` is {other}: they are not of one split");
        }
        let on = platforms.iter().map(words::platform).collect::<Vec<_>>().join("; ");
        for number in (1..=first.of()).filter(|number| shards.iter().all(|(it, _)| it.number() != *number)) {
            let case = format!("shard {number}/{}", first.of());
            missing.push(NotRun { case, reason: format!("no result of it on {on} is among those that were named") });
        }
    }
    Ok(missing)
}

/// The cases of a run, their evidence below a folder of its name.
fn placed(run: &RunOutcome, label: &str) -> Vec<CaseOutcome> {
    let mut cases = run.cases.clone();
    for trial in cases.iter_mut().flat_map(|case| &mut case.trials) {
        let below = |path: &str| format!("{label}/{path}");
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
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::sample;

    /// The sample run, split by taking every other case, as two machines would leave it.
    fn shards() -> Vec<Found> {
        let part = |number: usize| {
            let mut run = sample::run();
            run.run = format!("part-{number}");
            run.scope.shard = Some(format!("{number}/2"));
            let cases = run.cases.into_iter().enumerate();
            run.cases = cases.filter(|(place, _)| place % 2 + 1 == number).map(|(_, case)| case).collect();
            Found { folder: PathBuf::from(format!("folder-{number}")), run }
        };
        vec![part(1), part(2)]
    }

    fn claims() -> Result<Claims> {
        Ok(Claims::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/claims.yaml"))?)
    }

    fn refused(found: &[Found]) -> Result<String> {
        let Err(error) = merge(found, &claims()?, Gaps::Refused) else { bail!("it was merged") };
        Ok(error.to_string())
    }

    #[test]
    fn the_shards_of_a_run_are_the_run() -> Result<()> {
        let mut whole = sample::run();
        put_in_order(&mut whole.cases, &claims()?);

        let merged = merge(&shards(), &claims()?, Gaps::Refused)?;

        let without_place = |run: &RunOutcome| -> Vec<CaseOutcome> {
            let mut cases = run.cases.clone();
            for trial in cases.iter_mut().flat_map(|case| &mut case.trials) {
                trial.folder.clear();
                trial.steps.iter_mut().for_each(|step| step.screenshot = None);
            }
            cases
        };
        assert_eq!(without_place(&merged), without_place(&whole));
        assert_eq!((&merged.parts, &merged.not_run), (&whole.parts, &whole.not_run));
        assert!(!merged.interrupted && merged.scope == whole.scope);
        Ok(())
    }

    #[test]
    fn a_shard_that_is_missing_is_named() -> Result<()> {
        let mut found = shards();
        found.truncate(1);

        assert!(refused(&found)?.contains("shard 2/2"), "{}", refused(&found)?);

        let told = merge(&found, &claims()?, Gaps::Told)?;
        assert!(told.interrupted && told.not_run.iter().any(|one| one.case == "shard 2/2"), "{:?}", told.not_run);
        Ok(())
    }

    #[rstest]
    #[case::the_same_shard_twice(|found: &mut [Found]| found[1].run = found[0].run.clone(), "both have")]
    #[case::other_fixtures(|found: &mut [Found]| found[1].run.scope.fixtures = "other".into(), "different fixtures")]
    #[case::another_harness(|found: &mut [Found]| found[1].run.parts[0].version = "9.9.9".into(), "different versions")]
    #[case::another_split(|found: &mut [Found]| found[1].run.scope.shard = Some("2/3".into()), "not of one split")]
    #[case::another_selection(|found: &mut [Found]| found[1].run.scope.names = vec!["x".into()], "shard 2/2")]
    #[case::another_kratos(
        |found: &mut [Found]| found[1].run.cases.iter_mut().for_each(|case| case.platform.kratos = "v0.0.1".into()),
        "shard 2/2"
    )]
    #[case::a_shard_that_is_none(|found: &mut [Found]| found[1].run.scope.shard = Some("7/2".into()), "7/2")]
    #[case::a_name_that_leads_out(|found: &mut [Found]| found[1].run.run = "../x".into(), "../x")]
    fn what_does_not_belong_together_is_refused(#[case] change: fn(&mut [Found]), #[case] word: &str) -> Result<()> {
        let mut found = shards();
        change(&mut found);

        let why = refused(&found)?;

        assert!(why.contains(word), "{why}");
        Ok(())
    }

    #[test]
    fn one_case_on_two_platforms_is_two_cases() -> Result<()> {
        let (mut old, mut new) = (sample::run(), sample::run());
        (old.run, new.run) = ("old".into(), "new".into());
        old.cases.iter_mut().for_each(|case| case.platform.kratos = "v1.0.0".into());
        let count = new.cases.len();
        let found = [old, new].map(|run| Found { folder: run.run.clone().into(), run });

        let merged = merge(&found, &claims()?, Gaps::Refused)?;

        assert_eq!(merged.cases.len(), 2 * count);
        let page = crate::report::html(&merged, Path::new("nowhere"))?;
        assert!(page.contains("Kratos v1.0.0"), "each case says on what it ran");
        let names = crate::report::junit(&merged)?.matches("Kratos v1.0.0)\"").count();
        assert_eq!(names, count, "each test has a name of its own");
        Ok(())
    }

    #[test]
    fn evidence_is_brought_and_found_again() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut found = shards();
        for one in &mut found {
            one.folder = folder.path().join(&one.run.run);
            fs::create_dir(&one.folder)?;
            sample::write_screenshots(&one.run, &one.folder, sample::PNG)?;
        }
        let report = folder.path().join("report");

        bring_evidence(&found, &report)?;

        let merged = merge(&found, &claims()?, Gaps::Refused)?;
        let page = crate::report::html(&merged, &report)?;
        assert!(page.contains("data:image") && !page.contains("could not be read"));
        Ok(())
    }

    #[test]
    fn evidence_outside_its_folder_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut found = shards();
        found[0].run.cases[0].trials[0].folder = "../secret".into();

        let Err(error) = bring_evidence(&found, folder.path()) else { bail!("it was brought") };

        assert!(error.to_string().contains("../secret"), "{error}");
        Ok(())
    }
}
