//! `run`: runs cases, shows progress, writes the reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::arguments::{Format, RunArguments};
use super::backend::Chosen;
use super::databases::Databases;
use super::lineups::{self, Cast, Wanted};
use super::repetitions::Repetitions;
use super::screen::Screen;
use super::{WrongCall, databases, endpoint, interface, place, stop, versions};
use crate::backend::cache::Cache;
use crate::backend::doctor::{self, State};
use crate::backend::estate::Estate;
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::progress::Progress as SetupProgress;
use crate::backend::{Backend, Missing, Program, network};
use crate::browser::{Engine, Remote, Window};
use crate::case::{Case, Catalogue, Time, fingerprint};
use crate::edge::Jitter;
use crate::report::{self, Differing, Places, terminal};
use crate::trial::{
    NotRun, Part, Platform, Progress, QueueSettings, RunOutcome, Scope, Thoroughness, Turn, default_jobs,
};
use crate::world::{ClientPrograms, Files, WorldSettings};

pub(super) async fn run(arguments: RunArguments, estate: &Estate) -> Result<u8> {
    // First, because it takes a moment to see that nobody is there.
    let remote = endpoint::reach(&arguments).await?;
    let fixtures = place::fixtures()?;
    let catalogue = Catalogue::read(&fixtures)?;
    let chosen = catalogue.select(&arguments.names)?;
    let cache = Cache::open()?;
    arguments.backend.refuse(arguments.database.db)?;
    let of_interface = arguments.interface.image_flag();
    let backend = arguments.backend.choose(&cache, &fixtures, estate, &arguments.server.kratos, of_interface).await?;
    if network::is_own() && !matches!(backend.backend, Backend::Native) {
        let text = "containers are beyond a network of its own (hint: `--backend docker` says so from the beginning)";
        return Err(WrongCall(text.to_owned()).into());
    }
    place::say_swept(backend.backend.sweep().await);
    let keep = arguments.keep;
    let ended = run_on(&backend, arguments, estate, &cache, catalogue, chosen, remote).await;
    let kept = if keep { estate.keep() } else { Ok(None) };
    if let Ok(Some(kept)) = &kept {
        place::say(&format!("kept: {} (secrets in it are as they were)", kept.display()));
    }
    // Whatever came of it, nothing of it stays.
    let closed = backend.close(estate).await;
    let code = ended?;
    kept?;
    closed?;
    Ok(code)
}

async fn run_on(
    backend: &Chosen,
    arguments: RunArguments,
    estate: &Estate,
    cache: &Cache,
    catalogue: Catalogue,
    chosen: Vec<Case>,
    remote: Option<Remote>,
) -> Result<u8> {
    let fixtures = &place::fixtures()?;
    let found = databases::find(arguments.database.db, backend).await?;
    let interface = arguments.interface.interface(backend).await?;
    let mut stop = stop::on_signals()?;
    let remote = endpoint::find(remote, &chosen, &arguments, &mut stop).await?;
    if *stop.borrow() {
        return Ok(stopped_early());
    }
    let clients = ClientPrograms::find(cache, fixtures, &chosen).await?;
    let hydra = tokio::select! {
        hydra = hydra(backend, &chosen, cache, fixtures) => hydra?,
        _ = stop.wait_for(|stop| *stop) => return Ok(stopped_early()),
    };
    let no_hydra = hydra.as_ref().and_then(|hydra| hydra.as_ref().err());
    let wanted = Wanted {
        interface: &interface,
        engines: &arguments.engines,
        thoroughness: if arguments.thorough { Thoroughness::EveryLineup } else { Thoroughness::FirstLineup },
        shard: arguments.shard,
        remote: remote.as_ref(),
    };
    let files: BTreeMap<_, _> = chosen.iter().map(|case| (case.id.clone(), case.path.clone())).collect();
    let cast = lineups::cast(chosen, &wanted, &clients, no_hydra)?;
    let Cast { turns, engines, not_run } = cast;
    if turns.is_empty() {
        return Err(nothing_able(&not_run).into());
    }
    for one in &not_run {
        place::say(&format!("not run: {}: {}", one.case, one.reason));
    }
    let hydra = hydra.and_then(Result::ok);
    let mut setup = SetupProgress::on_stderr();
    let servers = async {
        let every_kratos = versions::find(backend, cache, fixtures, &arguments.server.kratos, &mut setup).await?;
        let databases = Databases::start(&found, cache, &every_kratos, &mut setup).await?;
        anyhow::Ok((every_kratos, databases))
    };
    let (every_kratos, databases) = tokio::select! {
        servers = servers => servers?,
        _ = stop.wait_for(|stop| *stop) => return Ok(stopped_early()),
    };

    let platforms: Vec<Platform> = every_kratos
        .iter()
        .map(|it| Platform {
            kratos: it.version.to_string(),
            database: databases.of(it).kind().word().to_owned(),
            backend: backend.backend.name().to_owned(),
        })
        .collect();
    let scope = Scope { interface: interface.label(), ..scope(fixtures, &arguments, &platforms)? };
    let (shares, not_applicable) = versions::deal(&turns, &every_kratos, catalogue.differences())?;
    for one in &not_applicable {
        place::say(&format!("not applicable: {} on Kratos {}: {}", one.case, one.kratos, one.reason));
    }
    let jitter = jitter(&arguments)?;
    // The first; each share of the turns brings its own.
    let first = every_kratos.first().context("no Kratos was named")?;
    let world = WorldSettings {
        fixtures: fixtures.to_owned(),
        differences: catalogue.differences().clone(),
        backend: backend.backend.clone(),
        kratos: first.clone(),
        database: databases.of(first),
        clients: clients.clone(),
        hydra: hydra.clone(),
        interface: interface.clone(),
        remote: remote.clone(),
        window: Window::Hidden,
        folder: estate.folder().to_owned(),
        files: if arguments.keep { Files::Kept } else { Files::Removed },
        jitter,
    };
    tokio::select! {
        tried = interface::try_out(&world) => tried?,
        _ = stop.wait_for(|stop| *stop) => return Ok(stopped()),
    }

    let begun = Instant::now();
    let started = Timestamp::now();
    let name = format!("{}-{}", started.strftime("%Y-%m-%dT%H-%M-%S"), std::process::id());
    let folder = arguments.out.unwrap_or_else(place::runs).join(&name);
    fs::create_dir_all(&folder).map_err(|error| {
        let what = format!("the run's folder `{}` cannot be made: {error}", folder.display());
        Missing::new(what, "`--out` names another place")
    })?;
    let jobs = arguments.jobs.map_or_else(default_jobs, usize::from);
    let repeat = arguments.repeat;
    let jitter = world.jitter.clone();
    let settings = QueueSettings { world, run_folder: folder.clone(), jobs, repeat };
    let turns = || shares.iter().flat_map(|share| &share.turns);
    let (case_count, trial_count) = (turns().count(), turns().map(Turn::trials).sum());
    let (progress, mut told) = mpsc::unbounded_channel();
    let mut parts =
        parts(&backend.backend, &every_kratos, &databases, hydra.as_ref(), &engines, remote.as_ref(), &clients).await;
    if let Some(shard) = arguments.shard {
        let note = "a part of a run".to_owned();
        parts.insert(0, Part { name: report::SHARD.to_owned(), version: shard.to_string(), note });
    }
    parts.extend(interface.label().map(|label| Part {
        name: "login page".to_owned(),
        version: label.trim_matches('`').to_owned(),
        note: "in place of ours".to_owned(),
    }));
    parts.extend(jitter.map(|jitter| Part {
        name: "jitter".to_owned(),
        version: jitter.to_string(),
        note: "on every answer at the edge".to_owned(),
    }));
    let shares = shares.into_iter().map(|share| (databases.of(&share.kratos), share)).collect();
    let queue = tokio::spawn(versions::run_shares(shares, settings, progress, stop.clone()));
    let mut screen = Screen::new(case_count, trial_count, repeat, Differing::among(&platforms));
    let mut repetitions = Repetitions::new(repeat, &folder);
    while let Some(step) = told.recv().await {
        screen.show(&step);
        if let Progress::Case { outcome, repetition, folder } = step {
            repetitions.add(*outcome, repetition, &folder);
        }
    }
    screen.clear();
    queue.await.context("the queue of trials broke")?;
    // What the run has found is told first.
    let closed = databases.close().await;
    if let Some(remote) = &remote {
        endpoint::settle(remote).await;
    }
    let interrupted = repetitions.ended() < repeat as usize * case_count;
    parts.extend(interrupted.then(|| report::planning(case_count)));
    let (mut outcomes, noted) = repetitions.told();
    report::put_in_order(&mut outcomes, catalogue.claims());
    let outcome = RunOutcome {
        run: name,
        started: started.to_string(),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted,
        scope,
        parts,
        cases: outcomes,
        not_run,
        not_applicable,
    };
    report::write(&outcome, &folder)?;
    tell(&outcome, &folder, &files, arguments.format)?;
    noted?;
    closed?;
    Ok(if outcome.as_expected() && !outcome.interrupted { super::AS_EXPECTED } else { super::SURPRISE })
}

/// The run was asked to end while it was being prepared.
fn stopped_early() -> u8 {
    place::say("the run was stopped before its first trial");
    super::SURPRISE
}

/// What the call asks for.
fn scope(fixtures: &Path, arguments: &RunArguments, platforms: &[Platform]) -> Result<Scope> {
    let mut names = arguments.names.clone();
    names.sort();
    names.dedup();
    Ok(Scope {
        fixtures: fingerprint(fixtures)?,
        names,
        engines: arguments.engines.iter().map(|engine| engine.name().to_owned()).collect(),
        platforms: platforms.to_vec(),
        interface: None,
        thorough: arguments.thorough,
        shard: arguments.shard.map(|shard| shard.to_string()),
    })
}

/// By what the edge holds every answer, where that is asked for.
fn jitter(arguments: &RunArguments) -> Result<Option<Jitter>> {
    let Some(Time(longest)) = arguments.jitter else { return Ok(None) };
    let jitter = match arguments.jitter_seed {
        Some(seed) => Jitter::new(longest, seed),
        None => Jitter::by_chance(longest)?,
    };
    place::say(&format!("jitter on every answer: {jitter} (the same again by `--jitter-seed`)"));
    Ok(Some(jitter))
}

/// Prints what a person, or a program, wants to know at the end.
fn tell(outcome: &RunOutcome, folder: &Path, files: &BTreeMap<String, PathBuf>, format: Format) -> Result<()> {
    if format == Format::Json {
        return place::print(&serde_json::to_string_pretty(outcome).context("failed to write the results as JSON")?);
    }
    let colour = place::colour(&io::stdout());
    let mut text = String::from("\n");
    for case in outcome.cases.iter().filter(|case| !case.as_expected()) {
        let places = Places { run: folder.to_owned(), file: files.get(&case.id).cloned() };
        text.push_str(&terminal::failure(case, &places, colour));
        text.push('\n');
    }
    text.push_str(&terminal::summary(outcome, folder, colour));
    place::print(&text)
}

/// The Hydra, if one of the cases needs it; or what is lacking for it.
pub(super) async fn hydra(
    backend: &Chosen,
    cases: &[Case],
    cache: &Cache,
    fixtures: &Path,
) -> Result<Option<Result<HydraBinary, Missing>>> {
    if !cases.iter().any(|case| case.file.needs_hydra()) {
        return Ok(None);
    }
    Ok(Some(match backend.hydra(cache, fixtures, &mut SetupProgress::on_stderr()).await {
        Ok(hydra) => Ok(hydra),
        Err(error) => Err(error.downcast::<Missing>()?),
    }))
}

fn stopped() -> u8 {
    place::say("the run was stopped before its first trial");
    super::SURPRISE
}

/// None of the cases can run here: green would be a lie.
pub(super) fn nothing_able(not_run: &[NotRun]) -> Missing {
    let lines = not_run.iter().map(|one| format!("not run: {}: {}", one.case, one.reason)).collect::<Vec<_>>();
    Missing::new(
        format!("none of what was selected can run here\n  {}\n ", lines.join("\n  ")),
        "`kratos-repro doctor` says how to get the rest",
    )
}

/// What takes part, with versions, as each program says itself.
pub(super) async fn parts(
    backend: &Backend,
    every_kratos: &[KratosBinary],
    databases: &Databases,
    hydra: Option<&HydraBinary>,
    engines: &[Engine],
    remote: Option<&Remote>,
    clients: &ClientPrograms,
) -> Vec<Part> {
    let note = |program: &Program, database: &str| match program {
        Program::Binary(_) => format!("{}, {database}", backend.name()),
        #[cfg(feature = "docker")]
        Program::Image(image) => format!("{}, image {image}, {database}", backend.name()),
    };
    let own = env!("CARGO_PKG_VERSION");
    let mut parts = vec![Part { name: "kratos-repro".into(), version: own.into(), note: String::new() }];
    parts.extend(every_kratos.iter().map(|kratos| {
        let newest = if kratos.version.release().is_none() { "; counts as the newest version" } else { "" };
        let note = note(&kratos.program, databases.title()) + newest;
        Part { name: "Kratos".into(), version: kratos.version.to_string(), note }
    }));
    parts.extend(databases.part());
    if let Some(hydra) = hydra {
        parts.push(Part {
            name: "Hydra".into(),
            version: hydra.version.to_string(),
            note: note(&hydra.program, "SQLite"),
        });
    }
    #[cfg(feature = "docker")]
    if let Backend::Docker(engine) = backend {
        parts.push(Part { name: "container engine".into(), version: engine.version().into(), note: String::new() });
    }
    let (version, note) =
        if network::is_own() { ("its own", "a loopback, and no way in or out") } else { ("the machine's", "") };
    parts.push(Part { name: "network".into(), version: version.into(), note: note.into() });
    for (engine, version) in remote.into_iter().flat_map(Remote::offered).filter(|(it, _)| engines.contains(it)) {
        parts.push(Part { name: engine.name().into(), version: version.clone(), note: "remote".into() });
    }
    let here: &[Engine] = if remote.is_some() { &[] } else { engines };
    for finding in doctor::examine_programs(here).await {
        if let State::Found { version, .. } = finding.state {
            parts.push(Part { name: finding.name.to_owned(), version, note: String::new() });
        }
    }
    for installed in clients.found() {
        let name = installed.application.name().to_owned();
        parts.push(Part { name, version: installed.version.clone(), note: String::new() });
    }
    parts
}
