//! The database that `--db` asks for: looked for before anything starts, started for the run, and ended after it.

use anyhow::{Context, Result};

use super::backend::Chosen;
use crate::backend::cache::Cache;
#[cfg(feature = "docker")]
use crate::backend::docker::{ContainedPostgres, Engine, Image};
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::postgres::{Cluster, Programs, Template};
use crate::backend::progress::Progress;
use crate::backend::version::Version;
use crate::backend::{Database, DatabaseKind};
use crate::trial::Part;

/// What `--db` asks for, found.
pub(super) enum Found {
    Sqlite,
    Postgres(Programs),
    /// An image that is in the engine.
    #[cfg(feature = "docker")]
    Image(Box<Engine>, Image),
}

/// A Postgres that runs.
enum Server {
    Native(Box<Cluster>),
    #[cfg(feature = "docker")]
    Contained(Box<ContainedPostgres>),
}

/// What the worlds of a run make their databases from.
pub(super) struct Databases {
    /// One for each Kratos, in the order in which they were named; none where every Kratos brings its own file.
    templates: Vec<(Version, Template)>,
    server: Option<Server>,
}

/// Looks for what `--db` asks for.
///
/// # Errors
/// [`Missing`](crate::backend::Missing) if it is not there.
pub(super) async fn find(kind: DatabaseKind, chosen: &Chosen) -> Result<Found> {
    match kind {
        DatabaseKind::Sqlite => Ok(Found::Sqlite),
        DatabaseKind::Postgres => chosen.postgres().await,
    }
}

impl Databases {
    /// A file for each Kratos: nothing has to run.
    pub(super) fn files() -> Self {
        Self { templates: Vec::new(), server: None }
    }

    /// Starts it, with a template for each Kratos. The first one's is in the cache where the server is a process; each
    /// other is migrated now, in 1 s.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub(super) async fn start(
        found: &Found,
        cache: &Cache,
        every_kratos: &[KratosBinary],
        progress: &mut Progress,
    ) -> Result<Self> {
        match found {
            Found::Sqlite => Ok(Self::files()),
            Found::Postgres(programs) => Self::start_here(programs, cache, every_kratos, progress).await,
            #[cfg(feature = "docker")]
            Found::Image(engine, image) => {
                progress.begin(format!("starting Postgres from the image {image}"));
                let server = ContainedPostgres::start(engine, image).await?;
                let mut templates = Vec::new();
                for kratos in every_kratos {
                    progress.begin(format!("migrating a database for Kratos {}", kratos.version));
                    templates.push((kratos.version.clone(), server.migrate(kratos).await?));
                }
                let (version, count) = (server.version(), templates.len());
                progress.finish(format_args!("started Postgres {version} and migrated a database for {count} Kratos"));
                Ok(Self { templates, server: Some(Server::Contained(Box::new(server))) })
            }
        }
    }

    async fn start_here(
        programs: &Programs,
        cache: &Cache,
        every_kratos: &[KratosBinary],
        progress: &mut Progress,
    ) -> Result<Self> {
        let [first, others @ ..] = every_kratos else { return Ok(Self::files()) };
        let (cluster, template) = Cluster::start(cache, programs, first, progress).await?;
        let mut templates = vec![(first.version.clone(), template)];
        for kratos in others {
            progress.begin(format!("migrating a database for Kratos {}", kratos.version));
            templates.push((kratos.version.clone(), cluster.migrate(programs, kratos).await?));
            progress.finish(format_args!("migrated a database for Kratos {}", kratos.version));
        }
        Ok(Self { templates, server: Some(Server::Native(Box::new(cluster))) })
    }

    /// What the databases of a Kratos are made from.
    pub(super) fn of(&self, kratos: &KratosBinary) -> Database {
        let template = self.templates.iter().find(|(version, _)| *version == kratos.version);
        template.map_or(Database::Sqlite, |(_, template)| Database::Postgres(template.clone()))
    }

    /// What each Kratos keeps its data in, for reports.
    pub(super) fn title(&self) -> &'static str {
        match self.server {
            None => "SQLite",
            Some(_) => "Postgres",
        }
    }

    /// What takes part in the run by it.
    pub(super) fn part(&self) -> Option<Part> {
        let (version, note) = match self.server.as_ref()? {
            Server::Native(cluster) => (cluster.version(), "native".to_owned()),
            #[cfg(feature = "docker")]
            Server::Contained(server) => (server.version(), format!("docker, image {}", server.image())),
        };
        Some(Part { name: "Postgres".into(), version: version.to_owned(), note })
    }

    /// Ends it. The worlds must have closed.
    ///
    /// # Errors
    /// When something of it stays.
    pub(super) async fn close(self) -> Result<()> {
        let closed = match self.server {
            Some(Server::Native(cluster)) => cluster.close().await,
            #[cfg(feature = "docker")]
            Some(Server::Contained(server)) => server.close().await,
            None => Ok(()),
        };
        closed.context("Postgres did not end cleanly")
    }
}
