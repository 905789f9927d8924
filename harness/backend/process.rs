//! A child process in a group of its own. What a [`super::Launch`] starts.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::estate;
use super::launch::Ending;
use super::listening;
use super::stat::Stat;
use crate::wait::wait_until;

/// How often it is looked whether a process listens.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long a program that is asked to end may take before it is killed.
const ASKED_LIMIT: Duration = Duration::from_secs(1);

/// How long a leash may take that clears up after its program, which it gives five seconds.
const CLEARED_LIMIT: Duration = Duration::from_secs(8);

/// A running program. Dropping it kills its whole group.
#[derive(Debug)]
#[must_use = "the process is killed when this is dropped"]
pub struct Process {
    pub(super) name: String,
    pub(super) group: Pid,
    pub(super) helpers: Option<OsString>,
    pub(super) ending: Ending,
    pub(super) log: PathBuf,
    pub(super) child: Child,
    pub(super) leash: Option<ChildStdin>,
    pub(super) closed: bool,
}

impl Process {
    /// The program's file name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that its output goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process group's id.
    pub fn group(&self) -> i32 {
        self.group.as_raw()
    }

    /// Its standard output, once, if it was piped.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until the program has ended by itself.
    pub async fn exited(&mut self) -> Result<ExitStatus> {
        self.child.wait().await.with_context(|| format!("failed to wait for `{}`", self.name))
    }

    /// Whether the program itself runs; helpers of it may outlive it.
    pub fn runs(&self) -> bool {
        Stat::of(self.group).is_some_and(|it| !it.dead)
    }

    /// Whether a process runs that the program has started. Where the kernel does not tell, it may.
    pub fn has_children(&self) -> bool {
        // The group's leader is the shell that holds the leash.
        let Some(programs) = Stat::children(self.group) else { return true };
        programs.into_iter().any(|it| Stat::children(it.id).is_none_or(|children| children.iter().any(|it| !it.dead)))
    }

    /// Whether a signal has stopped any process of it, which then does nothing until another one lets it go on.
    pub fn is_stopped(&self) -> bool {
        living(self.group, None).into_iter().any(|id| Stat::of(id).is_some_and(|it| it.stopped))
    }

    /// Whether a process of the group listens on this TCP port of 127.0.0.1.
    pub fn listens_on(&self, port: u16) -> bool {
        listening::on(port, &living(self.group, None))
    }

    /// Waits until a process of the group listens on this TCP port of 127.0.0.1, or until the program has ended by itself, and
    /// says how. What answers on the port before that is somebody else, who was quicker.
    pub async fn listening(&mut self, port: u16) -> Result<Option<ExitStatus>> {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        loop {
            tick.tick().await;
            if self.listens_on(port) {
                return Ok(None);
            }
            let ended = self.child.try_wait().with_context(|| format!("failed to look at `{}`", self.name))?;
            if ended.is_some() {
                return Ok(ended);
            }
        }
    }

    /// Ends the whole group, with helpers that have left it, and waits until nothing of it runs.
    ///
    /// # Errors
    /// When something of it is still there after 5 s.
    pub async fn close(mut self) -> Result<()> {
        if let Some(limit) = self.ask() {
            let deadline = Instant::now() + limit;
            while !living(self.group, None).is_empty() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        self.kill();
        let _ = self.child.wait().await;
        self.closed = true;
        let what = format!("the end of `{}` and its helpers", self.name);
        wait_until(&what, Duration::from_secs(5), Duration::from_millis(5), || {
            std::future::ready(match self.kill() {
                0 => Ok(()),
                count => Err(format!("{count} processes of group {} still run", self.group)),
            })
        })
        .await
    }

    /// Asks the whole group to end, unless it is to be killed, and says how long that may take.
    fn ask(&mut self) -> Option<Duration> {
        match self.ending {
            Ending::Killed => None,
            Ending::Asked => {
                // ESRCH only says that the group is gone already.
                let _ = killpg(self.group, Signal::SIGTERM);
                Some(ASKED_LIMIT)
            }
            Ending::Head | Ending::Cleared => {
                self.leash.take();
                Some(CLEARED_LIMIT)
            }
        }
    }

    /// Kills what runs of it, and says how many that were.
    fn kill(&self) -> usize {
        // ESRCH only says that the group is gone already.
        let _ = killpg(self.group, Signal::SIGKILL);
        let living = living(self.group, self.helpers.as_deref());
        for id in &living {
            let _ = kill(*id, Signal::SIGKILL);
        }
        living.len()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if let Some(limit) = self.ask() {
            let deadline = Instant::now() + limit;
            while !living(self.group, None).is_empty() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.kill();
        // What runs next may remove the process's folder, so wait for it to be gone: it was killed, so that is soon.
        let _ = nix::sys::wait::waitpid(self.group, None);
        let deadline = Instant::now() + Duration::from_millis(500);
        while self.kill() > 0 && Instant::now() < deadline {
            std::thread::yield_now();
        }
    }
}

/// The processes of a group that run, and those of ours whose command line has the argument: a stranger may read a log that
/// lies in our folder. The dead that their new parent has not taken note of yet do not count.
fn living(group: Pid, helpers: Option<&OsStr>) -> Vec<Pid> {
    let helpers = helpers.map(OsStr::as_encoded_bytes);
    let names = |id: Pid, folder: &[u8]| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.windows(folder.len()).any(|it| it == folder) && estate::may_be_ours(id)
    };
    let living = Stat::all().into_iter().filter(|it| !it.dead);
    let ours = living.filter(|it| it.group == group || helpers.is_some_and(|helpers| names(it.id, helpers)));
    ours.map(|it| it.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Launch, Output};

    fn sleeper(folder: &Path) -> Result<Process> {
        // A grandchild in the same group, as browsers have them.
        Launch::new("/bin/sh", folder, Output::File(folder.join("log"))).args(["-c", "sleep 600 & sleep 600"]).start()
    }

    #[tokio::test]
    async fn closing_ends_the_helpers_too() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let process = sleeper(folder.path())?;
        let group = process.group();
        assert!(!living(Pid::from_raw(group), None).is_empty(), "the group runs");

        process.close().await?;

        assert_eq!(living(Pid::from_raw(group), None), [], "nothing of the group is left");
        Ok(())
    }

    #[tokio::test]
    async fn closing_ends_helpers_that_left_the_group() -> Result<()> {
        let folder = tempfile::tempdir()?;
        // `setsid` leaves the group; the folder is named by the command that goes on.
        let script = format!("setsid sh -c 'sleep 600; : {}' & wait", folder.path().display());
        let process = Launch::new("/bin/sh", folder.path(), Output::File(folder.path().join("log")))
            .args(["-c", &script])
            .env("PATH", "/usr/bin:/bin")
            .helpers_have(folder.path())
            .start()?;
        let stranger = Pid::from_raw(1 << 22);
        let runs = || {
            std::future::ready(if living(stranger, Some(folder.path().as_os_str())).len() > 1 {
                Ok(())
            } else {
                Err(String::new())
            })
        };
        wait_until("the helper", Duration::from_secs(5), Duration::from_millis(5), runs).await?;

        process.close().await?;

        assert_eq!(living(stranger, Some(folder.path().as_os_str())), [], "nothing that names the folder is left");
        Ok(())
    }

    #[tokio::test]
    async fn a_stranger_that_reads_our_log_is_left_alone() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let process = Launch::new("/bin/sleep", folder.path(), Output::File(log.clone()))
            .args(["600"])
            .helpers_have(folder.path())
            .start()?;
        let mut reader = std::process::Command::new("tail").arg("-f").arg(&log).spawn()?;

        process.close().await?;

        let ended = reader.try_wait()?;
        reader.kill()?;
        reader.wait()?;
        assert_eq!(ended, None);
        Ok(())
    }

    #[tokio::test]
    async fn what_a_program_has_started_may_put_its_things_away() -> Result<()> {
        let folder = tempfile::tempdir()?;
        // A reader that sees the end of its input, as Postgres's of `initdb`'s.
        let script = "mkfifo pipe; { cat pipe; echo put away >away; } & exec 4>pipe; echo ready >ready; exec sleep 600";
        let process = Launch::new("/bin/sh", folder.path(), Output::File(folder.path().join("log")))
            .args(["-c", script])
            .env("PATH", "/usr/bin:/bin")
            .ends_by(Ending::Head)
            .start()?;
        let ready = || {
            let there = folder.path().join("ready").exists();
            std::future::ready(if there { Ok(()) } else { Err("not there".to_owned()) })
        };
        wait_until("the reader", Duration::from_secs(5), Duration::from_millis(5), ready).await?;
        let group = process.group();

        process.close().await?;

        assert!(folder.path().join("away").exists());
        assert_eq!(living(Pid::from_raw(group), None), []);
        Ok(())
    }

    #[tokio::test]
    async fn losing_the_leash_ends_the_group() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut process = sleeper(folder.path())?;

        drop(process.leash.take());

        let status = tokio::time::timeout(Duration::from_secs(5), process.exited()).await??;
        assert!(!status.success(), "it was killed: {status}");
        Ok(())
    }

    #[tokio::test]
    async fn an_exit_code_comes_through() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut process =
            Launch::new("/bin/sh", folder.path(), Output::File(log.clone())).args(["-c", "echo no; exit 7"]).start()?;

        let status = process.exited().await?;

        assert_eq!(status.code(), Some(7));
        assert_eq!(std::fs::read_to_string(log)?, "no\n");
        Ok(())
    }

    #[tokio::test]
    async fn the_environment_is_empty() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut process = Launch::new("/usr/bin/env", folder.path(), Output::File(log.clone()))
            .env("KRATOS_REPRO_TEST", "1")
            .start()?;

        process.exited().await?;

        let seen = std::fs::read_to_string(log)?;
        assert!(seen.contains("KRATOS_REPRO_TEST=1"), "{seen}");
        assert!(!seen.contains("CARGO"), "nothing is inherited: {seen}");
        Ok(())
    }
}
