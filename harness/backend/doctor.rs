//! What of the things that a run needs is on this machine, and how to get what is not.

#[cfg(feature = "docker")]
mod containers;
mod engines;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::process::Command;

use crate::browser::Engine;

use super::{
    applications::Application,
    cache::Cache,
    child::{self, find_program},
    go, hydra_binary,
    kratos_binary::{KratosChoice, locate},
    missing::Missing,
    network, nginx,
    postgres::Programs,
    product::Product,
    version::Version,
};

/// How long a program may take to tell its version. Chromium takes 0.3 s, more after a cold start.
const LIMIT: Duration = Duration::from_secs(10);

/// What a person should know before a run, and nothing that is found can change.
pub const SHARED_MACHINE: &str = "
a run with a network of its own is out of reach of other users of this machine; what is without (`up`, `bisect`, containers,
browsers elsewhere, another login page, `--network machine`) is not: through the browsers' drivers any of them can start
programs as you, and ask Kratos's admin API, so do not do that on a machine that you share with people whom you do not trust
";

/// One thing that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is, such as `chromedriver`.
    pub name: &'static str,
    /// Whether it is there.
    pub state: State,
    /// What it is for.
    pub needed_for: &'static str,
    /// Whether a run can do without it.
    pub need: Need,
}

/// How a thing was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is there.
    Found {
        /// Its version.
        version: String,
        /// Where it is.
        path: PathBuf,
    },
    /// It is not there, or not fit; `cure` says what to do.
    Missing {
        /// What a person does about it.
        cure: String,
    },
}

/// How much a thing is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing runs without it.
    Required,
    /// Only what [`Finding::needed_for`] says cannot be done without it.
    Partly,
}

impl Finding {
    /// That there is no place for temporary files.
    #[must_use]
    pub fn of_place(lacking: &Missing) -> Self {
        let state = State::missing(lacking.to_string());
        Self { name: "temporary folder", state, needed_for: "everything", need: Need::Required }
    }

    /// Whether a run cannot begin because of it.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.need == Need::Required && matches!(self.state, State::Missing { .. })
    }
}

/// Looks for the programs that take part in a run with these engines beside the servers and the applications.
pub async fn examine_programs(engines: &[Engine]) -> Vec<Finding> {
    let (mut findings, curl, nginx) = tokio::join!(
        engines::examine(engines),
        examine_program(&["curl"], "run `scripts/setup`, or `apt-get install curl` on Debian"),
        examine_nginx(),
    );
    let partly = |name, state, needed_for| Finding { name, state, needed_for, need: Need::Partly };
    findings.push(partly("curl", curl, "the client curl"));
    findings.push(partly("nginx", nginx, "cases of Cloudflare"));
    findings
}

/// Looks for everything that a run with these choices needs, at once; takes as long as the slowest program (0.3 s).
pub async fn examine(cache: &Cache, fixtures: &Path, choices: &[KratosChoice]) -> Vec<Finding> {
    let go = go::Go::default();
    let (every_kratos, hydra, toolchain, programs) = tokio::join!(
        join_all(choices.iter().map(|choice| examine_kratos(cache, fixtures, choice))),
        examine_hydra(cache, fixtures),
        go.toolchain(fixtures),
        examine_programs(&Engine::ALL),
    );
    // Who names a binary builds nothing; neither does who has built it.
    let builds = choices
        .iter()
        .zip(&every_kratos)
        .any(|(choice, state)| matches!(choice, KratosChoice::Version(_)) && matches!(state, State::Missing { .. }));
    let need = if builds { Need::Required } else { Need::Partly };
    let (go, compiler) = match toolchain {
        Ok(toolchain) => (State::found(toolchain.version, find_program("go")), find_program(&toolchain.compiler)),
        Err(missing) => (State::missing(missing.cure()), find_program("cc")),
    };
    let compiler = match compiler {
        Some(path) => examine_at(path, go::COMPILER_CURE).await,
        None => State::missing(go::COMPILER_CURE),
    };
    let finding = |name, state, needed_for, need| Finding { name, state, needed_for, need };
    let every_kratos = every_kratos.into_iter();
    let mut findings: Vec<Finding> =
        every_kratos.map(|kratos| finding("kratos", kratos, "everything", Need::Required)).collect();
    findings.extend([
        finding("hydra", hydra, "cases of a legacy system", Need::Partly),
        finding("go", go, "building Kratos and Hydra", need),
        finding("C compiler", compiler, "building Kratos and Hydra", need),
    ]);
    findings.extend(programs);
    findings.push(finding("network of its own", examine_network().await, "a run out of others' reach", Need::Partly));
    findings.push(finding("postgres", examine_postgres().await, "`--db postgres`", Need::Partly));
    for application in Application::ALL {
        let needed_for = match application {
            Application::Newman => "the client newman (Postman)",
            Application::Inso => "the client inso (Insomnia)",
            Application::Electron => "the client electron",
        };
        let state = examine_application(cache, fixtures, application).await;
        findings.push(finding(application.name(), state, needed_for, Need::Partly));
    }
    findings
}

/// Looks for what starts servers in containers.
#[cfg(feature = "docker")]
pub async fn examine_containers(
    fixtures: &Path,
    choice: &KratosChoice,
    images: &super::docker::ImageChoice,
) -> Vec<Finding> {
    containers::examine(fixtures, choice, images).await
}

/// The findings as a table, one line each, with the cure of what is missing.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let rows: Vec<[String; 4]> = findings
        .iter()
        .map(|finding| {
            let (state, rest) = match &finding.state {
                State::Found { version, path } => (version.clone(), path.display().to_string()),
                State::Missing { cure } => ("missing".to_owned(), cure.clone()),
            };
            [finding.name.to_owned(), state, finding.needed_for.to_owned(), rest]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (name, state, needed_for) = (width(0), width(1), width(2));
    rows.iter().fold(String::new(), |mut text, [a, b, c, d]| {
        // Writing to a string cannot fail.
        writeln!(text, "{}", format!("{a:name$}  {b:state$}  {c:needed_for$}  {d}").trim_end()).ok();
        text
    })
}

impl State {
    fn found(version: String, path: Option<PathBuf>) -> Self {
        Self::Found { version, path: path.unwrap_or_default() }
    }

    fn missing(cure: impl Into<String>) -> Self {
        Self::Missing { cure: cure.into() }
    }
}

async fn examine_kratos(cache: &Cache, fixtures: &Path, choice: &KratosChoice) -> State {
    let examined = async {
        let path = locate(cache, fixtures, choice).await?;
        let version = Version::ask(Product::Kratos, &path).await?;
        anyhow::Ok(State::found(version.to_string(), Some(path)))
    };
    examined.await.unwrap_or_else(|error| unfit(&error))
}

async fn examine_hydra(cache: &Cache, fixtures: &Path) -> State {
    match hydra_binary::locate(cache, fixtures).await {
        Ok((path, version)) => State::found(version.to_string(), Some(path)),
        Err(error) => unfit(&error),
    }
}

/// A server that is missing, with its cure, or that is there and of no use.
fn unfit(error: &anyhow::Error) -> State {
    match error.downcast_ref::<Missing>() {
        Some(missing) => State::missing(missing.cure()),
        None => State::missing(format!("{error:#}")),
    }
}

async fn examine_application(cache: &Cache, fixtures: &Path, application: Application) -> State {
    match application.find(cache, fixtures).await {
        Ok(installed) => State::found(installed.version.clone(), Some(installed.path().to_owned())),
        Err(error) => unfit(&error),
    }
}

async fn examine_postgres() -> State {
    match Programs::find().await {
        Ok(programs) => State::found(programs.version().to_owned(), Some(programs.folder().to_owned())),
        Err(error) => unfit(&error),
    }
}

async fn examine_network() -> State {
    let tried = async { network::probe(&std::env::current_exe()?).await };
    match tried.await {
        Ok(()) => State::found("allowed".to_owned(), None),
        Err(error) => unfit(&error),
    }
}

async fn examine_nginx() -> State {
    let Some(path) = nginx::program() else { return State::missing(nginx::CURE) };
    let mut command = Command::new(&path);
    command.arg("-v");
    examine_by(command, path, nginx::CURE).await
}

/// Looks at the first of `names` on the `PATH`.
async fn examine_program(names: &[&str], cure: &str) -> State {
    match names.iter().find_map(find_program) {
        Some(path) => examine_at(path, cure).await,
        None => State::missing(cure),
    }
}

/// Asks the program at `path` for its version.
async fn examine_at(path: PathBuf, cure: &str) -> State {
    let mut command = Command::new(&path);
    command.arg("--version");
    examine_by(command, path, cure).await
}

/// Runs a command that makes the program at `path` tell its version.
async fn examine_by(mut command: Command, path: PathBuf, cure: &str) -> State {
    match child::answer(&mut command, LIMIT).await {
        Ok(answer) if answer.status.success() => {
            // nginx says it on standard error.
            let said = if answer.stdout.trim().is_empty() { &answer.stderr } else { &answer.stdout };
            let version = version_in(said).unwrap_or("unknown").to_owned();
            State::found(version, Some(path))
        }
        Ok(answer) => State::missing(format!("`{}` ended with {}; {cure}", line_of(&command), answer.status)),
        Err(error) => State::missing(format!("`{}`: {error}; {cure}", line_of(&command))),
    }
}

/// A command as a person would type it.
fn line_of(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The first word of the first line that is a version: dots and letters after a number.
fn version_in(text: &str) -> Option<&str> {
    text.lines().next()?.split([' ', '\t', '/']).find(|word| {
        let number = word.split('.').next().is_some_and(|first| first.parse::<u32>().is_ok());
        number && word.contains('.') && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use rstest::rstest;

    use super::{Finding, Need, State, render, version_in};

    fn found(version: &str) -> State {
        State::found(version.to_owned(), Some("/usr/bin/program".into()))
    }

    #[rstest]
    #[case::chromium("Chromium 156.0.8078.79 built on Debian GNU/Linux 12", "156.0.8078.79")]
    #[case::chromedriver("ChromeDriver 156.0.8078.79 (a21ce95c-refs/branch)", "156.0.8078.79")]
    #[case::curl("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1", "7.88.1")]
    #[case::firefox("Mozilla Firefox 153.7.0esr", "153.7.0esr")]
    #[case::nginx("nginx version: nginx/1.22.1", "1.22.1")]
    #[case::geckodriver("geckodriver 0.37.1 (b7a0ab8ff4d8 2026-09-18 11:34)", "0.37.1")]
    #[case::webkitgtk("WebKitGTK 2.50.6", "2.50.6")]
    #[case::compiler("gcc (Debian 12.2.0-14) 12.2.0\nCopyright", "12.2.0")]
    fn a_version_is_found_in_what_programs_print(#[case] printed: &str, #[case] version: &str) {
        assert_eq!(version_in(printed), Some(version));
    }

    #[test]
    fn the_table_is_aligned_and_names_each_cure() -> Result<()> {
        let finding = |name, state, need| Finding { name, state, needed_for: "everything", need };
        let findings = [
            finding("kratos", found("v1.3.1"), Need::Required),
            finding("C compiler", State::missing("install one"), Need::Partly),
            finding("chromium", State::missing("install it"), Need::Required),
        ];

        insta::assert_snapshot!(render(&findings), @r"
        kratos      v1.3.1   everything  /usr/bin/program
        C compiler  missing  everything  install one
        chromium    missing  everything  install it
        ");
        let blocking: Vec<_> = findings.iter().filter(|finding| finding.blocks()).collect();
        assert_eq!(blocking, [&findings[2]]);
        Ok(())
    }
}
