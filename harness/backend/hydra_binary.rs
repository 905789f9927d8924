//! The Hydra of a run: the version that this project builds.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{cache::Cache, product::Product, progress::Progress, servers::Server, version::Version};

/// A Hydra that is ready to be started.
#[derive(Debug, Clone)]
pub struct HydraBinary {
    /// The binary.
    pub path: PathBuf,
    /// Its version, as it says itself.
    pub version: Version,
}

impl HydraBinary {
    /// Finds the Hydra that has been built. Builds nothing.
    ///
    /// # Errors
    ///
    /// [`Missing`](super::missing::Missing) if it has not been built.
    pub async fn find(cache: &Cache, fixtures: &Path) -> Result<Self> {
        let path = server(fixtures)?.installed(cache).await?;
        let version = Version::ask(Product::Hydra, &path).await?;
        Ok(Self { path, version })
    }

    /// Builds it unless it has been built; takes a minute, more when Go's own cache is cold.
    ///
    /// # Errors
    ///
    /// As [`Server::build`].
    pub async fn build(cache: &Cache, fixtures: &Path, progress: &mut Progress) -> Result<Self> {
        server(fixtures)?.build(cache, progress).await?;
        Self::find(cache, fixtures).await
    }
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
    use crate::backend::{cache::Cache, missing::Missing};

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

        let error = HydraBinary::find(&Cache::at(folder.path())?, &fixtures).await.err();

        let missing = error.as_ref().and_then(|error| error.downcast_ref::<Missing>());
        assert!(missing.is_some_and(|missing| missing.to_string().contains("Hydra v2.3.0")), "{error:?}");
        Ok(())
    }
}
