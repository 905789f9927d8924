//! What a run has in the machine: the next start sweeps what was left of it, a run that leaves something says so by name,
//! and what is somebody else's stays.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::estate::Owner;
use kratos_repro::browser::Engine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;

use crate::support::process::Seen;
use crate::support::{BROWSER, QUICK, Running, Sandbox, is_missing, list, process, wait_until};

/// The processes that remove what a run leaves, when the run is gone.
fn reapers(sandbox: &Sandbox) -> Vec<Seen> {
    let all = process::naming(&sandbox.tmp());
    all.into_iter().filter(|it| it.command.starts_with("kratos-repro reap")).collect()
}

/// That of the one run that is under way.
fn reaper(sandbox: &Sandbox) -> Option<Seen> {
    reapers(sandbox).into_iter().next()
}

/// Waits until a Kratos of the run runs.
fn wait_for_kratos(sandbox: &Sandbox, run: &mut Running) -> Result<PathBuf> {
    run.wait("Kratos", |_| {
        let estate = sandbox.estate()?;
        process::program(&process::naming(&estate), "kratos").map(|_| estate)
    })
}

/// Ends a run and all that could remove what it leaves, as a power cut does, and gives the folder that stays.
fn cut_the_power(sandbox: &Sandbox) -> Result<PathBuf> {
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    let estate = wait_for_kratos(sandbox, &mut run)?;
    let reaper = reaper(sandbox).context("there is no reaper")?;

    kill(Pid::from_raw(reaper.id), Signal::SIGKILL)?;
    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;

    wait_until("end of the processes", Duration::from_secs(5), || {
        let left = process::naming(&estate);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })?;
    ensure!(estate.is_dir(), "somebody has removed it");
    Ok(estate)
}

#[test]
fn the_next_start_sweeps_what_a_power_cut_has_left_and_says_so() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let estate = cut_the_power(&sandbox)?;

    let ended = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure_swept(&ended.stderr, &estate)?;
    sandbox.ensure_nothing_is_left()
}

/// That it is said. What others have left on this machine, such as another test, is swept and named with it.
fn ensure_swept(said: &str, folder: &Path) -> Result<()> {
    let told = |line: &&str| line.starts_with("swept what a run that was killed had left: ");
    let line = said.lines().find(told).with_context(|| format!("nothing is said: {said}"))?;
    ensure!(line.contains(&format!("folder {}", folder.display())), "{line}");
    Ok(())
}

/// An owner that says of itself that it is not of this start of the machine.
fn owner_of_another_start() -> Result<String> {
    let this = Owner::this()?.to_string();
    let (_, rest) = this.split_once('.').context("an owner begins with the start of the machine")?;
    Ok(format!("00000000-0000-0000-0000-000000000000.{rest}"))
}

/// So old that nobody can still be making it.
fn make_older(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.set_modified(SystemTime::now() - Duration::from_secs(120))?)
}

#[rstest]
#[case::with_nothing_written_yet(true)]
#[case::with_no_file_yet(false)]
fn what_another_run_is_making_in_this_moment_is_not_swept(#[case] has_file: bool) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let folder = sandbox.tmp().join(format!(".kratos-repro-{}", owner_of_another_start()?));
    fs::create_dir_all(&folder)?;
    if has_file {
        File::create_new(folder.join("owner"))?;
    }

    let ended = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(folder.is_dir(), "it was swept: {}", ended.stderr);
    make_older(&folder)?;
    ensure_swept(&sandbox.end(sandbox.run_command(&[QUICK]))?.stderr, &folder)?;
    sandbox.ensure_nothing_is_left()
}

#[rstest]
#[case::made("kratos-repro-AbCdEf", true)]
#[case::half_made(".kratos-repro-", false)]
fn what_an_earlier_start_of_the_machine_has_left_is_swept(#[case] name: &str, #[case] is_whole: bool) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let owner = owner_of_another_start()?;
    let folder = sandbox.tmp().join(if is_whole { name.to_owned() } else { format!("{name}{owner}") });
    fs::create_dir_all(folder.join("world-AbCdEf"))?;
    if is_whole {
        fs::write(folder.join("owner"), &owner)?;
    }
    make_older(&folder)?;

    let ended = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure_swept(&ended.stderr, &folder)?;
    sandbox.ensure_nothing_is_left()
}

/// Somebody else's process, ended when this is dropped.
struct Stranger(Child);

impl Stranger {
    /// Starts it, by the name of one of our programs.
    fn start(sandbox: &Sandbox, name: &str, folder: PathBuf) -> Result<Self> {
        let program = sandbox.path("bin").join(name);
        fs::copy("/bin/sleep", &program)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let mut command = Command::new(program);
        // The path of our folder is in all that can be seen of it.
        command.arg("600").current_dir(&folder).env("FOLDER", folder);
        Ok(Self(command.stdin(Stdio::null()).spawn()?))
    }

    fn lives(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_is_somebody_elses_stays() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut folders = Vec::new();
    for (name, owner) in [("stranger", None), ("AbCdEf", Some("me")), ("aBcDeF", Some(""))] {
        let folder = sandbox.tmp().join(format!("kratos-repro-{name}"));
        fs::create_dir(&folder)?;
        if let Some(owner) = owner {
            fs::write(folder.join("owner"), owner)?;
        }
        folders.push(folder);
    }
    let living = Owner::this()?;
    let of_the_living = sandbox.tmp().join("kratos-repro-living");
    fs::create_dir(&of_the_living)?;
    fs::write(of_the_living.join("owner"), living.to_string())?;
    folders.push(of_the_living);
    let estates = || -> Result<Vec<PathBuf>> {
        Ok(list(&sandbox.tmp())?.into_iter().filter(|path| !folders.contains(path)).collect())
    };
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    let (estate, ours) = run.wait("Kratos", |_| {
        let [estate] = &estates().ok()?[..] else { return None };
        let ours = process::program(&process::naming(estate), "kratos")?.id;
        Some((estate.clone(), ours))
    })?;
    // They look at our files, and have the names of our programs.
    let mut strangers = ["kratos", "chromium", "Xvfb"]
        .into_iter()
        .map(|name| Stranger::start(&sandbox, name, estate.clone()))
        .collect::<Result<Vec<_>>>()?;

    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;
    wait_until("end of our own", Duration::from_secs(5), || {
        let runs = fs::exists(format!("/proc/{ours}/cwd")).unwrap_or(true);
        if estate.exists() || runs { Err(format!("{} {runs}", estate.exists())) } else { Ok(()) }
    })?;
    let ended = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    for stranger in &mut strangers {
        ensure!(stranger.lives()?, "a stranger was ended: {stranger:?}", stranger = stranger.0);
    }
    for folder in folders {
        ensure!(folder.is_dir(), "a stranger's folder is gone: {}", folder.display());
    }
    Ok(())
}

#[test]
fn a_process_that_runs_is_of_no_earlier_start_of_the_machine() -> Result<()> {
    let sandbox = Sandbox::new()?;
    // So are those of a container that has a name of its own for its start. All of its group counts as the owner's.
    let mut command = Command::new("/bin/sleep");
    command.arg("600").env("KRATOS_REPRO_OWNER", owner_of_another_start()?).process_group(0);
    let mut living = Stranger(command.stdin(Stdio::null()).spawn()?);

    let ended = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure!(living.lives()?, "it was ended: {}", ended.stderr);
    Ok(())
}

#[test]
fn an_estate_that_somebody_holds_is_of_no_earlier_start_of_the_machine() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let folder = sandbox.tmp().join("kratos-repro-AbCdEf");
    fs::create_dir(&folder)?;
    fs::write(folder.join("owner"), owner_of_another_start()?)?;
    // So does a run on another machine that shares the disk.
    let held = File::open(folder.join("owner"))?;
    held.lock()?;

    let ended = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(list(&sandbox.tmp())?, [folder], "{}", ended.stderr);
    Ok(())
}

#[test]
fn a_run_holds_its_estate() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    let estate = wait_for_kratos(&sandbox, &mut run)?;

    let tried = File::open(estate.join("owner"))?.try_lock();

    ensure!(matches!(tried, Err(TryLockError::WouldBlock)), "nobody holds it: {tried:?}");
    run.signal(Signal::SIGINT)?;
    run.end(Duration::from_secs(20))?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn a_second_run_stays_as_it_is_when_the_first_is_killed() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut up = sandbox.start(sandbox.command(&["up", BROWSER]))?;
    let estate = wait_for_kratos(&sandbox, &mut up)?;
    up.wait("last line", |up| up.stdout().contains("Ctrl-C ends it").then_some(()))?;
    let all = process::naming(&estate);
    let kratos = process::program(&all, "kratos").context("it has a Kratos")?.id;
    let own = reaper(&sandbox).context("there is no reaper")?.id;
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    run.wait("world", |_| {
        let estates = list(&sandbox.tmp()).ok()?;
        let other = estates.into_iter().find(|it| *it != estate && it.join("owner").is_file())?;
        process::program(&process::naming(&other), "kratos").map(|_| ())
    })?;

    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;
    wait_until("end of the first", Duration::from_secs(5), || {
        let estates = list(&sandbox.tmp()).map_err(|error| error.to_string())?;
        // The reaper goes last.
        let reapers: Vec<i32> = reapers(&sandbox).iter().map(|it| it.id).collect();
        if estates == [estate.clone()] && reapers == [own] { Ok(()) } else { Err(format!("{estates:?}, {reapers:?}")) }
    })?;
    let other = sandbox.end(sandbox.run_command(&[QUICK]))?;

    assert_eq!(other.code(), Some(0), "{}{}", other.stderr, other.stdout);
    let now = process::naming(&estate);
    assert_eq!(process::program(&now, "kratos").map(|it| it.id), Some(kratos), "{now:?}");
    up.signal(Signal::SIGINT)?;
    assert_eq!(up.end(Duration::from_secs(20))?.code(), Some(0));
    sandbox.ensure_nothing_is_left()
}

#[test]
fn no_signal_keeps_the_reaper_from_its_work() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&[BROWSER]))?;
    wait_for_kratos(&sandbox, &mut run)?;
    let reaper = Pid::from_raw(reaper(&sandbox).context("there is no reaper")?.id);

    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kill(reaper, signal)?;
    }
    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;

    sandbox.wait_until_nothing_is_left()
}

/// A login page that leaves a process behind: it is in a session of its own, so the end of its group does not end it. The
/// page goes on when the process is out of the group.
const LEAVING: &str =
    "setsid sleep 600 </dev/null >/dev/null 2>&1 & until grep -qa ^sleep /proc/$!/cmdline; do :; done; ";

#[test]
fn a_run_that_leaves_something_fails_by_its_name() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let page = "import http.server, os\n\
        class Page(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_GET(self):\n\
        \x20       self.send_response(200)\n\
        \x20       self.end_headers()\n\
        http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Page).serve_forever()\n";
    fs::write(sandbox.path("bin").join("page.py"), page)?;
    let mut command = sandbox.run_command(&[BROWSER]);
    let interface = format!("{LEAVING}exec python3 page.py");
    command.env("KRATOS_REPRO_UI_COMMAND", interface).current_dir(sandbox.path("bin"));

    let ended = sandbox.end(command)?;

    ended.ensure_refused(1, &["left behind", "(sleep 600)"])?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn what_cannot_be_kept_hides_no_earlier_failure() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&["--keep", BROWSER]);
    let interface = format!("rm -rf '{}'/kratos-repro-*; exit 7", sandbox.tmp().display());
    command.env("KRATOS_REPRO_UI_COMMAND", interface).current_dir(sandbox.path("bin"));

    let ended = sandbox.end(command)?;

    ended.ensure_refused(3, &["code 7"])?;
    sandbox.ensure_nothing_is_left()
}

#[test]
fn what_is_left_hides_no_earlier_failure() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.run_command(&[BROWSER]);
    command.env("KRATOS_REPRO_UI_COMMAND", format!("{LEAVING}exit 7")).current_dir(sandbox.path("bin"));

    let ended = sandbox.end(command)?;

    ended.ensure_refused(3, &["code 7", "left behind", "(sleep 600)"])?;
    sandbox.ensure_nothing_is_left()
}
