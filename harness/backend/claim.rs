//! The right to make an entry of the cache: a lock, a temporary folder beside the entry, and a rename.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Result;
use nix::unistd::Uid;
use tempfile::TempDir;

use super::cache::Cache;

/// Marks the temporary folder of an entry: `<entry>.tmp-<six letters or digits>`.
pub(super) const UNFINISHED: &str = ".tmp-";

/// What a lock of ours says. The cache may be a folder in which others keep their own.
const MARK: &str = "kratos-repro\n";

/// An entry as [`Cache::claim`] finds it.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It has been made: this is its folder.
    Ready(PathBuf),
    /// It is the caller's to make.
    Unfinished(Unfinished),
}

/// The right to make an entry. Dropping it gives the right back and leaves nothing.
#[derive(Debug)]
#[must_use]
pub(crate) struct Unfinished {
    // The order matters: the folder goes before the lock that guards it.
    folder: TempDir,
    lock: File,
    entry: PathBuf,
    cache: Cache,
}

impl Unfinished {
    /// Makes the temporary folder of the entry `name`, which `lock` guards.
    pub(super) fn begin(cache: &Cache, name: &str, lock: File) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{name}{UNFINISHED}"))
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(cache.root())
            .map_err(|error| cache.explain(error))?;
        Ok(Self { folder, lock, entry: cache.root().join(name), cache: cache.clone() })
    }

    /// Where the entry is being made.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the entry in place, and returns its folder.
    pub(crate) fn finish(self) -> Result<PathBuf> {
        let Self { folder, lock, entry, cache } = self;
        let place = || -> io::Result<()> {
            // Without this a machine that loses power could keep the name and lose the content.
            for file in fs::read_dir(folder.path())? {
                File::open(file?.path())?.sync_all()?;
            }
            fs::rename(folder.path(), &entry)
        };
        place().map_err(|error| cache.explain(error))?;
        // Nothing is left to remove, which would be an error of the temporary folder's own.
        drop(folder.keep());
        drop(lock);
        Ok(entry)
    }
}

impl Cache {
    /// Removes the temporary folders whose makers are gone; the caller holds the lock of `held`.
    pub(super) fn sweep(&self, held: Option<&str>) -> Result<()> {
        for name in self.names()? {
            let Some(entry) = self.entry_of(&name) else {
                continue;
            };
            let is_held = held == Some(entry);
            let lock = if is_held { None } else { self.free_lock(entry) };
            if is_held || lock.is_some() {
                match fs::remove_dir_all(self.root().join(&name)) {
                    // Its maker has finished in the meantime.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    outcome => outcome.map_err(|error| self.explain(error))?,
                }
            }
        }
        Ok(())
    }

    /// Where the lock of the entry `name` is.
    pub(super) fn lock_path(&self, name: &str) -> PathBuf {
        self.root().join(format!("{name}.lock"))
    }

    /// The entry that is made in the folder `name`, if it can be one of this user's.
    fn entry_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (entry, chance) = name.rsplit_once(UNFINISHED)?;
        let is_chance = chance.len() == 6 && chance.chars().all(|it| it.is_ascii_alphanumeric());
        let folder = self.root().join(name).symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
        (is_chance && folder.uid() == Uid::effective().as_raw()).then_some(entry)
    }

    /// Takes the lock of an entry, if there is one of ours and its maker is gone.
    fn free_lock(&self, entry: &str) -> Option<File> {
        let mut file = lock_file().open(self.lock_path(entry)).ok()?;
        file.try_lock().ok()?;
        let mut said = Vec::new();
        (&mut file).take(MARK.len() as u64 + 1).read_to_end(&mut said).ok()?;
        (said == MARK.as_bytes()).then_some(file)
    }
}

/// How a lock is opened: what is in it stays.
pub(super) fn lock_file() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).truncate(false);
    options
}

/// Says in a lock that was taken that it is ours.
pub(super) fn mark(mut lock: &File) -> io::Result<()> {
    if lock.metadata()?.len() == 0 { lock.write_all(MARK.as_bytes()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::backend::cache::tests::{claim_unfinished, content};

    #[tokio::test]
    async fn what_killed_makers_left_is_swept_and_what_living_makers_write_is_not() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;
        for killed in ["thing", "another"] {
            drop(claim_unfinished(&cache, killed).await?);
            let left = folder.path().join(format!("{killed}.tmp-killed"));
            fs::create_dir(&left)?;
            fs::write(left.join("file"), "half")?;
        }
        let living = claim_unfinished(&cache, "third").await?;
        assert_eq!(content(&cache)?.len(), 1, "the first claim sweeps both");
        fs::create_dir(folder.path().join("thing.tmp-killed"))?;

        claim_unfinished(&cache, "thing").await?.finish()?;

        living.finish()?;
        assert_eq!(content(&cache)?, ["thing", "third"]);
        Ok(())
    }

    #[tokio::test]
    async fn what_a_killed_maker_left_is_swept_where_all_is_there() -> Result<()> {
        let folder = tempfile::tempdir()?;
        claim_unfinished(&Cache::at(folder.path())?, "thing").await?.finish()?;
        fs::create_dir(folder.path().join("thing.tmp-killed"))?;

        let cache = Cache::at(folder.path())?;

        assert_eq!(content(&cache)?, ["thing"]);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_somebody_elses_stays_as_it_is() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;
        let strangers = ["notes.tmp-1", "notes.tmp-abcdef", "x.tmp-abcdef", "thing.tmp-1"];
        for stranger in strangers {
            fs::create_dir(folder.path().join(stranger))?;
        }
        fs::write(folder.path().join("x.tmp-y"), "a file")?;
        fs::write(folder.path().join("x.lock"), "42")?;
        fs::write(folder.path().join("thing.lock"), "a note")?;

        claim_unfinished(&cache, "thing").await?.finish()?;

        for stranger in strangers {
            assert!(folder.path().join(stranger).is_dir(), "`{stranger}` is gone");
        }
        for (file, text) in [("x.tmp-y", "a file"), ("x.lock", "42"), ("thing.lock", "a note")] {
            assert_eq!(fs::read_to_string(folder.path().join(file))?, text);
        }
        assert!(!folder.path().join("notes.lock").exists(), "a lock was made in a stranger's name");
        Ok(())
    }
}
