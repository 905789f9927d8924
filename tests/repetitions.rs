//! Cases that run several times, and answers that take a time of their own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use kratos_repro::trial::default_jobs;
use rstest::rstest;
use serde_json::Value;

use crate::support::programs::kratos_after;
use crate::support::{Ended, QUICK, Sandbox, files};

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
    let told = |line: &str| line.starts_with("running 2 cases in ") && line.ends_with(" trials, 3 times each");
    ensure!(ended.stderr.lines().any(told), "{}", ended.stderr);
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
fn the_time_of_a_case_has_the_start_of_its_world_in_it() -> Result<()> {
    let sandbox = Sandbox::new()?;

    sandbox.run(&[QUICK])?.ensure_refused(0, &[])?;

    let outcome = sandbox.outcome()?;
    let [trial] = outcome["trials"].as_array().context("no trials")?.as_slice() else {
        anyhow::bail!("not one trial: {outcome}");
    };
    let phases = trial["phases"].as_array().context("no phases")?;
    let phases: u64 = phases.iter().filter_map(|phase| phase["took_ms"].as_u64()).sum();
    let took = outcome["took_ms"].as_u64().context("no time")?;
    ensure!(took >= phases, "the case took {took} ms, and its one trial {phases} ms");
    Ok(())
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

/// A program with two cases, which writes these lines in a run and ends with this code.
fn soak(sandbox: &Sandbox, cases: &[&str], code: i32) -> Result<Ended> {
    let lines = cases.iter().map(|case| format!("{{\"case\":\"{case}\",\"engine\":null,\"as_expected\":true}}\\n"));
    let list = r#"[{"id":"claim","cases":[{"id":"a/one"},{"id":"a/other"}]}]"#;
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = list ] && exec echo '{list}'\n\
         folder=$(mktemp -d \"$3/run-XXXXXX\")\nprintf '{}' > \"$folder/repetitions.jsonl\"\nexit {code}\n",
        lines.collect::<String>()
    );
    let program = sandbox.path("bin/program");
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let mut soak = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/soak"));
    soak.args(["--chromium", "2", "--others", "0", "--every", "0.1"]).stdin(Stdio::null());
    soak.arg("--program").arg(program).arg("--out").arg(sandbox.path("out"));
    sandbox.end(soak)
}

#[rstest]
#[case::every_line_is_as_expected(&["a/one", "a/other"], 1, "ended with 1 although every line is as expected")]
#[case::no_line(&[], 1, "ended with 1 before it wrote a line")]
#[case::a_case_without_a_line(&["a/one"], 0, "wrote no line of a/other")]
fn a_soak_counts_no_run_that_says_less_than_its_lines(
    #[case] cases: &[&str],
    #[case] code: i32,
    #[case] word: &str,
) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = soak(&sandbox, cases, code)?;

    ended.ensure_refused(1, &[word])?;
    let again = soak(&sandbox, cases, code)?;
    again.ensure_refused(1, &[word])
}

#[test]
fn a_soak_of_one_case_is_none_of_all() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let earlier = sandbox.path("out/chromium/run-0");
    fs::create_dir_all(&earlier)?;
    let line = "{\"case\":\"a/one\",\"engine\":null,\"as_expected\":true}\n";
    fs::write(earlier.join("repetitions.jsonl"), line.repeat(2))?;

    let ended = soak(&sandbox, &["a/one", "a/other"], 0)?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(ended.stdout.contains("a/other"), "{}", ended.stdout);
    ensure!(ended.stdout.contains("0 of 2 surprised"), "{}", ended.stdout);
    Ok(())
}
