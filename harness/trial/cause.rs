//! The first cause of what a trial could not show: a program that is gone explains everything after it, and an
//! environment that broke is never a statement about Kratos.

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures_util::future::join_all;

use super::plan::Plan;
use super::{Shown, TrialOutcome};
use crate::browser::{Browser, Engine};
use crate::case::Program;
use crate::evidence::Exchange;
use crate::world::World;

/// How long the end of a Kratos may take to be seen after what it leaves undone.
const END_LIMIT: Duration = Duration::from_millis(500);

/// A browser that is gone at the end is the first cause, whatever came of it: what was seen proves nothing.
pub(super) async fn lost(world: &World, result: Result<()>) -> Result<()> {
    let gone = join_all(world.browsers().map(Browser::gone)).await.into_iter().flatten().next();
    match (gone, result) {
        (None, result) => result,
        (Some(gone), Ok(())) => Err(anyhow!("{gone}: what was seen proves nothing")),
        (Some(gone), Err(error)) => Err(anyhow!("{gone}; then: {error:#}")),
    }
}

/// What disturbed Chromium, where a trial did not show what it had to, or nothing whole: it breaks off what it loads when a network address
/// of this machine comes or goes, and neither a page nor a script of it can tell.
pub(super) fn disturbed(plan: &Plan, world: &World, outcome: &TrialOutcome) -> Option<String> {
    let mut browsers = plan.world.browsers.iter().flatten();
    let mut clients = plan.world.clients.iter().flatten();
    let chromium = browsers.any(|(_, browser)| browser.engine.unwrap_or_default() == Engine::Chromium)
        || clients.any(|(_, client)| client.program() == Program::Electron);
    // That a wrong fix shows neither may be the disturbance, too.
    let doubtful = !outcome.as_expected() || outcome.shown == Shown::Neither;
    if !doubtful || !chromium || !world.addresses_changed() {
        return None;
    }
    let then = outcome.cause.as_deref().unwrap_or("what was seen proves nothing");
    Some(format!(
        "a network address of this machine came or went in the middle, at which Chromium breaks off what it loads \
         (ERR_NETWORK_CHANGED; hint: containers and VPNs do that, wait until they are quiet); then: {then}"
    ))
}

/// What broke first, if anything did: a Kratos that is gone explains everything after it, and what was seen of it is
/// no statement about Kratos even where every step could be taken.
pub(super) async fn first(world: &mut World, error: Option<anyhow::Error>) -> Option<String> {
    let kratos = world.every_kratos().iter().map(|kratos| kratos.url().to_string());
    let program = (!world.ui().is_ours()).then(|| world.ui().url().to_string());
    let servers: Vec<String> = kratos.chain(program).collect();
    let unanswered = |exchange: &Exchange| {
        exchange.refused.is_some() && servers.iter().any(|server| exchange.url.starts_with(server))
    };
    let suspicious = error.is_some() || world.edge().record().exchanges().iter().any(unanswered);
    let limit = if suspicious { END_LIMIT } else { Duration::ZERO };
    let exits = join_all(world.every_kratos_mut().iter_mut().map(async |kratos| {
        let exit = kratos.exit_within(limit).await?;
        Some(format!("{} ended in the middle ({exit})", kratos.name()))
    }));
    let exit = exits.await.into_iter().flatten().next();
    match (exit, error) {
        (Some(exit), Some(error)) => Some(format!("{exit}; then: {error:#}")),
        (Some(exit), None) => Some(format!("{exit}: what was seen proves nothing")),
        (None, error) => old_end(world, limit, error).await,
    }
}

/// The same for an interface that is a program, and for Hydra, where no step has stopped it.
async fn old_end(world: &mut World, limit: Duration, error: Option<anyhow::Error>) -> Option<String> {
    let error = error.map(|error| format!("{error:#}"));
    if let Some(exit) = world.ui_mut().exit_within(limit).await {
        let then = error.unwrap_or_else(|| "what was seen proves nothing".to_owned());
        return Some(format!("the interface ended in the middle ({exit}); then: {then}"));
    }
    match world.migration_mut().exit_within(limit).await {
        Some(exit) => {
            let then = error.unwrap_or_else(|| "what was seen proves nothing".to_owned());
            Some(format!("hydra ended in the middle ({exit}); then: {then}"))
        }
        None => error,
    }
}
