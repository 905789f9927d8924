//! The command line: what can be asked for, and what each exit code means.

mod arguments;
mod backend;
mod bisect;
mod databases;
mod endpoint;
mod help;
mod images;
mod interface;
mod lineups;
mod list;
mod matrix;
mod network;
mod place;
mod repetitions;
mod report;
mod run;
mod screen;
mod serve;
mod stop;
mod up;
mod variables;
mod versions;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::backend::cache::Cache;
use crate::backend::estate::{self, Estate};
use crate::backend::progress::Progress;
use crate::backend::version::UnfitServer;
use crate::backend::{Missing, doctor, setup};
use crate::browser::warm;
use crate::case::{Case, CaseError, Catalogue, NothingSelected};
use crate::trial::NotApplicable;
use arguments::{Arguments, Command, DoctorArguments, ReapArguments, SetupArguments};
use images::Built;

/// Everything was as expected.
const AS_EXPECTED: u8 = 0;
/// A verdict was not the one that its case expects, or the run was interrupted.
const SURPRISE: u8 = 1;
/// The call or a case file is wrong.
const WRONG_CALL: u8 = 2;
/// The environment lacks something.
const LACKING: u8 = 3;
/// Nothing was selected.
const NOTHING: u8 = 4;
/// Both ends of a bisection give the same verdict.
const SAME: u8 = 5;

/// The call asks for something that cannot be: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongCall(String);

/// No case that was selected says anything about any Kratos that was named: exit code 4.
#[derive(Debug, thiserror::Error)]
#[error("nothing that was selected is applicable{}", lines(.0))]
struct NothingApplies(Vec<NotApplicable>);

fn lines(all: &[NotApplicable]) -> String {
    all.iter().map(|one| format!("\n  not applicable: {}: {}", one.case, one.reason)).collect()
}

/// Parses the arguments, does what they ask for, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| variables::named(error).exit());
    if let Err(error) = before_threads(&arguments.command) {
        return failed(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            place::say(&format!("error: failed to start the runtime: {error}"));
            return ExitCode::from(LACKING);
        }
    };
    let work = async {
        tokio::select! {
            done = perform(arguments.command) => done,
            never = stop::panic_on_request() => match never {},
        }
    };
    match runtime.block_on(work) {
        Ok(code) => ExitCode::from(code),
        Err(error) => failed(&error),
    }
}

/// What only a process with a single thread can do.
fn before_threads(command: &Command) -> Result<()> {
    match command {
        Command::Run(arguments) => network::enter(arguments),
        Command::EnterNetwork => crate::backend::network::enter(),
        _ => Ok(()),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let unfit = error.downcast_ref::<UnfitServer>().map(UnfitServer::subject);
    let options = ["kratos", "good", "bad"];
    let variable = unfit.and_then(|value| options.into_iter().find_map(|option| variables::of(option, value)));
    let from = variable.map(|name| format!(" (from {name})")).unwrap_or_default();
    place::say(&format!("error: {error:#}{from}"));
    ExitCode::from(code_of(error))
}

async fn perform(command: Command) -> Result<u8> {
    match command {
        Command::Setup(arguments) => owning(async |estate| set_up(arguments, estate).await).await,
        Command::Doctor(arguments) => examine(arguments).await,
        Command::List(arguments) => list::list(&arguments),
        Command::Run(arguments) => owning(async |estate| run::run(*arguments, estate).await).await,
        Command::Up(arguments) => owning(async |estate| up::up(arguments, estate).await).await,
        Command::Bisect(arguments) => owning(async |estate| bisect::bisect(arguments, estate).await).await,
        Command::Matrix(arguments) => matrix::matrix(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        // It was done before this.
        Command::EnterNetwork => Ok(AS_EXPECTED),
        Command::Pause => pause().await,
        Command::Reap(arguments) => reap(&arguments).await,
        Command::Ui(arguments) => serve::ui(*arguments).await,
        Command::Legacy(arguments) => serve::legacy(arguments).await,
    }
}

/// Does what starts programs and makes files. Whatever comes of it, nothing of it stays, or it is said.
async fn owning(work: impl AsyncFnOnce(&Estate) -> Result<u8>) -> Result<u8> {
    own(place::estate().await?, work).await
}

async fn own(estate: Estate, work: impl AsyncFnOnce(&Estate) -> Result<u8>) -> Result<u8> {
    let done = work(&estate).await;
    let closed = estate.close().await;
    match (done, closed) {
        (Ok(code), Ok(())) => Ok(code),
        (done, Err(left)) => {
            // The first error is the run's own.
            done.inspect_err(|_| place::say(&format!("error: {left:#}")))?;
            Err(left)
        }
        (Err(error), Ok(())) => Err(error),
    }
}

async fn set_up(arguments: SetupArguments, estate: &Estate) -> Result<u8> {
    let cache = Cache::open()?;
    let fixtures = place::fixtures()?;
    let mut stop = stop::on_signals()?;
    let mut progress = Progress::on_stderr();
    let prepared = async {
        let mut every_kratos = Vec::new();
        for choice in &arguments.server.kratos {
            every_kratos.push(setup::prepare(&cache, &fixtures, choice, &mut progress).await?);
        }
        let postgres = match every_kratos.first().filter(|_| arguments.postgres) {
            Some(kratos) => Some(setup::prepare_postgres(&cache, kratos, &mut progress).await),
            None => None,
        };
        let hydra = setup::prepare_hydra(&cache, &fixtures, &mut progress).await;
        let firefox = prepare_firefox(&cache, &mut progress).await;
        let applications = if arguments.clients {
            setup::prepare_applications(&cache, &fixtures, &mut progress).await
        } else {
            Vec::new()
        };
        anyhow::Ok((every_kratos, postgres, hydra, firefox, applications))
    };
    let (ready, postgres, hydra, firefox, applications) = tokio::select! {
        ready = prepared => ready?,
        _ = stop.wait_for(|stop| *stop) => {
            place::say("setup was stopped; what it had not finished is not kept");
            return Ok(SURPRISE);
        }
    };
    for kratos in &ready {
        place::say(&format!("Kratos {} is ready: {}", kratos.version, kratos.program));
    }
    let hydra = hydra.context("Kratos is ready, Hydra is not");
    if let Ok(hydra) = &hydra {
        place::say(&format!("Hydra {} is ready: {}", hydra.version, hydra.program));
    }
    let mut code = AS_EXPECTED;
    let mut programs = None;
    match postgres {
        Some(Ok(found)) => {
            let (version, folder) = (found.version(), found.folder().display());
            place::say(&format!("Postgres {version} is ready: {folder}"));
            programs = Some(found);
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
        let every_kratos = arguments.server.kratos.iter().zip(&ready).collect();
        let built = Built { every_kratos, hydra: &hydra, postgres: programs.as_ref() };
        if images::make(&cache, &built, estate, &mut progress, &mut stop).await?.is_none() {
            place::say("setup was stopped; what it had not finished is not kept");
            return Ok(SURPRISE);
        }
    }
    firefox.context("Kratos is ready, Firefox is not")?;
    Ok(code)
}

async fn prepare_firefox(cache: &Cache, progress: &mut Progress) -> Result<()> {
    setup::prepare_geckodriver(cache, progress).await?;
    warm::prepare(cache, progress).await
}

async fn examine(arguments: DoctorArguments) -> Result<u8> {
    match place::estate().await {
        Ok(estate) => own(estate, async |_| examine_all(arguments, None).await).await,
        // It is what this is asked for.
        Err(error) => examine_all(arguments, Some(error.downcast::<Missing>()?)).await,
    }
}

/// Looks for all that a run needs. `lacking` is what it has no place for its files by.
async fn examine_all(arguments: DoctorArguments, lacking: Option<Missing>) -> Result<u8> {
    let (cache, fixtures) = (Cache::open()?, place::fixtures()?);
    let mut stop = stop::on_signals()?;
    let examined = async {
        let mut findings = doctor::examine(&cache, &fixtures, &arguments.server.kratos).await;
        for kratos in &arguments.server.kratos {
            arguments.backend.examine(&fixtures, kratos, &mut findings).await;
        }
        findings
    };
    let mut findings = tokio::select! {
        findings = examined => findings,
        _ = stop.wait_for(|stop| *stop) => {
            place::say("doctor was stopped before it had seen all");
            return Ok(SURPRISE);
        }
    };
    findings.extend(lacking.map(|lacking| doctor::Finding::of_place(&lacking)));
    place::print(&doctor::render(&findings))?;
    place::print(doctor::SHARED_MACHINE)?;
    Ok(if findings.iter().any(doctor::Finding::blocks) { LACKING } else { AS_EXPECTED })
}

async fn pause() -> Result<u8> {
    // An error only says that nobody is left who could wish the end.
    let _ = stop::on_signals()?.wait_for(|stop| *stop).await;
    Ok(AS_EXPECTED)
}

async fn reap(arguments: &ReapArguments) -> Result<u8> {
    // Nobody's wish ends it: it ends when its work is done.
    let _deaf = stop::on_signals()?;
    estate::reap(&arguments.owner, &arguments.place).await?;
    Ok(AS_EXPECTED)
}

/// The one case that a word names.
fn one_case(catalogue: &Catalogue, name: &str) -> Result<Case> {
    let mut cases = catalogue.select(&[name.to_owned()])?;
    if cases.len() > 1 {
        let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        let text = format!("`{name}` names {} cases (hint: choose one of {})", ids.len(), ids.join(", "));
        return Err(WrongCall(text).into());
    }
    cases.pop().context("nothing was selected")
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
    } else if error.downcast_ref::<NothingSelected>().is_some() || error.downcast_ref::<NothingApplies>().is_some() {
        NOTHING
    } else if error.downcast_ref::<Missing>().is_some() || error.chain().any(full) {
        LACKING
    } else {
        SURPRISE
    }
}
