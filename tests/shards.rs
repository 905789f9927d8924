//! A run that is split over machines: its shards together are the run.

use std::fs;

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use serde_json::Value;

use crate::support::{QUICK, Sandbox, list};

/// Cases without a browser that take little time.
const CASES: [&str; 3] = [QUICK, "cross-browser/api-flow-with-cookie", "cross-browser/api-flow-with-origin"];

/// A result without what differs from run to run: times, ports, ids, and where evidence lies.
fn lasting(results: &Value) -> Result<Value> {
    let cases = results["cases"].as_array().context("no cases")?;
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            let trials = case["trials"].as_array().into_iter().flatten();
            let trials: Vec<Value> =
                trials.map(|it| serde_json::json!([it["name"], it["shown"], it["wanted"]])).collect();
            let names = ["id", "engine", "platform", "expected", "verdict", "title", "claim", "real", "emulated"];
            let mut kept: serde_json::Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), case[*name].clone())).collect();
            kept.insert("trials".to_owned(), trials.into());
            kept.into()
        })
        .collect();
    Ok(serde_json::json!([cases, results["not_run"], results["parts"], results["interrupted"], results["scope"]]))
}

#[rstest]
#[case::past_the_end("5/4")]
#[case::before_the_first("0/4")]
#[case::no_numbers("a/b")]
fn a_shard_that_cannot_be_is_refused(#[case] shard: &str) -> Result<()> {
    let ended = Sandbox::new()?.run(&["--shard", shard, QUICK])?;

    ended.ensure_refused(2, &[shard])
}

#[test]
fn a_shard_of_which_nothing_is_left_is_said() -> Result<()> {
    let ended = Sandbox::new()?.run(&["--shard", "3/3", QUICK])?;

    ended.ensure_refused(4, &["nothing is selected by `3/3`", "1 cases"])
}

#[test]
fn the_report_of_all_shards_is_that_of_the_run() -> Result<()> {
    let (whole, parts) = (Sandbox::new()?, Sandbox::new()?);
    whole.run(&CASES)?.ensure_refused(0, &[])?;
    for shard in ["1/2", "2/2"] {
        let arguments = [&["--shard", shard], CASES.as_slice()].concat();
        parts.run(&arguments)?.ensure_refused(0, &[])?;
    }
    let folders = list(&parts.path("out"))?;
    assert_eq!(folders.len(), 2, "{folders:?}");

    let mut merge = parts.command(&["report", "--out"]);
    merge.arg(parts.path("merged")).args(&folders);
    let merged = parts.end(merge)?;

    assert_eq!(merged.code(), Some(0), "{}{}", merged.stderr, merged.stdout);
    let report = list(&parts.path("merged"))?.pop().context("no report")?;
    let results: Value = serde_json::from_str(&fs::read_to_string(report.join("results.json"))?)?;
    assert_eq!(lasting(&results)?, lasting(&whole.results()?)?);
    let trial = results["cases"][0]["trials"][0]["folder"].as_str().context("no folder")?;
    ensure!(report.join(trial).is_dir(), "the evidence is not at {trial}");
    Ok(())
}

#[test]
fn shards_that_are_not_all_there_or_there_twice_are_refused() -> Result<()> {
    let sandbox = Sandbox::new()?;
    sandbox.run(&["--shard", "1/2", QUICK, CASES[1]])?.ensure_refused(0, &[])?;
    let folder = sandbox.run_folder()?.display().to_string();
    let out = sandbox.path("merged").display().to_string();

    sandbox.call(&["report", "--out", &out, &folder])?.ensure_refused(2, &["shard 2/2"])?;
    sandbox.call(&["report", &folder, &folder])?.ensure_refused(2, &["both have", "cross-browser/"])?;
    let told = sandbox.call(&["report", "--out", &out, "--incomplete", &folder])?;

    assert_eq!(told.code(), Some(1), "what is not whole is not green: {}{}", told.stderr, told.stdout);
    ensure!(told.stdout.contains("shard 2/2"), "{}", told.stdout);
    Ok(())
}

#[test]
fn a_shard_alone_is_not_reported_as_the_run() -> Result<()> {
    let sandbox = Sandbox::new()?;
    sandbox.run(&["--shard", "1/2", QUICK, CASES[1]])?.ensure_refused(0, &[])?;
    let folder = sandbox.run_folder()?;
    let before = fs::read_to_string(folder.join("results.json"))?;
    let name = folder.display().to_string();

    sandbox.call(&["report", &name])?.ensure_refused(2, &["shard 2/2", "--incomplete"])?;
    let told = sandbox.call(&["report", "--incomplete", &name])?;

    assert_eq!(told.code(), Some(1), "what is not whole is not green: {}{}", told.stderr, told.stdout);
    ensure!(told.stdout.contains("shard 2/2"), "{}", told.stdout);
    ensure!(fs::read_to_string(folder.join("junit.xml"))?.contains("shard 2/2"), "the other reports tell it too");
    assert_eq!(fs::read_to_string(folder.join("results.json"))?, before, "the shard stays what it is");
    Ok(())
}

#[test]
fn a_report_that_would_go_to_where_its_run_lies_stays_there() -> Result<()> {
    let sandbox = Sandbox::new()?;
    sandbox.run(&["--shard", "1/2", QUICK, CASES[1]])?.ensure_refused(0, &[])?;
    let (out, folder) = (sandbox.path("out"), sandbox.run_folder()?);
    let before = sandbox.results()?;
    let mut command = sandbox.command(&["report", "--incomplete"]);
    command.arg(&folder).env("KRATOS_REPRO_OUT", out.join("../out"));

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(sandbox.results()?, before);
    ensure!(!folder.join(folder.file_name().context("no name")?).exists(), "nothing is brought into itself");
    Ok(())
}

#[test]
fn a_report_that_cannot_be_written_says_which_option_names_another_place() -> Result<()> {
    let sandbox = Sandbox::new()?;
    sandbox.run(&[QUICK])?.ensure_refused(0, &[])?;
    let folder = sandbox.run_folder()?.display().to_string();
    let nowhere = format!("{folder}/results.json/x");

    sandbox.call(&["report", &folder, "--out", &nowhere])?.ensure_refused(3, &["`--out`", "results.json/x"])?;
    sandbox.call(&["report", &folder, "--history", &nowhere])?.ensure_refused(3, &["`--history`", "results.json/x"])?;
    Ok(())
}
