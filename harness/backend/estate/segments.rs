//! Shared memory of System V, which is in no folder and outlives whoever has made it: a Postgres that is killed leaves its own.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use nix::unistd::Pid;

use super::is_estate;
use crate::backend::stat::Stat;

/// How a note is called in an estate: this and the segment's id.
const PREFIX: &str = "shared-memory-";

/// A segment, and the process that has made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    id: i32,
    maker: Pid,
    started: u64,
}

/// A segment of a program of ours. It goes, if it is still there, when this is dropped, which is after the program's end;
/// where the harness ends first, whoever removes the estate finds the note as a file in it.
#[derive(Debug)]
#[must_use = "the segment is removed when this is dropped"]
pub(in crate::backend) struct SegmentNote {
    segment: Segment,
    file: Option<PathBuf>,
}

impl SegmentNote {
    /// Notes the segment of this id, which a program in a folder of a run has made.
    ///
    /// # Errors
    /// When the program does not run, or the note cannot be written.
    pub(in crate::backend) fn write(id: i32, maker: Pid, folder: &Path) -> Result<Self> {
        let maker = Stat::of(maker).context("who has made the shared memory does not run")?;
        let segment = Segment { id, maker: maker.id, started: maker.started };
        let estate = folder.ancestors().find(|it| is_estate(it));
        let file = estate.map(|estate| estate.join(format!("{PREFIX}{id}")));
        if let Some(file) = &file {
            let text = format!("{} {}", segment.maker, segment.started);
            fs::write(file, text).with_context(|| format!("failed to note {segment} as `{}`", file.display()))?;
        }
        Ok(Self { segment, file })
    }

    /// Removes the segment, if it is still there, and says whether it is gone.
    pub(in crate::backend) fn clear(&self) -> bool {
        let gone = self.segment.clear();
        if gone && let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
        gone
    }
}

impl Drop for SegmentNote {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Segment {
    /// The segment that a file notes; nothing where the file is no note.
    pub(super) fn noted(file: &Path) -> Option<Self> {
        let id = file.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
        let text = fs::read_to_string(file).ok()?;
        let (maker, started) = text.split_once(' ')?;
        Some(Self { id, maker: Pid::from_raw(maker.parse().ok()?), started: started.parse().ok()? })
    }

    /// Removes it, and says whether it is gone. One that somebody uses, or whose maker runs, stays.
    pub(super) fn clear(self) -> bool {
        let Some(users) = self.users() else { return true };
        if users > 0 || Stat::of(self.maker).is_some_and(|it| !it.dead && it.started == self.started) {
            return false;
        }
        let mut ipcrm = Command::new("ipcrm");
        ipcrm.args(["--shmem-id", &self.id.to_string()]);
        // Whether it is gone is seen below.
        let _ = ipcrm.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        self.users().is_none()
    }

    /// How many processes have it; nothing where there is no such segment of this maker. The second field of a line is the
    /// id, the fifth the maker, and the seventh the number of users (proc(5)).
    fn users(self) -> Option<u64> {
        let table = fs::read_to_string("/proc/sysvipc/shm").ok()?;
        let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let (id, maker) = (self.id.to_string(), self.maker.to_string());
        let mut own = lines.filter(|fields| fields.get(1) == Some(&&*id) && fields.get(4) == Some(&&*maker));
        own.next()?.get(6)?.parse().ok()
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared memory {}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::OWNER_FILE;
    use super::*;

    /// A segment that a program has made which has ended, as `ipcmk` does.
    fn made() -> Result<Segment> {
        let made = Command::new("ipcmk").args(["--shmem", "4096"]).output().context("failed to start `ipcmk`")?;
        let text = String::from_utf8(made.stdout)?;
        let id = text.split_whitespace().last().context("it tells no id")?;
        let table = fs::read_to_string("/proc/sysvipc/shm")?;
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let fields = lines.find(|fields| fields.get(1) == Some(&id)).context("it is not there")?;
        Ok(Segment { id: id.parse()?, maker: Pid::from_raw(fields[4].parse()?), started: 0 })
    }

    #[test]
    fn one_whose_maker_has_ended_goes() -> Result<()> {
        let segment = made()?;

        assert!(segment.clear());

        assert_eq!(segment.users(), None);
        Ok(())
    }

    #[test]
    fn one_of_somebody_else_stays() -> Result<()> {
        let segment = made()?;
        let of_this_process = Segment { maker: Pid::this(), ..segment };

        assert!(of_this_process.clear(), "there is nothing of it");

        assert_eq!(segment.users(), Some(0));
        assert!(segment.clear());
        Ok(())
    }

    #[test]
    fn a_note_is_read_as_it_was_written() -> Result<()> {
        let estate = tempfile::tempdir()?;
        fs::write(estate.path().join(OWNER_FILE), "")?;

        let note = SegmentNote::write(i32::MAX, Pid::this(), &estate.path().join("kratos-repro-pg-1"))?;

        let file = note.file.clone().context("there is no note")?;
        assert_eq!(Segment::noted(&file), Some(note.segment));
        drop(note);
        assert!(!file.exists());
        Ok(())
    }
}
