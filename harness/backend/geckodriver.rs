//! The geckodriver: Debian has no package of it, so it is built from the Rust registry into the cache, once.

use std::env::consts::ARCH;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::cache::Cache;
use super::child::{Group, find_program, last_lines};
use super::claim::Claim;
use super::follow::{Tally, follow};
use super::missing::Missing;
use super::progress::Progress;

/// The version that is built.
const VERSION: &str = "0.37.1";

/// How long the build may take: nine times what it takes on one core.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// How many lines of a failed build are shown.
const TAIL: usize = 25;

/// The variable that sets where Cargo keeps what it builds; the build here keeps nothing.
const TARGET: &str = "CARGO_TARGET_DIR";

/// The entry of the cache that it lies in, below `bin`. The cache may be on a disk that machines of several kinds share.
pub fn entry() -> String {
    format!("geckodriver-{VERSION}-{ARCH}")
}

/// Builds it unless it has been built; takes a minute and a half on two cores.
///
/// # Errors
/// [`Missing`] if Cargo, disk space or the network is lacking; else the tail of what Cargo said. Nothing is kept of a
/// build that failed or was dropped.
pub async fn build(cache: &Cache, progress: &mut Progress) -> Result<PathBuf> {
    let program = |entry: PathBuf| entry.join("bin/geckodriver");
    let unfinished = match cache.claim(&entry(), progress).await? {
        Claim::Ready(entry) => return Ok(program(entry)),
        Claim::Unfinished(unfinished) => unfinished,
    };
    let Some(cargo) = find_program("cargo") else {
        let cure = "install Rust, https://rustup.rs tells how, or put a geckodriver on the PATH";
        bail!(Missing::new("there is no `cargo`, which builds geckodriver", cure));
    };
    progress.begin(format!("building geckodriver {VERSION}"));
    let target = unfinished.folder().join("target");
    let mut command = Command::new(cargo);
    command
        // It hands messages on, so it need not be fast: to optimise it would take six times as long.
        .args(["install", "geckodriver", "--locked", "--debug", "--version", VERSION, "--root"])
        .arg(unfinished.folder())
        .arg("--target-dir")
        .arg(&target)
        .env_remove(TARGET)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        // The settings of whatever project setup is called in must not take part.
        .current_dir(unfinished.folder())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut group = Group::start(&mut command).context("cannot run `cargo install`")?;
    let mut built = Built::default();
    let Ok(outcome) = tokio::time::timeout(BUILD_LIMIT, follow(&mut group, progress, &mut built)).await else {
        bail!("`cargo install` has not ended after {} min", BUILD_LIMIT.as_secs() / 60);
    };
    if !outcome.context("cannot follow `cargo install`")? {
        return Err(explain(&built.said, cache));
    }
    std::fs::remove_dir_all(&target).map_err(|error| cache.explain(error))?;
    let entry = unfinished.finish()?;
    progress.finish(format_args!("built geckodriver {VERSION}"));
    Ok(program(entry))
}

/// What `cargo install` has done: it names each crate that it compiles.
#[derive(Debug, Default)]
struct Built {
    compiled: usize,
    said: String,
}

impl Tally for Built {
    fn take(&mut self, line: &str) {
        self.compiled += usize::from(line.trim_start().starts_with("Compiling "));
        self.said.push_str(line);
        self.said.push('\n');
    }

    fn state(&self) -> String {
        format!("{} crates compiled so far", self.compiled)
    }
}

fn explain(said: &str, cache: &Cache) -> anyhow::Error {
    let failure = anyhow::anyhow!("`cargo install geckodriver` failed:\n{}", last_lines(said, TAIL));
    if said.contains("No space left on device") {
        return failure.context(cache.full_disk());
    }
    let network = ["failed to fetch", "failed to download", "download of", "Could not resolve host", "network failure"];
    if network.iter().any(|words| said.contains(words)) {
        let cure = "the first build needs a network; a geckodriver on the PATH does as well";
        return failure.context(Missing::new("Cargo cannot fetch geckodriver", cure));
    }
    failure
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::disk("error: failed to write `x`\n  No space left on device (os error 28)", Some("free 100 MB"))]
    #[case::network("error: failed to fetch `https://registry.test/`", Some("needs a network"))]
    #[case::other("error[E0308]: mismatched types", None)]
    fn what_a_person_can_cure_is_told_from_what_not(#[case] said: &str, #[case] cure: Option<&str>) -> Result<()> {
        let folder = tempfile::tempdir()?;

        let error = explain(said, &Cache::at(folder.path())?);

        let missing = error.downcast_ref::<Missing>();
        match cure {
            Some(cure) => assert!(missing.is_some_and(|missing| missing.cure().contains(cure)), "{error:#}"),
            None => assert!(missing.is_none() && format!("{error:#}").contains("E0308"), "{error:#}"),
        }
        Ok(())
    }
}
