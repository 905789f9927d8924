//! One Kratos of a world: its configuration, its start on a migrated database, its admin API.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::fit::fit;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::{Database, Ending, Exit, Ground, OwnDatabase, Seat, Service, Serving, copy_files};
use crate::case::{Differences, Identity, merge};
use crate::client::ask;

/// The file of its configuration, there.
const CONFIG: &str = "kratos.json";

/// The file of the certificate that it trusts, there.
const AUTHORITY: &str = "authority.pem";

/// What a Kratos is started from.
#[derive(Debug, Clone)]
pub struct KratosSettings {
    /// Its name in the world.
    pub name: String,
    /// Where browsers reach it.
    pub url: Url,
    /// Where it runs.
    pub ground: Ground,
    /// The server.
    pub binary: KratosBinary,
    /// What its database is made from.
    pub database: Database,
    /// The profile's folder: `kratos.yml` and what it names.
    pub profile: PathBuf,
    /// Where it and the interface stand in this world, as configuration over the profile.
    pub addresses: Value,
    /// What the case puts over both, one after the other.
    pub configs: Vec<Value>,
    /// What its version knows of that.
    pub differences: Differences,
    /// Whether it runs with `--dev`.
    pub dev: bool,
    /// The `courier` block.
    pub courier: Value,
    /// The proxy and the trusted authority, for what Kratos asks of other hosts.
    pub proxy: String,
    /// The authority's certificate, as a PEM file.
    pub authority: PathBuf,
    /// Where its database, configuration and log go. It must exist and be empty.
    pub folder: PathBuf,
}

/// A Kratos that answers.
#[derive(Debug)]
#[must_use = "Kratos is killed when this is dropped"]
pub struct Kratos {
    name: String,
    url: Url,
    service: Service,
    database: OwnDatabase,
    admin: String,
    fitted: Vec<String>,
    http: reqwest::Client,
}

impl Kratos {
    /// Makes the database, writes the configuration, starts Kratos and waits until it is ready.
    ///
    /// # Errors
    /// When Kratos refuses its configuration (the keys are named), exits early (its log's own words are quoted)
    /// or is not ready in time.
    pub async fn start(settings: &KratosSettings) -> Result<Self> {
        let database = settings.database.make(&settings.binary, &settings.folder).await?;
        let mut fitted = Vec::new();
        let prepare = |seat| {
            let (serving, lines) = serving(settings, &database, seat)?;
            fitted = lines;
            Ok(serving)
        };
        let service = settings.ground.serve(&settings.binary.program, prepare).await?;
        let admin = format!("http://{}/admin", service.admin());
        let (name, url) = (settings.name.clone(), settings.url.clone());
        Ok(Self { name, url, service, database, admin, fitted, http: crate::client::plain()? })
    }

    /// Its name in the world: `kratos`, or the tenant's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where browsers reach it.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of a path below it, as browsers know it.
    pub fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Where its public API listens.
    pub fn public(&self) -> std::net::SocketAddr {
        self.service.public()
    }

    /// The URL of its admin API, for a person who looks around.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The URL of its admin API, as another server of the world reaches it.
    pub fn admin_inside(&self) -> String {
        format!("{}/admin", self.service.admin_inside())
    }

    /// What its configuration was changed in because its version does not know it, a line each.
    pub fn fitted(&self) -> &[String] {
        &self.fitted
    }

    /// Its log so far, a JSON object a line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        let path = self.service.log();
        let log = fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Whether it has ended by itself, and how; waits so long for it to be seen.
    pub async fn exit_within(&mut self, limit: Duration) -> Option<Exit> {
        tokio::time::timeout(limit, self.service.exited()).await.ok()?.ok()
    }

    /// Whether a signal has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.service.is_stopped()
    }

    /// The version that it says it is.
    ///
    /// # Errors
    /// When the admin API does not answer.
    pub async fn version(&self) -> Result<String> {
        let answer = self.get("version").await?;
        answer["version"].as_str().map(str::to_owned).context("the admin API's /version has no version")
    }

    /// Creates an identity. With a password, or with the one that the legacy system knows, it can sign in by password;
    /// its code credential comes with the schema.
    ///
    /// # Errors
    /// When Kratos refuses it.
    pub async fn create_identity(&self, new: &Identity) -> Result<String> {
        let email = &new.email;
        let mut identity = json!({
            "schema_id": "default",
            "traits": { "email": email },
            "verifiable_addresses": [{ "value": email, "verified": true, "via": "email", "status": "completed" }],
        });
        if new.migrate_hook {
            // A password or hash beside it would be ignored (`identity/handler_import.go` of v1.3.1).
            identity["credentials"] = json!({ "password": { "config": { "use_password_migration_hook": true } } });
        } else if let Some(password) = &new.password {
            identity["credentials"] = json!({ "password": { "config": { "password": password } } });
        }
        let url = format!("{}/identities", self.admin);
        let answer = ask(self.http.post(&url).json(&identity)).await.context("failed to reach Kratos's admin API")?;
        let status = answer.status();
        let body: Value = answer.json().await.context("the admin API's answer is no JSON")?;
        if status != StatusCode::CREATED {
            bail!("Kratos refused the identity `{email}` ({status}): {}", body["error"]["reason"]);
        }
        body["id"].as_str().map(str::to_owned).context("the new identity has no id")
    }

    /// The ids of the identities that sign in with this address.
    ///
    /// # Errors
    /// When the admin API does not answer.
    pub async fn identities(&self, email: &str) -> Result<Vec<String>> {
        let mut url = Url::parse(&format!("{}/identities", self.admin)).context("failed to build the admin URL")?;
        url.query_pairs_mut().append_pair("credentials_identifier", email);
        let answer = self.get_url(url.as_str()).await?;
        let list = answer.as_array().context("the list of identities is no list")?;
        let mut found = Vec::new();
        for id in list.iter().filter_map(|identity| identity["id"].as_str()) {
            // Before v1.0 Kratos lists all of them, whatever is asked for (`identity/handler.go` of v0.11.0).
            let identity = self.get(&format!("identities/{id}")).await?;
            if signs_in_with(&identity, email) {
                found.push(id.to_owned());
            }
        }
        Ok(found)
    }

    /// How many identities there are.
    ///
    /// # Errors
    /// When the admin API does not answer, or has more than fit on one page.
    pub async fn count(&self) -> Result<usize> {
        let answer = self.get("identities?page_size=250").await?;
        let count = answer.as_array().context("the list of identities is no list")?.len();
        anyhow::ensure!(count < 250, "there are too many identities to count");
        Ok(count)
    }

    /// The one identity that signs in with this address, with its traits and the identifiers of its credentials.
    ///
    /// # Errors
    /// When the admin API does not answer.
    pub async fn identity(&self, email: &str) -> Result<Option<Value>> {
        match self.identities(email).await?.as_slice() {
            [id] => self.get(&format!("identities/{id}")).await.map(Some),
            _ => Ok(None),
        }
    }

    /// How many active sessions these identities have together; nothing where there is no such identity.
    ///
    /// # Errors
    /// When the admin API does not answer, or not with a list.
    pub async fn sessions(&self, email: &str) -> Result<Option<usize>> {
        let mut count = None;
        for id in self.identities(email).await? {
            let answer = self.get(&format!("identities/{id}/sessions?active=true")).await?;
            let sessions = answer.as_array().context("the list of sessions is no list")?;
            count = Some(count.unwrap_or(0) + sessions.len());
        }
        Ok(count)
    }

    /// Extends the active sessions of these identities: each ends a whole `session.lifespan` from now.
    ///
    /// # Errors
    /// When there is none, or Kratos refuses one.
    pub async fn extend_sessions(&self, email: &str) -> Result<()> {
        let mut extended = 0;
        for identity in self.identities(email).await? {
            let sessions = self.get(&format!("identities/{identity}/sessions?active=true")).await?;
            for id in sessions.as_array().into_iter().flatten().filter_map(|session| session["id"].as_str()) {
                let url = format!("{}/sessions/{id}/extend", self.admin);
                let answer = ask(self.http.patch(&url)).await.context("failed to reach Kratos's admin API")?;
                let status = answer.status();
                if !status.is_success() {
                    bail!("Kratos's admin API answered {status} to PATCH {url}");
                }
                extended += 1;
            }
        }
        anyhow::ensure!(extended > 0, "`{email}` has no active session to extend");
        Ok(())
    }

    /// An error that Kratos has stored for its error page, by the id in that page's address. Whoever knows the id may ask
    /// (`selfservice/errorx/handler.go` of v1.3.1).
    ///
    /// # Errors
    /// When Kratos does not answer or knows no such error.
    pub async fn stored_error(&self, id: &str) -> Result<Value> {
        let url = Url::parse_with_params(&format!("http://{}/self-service/errors", self.public()), [("id", id)]);
        let answer = self.get_url(url.context("failed to build the URL of an error")?.as_str()).await?;
        Ok(answer["error"].clone())
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.get_url(&format!("{}/{path}", self.admin)).await
    }

    async fn get_url(&self, url: &str) -> Result<Value> {
        let answer = ask(self.http.get(url)).await.context("failed to reach Kratos's admin API")?;
        let status = answer.status();
        let body = answer.text().await.context("failed to read the admin API's answer")?;
        if !status.is_success() {
            bail!("Kratos's admin API answered {status} to GET {url}: {body}");
        }
        serde_json::from_str(&body).with_context(|| format!("the answer to GET {url} is no JSON"))
    }

    /// Ends it, waits until it is gone, and removes its database.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        self.service.close().await?;
        self.database.remove().await.with_context(|| format!("failed to remove the database of {}", self.name))
    }
}

/// Whether one of an identity's credentials has this address; Kratos keeps addresses in lower case.
fn signs_in_with(identity: &Value, email: &str) -> bool {
    let email = email.trim().to_lowercase();
    let credentials = identity["credentials"].as_object().into_iter().flat_map(|it| it.values());
    let mut identifiers = credentials.filter_map(|it| it["identifiers"].as_array()).flatten();
    identifiers.any(|it| it.as_str().is_some_and(|it| it.to_lowercase() == email))
}

/// Puts everything that Kratos reads into its folder, and says what its configuration was changed in for its version.
fn serving(settings: &KratosSettings, database: &OwnDatabase, seat: Seat) -> Result<(Serving, Vec<String>)> {
    let folder = &settings.folder;
    copy_files(&settings.profile, folder)?;
    let authority = folder.join(AUTHORITY);
    fs::copy(&settings.authority, &authority)
        .with_context(|| format!("failed to copy `{}`", settings.authority.display()))?;
    let mut config = config(settings, database.dsn(), seat)?;
    let fitted = fit(&mut config, settings)?;
    let path = folder.join(CONFIG);
    let text = serde_json::to_string_pretty(&config).context("failed to write JSON")?;
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    let mut arguments = ["serve", "--watch-courier", "--sqa-opt-out", "-c", CONFIG].map(Into::into).to_vec();
    arguments.extend(settings.dev.then(|| "--dev".into()));
    let inside = settings.ground.inside(folder);
    let serving = Serving {
        name: "kratos",
        folder: folder.clone(),
        arguments,
        environment: vec![
            ("HTTP_PROXY", (&settings.proxy).into()),
            ("HTTPS_PROXY", (&settings.proxy).into()),
            // The mail sink, which is no part of the world's network.
            ("NO_PROXY", settings.ground.address().to_string().into()),
            ("SSL_CERT_FILE", inside.join(AUTHORITY).into()),
            ("HOME", inside.into()),
        ],
        sockets: database.sockets(),
        health: ["/health/ready", "/admin/health/ready"],
        ending: Ending::Killed,
    };
    Ok((serving, fitted))
}

/// The profile, the world's addresses and the case's changes over it, and over all what only this world can know.
fn config(settings: &KratosSettings, dsn: &str, seat: Seat) -> Result<Value> {
    let path = settings.profile.join("kratos.yml");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read profile `{}`", path.display()))?;
    let mut config: Value = serde_saphyr::from_str(&text)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("failed to read profile `{}`", path.display()))?;
    merge(&mut config, &settings.addresses);
    for over in &settings.configs {
        merge(&mut config, over);
    }
    let world = json!({
        "dsn": dsn,
        "serve": {
            "public": { "host": seat.host, "port": seat.public },
            "admin": { "host": seat.host, "port": seat.admin },
        },
        "courier": settings.courier,
    });
    merge(&mut config, &world);
    Ok(config)
}
