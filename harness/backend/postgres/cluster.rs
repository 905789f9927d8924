//! A Postgres of the run's own: a folder, a server that listens on a socket in it and nowhere else, and its end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::data;
use super::programs::{Account, Programs};
use super::{Postgres, SETTINGS, Template, template_name};
use crate::backend::cache::Cache;
use crate::backend::estate::SegmentNote;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::launch::{Ending, Launch, Output};
use crate::backend::missing::Missing;
use crate::backend::process::Process;
use crate::backend::progress::Progress;
use crate::backend::readiness::last_words;
use crate::wait::wait_until;

/// The number in the name of its socket. It is no port: nothing listens on TCP.
const NUMBER: u16 = 5432;

/// The longest path of its folder, in bytes: that of a socket has 107 (unix(7)), and this one is called `.s.PGSQL.5432`.
const LONGEST_FOLDER: usize = 107 - 14;

/// How long it may take until it is ready, or until it has ended. Idle it takes 0.1 s.
const LIMIT: Duration = Duration::from_secs(30);

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(5);

/// A server that answers. Dropping it ends it and removes its folder; so does the end of the harness, even by `kill -9`.
#[derive(Debug)]
#[must_use = "the server ends when this is dropped"]
pub struct Cluster {
    // The order matters: the server ends before what it may leave and its folder go.
    process: Process,
    segment: SegmentNote,
    folder: TempDir,
    version: String,
}

impl Cluster {
    /// Starts one that has the template of this Kratos. What both begin with is in the cache, made if it is not (2 s on
    /// an idle machine, once for each Kratos and Postgres).
    ///
    /// # Errors
    /// When it exits early (its log's own words are quoted) or is not ready in time; [`Missing`] if no folder can be
    /// made that its user may enter.
    pub async fn start(
        cache: &Cache,
        programs: &Programs,
        kratos: &KratosBinary,
        progress: &mut Progress,
    ) -> Result<(Self, Template)> {
        let data = data::prepared(cache, programs, kratos, progress).await?;
        let folder = own_folder(programs.account())?;
        data::copy(&data, &folder.path().join("data"), programs.account())?;
        let cluster = Self::run(programs, folder).await?;
        let template = cluster.postgres(programs).template(&template_name(kratos));
        Ok((cluster, template))
    }

    /// Makes a template for one more Kratos, by its migrations.
    ///
    /// # Errors
    /// When the migration fails; its last words are quoted.
    pub async fn migrate(&self, programs: &Programs, kratos: &KratosBinary) -> Result<Template> {
        self.postgres(programs).migrate(kratos.program.binary()?, &template_name(kratos)).await
    }

    /// Runs the server on the data that is in its folder.
    pub(super) async fn run(programs: &Programs, folder: TempDir) -> Result<Self> {
        let settings = SETTINGS.into_iter().flat_map(|setting| ["-c", setting]).map(OsStr::new);
        let place = [OsStr::new("-D"), OsStr::new("data"), OsStr::new("-k"), folder.path().as_os_str()];
        let (program, arguments) = programs.line("postgres", place.into_iter().chain(settings));
        let mut process = Launch::new(program, folder.path(), Output::File(folder.path().join("log")))
            .args(arguments)
            .ends_by(Ending::Cleared)
            .start()?;
        let data = folder.path().join("data");
        ready(&mut process, &data).await?;
        let segment = segment(&data).context("failed to note Postgres's shared memory")?;
        Ok(Self { process, segment, folder, version: programs.version().to_owned() })
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder that holds it all.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How it is reached.
    pub(super) fn postgres(&self, programs: &Programs) -> Postgres {
        Postgres::at(programs.psql(), self.folder.path().to_string_lossy(), NUMBER)
    }

    /// Ends it so that its data can be started from, and gives the folder of the data; both go with what is dropped.
    pub(super) async fn rest(&mut self) -> Result<PathBuf> {
        let data = self.folder.path().join("data");
        let server = server_of(&data)?;
        // "Fast Shutdown" (PostgreSQL 15, 19.5): connections are ended, and everything is written.
        kill(server, Signal::SIGINT).context("failed to ask Postgres to end")?;
        let status = tokio::time::timeout(LIMIT, self.process.exited())
            .await
            .map_err(|_| anyhow!("Postgres did not end within {} s", LIMIT.as_secs()))??;
        if !status.success() {
            bail!("Postgres ended with {status}\n  log: {}", last_words(self.process.log()));
        }
        Ok(data)
    }

    /// Ends it and waits until it and its folder are gone.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        let Self { process, segment, folder, .. } = self;
        let path = folder.keep();
        process.close().await?;
        // The processes that the server had made see its end by themselves.
        wait_until("the end of Postgres's shared memory", LIMIT, EVERY, || {
            std::future::ready(if segment.clear() {
                Ok(())
            } else {
                Err("`ipcrm` has not removed it, or somebody uses it".to_owned())
            })
        })
        .await?;
        match fs::remove_dir_all(&path) {
            // The leash has removed it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            outcome => outcome.with_context(|| format!("failed to remove `{}`", path.display())),
        }
    }
}

/// Waits until the server says that it takes connections.
async fn ready(process: &mut Process, data: &Path) -> Result<()> {
    let log = process.log().to_owned();
    // What `pg_ctl --wait` looks at: the eighth line of the lock file (`LOCK_FILE_LINE_PM_STATUS` of
    // `src/include/utils/pidfile.h`).
    let says = wait_until("Postgres to be ready", LIMIT, EVERY, || {
        std::future::ready(match line_of(data, 8) {
            Some(status) if status.trim() == "ready" => Ok(()),
            Some(status) => Err(format!("it is {}", status.trim())),
            None => Err("it says nothing yet".to_owned()),
        })
    });
    tokio::select! {
        said = says => said.map_err(|error| anyhow!("{error}\n  log: {}", last_words(&log))),
        exit = process.exited() => bail!("Postgres ended ({}) before it was ready\n  log: {}", exit?, last_words(&log)),
    }
}

/// Notes the server's segment of shared memory: the seventh line of the lock file has its key and id
/// (`LOCK_FILE_LINE_SHMEM_KEY` of `src/include/utils/pidfile.h`).
fn segment(data: &Path) -> Result<SegmentNote> {
    let line = line_of(data, 7);
    let id = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).context("its id is not told")?;
    SegmentNote::write(id, server_of(data)?, data)
}

/// The server's process.
fn server_of(data: &Path) -> Result<Pid> {
    let id = line_of(data, 1).and_then(|line| line.trim().parse().ok()).context("its process id is not told")?;
    Ok(Pid::from_raw(id))
}

/// A line of the server's lock file, counted from 1.
fn line_of(data: &Path, number: usize) -> Option<String> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().nth(number - 1).map(str::to_owned)
}

/// A folder for a cluster, which is its user's own.
pub(super) fn own_folder(account: Option<&Account>) -> Result<TempDir> {
    let place = tempfile::env::temp_dir();
    // The socket asks for no password, so nobody else may come near it; Postgres itself wants the same of its data.
    let mode = fs::Permissions::from_mode(0o700);
    let made = tempfile::Builder::new().prefix("kratos-repro-pg-").permissions(mode).tempdir_in(&place);
    let folder = made.map_err(|error| {
        Missing::new(format!("a folder for Postgres cannot be made: {error}"), "TMPDIR names another place")
    })?;
    if folder.path().as_os_str().len() > LONGEST_FOLDER {
        let what = format!("`{}` is too long a path for the socket of Postgres", folder.path().display());
        return Err(Missing::new(what, "TMPDIR names a place with a shorter path").into());
    }
    if let Some(account) = account {
        if let Some(closed) = closed_to_others(&place) {
            let what = format!(
                "`{}` is closed to the user `{}`, as whom Postgres runs where the harness is root",
                closed.display(),
                account.name
            );
            return Err(Missing::new(what, "TMPDIR names a place that everybody may enter").into());
        }
        chown(folder.path(), Some(account.uid.as_raw()), Some(account.gid.as_raw()))
            .with_context(|| format!("failed to give `{}` to `{}`", folder.path().display(), account.name))?;
    }
    Ok(folder)
}

/// The first folder on the way to this one that not everybody may enter.
fn closed_to_others(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let closed = |folder: &&Path| folder.metadata().is_ok_and(|it| it.permissions().mode() & 0o001 == 0);
    let mut way: Vec<&Path> = folder.ancestors().collect();
    way.reverse();
    way.into_iter().find(closed).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt as _;

    use super::*;

    #[test]
    fn a_folder_below_a_closed_one_is_closed_too() -> Result<()> {
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir()?;
        let closed = folder.path().join("closed");
        fs::DirBuilder::new().mode(0o700).create(&closed)?;
        fs::create_dir(closed.join("below"))?;

        assert_eq!(closed_to_others(folder.path()), None);
        assert_eq!(closed_to_others(&closed.join("below")), Some(closed.canonicalize()?));
        Ok(())
    }
}
