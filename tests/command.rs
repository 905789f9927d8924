//! The command line: what each call answers, and with which exit code.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use rstest::rstest;

use crate::support::{BROWSER, QUICK, Sandbox};

#[rstest]
#[case::no_command(&[], 2)]
#[case::unknown_option(&["run", "--nope"], 2)]
#[case::no_jobs(&["run", "--jobs", "0"], 2)]
#[case::unknown_engine(&["run", "--engine", "netscape"], 2)]
#[case::help(&["--help"], 0)]
#[case::help_of_run(&["run", "--help"], 0)]
#[case::version(&["--version"], 0)]
fn a_call_has_its_exit_code(#[case] arguments: &[&str], #[case] code: i32) -> Result<()> {
    let ended = Sandbox::new()?.call(arguments)?;

    assert_eq!(ended.code(), Some(code), "{}{}", ended.stderr, ended.stdout);
    Ok(())
}

#[test]
fn help_shows_examples_and_exit_codes() -> Result<()> {
    let ended = Sandbox::new()?.call(&["--help"])?;

    for part in ["Words:", "Examples:", "Exit codes:", "kratos-repro run report.md"] {
        ensure!(ended.stdout.contains(part), "`{part}` is not in: {}", ended.stdout);
    }
    Ok(())
}

#[rstest]
#[case::setup("setup")]
#[case::doctor("doctor")]
#[case::list("list")]
#[case::run("run")]
#[case::up("up")]
#[case::report("report")]
fn the_help_of_a_command_shows_examples(#[case] command: &str) -> Result<()> {
    let ended = Sandbox::new()?.call(&[command, "--help"])?;

    let (_, examples) = ended.stdout.split_once("Examples:").context("no examples")?;
    let count = examples.matches(&format!("kratos-repro {command}")).count();
    ensure!(count >= 2, "{examples}");
    Ok(())
}

#[test]
fn a_wrong_value_of_a_variable_is_told_with_its_name() -> Result<()> {
    for (variable, value, code) in [("KRATOS_REPRO_ENGINE", "netscape", 2), ("KRATOS_REPRO_KRATOS", "nonsense", 2)] {
        let sandbox = Sandbox::new()?;
        let mut command = sandbox.run_command(&[QUICK]);
        command.env(variable, value);
        let ended = sandbox.end(command)?;

        ended.ensure_refused(code, &[variable, value])?;
    }
    Ok(())
}

#[test]
fn an_unknown_case_is_answered_with_the_nearest() -> Result<()> {
    let ended = Sandbox::new()?.run(&["cross-browser/api-flow-with-cdn-cooky"])?;

    ended.ensure_refused(4, &["nothing is selected by", "did you mean `cross-browser/api-flow-with-cdn-cookie`"])
}

#[test]
fn a_bad_case_file_is_refused_by_place_before_anything_starts() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let path = sandbox.case("bad.yaml", "title: x\nsteps:\n  - opne: { in: a, flow: login }\nsymptom: []\n")?;

    let ended = sandbox.run(&[&path])?;

    ended.ensure_refused(2, &["bad.yaml:3:5", "did you mean `open`"])?;
    ended.ensure_soon()?;
    sandbox.ensure_nothing_is_left()
}

#[rstest]
#[case::another_program("/bin/true", "is not a Kratos")]
#[case::unknown_version("v9.9.9", "v1.3.1")]
#[case::version_without_its_letter("1.3.1", "did you mean `v1.3.1`?")]
#[case::word("nonsense", "v1.3.1")]
#[case::nothing_there("/no/such/kratos", "/no/such/kratos")]
fn a_kratos_that_is_none_is_refused(#[case] kratos: &str, #[case] word: &str) -> Result<()> {
    let ended = Sandbox::new()?.run(&["--kratos", kratos, QUICK])?;

    ended.ensure_refused(2, &[word])?;
    ensure!(ended.stderr.starts_with("error: "), "something was said before: {}", ended.stderr);
    ended.ensure_soon()
}

#[rstest]
#[case::cache("KRATOS_REPRO_CACHE", "/proc/nope", QUICK)]
#[case::out("KRATOS_REPRO_OUT", "/proc/nope", QUICK)]
#[case::temporary_files("TMPDIR", "/proc/nope", QUICK)]
#[case::driver("KRATOS_REPRO_CHROMEDRIVER", "/no/such/driver", BROWSER)]
#[case::browser("KRATOS_REPRO_CHROMIUM", "/no/such/browser", BROWSER)]
fn what_the_machine_lacks_is_named(#[case] variable: &str, #[case] value: &str, #[case] case: &str) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.command(&["run", case]);
    command.env("KRATOS_REPRO_OUT", sandbox.path("out")).env(variable, value);

    let ended = sandbox.end(command)?;

    ended.ensure_refused(3, &[value, "(hint: "])
}

#[test]
fn a_client_that_is_not_here_is_named_and_nothing_is_green() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&["cross-browser/curl-with-cookie-jar"]);
    command.env("PATH", "/nonexistent");

    let ended = sandbox.end(command)?;

    ended.ensure_refused(3, &["not run: cross-browser/curl-with-cookie-jar: curl was not found"])
}

#[test]
fn a_run_writes_its_reports_and_report_writes_them_again() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let ended = sandbox.run(&[QUICK])?;
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let folder = sandbox.run_folder()?;
    let page = fs::read_to_string(folder.join("report.html"))?;
    ensure!(page.contains(&QUICK.replace('/', "&#x2f;")), "the page names the case");
    fs::remove_file(folder.join("report.html"))?;
    fs::remove_file(folder.join("junit.xml"))?;

    let again = sandbox.call(&["report", folder.to_str().context("no text")?])?;

    assert_eq!(again.code(), Some(0), "{}", again.stderr);
    assert_eq!(fs::read_to_string(folder.join("report.html"))?, page);
    ensure!(fs::read_to_string(folder.join("junit.xml"))?.contains("<testsuites"), "JUnit");
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_folder_without_results_is_no_run() -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.call(&["report", sandbox.path("out").to_str().context("no text")?])?;

    ended.ensure_refused(2, &["results.json"])
}

#[test]
fn a_case_in_a_bug_report_runs() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let report = "# It fails\n\nWith a cookie:\n\n```yaml\ntitle: An API flow with a cookie\nworld: { clients: { c: {} } }\n\
                  steps:\n  - start_flow: { by: c, flow: login }\n  - submit_flow: { by: c, values: { method: code, \
                  identifier: x@example.test }, headers: { Cookie: a=b } }\nsymptom:\n  - answer: { to: c, method: POST, \
                  path: /self-service/login, status: 400, message: 4000001 }\n```\n";
    let path = sandbox.case("report.md", report)?;

    let ended = sandbox.run(&[&path])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(sandbox.outcome()?["verdict"], "reproduced");
    Ok(())
}

#[test]
fn list_names_every_claim_with_its_cases() -> Result<()> {
    let ended = Sandbox::new()?.call(&["list", "--format", "json"])?;

    let claims: serde_json::Value = serde_json::from_str(&ended.stdout)?;
    let claims = claims.as_array().context("no list")?;
    let without: Vec<&str> = claims
        .iter()
        .filter(|claim| claim["cases"].as_array().is_none_or(Vec::is_empty))
        .filter_map(|claim| claim["id"].as_str())
        .collect();
    assert_eq!(without, [""; 0], "every sentence of the page is tried");
    assert!(claims.len() > 20, "the claims of the page and of its neighbours: {}", claims.len());
    Ok(())
}

#[test]
fn doctor_finds_what_the_tests_need() -> Result<()> {
    let ended = Sandbox::new()?.call(&["doctor"])?;

    assert_eq!(ended.code(), Some(0), "{}", ended.stdout);
    for part in ["kratos", "chromium", "chromedriver", "curl"] {
        ensure!(ended.stdout.contains(part), "`{part}` is not in: {}", ended.stdout);
    }
    let last = ended.stdout.lines().last().unwrap_or_default();
    ensure!(last.contains("share") && last.contains("trust"), "who else can reach a run is not said: {last}");
    Ok(())
}

#[test]
fn a_case_whose_client_is_not_here_is_named_beside_those_that_run() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&["cross-browser/curl-with-cookie-jar", QUICK]);
    command.env("PATH", "/nowhere");

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(ended.stdout.contains("1 not run"), "{}", ended.stdout);
    let results = sandbox.results()?;
    assert_eq!(results["cases"].as_array().map(Vec::len), Some(1));
    assert_eq!(results["not_run"][0]["case"], "cross-browser/curl-with-cookie-jar");
    Ok(())
}

#[test]
fn doctor_says_that_there_is_no_place_for_files() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.command(&["doctor"]);
    // Nobody may make a file there, not even root.
    command.env("TMPDIR", "/proc");

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    let line = ended.stdout.lines().find(|line| line.starts_with("temporary folder"));
    let line = line.with_context(|| ended.stdout.clone())?;
    ensure!(line.contains("missing") && line.contains("TMPDIR names another place"), "{line}");
    ensure!(ended.stdout.lines().any(|line| line.starts_with("kratos")), "the rest is told: {}", ended.stdout);
    Ok(())
}

#[test]
fn doctor_misses_what_a_variable_names_wrongly() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut wrong = sandbox.command(&["doctor"]);
    wrong.env("KRATOS_REPRO_CHROMEDRIVER", "/nowhere");

    let ended = sandbox.end(wrong)?;

    assert_eq!(ended.code(), Some(3), "{}", ended.stdout);
    ensure!(ended.stdout.contains("correct KRATOS_REPRO_CHROMEDRIVER"), "{}", ended.stdout);
    Ok(())
}

/// As when the terminal is closed: there is nobody to tell the progress to.
#[test]
fn a_run_that_nobody_listens_to_finishes() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&[QUICK]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop((child.stdout.take(), child.stderr.take()));

    let status = child.wait()?;

    assert_eq!(status.code(), Some(0));
    assert_eq!(sandbox.outcome()?["verdict"], "not-reproduced");
    sandbox.ensure_nothing_is_left()
}

#[rstest]
#[case::full("size=16k")]
#[case::read_only("ro")]
fn a_folder_that_takes_no_report_is_named(#[case] option: &str) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let out = sandbox.path("out").display().to_string();
    // In a mount namespace of its own, so that nothing is mounted for anybody else and nothing stays.
    let script = r#"mount -t tmpfs -o "$1" none "$2" || exit 77; shift 2; exec "$@""#;
    let program = sandbox.run_command(&[QUICK]);
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", option, &out]).arg(program.get_program());
    command.args(program.get_args()).env("TMPDIR", sandbox.tmp()).env("NO_COLOR", "1");

    let ended = match sandbox.end(command) {
        Ok(ended) if ended.code() != Some(77) && !ended.stderr.contains("unshare: ") => ended,
        refused => {
            let _ = writeln!(std::io::stderr(), "not run: no file system can be mounted here ({refused:?})");
            return Ok(());
        }
    };

    ended.ensure_refused(3, &[&out])
}

#[rstest]
#[case::many_cases(&["up", "code-flows"], "hint: choose one of code-flows/")]
#[case::no_fix(&["up", "--fixed", BROWSER], "hint: leave out --fixed")]
fn what_cannot_stand_is_a_wrong_call(#[case] arguments: &[&str], #[case] word: &str) -> Result<()> {
    let sandbox = Sandbox::new()?;

    sandbox.call(arguments)?.ensure_refused(2, &[word])?;

    sandbox.ensure_nothing_is_left()
}
