//! Browsers at a WebDriver endpoint: a driver, a Selenium Grid, what is none, and what breaks in the middle.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::{Driver, Engine};
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::support::grid::{Grid, GridSession};
use crate::support::{BROWSER, QUICK, Running, Sandbox, is_missing};

/// A grid on a busy machine takes its time for a session.
const RUN_LIMIT: Duration = Duration::from_secs(240);

/// A case with two browsers.
const TWO_BROWSERS: &str = "cross-browser/login-form-posted-elsewhere";

/// A run at an endpoint.
fn start(sandbox: &Sandbox, url: &str, arguments: &[&str]) -> Result<Running> {
    let mut command = sandbox.run_command(&["--webdriver", url]);
    command.args(arguments);
    sandbox.start(command)
}

/// Waits until the trials have begun and one of them has a session.
fn wait_for_session(grid: &Grid, run: &mut Running) -> Result<GridSession> {
    run.wait_for("session", RUN_LIMIT, |run| {
        let begun = run.stderr().lines().any(|line| line.starts_with("running "));
        begun.then(|| grid.sessions().ok()?.into_iter().next()).flatten()
    })
}

/// The one case of the run reached no verdict, and the browser that was lost is the first cause.
fn ensure_lost(sandbox: &Sandbox) -> Result<()> {
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error", "nothing is said of Kratos");
    let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
    ensure!(cause.starts_with("browser `a` was lost: its session at "), "{cause}");
    Ok(())
}

#[rstest]
#[case::no_url("nowhere", 2)]
#[case::another_scheme("https://127.0.0.1:4444", 2)]
#[case::nobody_there("http://127.0.0.1:9", 3)]
fn what_is_no_endpoint_is_refused_by_name(#[case] url: &str, #[case] code: i32) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = start(&sandbox, url, &[BROWSER])?.end(RUN_LIMIT)?;

    ended.ensure_refused(code, &[url])?;
    ended.ensure_soon()?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_server_that_never_answers_is_no_endpoint() -> Result<()> {
    let silent = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}", silent.local_addr()?);
    let sandbox = Sandbox::new()?;

    let ended = start(&sandbox, &url, &[BROWSER])?.end(RUN_LIMIT)?;

    ended.ensure_refused(3, &[&url, "no answer within"])?;
    ended.ensure_soon()
}

#[rstest]
#[case::not_of_this_machine("198.51.100.1")]
#[case::every_address("0.0.0.0")]
fn an_address_that_the_edge_cannot_have_is_refused(#[case] address: &str) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = start(&sandbox, "http://127.0.0.1:9", &["--edge-address", address, BROWSER])?.end(RUN_LIMIT)?;

    ended.ensure_refused(3, &[address])
}

#[test]
fn an_address_for_browsers_of_this_machine_is_a_wrong_call() -> Result<()> {
    Sandbox::new()?.run(&["--edge-address", "127.0.0.1", QUICK])?.ensure_refused(2, &["--webdriver"])
}

/// By a driver of this machine, which any W3C endpoint is like.
#[rstest]
#[case::on_loopback(&[])]
#[case::behind_a_gate(&["--edge-address", "127.0.0.77"])]
#[tokio::test]
async fn a_case_runs_at_a_driver(#[case] arguments: &[&str]) -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let folder = tempfile::tempdir()?;
    let driver = Driver::start(Engine::Chromium, folder.path(), None).await?;
    let run = start(&sandbox, driver.url(), &[arguments, &[BROWSER]].concat())?;

    let ended = tokio::task::spawn_blocking(move || run.end(RUN_LIMIT)).await??;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let results = sandbox.results()?;
    let parts = results["parts"].as_array().context("no parts")?;
    ensure!(parts.iter().any(|part| part["name"] == "chromium" && part["note"] == "remote"), "{parts:#?}");
    let refused = results["cases"][0]["trials"][0]["exchanges"].as_array().into_iter().flatten();
    let refused: Vec<_> = refused.filter(|exchange| !exchange["refused"].is_null()).collect();
    ensure!(refused.is_empty(), "{refused:#?}");
    driver.close().await?;
    sandbox.ensure_nothing_is_left()
}

#[tokio::test]
async fn an_engine_that_the_endpoint_does_not_have_is_named() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let folder = tempfile::tempdir()?;
    let driver = Driver::start(Engine::Chromium, folder.path(), None).await?;
    let run = start(&sandbox, driver.url(), &["--engine", "firefox", BROWSER])?;

    let ended = tokio::task::spawn_blocking(move || run.end(RUN_LIMIT)).await??;

    ended.ensure_refused(3, &["no firefox at", driver.url()])?;
    driver.close().await
}

#[test]
fn a_grid_whose_slots_are_taken_queues_and_every_case_gets_its_turn() -> Result<()> {
    let Some(grid) = Grid::start(1)? else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let mut run = start(&sandbox, grid.url(), &["--jobs", "2", TWO_BROWSERS, BROWSER])?;

    run.wait_for("queue", RUN_LIMIT, |_| grid.queued().ok().filter(|count| *count > 0))?;
    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(grid.sessions()?, [], "no session is left");
    sandbox.ensure_nothing_is_left()?;
    grid.end()
}

#[test]
fn a_session_that_the_grid_ends_is_no_statement_about_kratos() -> Result<()> {
    let Some(grid) = Grid::start(2)? else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let mut run = start(&sandbox, grid.url(), &[BROWSER])?;
    let session = wait_for_session(&grid, &mut run)?;

    grid.end_session(&session)?;
    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    ensure_lost(&sandbox)?;
    grid.end()
}

#[test]
fn a_node_that_dies_in_the_middle_is_no_statement_about_kratos() -> Result<()> {
    let Some(grid) = Grid::start(2)? else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let mut run = start(&sandbox, grid.url(), &[BROWSER])?;
    let session = wait_for_session(&grid, &mut run)?;

    grid.kill_node_of(&session)?;
    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    ensure_lost(&sandbox)?;
    grid.end()
}

#[test]
fn a_run_that_is_stopped_leaves_no_session_on_the_grid() -> Result<()> {
    let Some(grid) = Grid::start(2)? else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let mut run = start(&sandbox, grid.url(), &[BROWSER])?;
    wait_for_session(&grid, &mut run)?;

    run.signal(Signal::SIGINT)?;
    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(grid.sessions()?, [], "a session is left");
    ensure!(!ended.stderr.contains("may be left"), "{}", ended.stderr);
    sandbox.ensure_nothing_is_left()?;
    grid.end()
}
