//! A WebDriver server of our own: one for each browser, on a port that it chooses itself.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::engine::{DriverStart, Ready};
use super::{DisplayAccess, Engine};
use crate::backend::{Launch, Output, Process, free_port};
use crate::wait::within;

/// How long a driver may take until it listens; the median is 13 ms.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// How often another port is chosen when a program took one before the driver did.
const PORT_CHOICES: usize = 3;

/// A running driver. Dropping it kills it and its browser.
#[derive(Debug)]
#[must_use = "the driver is killed when this is dropped"]
pub struct Driver {
    process: Process,
    url: String,
}

impl Driver {
    /// Starts the engine's driver with everything it writes below `folder`, on this display if it is given one.
    ///
    /// # Errors
    /// When the driver is not installed, ends early or does not come to listen.
    pub async fn start(engine: Engine, folder: &Path, display: Option<&DisplayAccess>) -> Result<Self> {
        let program = engine.driver().with_context(|| format!("the WebDriver server of {engine} is gone"))?;
        let log = folder.join("driver.log");
        let mut choices = 1;
        loop {
            let port = free_port()?;
            let start = engine.driver_start(port, folder);
            let taken = start.port_taken;
            match Self::start_on(port, start, &program, folder, &log, display).await {
                // Another program was quicker: that says nothing about the browser.
                Err(error)
                    if choices < PORT_CHOICES
                        && (last_words(&log).contains(taken) || format!("{error:#}").contains(taken)) =>
                {
                    choices += 1;
                    std::fs::remove_file(&log).with_context(|| format!("failed to remove `{}`", log.display()))?;
                }
                started => return started,
            }
        }
    }

    async fn start_on(
        port: u16,
        start: DriverStart,
        program: &Path,
        folder: &Path,
        log: &Path,
        display: Option<&DisplayAccess>,
    ) -> Result<Self> {
        let mut launch = Launch::new(program, folder, Output::Piped(log.to_owned()))
            .args(start.arguments)
            .env("PATH", "/usr/bin:/bin");
        for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            launch = launch.env(name, folder);
        }
        for (name, value) in start.environment {
            launch = launch.env(name, value);
        }
        if let Some(helpers) = start.helpers {
            launch = launch.helpers_have(helpers);
        }
        for (name, value) in display.into_iter().flat_map(DisplayAccess::variables) {
            launch = launch.env(name, value);
        }
        let mut process = launch.start()?;
        let stdout = process.take_stdout().context("the driver's output is not piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut said = String::new();
        let listens = async {
            let Ready::Says(words) = start.ready else { return listens_on(&mut process, port).await };
            while let Some(line) = lines.next_line().await.context("failed to read the driver's output")? {
                if line.contains(words) {
                    return Ok(());
                }
                said = line;
            }
            bail!("it ended before it said where it listens")
        };
        match within(READY_LIMIT, listens).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let exit = within(READY_LIMIT, process.exited()).await;
                let exit = exit.map_or("still running".to_owned(), |exit| {
                    exit.map_or_else(|error| format!("{error:#}"), |exit| exit.to_string())
                });
                // Some write it to one stream, some to the other.
                let words = [said, last_words(log)].into_iter().find(|words| !words.is_empty());
                let words = words.unwrap_or_else(|| "nothing".to_owned());
                bail!("failed to start `{}`: {error:#} ({exit}; its last words: {words})", program.display())
            }
            Err(deadline) => bail!("`{}` did not say where it listens within {deadline}", program.display()),
        }
        // Whatever it says later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process, url: format!("http://127.0.0.1:{port}") })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// Whether it has a browser that runs.
    pub(super) fn has_browser(&self) -> bool {
        self.process.has_children()
    }

    /// Whether a signal has stopped it or its browser.
    pub fn is_stopped(&self) -> bool {
        self.process.is_stopped()
    }

    /// Ends it with its browser and waits until both are gone.
    ///
    /// # Errors
    /// When something of them stays.
    pub async fn close(self) -> Result<()> {
        self.process.close().await
    }
}

/// Waits until the driver itself, and not some other program, listens on the port.
async fn listens_on(process: &mut Process, port: u16) -> Result<()> {
    match process.listening(port).await? {
        None => Ok(()),
        Some(_) => bail!("it ended before it listened on port {port}"),
    }
}

/// The last line of a log; empty where there is none.
pub(super) fn last_words(log: &Path) -> String {
    let words = std::fs::read_to_string(log).unwrap_or_default();
    words.trim().lines().last().unwrap_or_default().to_owned()
}
