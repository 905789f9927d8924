//! A WebDriver server of our own: one for each browser, on a port that it chooses itself.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::Engine;
use crate::backend::{Launch, Output, Process, free_port};

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
    /// Starts the engine's driver with everything it writes below `folder`.
    ///
    /// # Errors
    /// When the driver is not installed, ends early or does not say that it listens.
    pub async fn start(engine: Engine, folder: &Path) -> Result<Self> {
        let program = engine.driver().with_context(|| format!("the WebDriver server of {engine} is gone"))?;
        let log = folder.join("driver.log");
        let mut choices = 1;
        loop {
            match Self::start_on(free_port()?, &program, folder, &log).await {
                // Another program was quicker: that says nothing about the browser.
                Err(_) if choices < PORT_CHOICES && last_words(&log).contains("Address already in use") => {
                    choices += 1;
                    std::fs::remove_file(&log).with_context(|| format!("failed to remove `{}`", log.display()))?;
                }
                started => return started,
            }
        }
    }

    /// With port 0 chromedriver takes a port that is free on IPv4 and then ends if it is not free on IPv6 too, which on a
    /// busy machine happens once in some thousand starts. So it is given one that no outgoing connection can have.
    async fn start_on(port: u16, program: &Path, folder: &Path, log: &Path) -> Result<Self> {
        let mut launch = Launch::new(program, folder, Output::Piped(log.to_owned()))
            // Chromium's crash handlers leave the process group.
            .helpers_have(format!("--database={}", folder.display()))
            .args([format!("--port={port}")])
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .env("XDG_CONFIG_HOME", folder)
            .env("XDG_CACHE_HOME", folder)
            .env("PATH", "/usr/bin:/bin");
        if let Some(display) = std::env::var_os("DISPLAY") {
            launch = launch.env("DISPLAY", display);
        }
        let mut process = launch.start()?;
        let stdout = process.take_stdout().context("the driver's output is not piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let listens = async {
            while let Some(line) = lines.next_line().await.context("failed to read the driver's output")? {
                // "ChromeDriver was started successfully on port 38765."
                if line.contains("started successfully on port ") {
                    return Ok(());
                }
            }
            bail!("it ended before it said where it listens")
        };
        match tokio::time::timeout(READY_LIMIT, listens).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let exit = tokio::time::timeout(READY_LIMIT, process.exited()).await;
                let exit = exit.map_or("still running".to_owned(), |exit| {
                    exit.map_or_else(|error| format!("{error:#}"), |exit| exit.to_string())
                });
                let words = last_words(log);
                bail!("failed to start `{}`: {error:#} ({exit}; its last words: {words})", program.display())
            }
            Err(_) => bail!("`{}` did not say where it listens within {} s", program.display(), READY_LIMIT.as_secs()),
        }
        // Whatever it says later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process, url: format!("http://127.0.0.1:{port}") })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it with its browser and waits until both are gone.
    ///
    /// # Errors
    /// When something of them stays.
    pub async fn close(self) -> Result<()> {
        self.process.close().await
    }
}

/// The last line of the driver's log.
fn last_words(log: &Path) -> String {
    let words = std::fs::read_to_string(log).unwrap_or_default();
    words.trim().lines().last().unwrap_or("nothing").to_owned()
}
