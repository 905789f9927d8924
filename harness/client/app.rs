//! The applications that people test an API with: each runs a collection, or an app, that a person saved in it, as the
//! real program and through its own listener of the edge. What it prints decides nothing but whether it ran.

mod electron;
mod inso;
mod newman;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Jar;
use crate::backend::Launch;
use crate::backend::applications::{Application, Installed};
use crate::browser::Display;
use crate::wait::within;

/// How long a run may take; the slowest, Electron's on a busy machine, takes 15 s.
const RUN_LIMIT: Duration = Duration::from_secs(90);

/// How many of its last lines are told when it fails.
const LAST_WORDS: usize = 4;

/// An application behind a listener.
#[derive(Debug)]
pub struct AppClient {
    settings: AppSettings,
    runs: AtomicUsize,
}

/// What an application is started with.
#[derive(Debug)]
pub struct AppSettings {
    /// Where it lies.
    pub installed: Installed,
    /// The folder of `fixtures` that holds what it can run.
    pub source: PathBuf,
    /// Its listener.
    pub listener: SocketAddr,
    /// The file of the world's authority.
    pub authority: PathBuf,
    /// A folder of its own.
    pub folder: PathBuf,
    /// Whether it keeps cookies; where this is left out, as it does by itself.
    pub jar: Option<Jar>,
    /// Whether its cookies stay from one run to the next.
    pub jar_life: JarLife,
}

/// How long the cookies of an application stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JarLife {
    /// Each run begins without any.
    Run,
    /// A run begins with those of the run before it, as in an application that stays open.
    World,
}

/// One run of an application.
#[derive(Debug)]
pub struct AppRun<'a> {
    /// The name of the collection or app.
    pub name: &'a str,
    /// Kratos's public URL, without a slash at its end.
    pub kratos: &'a str,
    /// The values of its variables.
    pub values: &'a [(String, String)],
    /// Headers that are added to each of its requests.
    pub headers: &'a [(String, String)],
    /// Whether it keeps cookies, in this run.
    pub jar: Option<Jar>,
}

/// Where one run takes place.
#[derive(Debug)]
struct Place<'a> {
    settings: &'a AppSettings,
    folder: PathBuf,
    log: PathBuf,
    jar: Option<Jar>,
}

impl AppClient {
    /// An application that has not run yet.
    pub fn new(settings: AppSettings) -> Self {
        Self { settings, runs: AtomicUsize::new(0) }
    }

    /// Runs it once and waits for its end.
    ///
    /// # Errors
    /// When it cannot be started, takes longer than 90 s, or ends with anything but success.
    pub async fn run(&self, run: &AppRun<'_>) -> Result<()> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let folder = self.settings.folder.join(format!("run-{number}"));
        std::fs::create_dir(&folder).with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
        let log = folder.join("log");
        let place = Place { settings: &self.settings, folder, log, jar: run.jar.or(self.settings.jar) };
        let application = self.settings.installed.application;
        match application {
            Application::Newman => follow(application, newman::launch(&place, run)?, &place).await,
            Application::Inso => follow(application, inso::launch(&place, run)?, &place).await,
            Application::Electron => {
                let display = Display::start(&place.folder).await?;
                let ran = follow(application, electron::launch(&place, run, &display), &place).await;
                let closed = display.close().await;
                ran.and(closed)
            }
        }
    }
}

/// Starts a run and waits for its end, and for the end of everything that it started.
async fn follow(application: Application, launch: Launch, place: &Place<'_>) -> Result<()> {
    let mut process = launch.start()?;
    let exit = within(RUN_LIMIT, process.exited()).await;
    process.close().await?;
    let name = application.name();
    match exit {
        Ok(exit) => {
            let exit = exit?;
            if !exit.success() {
                bail!("{name} failed ({exit}): {}", last_words(&place.log));
            }
            Ok(())
        }
        Err(deadline) => bail!("{name} did not end within {deadline}: {}", last_words(&place.log)),
    }
}

/// The last lines that say anything, as one.
fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| line.contains(char::is_alphabetic)).collect();
    match &lines[lines.len().saturating_sub(LAST_WORDS)..] {
        [] => "it said nothing".to_owned(),
        last => last.join(" / "),
    }
}

impl Place<'_> {
    /// A start of the program with nothing around it but its own folder and the proxy.
    fn launch(&self) -> Launch {
        let installed = &self.settings.installed;
        Launch::new(&installed.program, &self.folder, crate::backend::Output::File(self.log.clone()))
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder)
            .env("XDG_CONFIG_HOME", &self.folder)
            .env("XDG_CACHE_HOME", &self.folder)
            .env("PATH", "/usr/bin:/bin")
            .env("HTTP_PROXY", self.proxy())
            .env("HTTPS_PROXY", self.proxy())
    }

    fn proxy(&self) -> String {
        format!("http://{}", self.settings.listener)
    }

    /// A file of the folder that holds what it can run.
    fn read(&self, name: &str) -> Result<Value> {
        let path = self.settings.source.join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", path.display()))
    }

    /// Writes a file of this run.
    fn write(&self, name: &str, content: &Value) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, content.to_string()).with_context(|| format!("failed to write `{}`", path.display()))?;
        Ok(path)
    }
}
