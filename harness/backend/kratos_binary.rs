//! The Kratos of a run: which one is asked for, and the binary, version and database that this means.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Result;

use super::{
    cache::Cache,
    ground::Program,
    product::Product,
    progress::Progress,
    servers::Server,
    template,
    version::{UnfitServer, Version, looks_like_version},
};

/// Which Kratos is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KratosChoice {
    /// One that this project builds, such as `v1.3.1`.
    Version(String),
    /// A binary of the user's own.
    Path(PathBuf),
}

/// A Kratos that is ready to be started.
#[derive(Debug, Clone)]
pub struct KratosBinary {
    /// The program.
    pub program: Program,
    /// Its version, as it says itself.
    pub version: Version,
    /// An SQLite file that it has migrated; to be copied, never opened.
    pub template: PathBuf,
}

impl Default for KratosChoice {
    /// The version that the cases are written for.
    fn default() -> Self {
        Self::Version("v1.3.1".to_owned())
    }
}

impl FromStr for KratosChoice {
    type Err = Infallible;

    /// Takes `v1.3.1` for a version and anything else for a path; `./v1.3.1` is a path.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if looks_like_version(text) { Self::Version(text.to_owned()) } else { Self::Path(text.into()) })
    }
}

impl fmt::Display for KratosChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => f.write_str(version),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl KratosChoice {
    /// Makes sure that a version is one of those in `fixtures`, and that there is something at a path. Whether that is a
    /// Kratos is not asked.
    ///
    /// # Errors
    ///
    /// [`UnfitServer`] if it is not there; it names those that are.
    pub fn ensure_known(&self, fixtures: &Path) -> Result<()> {
        let all = match self {
            Self::Path(path) if path.exists() => return Ok(()),
            Self::Path(path) if path.components().count() > 1 => {
                return Err(UnfitServer::new(Product::Kratos, path.display(), "there is no such file").into());
            }
            _ => Server::all(fixtures, Product::Kratos)?,
        };
        let known: Vec<_> = all.iter().map(Server::version).collect();
        let asked = self.to_string();
        if known.contains(&asked.as_str()) {
            return Ok(());
        }
        let meant = known.iter().find(|version| version.trim_start_matches('v') == asked);
        let reason = match (meant, self) {
            (Some(version), _) => format!("it is no version and no file (hint: did you mean `{version}`?)"),
            (None, Self::Version(_)) => format!(
                "no such version is known here (hint: there is {}; a path names a binary of your own, and \
                 `--backend docker` takes an image of any version)",
                known.join(", ")
            ),
            (None, Self::Path(_)) => format!(
                "there is no such file (hint: the versions known here are {}; a path names a binary of your own)",
                known.join(", ")
            ),
        };
        Err(UnfitServer::new(Product::Kratos, asked, reason).into())
    }

    /// The server to build, if the choice is one of the versions in `fixtures`.
    ///
    /// # Errors
    ///
    /// [`UnfitServer`] if it is a version that is not there; it names those that are.
    pub(super) fn server(&self, fixtures: &Path) -> Result<Option<Server>> {
        let Self::Version(version) = self else {
            return Ok(None);
        };
        self.ensure_known(fixtures)?;
        Ok(Server::all(fixtures, Product::Kratos)?.into_iter().find(|server| server.version() == version))
    }
}

impl KratosBinary {
    /// Finds the Kratos that `choice` names, asks for its version, and migrates its template
    /// database if that has not been done (3 s, once). Builds nothing.
    ///
    /// # Errors
    ///
    /// [`UnfitServer`] if the choice names none; [`Missing`](super::missing::Missing) if the version has not been built.
    pub async fn find(cache: &Cache, fixtures: &Path, choice: &KratosChoice, progress: &mut Progress) -> Result<Self> {
        let path = locate(cache, fixtures, choice).await?;
        let version = Version::ask(Product::Kratos, &path).await?;
        let identity = match choice {
            // The entry's name says all that decides the content.
            KratosChoice::Version(_) => {
                let entry = path.parent().and_then(Path::file_name).unwrap_or_default();
                entry.display().to_string()
            }
            KratosChoice::Path(_) => template::identify(&path)?,
        };
        let template = template::migrated(cache, Product::Kratos, &path, &identity, progress).await?;
        Ok(Self { program: Program::Binary(path), version, template })
    }
}

/// Where the binary of a choice is; it need not be a Kratos yet if the choice is a path.
///
/// # Errors
///
/// [`UnfitServer`] if the choice is a version that is not known here; [`Missing`](super::missing::Missing) if it has not
/// been built.
pub async fn locate(cache: &Cache, fixtures: &Path, choice: &KratosChoice) -> Result<PathBuf> {
    match choice {
        // A path stays as the user wrote it, but for the folder that it starts from.
        KratosChoice::Path(path) => Ok(std::path::absolute(path)
            .map_err(|error| UnfitServer::new(Product::Kratos, path.display(), error.to_string()))?),
        KratosChoice::Version(_) => match choice.server(fixtures)? {
            Some(server) => server.installed(cache).await,
            None => Err(UnfitServer::new(Product::Kratos, choice, "no such version is known here").into()),
        },
    }
}

/// Makes sure that what a choice names by its path is a Kratos.
///
/// # Errors
///
/// [`UnfitServer`] if it is not.
pub async fn ensure_is_one(choice: &KratosChoice) -> Result<()> {
    if let KratosChoice::Path(path) = choice {
        Version::ask(Product::Kratos, &std::path::absolute(path)?).await?;
    }
    Ok(())
}

/// Whether the binary of a choice may be here. It runs no program to find out, unlike [`locate`]: it is for a process that has
/// no net below it yet.
///
/// # Errors
///
/// [`UnfitServer`] if the choice is a version that is never built here.
pub fn may_be_here(cache: &Cache, fixtures: &Path, choice: &KratosChoice) -> Result<bool> {
    choice.server(fixtures)?.map_or(Ok(true), |server| server.may_be_installed(cache))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use anyhow::Result;
    use rstest::rstest;

    use super::{KratosBinary, KratosChoice};
    use crate::backend::{
        Program, cache::Cache, fake_program, missing::Missing, progress::Progress, version::UnfitServer,
    };

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
    }

    async fn find(cache: &Cache, choice: &str) -> Result<KratosBinary> {
        let choice = choice.parse::<KratosChoice>()?;
        KratosBinary::find(cache, &fixtures(), &choice, &mut Progress::silent()).await
    }

    #[tokio::test]
    async fn a_binary_of_the_users_own_is_ready_with_version_and_database() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path().join("cache"))?;
        let path = folder.path().join("kratos");
        let script = r"case $1 in
            version) echo 'kratos version'; echo 'Version: v26.2.0';;
            migrate) printf 'SQLite format 3\000\020\000\001\001' > kratos.sqlite;;
        esac";
        fake_program::write(&path, script)?;

        let found = find(&cache, &path.display().to_string()).await?;

        assert_eq!(found.program, Program::Binary(path));
        assert_eq!(found.version.to_string(), "v26.2.0");
        assert!(found.template.is_file());
        Ok(())
    }

    #[rstest]
    #[case::no_such_version("v0.0.0")]
    #[case::neither_a_version_nor_a_file("nonsense")]
    #[case::no_such_file("/nowhere/kratos")]
    #[case::another_program("/bin/true")]
    #[case::folder("/")]
    #[tokio::test]
    async fn a_wrong_choice_is_not_a_kratos(#[case] choice: &str) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;

        let error = find(&cache, choice).await.err();

        let refused = error.as_ref().and_then(|error| error.downcast_ref::<UnfitServer>());
        assert!(refused.is_some_and(|text| text.to_string().contains(choice)), "{error:?}");
        Ok(())
    }

    #[rstest]
    #[case::version_without_its_letter("1.3.1", "did you mean `v1.3.1`?")]
    #[case::word("nonsense", "v1.3.1")]
    #[case::other_version("v9", "v1.3.1")]
    #[case::path("/nowhere/kratos", "/nowhere/kratos")]
    fn a_wrong_choice_is_refused_without_a_look_into_the_cache(#[case] choice: &str, #[case] said: &str) -> Result<()> {
        let refused = choice.parse::<KratosChoice>()?.ensure_known(&fixtures()).err();

        let text = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains(said), "{text}");
        Ok(())
    }

    #[tokio::test]
    async fn a_version_that_is_not_built_is_missing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path())?;

        let error = find(&cache, "v1.3.1").await.err();

        let missing = error.as_ref().and_then(|error| error.downcast_ref::<Missing>());
        assert!(missing.is_some_and(|missing| missing.cure().contains("setup")), "{error:?}");
        Ok(())
    }
}
