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
use crate::backend::{Ending, Exit, Ground, Seat, Service, Serving};
use crate::client::ask;

/// The id of the OAuth 2.0 client that Kratos is, as in `fixtures/profiles/oidc`.
const CLIENT_ID: &str = "kratos";

/// Its secret, as there. It protects nothing but a test.
const CLIENT_SECRET: &str = "only-for-tests-not-a-secret-0003";

/// The file of its database, in its folder.
const DATABASE: &str = "hydra.sqlite";

/// The file of its configuration, there.
const CONFIG: &str = "hydra.json";

/// What a Hydra is started from.
#[derive(Debug, Clone)]
pub struct HydraSettings {
    /// Where it runs.
    pub ground: Ground,
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
    service: Service,
    admin: String,
}

impl Hydra {
    /// Writes the configuration, copies the database, starts Hydra, waits until it is ready, and creates the client.
    ///
    /// # Errors
    /// When Hydra refuses its configuration or the client, exits early (its log's own words are quoted) or is not
    /// ready in time.
    pub async fn start(settings: &HydraSettings) -> Result<Self> {
        let database = settings.folder.join(DATABASE);
        fs::copy(&settings.binary.template, &database)
            .with_context(|| format!("failed to copy the database to `{}`", database.display()))?;
        let service = settings.ground.serve(&settings.binary.program, |seat| serving(settings, seat)).await?;
        let admin = format!("http://{}", service.admin());
        create_client(&crate::client::plain()?, &admin, &settings.callbacks).await?;
        Ok(Self { service, admin })
    }

    /// Where its public API listens.
    pub fn public(&self) -> SocketAddr {
        self.service.public()
    }

    /// The base URL of its admin API.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The same, as another server of the world reaches it.
    pub fn admin_inside(&self) -> String {
        self.service.admin_inside()
    }

    /// The file of its log.
    pub fn log(&self) -> &Path {
        self.service.log()
    }

    /// Whether it has ended by itself, and how; waits so long for it to be seen.
    pub async fn exit_within(&mut self, limit: Duration) -> Option<Exit> {
        tokio::time::timeout(limit, self.service.exited()).await.ok()?.ok()
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        self.service.close().await
    }
}

fn serving(settings: &HydraSettings, seat: Seat) -> Result<Serving> {
    let path = settings.folder.join(CONFIG);
    let text = serde_json::to_string_pretty(&config(settings, seat)).context("failed to write JSON")?;
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(Serving {
        name: "hydra",
        folder: settings.folder.clone(),
        arguments: ["serve", "all", "--sqa-opt-out", "-c", CONFIG].map(Into::into).to_vec(),
        environment: vec![("HOME", settings.ground.inside(&settings.folder).into())],
        sockets: None,
        health: ["/health/ready"; 2],
        ending: Ending::Killed,
    })
}

/// What a person would write, and the ports of this world. No `--dev` and no TLS: the edge ends it.
fn config(settings: &HydraSettings, seat: Seat) -> Value {
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
            "public": { "host": seat.host, "port": seat.public },
            "admin": { "host": seat.host, "port": seat.admin },
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
    let answer = ask(http.post(&url).json(&client)).await.context("failed to reach Hydra's admin API")?;
    let status = answer.status();
    if status != StatusCode::CREATED {
        let body = answer.text().await.unwrap_or_default();
        bail!("Hydra refused the OAuth 2.0 client ({status}): {body}");
    }
    Ok(())
}
