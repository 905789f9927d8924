//! Every case gives the verdict that its file expects. One test for each file, all its trials inside.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::progress::Progress as SetupProgress;
use kratos_repro::browser::{Engine, Window};
use kratos_repro::case::{Case, Catalogue};
use kratos_repro::report::terminal::{self, Colour};
use kratos_repro::trial::{CaseOutcome, Progress, QueueSettings, WrongFixes, run_cases};
use kratos_repro::world::{Files, WorldSettings};
use rstest::rstest;
use tokio::sync::{mpsc, watch};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Runs all trials of a case and gives what they showed.
pub(crate) async fn run(case: Case) -> Result<Box<CaseOutcome>> {
    let fixtures = fixtures();
    let kratos = KratosBinary::find(&Cache::open()?, &fixtures, &KratosChoice::default(), &mut SetupProgress::silent())
        .await
        .context("the cases need a Kratos (hint: run scripts/setup)")?;
    let folder = tempfile::Builder::new().prefix("kratos-repro-test-").tempdir()?;
    let settings = QueueSettings {
        world: WorldSettings {
            fixtures,
            kratos: kratos.path,
            template: kratos.template,
            engine: Engine::Chromium,
            window: Window::Hidden,
            folder: folder.path().to_owned(),
            files: Files::Removed,
        },
        run_folder: folder.path().join("evidence"),
        jobs: 1,
        wrong_fixes: WrongFixes::All,
    };
    let (progress, mut told) = mpsc::unbounded_channel();
    let (_never, stop) = watch::channel(false);

    run_cases(vec![case], settings, progress, stop).await;

    let mut outcome = None;
    while let Some(step) = told.recv().await {
        if let Progress::Case(case) = step {
            outcome = Some(case);
        }
    }
    outcome.context("the case gave no outcome")
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium(#[files("fixtures/cases/**/*.yaml")] path: PathBuf) -> Result<()> {
    let catalogue = Catalogue::read(&fixtures())?;
    let case = catalogue.cases().iter().find(|case| case.path == path);
    let case = case.with_context(|| format!("the catalogue has no `{}`", path.display()))?;

    let outcome = run(case.clone()).await?;

    ensure!(outcome.as_expected(), "\n{}", terminal::failure(&outcome, Colour::Never));
    Ok(())
}

/// The tests above are made when this file is compiled: a case that came later would be left out without a word.
#[test]
fn every_case_file_has_a_test() -> Result<()> {
    let listed = Command::new(std::env::current_exe()?).args(["cases::chromium", "--list"]).output()?;
    let tests = String::from_utf8(listed.stdout)?.lines().filter(|line| line.ends_with(": test")).count();

    let cases = Catalogue::read(&fixtures())?.cases().len();

    ensure!(tests == cases, "there are {cases} case files and {tests} tests (hint: touch tests/cases.rs)");
    Ok(())
}
