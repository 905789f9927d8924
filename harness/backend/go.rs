//! The Go toolchain: which one is there, and a build with its progress.

use std::{ffi::OsString, io, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::{
    cache::Cache,
    child::{self, Group, find_program, last_lines},
    follow::{Tally, follow},
    missing::Missing,
    progress::Progress,
};

/// How long `go env` may take; it takes 30 ms, and seconds where it looks at a folder on a slow disk.
const QUESTION_LIMIT: Duration = Duration::from_secs(20);

/// How long a build may take: nine times what a cold one takes on two cores.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// How many lines of a failed build are shown.
const TAIL: usize = 25;

/// What cures a missing Go.
pub(super) const CURE: &str = "install Go 1.23 or newer and put it on the PATH; https://go.dev/doc/install says how";

/// What cures a missing C compiler.
pub(super) const COMPILER_CURE: &str =
    "run `scripts/setup`, or install a C compiler: `apt-get install gcc libc6-dev` on Debian";

/// The program `go`.
#[derive(Debug, Clone)]
pub(super) struct Go {
    program: OsString,
}

/// The versions and tools that `go` builds with.
#[derive(Debug, Clone)]
pub(super) struct Toolchain {
    /// Such as `go1.26.8`.
    pub(super) version: String,
    /// The C compiler's name, such as `gcc`.
    pub(super) compiler: String,
}

impl Default for Go {
    fn default() -> Self {
        Self { program: "go".into() }
    }
}

impl Go {
    /// Uses `program` as `go`.
    #[cfg(test)]
    pub(super) fn at(program: impl Into<OsString>) -> Self {
        Self { program: program.into() }
    }

    /// The toolchain that builds the module in `folder`, whose `go.mod` has a say in it.
    pub(super) async fn toolchain(&self, folder: &Path) -> Result<Toolchain, Missing> {
        let mut command = self.command(folder);
        command.args(["env", "GOVERSION", "CC"]);
        let answer = child::answer(&mut command, QUESTION_LIMIT).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Missing::new("there is no `go`", CURE),
            _ => Missing::new(format!("`go env` does not work: {error}"), CURE),
        })?;
        let mut lines = answer.stdout.lines().map(str::trim);
        match (answer.status.success(), lines.next(), lines.next()) {
            (true, Some(version), Some(compiler)) if !version.is_empty() => Ok(Toolchain {
                version: version.to_owned(),
                // A compiler may be set with options of its own.
                compiler: compiler.split(' ').next().unwrap_or_default().to_owned(),
            }),
            _ => Err(Missing::new(format!("`go env` does not work: {}", last_lines(&answer.stderr, 3).trim()), CURE)),
        }
    }

    /// Builds the module in `folder` with `flags` into the file `output`, which is in `cache`.
    ///
    /// # Errors
    ///
    /// The tail of what Go said; [`Missing`] where the machine is at fault.
    pub(super) async fn build(
        &self,
        folder: &Path,
        flags: &[String],
        output: &Path,
        cache: &Cache,
        progress: &mut Progress,
    ) -> Result<()> {
        let toolchain = self.toolchain(folder).await?;
        if find_program(&toolchain.compiler).is_none() {
            let lack = format!("there is no C compiler `{}`", toolchain.compiler);
            bail!(Missing::new(lack, COMPILER_CURE));
        }
        let mut command = self.command(folder);
        command.args(["build", "-v", "-buildvcs=false", "-mod=readonly"]);
        command.args(flags).arg("-o").arg(output).arg(".");
        let mut group =
            Group::start(command.stdout(Stdio::null()).stderr(Stdio::piped())).context("cannot run `go build`")?;
        let mut built = Built::default();
        let Ok(outcome) = tokio::time::timeout(BUILD_LIMIT, follow(&mut group, progress, &mut built)).await else {
            bail!("`go build` has not ended after {} min", BUILD_LIMIT.as_secs() / 60);
        };
        if outcome.context("cannot follow `go build`")? {
            return Ok(());
        }
        let said = built.said;
        let failure = anyhow::anyhow!("`go build` failed:\n{}", last_lines(&said, TAIL));
        if said.contains("no space left on device") {
            let here = said.contains(&cache.root().display().to_string());
            let missing = if here {
                cache.full_disk()
            } else {
                Missing::new(
                    "the disk of Go's own cache or of the temporary folder is full",
                    "free 3 GB there; GOCACHE, GOMODCACHE and TMPDIR name other folders",
                )
            };
            return Err(failure.context(missing));
        }
        if said.contains("dial tcp") {
            return Err(failure.context(Missing::new(
                "Go cannot fetch modules",
                "the first build needs a network; `go help goproxy` tells how to name a mirror",
            )));
        }
        Err(failure)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // A workspace of the user's must not take part.
        command.current_dir(folder).env("CGO_ENABLED", "1").env("GOWORK", "off");
        command
    }
}

/// What `go build -v` has done: it names each package that it compiles, and each module that it fetches.
#[derive(Debug, Default)]
struct Built {
    fetched: usize,
    compiled: usize,
    /// What it said beside its progress.
    said: String,
}

impl Tally for Built {
    fn take(&mut self, line: &str) {
        if line.starts_with("go: downloading ") {
            self.fetched += 1;
        } else if is_package(line) {
            self.compiled += 1;
        } else {
            self.said.push_str(line);
            self.said.push('\n');
        }
    }

    fn state(&self) -> String {
        format!("{} modules fetched, {} packages compiled so far", self.fetched, self.compiled)
    }
}

/// Whether a line of `go build -v` is the name of a package.
fn is_package(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#') && !line.contains([' ', '\t', ':'])
}
