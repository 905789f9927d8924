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

/// The sample's platform, and another.
fn two_platforms() -> Vec<Platform> {
    let new = sample::run().cases[0].platform.clone();
    vec![Platform { kratos: "v0.11.0".into(), ..new.clone() }, new]
}

#[test]
fn shards_of_one_run_may_have_come_to_run_on_fewer_versions_than_it_was_asked_for() -> Result<()> {
    let mut found = shards();
    for one in &mut found {
        one.run.scope.platforms = two_platforms();
    }
    let mut old = found[0].run.cases[0].clone();
    old.platform = two_platforms().remove(0);
    found[0].run.cases.insert(0, old);

    let merged = merge(&found, &claims()?, Gaps::Refused)?;

    assert!(!merged.interrupted && merged.scope.platforms == two_platforms(), "{:?}", merged.scope);
    Ok(())
}

#[rstest]
#[case::the_same_shard_twice(|found: &mut [Found]| found[1].run = found[0].run.clone(), "both have")]
#[case::other_fixtures(|found: &mut [Found]| found[1].run.scope.fixtures = "other".into(), "different fixtures")]
#[case::another_harness(|found: &mut [Found]| found[1].run.parts[0].version = "9.9.9".into(), "different versions")]
#[case::another_interface(
    |found: &mut [Found]| found[1].run.scope.interface = Some("`npm start`".into()),
    "different interfaces: ours and `npm start`"
)]
#[case::another_split(|found: &mut [Found]| found[1].run.scope.shard = Some("2/3".into()), "not of one split")]
#[case::another_selection(|found: &mut [Found]| found[1].run.scope.names = vec!["x".into()], "shard 2/2")]
#[case::another_kratos(
    |found: &mut [Found]| found[1].run.cases.iter_mut().for_each(|case| case.platform.kratos = "v0.0.1".into()),
    "shard 2/2"
)]
#[case::asked_for_on_another_kratos(
    |found: &mut [Found]| found[1].run.scope.platforms = two_platforms(),
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
fn the_evidence_of_a_repetition_that_surprised_is_brought_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut found = vec![Found { folder: folder.path().join("run"), run: sample::several_times(sample::run()) }];
    found[0].run.run = "night".into();
    let place = &repeats(&found[0].run)?.surprises[1].folder;
    fs::create_dir_all(found[0].folder.join(place))?;
    fs::write(found[0].folder.join(place).join("outcome.json"), "{}")?;
    let report = folder.path().join("report");

    bring_evidence(&found, &report)?;

    let merged = merge(&found, &claims()?, Gaps::Refused)?;
    let told = &repeats(&merged)?.surprises[1].folder;
    assert!(told.starts_with("night/") && report.join(told).join("outcome.json").is_file(), "{told}");
    found[0].run.cases[2].repeats.as_mut().context("no repeats")?.surprises[0].folder = "../secret".into();
    let Err(error) = bring_evidence(&found, &report) else { bail!("it was brought") };
    assert!(error.to_string().contains("../secret"), "{error}");
    Ok(())
}

/// What the repetitions came to of the case that surprised in some.
fn repeats(run: &RunOutcome) -> Result<&crate::trial::Repeats> {
    let mut all = run.cases.iter().filter_map(|case| case.repeats.as_ref());
    all.find(|repeats| !repeats.surprises.is_empty()).context("none surprised")
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
