//! What happens to a run: each waits for its moment and then breaks one thing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};

use super::scene::Scene;
use crate::support::{Running, display, list};

/// What is of interest besides the run: who breaks something, and has to be ended again, and the socket of a display, which
/// has to go.
#[derive(Debug, Default)]
pub(super) struct Beside {
    breaker: Option<Child>,
    pub(super) display: Option<PathBuf>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(mut child) = self.breaker.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const KRATOS: &[&str] = &["/kratos", "serve"];
const CHROMIUM: &[&str] = &["/chromium-headless-shell", "--headless"];

fn flow_begun(scene: &Scene, run: &mut Running) -> Result<()> {
    scene.wait_for_log(run, "kratos", &["/self-service/login/", "completed handling"])
}

fn code_sent(scene: &Scene, run: &mut Running) -> Result<()> {
    scene.wait_for_log(run, "kratos", &["[DEBUG] POST http"])
}

/// A program of the run gets a signal in the middle of a flow.
fn signalled(scene: &Scene, run: &mut Running, program: &[&str], signal: Signal) -> Result<Beside> {
    flow_begun(scene, run)?;
    scene.signal(run, program, signal)?;
    Ok(Beside::default())
}

/// Nothing happens from outside.
pub(super) fn nothing(_: &Scene, _: &mut Running) -> Result<Beside> {
    Ok(Beside::default())
}

pub(super) fn kratos_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, KRATOS, Signal::SIGKILL)
}

pub(super) fn kratos_asked_to_end(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, KRATOS, Signal::SIGTERM)
}

pub(super) fn kratos_killed_at_its_start(scene: &Scene, run: &mut Running) -> Result<Beside> {
    scene.signal(run, KRATOS, Signal::SIGKILL)?;
    Ok(Beside::default())
}

pub(super) fn kratos_stopped(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, KRATOS, Signal::SIGSTOP)
}

/// It goes on before anybody has lost patience.
pub(super) fn kratos_stopped_for_a_while(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    let kratos = scene.wait_for_process(run, KRATOS)?;
    kill(kratos, Signal::SIGSTOP)?;
    // What is held has been answered by then, and the next request waits for Kratos.
    std::thread::sleep(std::time::Duration::from_secs(8));
    kill(kratos, Signal::SIGCONT)?;
    Ok(Beside::default())
}

pub(super) fn run_stopped_for_a_while(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    run.signal(Signal::SIGSTOP)?;
    std::thread::sleep(std::time::Duration::from_secs(6));
    run.signal(Signal::SIGCONT)?;
    Ok(Beside::default())
}

pub(super) fn kratos_restarted(scene: &Scene, run: &mut Running) -> Result<Beside> {
    code_sent(scene, run)?;
    scene.note("restart")?;
    scene.signal(run, KRATOS, Signal::SIGKILL)?;
    let starts = |log: &str| log.matches("Starting the public httpd on").count();
    run.wait("second start of Kratos", |_| (starts(&scene.log("kratos")) == 2).then_some(()))?;
    Ok(Beside::default())
}

pub(super) fn database_locked(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    let database = scene.world().context("there is no world")?.join("kratos/kratos.sqlite");
    let script = "import sqlite3, sys, time\nlock = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  lock.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\ntime.sleep(600)";
    let mut child =
        Command::new("/usr/bin/python3").args(["-c", script]).arg(database).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("its output is not piped")?;
    let beside = Beside { breaker: Some(child), display: None };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    ensure!(line == "locked\n", "the database could not be locked: {line}");
    Ok(beside)
}

pub(super) fn disk_of_the_database_full(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    scene.note("fill")?;
    let filled = scene.sandbox.path("notes/filled");
    run.wait("full disk", |_| filled.exists().then_some(()))?;
    Ok(Beside::default())
}

pub(super) fn browser_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, CHROMIUM, Signal::SIGKILL)
}

pub(super) fn tab_crashed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, &["/chromium-headless-shell", "--type=renderer"], Signal::SIGSEGV)
}

pub(super) fn driver_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, &["/chromedriver"], Signal::SIGKILL)
}

pub(super) fn driver_stopped(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, &["/chromedriver"], Signal::SIGSTOP)
}

pub(super) fn firefox_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, &["/firefox-esr", "--marionette"], Signal::SIGKILL)
}

pub(super) fn webkitgtk_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, &["/MiniBrowser"], Signal::SIGKILL)
}

pub(super) fn webkitgtk_killed_at_its_start(scene: &Scene, run: &mut Running) -> Result<Beside> {
    scene.signal(run, &["/MiniBrowser", "--automation"], Signal::SIGKILL)?;
    Ok(Beside::default())
}

pub(super) fn display_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    let display = display::of_browser(&scene.sandbox.tmp()).context("no browser is on a display")?;
    scene.signal(run, &["/Xvfb"], Signal::SIGKILL)?;
    Ok(Beside { breaker: None, display: Some(display) })
}

pub(super) fn nginx_killed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    signalled(scene, run, &["/nginx"], Signal::SIGKILL)
}

fn hydra_killed(scene: &Scene, run: &mut Running, server: &str, words: &[&str]) -> Result<Beside> {
    scene.wait_for_log(run, server, words)?;
    scene.signal(run, &["/hydra", "serve"], Signal::SIGKILL)?;
    Ok(Beside::default())
}

pub(super) fn hydra_killed_before_it_is_asked(scene: &Scene, run: &mut Running) -> Result<Beside> {
    hydra_killed(scene, run, "kratos", &["\"POST\"", "/self-service/login", "completed handling"])
}

pub(super) fn hydra_killed_at_the_login(scene: &Scene, run: &mut Running) -> Result<Beside> {
    hydra_killed(scene, run, "hydra", &["/oauth2/auth/requests/login", "completed handling"])
}

pub(super) fn hydra_killed_at_the_consent(scene: &Scene, run: &mut Running) -> Result<Beside> {
    hydra_killed(scene, run, "hydra", &["/oauth2/auth/requests/consent", "completed handling"])
}

pub(super) fn hydra_killed_before_the_token(scene: &Scene, run: &mut Running) -> Result<Beside> {
    hydra_killed(scene, run, "hydra", &["/oauth2/auth/requests/consent/accept", "completed handling"])
}

pub(super) fn a_second_run(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    let other = crate::support::Sandbox::new()?;
    let case = scene.sandbox.path("cases/case.yaml").display().to_string();
    let ended = other.run(&[&case])?;
    ensure!(ended.code() == Some(0), "the second run: {}{}", ended.stderr, ended.stdout);
    other.ensure_nothing_is_left()?;
    Ok(Beside::default())
}

pub(super) fn cache_removed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    fs::remove_dir_all(scene.sandbox.path("cache"))?;
    Ok(Beside::default())
}

pub(super) fn case_file_changed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    fs::write(scene.sandbox.path("cases/case.yaml"), "title: Another case\nsteps: nonsense\n")?;
    Ok(Beside::default())
}

pub(super) fn folder_of_the_world_removed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    fs::remove_dir_all(scene.world().context("there is no world")?)?;
    Ok(Beside::default())
}

pub(super) fn folder_of_the_run_removed(scene: &Scene, run: &mut Running) -> Result<Beside> {
    flow_begun(scene, run)?;
    for folder in list(&scene.sandbox.path("out"))? {
        fs::remove_dir_all(folder)?;
    }
    Ok(Beside::default())
}

/// The clock that the harness sees jumps by a day; libfaketime reads the file again at every look.
fn clock_jumps(scene: &Scene, run: &mut Running, by: &str) -> Result<Beside> {
    flow_begun(scene, run)?;
    fs::write(scene.sandbox.path("clock"), by)?;
    Ok(Beside::default())
}

pub(super) fn clock_jumps_forward(scene: &Scene, run: &mut Running) -> Result<Beside> {
    clock_jumps(scene, run, "+1d\n")
}

pub(super) fn clock_jumps_back(scene: &Scene, run: &mut Running) -> Result<Beside> {
    clock_jumps(scene, run, "-1d\n")
}
