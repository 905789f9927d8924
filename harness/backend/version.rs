//! The version of a server's binary, as the binary itself tells it.

use std::{fmt, io, path::Path, str::FromStr, time::Duration};

use semver::{BuildMetadata, Prerelease};
use tokio::process::Command;

use super::child::{self, Answer};
use super::product::Product;

/// How long a binary may take to tell its version. A Kratos takes about 0.1 s, on a busy machine many times that.
const LIMIT: Duration = Duration::from_secs(20);

/// The version of a Kratos or a Hydra, in order; a build that does not know its own counts as the newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// A release, or what comes before one.
    Release(semver::Version),
    /// A build that does not know its version; what it says instead, such as `master`.
    Unknown(String),
}

/// What was named as a server is none that can be started: a wrong call, exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{subject}` is not a {product} that can be started: {reason}")]
pub struct UnfitServer {
    product: Product,
    subject: String,
    reason: String,
}

impl UnfitServer {
    pub(crate) fn new(product: Product, subject: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self { product, subject: subject.to_string(), reason: reason.into() }
    }

    /// What was named.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }
}

impl Version {
    /// Reads `v1.3.1` or `26.2.0-pre.1`; `None` if `text` is no release.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).ok().map(Self::Release)
    }

    /// The release that this is or leads to; nothing where the build does not know its version.
    ///
    /// What comes before a release counts as the release: of Kratos v0.6 to v0.9 there is nothing but `-alpha` (tags of
    /// ory/kratos, such as `v0.8.0-alpha.3`).
    #[must_use]
    pub fn release(&self) -> Option<semver::Version> {
        match self {
            Self::Release(version) => {
                Some(semver::Version { pre: Prerelease::EMPTY, build: BuildMetadata::EMPTY, ..version.clone() })
            }
            Self::Unknown(_) => None,
        }
    }

    /// Asks the binary at `path` for its version.
    pub(super) async fn ask(product: Product, path: &Path) -> Result<Self, UnfitServer> {
        Self::ask_within(product, path, LIMIT).await
    }

    async fn ask_within(product: Product, path: &Path, limit: Duration) -> Result<Self, UnfitServer> {
        let refuse = |reason: String| UnfitServer::new(product, path.display(), reason);
        if path.is_dir() {
            return Err(refuse("it is a folder".to_owned()));
        }
        if !path.exists() {
            return Err(refuse("there is no such file".to_owned()));
        }
        if !child::is_executable(path) {
            return Err(refuse("it is not executable".to_owned()));
        }
        let run = |arguments: &'static [&str]| {
            let mut command = Command::new(path);
            command.args(arguments).env_clear();
            async move { child::answer(&mut command, limit).await }
        };
        // Other programs have a `version` too, Hydra among them; only the help names the program.
        let (help, version) = tokio::join!(run(&["version", "--help"]), run(&["version"]));
        let usable = |answer: io::Result<Answer>, command: &str| {
            let answer = answer.map_err(|error| refuse(format!("`{command}`: {error}")))?;
            if answer.status.success() {
                Ok(answer)
            } else {
                Err(refuse(format!("`{command}` ended with {}", answer.status)))
            }
        };
        let help = usable(help, "version --help")?;
        let version = usable(version, "version")?;
        if !help.stdout.contains(&format!("{} version", product.program())) {
            return Err(refuse(format!("its `version --help` does not name {product}")));
        }
        Ok(Self::read(&version.stdout))
    }

    /// Reads what `kratos version` prints (`cmdx/version.go` of ory/x v0.0.660): a line
    /// `Version:` with the tag; without one where the build has set no tag.
    pub(super) fn read(printed: &str) -> Self {
        let tag = printed.lines().find_map(|line| line.strip_prefix("Version:")).unwrap_or_default().trim();
        Self::parse(tag).unwrap_or_else(|| Self::Unknown(tag.to_owned()))
    }
}

impl FromStr for Version {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::parse(text).unwrap_or_else(|| Self::Unknown(text.to_owned())))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(f, "unknown({text})"),
            Self::Release(version) => write!(f, "v{version}"),
        }
    }
}

/// Whether `text` looks like a version rather than a path: `v1.3.1`.
pub(super) fn looks_like_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use anyhow::{Result, bail};
    use rstest::rstest;
    use tokio::time::Instant;

    use super::{UnfitServer, Version, looks_like_version};
    use crate::backend::{fake_program, product::Product};

    const HELP: &str = "if [ \"$2\" = --help ]; then echo '  kratos version [flags]'; exit; fi";

    #[rstest]
    #[case::release("Version:\t\t\tv1.3.1\nBuild Commit:\tundefined\n", "v1.3.1")]
    #[case::calendar("Version:    v26.2.0\n", "v26.2.0")]
    #[case::before_release("Version: v1.1.0-pre.0\n", "v1.1.0-pre.0")]
    #[case::no_tag_set("Version:\t\t\tmaster\n", "unknown(master)")]
    #[case::empty_tag("Build Commit:\tundefined\n", "unknown()")]
    fn a_printed_version_is_read(#[case] printed: &str, #[case] version: &str) {
        assert_eq!(Version::read(printed).to_string(), version);
    }

    #[test]
    fn versions_are_in_order() {
        let read = |text| Version::read(&format!("Version: {text}"));
        assert!(read("v0.11.0") < read("v1.3.1"));
        assert!(read("v1.3.1") < read("v26.2.0"));
        assert!(read("v0.9.0-alpha.3") < read("v0.10.1"));
        assert!(read("v1.1.0-pre.0") < read("v1.1.0"));
        assert!(read("v26.2.0") < read("master"), "an unknown one counts as the newest");
    }

    #[rstest]
    #[case::release("v1.3.1", true)]
    #[case::short("v1", true)]
    #[case::file_in_this_folder("./v1.3.1", false)]
    #[case::name("kratos", false)]
    #[case::word("vendor", false)]
    fn a_version_is_told_from_a_path(#[case] text: &str, #[case] version: bool) {
        assert_eq!(looks_like_version(text), version);
    }

    #[tokio::test]
    async fn a_kratos_tells_its_version() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("misleading-v0.0.9");
        fake_program::write(&path, &format!("{HELP}; echo 'Version: v1.3.1'"))?;

        assert_eq!(Version::ask(Product::Kratos, &path).await?.to_string(), "v1.3.1");
        Ok(())
    }

    #[rstest]
    #[case::answers_nothing("/bin/true", "does not name Kratos")]
    #[case::fails("/bin/false", "ended with exit status: 1")]
    #[case::another_program("/bin/cat", "ended with exit status: 1")]
    #[case::folder("/", "it is a folder")]
    #[case::nothing_there("/nowhere/kratos", "there is no such file")]
    #[case::not_executable("/etc/passwd", "it is not executable")]
    #[tokio::test]
    async fn what_is_not_a_kratos_is_refused_quickly(#[case] path: &str, #[case] reason: &str) -> Result<()> {
        refused(Path::new(path), reason).await
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_refused_in_time() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("kratos");
        fake_program::write(&path, "sleep 600")?;

        refused(&path, "no end after 1500 ms").await
    }

    #[tokio::test]
    async fn another_server_with_a_version_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("hydra");
        fake_program::write(&path, "echo 'hydra version'; echo 'Version: v2.3.0'")?;

        refused(&path, "does not name Kratos").await
    }

    async fn refused(path: &Path, reason: &str) -> Result<()> {
        let started = Instant::now();
        let Err(UnfitServer { reason: seen, .. }) =
            Version::ask_within(Product::Kratos, path, Duration::from_millis(1_500)).await
        else {
            bail!("`{}` was taken for a Kratos", path.display());
        };
        assert!(seen.contains(reason), "{seen}");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        Ok(())
    }
}
