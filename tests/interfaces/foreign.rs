//! Another interface in the place of ours: the same cases run on it, and what keeps one from starting is said.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::Missing;
use kratos_repro::browser::Engine;
use kratos_repro::case::WorldSpec;
use kratos_repro::world::World;
use kratos_repro::world::ui::{Interface, UiProgram};
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::Value;

use crate::support::trials::{fixtures, world_settings};
use crate::support::{BROWSER, Sandbox, is_missing, process};

/// How long a run of several cases may take.
const RUN_LIMIT: Duration = Duration::from_secs(300);

/// The command of the page that is written in Python; nothing where there is none, which is said.
fn plain(arguments: &str) -> Option<String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&folders).any(|folder| folder.join("python3").is_file()) {
        let _ = writeln!(std::io::stderr(), "not run: there is no python3 on PATH");
        return None;
    }
    Some(format!("exec python3 '{}' {arguments}", fixtures().join("interfaces/plain/serve.py").display()))
}

/// A run on another interface, in a folder that its program can be known by.
fn run_on(sandbox: &Sandbox, interface: &str, arguments: &[&str]) -> Command {
    let mut command = sandbox.run_command(arguments);
    command.env("KRATOS_REPRO_UI_COMMAND", interface).current_dir(sandbox.path("bin"));
    command
}

fn ensure_nothing_is_left(sandbox: &Sandbox) -> Result<()> {
    let left = process::naming(&sandbox.path("bin"));
    ensure!(left.is_empty(), "still running: {left:?}");
    sandbox.ensure_nothing_is_left()
}

/// The verdict of each case of the one run.
fn verdicts(sandbox: &Sandbox) -> Result<Vec<(String, String)>> {
    let results = sandbox.results()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cases = results["cases"].as_array().context("no cases")?;
    let mut all: Vec<_> = cases.iter().map(|case| (text(&case["id"]), text(&case["verdict"]))).collect();
    all.sort();
    Ok(all)
}

#[test]
fn a_double_submit_tells_whether_a_form_is_guarded() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(interface) = plain("--guard login") else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let names = [
        "code-flows/login-form-double-click",
        "code-flows/registration-form-double-click",
        "code-flows/login-ajax-double-click",
    ];

    let ended = sandbox.start(run_on(&sandbox, &interface, &names))?.end(RUN_LIMIT)?;

    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    let seen = verdicts(&sandbox)?;
    let seen: Vec<_> = seen.iter().map(|(id, verdict)| (id.as_str(), verdict.as_str())).collect();
    assert_eq!(seen, [(names[0], "guarded"), (names[1], "not-guarded")]);
    let results = sandbox.results()?;
    let not_run = results["not_run"][0]["reason"].as_str().context("everything was run")?;
    ensure!(not_run.contains("another interface") && not_run.contains("`submit: ajax`"), "{not_run}");
    for (id, count) in [(names[0], "by trial: 1 and 1 "), (names[1], "by trial: 2 and 2 ")] {
        let case = results["cases"].as_array().into_iter().flatten().find(|case| case["id"] == id);
        let reason = case.and_then(|case| case["reason"].as_str()).context("no reason")?;
        ensure!(reason.contains(count) && ended.stdout.contains(reason), "{reason}: {}", ended.stdout);
    }
    ensure_nothing_is_left(&sandbox)
}

#[test]
fn the_same_cases_hold_on_another_interface() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(interface) = plain("") else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let names = ["cross-browser/login-fetched-elsewhere", "code-flows/login-form-answer-lost"];

    let ended = sandbox.start(run_on(&sandbox, &interface, &names))?.end(RUN_LIMIT)?;

    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    assert!(verdicts(&sandbox)?.iter().all(|(_, verdict)| verdict == "fix-holds"), "{}", ended.stdout);
    let results = sandbox.results()?;
    let real = results["cases"][0]["real"].as_array().context("nothing is real")?;
    ensure!(real.iter().any(|it| it.as_str().is_some_and(|it| it.contains("serve.py"))), "{real:?}");
    ensure_nothing_is_left(&sandbox)
}

#[test]
fn who_was_quicker_on_its_port_is_not_taken_for_it() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(interface) = plain("") else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    // A run starts it once before, to see that it can. In the first world another program, which is none of its group,
    // answers on its port for as long as it takes to be mistaken for it.
    let stranger = interface.trim_start_matches("exec ");
    let beaten = format!(
        "touch beaten; setsid timeout 6 {stranger} & \
         until grep -qi \":$(printf %04X \"$PORT\") 00000000:0000 0A\" /proc/net/tcp; do sleep 0.05; done; \
         sleep 1; echo 'Address already in use' >&2; exit 1"
    );
    let interface = format!("[ ! -e tried ] || [ -e beaten ] || {{ {beaten}; }}; touch tried; {interface}");

    let ended =
        sandbox.start(run_on(&sandbox, &interface, &["cross-browser/login-fetched-elsewhere"]))?.end(RUN_LIMIT)?;

    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(sandbox.path("bin/beaten").exists(), "it was never beaten");
    ensure_nothing_is_left(&sandbox)
}

#[rstest]
#[case::a_form("--guard flag", "guarded")]
#[case::a_script("--submit ajax", "not-guarded")]
fn our_own_program_is_another_interface_too(#[case] arguments: &str, #[case] verdict: &str) -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let interface = format!("exec '{}' ui {arguments}", env!("CARGO_BIN_EXE_kratos-repro"));
    let names = ["code-flows/recovery-form-double-click"];

    let ended = sandbox.start(run_on(&sandbox, &interface, &names))?.end(RUN_LIMIT)?;

    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(sandbox.outcome()?["verdict"], verdict);
    let log = sandbox.run_folder()?.join("code-flows--recovery-form-double-click--chromium/as-it-is/ui.log");
    ensure!(fs::read_to_string(log)?.contains("ui listens on"), "its log is no evidence");
    ensure_nothing_is_left(&sandbox)
}

#[test]
fn the_components_of_ory_are_guarded() -> Result<()> {
    let folder = fixtures().join("interfaces/elements");
    if !folder.join("node_modules").is_dir() {
        let _ = writeln!(std::io::stderr(), "not run: `npm ci` was not run in {}", folder.display());
        return Ok(());
    }
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let interface = format!("exec node '{}'", folder.join("serve.js").display());
    let names = ["code-flows/login-form-double-click", "code-flows/recovery-form-double-click"];

    let ended = sandbox.start(run_on(&sandbox, &interface, &names))?.end(RUN_LIMIT)?;

    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    assert!(verdicts(&sandbox)?.iter().all(|(_, verdict)| verdict == "guarded"), "{}", ended.stdout);
    ensure_nothing_is_left(&sandbox)
}

#[test]
fn a_flow_that_a_script_may_not_fetch_is_an_error_on_its_page() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let case = sandbox.case(
        "elsewhere.yaml",
        "title: t\nworld: { browsers: { a: {}, b: {} } }\nsteps: [{ open: { in: a, flow: login } }, \
         { open: { in: b, flow_of: a } }]\nsymptom: [{ error_page: security_csrf_violation }, \
         { answer: { to: ui, path: /self-service/login/flows, status: 403 } }]\n",
    )?;
    let interface = format!("exec '{}' ui --submit ajax", env!("CARGO_BIN_EXE_kratos-repro"));

    let ended = sandbox.end(run_on(&sandbox, &interface, &[&case]))?;

    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(sandbox.outcome()?["verdict"], "reproduced");
    Ok(())
}

#[rstest]
#[case::on_the_page(r#"{escape(message["text"])}"#, 0, "reproduced")]
#[case::left_out("", 1, "not-reproduced")]
fn a_message_counts_where_its_text_can_be_read(
    #[case] text: &str,
    #[case] code: i32,
    #[case] verdict: &str,
) -> Result<()> {
    if is_missing(Engine::Chromium) || plain("").is_none() {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let source = fs::read_to_string(fixtures().join("interfaces/plain/serve.py"))?;
    let parts = source.split_once(r#"{escape(message["text"])}"#).context("the page shows no messages")?;
    fs::write(sandbox.path("bin").join("page.py"), [parts.0, text, parts.1].concat())?;
    let case = sandbox.case(
        "wrong.yaml",
        "title: t\nworld: { browsers: { a: {} } }\nsteps: [{ open: { in: a, flow: login } }, \
         { fill: { identifier: ada@example.test, password: nonsense } }, { submit: password }]\n\
         symptom: [{ message: 4000006 }]\n",
    )?;

    let ended = sandbox.end(run_on(&sandbox, "exec python3 page.py", &[&case]))?;

    assert_eq!(ended.code(), Some(code), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], verdict);
    let seen = outcome["trials"][0]["checks"][0]["seen"].as_str().context("nothing was seen")?;
    ensure!(seen.contains("4000006"), "{seen}");
    Ok(())
}

#[rstest]
#[case::exits_early("echo no database >&2; exit 7", &["code 7", "no database"])]
#[case::is_not_there("no-such-program --port 1", &["code 127", "no-such-program"])]
#[case::cannot_be_executed("/etc/passwd", &["code 126"])]
fn one_that_does_not_start_makes_no_trial(#[case] interface: &str, #[case] words: &[&str]) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.end(run_on(&sandbox, interface, &[BROWSER]))?;

    ended.ensure_refused(3, words)?;
    ended.ensure_refused(3, &["KRATOS_PUBLIC_URL and PORT", interface])?;
    ensure!(crate::support::list(&sandbox.path("out"))?.is_empty(), "there is a run");
    ensure_nothing_is_left(&sandbox)
}

#[test]
fn none_is_a_wrong_call() -> Result<()> {
    let sandbox = Sandbox::new()?;

    sandbox.call(&["run", "--ui-command", "", BROWSER])?.ensure_refused(2, &["--ui-command"])
}

#[test]
fn a_case_cannot_name_one() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let case = sandbox.case(
        "command.yaml",
        "title: t\nworld: { ui: { command: id }, browsers: { a: {} } }\nsteps: [{ switch_to: a }]\n\
         symptom: [{ signed_in: a }]\n",
    )?;

    sandbox.run(&[&case])?.ensure_refused(2, &["command"])
}

#[tokio::test]
async fn one_that_never_answers_is_named_and_ended() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("kratos-repro-test-").tempdir()?;
    let program = UiProgram {
        command: "echo compiling; sleep 600".to_owned(),
        folder: folder.path().to_owned(),
        patience: Duration::from_millis(500),
    };
    let mut settings = world_settings(folder.path(), &[]).await?;
    settings.interface = Interface::Program(program);

    let error = World::start(&WorldSpec::default(), &settings).await.err().context("it started")?;

    ensure!(error.downcast_ref::<Missing>().is_some(), "{error:#}");
    for word in ["sleep 600", "waited 500 ms", "connection refused", "compiling"] {
        ensure!(format!("{error:#}").contains(word), "`{word}` is not in: {error:#}");
    }
    let left = process::naming(folder.path());
    ensure!(left.is_empty(), "still running: {left:?}");
    Ok(())
}

#[test]
fn one_that_ends_in_the_middle_proves_nothing() -> Result<()> {
    if is_missing(Engine::Chromium) || plain("").is_none() {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let server = "import http.server, os\n\
        class Page(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_GET(self):\n\
        \x20       if self.path.startswith('/login'): os._exit(9)\n\
        \x20       self.send_error(404)\n\
        http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Page).serve_forever()\n";
    fs::write(sandbox.path("bin").join("server.py"), server)?;

    let ended = sandbox.end(run_on(&sandbox, "exec python3 server.py", &[BROWSER]))?;

    ensure!(ended.code() == Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error");
    let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
    ensure!(cause.contains("the interface ended in the middle (exit status: 9)"), "{cause}");
    ensure_nothing_is_left(&sandbox)
}

#[test]
fn it_is_told_what_the_interfaces_of_ory_read_and_no_more() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = run_on(&sandbox, "env > seen; exit 1", &[BROWSER]);
    command.env("SECRET_OF_THE_CALLER", "1");

    sandbox.end(command)?.ensure_refused(3, &["code 1"])?;

    let seen = fs::read_to_string(sandbox.path("bin").join("seen"))?;
    let names: BTreeSet<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // The shell's own.
    let names: Vec<_> = names.into_iter().filter(|name| !["_", "PWD", "OLDPWD", "SHLVL"].contains(name)).collect();
    assert_eq!(
        names,
        [
            "COOKIE_SECRET",
            "CSRF_COOKIE_NAME",
            "CSRF_COOKIE_SECRET",
            "HOME",
            "HOST",
            "KRATOS_ADMIN_URL",
            "KRATOS_BROWSER_URL",
            "KRATOS_PUBLIC_URL",
            // Not theirs, but everybody's.
            "KRATOS_REPRO_OWNER",
            "ORY_SDK_URL",
            "PATH",
            "PORT",
        ]
    );
    Ok(())
}

#[test]
fn a_world_that_stands_with_another_interface_ends_by_ctrl_c() -> Result<()> {
    let Some(interface) = plain("") else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.command(&["up", BROWSER]);
    command.env("KRATOS_REPRO_UI_COMMAND", interface).current_dir(sandbox.path("bin"));
    let mut up = sandbox.start(command)?;
    up.wait("last line", |up| up.stdout().contains("Ctrl-C ends it").then_some(()))?;
    ensure!(!process::naming(&sandbox.path("bin")).is_empty(), "it does not run");

    up.signal(Signal::SIGINT)?;
    let ended = up.end(Duration::from_secs(20))?;

    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    ensure_nothing_is_left(&sandbox)
}
