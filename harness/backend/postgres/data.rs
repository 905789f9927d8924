//! The data that a cluster begins with: initialised, and with the template of one Kratos. It lies in the cache.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::syncfs;
use sha2::{Digest as _, Sha256};
#[cfg(feature = "docker")]
use tempfile::TempDir;

use super::cluster::{Cluster, own_folder};
use super::programs::{Account, Programs};
use super::template_name;
use crate::backend::cache::Cache;
use crate::backend::child::last_lines;
use crate::backend::claim::Claim;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::progress::Progress;
use crate::backend::template::identify;
use crate::backend::{Ending, Launch, Output};

/// How `initdb` is called, beside the place. Small segments of the log, because a copy has at least one.
const INITIALISE: [&str; 8] = [
    "--username=kratos",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
    "--no-sync",
    "--no-instructions",
];

/// How long an initialisation may take; it takes 1 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(120);

/// The folder of the data for this Kratos; made if it is not in the cache.
pub(super) async fn prepared(
    cache: &Cache,
    programs: &Programs,
    kratos: &KratosBinary,
    progress: &mut Progress,
) -> Result<PathBuf> {
    let known_by = format!("{} {} {INITIALISE:?}", identify(kratos.program.binary()?)?, programs.version());
    let hash = format!("{:x}", Sha256::digest(known_by));
    let unfinished = match cache.claim(&format!("postgres-{}", &hash[..16]), progress).await? {
        Claim::Ready(entry) => return Ok(entry.join("data")),
        Claim::Unfinished(unfinished) => unfinished,
    };
    progress.begin(format!("migrating an empty database, once for this Kratos in Postgres {}", programs.version()));
    // Not in the cache itself, which may be closed to the user that Postgres runs as.
    let folder = own_folder(programs.account())?;
    initialise(programs, folder.path()).await?;
    let mut cluster = Cluster::run(programs, folder).await?;
    cluster.postgres(programs).migrate(kratos.program.binary()?, &template_name(kratos)).await?;
    let data = cluster.rest().await?;
    copy(&data, &unfinished.folder().join("data"), None)?;
    cluster.close().await?;
    // The entry has many files; without this a machine that loses power could keep their names and lose their content.
    syncfs(File::open(unfinished.folder()).context("cannot open the new entry of the cache")?)
        .context("cannot write the new entry of the cache to its disk")?;
    let entry = unfinished.finish()?;
    progress.finish("migrated an empty database in Postgres");
    Ok(entry.join("data"))
}

/// Data that nobody has used yet: the folder `data` in this one.
#[cfg(feature = "docker")]
pub(in crate::backend) async fn initialised(programs: &Programs) -> Result<TempDir> {
    let folder = own_folder(programs.account())?;
    initialise(programs, folder.path()).await?;
    Ok(folder)
}

async fn initialise(programs: &Programs, folder: &Path) -> Result<()> {
    let place = [OsStr::new("-D"), OsStr::new("data")];
    let (program, arguments) = programs.line("initdb", place.into_iter().chain(INITIALISE.map(OsStr::new)));
    let log = folder.join("initdb.log");
    let mut process = Launch::new(program, folder, Output::File(log.clone()))
        .args(arguments)
        // Its settings name the machine's time zone, else, whose rules another place may not have; this one has none.
        .env("TZ", "GMT")
        // The servers that it starts have shared memory, which they remove when they see its end.
        .ends_by(Ending::Head)
        .start()?;
    let ended = tokio::time::timeout(LIMIT, process.exited()).await;
    process.close().await?;
    let status = ended.with_context(|| format!("Postgres's `initdb` did not end within {} s", LIMIT.as_secs()))??;
    if !status.success() {
        bail!("`initdb` ended with {status}:\n{}", last_lines(&fs::read_to_string(&log).unwrap_or_default(), 3));
    }
    Ok(())
}

/// Copies the data, each file to the user who is to have it. Postgres wants the folders closed to everybody else.
pub(super) fn copy(from: &Path, to: &Path, owner: Option<&Account>) -> Result<()> {
    let cannot = || format!("failed to copy `{}` to `{}`", from.display(), to.display());
    DirBuilder::new().mode(0o700).create(to).with_context(cannot)?;
    give(to, owner)?;
    for entry in fs::read_dir(from).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let to = to.join(entry.file_name());
        if entry.file_type().with_context(cannot)?.is_dir() {
            copy(&entry.path(), &to, owner)?;
        } else {
            fs::copy(entry.path(), &to).with_context(cannot)?;
            give(&to, owner)?;
        }
    }
    Ok(())
}

fn give(path: &Path, owner: Option<&Account>) -> Result<()> {
    let Some(account) = owner else { return Ok(()) };
    chown(path, Some(account.uid.as_raw()), Some(account.gid.as_raw()))
        .with_context(|| format!("failed to give `{}` to `{}`", path.display(), account.name))
}
