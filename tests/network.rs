//! The network that a run is on: nobody else reaches its own, and nothing on it has a way out.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::network::PROBE;
use nix::unistd::Uid;
use rstest::rstest;

use crate::support::{BROWSER, QUICK, Sandbox, list, process};

/// Whether this machine lets nobody have a network of their own. The test is then not run, which is said.
fn is_shared() -> Result<bool> {
    let tried = Sandbox::new()?.call(&[PROBE])?;
    if tried.code() != Some(0) {
        let _ = writeln!(std::io::stderr(), "not run: {}", tried.stderr.trim());
    }
    Ok(tried.code() != Some(0))
}

/// What the one run's report says of its network.
fn told(sandbox: &Sandbox) -> Result<String> {
    let results = sandbox.results()?;
    let parts = results["parts"].as_array().context("no parts")?;
    let part = parts.iter().find(|part| part["name"] == "network").context("no network")?;
    part["version"].as_str().map(str::to_owned).context("no text")
}

#[test]
fn all_of_a_run_is_on_a_network_that_leads_nowhere() -> Result<()> {
    if is_shared()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;

    let seen = run.wait("a world", |_| {
        let seen = process::naming(&sandbox.tmp());
        process::program(&seen, "kratos")?;
        process::program(&seen, "chromedriver")?;
        Some(seen)
    })?;
    let networks: Vec<_> = seen.iter().filter_map(|it| process::network(&it.id.to_string())).collect();
    let (mine, own) = (process::network("self"), process::network(&run.id().to_string()));
    let routes = fs::read_to_string(format!("/proc/{}/net/route", run.id()))?;

    let world =
        list(&sandbox.estate().context("no estate")?)?.into_iter().find(|path| path.join("authority.pem").exists());
    let mode = fs::metadata(world.context("no world")?)?.permissions().mode();

    assert_ne!(own, mine);
    assert_eq!(mode & 0o077, 0, "others may enter the world: {mode:o}");
    ensure!(networks.iter().all(|it| Some(it) == own.as_ref()), "some of {seen:?} are on another: {networks:?}");
    assert_eq!(routes.lines().count(), 1, "{routes}");
    let ended = run.end(Duration::from_secs(120))?;
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(told(&sandbox)?, "its own");
    sandbox.ensure_nothing_is_left()
}

#[rstest]
#[case::machine("machine", true)]
#[case::own("own", false)]
fn what_a_run_starts_has_no_way_out_of_its_network(#[case] network: &str, #[case] reaches: bool) -> Result<()> {
    if is_shared()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let service = TcpListener::bind("127.0.0.1:0")?;
    service.set_nonblocking(true)?;
    let asking = format!("curl --silent --max-time 2 http://{}/; exit 1", service.local_addr()?);

    let ended = sandbox.run(&["--network", network, "--ui-command", &asking, QUICK])?;

    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    let asked = match service.accept() {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => return Err(error.into()),
    };
    assert_eq!(asked, reaches);
    sandbox.ensure_nothing_is_left()
}

#[rstest]
#[case::browsers_elsewhere(&["--webdriver", "http://127.0.0.1:9"])]
#[case::containers(&["--backend", "docker"])]
#[case::an_image(&["--image-kratos", "any"])]
fn what_is_elsewhere_cannot_be_asked_for_on_a_network_of_its_own(#[case] arguments: &[&str]) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&[&["--network", "own"], arguments, &[QUICK]].concat())?;

    ended.ensure_refused(2, &["--network own"])?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn the_command_of_a_login_page_is_on_the_machines_network_which_is_said() -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&["--ui-command", "exit 1", QUICK])?;

    ended.ensure_refused(3, &["network: the machine's", "hint: `--network own`"])
}

/// The call as root without the right that a network of its own takes. Nobody else can be kept from it so simply.
fn without_right(sandbox: &Sandbox, network: &str) -> Option<Command> {
    let gives_up =
        |it: &mut Command| it.args(["--bounding-set", "-sys_admin", "true"]).status().is_ok_and(|it| it.success());
    if !Uid::effective().is_root() || !gives_up(&mut Command::new("setpriv")) {
        let _ = writeln!(std::io::stderr(), "not run: only root can give up a right");
        return None;
    }
    let program = sandbox.run_command(&["--network", network, QUICK]);
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-sys_admin"]).arg(program.get_program()).args(program.get_args());
    command.env("TMPDIR", sandbox.tmp()).env("NO_COLOR", "1");
    Some(command)
}

#[test]
fn a_run_that_may_have_no_network_of_its_own_says_so_and_goes_on() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let Some(command) = without_right(&sandbox, "auto") else { return Ok(()) };

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    ensure!(ended.stderr.contains("network: the machine's, as"), "it is silent: {}", ended.stderr);
    assert_eq!(told(&sandbox)?, "the machine's");
    Ok(())
}

#[test]
fn a_run_without_a_built_kratos_says_what_a_network_of_its_own_leaves_out() -> Result<()> {
    if is_shared()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&["--network", "own", QUICK]);
    command.env("KRATOS_REPRO_CACHE", sandbox.path("empty"));

    sandbox.end(command)?.ensure_refused(3, &["--network machine", "scripts/setup"])?;

    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_run_that_is_to_have_a_network_of_its_own_has_it_or_ends() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let Some(command) = without_right(&sandbox, "own") else { return Ok(()) };

    sandbox.end(command)?.ensure_refused(3, &["no network of its own", "unshare", "hint: "])?;

    sandbox.ensure_nothing_is_left()
}
