//! The command line: what can be asked for, and what each exit code means.

mod arguments;
mod backend;
mod databases;
mod interface;
mod lineups;
mod list;
mod place;
mod run;
mod serve;
mod stop;
mod up;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::backend::cache::Cache;
use crate::backend::progress::Progress;
use crate::backend::version::UnfitServer;
use crate::backend::{Missing, doctor, setup};
use crate::case::{CaseError, NothingSelected};
use arguments::{Arguments, Command, DoctorArguments, ReportArguments, SetupArguments};

/// Everything was as expected.
const AS_EXPECTED: u8 = 0;
/// A verdict was not the one that its case expects.
const SURPRISE: u8 = 1;
/// The call or a case file is wrong.
const WRONG_CALL: u8 = 2;
/// The environment lacks something.
const LACKING: u8 = 3;
/// Nothing was selected.
const NOTHING: u8 = 4;

/// The call asks for something that cannot be: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongCall(String);

/// Parses the arguments, does what they ask for, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            place::say(&format!("error: failed to start the runtime: {error}"));
            return ExitCode::from(LACKING);
        }
    };
    let code = match runtime.block_on(perform(arguments.command)) {
        Ok(code) => code,
        Err(error) => {
            place::say(&format!("error: {error:#}"));
            code_of(&error)
        }
    };
    ExitCode::from(code)
}

async fn perform(command: Command) -> Result<u8> {
    match command {
        Command::Setup(arguments) => set_up(arguments).await,
        Command::Doctor(arguments) => examine(arguments).await,
        Command::List(arguments) => list::list(&arguments),
        Command::Run(arguments) => run::run(*arguments).await,
        Command::Up(arguments) => up::up(arguments).await,
        Command::Report(arguments) => report(&arguments),
        Command::Pause => pause().await,
        Command::Ui(arguments) => serve::ui(*arguments).await,
        Command::Legacy(arguments) => serve::legacy(arguments).await,
    }
}

async fn set_up(arguments: SetupArguments) -> Result<u8> {
    let cache = Cache::open()?;
    let fixtures = place::fixtures()?;
    let mut stop = stop::on_signals()?;
    let mut progress = Progress::on_stderr();
    let prepared = async {
        let kratos = setup::prepare(&cache, &fixtures, &arguments.server.kratos, &mut progress).await?;
        let postgres =
            if arguments.postgres { Some(setup::prepare_postgres(&cache, &kratos, &mut progress).await) } else { None };
        let hydra = setup::prepare_hydra(&cache, &fixtures, &mut progress).await;
        let geckodriver = setup::prepare_geckodriver(&cache, &mut progress).await;
        let applications = if arguments.clients {
            setup::prepare_applications(&cache, &fixtures, &mut progress).await
        } else {
            Vec::new()
        };
        anyhow::Ok((kratos, postgres, hydra, geckodriver, applications))
    };
    let (ready, postgres, hydra, geckodriver, applications) = tokio::select! {
        ready = prepared => ready?,
        _ = stop.wait_for(|stop| *stop) => {
            place::say("setup was stopped; what it had not finished is not kept");
            return Ok(SURPRISE);
        }
    };
    place::say(&format!("Kratos {} is ready: {}", ready.version, ready.program));
    let hydra = hydra.context("Kratos is ready, Hydra is not");
    if let Ok(hydra) = &hydra {
        place::say(&format!("Hydra {} is ready: {}", hydra.version, hydra.program));
    }
    let mut code = AS_EXPECTED;
    match postgres {
        Some(Ok(programs)) => {
            let (version, folder) = (programs.version(), programs.folder().display());
            place::say(&format!("Postgres {version} is ready: {folder}"));
        }
        Some(Err(error)) => {
            place::say(&format!("error: {error:#}"));
            code = code.max(code_of(&error));
        }
        None => {}
    }
    for (application, outcome) in applications {
        match outcome {
            Ok(installed) => {
                place::say(&format!(
                    "{} {} is ready: {}",
                    application.name(),
                    installed.version,
                    installed.path().display()
                ));
            }
            Err(error) => {
                place::say(&format!("error: {error:#}"));
                code = code.max(code_of(&error));
            }
        }
    }
    let hydra = hydra?;
    if arguments.images {
        let kratos = (&arguments.server.kratos, &ready);
        tokio::select! {
            made = backend::make_images(&cache, kratos, &hydra, &mut progress) => made?,
            _ = stop.wait_for(|stop| *stop) => {
                place::say("setup was stopped; what it had not finished is not kept");
                return Ok(SURPRISE);
            }
        }
    }
    geckodriver.context("Kratos is ready, Firefox is not")?;
    Ok(code)
}

async fn examine(arguments: DoctorArguments) -> Result<u8> {
    let fixtures = place::fixtures()?;
    let mut findings = doctor::examine(&Cache::open()?, &fixtures, &arguments.server.kratos).await;
    arguments.backend.examine(&fixtures, &arguments.server.kratos, &mut findings).await;
    place::print(&doctor::render(&findings))?;
    Ok(if findings.iter().any(doctor::Finding::blocks) { LACKING } else { AS_EXPECTED })
}

async fn pause() -> Result<u8> {
    // An error only says that nobody is left who could wish the end.
    let _ = stop::on_signals()?.wait_for(|stop| *stop).await;
    Ok(AS_EXPECTED)
}

fn report(arguments: &ReportArguments) -> Result<u8> {
    let run = crate::report::read(&arguments.folder).map_err(|error| WrongCall(format!("{error:#}")))?;
    crate::report::write(&run, &arguments.folder)?;
    place::print(&crate::report::terminal::summary(&run, &arguments.folder, place::colour()))?;
    Ok(if run.as_expected() { AS_EXPECTED } else { SURPRISE })
}

/// The exit code that an error means: by its type, wherever it stands in the chain.
fn code_of(error: &anyhow::Error) -> u8 {
    let full = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
            use std::io::ErrorKind::{ReadOnlyFilesystem, StorageFull};
            matches!(error.kind(), StorageFull | ReadOnlyFilesystem)
        })
    };
    if error.downcast_ref::<CaseError>().is_some()
        || error.downcast_ref::<UnfitServer>().is_some()
        || error.downcast_ref::<WrongCall>().is_some()
    {
        WRONG_CALL
    } else if error.downcast_ref::<NothingSelected>().is_some() {
        NOTHING
    } else if error.downcast_ref::<Missing>().is_some() || error.chain().any(full) {
        LACKING
    } else {
        SURPRISE
    }
}
