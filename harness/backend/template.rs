//! The template database: an SQLite file that a server has migrated once, and of which each world gets a copy, because
//! a migration takes seconds and a copy takes milliseconds. That of a Hydra has its signing keys as well.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::{
    cache::Cache,
    child::{self, last_lines},
    claim::Claim,
    ground::{Ground, Program},
    hydra_binary::SYSTEM_SECRET,
    hydra_keys,
    product::Product,
    progress::Progress,
};

/// How long a migration may take; it takes 3 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(180);

/// The template database of the server at `binary`; made if it is not in the cache.
///
/// `identity` is what the binary is known by: another text for another content.
pub(super) async fn migrated(
    cache: &Cache,
    product: Product,
    binary: &Path,
    identity: &str,
    progress: &mut Progress,
) -> Result<PathBuf> {
    let file = format!("{}.sqlite", product.program());
    let hash = format!("{:x}", Sha256::digest(identity));
    let unfinished = match cache.claim(&format!("template-{}", &hash[..16]), progress).await? {
        Claim::Ready(entry) => return Ok(entry.join(file)),
        Claim::Unfinished(unfinished) => unfinished,
    };
    progress.begin(format!("migrating an empty database, once for this {product}"));
    let mut command = Command::new(binary);
    // The path is relative because a data source name has its own meaning for `?` and `#`.
    command
        .args(["migrate", "sql", "-e", "--yes"])
        .env_clear()
        .env("DSN", format!("sqlite://{file}?_fk=true&mode=rwc"))
        .current_dir(unfinished.folder());
    let answer = child::answer(&mut command, LIMIT)
        .await
        .with_context(|| format!("cannot run `{} migrate sql`", binary.display()))?;
    if !answer.status.success() {
        let said = format!("{}{}", answer.stdout, answer.stderr);
        let failure = anyhow::anyhow!(
            "`{} migrate sql` ended with {}:\n{}",
            binary.display(),
            answer.status,
            last_lines(&said, 3)
        );
        // SQLite's text of SQLITE_FULL (sqlite3.c, `sqlite3ErrStr`).
        if said.contains("database or disk is full") {
            return Err(failure.context(cache.full_disk()));
        }
        return Err(failure);
    }
    if product == Product::Hydra {
        progress.begin("making its signing keys");
        hydra_keys::make(
            &Ground::Native,
            &Program::Binary(binary.to_owned()),
            &unfinished.folder().join(&file),
            SYSTEM_SECRET,
        )
        .await?;
    }
    check(unfinished.folder(), &file)?;
    let entry = unfinished.finish()?;
    progress.finish("migrated an empty database");
    Ok(entry.join(file))
}

/// What a binary that the user names is known by: its path without symbolic links, size in bytes,
/// and time of change in nanoseconds.
pub(crate) fn identify(binary: &Path) -> Result<String> {
    let cannot = || format!("cannot look at `{}`", binary.display());
    let file = binary.canonicalize().with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    let changed =
        metadata.modified().with_context(cannot)?.duration_since(std::time::UNIX_EPOCH).with_context(cannot)?;
    Ok(format!("{} {} {}", binary.display(), metadata.len(), changed.as_nanos()))
}

/// Makes sure that a copy of the one file is a copy of the database.
pub(super) fn check(folder: &Path, file: &str) -> Result<()> {
    let cannot = || format!("cannot read `{}`", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let name = entry.with_context(cannot)?.file_name();
        ensure!(name == file, "the migration left `{}` beside the database", name.display());
    }
    let database = fs::read(folder.join(file)).with_context(cannot)?;
    // SQLite file format, 1.3 "The Database Header": a magic text, and from byte 18 on two bytes that
    // are 1 for a rollback journal and 2 for a write-ahead log.
    if !database.starts_with(b"SQLite format 3\0") || database.get(18..20) != Some(&[1, 1]) {
        bail!("the migration left no plain SQLite database (hint: is the server built with SQLite?)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anyhow::{Result, bail};
    use rstest::rstest;

    use super::{identify, migrated};
    use crate::backend::{cache::Cache, fake_program, missing::Missing, product::Product, progress::Progress};

    /// Writes a database header with a rollback journal.
    const MIGRATE: &str = r"printf 'SQLite format 3\000\020\000\001\001' > kratos.sqlite";

    #[tokio::test]
    async fn it_is_made_once_per_binary() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path().join("cache"))?;
        let binary = folder.path().join("kratos");
        let note = folder.path().join("migrations");
        let script = format!(
            r#"echo "$DSN $*" >> '{}'; {MIGRATE}; unset DSN PWD; env > '{}'"#,
            note.display(),
            folder.path().join("environment").display()
        );
        fake_program::write(&binary, &script)?;
        let mut silent = Progress::silent();

        let first = migrated(&cache, Product::Kratos, &binary, "one", &mut silent).await?;
        let again = migrated(&cache, Product::Kratos, &binary, "one", &mut silent).await?;
        let other = migrated(&cache, Product::Kratos, &binary, "two", &mut silent).await?;

        assert_eq!(first, again);
        assert_ne!(first, other);
        let migrations = fs::read_to_string(note)?;
        assert_eq!(migrations.lines().count(), 2);
        assert_eq!(migrations.lines().next(), Some("sqlite://kratos.sqlite?_fk=true&mode=rwc migrate sql -e --yes"));
        let environment = fs::read_to_string(folder.path().join("environment"))?;
        assert!(!environment.contains("HOME="), "{environment}");
        Ok(())
    }

    #[rstest]
    #[case::fails("echo 'no sqlite' >&2; exit 1", "no sqlite", false)]
    #[case::full("echo 'database or disk is full' >&2; exit 1", "is full", true)]
    #[case::no_database("touch kratos.sqlite", "no plain SQLite database", false)]
    #[case::write_ahead_log(
        "printf 'SQLite format 3\\000\\020\\000\\002\\002' > kratos.sqlite",
        "no plain SQLite database",
        false
    )]
    #[case::two_files("touch kratos.sqlite kratos.sqlite-wal", "kratos.sqlite-wal", false)]
    #[tokio::test]
    async fn a_migration_that_goes_wrong_says_why_and_keeps_nothing(
        #[case] script: &str,
        #[case] text: &str,
        #[case] missing: bool,
    ) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path().join("cache"))?;
        let binary = folder.path().join("kratos");
        fake_program::write(&binary, script)?;

        let Err(error) = migrated(&cache, Product::Kratos, &binary, "one", &mut Progress::silent()).await else {
            bail!("a database was made");
        };

        assert!(format!("{error:#}").contains(text), "{error:#}");
        assert_eq!(error.downcast_ref::<Missing>().is_some(), missing);
        assert_eq!(cache.entries("template-")?, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn a_binary_that_was_replaced_is_another() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let binary = folder.path().join("kratos");
        fs::write(&binary, "one")?;
        let before = identify(&binary)?;
        fs::write(&binary, "another")?;

        assert_ne!(identify(&binary)?, before);
        Ok(())
    }
}
