//! Runs one trial: takes the steps, makes the checks, gathers the evidence, closes the world.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::act::Actor;
use super::cause;
use super::plan::Plan;
use super::{Phase, Shown, TrialOutcome, ending, secrets};
use crate::case::{Step, Until};
use crate::evidence::{Exchange, LogLine, MailSeen, Redactor, StepState, StepTaken};
use crate::world::World;

/// How many lines of a log go into a report.
const LOG_LINES: usize = 80;

/// Runs a trial in its world. A world that could not be started is an error of the trial.
pub(super) async fn run(
    plan: &Plan,
    world: Result<World>,
    world_ms: u64,
    run_folder: &Path,
    name: &str,
) -> TrialOutcome {
    let mut outcome = TrialOutcome {
        name: plan.name.clone(),
        kind: plan.kind,
        why: plan.why.clone(),
        change: plan.change.clone(),
        fitted: Vec::new(),
        wanted: plan.wanted.clone(),
        shown: Shown::Error,
        cause: None,
        phases: vec![phase("world", world_ms)],
        steps: Vec::new(),
        checks: Vec::new(),
        exchanges: Vec::new(),
        mails: Vec::new(),
        cookies: Vec::new(),
        log: Vec::new(),
        folder: name.to_owned(),
    };
    match world {
        Err(error) => {
            let mut redactor = Redactor::new();
            learn(&mut redactor, plan);
            outcome.cause = Some(redactor.text(&format!("the world did not start: {error:#}")));
            outcome.change = redactor.text(&outcome.change);
            // No evidence was written.
            outcome.folder.clear();
        }
        Ok(mut world) => {
            outcome.fitted = world.fitted();
            let folder = run_folder.join(name);
            let result = cause::lost(&world, body(plan, &world, &folder, &mut outcome).await).await;
            let surprising = !outcome.as_expected();
            if let Some(cause) = cause::first(&mut world, result.err(), surprising).await {
                outcome.shown = Shown::Error;
                outcome.cause = Some(cause);
            }
            if let Some(cause) = cause::disturbed(plan, &world, &outcome) {
                outcome.shown = Shown::Error;
                outcome.cause = Some(cause);
            }
            let begin = Instant::now();
            if let Err(error) = gather(&world, plan, &folder, &mut outcome).await {
                // What was seen before stands; that evidence is missing is said beside it.
                let text = format!("some evidence is missing: {error:#}");
                outcome.cause = Some(outcome.cause.map_or(text.clone(), |cause| format!("{cause}\n  also: {text}")));
            }
            outcome.phases.push(phase("evidence", millis(begin)));
            let begin = Instant::now();
            if let Err(error) = world.close().await {
                outcome.shown = Shown::Error;
                let text = format!("{error:#}");
                outcome.cause = Some(outcome.cause.map_or(text.clone(), |cause| format!("{cause}\n  also: {text}")));
            }
            outcome.phases.push(phase("close", millis(begin)));
        }
    }
    outcome
}

async fn body(plan: &Plan, world: &World, folder: &Path, outcome: &mut TrialOutcome) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
    let begin = Instant::now();
    let mut actor = Actor::default();
    let stepped = steps(plan, world, folder, &mut actor, outcome).await;
    outcome.phases.push(phase("steps", millis(begin)));
    stepped?;
    let begin = Instant::now();
    let checked = ending::checks(plan, world, actor.current(), outcome).await;
    outcome.phases.push(phase("checks", millis(begin)));
    show_answer(plan, world, folder, outcome).await;
    checked
}

/// Where the last page was left before its answer came, its picture is taken again now that the checks have waited.
async fn show_answer(plan: &Plan, world: &World, folder: &Path, outcome: &mut TrialOutcome) {
    let last = plan.steps.iter().zip(&mut outcome.steps).rfind(|(step, _)| touches_browser(&step.value));
    if let Some((step, taken)) = last
        && matches!(&step.value, Step::Submit(submit) if submit.until == Until::Sent)
        && let Some(browser) = taken.browser.as_deref().and_then(|name| world.browser(name).ok())
    {
        taken.page = browser.url().await.ok();
        taken.screenshot = picture(browser, folder, &outcome.folder, taken.number).await;
    }
}

async fn steps(plan: &Plan, world: &World, folder: &Path, actor: &mut Actor, outcome: &mut TrialOutcome) -> Result<()> {
    let record = world.edge().record();
    let last_in_browser = plan.steps.iter().rposition(|step| touches_browser(&step.value));
    let mut failure = None;
    for (index, step) in plan.steps.iter().enumerate() {
        let number = index + 1;
        let mut taken = StepTaken {
            number,
            text: step.value.text(),
            line: step.referenced.line(),
            state: StepState::NotReached,
            at_ms: record.now_ms(),
            took_ms: 0,
            browser: None,
            page: None,
            screenshot: None,
            error: None,
        };
        if failure.is_none() {
            record.set_step(number);
            let begin = Instant::now();
            let result = actor.take(&step.value, number, world).await;
            taken.took_ms = millis(begin);
            taken.state = if result.is_ok() { StepState::Done } else { StepState::Failed };
            taken.error = result.as_ref().err().map(|error| format!("{error:#}"));
            if touches_browser(&step.value)
                && let Some(browser) = actor.current().and_then(|name| world.browser(name).ok())
            {
                taken.browser = Some(browser.name().to_owned());
                taken.page = browser.url().await.ok();
                if result.is_err() || Some(index) == last_in_browser {
                    taken.screenshot = picture(browser, folder, &outcome.folder, number).await;
                }
            }
            if let Err(error) = result {
                failure = Some(error.context(format!("step {number} (line {}): {}", taken.line, taken.text)));
            }
        }
        outcome.steps.push(taken);
    }
    failure.map_or(Ok(()), Err)
}

fn touches_browser(step: &Step) -> bool {
    matches!(
        step,
        Step::Open(_)
            | Step::Fill(_)
            | Step::Submit(_)
            | Step::SendForm(_)
            | Step::Resubmit(_)
            | Step::Back(_)
            | Step::Tab(_)
            | Step::Follow(_)
            | Step::SwitchTo(_)
            | Step::OpenFramed(_)
            | Step::Fetch(_)
            | Step::PassTime(_)
    )
}

/// Saves a picture beside the other evidence. That there is none never decides a trial.
async fn picture(browser: &crate::browser::Browser, folder: &Path, name: &str, step: usize) -> Option<String> {
    let png = browser.screenshot().await.ok()?;
    let file = format!("step-{step}-{}.png", browser.name());
    fs::write(folder.join(&file), png).ok()?;
    Some(format!("{name}/{file}"))
}

/// Hides the secrets in all that was seen, then in the logs: one that cannot be read or written leaves nothing else as it
/// was.
async fn gather(world: &World, plan: &Plan, folder: &Path, outcome: &mut TrialOutcome) -> Result<()> {
    let exchanges = world.edge().record().exchanges();
    let mut redactor = Redactor::new();
    for exchange in &exchanges {
        redactor.learn_exchange(exchange);
    }
    let mails = world.mail().mails();
    for mail in &mails {
        redactor.learn_json(&mail.template_data);
    }
    learn(&mut redactor, plan);
    let mut cookies = Vec::new();
    for browser in world.browsers() {
        // A browser that is gone has no cookies to show; its end is told elsewhere.
        cookies.extend(browser.cookies().await.unwrap_or_default());
    }
    for cookie in &cookies {
        redactor.learn_cookie(&cookie.name, &cookie.value);
    }
    let record = world.edge().record();
    let seen = mails.into_iter().map(|mail| MailSeen {
        at_ms: record.at_ms(mail.arrived),
        recipient: mail.recipient,
        template: mail.template_type,
        subject: mail.subject,
    });
    outcome.mails = seen.map(|mail| redactor.mail(&mail)).collect();
    outcome.exchanges = exchanges.iter().map(|exchange| redactor.exchange(exchange)).collect();
    outcome.cookies = cookies.iter().map(|cookie| redactor.cookie(cookie)).collect();
    outcome.steps = outcome.steps.iter().map(|step| redactor.step(step)).collect();
    for check in &mut outcome.checks {
        check.expected = redactor.text(&check.expected);
        check.seen = redactor.text(&check.seen);
    }
    outcome.cause = outcome.cause.take().map(|cause| redactor.text(&cause));
    outcome.change = redactor.text(&outcome.change);
    gather_logs(world, &redactor, folder, &exchanges, &mut outcome.log)
}

fn gather_logs(
    world: &World,
    redactor: &Redactor,
    folder: &Path,
    exchanges: &[Exchange],
    shown: &mut Vec<LogLine>,
) -> Result<()> {
    for kratos in world.every_kratos() {
        let log = kratos.log()?;
        let lines = flow_lines(kratos.name(), &log, exchanges);
        shown.extend(lines.iter().map(|line| redactor.log_line(line)));
        write_log(folder, kratos.name(), &redactor.text(&log))?;
    }
    if let Some(log) = world.ui().log()? {
        let lines = log.lines().filter(|line| complains(line)).take(LOG_LINES);
        let lines = lines.map(|line| LogLine { server: "ui".to_owned(), text: line.to_owned() });
        shown.extend(lines.map(|line| redactor.log_line(&line)));
        write_log(folder, "ui", &redactor.text(&log))?;
    }
    if let Some(log) = world.migration().hydra_log()? {
        let lines = log.lines().filter(|line| warns(line)).take(LOG_LINES);
        let lines = lines.map(|line| LogLine { server: "hydra".to_owned(), text: line.to_owned() });
        shown.extend(lines.map(|line| redactor.log_line(&line)));
        write_log(folder, "hydra", &redactor.text(&log))?;
    }
    Ok(())
}

fn write_log(folder: &Path, server: &str, text: &str) -> Result<()> {
    let path = folder.join(format!("{server}.log"));
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
}

/// Tells the redactor the secrets that the case itself names.
fn learn(redactor: &mut Redactor, plan: &Plan) {
    secrets::learn_world(redactor, &plan.world);
    secrets::learn_steps(redactor, plan.steps.iter().map(|step| &step.value));
}

/// The lines of Kratos's log that name one of the trial's flows, and everything that it warns of.
fn flow_lines(server: &str, log: &str, exchanges: &[Exchange]) -> Vec<LogLine> {
    let mut flows = BTreeSet::new();
    for exchange in exchanges {
        for key in ["flow=", "id="] {
            if let Some((_, rest)) = exchange.url.split_once(key) {
                flows.insert(rest.split('&').next().unwrap_or(rest));
            }
        }
    }
    let of_a_flow = |line: &str| flows.iter().any(|flow| flow.len() == 36 && line.contains(flow));
    let lines = log.lines().filter(|line| warns(line) || of_a_flow(line));
    lines.take(LOG_LINES).map(|line| LogLine { server: server.to_owned(), text: line.to_owned() }).collect()
}

fn warns(line: &str) -> bool {
    let telling = ["\"level\":\"error\"", "\"level\":\"warning\"", "\"level\":\"fatal\"", "panic"];
    telling.iter().any(|mark| line.contains(mark))
}

/// The same of a program whose log has no form that is known.
fn complains(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["error", "exception", "warn", "fatal", "panic"].iter().any(|mark| line.contains(mark))
}

fn phase(name: &str, took_ms: u64) -> Phase {
    Phase { name: name.to_owned(), took_ms }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
