//! Every case gives the verdict that its file expects: one test for each case and lineup of engines, all trials inside,
//! such as `firefox::code-flows/login-form-double-click`. The variable `KRATOS_REPRO_ENGINE` chooses the engines, and
//! `KRATOS_REPRO_DB` the database, as for `run`. A case whose engine or client is not installed is shown as ignored, and
//! why is said before the tests begin.

#[path = "support/trials.rs"]
mod trials;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::estate::{self, Estate};
use kratos_repro::backend::network;
use kratos_repro::browser::Engine;
use kratos_repro::case::Catalogue;
use kratos_repro::report::Places;
use kratos_repro::report::terminal::{self, Colour};
use kratos_repro::trial::{Thoroughness, Turn, default_jobs};
use kratos_repro::world::ClientPrograms;
use libtest_mimic::{Arguments, Failed, Trial};

/// The engines to test on, and those of them that are not here.
struct Engines {
    here: Vec<Engine>,
    missing: Vec<Engine>,
    named: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let code = match words.as_slice() {
        // As every program that has an estate, it is its own reaper.
        [word, owner, place] if word == "reap" => reap(owner, Path::new(place)).map(|()| ExitCode::SUCCESS),
        _ => run(),
    };
    code.unwrap_or_else(|error| {
        tell(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

fn reap(owner: &str, place: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(estate::reap(&owner.parse()?, place))
}

fn run() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert_with(default_jobs);
    if arguments.list {
        return Ok(libtest_mimic::run(&arguments, tests()?).exit_code());
    }
    let place = std::env::temp_dir();
    enter_network(&place)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let estate = runtime.block_on(Estate::open(&place))?;
    // It is the first, and one alone can be told.
    let _ = tempfile::env::override_temp_dir(estate.folder());
    let ended = tests().map(|tests| libtest_mimic::run(&arguments, tests).exit_code());
    let closed = runtime.block_on(estate.close());
    let code = ended?;
    closed?;
    Ok(code)
}

/// A network of its own, as a run has it, where it can be had. This thread is still the only one.
fn enter_network(place: &Path) -> Result<()> {
    let program = Path::new(env!("CARGO_BIN_EXE_kratos-repro"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Err(lacking) = runtime.block_on(network::probe(program)) {
        tell(&format!("network: the machine's, as {lacking:#}"));
        return Ok(());
    }
    // In it the processes of others cannot be told any more.
    let swept = runtime.block_on(estate::sweep(place));
    if !swept.is_empty() {
        tell(&swept.to_string());
    }
    drop(runtime);
    network::enter()
}

fn tests() -> Result<Vec<Trial>> {
    let engines = Engines::asked_for()?;
    let mut tests = Vec::new();
    for engine in &engines.missing {
        let lacking = engine.lacks().with_context(|| format!("{engine} came while it was looked for"))?;
        tell(&format!("not run on {engine}: {lacking}"));
        if engines.named {
            let text = format!("KRATOS_REPRO_ENGINE names {engine}: {lacking}");
            tests.push(Trial::test(format!("{engine}::is_installed"), move || Err(Failed::from(text))));
        }
    }
    let wanted: Vec<Engine> = engines.here.iter().chain(&engines.missing).copied().collect();
    let catalogue = Catalogue::read(&trials::fixtures())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clients = runtime.block_on(ClientPrograms::find(&Cache::open()?, &trials::fixtures(), catalogue.cases()))?;
    for case in catalogue.cases() {
        let missing = clients.lacks(case);
        if let Some(missing) = &missing {
            tell(&format!("not run: {}: {missing}", case.id));
        }
        let mut turns = Turn::all(case, &engines.here, Thoroughness::FirstLineup);
        let others = Turn::all(case, &wanted, Thoroughness::FirstLineup).into_iter();
        turns.extend(others.filter(|turn| turn.lacks().is_some()));
        turns.dedup_by(|a, b| a.lineup == b.lineup);
        tests.extend(turns.into_iter().map(|turn| test(turn, missing.is_some())));
    }
    Ok(tests)
}

fn test(turn: Turn, lacks_client: bool) -> Trial {
    let lineup = turn.lineup.name().unwrap_or("no-browser").replace(' ', "-");
    let missing = lacks_client || turn.lacks().is_some();
    Trial::test(format!("{lineup}::{}", turn.case.id), move || {
        perform(turn).map_err(|error| format!("{error:#}").into())
    })
    .with_ignored_flag(missing)
}

fn perform(turn: Turn) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(trials::run(turn))?;
    anyhow::ensure!(outcome.as_expected(), "\n{}", terminal::failure(&outcome, &Places::default(), Colour::Never));
    Ok(())
}

impl Engines {
    fn asked_for() -> Result<Self> {
        let text = std::env::var("KRATOS_REPRO_ENGINE").unwrap_or_default();
        let named = text
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| name.parse().map_err(|it| anyhow!("{it}: {name}")));
        let named: Vec<Engine> = named.collect::<Result<_>>()?;
        let wanted = if named.is_empty() { Engine::ALL.to_vec() } else { named.clone() };
        let (missing, here) = wanted.into_iter().partition(|engine| engine.lacks().is_some());
        Ok(Self { here, missing, named: !named.is_empty() })
    }
}

fn tell(text: &str) {
    // Nobody may listen any more.
    let _ = writeln!(std::io::stderr(), "{text}");
}
