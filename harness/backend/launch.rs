//! How a child process is started: on a leash, so that it ends with the harness, however the harness ends.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use nix::unistd::Pid;
use tokio::process::Command;

use super::estate::{MARK, Owner};
use super::process::Process;

/// Runs the program and kills the whole process group when its own standard input ends, which is the leash:
/// the harness holds the other end, so the end of the harness is the end of the group (also by `kill -9`).
/// A death signal of the parent would not do: browsers do not hand it on to their helpers.
const LEASH: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&- >/dev/null
wait "$child""#;

/// The same, but the program is asked to end first and has a second for it. What waits for the leash does not go by the
/// program's number, which is somebody else's once the program has ended: the group's is taken as long as anybody is in it,
/// and the shell at its head (`$$`) ends when the program has.
const LONG_LEASH: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{
    read -r _ <&3
    trap '' TERM
    kill -TERM 0
    tries=0
    while [ "$tries" -lt 50 ] && read -r _ _ state _ <"/proc/$$/stat" && [ "$state" != Z ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    kill -KILL 0
} >/dev/null 2>&1 &
trap '' TERM
exec 3<&- >/dev/null
wait "$child""#;

/// The same, with five seconds: the program is told to stop at once, the processes that it has made besides end with it,
/// and then the folder that it ran in is removed. `QUIT` is how Postgres stops without putting its data away.
const CLEARING_LEASH: &str = r#"exec 3<&0
folder=$PWD
"$@" </dev/null 3<&- &
child=$!
{
    read -r _ <&3
    trap '' QUIT
    kill -QUIT 0
    tries=0
    while [ "$tries" -lt 250 ] && read -r _ _ state _ <"/proc/$$/stat" && [ "$state" != Z ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    rm -rf -- "$folder"
    kill -KILL 0
} >/dev/null 2>&1 &
trap '' QUIT
exec 3<&- >/dev/null
wait "$child""#;

/// The same, but the program alone is killed, and what it has started, which sees that, has five seconds to put away what it
/// has outside of its memory. The program's number is its own as long as the shell at the head waits for it.
const HEADS_LEASH: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{
    read -r _ <&3
    read -r me _ </proc/self/stat
    read -r _ _ state _ <"/proc/$$/stat" && [ "$state" != Z ] && kill -KILL "$child"
    tries=0
    busy=yes
    while [ "$tries" -lt 250 ] && [ "$busy" ]; do
        busy=
        for file in /proc/[0-9]*/stat; do
            { read -r id _ state _ group _ <"$file"; } && [ "$group" = "$$" ] && [ "$state" != Z ] \
                && [ "$id" != "$$" ] && [ "$id" != "$me" ] && busy=yes
        done
        sleep 0.02
        tries=$((tries + 1))
    done
    kill -KILL 0
} >/dev/null 2>&1 &
exec 3<&- >/dev/null
wait "$child""#;

/// Where a program's standard output goes.
#[derive(Debug, Clone)]
pub enum Output {
    /// Both streams are appended to this file.
    File(PathBuf),
    /// Standard output can be read by the harness; standard error is appended to this file.
    Piped(PathBuf),
}

/// How a program is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// At once, with its whole group.
    Killed,
    /// By a request, because it has something to put away outside its folder; killed if it takes more than a second.
    Asked,
    /// By its leash, which kills it alone, and its whole group if what it has started takes more than five seconds to see
    /// that: for a program whose own processes have something to put away.
    Head,
    /// By its leash, which tells it to quit, kills it if it takes more than five seconds, and removes its folder: for a
    /// program whose own processes leave its group, and whose folder is of no use without it.
    Cleared,
}

/// What is to be started, and how. Its environment is empty but for what is set here, and for the mark of its owner.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: PathBuf,
    helpers: Option<OsString>,
    ending: Ending,
    output: Output,
}

impl Launch {
    /// A program, given by its whole path, to be run in a folder.
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>, output: Output) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: folder.into(),
            helpers: None,
            ending: Ending::Killed,
            output,
        }
    }

    /// Adds arguments.
    pub fn args<I: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = I>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|it| it.as_ref().to_owned()));
        self
    }

    /// Helpers that leave the process group are known by this text in their command line, and end with it. It must be
    /// an argument that holds a temporary folder of the program's own, so that no stranger has it.
    pub fn helpers_have(mut self, argument: impl Into<OsString>) -> Self {
        self.helpers = Some(argument.into());
        self
    }

    /// Says how it is ended; it is killed where nothing is said.
    pub fn ends_by(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Sets one variable of the otherwise empty environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the log cannot be opened or the process cannot be made.
    pub fn start(self) -> Result<Process> {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy().into_owned();
        let (log, stdout) = match &self.output {
            Output::File(path) => (path, Stdio::from(open_log(path)?)),
            Output::Piped(path) => (path, Stdio::piped()),
        };
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", leash(self.ending), "leash"])
            .arg(&self.program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment)
            .env(MARK, Owner::this().context("failed to find out which process this is")?.to_string())
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(open_log(log)?)
            .process_group(0)
            .kill_on_drop(true);
        let log = log.clone();
        let mut child = command.spawn().with_context(|| format!("failed to start `{}`", self.program.display()))?;
        let id = child.id().context("the process ended before it had an id")?;
        let group = Pid::from_raw(i32::try_from(id).context("the process id is out of range")?);
        let leash = child.stdin.take();
        Ok(Process { name, group, helpers: self.helpers, ending: self.ending, log, child, leash, closed: false })
    }
}

fn leash(ending: Ending) -> &'static str {
    match ending {
        Ending::Killed => LEASH,
        Ending::Asked => LONG_LEASH,
        Ending::Head => HEADS_LEASH,
        Ending::Cleared => CLEARING_LEASH,
    }
}

fn open_log(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("failed to open the log `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use anyhow::ensure;
    use rstest::rstest;

    use super::*;

    /// Processes of a world of their own, in which the next number can be chosen.
    const APART: [&str; 6] = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];

    /// A program on a leash (`$1`) ends, a stranger gets its number, and then the leash is let go of. What is at the leash
    /// after that is told by the group, which ends with it.
    const STRANGER: &str = r#"mkdir place && mkfifo hold || exit 9
cd place
setsid /bin/sh -c "$1" leash /bin/sh -c 'echo $$ >../number' <../hold &
leash=$!
exec 4>../hold
wait "$leash" || exit 9
read -r number <../number
echo $((number - 1)) >/proc/sys/kernel/ns_last_pid || exit 9
# What a shell starts beside itself does not hear QUIT otherwise.
env --default-signal sleep 600 4>&- &
[ "$!" = "$number" ] || exit 9
exec 4>&-
while kill -0 "-$leash" 2>/dev/null; do sleep 0.01; done
kill -0 "$number" && read -r _ _ state _ <"/proc/$number/stat" && [ "$state" != Z ]"#;

    #[rstest]
    #[case::asked(Ending::Asked)]
    #[case::head(Ending::Head)]
    #[case::cleared(Ending::Cleared)]
    fn whoever_has_the_number_of_a_program_that_has_ended_is_left_alone(#[case] ending: Ending) -> Result<()> {
        let apart = |script: &[&str], folder: &Path| {
            std::process::Command::new("unshare").args(APART).args(script).current_dir(folder).output()
        };
        let folder = tempfile::tempdir()?;
        if !apart(&["true"], folder.path()).is_ok_and(|tried| tried.status.success()) {
            writeln!(std::io::stderr(), "not run: no namespace of users and processes can be had here")?;
            return Ok(());
        }

        let ended = apart(&["sh", "-c", STRANGER, "sh", leash(ending)], folder.path())?;

        ensure!(ended.status.success(), "{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr));
        Ok(())
    }
}
