//! Whatever ends a run, nothing of it stays, and what it had found is told.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::support::{BROWSER, QUICK, Running, Sandbox, list, process};

/// How soon a run ends after it is asked to.
const END_LIMIT: Duration = Duration::from_secs(3);

fn world_has_begun(sandbox: &Sandbox) -> Option<()> {
    let worlds = list(&sandbox.tmp()).ok()?.into_iter().find(|path| path.is_dir())?;
    list(&worlds).ok()?.iter().any(|path| path.to_string_lossy().contains("/world-")).then_some(())
}

/// Waits until servers and browser run, and gives the ports on which they and the program listen.
fn wait_for_all(sandbox: &Sandbox, run: &mut Running) -> Result<BTreeSet<u16>> {
    run.wait("Kratos and a browser", |run| {
        let seen = process::naming(&sandbox.tmp());
        process::program(&seen, "kratos")?;
        process::program(&seen, "chromium")?;
        let ids = seen.iter().map(|it| it.id).chain(i32::try_from(run.id()));
        let ports = process::listening(ids);
        // Kratos's two, the driver's, the interface's, the mail sink's and the edge's three.
        (ports.len() >= 8).then_some(ports)
    })
}

#[test]
fn a_run_with_a_browser_leaves_nothing() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    let ports = wait_for_all(&sandbox, &mut run)?;

    let ended = run.end(Duration::from_secs(60))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    sandbox.ensure_nothing_is_left()?;
    let left: Vec<_> = process::all_listening().intersection(&ports).copied().collect();
    ensure!(left.is_empty(), "somebody still listens on {left:?}");
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    WorldBegins,
    AllRuns,
    OneCaseIsDone,
}

#[rstest]
#[case::ctrl_c_while_a_world_starts(Signal::SIGINT, Moment::WorldBegins)]
#[case::ctrl_c_after_one_case(Signal::SIGINT, Moment::OneCaseIsDone)]
#[case::terminate(Signal::SIGTERM, Moment::AllRuns)]
#[case::terminal_closed(Signal::SIGHUP, Moment::AllRuns)]
fn a_signal_ends_a_run_and_what_was_found_is_told(#[case] signal: Signal, #[case] moment: Moment) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let names: &[&str] = match moment {
        Moment::OneCaseIsDone => &["--jobs", "1", QUICK, BROWSER],
        Moment::WorldBegins | Moment::AllRuns => &[BROWSER],
    };
    let mut run = sandbox.start(sandbox.run_command(names))?;
    match moment {
        Moment::WorldBegins => run.wait("world", |_| world_has_begun(&sandbox))?,
        Moment::AllRuns => wait_for_all(&sandbox, &mut run).map(|_| ())?,
        Moment::OneCaseIsDone => run.wait("first case", |run| run.stderr().contains(QUICK).then_some(()))?,
    }

    let asked = Instant::now();
    run.signal(signal)?;
    let ended = run.end(Duration::from_secs(20))?;

    let took = asked.elapsed();
    ensure!(took < END_LIMIT, "it took {} ms to end", took.as_millis());
    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    sandbox.ensure_nothing_is_left()?;
    let results = sandbox.results()?;
    assert_eq!(results["interrupted"], true);
    let finished = usize::from(matches!(moment, Moment::OneCaseIsDone));
    assert_eq!(results["cases"].as_array().map(Vec::len), Some(finished));
    ensure!(sandbox.run_folder()?.join("report.html").is_file(), "there is no report");
    Ok(())
}

#[test]
fn kratos_and_browser_do_not_outlive_a_program_that_is_killed() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    wait_for_all(&sandbox, &mut run)?;

    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;

    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left = process::naming(&sandbox.tmp());
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "still running: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_browser_that_cannot_start_leaves_no_kratos() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&[BROWSER]);
    // A program that is there, and no driver.
    command.env("KRATOS_REPRO_CHROMEDRIVER", "/bin/true");

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error");
    let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
    ensure!(cause.contains("`/bin/true`") && cause.contains("where it listens"), "{cause}");
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_world_that_stands_ends_by_ctrl_c() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut up = sandbox.start(sandbox.command(&["up", BROWSER]))?;
    up.wait("last line", |up| up.stdout().contains("Ctrl-C ends it").then_some(()))?;
    let said = up.stdout();
    let command = said.lines().find(|line| line.contains("--proxy-server=http://127.0.0.1:"));
    let command = command.context("the command is not told")?;
    ensure!(command.contains("https://ui.example.test/welcome"), "{command}");
    for address in ["https://ui.example.test/login", "https://ory.example.test/", "admin http://127.0.0.1:"] {
        ensure!(said.contains(address), "`{address}` is not in: {said}");
    }
    let folder = said.lines().find_map(|line| line.trim().strip_prefix("files")).context("no folder is told")?;
    ensure!(fs::metadata(folder.trim())?.is_dir(), "{folder}");

    let asked = Instant::now();
    up.signal(Signal::SIGINT)?;
    let ended = up.end(Duration::from_secs(20))?;

    ensure!(asked.elapsed() < END_LIMIT, "it took {} ms to end", asked.elapsed().as_millis());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_world_that_starts_to_stand_ends_by_ctrl_c() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut up = sandbox.start(sandbox.command(&["up", BROWSER]))?;
    up.wait("world", |_| world_has_begun(&sandbox))?;

    let asked = Instant::now();
    up.signal(Signal::SIGINT)?;
    let ended = up.end(Duration::from_secs(20))?;

    ensure!(asked.elapsed() < END_LIMIT, "it took {} ms to end", asked.elapsed().as_millis());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    sandbox.ensure_nothing_is_left()
}
