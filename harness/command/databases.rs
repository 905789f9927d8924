//! The database that `--db` asks for: looked for before anything starts, started for the run, and ended after it.

use anyhow::{Context, Result};

#[cfg(feature = "docker")]
use super::WrongCall;

use crate::backend::cache::Cache;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::postgres::{Cluster, Programs};
use crate::backend::progress::Progress;
use crate::backend::{Backend, Database, DatabaseKind};
use crate::trial::Part;

/// What `--db` asks for, found on this machine.
pub(super) enum Found {
    Sqlite,
    Postgres(Programs),
}

/// What the worlds of a run make their databases from.
pub(super) struct Databases {
    pub(super) database: Database,
    cluster: Option<Cluster>,
}

/// Looks for what `--db` asks for.
///
/// # Errors
/// [`Missing`](crate::backend::Missing) if it is not installed; a wrong call if servers in containers are to use it, which
/// do not reach the socket of this machine's Postgres.
pub(super) async fn find(kind: DatabaseKind, backend: &Backend) -> Result<Found> {
    match (kind, backend) {
        (DatabaseKind::Sqlite, _) => Ok(Found::Sqlite),
        (DatabaseKind::Postgres, Backend::Native) => Ok(Found::Postgres(Programs::find().await?)),
        #[cfg(feature = "docker")]
        (DatabaseKind::Postgres, Backend::Docker(_)) => {
            let text = "`--db postgres` is there for `--backend native` only: containers do not reach its socket";
            Err(WrongCall(text.to_owned()).into())
        }
    }
}

impl Databases {
    /// Starts it, with the template of this Kratos.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub(super) async fn start(
        found: &Found,
        cache: &Cache,
        kratos: &KratosBinary,
        progress: &mut Progress,
    ) -> Result<Self> {
        match found {
            Found::Sqlite => Ok(Self { database: Database::Sqlite, cluster: None }),
            Found::Postgres(programs) => {
                let (cluster, template) = Cluster::start(cache, programs, kratos, progress).await?;
                Ok(Self { database: Database::Postgres(template), cluster: Some(cluster) })
            }
        }
    }

    /// What reports call it.
    pub(super) fn word(&self) -> &'static str {
        match self.database {
            Database::Sqlite => "SQLite",
            Database::Postgres(_) => "Postgres",
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
