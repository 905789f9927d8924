//! Postgres as Kratos's database: a server that answers, a template in it that a Kratos has migrated, and copies of it.
//! Where the server runs is another matter: [`Cluster`] starts one for a run from the programs of this machine, and with
//! containers one is started from an image.

mod cluster;
mod data;
mod programs;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::process::Command;
use url::form_urlencoded;

use super::cache::Cache;
use super::child::{self, last_lines};
#[cfg(feature = "docker")]
use super::docker::Beside;
use super::kratos_binary::KratosBinary;
use super::missing::Missing;
use super::progress::Progress;

pub use cluster::Cluster;
#[cfg(feature = "docker")]
pub(super) use data::initialised;
pub use programs::Programs;

/// The role that owns everything; it needs no password, whoever reaches the server may be it.
pub(super) const ROLE: &str = "kratos";

/// Nothing here outlives the run, so nothing is made sure of on the disk; and no client but a Kratos ever comes. Memory
/// that Postgres would share by files of the system's own lies in its folder, where it goes with it.
pub(super) const SETTINGS: [&str; 12] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "min_wal_size=2MB",
    "autovacuum=off",
    "shared_buffers=32MB",
    "max_connections=400",
    "dynamic_shared_memory_type=mmap",
];

/// How long a statement may take. Copying a database takes 0.1 s on an idle machine.
const STATEMENT_LIMIT: Duration = Duration::from_secs(60);

/// How long a migration may take; it takes 1 s on an idle machine.
pub(super) const MIGRATION_LIMIT: Duration = Duration::from_secs(180);

/// A Postgres that answers, wherever it runs. It is asked by `psql`, which comes with the server: a client library would
/// bring some 25 crates for three statements.
#[derive(Debug, Clone)]
pub struct Postgres {
    psql: Psql,
    host: String,
    port: u16,
}

/// Where `psql` is run.
#[derive(Debug, Clone)]
enum Psql {
    /// Here, by its path.
    Here(PathBuf),
    /// In the server's container.
    #[cfg(feature = "docker")]
    Beside(Box<Beside>),
}

impl Postgres {
    /// The server at a host, or in a folder that holds its socket, which lets the role `kratos` in without a password.
    pub fn at(psql: impl Into<PathBuf>, host: impl Into<String>, port: u16) -> Self {
        Self { psql: Psql::Here(psql.into()), host: host.into(), port }
    }

    /// The same in a container that has `psql` as well; the host is as it is named there.
    #[cfg(feature = "docker")]
    pub(super) fn beside(container: Beside, host: impl Into<String>, port: u16) -> Self {
        Self { psql: Psql::Beside(Box::new(container)), host: host.into(), port }
    }

    /// The container whose sockets a client has to have, if the server is in one.
    pub(super) fn container(&self) -> Option<&str> {
        match &self.psql {
            Psql::Here(_) => None,
            #[cfg(feature = "docker")]
            Psql::Beside(beside) => Some(beside.container()),
        }
    }

    /// The version that it says it is, such as `15.18`.
    ///
    /// # Errors
    /// When it does not answer.
    #[cfg(feature = "docker")]
    pub(super) async fn version(&self) -> Result<String> {
        let said = self.perform("SHOW server_version").await?;
        Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// Makes an empty database.
    pub(super) async fn create(&self, database: &str) -> Result<()> {
        self.perform(&format!("CREATE DATABASE {database}")).await.map(drop)
    }

    /// The data source name of a database, as Kratos takes it: a URL whose host stands among the options, where it can be
    /// a folder as well (PostgreSQL 15, 34.1.1.2 "Connection URIs").
    pub fn dsn(&self, database: &str) -> String {
        let options = form_urlencoded::Serializer::new(String::new())
            .append_pair("host", &self.host)
            .append_pair("port", &self.port.to_string())
            .append_pair("sslmode", "disable")
            .finish();
        format!("postgres://{ROLE}@/{database}?{options}")
    }

    /// Makes a template by the migrations of the Kratos at `binary`.
    ///
    /// # Errors
    /// When the migration fails; its last words are quoted.
    pub async fn migrate(&self, binary: &Path, template: &str) -> Result<Template> {
        self.create(template).await?;
        let mut command = Command::new(binary);
        command.args(["migrate", "sql", "-e", "--yes"]).env_clear().env("DSN", self.dsn(template)).current_dir("/");
        let answer = child::answer(&mut command, MIGRATION_LIMIT)
            .await
            .with_context(|| format!("cannot run `{} migrate sql`", binary.display()))?;
        if !answer.status.success() {
            let said = last_lines(&format!("{}{}", answer.stdout, answer.stderr), 3);
            return Err(anyhow!("`{} migrate sql` ended with {}:\n{said}", binary.display(), answer.status));
        }
        Ok(self.template(template))
    }

    /// The template of this name, which is there already.
    pub(super) fn template(&self, name: &str) -> Template {
        Template { postgres: self.clone(), name: name.to_owned(), copies: Arc::default() }
    }

    /// Has one statement performed, and gives what it answers.
    async fn perform(&self, statement: &str) -> Result<String> {
        let port = self.port.to_string();
        let arguments =
            ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--host", &self.host, "--port", &port];
        let arguments =
            [&arguments[..], &["--username", ROLE, "--dbname", "postgres", "--command", statement]].concat();
        let (is_success, stdout, stderr) = match &self.psql {
            Psql::Here(path) => {
                let mut command = Command::new(path);
                command.args(arguments).env_clear().current_dir("/");
                let answer = child::answer(&mut command, STATEMENT_LIMIT).await;
                let answer = answer.with_context(|| format!("cannot run `{}`", path.display()))?;
                (answer.status.success(), answer.stdout, answer.stderr)
            }
            #[cfg(feature = "docker")]
            Psql::Beside(container) => {
                let said = container.run(&[&["psql"], &arguments[..]].concat(), STATEMENT_LIMIT).await?;
                (said.is_success, said.stdout, said.stderr)
            }
        };
        if is_success {
            return Ok(stdout);
        }
        let said = last_lines(stderr.trim(), 2);
        // The system's text of ENOSPC, which Postgres hands on.
        if said.contains("No space left on device") {
            let what = format!("the disk of Postgres's databases is full: {said}");
            return Err(Missing::new(what, "TMPDIR names a place on another disk").into());
        }
        Err(anyhow!("Postgres refuses `{statement}`: {said}"))
    }
}

/// A database that a Kratos has migrated and nobody uses: what others are copies of.
#[derive(Debug, Clone)]
pub struct Template {
    postgres: Postgres,
    name: String,
    copies: Arc<AtomicU32>,
}

impl Template {
    /// A database of its own for one Kratos.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn copy(&self) -> Result<TemplateCopy> {
        let number = self.copies.fetch_add(1, Ordering::SeqCst);
        let name = format!("{}_{number}", self.name);
        self.postgres.perform(&format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).await?;
        Ok(TemplateCopy { postgres: self.postgres.clone(), name })
    }
}

/// A copy of a template. It stays until it is removed or its server is gone.
#[derive(Debug)]
pub struct TemplateCopy {
    postgres: Postgres,
    name: String,
}

impl TemplateCopy {
    /// Its data source name.
    pub fn dsn(&self) -> String {
        self.postgres.dsn(&self.name)
    }

    /// The container whose sockets its user has to have, if the server is in one.
    pub(super) fn container(&self) -> Option<&str> {
        self.postgres.container()
    }

    /// Removes it, and ends the connections that its user has left open.
    ///
    /// # Errors
    /// When Postgres refuses, or is gone.
    pub async fn remove(self) -> Result<()> {
        self.postgres.perform(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.map(drop)
    }
}

/// Makes what a cluster of this Kratos begins with, unless it is in the cache.
///
/// # Errors
/// As [`Cluster::start`].
pub async fn prepare(cache: &Cache, programs: &Programs, kratos: &KratosBinary, progress: &mut Progress) -> Result<()> {
    data::prepared(cache, programs, kratos, progress).await.map(|_| ())
}

/// The name of the template of a Kratos. What its binary calls itself is made fit for a statement, and leaves room for the
/// number of a copy in the 63 bytes of a name (PostgreSQL 15, 4.1.1).
pub(super) fn template_name(kratos: &KratosBinary) -> String {
    let version = kratos.version.to_string().to_ascii_lowercase();
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("kratos_{}", version.chars().map(fit).take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_source_name_may_name_a_folder() {
        let postgres = Postgres::at("psql", "/tmp/a b", 5432);

        assert_eq!(postgres.dsn("one"), "postgres://kratos@/one?host=%2Ftmp%2Fa+b&port=5432&sslmode=disable");
    }
}
