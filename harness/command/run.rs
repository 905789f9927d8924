//! `run`: runs cases, shows progress, writes the reports.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::arguments::{Format, RunArguments};
use super::backend::Chosen;
use super::databases::{Databases, Found};
use super::lineups::{self, Cast};
use super::{databases, interface, place, stop};
use crate::backend::cache::Cache;
use crate::backend::doctor::{self, State};
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::progress::Progress as SetupProgress;
use crate::backend::{Backend, Missing, Program};
use crate::browser::{Engine, Window};
use crate::case::{Case, Catalogue};
use crate::report::terminal;
use crate::trial::{CaseOutcome, NotRun, Part, Progress, QueueSettings, RunOutcome, Turn, run_cases};
use crate::world::{ClientPrograms, Files, WorldSettings};

pub(super) async fn run(arguments: RunArguments) -> Result<u8> {
    let fixtures = place::fixtures()?;
    let catalogue = Catalogue::read(&fixtures)?;
    let chosen = catalogue.select(&arguments.names)?;
    let cache = Cache::open()?;
    let backend = arguments.backend.choose(&cache, &fixtures, &arguments.server.kratos).await?;
    let found = databases::find(arguments.database.db, &backend.backend).await?;
    let ended = run_on(&backend, found, arguments, &fixtures, &cache, catalogue, chosen).await;
    // Whatever came of it, nothing of it stays.
    let closed = backend.backend.close().await;
    let code = ended?;
    closed.context("the run has ended, and something of it stays")?;
    Ok(code)
}

async fn run_on(
    backend: &Chosen,
    found: Found,
    arguments: RunArguments,
    fixtures: &Path,
    cache: &Cache,
    catalogue: Catalogue,
    chosen: Vec<Case>,
) -> Result<u8> {
    let mut stop = stop::on_signals()?;
    let clients = ClientPrograms::find(cache, fixtures, &chosen).await?;
    let hydra = tokio::select! {
        hydra = hydra(backend, &chosen, cache, fixtures) => hydra?,
        _ = stop.wait_for(|stop| *stop) => return Ok(stopped()),
    };
    let no_hydra = hydra.as_ref().and_then(|hydra| hydra.as_ref().err());
    let interface = arguments.interface.interface()?;
    let cast = lineups::cast(chosen, &interface, &clients, no_hydra, &arguments.engines, arguments.thorough)?;
    let Cast { turns, engines, not_run } = cast;
    if turns.is_empty() {
        return Err(nothing_able(&not_run).into());
    }
    for one in &not_run {
        place::say(&format!("not run: {}: {}", one.case, one.reason));
    }
    let hydra = hydra.and_then(Result::ok);
    let choice = &arguments.server.kratos;
    let mut setup = SetupProgress::on_stderr();
    let servers = async {
        let kratos = backend.kratos(cache, fixtures, choice, &mut setup).await?;
        let databases = Databases::start(&found, cache, &kratos, &mut setup).await?;
        anyhow::Ok((kratos, databases))
    };
    let (kratos, databases) = tokio::select! {
        servers = servers => servers?,
        _ = stop.wait_for(|stop| *stop) => return Ok(stopped()),
    };

    let worlds = place::worlds()?;
    let world = WorldSettings {
        fixtures: fixtures.to_owned(),
        backend: backend.backend.clone(),
        kratos: kratos.clone(),
        database: databases.database.clone(),
        clients: clients.clone(),
        hydra: hydra.clone(),
        interface: interface.clone(),
        window: Window::Hidden,
        folder: worlds.path().to_owned(),
        files: if arguments.keep { Files::Kept } else { Files::Removed },
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
    let settings = QueueSettings { world, run_folder: folder.clone(), jobs };
    let (case_count, trial_count) = (turns.len(), turns.iter().map(Turn::trials).sum());
    let (progress, mut told) = mpsc::unbounded_channel();
    let queue = tokio::spawn(run_cases(turns, settings, progress, stop.clone()));
    let mut parts = parts(&backend.backend, &kratos, &databases, hydra.as_ref(), &engines, &clients).await;
    parts.extend(interface.label().map(|label| Part {
        name: "login page".to_owned(),
        version: label,
        note: "in place of ours".to_owned(),
    }));
    let mut screen = Screen::new(case_count, trial_count);
    let mut outcomes = Vec::new();
    while let Some(step) = told.recv().await {
        screen.show(&step);
        if let Progress::Case(outcome) = step {
            outcomes.push(*outcome);
        }
    }
    screen.clear();
    queue.await.context("the queue of trials broke")?;
    databases.close().await?;
    if arguments.keep {
        place::say(&format!("kept: {} (secrets in it are as they were)", worlds.keep().display()));
    } else {
        worlds.close().context("failed to remove the folder of the worlds")?;
    }
    // In the order of the page; bug reports, which name no claim, come last.
    let place = |case: &CaseOutcome| catalogue.claims().ids().position(|id| id == case.claim.id).unwrap_or(usize::MAX);
    outcomes.sort_by(|a, b| (place(a), &a.id, &a.engine).cmp(&(place(b), &b.id, &b.engine)));
    let outcome = RunOutcome {
        run: name,
        started: started.to_string(),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted: outcomes.len() < case_count,
        parts,
        cases: outcomes,
        not_run,
    };
    crate::report::write(&outcome, &folder)?;
    tell(&outcome, &folder, arguments.format)?;
    Ok(if outcome.as_expected() && !outcome.interrupted { super::AS_EXPECTED } else { super::SURPRISE })
}

/// Prints what a person, or a program, wants to know at the end.
fn tell(outcome: &RunOutcome, folder: &Path, format: Format) -> Result<()> {
    if format == Format::Json {
        return place::print(&serde_json::to_string_pretty(outcome).context("failed to write the results as JSON")?);
    }
    let colour = place::colour();
    let mut text = String::from("\n");
    for case in outcome.cases.iter().filter(|case| !case.as_expected()) {
        text.push_str(&terminal::failure(case, colour));
        text.push('\n');
    }
    text.push_str(&terminal::summary(outcome, folder, colour));
    place::print(&text)
}

/// The Hydra, if one of the cases needs it; or what is lacking for it.
async fn hydra(
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
fn nothing_able(not_run: &[NotRun]) -> Missing {
    let lines = not_run.iter().map(|one| format!("not run: {}: {}", one.case, one.reason)).collect::<Vec<_>>();
    Missing::new(
        format!("none of what was selected can run here\n  {}\n ", lines.join("\n  ")),
        "`kratos-repro doctor` says how to get the rest",
    )
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(2)
}

/// What takes part, with versions, as each program says itself.
async fn parts(
    backend: &Backend,
    kratos: &KratosBinary,
    databases: &Databases,
    hydra: Option<&HydraBinary>,
    engines: &[Engine],
    clients: &ClientPrograms,
) -> Vec<Part> {
    let note = |program: &Program, database: &str| match program {
        Program::Binary(_) => format!("{}, {database}", backend.name()),
        #[cfg(feature = "docker")]
        Program::Image(image) => format!("{}, image {image}, {database}", backend.name()),
    };
    let mut parts = vec![
        Part { name: "kratos-repro".into(), version: env!("CARGO_PKG_VERSION").into(), note: String::new() },
        Part {
            name: "Kratos".into(),
            version: kratos.version.to_string(),
            note: note(&kratos.program, databases.word()),
        },
    ];
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
    for finding in doctor::examine_programs(engines).await {
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

/// Progress while the run goes on: a line for each case, and on a terminal one that is rewritten below them.
struct Screen {
    cases: usize,
    trials: usize,
    cases_done: usize,
    trials_done: usize,
    surprises: usize,
    rewritten: bool,
    begun: Instant,
}

impl Screen {
    fn new(cases: usize, trials: usize) -> Self {
        let rewritten = std::io::stderr().is_terminal();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        place::say(&format!("running {cases} case{} in {trials} trial{}", plural(cases), plural(trials)));
        Self { cases, trials, cases_done: 0, trials_done: 0, surprises: 0, rewritten, begun: Instant::now() }
    }

    fn show(&mut self, step: &Progress) {
        match step {
            Progress::Begun { case, trial } => self.status(&format!("{case} {trial}")),
            Progress::Ended { as_expected, .. } => {
                self.trials_done += 1;
                self.surprises += usize::from(!as_expected);
            }
            Progress::Case(outcome) => {
                self.cases_done += 1;
                self.clear();
                place::say(&terminal::case_line(outcome, place::colour()));
            }
        }
    }

    fn status(&self, now: &str) {
        if !self.rewritten {
            return;
        }
        let surprises = if self.surprises == 0 { String::new() } else { format!(", {} surprises", self.surprises) };
        let (done, all) = (self.trials_done, self.trials);
        let seconds = self.begun.elapsed().as_secs();
        let (cases_done, cases) = (self.cases_done, self.cases);
        let mut screen = std::io::stderr();
        let _ =
            write!(screen, "\r\x1b[K{seconds:>4} s  case {cases_done}/{cases}, trial {done}/{all}{surprises}  {now}");
        let _ = screen.flush();
    }

    fn clear(&self) {
        if self.rewritten {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
