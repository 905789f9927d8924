//! Programs that are asked something and end by themselves: each leads a process group of its own,
//! which is killed as a whole when the program is done, runs out of time, or is no longer wanted.

use std::{
    env, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, ChildStderr, Command},
};

use super::estate::{self, MARK, Owner};

/// How much of each output stream is kept, in bytes; a program that writes more is stuck, and runs out of time.
const OUTPUT_LIMIT: u64 = 4 * 1024 * 1024;

/// A running program and the process group that it leads. Dropping it kills the group.
#[derive(Debug)]
#[must_use]
pub(super) struct Group {
    child: Child,
    leader: Pid,
}

/// What a program left behind.
#[derive(Debug)]
pub(super) struct Answer {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// What it wrote to its standard output.
    pub(super) stdout: String,
    /// What it wrote to its standard error.
    pub(super) stderr: String,
}

impl Group {
    /// Starts `command` as the leader of a process group, without any input, with the mark of its owner. Its temporary files
    /// are in the owner's estate, so that they go with it: compilers and package managers leave theirs when they are killed.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        command.env(MARK, Owner::this()?.to_string());
        if let Some(folder) = estate::scratch() {
            // Go has a variable of its own, which a user may have set.
            command.env("TMPDIR", &folder).env("GOTMPDIR", folder);
        }
        let child = command.stdin(Stdio::null()).process_group(0).kill_on_drop(true).spawn()?;
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the program has no process id"))?;
        Ok(Self { child, leader })
    }

    /// Hands out the program's standard error, if it was piped and not taken before.
    pub(super) fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for the leader to end, then kills what it left running in its group.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.kill();
        status
    }

    /// Kills the group. That it is gone already is the ordinary case, so the outcome says nothing.
    fn kill(&self) {
        killpg(self.leader, Signal::SIGKILL).ok();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `command` to its end and returns what it wrote.
///
/// A program that takes longer than `limit` is killed with its group: [`io::ErrorKind::TimedOut`].
pub(super) async fn answer(command: &mut Command, limit: Duration) -> io::Result<Answer> {
    let mut group = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let end = async {
        // The pipes are read while the program runs, or it could block on a full one; they end when
        // the whole group is gone, which `wait` sees to.
        let (status, stdout, stderr) = tokio::join!(group.wait(), read(stdout), read(stderr));
        Ok(Answer { status: status?, stdout: stdout?, stderr: stderr? })
    };
    match tokio::time::timeout(limit, end).await {
        Ok(answer) => answer,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end after {} ms", limit.as_millis()))),
    }
}

/// Reads a stream to its end, or to [`OUTPUT_LIMIT`].
async fn read(stream: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(stream) = stream else {
        return Ok(String::new());
    };
    let mut stream = stream.take(OUTPUT_LIMIT);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Finds the program `name` in the folders of `PATH`; a name with a slash is taken as it is.
pub(super) fn find_program(name: impl AsRef<Path>) -> Option<PathBuf> {
    let name = name.as_ref();
    if name.components().count() > 1 {
        return is_executable(name).then(|| name.to_owned());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| is_executable(path))
}

/// Whether `path` is a file that somebody may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The last `count` lines of `text`.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use nix::unistd::Pid;
    use tokio::process::Command;

    use super::answer;
    use crate::backend::stat::Stat;
    use crate::wait::wait_until;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// Waits until the process is gone or only waits to be reaped by whoever adopted it.
    async fn wait_until_gone(process: Pid) -> anyhow::Result<()> {
        let what = format!("the end of process {process}");
        wait_until(&what, Duration::from_secs(5), Duration::from_millis(5), || {
            std::future::ready(match Stat::of(process) {
                Some(stat) if !stat.dead => Err(format!("{stat:?}")),
                _ => Ok(()),
            })
        })
        .await
    }

    #[tokio::test]
    async fn a_program_that_leaves_a_child_behind_does_not_keep_its_caller_waiting() -> anyhow::Result<()> {
        let answer = answer(&mut shell("sleep 600 & echo $!"), Duration::from_secs(20)).await?;

        assert!(answer.status.success());
        wait_until_gone(Pid::from_raw(answer.stdout.trim().parse()?)).await
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_with_its_children() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let note = folder.path().join("child");
        let script = format!("sleep 600 & echo $! > '{}'; wait", note.display());

        let error = answer(&mut shell(&script), Duration::from_secs(1)).await.err().map(|error| error.kind());

        assert_eq!(error, Some(io::ErrorKind::TimedOut));
        let child = std::fs::read_to_string(note)?.trim().parse()?;
        wait_until_gone(Pid::from_raw(child)).await
    }
}
