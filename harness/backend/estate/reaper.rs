//! The reaper: this program once more, in a session of its own, which waits for the end of the harness and then removes what
//! is left of it. The harness holds the only other end of its standard input, so however the harness ends, the reaper sees
//! it; and no signal to the harness's group or terminal reaches it. It is this program and no shell, because an estate is
//! told from a stranger's things by more than a shell reads, and because the engine has to be asked for containers.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::unistd::setsid;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::owner::{MARK, Owner};
use super::sweep::sweep_ended;
use crate::backend::cache;
#[cfg(feature = "docker")]
use crate::backend::docker::Engine;
#[cfg(feature = "docker")]
use crate::wait::wait_until;

/// What the reaper says when nothing can keep it from its work any more.
const READY: &str = "ready";

/// What the harness says when there is nothing to remove.
const CLEAN: &str = "clean";

/// What the harness says before it makes anything in a container engine.
const ENGINE: &str = "engine";

/// How long an engine that is away may take to be back: somebody starts it again, or nobody does.
#[cfg(feature = "docker")]
const ENGINE_LIMIT: Duration = Duration::from_secs(120);

#[cfg(feature = "docker")]
const ENGINE_EVERY: Duration = Duration::from_millis(250);

/// How long the reaper may take until it is ready; it takes 20 ms.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// How long its work may take: processes have 11 s to end, a folder 5 s to be removed, an engine its own time.
const WORK_LIMIT: Duration = Duration::from_secs(60);

/// The harness's hold on its reaper. Dropping it lets the reaper do its work, and waits for that.
#[derive(Debug)]
pub(super) struct Reaper {
    child: Child,
    leash: Option<ChildStdin>,
}

impl Reaper {
    /// Starts one for this owner and its folders in this place.
    pub(super) async fn start(owner: &Owner, place: &Path) -> Result<Self> {
        // By this name it is the same program even where the file has been replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("kratos-repro");
        command.args(["reap", &owner.to_string()]).arg(std::path::absolute(place).context("there is no folder here")?);
        command.env_remove(MARK).current_dir("/");
        // It may be named by a path from here.
        command.envs(cache::place().map(|cache| (cache::VARIABLE, cache)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("failed to start the reaper")?;
        let leash = child.stdin.take();
        let stdout = child.stdout.take().context("the reaper's output is not piped")?;
        let reaper = Self { child, leash };
        let mut said = String::new();
        let mut stdout = BufReader::new(stdout);
        let line = tokio::time::timeout(READY_LIMIT, stdout.read_line(&mut said)).await;
        line.context("the reaper is not ready in time")?.context("failed to hear the reaper")?;
        if said.trim() != READY {
            bail!("the reaper did not start: it said `{}`", said.trim());
        }
        Ok(reaper)
    }

    /// Has it look into the container engine too, when the time comes.
    pub(super) fn note_engine(&self) -> Result<()> {
        let leash = self.leash.as_ref().context("the reaper has been dismissed")?;
        // So few bytes are written at once (pipe(7)).
        nix::unistd::write(leash, format!("{ENGINE}\n").as_bytes()).context("the reaper does not listen")?;
        Ok(())
    }

    /// Lets it do its work, and does not wait for that.
    pub(super) fn release(&mut self) {
        self.leash.take();
    }

    /// Tells it that there is nothing to remove, and waits for its end.
    pub(super) async fn dismiss(&mut self) -> Result<()> {
        if let Some(leash) = &mut self.leash {
            // One that was killed hears nothing, and there was nothing for it to do.
            let _ = leash.write_all(CLEAN.as_bytes()).await;
        }
        self.work().await
    }

    /// Lets it do its work, and waits for its end.
    pub(super) async fn work(&mut self) -> Result<()> {
        self.leash.take();
        let ended = tokio::time::timeout(WORK_LIMIT, self.child.wait()).await;
        let status = ended.context("the reaper does not end")?.context("failed to wait for the reaper")?;
        // One that was killed has nothing to do where it is told so.
        if status.code().is_some_and(|code| code != 0) {
            bail!("something stays (hint: the next start names it)");
        }
        Ok(())
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        if self.leash.take().is_none() {
            return;
        }
        let deadline = Instant::now() + WORK_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Waits for the end of this owner, and then removes what is left of it, with its folders in this place. The caller sees to
/// it that no signal ends it.
///
/// # Errors
/// When something stays.
pub async fn reap(owner: &Owner, place: &Path) -> Result<()> {
    setsid().context("failed to begin a session")?;
    writeln!(std::io::stdout(), "{READY}").context("nobody waits for this reaper")?;
    let told = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin()));
    let told = told.await.context("waiting broke")?.context("failed to wait for the end of the harness")?;
    let has_told = |word: &str| told.lines().any(|line| line == word);
    if has_told(CLEAN) {
        return Ok(());
    }
    let swept = sweep_ended(place, owner).await;
    let cleared = cache::sweep();
    #[cfg(feature = "docker")]
    if has_told(ENGINE) {
        let back = wait_until("the engine to answer", ENGINE_LIMIT, ENGINE_EVERY, || async {
            Engine::find().await.map_err(|missing| missing.to_string())
        });
        back.await?.sweep_ended(owner).await?;
    }
    swept?;
    cleared
}
