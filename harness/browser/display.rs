//! A display that nobody sees: an Xvfb for one browser that has no headless mode.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::Engine;
use crate::backend::estate::DisplayNote;
use crate::backend::{Ending, Launch, Output, Process};
use crate::wait::within;

/// How long it may take until it tells its number; the median is 0.1 s.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// The way of showing who one is that X servers have had for longest (Xsecurity(7)).
const PROTOCOL: &str = "MIT-MAGIC-COOKIE-1";

/// Bytes of its key.
const KEY: usize = 16;

/// `FamilyWild` of libXau: the key is for this display by whatever address.
const ANY_ADDRESS: u16 = 0xffff;

/// A running Xvfb. Dropping it ends it.
#[derive(Debug)]
#[must_use = "the display ends when this is dropped"]
pub struct Display {
    // The order matters: the server ends before what it has left is removed.
    process: Process,
    note: DisplayNote,
    access: DisplayAccess,
}

/// How a program gets to a display: the display's name, and the file with the key to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayAccess {
    name: OsString,
    key: Option<PathBuf>,
}

impl DisplayAccess {
    /// That of the person who calls, if there is one.
    pub fn of_the_person() -> Option<Self> {
        let name = std::env::var_os("DISPLAY")?;
        // Where programs look by themselves, but in a home of their own (Xsecurity(7)).
        let usual = || Some(std::env::home_dir()?.join(".Xauthority")).filter(|key| key.is_file());
        let key = std::env::var_os("XAUTHORITY").map(PathBuf::from).or_else(usual);
        Some(Self { name, key })
    }

    /// The variables by which a program finds it.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, OsString)> {
        let key = self.key.as_ref().map(|key| ("XAUTHORITY", key.clone().into_os_string()));
        std::iter::once(("DISPLAY", self.name.clone())).chain(key)
    }
}

impl Display {
    /// Starts an Xvfb with a number that nobody else has, and a key; its log and its key lie in `folder`. Without a key it
    /// would serve every user of the machine, who could watch the browser and type into it.
    ///
    /// # Errors
    /// When it is not installed, ends early or does not tell its number, which it does when it is ready.
    pub async fn start(folder: &Path) -> Result<Self> {
        let xvfb = Engine::WebKitGtk.programs().iter().find(|it| it.name == "Xvfb").context("no engine needs Xvfb")?;
        if let Some(lacking) = xvfb.lacks() {
            return Err(lacking.into());
        }
        let program = xvfb.find().context("Xvfb is gone")?;
        let log = folder.join("xvfb.log");
        // The order matters here too: what is broken off ends before what it has left is removed.
        let note = DisplayNote::write(folder)?;
        let name = format!(":{}", note.number());
        let key = folder.join("xauthority");
        write_key(&key, note.number()).with_context(|| format!("failed to write `{}`", key.display()))?;
        let mut process = Launch::new(&program, folder, Output::Piped(log.clone()))
            .args([&name, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-auth"])
            .args([&key])
            .env("PATH", "/usr/bin:/bin")
            // It removes its socket in /tmp only if it is asked to end.
            .ends_by(Ending::Asked)
            .start()?;
        let stdout = process.take_stdout().context("Xvfb's output is not piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let told = match within(READY_LIMIT, lines.next_line()).await {
            Ok(line) => line.context("failed to read Xvfb's output")?.unwrap_or_default(),
            Err(deadline) => bail!("`{}` did not tell its number within {deadline}", program.display()),
        };
        if told.parse() != Ok(note.number()) {
            let words = super::driver::last_words(&log);
            bail!("`{}` told no number (its last words: {words})", program.display());
        }
        let access = DisplayAccess { name: name.into(), key: Some(key) };
        Ok(Self { process, note, access })
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.note.number()
    }

    /// How a program gets to it.
    pub fn access(&self) -> &DisplayAccess {
        &self.access
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// When it stays.
    pub async fn close(self) -> Result<()> {
        let closed = self.process.close().await;
        drop(self.note);
        closed
    }
}

/// Writes a key by chance into a file that its owner alone may read, as libXau reads it: numbers of two bytes, the higher
/// first, and before each text its length (`XauReadAuth`).
fn write_key(path: &Path, display: u32) -> Result<()> {
    let mut key = [0; KEY];
    SystemRandom::new().fill(&mut key).ok().context("the system gives no random bytes")?;
    let number = display.to_string();
    let mut entry = ANY_ADDRESS.to_be_bytes().to_vec();
    for text in [&[], number.as_bytes(), PROTOCOL.as_bytes(), &key] {
        entry.extend(u16::try_from(text.len())?.to_be_bytes());
        entry.extend(text);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(&entry)?)
}
