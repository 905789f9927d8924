//! Failures on purpose: none may end in a verdict about Kratos, and each names its first cause.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::Engine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Sandbox, files, is_missing, process};

/// Runs one case that is expected to surprise and gives its outcome and what was printed.
fn surprise(case: &str) -> Result<(Value, String)> {
    let sandbox = Sandbox::new()?;
    let path = sandbox.case("case.yaml", case)?;
    let ended = sandbox.run(&[&path])?;
    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    sandbox.ensure_nothing_is_left()?;
    Ok((sandbox.outcome()?, ended.stdout))
}

/// The first cause of a trial.
fn cause(outcome: &Value, trial: usize) -> Result<String> {
    Ok(outcome["trials"][trial]["cause"].as_str().context("no cause")?.to_owned())
}

fn ensure_names(cause: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(cause.contains(word), "`{word}` is not in: {cause}");
    }
    Ok(())
}

const CLIENT: &str = "\
title: A case on purpose
world: { clients: { c: {} } }
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: ada@example.test, password: correct horse battery } }
";

#[test]
fn a_symptom_that_does_not_show_is_a_surprise_in_four_parts() -> Result<()> {
    let symptom = "symptom:\n  - answer: { to: c, path: /self-service/login, status: 400 }\n";

    let (outcome, said) = surprise(&format!("{CLIENT}{symptom}"))?;

    assert_eq!(outcome["verdict"], "not-reproduced");
    let parts = ["what was being done", "what was expected", "what was seen", "where to look"];
    let places: Vec<usize> = parts.iter().filter_map(|part| said.find(part)).collect();
    ensure!(places.len() == 4 && places.is_sorted(), "the four things in their order: {said}");
    ensure_names(&cause(&outcome, 0)?, &["expected", "answered 400", "saw 200"])
}

#[test]
fn a_symptom_that_does_not_show_is_no_green_where_nothing_happens_instead() -> Result<()> {
    let rest = "symptom:\n  - sessions: { of: ada@example.test, count: 5 }\n\
                instead:\n  - sessions: { of: ada@example.test, count: 7 }\n";

    let (outcome, _) = surprise(&format!("{CLIENT}{rest}"))?;

    assert_eq!((&outcome["verdict"], &outcome["expected"]), (&"not-reproduced".into(), &"not-reproduced".into()));
    ensure_names(&cause(&outcome, 0)?, &["expected 7 active session(s)"])
}

#[test]
fn a_wrong_expectation_is_no_green_fix() -> Result<()> {
    let rest = "symptom:\n  - sessions: { of: ada@example.test, count: 1 }\n\
                fix:\n  why: none\n  world: { clients: { c: { cookie_jar: true } } }\n  expect:\n    - sessions: { of: ada@example.test, count: 7 }\n";

    let (outcome, _) = surprise(&format!("{CLIENT}{rest}"))?;

    assert_eq!(outcome["verdict"], "fix-fails");
    Ok(())
}

#[test]
fn a_wrong_fix_that_passes_is_named() -> Result<()> {
    let fixed = "steps:\n      - identity: { email: ada@example.test }";
    let rest = format!(
        "symptom:\n  - sessions: {{ of: ada@example.test, count: 1 }}\nfix:\n  why: nobody signs in\n  {}\n  expect:\n    \
         - sessions: {{ of: ada@example.test, count: 0 }}\n    - identities: {{ of: ada@example.test, count: 1 }}\nwrong_fixes:\n  - why: the same in other words\n    {fixed}\n",
        fixed.replace("      ", "    ")
    );

    let (outcome, said) = surprise(&format!("{CLIENT}{rest}"))?;

    assert_eq!(outcome["verdict"], "fix-fails");
    ensure!(said.contains("wrong-fix-1"), "{said}");
    Ok(())
}

#[test]
fn a_configuration_that_kratos_refuses_is_named_by_its_key() -> Result<()> {
    let case = CLIENT.replace("world: {", "world: { kratos: { config: { session: { lifespan: soon, nonsense: 1 } } },");

    let (outcome, _) = surprise(&format!("{case}symptom:\n  - sessions: {{ of: ada@example.test, count: 1 }}\n"))?;

    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["refuses its configuration", "session.lifespan", "nonsense"])
}

#[test]
fn a_hydra_that_does_not_start_is_an_error_with_its_own_words() -> Result<()> {
    // An issuer may have no fragment (RFC 8414, section 2), and Hydra looks at more than a case is refused for.
    let case = CLIENT.replace("world: {", "world: { hydra: { issuer: 'https://hydra.example.test/%zz' }, legacy: {},");

    let (outcome, _) = surprise(&format!("{case}symptom:\n  - sessions: {{ of: ada@example.test, count: 1 }}\n"))?;

    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["the world did not start", "Hydra does not start", "urls.self.issuer"])
}

#[test]
fn a_page_that_never_answers_is_an_error_that_says_what_was_open() -> Result<()> {
    let case = "title: A slow page\nworld:\n  browsers: { a: {} }\n  faults: [{ host: ui.example.test, path: /login, delay_answer: 10m }]\n\
                steps:\n  - open: { in: a, flow: login }\nsymptom:\n  - message: 4000001\n";

    let (outcome, _) = surprise(case)?;

    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["step 1", "/login from `a`"])
}

#[test]
fn a_field_that_is_not_there_is_an_error_that_names_those_that_are() -> Result<()> {
    let case = "title: A wrong field\nworld: { browsers: { a: {} } }\nsteps:\n  - open: { in: a, flow: login }\n  \
                - fill: { e-mail: ada@example.test }\nsymptom:\n  - message: 4000001\n";

    let (outcome, _) = surprise(case)?;

    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["step 2", "the field `e-mail`", "identifier", "method=code"])
}

#[test]
fn a_mail_that_never_comes_is_an_error_that_names_the_recipient() -> Result<()> {
    let steps = "  - read_mail: ada@example.test\n";

    let (outcome, _) =
        surprise(&format!("{CLIENT}{steps}symptom:\n  - sessions: {{ of: ada@example.test, count: 1 }}\n"))?;

    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["no mail to `ada@example.test`"])
}

#[test]
fn a_kratos_that_is_killed_in_the_middle_is_the_first_cause() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let case = CLIENT
        .replace("world: {", "world: { faults: [{ method: GET, path: /self-service/login/api, delay_answer: 8s }],");
    let symptom = "symptom:\n  - sessions: { of: ada@example.test, count: 1 }\n";
    let path = sandbox.case("case.yaml", &format!("{case}{symptom}"))?;
    let mut run = sandbox.start(sandbox.run_command(&[&path]))?;
    // The identity exists, so the step with the held answer runs: Kratos has written that it was asked.
    let tmp = sandbox.tmp();
    let id = run.wait("a flow that was begun", |_| {
        let kratos = process::program(&process::naming(&tmp), "kratos")?.id;
        let logs = files(&tmp).ok()?;
        let log = logs.iter().find(|path| path.ends_with("kratos.log"))?;
        fs::read_to_string(log).ok()?.contains("/self-service/login/api").then_some(kratos)
    })?;

    kill(Pid::from_raw(id), Signal::SIGKILL)?;
    let ended = run.end(Duration::from_secs(40))?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["kratos ended in the middle"])?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_kratos_that_ends_at_its_start_is_an_error_with_its_last_words() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let kratos = sandbox.path("bin/kratos");
    let script = "#!/bin/sh
case $1 in
    version) echo 'kratos version'; echo 'Version: v1.3.1';;
    migrate) printf 'SQLite format 3\\000\\020\\000\\001\\001' > kratos.sqlite;;
    *) echo '{\"level\":\"fatal\",\"msg\":\"the moon is not open\"}' >&2; exit 3;;
esac
";
    fs::write(&kratos, script)?;
    fs::set_permissions(&kratos, fs::Permissions::from_mode(0o755))?;
    let symptom = "symptom:\n  - sessions: { of: ada@example.test, count: 1 }\n";
    let case = sandbox.case("case.yaml", &format!("{CLIENT}{symptom}"))?;
    let mut command = sandbox.run_command(&[&case, "--kratos", &kratos.display().to_string()]);
    command.env("KRATOS_REPRO_CACHE", sandbox.path("cache"));

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error");
    sandbox.ensure_nothing_is_left()?;
    ensure_names(&cause(&outcome, 0)?, &["the world did not start", "code 3", "the moon is not open"])
}

/// The symptom shows by itself when Kratos is gone: a status that is not there. No verdict may follow from that.
#[test]
fn what_shows_because_kratos_was_killed_is_no_verdict() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let text = "\
title: Kratos ends in the middle
world:
  clients: { c: {} }
  faults: [{ host: ory.example.test, path: /self-service/login/api, delay_answer: 3s }]
steps:
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: a, password: correct horse battery } }
symptom:
  - answer: { to: c, path: /self-service/login, status: 502 }
";
    let case = sandbox.case("case.yaml", text)?;
    let mut run = sandbox.start(sandbox.run_command(&[&case]))?;
    run.wait("an answer of Kratos", |_| {
        let logs = files(&sandbox.tmp()).ok()?.into_iter().filter(|path| path.ends_with("kratos/kratos.log"));
        logs.filter_map(|path| fs::read_to_string(path).ok()).find(|log| {
            log.lines().any(|line| line.contains("/self-service/login/api") && line.contains("completed handling"))
        })
    })?;
    let seen = process::naming(&sandbox.tmp());
    let kratos = process::program(&seen, "kratos").context("Kratos does not run")?;

    kill(Pid::from_raw(kratos.id), Signal::SIGKILL)?;

    let ended = run.end(Duration::from_secs(60))?;
    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error");
    ensure_names(&cause(&outcome, 0)?, &["kratos ended in the middle", "what was seen proves nothing"])?;
    sandbox.ensure_nothing_is_left()
}

/// A case on Chromium, run in a network of the test's own in which an address comes and goes all the time.
const RESTLESS: &str = r#"ip link set lo up
(
    # What names this folder is looked for at the end, and this loop is the test's.
    unset TMPDIR
    while ip link add kr0 type bridge && ip addr add 198.51.100.1/32 dev kr0; do sleep 0.2; ip link del kr0; sleep 0.2; done
) &
loop=$!
"$@"
code=$?
kill "$loop"
exit "$code""#;

#[test]
fn what_shows_while_the_network_changes_is_no_verdict() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let plain = sandbox.run_command(&["--network", "machine", "code-flows/login-ajax-double-click"]);
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", RESTLESS, "sh"]).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let able = Command::new("unshare").args(["--net", "ip", "link", "add", "kr0", "type", "bridge"]).output();
    if !able.is_ok_and(|tried| tried.status.success()) || is_missing(Engine::Chromium) {
        let _ = writeln!(std::io::stderr(), "not run: it takes root, `unshare` and `ip` to make a network of its own");
        return Ok(());
    }

    sandbox.end(command)?;

    let outcome = sandbox.outcome()?;
    ensure!(outcome["verdict"] == "error" || outcome["verdict"] == outcome["expected"], "{outcome}");
    if outcome["verdict"] == "error" {
        let trials = outcome["trials"].as_array().context("no trials")?;
        let broken = trials.iter().find(|trial| trial["shown"] == "error").context("no trial broke")?;
        ensure_names(broken["cause"].as_str().context("no cause")?, &["a network address", "ERR_NETWORK_CHANGED"])?;
    }
    sandbox.ensure_nothing_is_left()
}
