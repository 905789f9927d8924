//! The arguments. Each option has a variable `KRATOS_REPRO_*` of the same name.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::backend::BackendArguments;
use super::help;
use super::interface::InterfaceArguments;
use super::network::NetworkName;
use super::serve::{LegacyArguments, UiArguments};
use crate::backend::DatabaseKind;
use crate::backend::estate::Owner;
use crate::backend::kratos_binary::KratosChoice;
use crate::browser::{Engine, WebDriverUrl};
use crate::case::Time;
use crate::trial::Shard;

/// Reproduces the problems people have with Ory Kratos in real browsers against a real Kratos,
/// and proves that the documented fix removes them.
#[derive(Debug, Parser)]
#[command(name = "kratos-repro", version, arg_required_else_help = true, max_term_width = 100, after_help = help::ALL)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Build the servers and their databases into the cache; takes a moment where all is there.
    Setup(SetupArguments),
    /// Say what of the things that a run needs is here, and how to get the rest.
    Doctor(DoctorArguments),
    /// Show the claims of the page, and which cases cover each.
    List(ListArguments),
    /// Run cases and write a report; without names every case.
    Run(Box<RunArguments>),
    /// Show the runs that a matrix file asks for, one a line; scripts/nightly does them.
    Matrix(MatrixArguments),
    /// Leave the world of a case standing until Ctrl-C, to look around in.
    Up(UpArguments),
    /// Find the first version of Kratos on which a case gives another verdict.
    Bisect(BisectArguments),
    /// Write the reports of an earlier run anew, or one report of several runs, from their results.json.
    Report(ReportArguments),
    /// Serve the fixture interface, a login page for a Kratos of your own, until Ctrl-C.
    Ui(Box<UiArguments>),
    /// Enter a network of one's own and end: this is how a run finds out whether it could.
    #[command(hide = true)]
    EnterNetwork,
    /// Do nothing until asked to end: this is what holds the network of a world's containers.
    #[command(hide = true)]
    Pause,
    /// Wait for the end of the harness, and then remove what is left of it: each run starts one.
    #[command(hide = true)]
    Reap(ReapArguments),
    /// Serve the legacy system, as login application of a Hydra or for Kratos's password hook, until Ctrl-C.
    Legacy(LegacyArguments),
}

#[derive(Debug, Args)]
pub(super) struct ServerArguments {
    /// The Kratos, or several with commas between: versions that `fixtures/servers` has, or paths of binaries.
    #[arg(
        long,
        env = "KRATOS_REPRO_KRATOS",
        default_values_t = [KratosChoice::default()],
        value_name = "VERSION|PATH",
        value_delimiter = ','
    )]
    pub(super) kratos: Vec<KratosChoice>,
}

#[derive(Debug, Args)]
pub(super) struct OneServerArguments {
    /// The Kratos: a version that `fixtures/servers` has, or the path of a binary.
    #[arg(long, env = "KRATOS_REPRO_KRATOS", default_value_t, value_name = "VERSION|PATH")]
    pub(super) kratos: KratosChoice,
}

#[derive(Debug, Args)]
pub(super) struct DatabaseArguments {
    /// Where each Kratos keeps its data: `sqlite`, or `postgres` with a server for the run.
    #[arg(long, env = "KRATOS_REPRO_DB", default_value_t, value_name = "DATABASE")]
    pub(super) db: DatabaseKind,
}

#[derive(Debug, Args)]
#[command(after_help = help::DOCTOR)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(flatten)]
    pub(super) backend: BackendArguments,
}

#[derive(Debug, Args)]
#[command(after_help = help::SETUP)]
pub(super) struct SetupArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Install the API clients newman (Postman), inso (Insomnia) and electron too; needs npm and pip.
    #[arg(long, env = "KRATOS_REPRO_CLIENTS")]
    pub(super) clients: bool,
    /// Make the database of `--db postgres` ready too; needs Postgres, which `scripts/setup --postgres` installs.
    #[arg(long, env = "KRATOS_REPRO_POSTGRES")]
    pub(super) postgres: bool,
    /// Make local images of Kratos and Hydra too, with --postgres one of Postgres as well, for `--backend docker` where no
    /// registry can be reached.
    #[arg(long, env = "KRATOS_REPRO_IMAGES")]
    pub(super) images: bool,
}

/// In which form results go to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = help::LIST)]
pub(super) struct ListArguments {
    /// For a person or for a program.
    #[arg(long, env = "KRATOS_REPRO_FORMAT", value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = help::RUN)]
pub(super) struct RunArguments {
    /// Cases, folders of cases, claims, or files (YAML, or Markdown with a fenced yaml block).
    #[arg(value_name = "CASE|FILE|CLAIM")]
    pub(super) names: Vec<String>,
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(flatten)]
    pub(super) backend: BackendArguments,
    #[command(flatten)]
    pub(super) interface: InterfaceArguments,
    #[command(flatten)]
    pub(super) database: DatabaseArguments,
    /// The browser engines, with commas between; every engine that is installed where none is named.
    #[arg(long = "engine", env = "KRATOS_REPRO_ENGINE", value_name = "ENGINE", value_delimiter = ',')]
    pub(super) engines: Vec<Engine>,
    /// The WebDriver endpoint that gives the browsers, such as a Selenium Grid, in place of drivers of this machine; by
    /// the variable SELENIUM_REMOTE_URL too.
    #[arg(long, env = "KRATOS_REPRO_WEBDRIVER", value_name = "URL")]
    pub(super) webdriver: Option<WebDriverUrl>,
    /// The address of this machine by which browsers elsewhere reach the edge; 127.0.0.1 without it. The edge then lets
    /// in each browser by a password of its own, and nobody else.
    #[arg(long, env = "KRATOS_REPRO_EDGE_ADDRESS", value_name = "IP")]
    pub(super) edge_address: Option<IpAddr>,
    /// The network that the run is on. One of its own is a loopback that no other user of the machine reaches, without a way
    /// out: servers and browsers reach nothing but each other.
    #[arg(long, env = "KRATOS_REPRO_NETWORK", value_enum, default_value = "auto")]
    pub(super) network: NetworkName,
    /// Try the wrong fixes of a case in each of its lineups of engines, not in the first alone.
    #[arg(long, env = "KRATOS_REPRO_THOROUGH")]
    pub(super) thorough: bool,
    /// One part of the run, such as 2/4: the second of four. `report DIR...` puts the results of all parts together.
    #[arg(long, env = "KRATOS_REPRO_SHARD", value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// The folder that the run's own folder is made in.
    #[arg(long, env = "KRATOS_REPRO_OUT", value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
    /// How many trials run at once; one more than there are cores, at most eight, where nothing is said.
    #[arg(long, short, env = "KRATOS_REPRO_JOBS", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: Option<u16>,
    /// Run each case so many times: every case once, then every case again. Each time is a result of its own, and one that
    /// surprises makes the run red. The evidence of a time that did not is kept for the first alone.
    #[arg(long, env = "KRATOS_REPRO_REPEAT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) repeat: u32,
    /// Hold every answer at the edge for a time of its own, from nothing to this, such as `100ms`.
    #[arg(long, env = "KRATOS_REPRO_JITTER", value_name = "TIME", value_parser = Time::parse)]
    pub(super) jitter: Option<Time>,
    /// The number that those times follow from; one by chance where none is named. It is printed.
    #[arg(long, env = "KRATOS_REPRO_JITTER_SEED", value_name = "NUMBER", requires = "jitter")]
    pub(super) jitter_seed: Option<u64>,
    /// Keep the files of every world, secrets in them as they are.
    #[arg(long, env = "KRATOS_REPRO_KEEP")]
    pub(super) keep: bool,
    /// For a person or for a program.
    #[arg(long, env = "KRATOS_REPRO_FORMAT", value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = help::UP)]
pub(super) struct UpArguments {
    /// The case, or a file.
    #[arg(value_name = "CASE|FILE")]
    pub(super) name: String,
    /// The world with the fix in place of the broken one.
    #[arg(long, env = "KRATOS_REPRO_FIXED")]
    pub(super) fixed: bool,
    #[command(flatten)]
    pub(super) server: OneServerArguments,
    #[command(flatten)]
    pub(super) backend: BackendArguments,
    #[command(flatten)]
    pub(super) interface: InterfaceArguments,
    #[command(flatten)]
    pub(super) database: DatabaseArguments,
    /// The browser engine.
    #[arg(long, env = "KRATOS_REPRO_ENGINE", default_value_t = Engine::Chromium)]
    pub(super) engine: Engine,
}

#[derive(Debug, Args)]
#[command(after_help = help::BISECT)]
pub(super) struct BisectArguments {
    /// The case, or a file.
    #[arg(value_name = "CASE|FILE")]
    pub(super) name: String,
    /// A Kratos before the change: a version that `fixtures/servers` has, or the path of a binary.
    #[arg(long, env = "KRATOS_REPRO_GOOD", value_name = "VERSION|PATH")]
    pub(super) good: KratosChoice,
    /// A Kratos after the change.
    #[arg(long, env = "KRATOS_REPRO_BAD", value_name = "VERSION|PATH")]
    pub(super) bad: KratosChoice,
    /// The browser engine.
    #[arg(long, env = "KRATOS_REPRO_ENGINE", default_value_t = Engine::Chromium)]
    pub(super) engine: Engine,
    /// The folder that the bisection's own folder is made in.
    #[arg(long, env = "KRATOS_REPRO_OUT", value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ReapArguments {
    /// The harness.
    pub(super) owner: Owner,
    /// Where it makes its folder.
    pub(super) place: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct MatrixArguments {
    /// The file, such as nightly.yaml.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// In which form a report goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// Annotations for GitHub Actions.
    Github,
}

#[derive(Debug, Args)]
#[command(after_help = help::REPORT)]
pub(super) struct ReportArguments {
    /// The folder of a run, or those of several: of all shards of one, or of one on several platforms.
    #[arg(value_name = "DIR", required = true)]
    pub(super) folders: Vec<PathBuf>,
    /// The folder that the folder of the merged report is made in; without it one run's report stays where it is.
    #[arg(long, env = "KRATOS_REPRO_OUT", value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
    /// Report what there is although shards are missing; the report says which.
    #[arg(long, env = "KRATOS_REPRO_INCOMPLETE")]
    pub(super) incomplete: bool,
    /// A folder with one small file for each run so far: the report says what has changed since the last and shows each
    /// case's line over time, and the run's own file is added.
    #[arg(long, env = "KRATOS_REPRO_HISTORY", value_name = "FOLDER")]
    pub(super) history: Option<PathBuf>,
    /// Something that could not run, and why, to be named in the report; may be given several times.
    #[arg(long, env = "KRATOS_REPRO_NOT_RUN", value_name = "NAME: REASON")]
    pub(super) not_run: Vec<String>,
    /// For a person, for a program, or as annotations for GitHub Actions with a `summary.md` beside the report.
    #[arg(long, env = "KRATOS_REPRO_FORMAT", value_enum, default_value = "text")]
    pub(super) format: ReportFormat,
}
