//! Runs the trials of one case in this process.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kratos_repro::backend::Backend;
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::hydra_binary::HydraBinary;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::progress::Progress as SetupProgress;
use kratos_repro::browser::Window;
use kratos_repro::case::Case;
use kratos_repro::trial::{CaseOutcome, Progress, QueueSettings, Turn, run_cases};
use kratos_repro::world::ui::Interface;
use kratos_repro::world::{ClientPrograms, Files, WorldSettings};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
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
        fixtures,
        backend: Backend::Native,
        kratos,
        hydra: hydra.ok(),
        interface: Interface::Ours,
        window: Window::Hidden,
        folder: folder.to_owned(),
        files: Files::Removed,
    })
}

/// Runs all trials of a case in one lineup and gives what they showed.
pub(crate) async fn run(turn: Turn) -> Result<Box<CaseOutcome>> {
    let folder = folder()?;
    let world = world_settings(folder.path(), std::slice::from_ref(&turn.case)).await?;
    run_with(turn, world, &folder).await
}

/// A folder for the worlds of a case and their evidence.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("kratos-repro-test-").tempdir()?)
}

/// Runs all trials in worlds made from these.
pub(crate) async fn run_with(turn: Turn, world: WorldSettings, folder: &TempDir) -> Result<Box<CaseOutcome>> {
    let settings = QueueSettings { world, run_folder: folder.path().join("evidence"), jobs: 1 };
    let (progress, mut told) = mpsc::unbounded_channel();
    let (_never, stop) = watch::channel(false);

    run_cases(vec![turn], settings, progress, stop).await;

    let mut outcome = None;
    while let Some(step) = told.recv().await {
        if let Progress::Case(case) = step {
            outcome = Some(case);
        }
    }
    outcome.context("the case gave no outcome")
}
