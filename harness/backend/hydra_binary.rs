//! The Hydra of a run: the version that this project builds.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{
    cache::Cache, ground::Program, product::Product, progress::Progress, servers::Server, template, version::Version,
};

/// What every Hydra of ours encrypts its keys with. It protects nothing but a test.
pub const SYSTEM_SECRET: &str = "only-for-tests-not-a-secret-0004";

/// A Hydra that is ready to be started.
#[derive(Debug, Clone)]
pub struct HydraBinary {
    /// The program.
    pub program: Program,
    /// Its version, as it says itself.
    pub version: Version,
    /// An SQLite file that it has migrated, with its signing keys; to be copied, never opened.
    pub template: PathBuf,
}

impl HydraBinary {
    /// Finds the Hydra that has been built, and makes its template database if that has not been done (3 to 25 s,
    /// once). Builds nothing.
    ///
    /// # Errors
    ///
    /// [`Missing`](super::missing::Missing) if it has not been built.
    pub async fn find(cache: &Cache, fixtures: &Path, progress: &mut Progress) -> Result<Self> {
        let (path, version) = locate(cache, fixtures).await?;
        let entry = path.parent().and_then(Path::file_name).unwrap_or_default();
        let identity = format!("{} with keys", entry.display());
        let template = template::migrated(cache, Product::Hydra, &path, &identity, progress).await?;
        Ok(Self { program: Program::Binary(path), version, template })
    }

    /// Builds it unless it has been built; takes a minute, more when Go's own cache is cold.
    ///
    /// # Errors
    ///
    /// As [`Server::build`].
    pub async fn build(cache: &Cache, fixtures: &Path, progress: &mut Progress) -> Result<Self> {
        server(fixtures)?.build(cache, progress).await?;
        Self::find(cache, fixtures, progress).await
    }
}

/// The binary that has been built, and its version.
pub(super) async fn locate(cache: &Cache, fixtures: &Path) -> Result<(PathBuf, Version)> {
    let path = server(fixtures)?.installed(cache).await?;
    let version = Version::ask(Product::Hydra, &path).await?;
    Ok((path, version))
}

/// The version that takes part in a run.
///
/// # Errors
///
/// If `fixtures` has no Hydra.
pub fn version(fixtures: &Path) -> Result<String> {
    Ok(server(fixtures)?.version().to_owned())
}

/// The newest version whose folder is there.
fn server(fixtures: &Path) -> Result<Server> {
    let mut all = Server::all(fixtures, Product::Hydra)?;
    all.sort_by_key(|server| server.version().parse::<Version>().ok());
    all.pop().with_context(|| format!("`{}` has no folder `servers/hydra-...`", fixtures.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anyhow::Result;

    use super::{HydraBinary, server};
    use crate::backend::{cache::Cache, missing::Missing, progress::Progress};

    #[test]
    fn the_newest_version_is_taken() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for name in ["hydra-v2.3.0", "hydra-v2.10.0", "hydra-v2.9.0", "kratos-v9.0.0"] {
            fs::create_dir_all(folder.path().join("servers").join(name))?;
        }

        assert_eq!(server(folder.path())?.version(), "v2.10.0");
        Ok(())
    }

    #[tokio::test]
    async fn one_that_is_not_built_is_missing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");

        let error = HydraBinary::find(&Cache::at(folder.path())?, &fixtures, &mut Progress::silent()).await.err();

        let missing = error.as_ref().and_then(|error| error.downcast_ref::<Missing>());
        assert!(missing.is_some_and(|missing| missing.to_string().contains("Hydra v2.3.0")), "{error:?}");
        Ok(())
    }
}
