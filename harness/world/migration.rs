//! What a world migrates from: the legacy system and the Hydra in front of it, started and ended together or one by
//! one. They are reached by the names `legacy.example.test` and `hydra.example.test`.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use super::contained::ContainedSettings;
use super::hydra::{Hydra, HydraSettings};
use super::legacy::{Legacy, LegacySettings};
use super::start::make;
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::{Exit, Ground, Missing};
use crate::case::{Old, WorldSpec};
use crate::edge::Names;

/// Hydra's public host.
pub const HYDRA: &str = "hydra.example.test";

/// The legacy system's host.
pub const LEGACY: &str = "legacy.example.test";

/// What both are started from.
#[derive(Debug, Clone)]
pub struct MigrationSettings {
    /// Where Hydra runs.
    pub ground: Ground,
    /// The Hydra, if there is one.
    pub hydra: Option<HydraBinary>,
    /// The folder `fixtures`.
    pub fixtures: PathBuf,
    /// Where Hydra may send a browser with a code: Kratos's callbacks.
    pub callbacks: Vec<String>,
    /// The world's folder.
    pub folder: PathBuf,
}

/// The running Hydra and legacy system of a world, as far as it has them.
#[derive(Debug, Default)]
#[must_use = "both end when this is dropped"]
pub struct Migration {
    hydra: Mutex<Option<Hydra>>,
    legacy: Mutex<Option<Legacy>>,
    hydra_log: Option<PathBuf>,
    hosts: Vec<&'static str>,
}

impl Migration {
    /// Starts what the world asks for and gives it its name.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub async fn start(spec: &WorldSpec, settings: &MigrationSettings, names: &Names) -> Result<Self> {
        let mut started = Self::default();
        if let Some(spec) = &spec.hydra {
            let binary = settings.hydra.clone();
            let binary = binary.ok_or_else(|| Missing::new("there is no Hydra", "run `scripts/setup`"))?;
            let hydra = Hydra::start(&HydraSettings {
                ground: settings.ground.clone(),
                binary,
                issuer: spec.issuer().to_owned(),
                callbacks: settings.callbacks.clone(),
                folder: make(&settings.folder, "hydra")?,
            })
            .await
            .context("Hydra does not start")?;
            names.set(HYDRA, hydra.public());
            started.hosts.push(HYDRA);
            started.hydra_log = Some(hydra.log().to_owned());
            started.hydra = Mutex::new(Some(hydra));
        }
        if let Some(spec) = &spec.legacy {
            let legacy = if settings.ground.takes_own() {
                let hydra = lock(&started.hydra).as_ref().map(Hydra::admin_inside);
                let (ground, fixtures, folder) = (&settings.ground, &*settings.fixtures, &*settings.folder);
                Legacy::contained(ContainedSettings { ground, fixtures, folder }.legacy(spec, hydra).await?)
            } else {
                let hydra = lock(&started.hydra).as_ref().map(|hydra| hydra.admin().to_owned());
                Legacy::start(LegacySettings {
                    users: spec.users.clone().unwrap_or_default(),
                    hook: spec.hook(),
                    hydra,
                    templates: settings.fixtures.join("legacy"),
                    listen: ([127, 0, 0, 1], 0).into(),
                })
                .await?
            };
            names.set(LEGACY, legacy.addr());
            started.hosts.push(LEGACY);
            started.legacy = Mutex::new(Some(legacy));
        }
        Ok(started)
    }

    /// The names by which it was reached from the start, whatever has been stopped since.
    pub fn hosts(&self) -> Vec<&'static str> {
        self.hosts.clone()
    }

    /// Ends one of them for good. Its name stays, and leads nowhere.
    ///
    /// # Errors
    /// When it does not run, or something of it stays.
    pub async fn stop(&self, old: Old) -> Result<()> {
        match old {
            Old::Hydra => {
                let hydra = lock(&self.hydra).take().context("no Hydra runs in this world")?;
                hydra.close().await
            }
            Old::Legacy => {
                let legacy = lock(&self.legacy).take().context("no legacy system runs in this world")?;
                legacy.close().await
            }
        }
    }

    /// The URL of Hydra's admin API, where Hydra runs.
    pub fn hydra_admin(&self) -> Option<String> {
        lock(&self.hydra).as_ref().map(|hydra| hydra.admin().to_owned())
    }

    /// The URL of Hydra's admin API, where Hydra runs, as another server of the world reaches it.
    pub fn hydra_admin_inside(&self) -> Option<String> {
        lock(&self.hydra).as_ref().map(Hydra::admin_inside)
    }

    /// Hydra's log so far, a JSON object a line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn hydra_log(&self) -> Result<Option<String>> {
        let Some(path) = &self.hydra_log else { return Ok(None) };
        let log = fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        Ok(Some(String::from_utf8_lossy(&log).into_owned()))
    }

    /// Whether Hydra has ended without being asked to, and how; waits so long for it to be seen.
    pub async fn exit_within(&mut self, limit: Duration) -> Option<Exit> {
        let hydra = self.hydra.get_mut().unwrap_or_else(PoisonError::into_inner);
        hydra.as_mut()?.exit_within(limit).await
    }

    /// Ends what still runs.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        let Self { hydra, legacy, .. } = self;
        // The legacy system's pages ask Hydra, so it goes first.
        if let Some(legacy) = legacy.into_inner().unwrap_or_else(PoisonError::into_inner) {
            legacy.close().await?;
        }
        match hydra.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(hydra) => hydra.close().await,
            None => Ok(()),
        }
    }
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
