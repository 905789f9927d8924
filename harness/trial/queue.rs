//! Runs the trials of many cases, some at once. The next trial's world starts while this one runs:
//! most of a trial's time is the start of Kratos and of the browser.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::fit::Question;
use super::judge::{judge, judge_guard};
use super::plan::Plan;
use super::{CaseOutcome, ClaimQuoted, LOGIN_PAGE, Lineup, Platform, TrialOutcome, Turn, Verdict, run, secrets};
use crate::case::{Case, ItpSpec, Program, Step, WorldSpec};
use crate::evidence::Redactor;
use crate::world::ui::Interface;
use crate::world::{World, WorldSettings};

/// What a run of many cases is told on its way.
#[derive(Debug)]
pub enum Progress {
    /// A trial begins.
    Begun {
        /// The case's id, with its lineup.
        case: String,
        /// The trial's name.
        trial: String,
    },
    /// A trial has ended.
    Ended {
        /// The case's id, with its lineup.
        case: String,
        /// The trial's name.
        trial: String,
        /// Whether it showed what it had to.
        as_expected: bool,
    },
    /// All trials of a case have ended.
    Case(Box<CaseOutcome>),
}

/// How cases are run.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// What worlds are made from.
    pub world: WorldSettings,
    /// Where the evidence goes.
    pub run_folder: PathBuf,
    /// How many trials run at once.
    pub jobs: usize,
}

struct Job {
    case: usize,
    trial: usize,
    name: String,
    plan: Plan,
}

struct Pending {
    turn: Turn,
    name: String,
    outcomes: Vec<Option<TrialOutcome>>,
    begun: Option<Instant>,
}

/// Runs the cases in their lineups and tells the progress. It ends early when `stop` becomes true: trials that run are given up and
/// their worlds closed, and cases that are not complete are left out.
pub async fn run_cases(
    turns: Vec<Turn>,
    settings: QueueSettings,
    progress: mpsc::UnboundedSender<Progress>,
    stop: watch::Receiver<bool>,
) {
    let mut jobs = VecDeque::new();
    let mut pending = Vec::new();
    for (index, turn) in turns.into_iter().enumerate() {
        let plans = turn.plans();
        let mut folder = turn.case.id.replace('/', "--");
        let mut name = turn.case.id.clone();
        if let Some(lineup) = turn.lineup.name() {
            folder.push_str(&format!("--{}", lineup.replace(' ', "-")));
            name.push_str(&format!(" ({lineup})"));
        }
        pending.push(Pending { outcomes: plans.iter().map(|_| None).collect(), begun: None, turn, name });
        for (trial, plan) in plans.into_iter().enumerate() {
            jobs.push_back(Job { case: index, trial, name: format!("{folder}/{}", plan.name), plan });
        }
    }
    let shared = Arc::new(Shared { jobs: Mutex::new(jobs), pending: Mutex::new(pending), settings, progress });
    // Each worker has a world that runs and one that starts. What cannot be made now is told by the first that needs it.
    let _ = shared.settings.world.backend.prepare(2 * shared.settings.jobs.max(1)).await;
    let mut workers = JoinSet::new();
    for _ in 0..shared.settings.jobs.max(1) {
        workers.spawn(work(Arc::clone(&shared), stop.clone()));
    }
    while workers.join_next().await.is_some() {}
}

struct Shared {
    jobs: Mutex<VecDeque<Job>>,
    pending: Mutex<Vec<Pending>>,
    settings: QueueSettings,
    progress: mpsc::UnboundedSender<Progress>,
}

type Starting = tokio::task::JoinHandle<(anyhow::Result<World>, u64)>;

async fn work(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut next = shared.take();
    while let Some((job, starting)) = next {
        // Dropping a receiver's sender counts as no wish to stop.
        let mut stopped = stop.clone();
        let stopped = async move {
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::pin!(stopped);
        let mut starting = starting;
        let (world, world_ms) = tokio::select! {
            started = &mut starting => {
                started.unwrap_or_else(|error| (Err(anyhow::anyhow!("starting the world {error}")), 0))
            }
            () = &mut stopped => return give_up(starting).await,
        };
        next = if *stop.borrow_and_update() { None } else { shared.take() };
        shared.begin(&job);
        let outcome = tokio::select! {
            outcome = run::run(&job.plan, world, world_ms, &shared.settings.run_folder, &job.name) => outcome,
            () = &mut stopped => {
                if let Some((_, starting)) = next {
                    give_up(starting).await;
                }
                return;
            }
        };
        shared.end(job, outcome);
    }
}

/// Ends a start and waits until what had been started is gone: the folder of the worlds is removed after it.
async fn give_up(starting: Starting) {
    starting.abort();
    let _ = starting.await;
}

impl Shared {
    /// The next job, its world already on its way.
    fn take(&self) -> Option<(Job, Starting)> {
        let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        let (spec, settings): (WorldSpec, WorldSettings) = (job.plan.world.clone(), self.settings.world.clone());
        let starting = tokio::spawn(async move {
            let begin = Instant::now();
            let world = World::start(&spec, &settings).await;
            (world, u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX))
        });
        Some((job, starting))
    }

    fn begin(&self, job: &Job) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = &mut pending[job.case];
        entry.begun.get_or_insert_with(Instant::now);
        let _ = self.progress.send(Progress::Begun { case: entry.name.clone(), trial: job.plan.name.clone() });
    }

    fn end(&self, job: Job, outcome: TrialOutcome) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = &mut pending[job.case];
        let ended = Progress::Ended {
            case: entry.name.clone(),
            trial: job.plan.name.clone(),
            as_expected: outcome.as_expected(),
        };
        let _ = self.progress.send(ended);
        entry.outcomes[job.trial] = Some(outcome);
        if entry.outcomes.iter().all(Option::is_some) {
            let trials: Vec<TrialOutcome> = entry.outcomes.iter_mut().filter_map(Option::take).collect();
            let took_ms = entry.begun.map_or(0, |begun| u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
            let outcome = case_outcome(&entry.turn, trials, took_ms, &self.settings.world);
            let _ = self.progress.send(Progress::Case(Box::new(outcome)));
        }
    }
}

fn platform(settings: &WorldSettings) -> Platform {
    Platform {
        kratos: settings.kratos.version.to_string(),
        database: settings.database.kind().word().to_owned(),
        backend: settings.backend.name().to_owned(),
    }
}

fn case_outcome(turn: &Turn, trials: Vec<TrialOutcome>, took_ms: u64, settings: &WorldSettings) -> CaseOutcome {
    let Turn { case, lineup, question, .. } = turn;
    let (verdict, reason) = match question {
        Question::Case => judge(&trials),
        Question::Guard => judge_guard(&trials),
    };
    let expected = match question {
        Question::Case => case.file.expected().into(),
        // Either answer is one; where there is none, one is missed.
        Question::Guard if verdict.is_about_guard() => verdict,
        Question::Guard => Verdict::Guarded,
    };
    let mut redactor = Redactor::new();
    let changes = case.file.other_fixes.iter().chain(&case.file.wrong_fixes).filter_map(|it| it.steps.as_ref());
    let fixes = case.file.fix.iter().filter_map(|fix| fix.steps.as_ref()).chain(changes).flatten();
    let changed = case.file.other_fixes.iter().chain(&case.file.wrong_fixes).filter_map(|it| it.world.as_ref());
    let worlds = case.file.fix.iter().filter_map(|fix| fix.world.as_ref()).chain(changed);
    for world in std::iter::once(&case.file.world).chain(worlds) {
        secrets::learn_world(&mut redactor, world);
    }
    secrets::learn_steps(&mut redactor, case.file.steps.iter().chain(fixes).map(|step| &step.value));
    let claim = match &case.claim {
        Some((claim, section)) => ClaimQuoted {
            id: claim.id.clone(),
            section: section.clone(),
            quote: claim.quote.clone(),
            truth: claim.truth.clone(),
        },
        None => ClaimQuoted { section: "Bug reports".to_owned(), ..ClaimQuoted::default() },
    };
    CaseOutcome {
        id: case.id.clone(),
        title: case.file.title.clone(),
        claim,
        engine: lineup.name().map(str::to_owned),
        platform: platform(settings),
        expected,
        verdict,
        reason,
        note: case.file.note.clone(),
        real: real(case, lineup, settings),
        emulated: emulated(case, &settings.interface),
        source: redactor.text(&case.source),
        took_ms,
        trials,
    }
}

fn real(case: &Case, lineup: &Lineup, settings: &WorldSettings) -> Vec<String> {
    let mut real = vec!["Kratos".to_owned(), "the mails that it sends".to_owned()];
    let mut engines = lineup.engines().to_vec();
    engines.sort();
    engines.dedup();
    real.extend(engines.into_iter().map(|engine| engine.name().to_owned()));
    if case.file.world.browsers.iter().flatten().any(|(_, browser)| browser.itp == Some(ItpSpec::Real)) {
        real.push("WebKitGTK's own tracking prevention".to_owned());
    }
    if !case.file.world.browser_names().is_empty() {
        real.extend(settings.interface.label().map(|label| format!("the login page of {label}")));
    }
    if case.file.world.hydra.is_some() {
        real.push("Hydra".to_owned());
    }
    if case.file.worlds().any(|world| world.front.is_some()) {
        real.push("nginx".to_owned());
    }
    let mut programs: Vec<Program> =
        case.file.world.clients.iter().flatten().map(|(_, client)| client.program()).collect();
    programs.sort();
    programs.dedup();
    real.extend(programs.into_iter().filter(|it| *it != Program::Http).map(|it| settings.clients.label(it)));
    real
}

fn emulated(case: &Case, interface: &Interface) -> Vec<String> {
    let world = &case.file.world;
    let mut emulated = Vec::new();
    if *interface == Interface::Ours && !world.browser_names().is_empty() {
        emulated.push(LOGIN_PAGE.to_owned());
    }
    emulated.extend(safari(case));
    if world.legacy.is_some() {
        emulated.push("the legacy system (ours, with PBKDF2 hashes)".to_owned());
    }
    for fault in world.faults.iter().flatten() {
        let what = if fault.lose_answer.is_some() {
            "the lost answer (by the edge)"
        } else if fault.add_cookie.is_some() {
            "the CDN's cookie (by the edge)"
        } else if fault.together.is_some() {
            "the moment at which requests meet (by the edge)"
        } else if fault.encode_cookies.is_some() {
            "the proxy that encodes cookies (by the edge)"
        } else {
            "the slow network (by the edge)"
        };
        emulated.push(what.to_owned());
    }
    emulated.sort();
    emulated.dedup();
    emulated
}

/// What stands for Safari and its network: no engine that runs here has the cap.
fn safari(case: &Case) -> Vec<String> {
    let file = &case.file;
    let mut emulated = Vec::new();
    for spec in file.world.browsers.iter().flatten().filter_map(|(_, browser)| browser.itp?.emulated()) {
        emulated.push(format!("Safari and its ITP: the rules {spec} of {}, applied by the edge", spec.safari()));
    }
    if file.world.dns.is_some() {
        emulated.push("the DNS that it judges by (the case's own)".to_owned());
    }
    if file.worlds().any(|world| world.front.is_some()) {
        emulated.push("Cloudflare (a real nginx stands for it)".to_owned());
    }
    if file.steps.iter().any(|step| matches!(step.value, Step::PassTime(_))) {
        emulated.push("the time that passes (the ends of cookies are moved in the browser)".to_owned());
    }
    emulated
}
