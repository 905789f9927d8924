//! The user's cache folder: servers that were built and databases that were migrated, each made once.
//!
//! An entry is a folder that appears whole or not at all. It is made in a temporary folder beside it,
//! under a lock of its own, and renamed into place; what an interrupted run left is swept by the next.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::{
    claim::{Claim, UNFINISHED, Unfinished, lock_file, mark},
    missing::Missing,
    progress::Progress,
};

/// The variable that names the cache folder.
pub const VARIABLE: &str = "KRATOS_REPRO_CACHE";

/// How long a run waits for another that makes the same entry. A cold build of Kratos takes 5 minutes on two cores.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the folder that `KRATOS_REPRO_CACHE` names, else `kratos-repro` in `XDG_CACHE_HOME`, else in `~/.cache`.
    ///
    /// # Errors
    ///
    /// [`Missing`] if the folder is not there and cannot be made. That it can be written is
    /// looked at when something is to be written: a cache that is complete may be read-only.
    pub fn open() -> Result<Self> {
        Self::at(locate(|name| env::var_os(name), env::home_dir())?)
    }

    /// Opens `folder` as a cache folder; makes it if it is not there, and removes what makers have left in it that are gone.
    ///
    /// # Errors
    ///
    /// [`Missing`] as for [`Cache::open`].
    pub fn at(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let root =
            std::path::absolute(folder).with_context(|| format!("cannot make `{}` absolute", folder.display()))?;
        let cache = Self { root };
        fs::create_dir_all(&cache.root).map_err(|error| cache.explain(error))?;
        // What stays is in nobody's way: the cache may be read-only.
        let _ = cache.sweep(None);
        Ok(cache)
    }

    /// The cache folder, as an absolute path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the entry `name`, if it has been made.
    pub(super) fn entry(&self, name: &str) -> Option<PathBuf> {
        let entry = self.root.join(name);
        entry.is_dir().then_some(entry)
    }

    /// The names of all entries that begin with `prefix`, in order.
    pub(super) fn entries(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| name.starts_with(prefix) && !name.contains(UNFINISHED) && self.root.join(name).is_dir());
        names.sort();
        Ok(names)
    }

    /// Finds the entry `name`, or claims the right to make it; waits while another process does so.
    pub(crate) async fn claim(&self, name: &str, progress: &mut Progress) -> Result<Claim> {
        if let Some(entry) = self.entry(name) {
            return Ok(Claim::Ready(entry));
        }
        let lock = self.lock(name, progress).await?;
        // Another process may have made it while this one waited.
        if let Some(entry) = self.entry(name) {
            return Ok(Claim::Ready(entry));
        }
        self.sweep(Some(name))?;
        Unfinished::begin(self, name, lock).map(Claim::Unfinished)
    }

    /// Turns an error of reading or writing here into one that names the folder; [`Missing`] if the user has to act.
    pub(crate) fn explain(&self, error: io::Error) -> anyhow::Error {
        use io::ErrorKind::{
            AlreadyExists, NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        let folder = self.root.display();
        match error.kind() {
            StorageFull | QuotaExceeded => anyhow::Error::new(error).context(self.full_disk()),
            AlreadyExists | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem => {
                anyhow::Error::new(error).context(Missing::new(
                    format!("the cache folder `{folder}` cannot be written"),
                    format!("set {VARIABLE} to a folder that can"),
                ))
            }
            _ => anyhow::Error::new(error).context(format!("cannot use the cache folder `{folder}`")),
        }
    }

    /// The error of a disk without space for this cache.
    pub(super) fn full_disk(&self) -> Missing {
        Missing::new(
            format!("the disk of the cache folder `{}` is full", self.root.display()),
            format!("free 100 MB there, or set {VARIABLE} to a folder on another disk"),
        )
    }

    /// Takes the lock of `name`, and says so if that means to wait.
    ///
    /// The lock is asked for again and again rather than waited for: a thread that blocks in the
    /// kernel could not be given up when the user interrupts the run.
    async fn lock(&self, name: &str, progress: &mut Progress) -> Result<File> {
        let path = self.lock_path(name);
        let file = lock_file().create(true).open(&path).map_err(|error| self.explain(error))?;
        let deadline = Instant::now() + PATIENCE;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    mark(&file).map_err(|error| self.explain(error))?;
                    return Ok(file);
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock `{}`", path.display()));
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    if !told {
                        progress.say(format_args!("waiting for another setup that makes `{name}`"));
                        told = true;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    anyhow::bail!(
                        "another process still makes `{name}` after {} min (hint: it holds `{}`)",
                        PATIENCE.as_secs() / 60,
                        path.display()
                    );
                }
            }
        }
    }

    /// The names of all that is there.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(|error| self.explain(error))? {
            let entry = entry.map_err(|error| self.explain(error))?;
            names.extend(entry.file_name().into_string());
        }
        Ok(names)
    }
}

/// The folder of the entry `name`, if it has been made; nothing is written, and no cache folder is made.
pub fn entry_at(name: &str) -> Option<PathBuf> {
    Some(place()?.join(name)).filter(|entry| entry.is_dir())
}

/// Where the cache folder is, or would be.
pub(super) fn place() -> Option<PathBuf> {
    let root = locate(|name| env::var_os(name), env::home_dir()).ok()?;
    std::path::absolute(root).ok()
}

/// Removes what makers have left in the cache folder that are gone, if there is one.
pub(super) fn sweep() -> Result<()> {
    place().filter(|root| root.is_dir()).map_or(Ok(()), |root| Cache { root }.sweep(None))
}

/// Where the cache folder is, by the variables of the environment and the user's home folder.
///
/// A relative `XDG_CACHE_HOME` is ignored (XDG Base Directory Specification 0.8, "Basics").
fn locate(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<PathBuf, Missing> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(VARIABLE) {
        return Ok(folder);
    }
    set("XDG_CACHE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(home?.join(".cache")))
        .map(|folder| folder.join("kratos-repro"))
        .ok_or_else(|| {
            Missing::new(
                "there is no home folder to keep a cache in",
                format!("set {VARIABLE} to a folder that can be written"),
            )
        })
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        ffi::OsString,
        io,
        path::{Path, PathBuf},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use anyhow::{Result, bail};

    use super::{Cache, locate};
    use crate::backend::{
        claim::{Claim, Unfinished},
        missing::Missing,
        progress::Progress,
    };

    async fn claim(cache: &Cache, name: &str) -> Result<Claim> {
        cache.claim(name, &mut Progress::silent()).await
    }

    pub(in crate::backend) async fn claim_unfinished(cache: &Cache, name: &str) -> Result<Unfinished> {
        match claim(cache, name).await? {
            Claim::Unfinished(unfinished) => Ok(unfinished),
            Claim::Ready(entry) => bail!("`{}` has been made already", entry.display()),
        }
    }

    /// What is in the cache beside the locks, in the order of the names.
    pub(in crate::backend) fn content(cache: &Cache) -> Result<Vec<String>> {
        let mut names = cache.names()?;
        names.retain(|name| !name.ends_with(".lock"));
        names.sort();
        Ok(names)
    }

    #[tokio::test]
    async fn of_two_makers_at_once_one_does_the_work_and_both_get_the_entry() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;
        let made = AtomicUsize::new(0);
        let make = async || -> Result<PathBuf> {
            match claim(&cache, "thing").await? {
                Claim::Ready(entry) => Ok(entry),
                Claim::Unfinished(unfinished) => {
                    made.fetch_add(1, Ordering::SeqCst);
                    std::fs::write(unfinished.folder().join("file"), "whole")?;
                    // The other maker gets its turn while this one has not finished.
                    tokio::task::yield_now().await;
                    unfinished.finish()
                }
            }
        };

        let (one, other) = tokio::join!(make(), make());

        assert_eq!(one?, other?);
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert_eq!(std::fs::read_to_string(folder.path().join("thing/file"))?, "whole");
        assert_eq!(content(&cache)?, ["thing"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_maker_that_gives_up_leaves_nothing_and_the_next_one_can_make_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;

        let given_up = claim_unfinished(&cache, "thing").await?;
        std::fs::write(given_up.folder().join("file"), "half")?;
        drop(given_up);

        assert_eq!(content(&cache)?, Vec::<String>::new());
        claim_unfinished(&cache, "thing").await?.finish()?;
        assert_eq!(content(&cache)?, ["thing"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_cache_that_is_complete_is_used_without_writing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;
        std::fs::create_dir(folder.path().join("thing"))?;

        let claimed = claim(&cache, "thing").await?;

        assert!(matches!(claimed, Claim::Ready(_)));
        assert_eq!(cache.names()?, ["thing"], "not even a lock is made");
        Ok(())
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_missing_and_named() -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        for folder in [Path::new("/proc/nope"), file.path(), &file.path().join("below")] {
            let Err(error) = Cache::at(folder) else {
                bail!("`{}` was made", folder.display());
            };
            let missing = error.downcast_ref::<Missing>().map(ToString::to_string);
            assert!(missing.is_some_and(|text| text.contains(&folder.display().to_string())), "{error:#}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_missing_and_named() -> Result<()> {
        // Nobody may make a file in /proc, not even root, whom permission bits do not stop.
        let cache = Cache::at("/proc/self")?;

        let Err(error) = claim(&cache, "thing").await else {
            bail!("an entry was claimed in /proc/self");
        };

        let missing = error.downcast_ref::<Missing>().map(ToString::to_string);
        assert!(missing.is_some_and(|text| text.contains("`/proc/self`")), "{error:#}");
        Ok(())
    }

    #[test]
    fn a_full_disk_is_missing_and_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;

        // The error number is the one of the system, ENOSPC, as a full disk gives it.
        let error = cache.explain(io::Error::from(nix::errno::Errno::ENOSPC));

        assert_eq!(error.downcast_ref::<Missing>(), Some(&cache.full_disk()));
        Ok(())
    }

    #[test]
    fn the_folder_is_found_by_the_environment() {
        let with = |set: &'static [(&str, &str)], home: Option<&str>| {
            let variable = |name: &str| {
                let (_, value) = set.iter().find(|(variable, _)| *variable == name)?;
                Some(OsString::from(value))
            };
            locate(variable, home.map(PathBuf::from)).ok()
        };
        let at = |path: &str| Some(PathBuf::from(path));

        let named = &[("KRATOS_REPRO_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg")];
        assert_eq!(with(named, Some("/home/ada")), at("/own"));
        let xdg = &[("KRATOS_REPRO_CACHE", ""), ("XDG_CACHE_HOME", "/xdg")];
        assert_eq!(with(xdg, Some("/home/ada")), at("/xdg/kratos-repro"));
        let relative = &[("XDG_CACHE_HOME", "xdg")];
        assert_eq!(with(relative, Some("/home/ada")), at("/home/ada/.cache/kratos-repro"));
        assert_eq!(with(&[], None), None);
    }
}
