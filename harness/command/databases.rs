//! The database that `--db` asks for: looked for before anything starts, started for the run, and ended after it.

use anyhow::{Context, Result};

use crate::backend::cache::Cache;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::postgres::{Cluster, Programs, Template};
use crate::backend::progress::Progress;
use crate::backend::version::Version;
use crate::backend::{Database, DatabaseKind};
use crate::trial::Part;

/// What `--db` asks for, found on this machine.
pub(super) enum Found {
    Sqlite,
    Postgres(Programs),
}

/// What the worlds of a run make their databases from.
pub(super) struct Databases {
    /// One for each Kratos, in the order in which they were named; none where every Kratos brings its own file.
    templates: Vec<(Version, Template)>,
    cluster: Option<Cluster>,
}

/// Looks for what `--db` asks for.
///
/// # Errors
/// [`Missing`](crate::backend::Missing) if it is not installed.
pub(super) async fn find(kind: DatabaseKind) -> Result<Found> {
    Ok(match kind {
        DatabaseKind::Sqlite => Found::Sqlite,
        DatabaseKind::Postgres => Found::Postgres(Programs::find().await?),
    })
}

impl Databases {
    /// A file for each Kratos: nothing has to run.
    pub(super) fn files() -> Self {
        Self { templates: Vec::new(), cluster: None }
    }

    /// Starts it, with a template for each Kratos. The first one's is in the cache; each other is migrated now, in 1 s.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub(super) async fn start(
        found: &Found,
        cache: &Cache,
        every_kratos: &[KratosBinary],
        progress: &mut Progress,
    ) -> Result<Self> {
        let (Found::Postgres(programs), [first, others @ ..]) = (found, every_kratos) else {
            return Ok(Self::files());
        };
        let (cluster, template) = Cluster::start(cache, programs, first, progress).await?;
        let mut templates = vec![(first.version.clone(), template)];
        for kratos in others {
            progress.begin(format!("migrating a database for Kratos {}", kratos.version));
            templates.push((kratos.version.clone(), cluster.migrate(programs, kratos).await?));
            progress.finish(format_args!("migrated a database for Kratos {}", kratos.version));
        }
        Ok(Self { templates, cluster: Some(cluster) })
    }

    /// What the databases of a Kratos are made from.
    pub(super) fn of(&self, kratos: &KratosBinary) -> Database {
        let template = self.templates.iter().find(|(version, _)| *version == kratos.version);
        template.map_or(Database::Sqlite, |(_, template)| Database::Postgres(template.clone()))
    }

    /// What each Kratos keeps its data in, for reports.
    pub(super) fn title(&self) -> &'static str {
        match self.cluster {
            None => "SQLite",
            Some(_) => "Postgres",
        }
    }

    /// What takes part in the run by it.
    pub(super) fn part(&self) -> Option<Part> {
        let cluster = self.cluster.as_ref()?;
        Some(Part { name: "Postgres".into(), version: cluster.version().to_owned(), note: "native".into() })
    }

    /// Ends it. The worlds must have closed.
    ///
    /// # Errors
    /// When something of it stays.
    pub(super) async fn close(self) -> Result<()> {
        match self.cluster {
            Some(cluster) => cluster.close().await.context("Postgres did not end cleanly"),
            None => Ok(()),
        }
    }
}
