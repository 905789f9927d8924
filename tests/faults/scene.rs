//! A run to which something happens, and the hands that reach into it from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use kratos_repro::browser::Engine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::programs::kratos;
use crate::support::{Running, Sandbox, process};

/// How long a moment may take to come.
const MOMENT_LIMIT: Duration = Duration::from_secs(60);

/// How `unshare` sets something apart, so that what is mounted or limited for it is so for nobody else.
pub(super) const APART: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// A run that has not begun, or goes on.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) sandbox: Sandbox,
    command: Command,
    around: Option<String>,
}

impl Scene {
    /// The run of one case.
    pub(super) fn of(case: &str) -> Result<Self> {
        let sandbox = Sandbox::new()?;
        let path = sandbox.case("case.yaml", case)?;
        let command = sandbox.run_command(&[&path, "--jobs", "1"]);
        Ok(Self { sandbox, command, around: None })
    }

    /// Adds an argument.
    pub(super) fn argument(&mut self, argument: &str) {
        self.command.arg(argument);
    }

    /// Sets a variable.
    pub(super) fn variable(&mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) {
        self.command.env(name, value);
    }

    /// Runs on this engine.
    pub(super) fn engine(&mut self, engine: Engine) {
        self.variable("KRATOS_REPRO_ENGINE", engine.name());
    }

    /// Runs it [apart](APART) from a shell that does something first; `"$@"` is the run.
    pub(super) fn around(&mut self, script: &str) {
        self.around = Some(script.to_owned());
    }

    /// Writes a Python program with these lines before it, and gives its path.
    pub(super) fn program(&self, name: &str, lines: &str, text: &str) -> Result<PathBuf> {
        let path = self.sandbox.path("bin").join(name);
        fs::write(&path, format!("#!/usr/bin/python3\n{lines}\n{text}"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Gives it a Kratos that something is wrong with, as `kratos.py` has them, and a cache of its own for it.
    pub(super) fn kratos(&mut self, mode: &str) -> Result<()> {
        let notes = self.sandbox.path("notes");
        fs::create_dir(&notes)?;
        let lines = format!(
            "import pathlib\nREAL = {:?}\nMODE = {mode:?}\nNOTES = pathlib.Path({:?})",
            kratos()?.display().to_string(),
            notes.display().to_string()
        );
        let program = self.program("kratos", &lines, include_str!("kratos.py"))?;
        self.variable("KRATOS_REPRO_KRATOS", program);
        self.variable("KRATOS_REPRO_CACHE", self.sandbox.path("cache"));
        Ok(())
    }

    /// Leaves that Kratos a note.
    pub(super) fn note(&self, name: &str) -> Result<()> {
        Ok(fs::write(self.sandbox.path("notes").join(name), "")?)
    }

    /// Starts the run.
    pub(super) fn start(&mut self) -> Result<Running> {
        let command = match &self.around {
            None => std::mem::replace(&mut self.command, Command::new("true")),
            Some(script) => {
                let mut around = Command::new("unshare");
                around.args(APART).args(["sh", "-c", script, "sh"]).arg(self.command.get_program());
                around.args(self.command.get_args());
                for (name, value) in self.command.get_envs() {
                    match value {
                        Some(value) => around.env(name, value),
                        None => around.env_remove(name),
                    };
                }
                around
            }
        };
        self.sandbox.start(command)
    }

    /// What a server's log says so far; of several worlds that of all.
    pub(super) fn log(&self, server: &str) -> String {
        self.sandbox.log(server)
    }

    /// Waits until a server's log has a line with all of these words.
    pub(super) fn wait_for_log(&self, run: &mut Running, server: &str, words: &[&str]) -> Result<()> {
        run.wait_for(&format!("line with {words:?} in the log of {server}"), MOMENT_LIMIT, |_| {
            self.sandbox.has_logged(server, words).then_some(())
        })
    }

    /// Waits until a program of the run is there whose command line has all of these words, the first of them in its
    /// program's name.
    pub(super) fn wait_for_process(&self, run: &mut Running, words: &[&str]) -> Result<Pid> {
        run.wait_for(&format!("process with {words:?}"), MOMENT_LIMIT, |_| self.process(words))
    }

    /// The first program of the run that is so.
    pub(super) fn process(&self, words: &[&str]) -> Option<Pid> {
        let is_it = |command: &str| {
            let program = command.split(' ').next().unwrap_or_default();
            words.first().is_some_and(|word| program.ends_with(word)) && words.iter().all(|word| command.contains(word))
        };
        let seen = process::naming(&self.sandbox.tmp());
        seen.into_iter().find(|it| is_it(&it.command)).map(|it| Pid::from_raw(it.id))
    }

    /// Waits for a program of the run and sends it a signal.
    pub(super) fn signal(&self, run: &mut Running, words: &[&str], signal: Signal) -> Result<()> {
        let id = self.wait_for_process(run, words)?;
        kill(id, signal).with_context(|| format!("failed to send {signal} to {words:?}"))
    }

    /// The folder of the one world that runs.
    pub(super) fn world(&self) -> Option<PathBuf> {
        let below = |folder: &Path, prefix: &str| {
            let paths = crate::support::list(folder).ok()?;
            paths
                .into_iter()
                .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
        };
        below(&below(&self.sandbox.tmp(), "kratos-repro-")?, "world-")
    }
}
