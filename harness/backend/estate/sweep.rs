//! The removal of what owners have left, by the reaper of one that has just ended, or at the next start.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Uid;

use super::displays::Numbered;
use super::marked::{self, Marked};
use super::owner::Owner;
use super::segments::Segment;
use super::{OWNER_FILE, PREFIX, UNFINISHED};
use crate::wait::wait_until;

/// How long what was on a leash may take to end by it: the longest, which is Postgres's, has five seconds.
const LEASH_LIMIT: Duration = Duration::from_secs(6);

/// How long processes that are killed may take to be gone, and how long folders may take that they still write to.
const LIMIT: Duration = Duration::from_secs(5);

const EVERY: Duration = Duration::from_millis(20);

/// How long the making of an estate may take, on a machine that is busy.
const MAKING: Duration = Duration::from_secs(60);

/// What was removed, each by its name, and what could not be.
#[derive(Debug, Default)]
pub struct Swept {
    names: Vec<String>,
    stays: Vec<String>,
}

impl Swept {
    /// Whether nothing was removed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What stays, each with why.
    #[must_use]
    pub fn stays(&self) -> &[String] {
        &self.stays
    }

    fn note(&mut self, what: &dyn fmt::Display, gone: Result<()>) {
        match gone {
            Ok(()) => self.names.push(what.to_string()),
            Err(error) => self.stays.push(format!("{what}: {error:#}")),
        }
    }
}

impl From<Vec<String>> for Swept {
    fn from(names: Vec<String>) -> Self {
        Self { names, stays: Vec::new() }
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "swept what a run that was killed had left: {}", self.names.join(", "))
    }
}

/// Removes what owners have left that are gone: their processes, and their folders in this place with the displays and the
/// shared memory that are noted in them. What is on a leash is given the time that it needs. What one owner has left and
/// cannot be removed keeps nothing else from it.
pub async fn sweep(place: &Path) -> Swept {
    // A process that can be seen is of no earlier start of the machine, and of no other container, whatever its mark says.
    let is_free = |folder: &Path, owner: &Owner| owner.cannot_be_looked_at() && !is_held(folder);
    sweep_all(place, &Owner::is_gone, |folder, owner| owner.is_gone() || is_free(folder, owner)).await
}

/// Removes what an owner has left that has ended, or lets it be removed.
///
/// # Errors
/// When something stays.
pub(super) async fn sweep_ended(place: &Path, owner: &Owner) -> Result<()> {
    let swept = sweep_all(place, &|it: &Owner| it == owner, |_, it| it == owner).await;
    match swept.stays() {
        [] => Ok(()),
        stays => bail!("{}", stays.join(", ")),
    }
}

async fn sweep_all(
    place: &Path,
    has_processes: &impl Fn(&Owner) -> bool,
    has_folder: impl Fn(&Path, &Owner) -> bool,
) -> Swept {
    let mut swept = Swept::default();
    end(has_processes, &mut swept).await;
    for (folder, owner) in owned(place) {
        if !has_folder(&folder, &owner) {
            continue;
        }
        let mut all_gone = true;
        for note in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (what, clear): (String, Box<dyn Fn() -> bool + Send>) = if let Some(it) = Numbered::noted(&note.path())
            {
                (it.to_string(), Box::new(move || it.clear()))
            } else if let Some(it) = Segment::noted(&note.path()) {
                (it.to_string(), Box::new(move || it.clear()))
            } else {
                continue;
            };
            let gone = wait_until("its end", LIMIT, EVERY, || {
                std::future::ready(if clear() { Ok(()) } else { Err("somebody uses it".to_owned()) })
            });
            let gone = gone.await;
            all_gone &= gone.is_ok();
            swept.note(&what, gone);
        }
        if !all_gone {
            // The notes are in it.
            continue;
        }
        let removed = wait_until("its removal", LIMIT, EVERY, || {
            std::future::ready(remove(&folder, &owner).map_err(|error| error.to_string()))
        });
        let removed = removed.await;
        swept.note(&format!("folder {}", folder.display()), removed);
    }
    swept
}

/// Whether the owner of an estate may live: it holds the file that says whose the estate is, or that cannot be told. Where
/// there is no such file, or nothing in it yet, the estate is half made or half removed.
fn is_held(folder: &Path) -> bool {
    // On a disk of the network the kernel gives the lock for a file alone that is open for writing.
    match File::options().read(true).write(true).open(folder.join(OWNER_FILE)) {
        Ok(file) => file.try_lock().is_err() || (file.metadata().is_ok_and(|it| it.len() == 0) && is_young(folder)),
        Err(error) => error.kind() != io::ErrorKind::NotFound || is_young(folder),
    }
}

/// Whether something was made in a folder, or taken from it, a moment ago.
fn is_young(folder: &Path) -> bool {
    let age = fs::metadata(folder).and_then(|it| it.modified()).map(|made| made.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age < MAKING)
}

/// Ends the processes of these owners.
async fn end(is_meant: &impl Fn(&Owner) -> bool, swept: &mut Swept) {
    let living = || marked::all().into_iter().filter(|it| is_meant(&it.owner)).collect::<Vec<Marked>>();
    let begin = living();
    if begin.is_empty() {
        return;
    }
    let names: Vec<String> = begin.iter().map(|it| format!("process {} ({})", it.id, it.line())).collect();
    let gone = |all: Vec<Marked>| if all.is_empty() { Ok(()) } else { Err(format!("{} still run", all.len())) };
    // What a leash has not ended by its time is killed too.
    let _ = wait_until("leashes to end them", LEASH_LIMIT, EVERY, || {
        std::future::ready(gone(living().into_iter().filter(Marked::is_leash).collect()))
    })
    .await;
    let ended = wait_until("their end", LIMIT, EVERY, || {
        let all = living();
        for process in &all {
            // ESRCH only says that it is gone already.
            let _ = kill(process.id, Signal::SIGKILL);
        }
        std::future::ready(gone(all))
    })
    .await;
    swept.note(&names.join(", "), ended);
}

/// Removes an estate, as far as it is still there. Broken off, what is left still says by its name whose it was.
pub(super) fn remove(folder: &Path, owner: &Owner) -> io::Result<()> {
    let unfinished = folder.with_file_name(format!("{UNFINISHED}{owner}"));
    let renamed = fs::rename(folder, &unfinished);
    let removed = fs::remove_dir_all(&unfinished);
    // What is not there any more somebody else has removed meanwhile.
    let failed = |outcome: &io::Result<()>| outcome.as_ref().is_err_and(|it| it.kind() != io::ErrorKind::NotFound);
    [renamed, removed].into_iter().find(failed).unwrap_or(Ok(()))
}

/// The estates in a place, with their owners. Only folders of this user count, that say whose they are by their name, or by
/// the file in them.
fn owned(place: &Path) -> Vec<(PathBuf, Owner)> {
    let user = Uid::effective().as_raw();
    let own = |path: &Path| path.symlink_metadata().ok().filter(|it| it.uid() == user);
    let entries = fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = entries.filter(|path| own(path).is_some_and(|it| it.is_dir()));
    folders
        .filter_map(|folder| {
            let name = folder.file_name()?.to_str()?;
            let owner = if let Some(owner) = name.strip_prefix(UNFINISHED) {
                owner.parse().ok()?
            } else if name.starts_with(PREFIX) {
                let file = folder.join(OWNER_FILE);
                own(&file).filter(fs::Metadata::is_file)?;
                fs::read_to_string(file).ok()?.trim_end().parse().ok()?
            } else {
                return None;
            };
            Some((folder, owner))
        })
        .collect()
}
