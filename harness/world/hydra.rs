//! The Hydra of a world: its configuration, its start on free ports with a database of its own, its OAuth 2.0 clients.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::migration::LEGACY;
use crate::backend::hydra_binary::{HydraBinary, SYSTEM_SECRET};
use crate::backend::readiness::{PORT_CHOICES, lost_its_port, ready};
use crate::backend::{Launch, Output, Process, free_port};

/// The id of the OAuth 2.0 client that Kratos is, as in `fixtures/profiles/oidc`.
const CLIENT_ID: &str = "kratos";

/// Its secret, as there. It protects nothing but a test.
const CLIENT_SECRET: &str = "only-for-tests-not-a-secret-0003";

/// The file of its database, in its folder.
const DATABASE: &str = "hydra.sqlite";

/// What a Hydra is started from.
#[derive(Debug, Clone)]
pub struct HydraSettings {
    /// The server, and the database that it starts from.
    pub binary: HydraBinary,
    /// What it calls itself.
    pub issuer: String,
    /// Where Hydra may send a browser with a code: Kratos's callbacks.
    pub callbacks: Vec<String>,
    /// Where its configuration, database and log go. It must exist and be empty.
    pub folder: PathBuf,
}

/// A Hydra that answers and knows Kratos as its client.
#[derive(Debug)]
#[must_use = "Hydra is killed when this is dropped"]
pub struct Hydra {
    process: Process,
    public: SocketAddr,
    admin: String,
}

impl Hydra {
    /// Writes the configuration, copies the database, starts Hydra, waits until it is ready, and creates the client.
    ///
    /// # Errors
    /// When Hydra refuses its configuration or the client, exits early (its log's own words are quoted) or is not
    /// ready in time.
    pub async fn start(settings: &HydraSettings) -> Result<Self> {
        let http = crate::client::plain()?;
        let database = settings.folder.join(DATABASE);
        fs::copy(&settings.binary.template, &database)
            .with_context(|| format!("failed to copy the database to `{}`", database.display()))?;
        let mut choices = 0;
        loop {
            choices += 1;
            let (public, admin) = (free_port()?, free_port()?);
            let mut process = launch(settings, public, admin)?;
            match both_ready(&mut process, &http, [public, admin]).await {
                Ok(()) => {
                    let admin = format!("http://127.0.0.1:{admin}");
                    create_client(&http, &admin, &settings.callbacks).await?;
                    return Ok(Self { process, public: ([127, 0, 0, 1], public).into(), admin });
                }
                Err(error) if choices < PORT_CHOICES && lost_its_port(&error) => {
                    let log = process.log().to_owned();
                    process.close().await?;
                    let _ = fs::remove_file(log);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where its public API listens.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// The base URL of its admin API.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The file of its log.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Whether it has ended by itself, and how; waits so long for it to be seen.
    pub async fn exit_within(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        tokio::time::timeout(limit, self.process.exited()).await.ok()?.ok()
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        self.process.close().await
    }
}

/// The public API says nothing of the other: on a busy machine the admin API listens later.
async fn both_ready(process: &mut Process, http: &reqwest::Client, ports: [u16; 2]) -> Result<()> {
    for port in ports {
        ready(process, http, port).await?;
    }
    Ok(())
}

fn launch(settings: &HydraSettings, public: u16, admin: u16) -> Result<Process> {
    let path = settings.folder.join("hydra.json");
    let text = serde_json::to_string_pretty(&config(settings, public, admin)).context("failed to write JSON")?;
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Launch::new(&settings.binary.path, &settings.folder, Output::File(settings.folder.join("hydra.log")))
        .args(["serve", "all", "--sqa-opt-out", "-c"])
        .args([&path])
        .env("HOME", &settings.folder)
        .start()
}

/// What a person would write, and the ports of this world. No `--dev` and no TLS: the edge ends it.
fn config(settings: &HydraSettings, public: u16, admin: u16) -> Value {
    json!({
        "dsn": format!("sqlite://{DATABASE}?_fk=true&mode=rwc&_journal_mode=WAL&_busy_timeout=5000"),
        "log": { "level": "info", "format": "json" },
        "urls": {
            "self": { "issuer": settings.issuer },
            "login": format!("https://{LEGACY}/login"),
            "consent": format!("https://{LEGACY}/consent"),
            "error": format!("https://{LEGACY}/error"),
        },
        "secrets": { "system": [SYSTEM_SECRET] },
        "serve": {
            "public": { "host": "127.0.0.1", "port": public },
            "admin": { "host": "127.0.0.1", "port": admin },
        },
    })
}

async fn create_client(http: &reqwest::Client, admin: &str, callbacks: &[String]) -> Result<()> {
    let client = json!({
        "client_id": CLIENT_ID,
        "client_name": "The new member area",
        "client_secret": CLIENT_SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid offline email profile",
        "redirect_uris": callbacks,
        "token_endpoint_auth_method": "client_secret_basic",
    });
    let url = format!("{admin}/admin/clients");
    let answer = http.post(&url).json(&client).send().await.context("failed to reach Hydra's admin API")?;
    let status = answer.status();
    if status != StatusCode::CREATED {
        let body = answer.text().await.unwrap_or_default();
        bail!("Hydra refused the OAuth 2.0 client ({status}): {body}");
    }
    Ok(())
}
