//! Postgres as Kratos's database: a server that answers, a template in it that a Kratos has migrated, and copies of it.
//! Where the server runs is another matter: [`Cluster`] starts one for a run from the programs of this machine.

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
use super::kratos_binary::KratosBinary;
use super::missing::Missing;
use super::progress::Progress;

pub use cluster::Cluster;
pub use programs::Programs;

/// The role that owns everything; it needs no password, whoever reaches the server may be it.
const ROLE: &str = "kratos";

/// How long a statement may take. Copying a database takes 0.1 s on an idle machine.
const STATEMENT_LIMIT: Duration = Duration::from_secs(60);

/// How long a migration may take; it takes 1 s on an idle machine.
const MIGRATION_LIMIT: Duration = Duration::from_secs(180);

/// A Postgres that answers, wherever it runs. It is asked by `psql`, which comes with the server: a client library would
/// bring some 25 crates for three statements.
#[derive(Debug, Clone)]
pub struct Postgres {
    psql: PathBuf,
    host: String,
    port: u16,
}

impl Postgres {
    /// The server at a host, or in a folder that holds its socket, which lets the role `kratos` in without a password.
    pub fn at(psql: impl Into<PathBuf>, host: impl Into<String>, port: u16) -> Self {
        Self { psql: psql.into(), host: host.into(), port }
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
        self.perform(&format!("CREATE DATABASE {template}")).await?;
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
    fn template(&self, name: &str) -> Template {
        Template { postgres: self.clone(), name: name.to_owned(), copies: Arc::default() }
    }

    /// Has one statement performed.
    async fn perform(&self, statement: &str) -> Result<()> {
        let mut command = Command::new(&self.psql);
        command
            .args(["--no-psqlrc", "--quiet", "--host", &self.host, "--port", &self.port.to_string()])
            .args(["--username", ROLE, "--dbname", "postgres", "--command", statement])
            .env_clear()
            .current_dir("/");
        let answer = child::answer(&mut command, STATEMENT_LIMIT)
            .await
            .with_context(|| format!("cannot run `{}`", self.psql.display()))?;
        if answer.status.success() {
            return Ok(());
        }
        let said = last_lines(answer.stderr.trim(), 2);
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

    /// Removes it, and ends the connections that its user has left open.
    ///
    /// # Errors
    /// When Postgres refuses, or is gone.
    pub async fn remove(self) -> Result<()> {
        self.postgres.perform(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
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
fn template_name(kratos: &KratosBinary) -> String {
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
