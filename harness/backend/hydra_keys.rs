//! The signing keys of a Hydra. It makes them, RSA of 4096 bits, when it is first asked for them, and lets that request
//! wait: seconds of processor time, by luck 20 (`jwk/generate.go` of v2.3.0). So they are made once, for all worlds.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::StatusCode;

use super::ground::{Ground, Program, Seat, Serving};
use super::launch::Ending;
use super::service::Service;
use crate::wait::wait_until;

/// How long it may take until Hydra has made its keys. On two busy cores it took 20 s.
const LIMIT: Duration = Duration::from_secs(90);

/// The file of the database in the server's folder.
const COPY: &str = "keys.sqlite";

/// How often it is asked for them.
const EVERY: Duration = Duration::from_millis(50);

/// Runs a Hydra on a copy of a database that it has migrated, until its keys are in it. Keys are encrypted with the
/// system's secret, which must be the same later.
pub(super) async fn make(ground: &Ground, program: &Program, database: &Path, secret: &str) -> Result<()> {
    // Beside the database nothing may be left: a copy of the one file is to be a copy of all.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let copy = folder.path().join(COPY);
    fs::copy(database, &copy).with_context(|| format!("failed to copy `{}`", database.display()))?;
    let serving = |seat: Seat| Ok(serving(folder.path(), secret, seat));
    let service = ground.serve(program, serving).await?;
    match ask(&service).await {
        Ok(()) => service.finish_with(COPY, database).await,
        Err(error) => {
            service.close().await?;
            Err(error)
        }
    }
}

fn serving(folder: &Path, secret: &str, seat: Seat) -> Serving {
    Serving {
        name: "hydra",
        folder: folder.to_owned(),
        arguments: ["serve", "all", "--sqa-opt-out"].map(Into::into).to_vec(),
        environment: vec![
            ("DSN", format!("sqlite://{COPY}?_fk=true").into()),
            ("SECRETS_SYSTEM", secret.into()),
            ("URLS_SELF_ISSUER", "https://hydra.example.test/".into()),
            ("SERVE_PUBLIC_HOST", seat.host.into()),
            ("SERVE_PUBLIC_PORT", seat.public.to_string().into()),
            ("SERVE_ADMIN_HOST", seat.host.into()),
            ("SERVE_ADMIN_PORT", seat.admin.to_string().into()),
        ],
        sockets: None,
        health: ["/health/ready"; 2],
        // Killed, it could leave a journal beside the database.
        ending: Ending::Asked,
    }
}

async fn ask(service: &Service) -> Result<()> {
    let http = crate::client::plain()?;
    let url = format!("http://{}/.well-known/jwks.json", service.public());
    let (http, url) = (&http, url.as_str());
    wait_until("Hydra's signing keys", LIMIT, EVERY, || async move {
        match http.get(url).send().await {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status())),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}
