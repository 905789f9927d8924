//! A Postgres of the run's own in a container without any network: it listens on a socket, in a volume that each Kratos
//! has as well, and nowhere else.
//!
//! The official image and the local one are started alike. The official one makes its data when it starts, and runs a
//! server for that first, on the socket with the usual number (`docker_temp_server_start` of its docker-entrypoint.sh);
//! ours has another number, so that one cannot be taken for the other.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

use super::beside::Beside;
use super::container::{Attachment, Container, Manner, Order};
use super::engine::Engine;
use super::image::Image;
use super::task::{self, Task};
use crate::backend::child::last_lines;
use crate::backend::ground::Program;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::postgres::{MIGRATION_LIMIT, Postgres, ROLE, SETTINGS, Template, template_name};
use crate::backend::readiness::last_words;
use crate::wait::wait_until;

/// Where the socket lies: the place that the official image has for it.
pub(super) const SOCKETS: &str = "/var/run/postgresql";

/// Where the data lie. The official image has a volume at its own place, which a Kratos would see.
pub(super) const DATA: &str = "/var/lib/postgresql/kratos-repro";

/// The number in the name of the socket. It is no port: nothing listens on TCP.
const NUMBER: u16 = 5433;

/// How the official image is to initialise its data.
const INITIALISE: &str = "--encoding=UTF8 --locale=C --wal-segsize=1 --no-sync";

/// How long it may take until it is ready. The local image takes 0.5 s on an idle machine, the official one some 3 s.
const LIMIT: Duration = Duration::from_secs(90);

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(50);

/// A server that answers. Dropping it ends it, after a while; so does the end of the run.
#[derive(Debug)]
#[must_use = "the server ends when this is dropped"]
pub struct ContainedPostgres {
    engine: Engine,
    container: Container,
    image: Image,
    postgres: Postgres,
    version: String,
    _log: TempDir,
}

impl ContainedPostgres {
    /// Starts one, without any database but its own.
    ///
    /// # Errors
    /// When it exits early (its log's own words are quoted) or is not ready in time.
    pub async fn start(engine: &Engine, image: &Image) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let log = folder.path().join("postgres.log");
        let number = NUMBER.to_string();
        let place = ["-p", &number, "-k", SOCKETS];
        let settings = SETTINGS.into_iter().flat_map(|setting| ["-c", setting]);
        let environment = [
            ("PGDATA", DATA),
            ("POSTGRES_USER", ROLE),
            // Who reaches the socket needs no password, as where it runs as a process.
            ("POSTGRES_HOST_AUTH_METHOD", "trust"),
            ("POSTGRES_INITDB_ARGS", INITIALISE),
        ];
        let order = Order {
            image: image.clone(),
            attachment: Attachment::Alone,
            name: "postgres".to_owned(),
            manner: Manner::OfImage,
            arguments: place.into_iter().chain(settings).map(str::to_owned).collect(),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            folder: None,
            volume: Some(SOCKETS),
            volumes_of: None,
            log: Some(log.clone()),
        };
        let mut container = Container::start(engine, order).await?;
        let beside = Beside::new(engine, container.id()?);
        let postgres = Postgres::beside(beside, SOCKETS, NUMBER);
        let asked = &postgres;
        let says = wait_until("Postgres to be ready", LIMIT, EVERY, || async move {
            asked.version().await.map_err(|error| format!("{error:#}"))
        });
        let version = tokio::select! {
            // One that has ended says so itself, better than who asked it.
            biased;
            exit = container.exited() => {
                bail!("Postgres ended ({}) before it was ready\n  log: {}", exit?.brief(), last_words(&log))
            }
            said = says => said.map_err(|error| anyhow!("{error}\n  log: {}", last_words(&log)))?,
        };
        Ok(Self { engine: engine.clone(), container, image: image.clone(), postgres, version, _log: folder })
    }

    /// Makes a template for a Kratos, by the migrations of its image: 1 s on an idle machine.
    ///
    /// # Errors
    /// When the migration fails; its last words are quoted.
    pub async fn migrate(&self, kratos: &KratosBinary) -> Result<Template> {
        let Program::Image(image) = &kratos.program else {
            bail!("`{}` is no image, and a Postgres in a container is reached from containers", kratos.program)
        };
        let template = template_name(kratos);
        self.postgres.create(&template).await?;
        let dsn = self.postgres.dsn(&template);
        let task = Task {
            environment: &[("DSN", &dsn)],
            volumes_of: Some(self.container.id()?),
            ..Task::new(image, &["migrate", "sql", "-e", "--yes"], MIGRATION_LIMIT)
        };
        let done = task::run(&self.engine, task).await;
        let done = done.with_context(|| format!("cannot run `migrate sql` of the image `{image}`"))?;
        done.container.close().await?;
        if !done.exit.is_success() {
            let said = last_lines(&done.said, 3);
            bail!("`migrate sql` of the image `{image}` ended with {}:\n{said}", done.exit);
        }
        Ok(self.postgres.template(&template))
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it was started from.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Ends it and removes it with its data.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        self.container.close().await
    }
}
