//! The arguments. Each option has a variable `KRATOS_REPRO_*` of the same name.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::backend::BackendArguments;
use super::interface::InterfaceArguments;
use super::serve::{LegacyArguments, UiArguments};
use crate::backend::DatabaseKind;
use crate::backend::kratos_binary::KratosChoice;
use crate::browser::Engine;

/// Reproduces the problems people have with Ory Kratos in real browsers against a real Kratos,
/// and proves that the documented fix removes them.
#[derive(Debug, Parser)]
#[command(name = "kratos-repro", version, arg_required_else_help = true, after_help = AFTER)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const AFTER: &str = "\
Examples:
  kratos-repro run                            every case
  kratos-repro run code-flows                 the cases of one folder, or of claims that begin so
  kratos-repro run report.md                  the case in a bug report (its first fenced yaml block)
  kratos-repro up code-flows/login-form-double-click
                                              the broken world of a case, to look around in
  kratos-repro list                           the claims of the page and the cases that cover them

Exit codes:
  0  everything as expected        3  the environment lacks something (`kratos-repro doctor` names it)
  1  a verdict that was not        4  nothing selected
  2  a wrong call or case file";

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
    /// Leave the world of a case standing until Ctrl-C, to look around in.
    Up(UpArguments),
    /// Write the reports of an earlier run anew from its results.json.
    Report(ReportArguments),
    /// Serve the fixture interface, a login page for a Kratos of your own, until Ctrl-C.
    Ui(Box<UiArguments>),
    /// Do nothing until asked to end: this is what holds the network of a world's containers.
    #[command(hide = true)]
    Pause,
    /// Serve the legacy system, as login application of a Hydra or for Kratos's password hook, until Ctrl-C.
    Legacy(LegacyArguments),
}

#[derive(Debug, Args)]
pub(super) struct ServerArguments {
    /// The Kratos: a version that `fixtures/servers` has, or the path of a binary.
    #[arg(long, env = "KRATOS_REPRO_KRATOS", default_value_t, value_name = "VERSION|PATH")]
    pub(super) kratos: KratosChoice,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(flatten)]
    pub(super) backend: BackendArguments,
}

#[derive(Debug, Args)]
pub(super) struct DatabaseArguments {
    /// Where each Kratos keeps its data: `sqlite`, or `postgres` with a server for the run.
    #[arg(long, env = "KRATOS_REPRO_DB", default_value_t, value_name = "DATABASE")]
    pub(super) db: DatabaseKind,
}

#[derive(Debug, Args)]
pub(super) struct SetupArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Install the API clients newman (Postman), inso (Insomnia) and electron too; needs npm and pip.
    #[arg(long, env = "KRATOS_REPRO_CLIENTS")]
    pub(super) clients: bool,
    /// Make local images of Kratos and Hydra too, for `--backend docker` where no registry can be reached.
    #[arg(long, env = "KRATOS_REPRO_IMAGES")]
    pub(super) images: bool,
    /// Make the database of `--db postgres` ready too; needs Postgres, which `scripts/setup --postgres` installs.
    #[arg(long, env = "KRATOS_REPRO_POSTGRES")]
    pub(super) postgres: bool,
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
pub(super) struct ListArguments {
    /// For a person or for a program.
    #[arg(long, env = "KRATOS_REPRO_FORMAT", value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
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
    /// Try the wrong fixes of a case in each of its lineups of engines, not in the first alone.
    #[arg(long, env = "KRATOS_REPRO_THOROUGH")]
    pub(super) thorough: bool,
    /// The folder that the run's own folder is made in.
    #[arg(long, env = "KRATOS_REPRO_OUT", value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
    /// How many trials run at once; two on two cores or more.
    #[arg(long, short, env = "KRATOS_REPRO_JOBS", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: Option<u16>,
    /// Keep the files of every world, secrets in them as they are.
    #[arg(long, env = "KRATOS_REPRO_KEEP")]
    pub(super) keep: bool,
    /// For a person or for a program.
    #[arg(long, env = "KRATOS_REPRO_FORMAT", value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct UpArguments {
    /// The case, or a file.
    #[arg(value_name = "CASE|FILE")]
    pub(super) name: String,
    /// The world with the fix in place of the broken one.
    #[arg(long, env = "KRATOS_REPRO_FIXED")]
    pub(super) fixed: bool,
    #[command(flatten)]
    pub(super) server: ServerArguments,
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
pub(super) struct ReportArguments {
    /// The folder of a run.
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}
