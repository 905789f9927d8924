//! Displays: an Xvfb that is killed leaves a lock and a socket in `/tmp`, wherever `TMPDIR` is.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::is_estate;
use crate::backend::stat::Stat;

/// How a note is called in an estate: this and the display's number.
const PREFIX: &str = "display-";

/// A display, and the server that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    number: u32,
    server: Pid,
    started: u64,
}

/// A display of ours. What its server leaves goes when this is dropped, which is after the server's end; where the harness
/// ends first, whoever removes the estate finds the note as a file in it.
#[derive(Debug)]
#[must_use = "what the server leaves is removed when this is dropped"]
pub struct DisplayNote {
    served: Served,
    file: Option<PathBuf>,
}

impl DisplayNote {
    /// Notes a display whose server runs and was started in a folder of a world. A server without a lock leaves nothing.
    #[must_use]
    pub fn write(number: u32, folder: &Path) -> Option<Self> {
        let server = Stat::of(holder(number)?)?;
        let served = Served { number, server: server.id, started: server.started };
        // Outside of a run there is no estate, and only the dropping counts.
        let estate = folder.ancestors().find(|it| is_estate(it));
        let file = estate.map(|estate| estate.join(format!("{PREFIX}{number}")));
        let file = file.filter(|file| fs::write(file, format!("{} {}", served.server, served.started)).is_ok());
        Some(Self { served, file })
    }
}

impl Drop for DisplayNote {
    fn drop(&mut self) {
        if self.served.clear()
            && let Some(file) = &self.file
        {
            let _ = fs::remove_file(file);
        }
    }
}

impl Served {
    /// What the note in a file says; nothing where the file is none.
    pub(super) fn noted(file: &Path) -> Option<Self> {
        let number = file.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
        let text = fs::read_to_string(file).ok()?;
        let (server, started) = text.split_once(' ')?;
        Some(Self { number, server: Pid::from_raw(server.parse().ok()?), started: started.parse().ok()? })
    }

    /// Removes what the server has left, unless somebody has taken the number since, and says whether nothing of it is left.
    pub(super) fn clear(self) -> bool {
        if holder(self.number) != Some(self.server) {
            return true;
        }
        if Stat::of(self.server).is_some_and(|it| !it.dead && it.started == self.started) {
            return false;
        }
        // The lock last: nobody takes the number before.
        let _ = fs::remove_file(format!("/tmp/.X11-unix/X{}", self.number));
        fs::remove_file(lock(self.number)).is_ok()
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "display :{}", self.number)
    }
}

/// The process that has a display, by the display's lock.
fn holder(number: u32) -> Option<Pid> {
    fs::read_to_string(lock(number)).ok()?.trim().parse().ok().map(Pid::from_raw)
}

fn lock(number: u32) -> String {
    format!("/tmp/.X{number}-lock")
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};

    use super::*;

    /// A lock of a display that no server would take by itself, of a process.
    fn locked(number: u32, server: Pid) -> Result<()> {
        Ok(fs::write(lock(number), format!("{:>10}\n", server.as_raw()))?)
    }

    #[test]
    fn a_lock_of_a_server_that_was_killed_goes() -> Result<()> {
        let number = 70_000 + std::process::id() % 10_000;
        let mut server = std::process::Command::new("sleep").arg("600").spawn()?;
        locked(number, Pid::from_raw(i32::try_from(server.id())?))?;
        let note = DisplayNote::write(number, Path::new("/")).context("it has a lock")?;
        assert!(!note.served.clear(), "its server runs");

        server.kill()?;
        server.wait()?;
        drop(note);

        assert_eq!(holder(number), None);
        Ok(())
    }

    #[test]
    fn a_number_that_somebody_else_has_taken_since_stays_theirs() -> Result<()> {
        let number = 80_000 + std::process::id() % 10_000;
        locked(number, Pid::this())?;
        let gone = Served { number, server: Pid::from_raw(i32::MAX), started: 1 };

        assert!(gone.clear());

        assert_eq!(holder(number), Some(Pid::this()));
        Ok(fs::remove_file(lock(number))?)
    }

    #[test]
    fn a_note_is_read_as_it_was_written() -> Result<()> {
        let number = 90_000 + std::process::id() % 10_000;
        locked(number, Pid::this())?;
        let estate = tempfile::tempdir()?;
        fs::write(estate.path().join(super::super::OWNER_FILE), "")?;

        let note = DisplayNote::write(number, &estate.path().join("world-1/b0")).context("it has a lock")?;

        let file = note.file.clone().context("there is no note")?;
        assert_eq!(Served::noted(&file), Some(note.served));
        fs::remove_file(lock(number))?;
        drop(note);
        assert!(!file.exists());
        Ok(())
    }
}
