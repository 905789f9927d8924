//! Everything that is made once, before the first run: the Kratos and its template database, the Hydra, and Firefox's
//! driver.

use std::path::Path;

use anyhow::Result;

use crate::browser::Engine;

use super::{
    applications::{Application, Installed},
    cache::Cache,
    geckodriver,
    hydra_binary::HydraBinary,
    kratos_binary::{KratosBinary, KratosChoice},
    postgres::{self, Programs},
    progress::Progress,
};

/// Makes the Kratos of `choice` ready: builds it if it is a version of `fixtures` that has not been
/// built, and migrates its template database. Takes a fraction of a second where all is there.
///
/// Dropping the future stops the work and leaves nothing half-made.
///
/// # Errors
///
/// [`UnfitServer`](super::version::UnfitServer) if the choice names no Kratos;
/// [`Missing`](super::missing::Missing) if the machine lacks something.
pub async fn prepare(
    cache: &Cache,
    fixtures: &Path,
    choice: &KratosChoice,
    progress: &mut Progress,
) -> Result<KratosBinary> {
    if let Some(server) = choice.server(fixtures)? {
        server.build(cache, progress).await?;
    }
    KratosBinary::find(cache, fixtures, choice, progress).await
}

/// Builds the Hydra, unless that has been done.
///
/// # Errors
///
/// [`Missing`](super::missing::Missing) if the machine lacks something that the build needs.
pub async fn prepare_hydra(cache: &Cache, fixtures: &Path, progress: &mut Progress) -> Result<HydraBinary> {
    HydraBinary::build(cache, fixtures, progress).await
}

/// Makes the data that a Postgres of this Kratos begins with, unless that has been done (2 s, once).
///
/// # Errors
///
/// [`Missing`](super::missing::Missing) if Postgres is not installed.
pub async fn prepare_postgres(cache: &Cache, kratos: &KratosBinary, progress: &mut Progress) -> Result<Programs> {
    let programs = Programs::find().await?;
    postgres::prepare(cache, &programs, kratos, progress).await?;
    Ok(programs)
}

/// Builds the geckodriver, unless there is one: in the cache, on the `PATH`, or named by its variable.
///
/// # Errors
///
/// [`Missing`](super::missing::Missing) if the machine lacks something that the build needs.
pub async fn prepare_geckodriver(cache: &Cache, progress: &mut Progress) -> Result<()> {
    if Engine::Firefox.driver().is_none() {
        geckodriver::build(cache, progress).await?;
    }
    Ok(())
}

/// Makes the applications of the cases ready, one after the other; an application that cannot be installed does not
/// keep the others from it. Takes 0.1 s where all are here, and three minutes on two cores where none is.
///
/// # Errors
///
/// Never as a whole: each has an outcome of its own, with the errors of [`Application::install`].
pub async fn prepare_applications(
    cache: &Cache,
    fixtures: &Path,
    progress: &mut Progress,
) -> Vec<(Application, Result<Installed>)> {
    let mut outcomes = Vec::new();
    for application in Application::ALL {
        outcomes.push((application, application.install(cache, fixtures, progress).await));
    }
    outcomes
}
