//! Runs the trials of many cases, some at once. The next trial's world starts while this one runs: most of a trial's time is
//! the start of Kratos and of the browser. However many run at once, no more start at once than run where nothing is said
//! ([`default_jobs`]): a start is work, and so none of them is later for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, watch};
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
    Case {
        /// What they came to.
        outcome: Box<CaseOutcome>,
        /// Which repetition of it this is, counted from 1.
        repetition: u32,
        /// The folder of its evidence, relative to the run's.
        folder: String,
    },
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
    /// How often each case runs, all its trials each time.
    pub repeat: u32,
}

/// How many trials run at once where nothing is said: one more than there are cores, for a trial waits for clicks and mails
/// for a quarter of its time (measured on two cores: two at once leave 26 % idle, three 12 %, four 7 % without being done
/// earlier). At most eight, for the memory.
#[must_use]
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_add(1).min(8)
}

/// A case in one lineup.
struct Entry {
    turn: Turn,
    name: String,
    folder: String,
    plans: Vec<Plan>,
}

/// One trial of one repetition of a case.
struct Job {
    entry: usize,
    repetition: u32,
    trial: usize,
    name: String,
}

/// The trials in the order in which they begin: every case once, then every case again. Made one by one, because a long
/// soak has more of them than fit into memory.
struct Jobs {
    repetition: u32,
    entry: usize,
    trial: usize,
}

/// A repetition that runs.
struct Pending {
    outcomes: Vec<Option<TrialOutcome>>,
    begun: Instant,
}

/// Runs the cases in their lineups and tells the progress. It ends early when `stop` becomes true: trials that run are given up and
/// their worlds closed, and cases that are not complete are left out.
pub async fn run_cases(
    turns: Vec<Turn>,
    settings: QueueSettings,
    progress: mpsc::UnboundedSender<Progress>,
    stop: watch::Receiver<bool>,
) {
    let mut entries = Vec::new();
    for turn in turns {
        let plans = turn.plans();
        let mut folder = turn.case.id.replace('/', "--");
        let mut name = turn.case.id.clone();
        if let Some(label) = turn.label() {
            let odd = |c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-';
            folder.push_str(&format!("--{}", label.replace(", ", "--").replace(odd, "-")));
            name.push_str(&format!(" ({label})"));
        }
        entries.push(Entry { turn, name, folder, plans });
    }
    let jobs = Mutex::new(Jobs { repetition: 1, entry: 0, trial: 0 });
    let workers = settings.jobs.max(1);
    // As many have a world that starts while another runs.
    let ahead = workers.min(default_jobs());
    let starts = Arc::new(Semaphore::new(default_jobs()));
    let shared = Arc::new(Shared { jobs, entries, pending: Mutex::default(), starts, settings, progress });
    // What cannot be made now is told by the first that needs it.
    let _ = shared.settings.world.backend.prepare(workers + ahead).await;
    let mut working = JoinSet::new();
    for worker in 0..workers {
        working.spawn(work(Arc::clone(&shared), worker < ahead, stop.clone()));
    }
    while working.join_next().await.is_some() {}
}

struct Shared {
    jobs: Mutex<Jobs>,
    entries: Vec<Entry>,
    pending: Mutex<HashMap<(usize, u32), Pending>>,
    /// Those who may start a world.
    starts: Arc<Semaphore>,
    settings: QueueSettings,
    progress: mpsc::UnboundedSender<Progress>,
}

type Starting = tokio::task::JoinHandle<(anyhow::Result<World>, u64)>;

/// Works until there is nothing more to do. One that works ahead starts the next world while this one runs.
async fn work(shared: Arc<Shared>, works_ahead: bool, mut stop: watch::Receiver<bool>) {
    let mut ahead = None;
    loop {
        let next = match ahead.take() {
            None if *stop.borrow_and_update() => None,
            None => shared.take(),
            started => started,
        };
        let Some((job, starting)) = next else { return };
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
        ahead = if !works_ahead || *stop.borrow_and_update() { None } else { shared.take() };
        shared.begin(&job, world_ms);
        let plan = &shared.entries[job.entry].plans[job.trial];
        let outcome = tokio::select! {
            outcome = run::run(plan, world, world_ms, &shared.settings.run_folder, &job.name) => outcome,
            () = &mut stopped => {
                if let Some((_, starting)) = ahead {
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
        let job = self.next()?;
        let spec: WorldSpec = self.entries[job.entry].plans[job.trial].world.clone();
        let mut settings: WorldSettings = self.settings.world.clone();
        settings.jitter = settings.jitter.map(|jitter| jitter.of(&job.name));
        let starts = Arc::clone(&self.starts);
        let starting = tokio::spawn(async move {
            // It is never closed, so there is always a permit in the end.
            let _permit = starts.acquire_owned().await;
            let begin = Instant::now();
            let world = World::start(&spec, &settings).await;
            (world, u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX))
        });
        Some((job, starting))
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.entry == self.entries.len() {
            *jobs = Jobs { repetition: jobs.repetition + 1, entry: 0, trial: 0 };
        }
        let Jobs { repetition, entry, trial } = *jobs;
        if repetition > self.settings.repeat {
            return None;
        }
        let Entry { folder, plans, .. } = self.entries.get(entry)?;
        let name = format!("{}/{}", self.folder(folder, repetition), plans.get(trial)?.name);
        let is_last = trial + 1 == plans.len();
        (jobs.entry, jobs.trial) = if is_last { (entry + 1, 0) } else { (entry, trial + 1) };
        Some(Job { entry, repetition, trial, name })
    }

    /// The folder of a repetition's evidence.
    fn folder(&self, folder: &str, repetition: u32) -> String {
        if self.settings.repeat == 1 { folder.to_owned() } else { format!("{folder}/repetition-{repetition}") }
    }

    /// Begins a trial whose world took so long to start.
    fn begin(&self, job: &Job, world_ms: u64) {
        let Entry { name, plans, .. } = &self.entries[job.entry];
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        // Not since the world began to start: one that was ready ahead has waited for its turn.
        let begun = || Instant::now().checked_sub(Duration::from_millis(world_ms)).unwrap_or_else(Instant::now);
        let unseen = || Pending { outcomes: plans.iter().map(|_| None).collect(), begun: begun() };
        pending.entry((job.entry, job.repetition)).or_insert_with(unseen);
        let _ = self.progress.send(Progress::Begun { case: name.clone(), trial: plans[job.trial].name.clone() });
    }

    fn end(&self, job: Job, outcome: TrialOutcome) {
        let Entry { turn, name, folder, plans } = &self.entries[job.entry];
        let trial = plans[job.trial].name.clone();
        let ended = Progress::Ended { case: name.clone(), trial, as_expected: outcome.as_expected() };
        let _ = self.progress.send(ended);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (job.entry, job.repetition);
        let Some(repetition) = pending.get_mut(&place) else { return };
        repetition.outcomes[job.trial] = Some(outcome);
        if repetition.outcomes.iter().any(Option::is_none) {
            return;
        }
        if let Some(Pending { outcomes, begun }) = pending.remove(&place) {
            let trials: Vec<TrialOutcome> = outcomes.into_iter().flatten().collect();
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let outcome = Box::new(case_outcome(turn, trials, took_ms, &self.settings.world));
            let (repetition, folder) = (job.repetition, self.folder(folder, job.repetition));
            let _ = self.progress.send(Progress::Case { outcome, repetition, folder });
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
    for world in case.file.worlds() {
        secrets::learn_world(&mut redactor, world);
    }
    secrets::learn_steps(&mut redactor, case.file.all_steps());
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
        emulated: emulated(case, settings),
        source: redactor.text(&case.source),
        took_ms,
        trials,
        repeats: None,
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

fn emulated(case: &Case, settings: &WorldSettings) -> Vec<String> {
    let world = &case.file.world;
    let mut emulated = Vec::new();
    if settings.interface == Interface::Ours && !world.browser_names().is_empty() {
        emulated.push(LOGIN_PAGE.to_owned());
    }
    emulated.extend(safari(case));
    if world.legacy.is_some() {
        emulated.push("the legacy system (ours, with PBKDF2 hashes)".to_owned());
    }
    if settings.jitter.is_some() {
        emulated.push("the time that answers take (jitter, by the edge)".to_owned());
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
        } else if fault.hang_up.is_some() {
            "the proxy that hangs up with its client (by the edge)"
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
