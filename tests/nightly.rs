//! The nightly: its matrix, its report, what has changed since the last, and its exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use serde_json::Value;

use crate::support::{BROWSER, Ended, QUICK, Sandbox, list};

/// A build and a run, on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Runs the script with a matrix, its folders in the sandbox.
fn nightly(sandbox: &Sandbox, matrix: &str, arguments: &[&str]) -> Result<Ended> {
    let file = sandbox.path("nightly.yaml");
    fs::write(&file, matrix)?;
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/nightly"));
    command.arg("--matrix").arg(file).arg("--out").arg(sandbox.path("nightly"));
    command.arg("--history").arg(sandbox.path("history")).args(arguments);
    command.env("TMPDIR", sandbox.tmp()).env("KRATOS_REPRO_ENGINE", "chromium").env("NO_COLOR", "1");
    command.env_remove("GITHUB_ACTIONS");
    sandbox.start(command)?.end(LIMIT)
}

/// The folder of the one report.
fn report(sandbox: &Sandbox) -> Result<PathBuf> {
    let reports = list(&sandbox.path("nightly/report"))?;
    ensure!(reports.len() == 1, "there is not one report: {reports:?}");
    Ok(reports[0].clone())
}

fn results(sandbox: &Sandbox) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(report(sandbox)?.join("results.json"))?)?)
}

#[test]
fn what_cannot_run_here_is_named_beside_what_did() -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = nightly(&sandbox, "kratos: [v1.3.1, v0.0.1]", &[QUICK])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let results = results(&sandbox)?;
    assert_eq!(results["cases"].as_array().map(Vec::len), Some(1));
    assert_eq!(results["not_run"][0]["case"], "v0.0.1");
    ensure!(results["not_run"][0]["reason"].as_str().is_some_and(|why| why.contains("has no Kratos v0.0.1")));
    assert_eq!(list(&sandbox.path("history"))?.len(), 1);
    sandbox.ensure_nothing_is_left()
}

/// A Kratos that says it is one, and then does this in place of its migrations.
fn kratos_that_migrates_by(sandbox: &Sandbox, name: &str, version: &str, command: &str) -> Result<String> {
    let path = sandbox.path("bin").join(name);
    let script = format!(
        "#!/bin/sh\ncase $1 in\nversion) echo 'kratos version'; echo 'Version: {version}';;\n\
         migrate) {command};;\n*) exit 1;;\nesac\n"
    );
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.display().to_string())
}

#[test]
fn a_run_that_breaks_before_its_result_is_named_and_not_green() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let broken = kratos_that_migrates_by(&sandbox, "kratos-broken", "v1.3.1", "echo no; exit 1")?;

    let ended = nightly(&sandbox, &format!("kratos: [{broken}, v1.3.1]"), &[QUICK])?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let results = results(&sandbox)?;
    assert_eq!(results["cases"].as_array().map(Vec::len), Some(1));
    assert_eq!(results["not_run"][0]["case"], broken.as_str());
    ensure!(results["not_run"][0]["reason"].as_str().is_some_and(|why| why.contains("migrat")), "{results}");
    Ok(())
}

#[test]
fn a_cell_to_which_nothing_applies_is_named_beside_one_that_is_green() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let old = kratos_that_migrates_by(
        &sandbox,
        "kratos-old",
        "v1.0.0",
        "printf 'SQLite format 3\\000\\020\\000\\001\\001' > kratos.sqlite",
    )?;

    let ended = nightly(&sandbox, &format!("kratos: [v1.3.1, {old}]"), &[BROWSER])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let reason = results(&sandbox)?["not_run"][0]["reason"].as_str().context("no reason")?.to_owned();
    ensure!(reason.contains(BROWSER), "the lines below the error belong to it: {reason}");
    Ok(())
}

#[test]
fn the_second_nightly_says_what_has_changed() -> Result<()> {
    let sandbox = Sandbox::new()?;
    ensure!(nightly(&sandbox, "{}", &[QUICK])?.code() == Some(0));
    // The first is remembered as one that had surprised.
    let entry = list(&sandbox.path("history"))?.pop().context("no history")?;
    let text = fs::read_to_string(&entry)?;
    fs::write(&entry, text.replace("\"as_expected\": true", "\"as_expected\": false"))?;

    let ended = nightly(&sandbox, "{}", &[QUICK])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(ended.stdout.contains(&format!("newly green       {QUICK}")), "{}", ended.stdout);
    let page = fs::read_to_string(report(&sandbox)?.join("report.html"))?;
    ensure!(page.contains("Newly green") && page.contains("Each case over 2 runs"), "the page tells it too");
    Ok(())
}

#[test]
fn the_shards_of_a_fleet_are_one_report() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let cases = [QUICK, "cross-browser/api-flow-with-cookie"];
    let folders = ["1/2", "2/2"].map(|shard| {
        let machine = Sandbox::new()?;
        let ended = nightly(&machine, "{}", &[&["--shard", shard], cases.as_slice()].concat())?;
        ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
        ensure!(!machine.path("nightly/report").exists(), "a shard alone is no nightly");
        Ok(machine)
    });
    fs::create_dir_all(sandbox.path("nightly/runs"))?;
    for machine in folders {
        let machine = machine?;
        for path in list(&machine.path("nightly/runs"))? {
            let name = path.file_name().context("no name")?;
            fs::rename(&path, sandbox.path("nightly/runs").join(name))?;
        }
    }

    let ended = nightly(&sandbox, "{}", &["--only-report"])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(results(&sandbox)?["cases"].as_array().map(Vec::len), Some(2));
    Ok(())
}

#[rstest]
#[case::unknown_axis("kratoss: [v1.3.1]", &[QUICK], 2)]
#[case::unknown_option("{}", &["--nope"], 2)]
#[case::unknown_case("{}", &["no-such-case"], 4)]
#[case::impossible_shard("{}", &["--shard", "5/4", QUICK], 2)]
#[case::nothing_can_run("kratos: [v0.0.1]", &[QUICK], 3)]
#[case::nothing_of_a_shard_can_run("kratos: [v0.0.1]", &["--shard", "1/1", QUICK], 3)]
fn it_ends_with_the_exit_codes_of_a_run(
    #[case] matrix: &str,
    #[case] arguments: &[&str],
    #[case] code: i32,
) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = nightly(&sandbox, matrix, arguments)?;

    assert_eq!(ended.code(), Some(code), "{}{}", ended.stderr, ended.stdout);
    Ok(())
}
