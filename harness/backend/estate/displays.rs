//! Displays: an Xvfb that is killed leaves its socket where all displays have theirs, wherever `TMPDIR` is.

use std::fmt;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::is_estate;

/// How a note is called in an estate: this and the display's number.
const PREFIX: &str = "display-";

/// The least number of ours. Servers that choose for themselves, and people, begin at 0.
const LEAST: u32 = 1_000_000;

/// The first number that a server does not read as one.
const BEYOND: u32 = 1 << 31;

/// A display of ours, known by its number, which is of chance and so of nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered {
    number: u32,
}

/// A display of ours. What its server leaves goes when this is dropped, which is after the server's end; where the harness
/// ends first, whoever removes the estate finds the note as a file in it.
#[derive(Debug)]
#[must_use = "what the server leaves is removed when this is dropped"]
pub struct DisplayNote {
    display: Numbered,
    file: Option<PathBuf>,
}

impl DisplayNote {
    /// Notes a display before its server is started in a folder of a world, so that there is no moment without a note.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn write(folder: &Path) -> Result<Self> {
        let display = Numbered::by_chance();
        // Outside of a run there is no estate, and only the dropping counts.
        let estate = folder.ancestors().find(|it| is_estate(it));
        let file = estate.map(|estate| estate.join(format!("{PREFIX}{}", display.number)));
        if let Some(file) = &file {
            fs::write(file, "").with_context(|| format!("failed to note {display} as `{}`", file.display()))?;
        }
        Ok(Self { display, file })
    }

    /// The display's number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.display.number
    }
}

impl Drop for DisplayNote {
    fn drop(&mut self) {
        if self.display.clear()
            && let Some(file) = &self.file
        {
            let _ = fs::remove_file(file);
        }
    }
}

impl Numbered {
    fn by_chance() -> Self {
        // Each `RandomState` has keys of its own, seeded by the operating system.
        let bits = RandomState::new().build_hasher().finish();
        let above = u32::try_from(bits % u64::from(BEYOND - LEAST)).expect("a remainder is below what it is of");
        Self { number: LEAST + above }
    }

    /// The display that a file notes; nothing where the file is no note.
    pub(super) fn noted(file: &Path) -> Option<Self> {
        let number = file.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
        (LEAST..BEYOND).contains(&number).then_some(Self { number })
    }

    /// Removes what its server has left, and says whether nothing of it is left. That of one that still answers stays.
    pub(super) fn clear(self) -> bool {
        let answer = UnixStream::connect(self.socket());
        let ended = |kind| matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::NotFound);
        if !answer.is_err_and(|error| ended(error.kind())) {
            return false;
        }
        // The keymap is there for a moment of the server's start.
        let keymaps =
            ["/var/lib/xkb", "/tmp"].map(|place| PathBuf::from(format!("{place}/server-{}.xkm", self.number)));
        let removed = keymaps.into_iter().chain([self.socket()]).map(fs::remove_file);
        removed.filter(|it| it.as_ref().is_err_and(|error| error.kind() != ErrorKind::NotFound)).count() == 0
    }

    fn socket(self) -> PathBuf {
        PathBuf::from(format!("/tmp/.X11-unix/X{}", self.number))
    }
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "display :{}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::OWNER_FILE;
    use super::*;

    #[test]
    fn a_note_is_there_from_the_beginning_and_is_read_as_it_was_written() -> Result<()> {
        let estate = tempfile::tempdir()?;
        fs::write(estate.path().join(OWNER_FILE), "")?;

        let note = DisplayNote::write(&estate.path().join("world-1/b0"))?;

        let file = note.file.clone().context("there is no note")?;
        assert_eq!(Numbered::noted(&file), Some(note.display));
        drop(note);
        assert!(!file.exists());
        Ok(())
    }

    #[test]
    fn no_file_notes_a_display_that_may_be_somebody_elses() {
        for name in ["display-0", "display-999999", "display-2147483648", "display-", "display-1000000x", "owner"] {
            assert_eq!(Numbered::noted(Path::new(name)), None, "{name}");
        }
        assert_eq!(Numbered::noted(Path::new("display-1000000")), Some(Numbered { number: LEAST }));
    }

    #[test]
    fn two_displays_have_two_numbers() -> Result<()> {
        let (one, other) = (DisplayNote::write(Path::new("/"))?, DisplayNote::write(Path::new("/"))?);

        assert_ne!(one.number(), other.number());
        Ok(())
    }
}
