//! Whatever ends a run, nothing of it stays, and what it had found is told.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::{BrowserSettings, Display, Engine, ThirdPartyCookies, Window};
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::support::process::Listening;
use crate::support::{BROWSER, QUICK, Running, Sandbox, display, is_missing, list, process, wait_until};

/// How soon a run ends after it is asked to.
const END_LIMIT: Duration = Duration::from_secs(3);

fn world_has_begun(sandbox: &Sandbox) -> Option<()> {
    list(&sandbox.estate()?).ok()?.iter().any(|path| path.to_string_lossy().contains("/world-")).then_some(())
}

/// Waits until servers and browser run, and gives the sockets on which they and the program listen.
fn wait_for_all(sandbox: &Sandbox, run: &mut Running, engine: Engine) -> Result<BTreeSet<Listening>> {
    let settings = BrowserSettings {
        engine,
        listener: SocketAddr::from(([127, 0, 0, 1], 0)),
        window: Window::Hidden,
        third_party_cookies: ThirdPartyCookies::Allow,
        tracking_prevention: false,
    };
    let binary = settings.binary().context("the engine is gone")?;
    let browser = binary.file_name().and_then(|name| name.to_str()).context("it has no name")?;
    run.wait("Kratos and a browser", |run| {
        let seen = process::naming(&sandbox.tmp());
        process::program(&seen, "kratos")?;
        process::program(&seen, browser)?;
        let ids = seen.iter().map(|it| it.id).chain(i32::try_from(run.id()));
        let sockets = process::listening(ids);
        // Kratos's two, the driver's, the interface's, the mail sink's and the edge's three.
        let ports: BTreeSet<u16> = sockets.iter().map(|socket| socket.port).collect();
        (ports.len() >= 8).then_some(sockets)
    })
}

/// Starts a run on one engine.
fn start(sandbox: &Sandbox, engine: Engine) -> Result<Running> {
    let mut command = sandbox.run_command(&[BROWSER]);
    command.env("KRATOS_REPRO_ENGINE", engine.name());
    sandbox.start(command)
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
fn a_run_with_a_browser_leaves_nothing(#[case] engine: Engine) -> Result<()> {
    if is_missing(engine) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut run = start(&sandbox, engine)?;
    let sockets = wait_for_all(&sandbox, &mut run, engine)?;
    let display = display::of_browser(&sandbox.tmp());
    assert_eq!(display.is_some(), engine == Engine::WebKitGtk);

    let ended = run.end(Duration::from_secs(120))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    sandbox.ensure_nothing_is_left()?;
    display::ensure_none_is_left(display.as_deref())?;
    ensure_nobody_listens(&sockets)
}

/// The kernel closes the sockets of a process that was killed after its memory, by which it is known, is gone.
fn ensure_nobody_listens(sockets: &BTreeSet<Listening>) -> Result<()> {
    wait_until("end of the listeners", Duration::from_secs(5), || {
        let left: Vec<_> = process::all_listening().intersection(sockets).cloned().collect();
        if left.is_empty() { Ok(()) } else { Err(format!("somebody still listens on {left:?}")) }
    })
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    WorldBegins,
    AllRuns,
    AllRunsOn(Engine),
    OneCaseIsDone,
}

#[rstest]
#[case::ctrl_c_while_a_world_starts(Signal::SIGINT, Moment::WorldBegins)]
#[case::ctrl_c_after_one_case(Signal::SIGINT, Moment::OneCaseIsDone)]
#[case::terminate(Signal::SIGTERM, Moment::AllRuns)]
#[case::terminal_closed(Signal::SIGHUP, Moment::AllRuns)]
#[case::firefox(Signal::SIGINT, Moment::AllRunsOn(Engine::Firefox))]
#[case::webkitgtk(Signal::SIGINT, Moment::AllRunsOn(Engine::WebKitGtk))]
fn a_signal_ends_a_run_and_what_was_found_is_told(#[case] signal: Signal, #[case] moment: Moment) -> Result<()> {
    let engine = if let Moment::AllRunsOn(engine) = moment { engine } else { Engine::Chromium };
    if is_missing(engine) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let names: &[&str] = match moment {
        Moment::OneCaseIsDone => &["--jobs", "1", QUICK, BROWSER],
        Moment::WorldBegins | Moment::AllRuns | Moment::AllRunsOn(_) => &[BROWSER],
    };
    let mut command = sandbox.run_command(names);
    command.env("KRATOS_REPRO_ENGINE", engine.name());
    let mut run = sandbox.start(command)?;
    match moment {
        Moment::WorldBegins => run.wait("world", |_| world_has_begun(&sandbox))?,
        Moment::AllRuns | Moment::AllRunsOn(_) => wait_for_all(&sandbox, &mut run, engine).map(|_| ())?,
        Moment::OneCaseIsDone => run.wait("first case", |run| run.stderr().contains(QUICK).then_some(()))?,
    }

    let display = display::of_browser(&sandbox.tmp());
    let asked = Instant::now();
    run.signal(signal)?;
    let ended = run.end(Duration::from_secs(20))?;

    let took = asked.elapsed();
    ensure!(took < END_LIMIT, "it took {} ms to end", took.as_millis());
    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    sandbox.ensure_nothing_is_left()?;
    display::ensure_none_is_left(display.as_deref())?;
    let results = sandbox.results()?;
    assert_eq!(results["interrupted"], true);
    let finished = usize::from(matches!(moment, Moment::OneCaseIsDone));
    assert_eq!(results["cases"].as_array().map(Vec::len), Some(finished));
    ensure!(sandbox.run_folder()?.join("report.html").is_file(), "there is no report");
    Ok(())
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
fn nothing_outlives_a_program_that_is_killed(#[case] engine: Engine) -> Result<()> {
    if is_missing(engine) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut run = start(&sandbox, engine)?;
    let sockets = wait_for_all(&sandbox, &mut run, engine)?;
    let display = display::of_browser(&sandbox.tmp());

    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;

    sandbox.wait_until_nothing_is_left()?;
    display::ensure_none_is_left(display.as_deref())?;
    ensure_nobody_listens(&sockets)
}

/// How long what is on no leash may be there when the program has been killed: the reaper gives it 2.5 s, which is ten times
/// as much by the clock of a busy machine.
const REAPED_LIMIT: Duration = Duration::from_secs(40);

fn wait_until_all_is_reaped(sandbox: &Sandbox) -> Result<()> {
    let left = || sandbox.ensure_nothing_is_left().map_err(|left| left.to_string());
    wait_until("end of all", REAPED_LIMIT, left)
}

/// A Go that makes a folder as a build does, and then takes its time. It is there with a compiler, and builds nothing.
const SLOW_GO: &str = "#!/bin/sh\n\
    if [ \"$1\" = env ]; then printf 'go1.26.8\\nsh\\n'; exit; fi\n\
    mktemp -d \"${GOTMPDIR:-${TMPDIR:-/tmp}}/go-buildXXXXXX\" > \"$0.folder.new\"\n\
    mv \"$0.folder.new\" \"$0.folder\"\n\
    exec sleep 600\n";

#[rstest]
#[case::ctrl_c(Signal::SIGINT)]
#[case::killed(Signal::SIGKILL)]
fn a_build_that_is_broken_off_leaves_nothing(#[case] signal: Signal) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let (go, cache) = (sandbox.path("bin").join("go"), sandbox.path("cache"));
    fs::write(&go, SLOW_GO)?;
    fs::set_permissions(&go, fs::Permissions::from_mode(0o755))?;
    let mut command = sandbox.command(&["setup"]);
    let path = std::env::var("PATH").context("there is no PATH")?;
    command.env("PATH", format!("{}:{path}", sandbox.path("bin").display())).env("KRATOS_REPRO_CACHE", &cache);
    let mut setup = sandbox.start(command)?;
    let folder = setup.wait("build", |_| fs::read_to_string(go.with_file_name("go.folder")).ok())?;
    ensure!(Path::new(folder.trim()).starts_with(sandbox.tmp()), "it is made elsewhere: {folder}");

    setup.signal(signal)?;
    let ended = setup.end(Duration::from_secs(20))?;

    assert_eq!(ended.code(), (signal == Signal::SIGINT).then_some(1), "{}", ended.stderr);
    wait_until_all_is_reaped(&sandbox)?;
    let unfinished: Vec<PathBuf> = list(&cache)?.into_iter().filter(|path| path.is_dir()).collect();
    ensure!(unfinished.is_empty(), "left in the cache: {unfinished:?}");
    Ok(())
}

#[rstest]
#[case::ctrl_c(Signal::SIGINT)]
#[case::killed(Signal::SIGKILL)]
fn a_question_that_is_broken_off_leaves_nothing(#[case] signal: Signal) -> Result<()> {
    if is_missing(Engine::WebKitGtk) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let browser = sandbox.path("bin").join("browser");
    fs::write(&browser, "#!/bin/sh\n: > \"$0.asked\"\nexec sleep 600\n")?;
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755))?;
    let mut command = sandbox.command(&["doctor"]);
    command.env("KRATOS_REPRO_MINIBROWSER", &browser);
    let mut doctor = sandbox.start(command)?;
    doctor.wait("question", |_| browser.with_file_name("browser.asked").is_file().then_some(()))?;

    doctor.signal(signal)?;
    let ended = doctor.end(Duration::from_secs(5))?;

    assert_eq!(ended.code(), (signal == Signal::SIGINT).then_some(1), "{}", ended.stderr);
    wait_until_all_is_reaped(&sandbox)
}

#[tokio::test]
async fn a_display_whose_server_is_killed_leaves_nothing() -> Result<()> {
    if is_missing(Engine::WebKitGtk) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let started = Display::start(folder.path()).await?;
    let socket = display::socket(&started.number().to_string());
    ensure!(socket.exists(), "no socket {}", socket.display());

    display::kill_server(folder.path())?;
    started.close().await?;

    ensure!(!socket.exists(), "left behind: {}", socket.display());
    Ok(())
}

/// An Xvfb that is killed when it has its socket, and before it can say so.
const SOON_KILLED: &str = "\
#!/bin/sh
/usr/bin/Xvfb \"$@\" >/dev/null 2>&1 &
while ! [ -e \"/tmp/.X11-unix/X${1#:}\" ]; do sleep 0.01; done
kill -KILL $!
echo \"${1#:}\" >> NOTE
";

#[test]
fn a_display_whose_server_is_killed_before_it_is_ready_leaves_nothing() -> Result<()> {
    if is_missing(Engine::WebKitGtk) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let (xvfb, note) = (sandbox.path("bin/xvfb"), sandbox.path("number"));
    fs::write(&xvfb, SOON_KILLED.replace("NOTE", &note.display().to_string()))?;
    fs::set_permissions(&xvfb, fs::Permissions::from_mode(0o755))?;
    let mut command = sandbox.run_command(&["--jobs", "1", BROWSER]);
    command.env("KRATOS_REPRO_ENGINE", Engine::WebKitGtk.name()).env("KRATOS_REPRO_XVFB", xvfb);

    let ended = sandbox.end(command)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let cause = sandbox.outcome()?["trials"][0]["cause"].to_string();
    ensure!(cause.contains("told no number"), "{cause}");
    for number in fs::read_to_string(note)?.lines() {
        let socket = display::socket(number);
        ensure!(!socket.exists(), "left behind: {}", socket.display());
    }
    sandbox.ensure_nothing_is_left()
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
