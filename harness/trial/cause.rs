//! The first cause of what a trial could not show: a program that is gone explains everything after it, and an
//! environment that broke is never a statement about Kratos.

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures_util::future::join_all;

use super::plan::Plan;
use super::{Shown, TrialOutcome};
use crate::browser::{Browser, Engine};
use crate::case::{Check, Program};
use crate::evidence::Exchange;
use crate::world::World;
use crate::world::kratos::Kratos;

/// How long the end of a Kratos may take to be seen after what it leaves undone.
const END_LIMIT: Duration = Duration::from_millis(500);

/// What SQLite says, by way of Kratos's log, where its file or its disk fails (sqlite3_errstr, and errno(3)).
const DATABASE_FAILS: [&str; 6] = [
    "attempt to write a readonly database",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "database disk image is malformed",
    "no space left on device",
];

/// What it says where somebody else has locked it. Two requests of a case may do that to each other, so that it is a cause
/// only where a trial does not show what it had to.
const DATABASE_LOCKED: &str = "database is locked";

/// The test id of what a page shows that did not get through.
const NETWORK_ERROR: &str = "ui/network-error";

/// A line of Kratos's log that each start of it has.
const STARTED: &str = "Starting the public httpd on";

/// A browser that is gone at the end is the first cause, whatever came of it: what was seen proves nothing.
pub(super) async fn lost(world: &World, result: Result<()>) -> Result<()> {
    let gone = join_all(world.browsers().map(Browser::gone)).await.into_iter().flatten().next();
    let gone = match &result {
        // It takes a look at every process of the machine.
        Err(_) => gone.or_else(|| world.browsers().find_map(Browser::stopped)),
        Ok(()) => gone,
    };
    match (gone, result) {
        (None, result) => result,
        (Some(gone), Ok(())) => Err(anyhow!("{gone}: what was seen proves nothing")),
        (Some(gone), Err(error)) => Err(anyhow!("{gone}; then: {error:#}")),
    }
}

/// What disturbed Chromium, where a trial did not show what it had to, or showed what that looks like: it breaks off what
/// it loads when a network address of this machine comes or goes, and neither a page nor a script of it can tell.
pub(super) fn disturbed(plan: &Plan, world: &World, outcome: &TrialOutcome) -> Option<String> {
    let mut browsers = plan.world.browsers.iter().flatten();
    let mut clients = plan.world.clients.iter().flatten();
    let chromium = browsers.any(|(_, browser)| browser.engine.unwrap_or_default() == Engine::Chromium)
        || clients.any(|(_, client)| client.program() == Program::Electron);
    if (outcome.as_expected() && !looks_like_it(plan, outcome)) || !chromium || !world.addresses_changed() {
        return None;
    }
    let then = outcome.cause.as_deref().unwrap_or("what was seen proves nothing");
    Some(format!(
        "a network address of this machine came or went in the middle, at which Chromium breaks off what it loads \
         (ERR_NETWORK_CHANGED; hint: containers and VPNs do that, wait until they are quiet); then: {then}"
    ))
}

/// Whether what shows is a page that says that it did not get through: so does one that was broken off.
fn looks_like_it(plan: &Plan, outcome: &TrialOutcome) -> bool {
    let is_it = |check: &Check| matches!(check, Check::Shown(it) if it.id == NETWORK_ERROR);
    let shows = match outcome.shown {
        Shown::Symptom => &plan.symptom,
        Shown::Instead => &plan.instead,
        _ => return false,
    };
    shows.iter().any(|check| is_it(&check.value))
}

/// What broke first, if anything did: a Kratos that is gone explains everything after it, and what was seen of it is
/// no statement about Kratos even where every step could be taken. `surprising` says that the trial did not show what it
/// had to.
pub(super) async fn first(world: &mut World, error: Option<anyhow::Error>, surprising: bool) -> Option<String> {
    let error = error.map(|error| format!("{error:#}"));
    let unanswered = unanswered(world, error.is_some());
    let limit = if error.is_some() || unanswered.is_some() { END_LIMIT } else { Duration::ZERO };
    let broken = match ended(world, limit).await {
        Some(ended) => Some(ended),
        None if !limit.is_zero() => stopped(world),
        None => None,
    };
    // Where the edge itself answered or could not, what it did may look like the very symptom.
    let trouble = || world.edge().record().trouble();
    let broken = broken.or_else(|| clock(world)).or_else(|| logged(world, surprising)).or_else(trouble).or(unanswered);
    match (broken, error) {
        (Some(broken), Some(error)) => Some(format!("{broken}; then: {error}")),
        (Some(broken), None) => Some(format!("{broken}: what was seen proves nothing")),
        (None, error) => error,
    }
}

/// A server that Kratos or the interface is, and that the edge could not ask: nobody answered, or not to the end; where
/// somebody has lost patience with it, not yet.
fn unanswered(world: &World, impatient: bool) -> Option<String> {
    let kratos = world.every_kratos().iter().map(|kratos| kratos.url().to_string());
    let servers: Vec<String> = kratos.chain([world.ui().url().to_string()]).collect();
    let is_theirs = |exchange: &&Exchange| servers.iter().any(|server| exchange.url.starts_with(server));
    let exchanges = world.edge().record().exchanges();
    // What the edge holds on purpose is not the server's fault.
    let is_open = |it: &Exchange| it.took_ms.is_none() && it.status.is_none() && it.fault.is_none();
    let is_it = |exchange: &&Exchange| exchange.upstream_failed || (impatient && is_open(exchange));
    let found = exchanges.iter().filter(is_theirs).find(is_it)?;
    let waited = world.edge().record().now_ms().saturating_sub(found.at_ms);
    let why = found.refused.clone();
    let why = why.unwrap_or_else(|| format!("the server of `{}` has not answered for {waited} ms", found.host()));
    Some(format!("{why} ({} {} of `{}`)", found.method, found.path(), found.listener))
}

/// A server that has ended and that no step has stopped.
async fn ended(world: &mut World, limit: Duration) -> Option<String> {
    let every_kratos = world.every_kratos_mut().iter_mut();
    let exits = join_all(every_kratos.map(async |kratos| {
        let exit = kratos.exit_within(limit).await?;
        Some(format!("{} ended in the middle ({exit})", kratos.name()))
    }));
    if let Some(exit) = exits.await.into_iter().flatten().next() {
        return Some(exit);
    }
    if let Some(exit) = world.ui_mut().exit_within(limit).await {
        return Some(format!("the interface ended in the middle ({exit})"));
    }
    if let Some(exit) = world.migration_mut().exit_within(limit).await {
        return Some(format!("hydra ended in the middle ({exit})"));
    }
    let exit = world.front_mut()?.exit_within(limit).await?;
    Some(format!("nginx ended in the middle ({exit})"))
}

/// A Kratos that is there and does nothing.
fn stopped(world: &World) -> Option<String> {
    let kratos = world.every_kratos().iter().find(|kratos| kratos.is_stopped())?;
    Some(format!("{} is stopped (SIGSTOP)", kratos.name()))
}

fn clock(world: &World) -> Option<String> {
    let seconds = world.clock().jump()?;
    Some(format!("the clock of this machine jumped by {seconds} s in the middle"))
}

/// What a Kratos's own log tells: that it was started again, by which it lost what it had in memory, or that its database
/// failed.
fn logged(world: &World, surprising: bool) -> Option<String> {
    world.every_kratos().iter().find_map(|kratos| logged_by(kratos, surprising))
}

fn logged_by(kratos: &Kratos, surprising: bool) -> Option<String> {
    let log = match kratos.log() {
        Ok(log) => log,
        Err(error) => return Some(format!("{error:#}")),
    };
    if log.matches(STARTED).count() > 1 {
        return Some(format!("{} was started again in the middle", kratos.name()));
    }
    let mut known = DATABASE_FAILS.to_vec();
    known.extend(surprising.then_some(DATABASE_LOCKED));
    let mut errors = log.lines().filter(|line| line.contains("\"level\":\"error\""));
    let words = errors.find_map(|line| known.iter().find(|words| line.contains(**words)))?;
    Some(format!("the database of {}: {words}", kratos.name()))
}
