//! Where each Kratos keeps its data: an SQLite file of its own, or a database of its own in a Postgres that is there for
//! the whole run. Both begin as a copy of one that was migrated once.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};

use super::kratos_binary::KratosBinary;
use super::postgres::{Template, TemplateCopy};

/// The file of a Kratos, in its folder.
const FILE: &str = "kratos.sqlite";

/// Which database is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file in the folder of each Kratos.
    #[default]
    Sqlite,
    /// A Postgres for the run, with a database for each Kratos.
    Postgres,
}

impl DatabaseKind {
    /// Its word on the command line and in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl FromStr for DatabaseKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Sqlite, Self::Postgres]
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or(format!("unknown database `{text}` (known: sqlite, postgres)"))
    }
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What the databases of a run are made from.
#[derive(Debug, Clone)]
pub enum Database {
    /// The SQLite file that comes with the Kratos.
    Sqlite,
    /// A migrated database in a Postgres that runs.
    Postgres(Template),
}

impl Database {
    /// Which one it is.
    pub fn kind(&self) -> DatabaseKind {
        match self {
            Self::Sqlite => DatabaseKind::Sqlite,
            Self::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// Makes the database of one Kratos; `folder` is that Kratos's own, and the one that it is started in.
    ///
    /// # Errors
    /// When the file cannot be copied, or Postgres refuses.
    pub async fn make(&self, kratos: &KratosBinary, folder: &Path) -> Result<OwnDatabase> {
        match self {
            Self::Sqlite => {
                let file = folder.join(FILE);
                fs::copy(&kratos.template, &file)
                    .with_context(|| format!("failed to copy the migrated database `{}`", kratos.template.display()))?;
                let options = "_fk=true&mode=rwc&_journal_mode=WAL&_busy_timeout=5000";
                // Relative, because a container has the folder in another place.
                Ok(OwnDatabase { dsn: format!("sqlite://{FILE}?{options}"), copy: None })
            }
            Self::Postgres(template) => {
                let copy = template.copy().await?;
                Ok(OwnDatabase { dsn: copy.dsn(), copy: Some(copy) })
            }
        }
    }
}

/// The database of one Kratos. A file goes with its folder; what is in a Postgres goes when it is removed, or with the
/// Postgres.
#[derive(Debug)]
pub struct OwnDatabase {
    dsn: String,
    copy: Option<TemplateCopy>,
}

impl OwnDatabase {
    /// Its data source name, as Kratos's key `dsn` takes it.
    pub fn dsn(&self) -> &str {
        &self.dsn
    }

    /// The container whose sockets its user has to have, if it is in one.
    pub fn sockets(&self) -> Option<String> {
        self.copy.as_ref()?.container().map(str::to_owned)
    }

    /// Removes it. The Kratos that used it must have ended.
    ///
    /// # Errors
    /// When Postgres refuses, or is gone: what was seen before that may have been its fault.
    pub async fn remove(self) -> Result<()> {
        match self.copy {
            Some(copy) => copy.remove().await,
            None => Ok(()),
        }
    }
}
