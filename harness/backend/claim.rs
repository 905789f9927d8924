//! The right to make an entry of the cache: a lock, a temporary folder beside the entry, and a rename.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Result;
use tempfile::TempDir;

use super::cache::Cache;

/// Marks the temporary folder of an entry: `<entry>.tmp-<random>`.
pub(super) const UNFINISHED: &str = ".tmp-";

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
