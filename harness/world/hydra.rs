//! The Hydra of a world: its configuration, its start on free ports with a database in memory, its OAuth 2.0 clients.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::migration::LEGACY;
use super::readiness::{PORT_CHOICES, lost_its_port, ready};
use crate::backend::{Launch, Output, Process, free_port, wait_until};

/// The id of the OAuth 2.0 client that Kratos is, as in `fixtures/profiles/oidc`.
const CLIENT_ID: &str = "kratos";

/// Its secret, as there. It protects nothing but a test.
const CLIENT_SECRET: &str = "only-for-tests-not-a-secret-0003";

/// How long it may take until Hydra has made its keys. On two busy cores it took 20 s.
const KEYS_LIMIT: Duration = Duration::from_secs(90);

/// How often it is asked for them.
const KEYS_EVERY: Duration = Duration::from_millis(50);

/// What a Hydra is started from.
#[derive(Debug, Clone)]
pub struct HydraSettings {
    /// The server's binary.
    pub binary: PathBuf,
    /// What it calls itself.
    pub issuer: String,
    /// Where Hydra may send a browser with a code: Kratos's callbacks.
    pub callbacks: Vec<String>,
    /// Where its configuration and log go. It must exist and be empty.
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
    /// Writes the configuration, starts Hydra, waits until it is ready, and creates the client.
    ///
    /// # Errors
    /// When Hydra refuses its configuration or the client, exits early (its log's own words are quoted) or is not
    /// ready in time.
    pub async fn start(settings: &HydraSettings) -> Result<Self> {
        let http = crate::client::plain()?;
        let mut choices = 0;
        loop {
            choices += 1;
            let (public, admin) = (free_port()?, free_port()?);
            let mut process = launch(settings, public, admin)?;
            match ready(&mut process, &http, public).await {
                Ok(()) => {
                    let admin = format!("http://127.0.0.1:{admin}");
                    make_keys(&http, public).await?;
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

fn launch(settings: &HydraSettings, public: u16, admin: u16) -> Result<Process> {
    let path = settings.folder.join("hydra.json");
    let text = serde_json::to_string_pretty(&config(settings, public, admin)).context("failed to write JSON")?;
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Launch::new(&settings.binary, &settings.folder, Output::File(settings.folder.join("hydra.log")))
        .args(["serve", "all", "--sqa-opt-out", "-c"])
        .args([&path])
        .env("HOME", &settings.folder)
        .start()
}

/// What a person would write, and the ports of this world. No `--dev` and no TLS: the edge ends it.
fn config(settings: &HydraSettings, public: u16, admin: u16) -> Value {
    json!({
        "dsn": "memory",
        "log": { "level": "info", "format": "json" },
        "urls": {
            "self": { "issuer": settings.issuer },
            "login": format!("https://{LEGACY}/login"),
            "consent": format!("https://{LEGACY}/consent"),
            "error": format!("https://{LEGACY}/error"),
        },
        "secrets": { "system": ["only-for-tests-not-a-secret-0004"] },
        "serve": {
            "public": { "host": "127.0.0.1", "port": public },
            "admin": { "host": "127.0.0.1", "port": admin },
        },
    })
}

/// Waits until Hydra has its signing keys. It makes them, RSA of 4096 bits, when it is first asked for them, and lets
/// that request wait: seconds on a busy machine, in which a login would seem to hang (`jwk/generate.go` of v2.3.0).
async fn make_keys(http: &reqwest::Client, public: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{public}/.well-known/jwks.json");
    let url = url.as_str();
    wait_until("Hydra's signing keys", KEYS_LIMIT, KEYS_EVERY, || async move {
        match http.get(url).send().await {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status())),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
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
