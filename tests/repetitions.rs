//! Cases that run several times, and answers that take a time of their own.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use kratos_repro::trial::default_jobs;
use serde_json::Value;

use crate::support::programs::kratos_after;
use crate::support::{QUICK, Sandbox, files};

const OTHER: &str = "cross-browser/api-flow-with-origin";

/// The lines of the one run, each a repetition, in the order in which they ended.
fn repetitions(sandbox: &Sandbox) -> Result<Vec<Value>> {
    let text = fs::read_to_string(sandbox.run_folder()?.join("repetitions.jsonl"))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The folders below the run's that hold evidence.
fn evidence(sandbox: &Sandbox) -> Result<BTreeSet<PathBuf>> {
    let folder = sandbox.run_folder()?;
    let logs = files(&folder)?.into_iter().filter(|path| path.ends_with("kratos.log"));
    let repetitions = logs.filter_map(|log| log.ancestors().nth(2).map(PathBuf::from));
    repetitions.map(|path| Ok(path.strip_prefix(&folder)?.to_owned())).collect()
}

#[test]
fn every_case_runs_once_and_then_every_case_again() -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&["--jobs", "1", "--repeat", "3", QUICK, OTHER])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let order: Vec<(String, u64)> = repetitions(&sandbox)?
        .iter()
        .map(|line| (line["case"].as_str().unwrap_or_default().to_owned(), line["repetition"].as_u64().unwrap_or(0)))
        .collect();
    let cases = [order[0].0.as_str(), order[1].0.as_str()];
    let wanted: Vec<(String, u64)> = (1..=3).flat_map(|time| cases.map(|case| (case.to_owned(), time))).collect();
    assert_eq!(order, wanted);
    let results = sandbox.results()?;
    for case in results["cases"].as_array().context("no cases")? {
        assert_eq!((&case["repeats"]["ran"], &case["repeats"]["surprises"]), (&3.into(), &Value::Array(vec![])));
        let below = case["repeats"]["below"].as_f64().context("no bound")?;
        ensure!((below - 0.6316).abs() < 1e-4, "{below}");
    }
    ensure!(ended.stdout.contains("0 of 3 surprised, so below 64 % at 95 %"), "{}", ended.stdout);
    ensure!(evidence(&sandbox)?.iter().all(|path| path.ends_with("repetition-1")), "{:?}", evidence(&sandbox)?);
    sandbox.ensure_nothing_is_left()
}

#[test]
fn however_many_run_at_once_few_start_at_once() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let few = default_jobs();
    let many = (few + 3).to_string();
    let starts = sandbox.path("starts");
    let noted = format!("echo begun >> '{0}'; sleep 2; echo over >> '{0}'", starts.display());
    let kratos = kratos_after(&sandbox, &noted)?;
    let mut command = sandbox.run_command(&["--jobs", &many, "--repeat", &many, "--kratos", &kratos, QUICK]);
    command.env("KRATOS_REPRO_CACHE", sandbox.path("cache"));

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let (mut now, mut most) = (0, 0);
    for line in fs::read_to_string(starts)?.lines() {
        now = if line == "begun" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    ensure!((2..=few).contains(&most), "{most} began to start at once, and {few} may");
    sandbox.ensure_nothing_is_left()
}

#[test]
fn one_repetition_that_surprises_makes_the_run_red_and_is_told() -> Result<()> {
    let sandbox = Sandbox::new()?;
    // Kratos as it is, but that its second start ends.
    let second = format!(
        "echo >> '{0}'; [ \"$(wc -l < '{0}')\" = 2 ] && {{ echo 'the moon is not open' >&2; exit 3; }}",
        sandbox.path("starts").display()
    );
    let kratos = kratos_after(&sandbox, &second)?;
    let mut command = sandbox.run_command(&["--jobs", "1", "--repeat", "3", "--kratos", &kratos, QUICK]);
    command.env("KRATOS_REPRO_CACHE", sandbox.path("cache"));

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error", "what is told is the one that surprised");
    assert_eq!(outcome["repeats"]["ran"], 3);
    let surprises = outcome["repeats"]["surprises"].as_array().context("no list")?;
    let [surprise] = surprises.as_slice() else { anyhow::bail!("not one surprise: {surprises:?}") };
    assert_eq!(surprise["repetition"], 2);
    let cause = surprise["cause"].as_str().context("no cause")?;
    ensure!(cause.contains("the moon is not open"), "{cause}");
    let verdicts: Vec<Value> = repetitions(&sandbox)?.iter().map(|line| line["as_expected"].clone()).collect();
    assert_eq!(verdicts, [true, false, true]);
    let folder = sandbox.run_folder()?.join(surprise["folder"].as_str().context("no folder")?);
    ensure!(folder.join("outcome.json").is_file(), "all of it is in {}", folder.display());
    ensure!(ended.stdout.contains("1 of 3 surprised, so below 87 % at 95 %"), "{}", ended.stdout);
    sandbox.ensure_nothing_is_left()
}

#[test]
fn answers_are_held_for_the_same_times_by_the_same_seed() -> Result<()> {
    let held = |seed: &str| -> Result<Vec<String>> {
        let sandbox = Sandbox::new()?;
        let ended = sandbox.run(&["--jitter", "40ms", "--jitter-seed", seed, QUICK])?;
        assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
        ensure!(ended.stderr.contains(&format!("up to 40 ms, seed {seed}")), "{}", ended.stderr);
        let outcome = sandbox.outcome()?;
        ensure!(outcome["emulated"].to_string().contains("jitter"), "{}", outcome["emulated"]);
        let exchanges = outcome["trials"].as_array().into_iter().flatten().filter_map(|it| it["exchanges"].as_array());
        exchanges.flatten().map(|it| Ok(it["fault"].as_str().context("one was not held")?.to_owned())).collect()
    };

    let times = held("5")?;

    assert_eq!(times, held("5")?);
    assert_ne!(times, held("6")?);
    Ok(())
}
