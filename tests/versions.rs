//! Several versions of Kratos: which cases say something about each, and which version changes a verdict.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::progress::Progress;
use kratos_repro::backend::version::Version;
use kratos_repro::browser::Engine;
use kratos_repro::case::Catalogue;
use kratos_repro::trial::{Lineup, Shown, WrongFixes, plans};
use rstest::rstest;

use crate::support::trials::fixtures;
use crate::support::{BROWSER, QUICK, Sandbox};

/// The case of the regression that is real and at hand.
const REGRESSION: &str = "neighbours/cors-headers-vanish";

/// A case takes seconds on each version; with others on the machine many times that.
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn every_case_is_applicable_to_the_version_that_they_are_written_for() -> Result<()> {
    let catalogue = Catalogue::read(&fixtures())?;
    let newest = KratosChoice::default().to_string().parse::<Version>()?;
    for case in catalogue.cases() {
        let there = case.on(&newest, catalogue.differences()).with_context(|| case.id.clone())?;
        assert_eq!(there.file.expected(), case.file.expected(), "`{}` says the same without a version", case.id);
    }
    Ok(())
}

#[test]
fn where_a_version_has_no_problem_nothing_is_fixed() -> Result<()> {
    let catalogue = Catalogue::read(&fixtures())?;
    let id = "cross-browser/settings-posted-by-another-identity";
    let case = catalogue.cases().iter().find(|case| case.id == id).context("there is no such case")?;
    let trials = |version: &str| {
        let case = case.on(&version.parse::<Version>()?, catalogue.differences())?;
        let plans = plans(&case, &Lineup::of(&case, Engine::Chromium), WrongFixes::All);
        anyhow::Ok(plans.into_iter().map(|plan| (plan.name, plan.wanted)).collect::<Vec<_>>())
    };

    assert_eq!(trials("v1.0.0")?, [("broken".to_owned(), vec![Shown::Instead])]);
    assert_eq!(trials("v1.3.1")?[0], ("broken".to_owned(), vec![Shown::Symptom]));
    assert!(trials("v1.3.1")?.len() > 3);
    Ok(())
}

/// A program that says it is this Kratos and can be nothing more: no case may come to run on it.
fn stand_in(sandbox: &Sandbox, version: &str) -> Result<String> {
    let path = sandbox.path("bin").join(format!("kratos-{version}"));
    let script = format!(
        "#!/bin/sh\ncase $1 in\nversion) echo 'kratos version'; echo 'Version: {version}';;\n\
         migrate) printf 'SQLite format 3\\000\\020\\000\\001\\001' > kratos.sqlite;;\n*) exit 1;;\nesac\n"
    );
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.display().to_string())
}

/// Whether one of these versions has not been built here. The test is then not run, which is said where a captured test
/// can be heard.
fn is_missing(versions: &[&str]) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cache = Cache::open()?;
    for version in versions {
        let choice = KratosChoice::Version((*version).to_owned());
        let found = runtime.block_on(KratosBinary::find(&cache, &fixtures(), &choice, &mut Progress::silent()));
        if let Err(lacking) = found {
            let _ = writeln!(std::io::stderr(), "not run: {lacking:#}");
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn what_is_applicable_nowhere_is_named_and_nothing_is_green() -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&["--kratos", &stand_in(&sandbox, "v1.0.0")?, BROWSER])?;

    ended.ensure_refused(4, &[&format!("not applicable: {BROWSER}"), "passwordless-code", "v1.0.0"])?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn what_is_not_applicable_is_named_in_every_report_and_counts_as_nothing() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let both = format!("v1.3.1,{}", stand_in(&sandbox, "v1.0.0")?);

    let ended = sandbox.run(&["--kratos", &both, BROWSER])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(ended.stdout.contains("1 of 1 case as expected, 1 not applicable"), "{}", ended.stdout);
    ensure!(ended.stderr.contains("Kratos v1.3.1 "), "a line names its version: {}", ended.stderr);
    let results = sandbox.results()?;
    assert_eq!(results["cases"][0]["platform"]["kratos"], "v1.3.1");
    assert_eq!(results["not_applicable"][0]["case"], BROWSER);
    assert_eq!(results["not_applicable"][0]["kratos"], "v1.0.0");
    let folder = sandbox.run_folder()?;
    let junit = fs::read_to_string(folder.join("junit.xml"))?;
    ensure!(junit.contains(&format!("{BROWSER} (Kratos v1.0.0)")) && junit.contains("<skipped"), "{junit}");
    ensure!(fs::read_to_string(folder.join("report.html"))?.contains("Not applicable"), "the page names it");
    Ok(())
}

#[test]
fn two_of_one_version_cannot_be_told_apart() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let both = format!("v1.3.1,{}", stand_in(&sandbox, "v1.3.1")?);

    sandbox.run(&["--kratos", &both, QUICK])?.ensure_refused(2, &["are both Kratos v1.3.1"])
}

#[test]
fn one_that_does_not_know_its_version_counts_as_the_newest_and_that_is_said() -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&["--kratos", &stand_in(&sandbox, "master")?, QUICK])?;

    ended.ensure_refused(1, &["Kratos unknown(master), which counts as the newest version"])?;
    let note = sandbox.results()?["parts"][1]["note"].as_str().map(str::to_owned).context("no note")?;
    ensure!(note.contains("counts as the newest version"), "{note}");
    Ok(())
}

#[rstest]
#[case::newer("v1.0.0", "v0.11.0", "`--good v1.0.0` is not older than `--bad v0.11.0`")]
#[case::equal("v1.0.0", "v1.0.0", "is not older than")]
#[case::unknown("v0.10.1", "v9.9.9", "v1.3.1")]
fn versions_that_cannot_be_bisected_are_refused(
    #[case] good: &str,
    #[case] bad: &str,
    #[case] word: &str,
) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.call(&["bisect", REGRESSION, "--good", good, "--bad", bad])?;

    ended.ensure_refused(2, &[word])?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_case_that_an_end_lacks_is_refused() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let good = stand_in(&sandbox, "v1.0.0")?;

    let ended = sandbox.call(&["bisect", BROWSER, "--good", &good, "--bad", "v1.3.1"])?;

    ended.ensure_refused(2, &["is not applicable to Kratos v1.0.0", "passwordless-code"])
}

#[test]
fn the_version_that_lost_the_cors_headers_is_found() -> Result<()> {
    let sandbox = Sandbox::new()?;
    if is_missing(&["v0.10.1", "v0.11.0"])? {
        return Ok(());
    }
    let out = sandbox.path("out").display().to_string();
    let mut command = sandbox.command(&["bisect", REGRESSION, "--good", "v0.10.1", "--bad", "v0.11.0"]);
    command.args(["--out", &out]);

    let ended = sandbox.start(command)?.end(LIMIT)?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(ended.stdout.contains("the first version that changes the verdict is v0.11.0"), "{}", ended.stdout);
    let key = "left out: `selfservice.methods.code.passwordless_enabled`";
    ensure!(ended.stdout.contains(key), "what was left out is said: {}", ended.stdout);
    let results = sandbox.results()?;
    let seen = |number: usize| {
        let case = &results["cases"][number];
        [case["platform"]["kratos"].clone(), case["verdict"].clone()].map(|it| it.as_str().map(str::to_owned))
    };
    assert_eq!(seen(0), ["v0.10.1", "not-reproduced"].map(|it| Some(it.to_owned())));
    assert_eq!(seen(1), ["v0.11.0", "reproduced"].map(|it| Some(it.to_owned())));
    sandbox.ensure_nothing_is_left()
}

#[test]
fn two_versions_that_give_the_same_verdict_are_a_result_of_their_own() -> Result<()> {
    let sandbox = Sandbox::new()?;
    if is_missing(&["v0.10.1"])? {
        return Ok(());
    }
    let out = sandbox.path("out").display().to_string();

    let command = sandbox.command(&["bisect", QUICK, "--good", "v0.10.1", "--bad", "v1.3.1", "--out", &out]);
    let ended = sandbox.start(command)?.end(LIMIT)?;

    assert_eq!(ended.code(), Some(5), "{}{}", ended.stderr, ended.stdout);
    ensure!(ended.stdout.contains("not-reproduced on Kratos v0.10.1 and on v1.3.1"), "{}", ended.stdout);
    Ok(())
}
