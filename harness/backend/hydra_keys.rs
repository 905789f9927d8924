//! The signing keys of a Hydra. It makes them, RSA of 4096 bits, when it is first asked for them, and lets that request
//! wait: seconds of processor time, by luck 20 (`jwk/generate.go` of v2.3.0). So they are made once, for all worlds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::StatusCode;

use super::launch::{Ending, Launch, Output};
use super::readiness::{PORT_CHOICES, lost_its_port, ready};
use super::{Process, free_port, wait_until};

/// How long it may take until Hydra has made its keys. On two busy cores it took 20 s.
const LIMIT: Duration = Duration::from_secs(90);

/// How often it is asked for them.
const EVERY: Duration = Duration::from_millis(50);

/// Runs the Hydra at `binary` on a database that it has migrated, until its keys are in it. Keys are encrypted with the
/// system's secret, which must be the same later.
pub(super) async fn make(binary: &Path, database: &Path, secret: &str) -> Result<()> {
    let http = crate::client::plain()?;
    // Beside the database nothing may be left: a copy of the one file is to be a copy of all.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut choices = 0;
    loop {
        choices += 1;
        let (public, admin) = (free_port()?, free_port()?);
        let mut process = start(binary, database, secret, folder.path(), [public, admin])?;
        let made = match ready(&mut process, &http, public).await {
            Ok(()) => ask(&http, public).await,
            Err(error) => Err(error),
        };
        process.close().await?;
        match made {
            Err(error) if choices < PORT_CHOICES && lost_its_port(&error) => {}
            made => return made,
        }
    }
}

fn start(binary: &Path, database: &Path, secret: &str, folder: &Path, [public, admin]: [u16; 2]) -> Result<Process> {
    Launch::new(binary, folder, Output::File(folder.join("hydra.log")))
        .args(["serve", "all", "--sqa-opt-out"])
        .env("DSN", format!("sqlite://{}?_fk=true", database.display()))
        .env("SECRETS_SYSTEM", secret)
        .env("URLS_SELF_ISSUER", "https://hydra.example.test/")
        .env("SERVE_PUBLIC_HOST", "127.0.0.1")
        .env("SERVE_PUBLIC_PORT", public.to_string())
        .env("SERVE_ADMIN_HOST", "127.0.0.1")
        .env("SERVE_ADMIN_PORT", admin.to_string())
        // Killed, it could leave a journal beside the database.
        .ends_by(Ending::Asked)
        .start()
}

async fn ask(http: &reqwest::Client, public: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{public}/.well-known/jwks.json");
    let url = url.as_str();
    wait_until("Hydra's signing keys", LIMIT, EVERY, || async move {
        match http.get(url).send().await {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status())),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}
