//! What a trial runs in: one file per inhabitant, and the world that starts and closes them together.

mod clients;
mod contained;
mod fit;
pub mod front;
mod html;
pub mod hydra;
pub mod kratos;
pub mod legacy;
pub mod mail;
pub mod migration;
mod start;
pub mod ui;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use futures_util::future::join_all;

use crate::backend::Database;
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::{AddressWatch, Backend, ClockWatch, Ground};
use crate::browser::{Browser, BrowserSettings, Remote, Window};
use crate::case::{BrowserSpec, Differences};
use crate::client::ApiClient;
use crate::edge::{BLANK_PATH, Edge, Jitter};
pub use clients::ClientPrograms;
use front::Front;
use kratos::Kratos;
use mail::MailSink;
use migration::Migration;
use ui::{Interface, Ui};

/// The longest path of a folder for worlds, in bytes. Chromium makes a socket of 44 bytes more below the folder of a
/// browser (16 more than this one), and the path of a socket has 107 (unix(7)).
pub const LONGEST_FOLDER: usize = 107 - 44 - 16;

/// What worlds are made from; the same for all of a run.
#[derive(Debug, Clone)]
pub struct WorldSettings {
    /// The folder `fixtures`.
    pub fixtures: PathBuf,
    /// What differs between versions of Kratos.
    pub differences: Differences,
    /// How servers are started.
    pub backend: Backend,
    /// The Kratos.
    pub kratos: KratosBinary,
    /// What the database of each Kratos is made from.
    pub database: Database,
    /// The client programs of this machine.
    pub clients: ClientPrograms,
    /// The Hydra, where a case needs it.
    pub hydra: Option<HydraBinary>,
    /// The interface, ours or another.
    pub interface: Interface,
    /// The endpoint that gives the browsers, where they are not this machine's own.
    pub remote: Option<Remote>,
    /// Whether browsers have a window.
    pub window: Window,
    /// Where worlds keep their files; each makes a folder of its own in it.
    pub folder: PathBuf,
    /// Whether that folder stays when the world has closed.
    pub files: Files,
    /// By what the edge holds every answer, if it does.
    pub jitter: Option<Jitter>,
}

/// What becomes of the files of a world that has closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// They stay, secrets in them as they are.
    Kept,
    /// They go.
    Removed,
}

/// Everything that one trial needs, started and answering.
#[derive(Debug)]
#[must_use = "close the world, so that what cannot be closed is heard of"]
pub struct World {
    // Dropped from top to bottom: browsers before the servers they talk to, the folder last.
    browsers: BTreeMap<String, Browser>,
    clients: BTreeMap<String, ApiClient>,
    front: Option<Front>,
    ui: Ui,
    by_script: bool,
    kratos: Vec<Kratos>,
    migration: Migration,
    ground: Ground,
    mail: MailSink,
    edge: Edge,
    addresses: AddressWatch,
    clock: ClockWatch,
    folder: tempfile::TempDir,
    files: Files,
}

impl World {
    /// The edge.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Whether the interface is known to submit by a script, so that a press ends before its answer comes.
    pub fn submits_by_script(&self) -> bool {
        self.by_script
    }

    /// Opens one more listener of the edge, for a browser that a person drives: says how it is to be started.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn admit(&mut self, name: &str, spec: &BrowserSpec) -> Result<BrowserSettings> {
        Ok(start::admit(&mut self.edge, name, spec, Window::Shown, None).await?.0)
    }

    /// Whether a network address of this machine came or went since the world began or this was last asked.
    pub fn addresses_changed(&self) -> bool {
        self.addresses.has_changed()
    }

    /// The clock of this machine, as it was when the world began.
    pub fn clock(&self) -> &ClockWatch {
        &self.clock
    }

    /// A Kratos by the tenant's name; without one the first, which is the only one where there are no tenants.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn kratos(&self, at: Option<&str>) -> Result<&Kratos> {
        let found = self.kratos.iter().find(|kratos| at.is_none_or(|name| kratos.name() == name));
        found.with_context(|| format!("there is no Kratos `{}` in this world", at.unwrap_or_default()))
    }

    /// Every Kratos.
    pub fn every_kratos(&self) -> &[Kratos] {
        &self.kratos
    }

    /// Every Kratos, to ask whether it still runs.
    pub fn every_kratos_mut(&mut self) -> &mut [Kratos] {
        &mut self.kratos
    }

    /// What each Kratos's configuration was changed in because its version does not know it, a line each.
    pub fn fitted(&self) -> Vec<String> {
        let lines = |kratos: &Kratos| {
            let of = if self.kratos.len() > 1 { format!("{}: ", kratos.name()) } else { String::new() };
            kratos.fitted().iter().map(move |line| format!("{of}{line}")).collect::<Vec<_>>()
        };
        self.kratos.iter().flat_map(lines).collect()
    }

    /// The interface.
    pub fn ui(&self) -> &Ui {
        &self.ui
    }

    /// The same, to ask whether its program still runs.
    pub fn ui_mut(&mut self) -> &mut Ui {
        &mut self.ui
    }

    /// The empty page that the edge has at the hosts of the interface, of each Kratos, and of the old system as far as there is
    /// one: there a browser's jar is looked at.
    pub fn blank_pages(&self) -> Vec<String> {
        let kratos = self.kratos.iter().map(|kratos| kratos.url_of(BLANK_PATH.trim_start_matches('/')));
        let old = self.migration.hosts().into_iter().map(|host| format!("https://{host}{BLANK_PATH}"));
        std::iter::once(self.ui.url_of(BLANK_PATH)).chain(kratos).chain(old).collect()
    }

    /// The legacy system and the Hydra in front of it.
    pub fn migration(&self) -> &Migration {
        &self.migration
    }

    /// The same, to ask whether Hydra still runs.
    pub fn migration_mut(&mut self) -> &mut Migration {
        &mut self.migration
    }

    /// The proxy in front of the hosts, to ask whether it still runs.
    pub fn front_mut(&mut self) -> Option<&mut Front> {
        self.front.as_mut()
    }

    /// The mail sink.
    pub fn mail(&self) -> &MailSink {
        &self.mail
    }

    /// A browser by name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn browser(&self, name: &str) -> Result<&Browser> {
        self.browsers.get(name).with_context(|| format!("there is no browser `{name}` in this world"))
    }

    /// All browsers.
    pub fn browsers(&self) -> impl Iterator<Item = &Browser> {
        self.browsers.values()
    }

    /// An API client by name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn client(&self, name: &str) -> Result<&ApiClient> {
        self.clients.get(name).with_context(|| format!("there is no client `{name}` in this world"))
    }

    /// The folder that holds everything that was written in this world.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Closes all inhabitants and removes the folder.
    ///
    /// # Errors
    /// Everything that could not be closed, in one text.
    pub async fn close(self) -> Result<()> {
        let Self { browsers, clients, front, ui, kratos, migration, ground, mail, edge, folder, files, .. } = self;
        drop(clients);
        let closings = join_all(browsers.into_values().map(Browser::close));
        let (browsers, kratos) = tokio::join!(closings, join_all(kratos.into_iter().map(Kratos::close)));
        let front = match front {
            Some(front) => front.close().await,
            None => Ok(()),
        };
        let ui = ui.close().await;
        let migration = migration.close().await;
        let ground = ground.close().await;
        edge.close().await;
        drop(mail);
        let removed = match files {
            Files::Kept => {
                let _ = folder.keep();
                Ok(())
            }
            Files::Removed => folder.close().context("failed to remove the world's folder"),
        };
        let failures: Vec<String> = browsers
            .into_iter()
            .chain(kratos)
            .chain([front, ui, migration, ground, removed])
            .filter_map(|closed| closed.err().map(|error| format!("{error:#}")))
            .collect();
        anyhow::ensure!(failures.is_empty(), "the world did not close cleanly: {}", failures.join("; "));
        Ok(())
    }
}
