//! Runs the trials of one case in this process.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kratos_repro::backend::Backend;
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::hydra_binary::HydraBinary;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::postgres::{Cluster, Programs};
use kratos_repro::backend::progress::Progress as SetupProgress;
use kratos_repro::backend::{Database, DatabaseKind};
use kratos_repro::browser::Window;
use kratos_repro::case::{Case, Differences};
use kratos_repro::trial::{CaseOutcome, Progress, QueueSettings, Turn, run_cases};
use kratos_repro::world::ui::Interface;
use kratos_repro::world::{ClientPrograms, Files, WorldSettings};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The database that `KRATOS_REPRO_DB` asks for, as for `run`; with Postgres a cluster for these trials alone.
async fn database(cache: &Cache, kratos: &KratosBinary) -> Result<(Database, Option<Cluster>)> {
    let asked = std::env::var("KRATOS_REPRO_DB").ok().filter(|word| !word.is_empty());
    let kind = asked.map_or(Ok(DatabaseKind::default()), |word| word.parse()).map_err(anyhow::Error::msg)?;
    match kind {
        DatabaseKind::Sqlite => Ok((Database::Sqlite, None)),
        DatabaseKind::Postgres => {
            let programs = Programs::find().await?;
            let (cluster, template) = Cluster::start(cache, &programs, kratos, &mut SetupProgress::silent()).await?;
            Ok((Database::Postgres(template), Some(cluster)))
        }
    }
}

/// What worlds are made from here, in a folder, with the client programs that these cases use.
pub(crate) async fn world_settings(folder: &Path, cases: &[Case]) -> Result<WorldSettings> {
    let fixtures = fixtures();
    let cache = Cache::open()?;
    let kratos = KratosBinary::find(&cache, &fixtures, &KratosChoice::default(), &mut SetupProgress::silent())
        .await
        .context("the cases need a Kratos (hint: run scripts/setup)")?;
    // A case without Hydra needs none; one that does says so by name.
    let hydra = HydraBinary::find(&Cache::open()?, &fixtures, &mut SetupProgress::silent()).await;
    Ok(WorldSettings {
        clients: ClientPrograms::find(&cache, &fixtures, cases).await?,
        differences: Differences::read(&fixtures)?,
        fixtures,
        backend: Backend::Native,
        kratos,
        database: Database::Sqlite,
        hydra: hydra.ok(),
        interface: Interface::Ours,
        remote: None,
        window: Window::Hidden,
        folder: folder.to_owned(),
        files: Files::Removed,
        jitter: None,
    })
}

/// Runs all trials of a case in one lineup and gives what they showed.
pub(crate) async fn run(turn: Turn) -> Result<Box<CaseOutcome>> {
    let folder = folder()?;
    let mut world = world_settings(folder.path(), std::slice::from_ref(&turn.case)).await?;
    let (database, cluster) = database(&Cache::open()?, &world.kratos).await?;
    world.database = database;
    let outcome = run_with(turn, world, &folder).await;
    if let Some(cluster) = cluster {
        cluster.close().await?;
    }
    outcome
}

/// A folder for the worlds of a case and their evidence.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("kratos-repro-test-").tempdir()?)
}

/// Runs all trials in worlds made from these.
pub(crate) async fn run_with(turn: Turn, world: WorldSettings, folder: &TempDir) -> Result<Box<CaseOutcome>> {
    let turn = turn.on(&world.kratos.version, &world.differences)?;
    let settings = QueueSettings { world, run_folder: folder.path().join("evidence"), jobs: 1, repeat: 1 };
    let (progress, mut told) = mpsc::unbounded_channel();
    let (_never, stop) = watch::channel(false);

    run_cases(vec![turn], settings, progress, stop).await;

    let mut outcome = None;
    while let Some(step) = told.recv().await {
        if let Progress::Case { outcome: case, .. } = step {
            outcome = Some(case);
        }
    }
    outcome.context("the case gave no outcome")
}
