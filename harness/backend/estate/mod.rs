//! What one run of the harness has in the machine: one folder below `TMPDIR`, and processes that have its mark. All of it
//! goes at the run's end, however the run ends.
//!
//! Three nets hang below each other. What is started ends with the harness by its own leash (see
//! [`Launch`](super::Launch)). A reaper, which nothing that ends the harness reaches, removes the rest as soon as the harness
//! is gone. The next start sweeps what is left where the reaper was ended too, as by a power cut.
//!
//! What is ours is known by its owner's mark alone, never by a name: somebody else's Kratos, browser or folder is not ours.

mod census;
mod displays;
mod marked;
mod owner;
mod reaper;
mod segments;
mod sweep;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use self::reaper::Reaper;
use super::Missing;
use crate::wait::wait_until;

pub use displays::DisplayNote;
pub(in crate::backend) use marked::may_be_ours;
pub(in crate::backend) use owner::MARK;
pub use owner::{NoOwner, Owner};
pub use reaper::reap;
pub(in crate::backend) use segments::SegmentNote;
pub use sweep::{Swept, sweep};

/// The file in an estate that says whose it is.
const OWNER_FILE: &str = "owner";

/// The folder in an estate for the temporary files of programs that build something or are asked something. What is in it
/// when they are killed is no sign that we have left something.
const SCRATCH: &str = "scratch";

/// How estates are called: this and six letters, for paths of sockets are short.
const PREFIX: &str = "kratos-repro-";

/// How an estate is called while it is made or removed: this and its owner, so that at no moment it is nobody's.
const UNFINISHED: &str = ".kratos-repro-";

/// How long what was ended may take to be gone: the kernel closes the sockets of a process that was killed after it has
/// ended, and tasks of our own end when they are next looked at.
const GONE_LIMIT: Duration = Duration::from_secs(2);

/// What this process has in the machine. Dropping it without [`Estate::close`] leaves its removal to the reaper.
#[derive(Debug)]
#[must_use = "what a run has is removed when this is dropped"]
pub struct Estate {
    owner: Owner,
    folder: PathBuf,
    /// The lock of the file that says whose the folder is: other machines that share the disk see by it that this process lives.
    _held: File,
    before: BTreeSet<String>,
    reaper: Reaper,
    /// Whether something may be left in a container engine.
    engine_is_left: AtomicBool,
}

impl Estate {
    /// Starts the reaper and makes the folder, in this place. It is for a program that answers to [`reap`].
    ///
    /// # Errors
    /// When the reaper does not start; [`Missing`] when the folder cannot be made.
    pub async fn open(place: &Path) -> Result<Self> {
        let owner = Owner::this().context("failed to find out which process this is")?;
        let reaper = Reaper::start(&owner, place).await?;
        let (folder, held) = make(place, &owner).map_err(|error| {
            let what = format!("a folder for the worlds cannot be made in `{}`: {error}", place.display());
            Missing::new(what, "TMPDIR names another place")
        })?;
        let before = census::take(&owner, &folder);
        Ok(Self { owner, folder, _held: held, before, reaper, engine_is_left: AtomicBool::default() })
    }

    /// The folder, in which everybody may pass: Postgres runs as somebody else where the harness is root.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has the reaper look into the container engine too. It comes before anything is made there.
    ///
    /// # Errors
    /// When there is no reaper any more.
    pub fn note_engine(&self) -> Result<()> {
        self.engine_is_left.store(true, Ordering::Relaxed);
        self.reaper.note_engine()
    }

    /// Says that nothing is left in the container engine. Where nobody has said so, it is left to the reaper, which waits two
    /// minutes for an engine that is away.
    pub fn clear_engine(&self) {
        self.engine_is_left.store(false, Ordering::Relaxed);
    }

    /// Gives the folder up, if there is anything in it: it stays as it is, and nothing of it is ours any more.
    ///
    /// # Errors
    /// When it cannot be given up.
    pub fn keep(&self) -> Result<Option<&Path>> {
        let (owner, scratch) = (self.folder.join(OWNER_FILE), self.folder.join(SCRATCH));
        let give_up = || {
            let mut entries = fs::read_dir(&self.folder)?.filter_map(|entry| Some(entry.ok()?.path()));
            let filled = entries.any(|path| path != owner && path != scratch);
            if filled {
                let _ = fs::remove_dir_all(&scratch);
                fs::remove_file(&owner)?;
            }
            io::Result::Ok(filled)
        };
        let given_up: bool = give_up().context("failed to keep the files of the worlds")?;
        Ok(given_up.then_some(self.folder.as_path()))
    }

    /// Makes sure that nothing is left of the run, and removes the folder.
    ///
    /// # Errors
    /// When something was left, which is named; it has been removed then.
    pub async fn close(mut self) -> Result<()> {
        let counted = wait_until("nothing to be left", GONE_LIMIT, Duration::from_millis(10), || {
            let now = census::take(&self.owner, &self.folder);
            let left: Vec<&String> = now.difference(&self.before).collect();
            std::future::ready(if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) })
        })
        .await;
        if counted.is_ok() {
            if is_estate(&self.folder) {
                sweep::remove(&self.folder, &self.owner).context("failed to remove the folder of the worlds")?;
            }
            if self.engine_is_left.load(Ordering::Relaxed) {
                self.reaper.release();
                return Ok(());
            }
            return self.reaper.dismiss().await;
        }
        let left = counted.map_or_else(|seen| seen.to_string(), |()| String::new());
        let worked = self.reaper.work().await;
        let left = format!("left behind ({left})");
        match worked {
            Ok(()) => bail!("{left}, and removed now"),
            Err(stays) => Err(stays.context(format!("{left}, and not all of it could be removed"))),
        }
    }
}

/// Makes an estate, and holds it. Whenever this is broken off, what is there says whose it is: by its name, or by the file in it.
fn make(place: &Path, owner: &Owner) -> io::Result<(PathBuf, File)> {
    let unfinished = place.join(format!("{UNFINISHED}{owner}"));
    fs::DirBuilder::new().mode(0o711).create(&unfinished)?;
    // Whatever the umask is.
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o711))?;
    let mut file = File::create_new(unfinished.join(OWNER_FILE))?;
    // A sweep may look at it in this moment. On a disk without locks nobody else can take it either, and an estate that may
    // be held stays.
    let _ = file.lock();
    writeln!(file, "{owner}")?;
    fs::DirBuilder::new().mode(0o700).create(unfinished.join(SCRATCH))?;
    let called = tempfile::Builder::new()
        .prefix(PREFIX)
        .make_in(place, |path| Ok(renameat2(AT_FDCWD, &unfinished, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE)?))?;
    Ok((called.into_temp_path().keep()?, file))
}

/// Where programs are to have their temporary files, if this process has an estate.
pub(in crate::backend) fn scratch() -> Option<PathBuf> {
    let estate = tempfile::env::temp_dir();
    is_estate(&estate).then(|| estate.join(SCRATCH)).filter(|folder| folder.is_dir())
}

/// Whether a folder is an estate.
fn is_estate(folder: &Path) -> bool {
    folder.join(OWNER_FILE).is_file()
}
