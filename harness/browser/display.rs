//! A display that nobody sees: an Xvfb for one browser that has no headless mode.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::Engine;
use crate::backend::estate::DisplayNote;
use crate::backend::{Ending, Launch, Output, Process};
use crate::wait::within;

/// How long it may take until it tells its number; the median is 0.1 s.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A running Xvfb. Dropping it ends it.
#[derive(Debug)]
#[must_use = "the display ends when this is dropped"]
pub struct Display {
    // The order matters: the server ends before what it has left is removed.
    process: Process,
    note: DisplayNote,
    name: String,
}

impl Display {
    /// Starts an Xvfb with a number that nobody else has; its log lies in `folder`.
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
        let mut process = Launch::new(&program, folder, Output::Piped(log.clone()))
            .args([&name, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
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
        Ok(Self { process, note, name })
    }

    /// Its name, for the variable `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
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
