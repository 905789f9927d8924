//! What a trial runs in: one file per inhabitant, and the world that starts and closes them together.

pub mod kratos;
pub mod mail;
pub mod ui;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use serde_json::json;
use url::Url;

use crate::browser::{Browser, Engine, Window};
use crate::case::{FaultSpec, HOSTS, Program, Time, WorldSpec};
use crate::client::{self, ApiClient, Jar};
use crate::edge::{Edge, Effect, Fault};
use kratos::{Kratos, KratosSettings};
use mail::MailSink;
use ui::{Ui, UiSettings};

/// The longest path of a folder for worlds, in bytes. Chromium makes a socket of 44 bytes more below the folder of a
/// browser (16 more than this one), and the path of a socket has 107 (unix(7)).
pub const LONGEST_FOLDER: usize = 107 - 44 - 16;

/// The interface's host.
pub const UI: &str = "ui.example.test";

/// Kratos's public host.
pub const ORY: &str = "ory.example.test";

/// What worlds are made from; the same for all of a run.
#[derive(Debug, Clone)]
pub struct WorldSettings {
    /// The folder `fixtures`.
    pub fixtures: PathBuf,
    /// The Kratos binary.
    pub kratos: PathBuf,
    /// A database that this binary has migrated.
    pub template: PathBuf,
    /// The browser engine.
    pub engine: Engine,
    /// Whether browsers have a window.
    pub window: Window,
    /// Where worlds keep their files; each makes a folder of its own in it.
    pub folder: PathBuf,
    /// Whether that folder stays when the world has closed.
    pub files: Files,
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
    ui: Ui,
    kratos: Kratos,
    mail: MailSink,
    edge: Edge,
    folder: tempfile::TempDir,
    files: Files,
}

impl World {
    /// Starts all inhabitants, servers and browsers side by side.
    ///
    /// # Errors
    /// The first that could not be started; what had been is closed again.
    pub async fn start(spec: &WorldSpec, settings: &WorldSettings) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("world-")
            .disable_cleanup(settings.files == Files::Kept)
            .tempdir_in(&settings.folder)
            .with_context(|| format!("failed to make a folder in `{}`", settings.folder.display()))?;
        let faults = spec.faults.iter().flatten().map(fault).collect();
        let mut edge = Edge::new(&HOSTS, faults)?;
        let authority = folder.path().join("authority.pem");
        fs::write(&authority, edge.authority_pem())
            .with_context(|| format!("failed to write `{}`", authority.display()))?;
        let mail = MailSink::start().await?;

        let ui_spec = spec.ui.clone().unwrap_or_default();
        let listener = edge.listen("ui").await?;
        let ui = Ui::start(UiSettings {
            submit: ui_spec.submit(),
            guard: ui_spec.guard(),
            templates: settings.fixtures.join("ui"),
            kratos: Url::parse(&format!("https://{ORY}/")).context("failed to build Kratos's URL")?,
            client: client::through(listener, edge.authority_pem(), Jar::None)?,
        })
        .await?;
        edge.names().set(UI, ui.addr());

        let mut clients = BTreeMap::new();
        for (name, spec) in spec.clients.iter().flatten() {
            let listener = edge.listen(name).await?;
            let jar = if spec.cookie_jar.unwrap_or_default() { Jar::Kept } else { Jar::None };
            let client = match spec.program() {
                Program::Http => ApiClient::http(listener, edge.authority_pem(), jar)?,
                Program::Curl => ApiClient::curl(listener, &authority, &make(folder.path(), name)?, jar)?,
            };
            clients.insert(name.clone(), client);
        }

        let proxy = format!("http://{}", edge.listen("kratos").await?);
        let kratos_spec = spec.kratos.clone().unwrap_or_default();
        let kratos_settings = KratosSettings {
            binary: settings.kratos.clone(),
            template: settings.template.clone(),
            profile: settings.fixtures.join("profiles").join(spec.profile()),
            config: kratos_spec.config.unwrap_or_else(|| json!({})),
            courier: mail.courier(),
            proxy,
            authority: authority.clone(),
            folder: make(folder.path(), "kratos")?,
        };
        let mut starts = Vec::new();
        for (number, name) in spec.browser_names().into_iter().enumerate() {
            let listener = edge.listen(name).await?;
            // Short, because a browser makes a socket below it and the path of a socket is: see `LONGEST_FOLDER`.
            starts.push((name.to_owned(), listener, make(folder.path(), &format!("b{number}"))?));
        }
        let browsers = join_all(starts.into_iter().map(|(name, listener, folder)| {
            let (engine, window) = (settings.engine, settings.window);
            async move { Browser::start(&name, engine, listener, &folder, window).await }
        }));
        let (kratos, browsers) = tokio::join!(Kratos::start(&kratos_settings), browsers);

        let mut started = BTreeMap::new();
        let mut failed = None;
        for browser in browsers {
            match browser {
                Ok(browser) => {
                    started.insert(browser.name().to_owned(), browser);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let kratos = match (kratos, failed) {
            (Ok(kratos), None) => kratos,
            (kratos, failed) => {
                // What came up is closed before the error is told; a failure of that never hides the first.
                for browser in started.into_values() {
                    let _ = browser.close().await;
                }
                return match (kratos, failed) {
                    (Ok(kratos), Some(error)) => {
                        let _ = kratos.close().await;
                        Err(error)
                    }
                    (Err(error), _) => Err(error),
                    (Ok(_), None) => unreachable!("one of both has failed"),
                };
            }
        };
        edge.names().set(ORY, kratos.public());
        edge.record().start_clock();
        Ok(Self { browsers: started, clients, ui, kratos, mail, edge, folder, files: settings.files })
    }

    /// The edge.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Opens one more listener of the edge, for a browser that a person drives.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn listen(&mut self, name: &str) -> Result<SocketAddr> {
        self.edge.listen(name).await
    }

    /// Kratos.
    pub fn kratos(&self) -> &Kratos {
        &self.kratos
    }

    /// Kratos, to ask whether it still runs.
    pub fn kratos_mut(&mut self) -> &mut Kratos {
        &mut self.kratos
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
        let Self { browsers, clients, ui, kratos, mail, edge, folder, files } = self;
        drop(clients);
        let closings = join_all(browsers.into_values().map(Browser::close));
        let (browsers, kratos) = tokio::join!(closings, kratos.close());
        let ui = ui.close().await;
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
            .chain([kratos, ui, removed])
            .filter_map(|closed| closed.err().map(|error| format!("{error:#}")))
            .collect();
        anyhow::ensure!(failures.is_empty(), "the world did not close cleanly: {}", failures.join("; "));
        Ok(())
    }
}

fn make(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir(&path).with_context(|| format!("failed to make the folder `{}`", path.display()))?;
    Ok(path)
}

fn fault(spec: &FaultSpec) -> Fault {
    let time = |time: Time| -> Duration { time.0 };
    let effect = spec
        .delay_answer
        .map(|it| Effect::DelayAnswer(time(it)))
        .or(spec.delay_request.map(|it| Effect::DelayRequest(time(it))))
        .or(spec.add_cookie.clone().map(Effect::AddCookie))
        .unwrap_or(Effect::LoseAnswer);
    Fault::new(effect)
        .host(spec.host.clone())
        .method(spec.method.clone())
        .path(spec.path.clone())
        .step(spec.step)
        .times(spec.times)
}
