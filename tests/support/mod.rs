//! Runs the program as a person does, in a folder of its own, and looks at what it leaves.

pub(crate) mod display;
pub(crate) mod grid;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod trials;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kratos_repro::browser::Engine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// How long a call may take that the test says nothing about.
const CALL_LIMIT: Duration = Duration::from_secs(90);

/// How much longer a call may take that is refused before anything starts.
const REFUSAL_LIMIT: Duration = Duration::from_secs(2);

/// A case without a browser that takes less than a second.
pub(crate) const QUICK: &str = "cross-browser/api-flow-with-cdn-cookie";

/// A case with a browser.
pub(crate) const BROWSER: &str = "code-flows/login-form-second-submit";

/// Whether an engine cannot run here. The test is then not run, which is said where a captured test can be heard.
pub(crate) fn is_missing(engine: Engine) -> bool {
    let Some(lacking) = engine.lacks() else { return false };
    let _ = writeln!(std::io::stderr(), "not run: {lacking}");
    true
}

/// A folder with a place for temporary files, one for reports, and one for a test's own files.
#[derive(Debug)]
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// A call of the program that goes on. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    begun: Instant,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// A call of the program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// A case that takes its time between two requests to Kratos, of which the second asks the database.
pub(crate) const POSTGRES_ENDS: &str = "\
title: Postgres ends in the middle
world:
  clients: { c: {} }
  faults: [{ host: ory.example.test, method: GET, path: /self-service/login/api, delay_answer: 5s }]
steps:
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: a, password: correct horse battery } }
symptom:
  - answer: { to: c, method: POST, path: /self-service/login, status: 500 }
";

/// The words of Kratos's log once the first of the two has been answered.
pub(crate) const FLOW_BEGUN: [&str; 2] = ["/self-service/login/api", "completed handling"];

impl Sandbox {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("suite-").tempdir()?;
        for name in ["tmp", "out", "cases", "bin"] {
            fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self { folder })
    }

    /// Where the program puts its temporary files.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a case file and gives its path.
    pub(crate) fn case(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder.path().join("cases").join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// The program with these arguments, without the variables that a developer may have set.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kratos-repro"));
        for (name, _) in std::env::vars_os() {
            let named = name.to_string_lossy().into_owned();
            if named.starts_with("KRATOS_REPRO_") && named != "KRATOS_REPRO_CACHE" {
                command.env_remove(name);
            }
        }
        command.args(arguments).env("TMPDIR", self.tmp()).env_remove("DISPLAY").env("NO_COLOR", "1");
        // One engine, so that what a test says of a run holds whatever is installed.
        command.env("KRATOS_REPRO_ENGINE", "chromium");
        command.stdin(Stdio::null());
        command
    }

    /// `run` with reports in the sandbox.
    pub(crate) fn run_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&["run"]);
        command.arg("--out").arg(self.path("out")).args(arguments);
        command
    }

    pub(crate) fn start(&self, mut command: Command) -> Result<Running> {
        let (stdout, stderr) = (self.path("stdout"), self.path("stderr"));
        command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
        let child = command.spawn().context("failed to start the program")?;
        Ok(Running { child, begun: Instant::now(), stdout, stderr })
    }

    pub(crate) fn end(&self, command: Command) -> Result<Ended> {
        self.start(command)?.end(CALL_LIMIT)
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Result<Ended> {
        self.end(self.command(arguments))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.end(self.run_command(arguments))
    }

    /// The folder of the one run that was made.
    pub(crate) fn run_folder(&self) -> Result<PathBuf> {
        let folders = list(&self.path("out"))?;
        match folders.as_slice() {
            [folder] => Ok(folder.clone()),
            folders => bail!("there is not one run: {folders:?}"),
        }
    }

    /// What the servers of this name have logged so far.
    pub(crate) fn log(&self, server: &str) -> String {
        let name = format!("{server}.log");
        let logs = files(&self.tmp()).unwrap_or_default().into_iter().filter(|path| path.ends_with(&name));
        logs.filter_map(|path| fs::read_to_string(path).ok()).collect()
    }

    /// Whether a line of that has all of these words.
    pub(crate) fn has_logged(&self, server: &str, words: &[&str]) -> bool {
        self.log(server).lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// What the one run wrote as data.
    pub(crate) fn results(&self) -> Result<Value> {
        Ok(serde_json::from_str(&fs::read_to_string(self.run_folder()?.join("results.json"))?)?)
    }

    /// What the one case of the one run came to.
    pub(crate) fn outcome(&self) -> Result<Value> {
        let results = self.results()?;
        let cases = results["cases"].as_array().context("no cases")?;
        ensure!(cases.len() == 1, "there is not one case: {}", cases.len());
        Ok(cases[0].clone())
    }

    /// Nothing may be left: no temporary file, no process that names the folder for them.
    pub(crate) fn ensure_nothing_is_left(&self) -> Result<()> {
        let files = list(&self.tmp())?;
        ensure!(files.is_empty(), "left behind: {files:?}");
        let processes = process::naming(&self.tmp());
        ensure!(processes.is_empty(), "still running: {processes:?}");
        Ok(())
    }

    /// The same, soon.
    pub(crate) fn wait_until_nothing_is_left(&self) -> Result<()> {
        let left = || self.ensure_nothing_is_left().map_err(|left| left.to_string());
        wait_until("end of all", Duration::from_secs(5), left)
    }

    /// The folder of the one run or world that is under way here.
    pub(crate) fn estate(&self) -> Option<PathBuf> {
        list(&self.tmp()).ok()?.into_iter().find(|path| path.join("owner").is_file())
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// What it has written so far.
    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it has said so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Waits until something is so that its going on brings about.
    pub(crate) fn wait<T>(&mut self, what: &str, probe: impl Fn(&Self) -> Option<T>) -> Result<T> {
        self.wait_for(what, Duration::from_secs(60), probe)
    }

    /// The same within a time of its own.
    pub(crate) fn wait_for<T>(&mut self, what: &str, limit: Duration, probe: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = probe(self) {
                return Ok(value);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended ({status}) before {what}: {}{}", self.stderr(), self.stdout());
            }
            ensure!(Instant::now() < deadline, "no {what} within {} s: {}", limit.as_secs(), self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end.
    pub(crate) fn end(mut self, limit: Duration) -> Result<Ended> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let took = self.begun.elapsed();
                return Ok(Ended { status, stdout: self.stdout(), stderr: self.stderr(), took });
            }
            if Instant::now() >= deadline {
                bail!("it did not end within {} ms: {}", limit.as_millis(), self.stderr());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is gone already unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Its exit code; a signal is none.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// It took hardly longer than a call takes on this machine now that is refused for its arguments alone.
    pub(crate) fn ensure_soon(&self) -> Result<()> {
        let any = Sandbox::new()?.run(&["--backend", "native", "--image-kratos", "any", QUICK])?;
        ensure!(any.code() == Some(2), "it ended with {}: {}", any.status, any.stderr);
        let (took, other) = (self.took.as_millis(), any.took.as_millis());
        ensure!(self.took < REFUSAL_LIMIT + any.took, "it took {took} ms, and another call {other} ms");
        Ok(())
    }

    /// It ended with this code, and said all of this on standard error.
    pub(crate) fn ensure_refused(&self, code: i32, words: &[&str]) -> Result<()> {
        ensure!(self.code() == Some(code), "it ended with {}: {}{}", self.status, self.stderr, self.stdout);
        for word in words {
            ensure!(self.stderr.contains(word), "`{word}` is not in: {}", self.stderr);
        }
        Ok(())
    }
}

/// Waits until something is so. A probe that finds that it is not says what it saw.
pub(crate) fn wait_until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<T, String>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(seen) => ensure!(Instant::now() < deadline, "no {what} within {} ms: {seen}", limit.as_millis()),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is in a folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in list(folder)? {
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.push(path);
        }
    }
    Ok(all)
}
