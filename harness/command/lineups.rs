//! What of the chosen cases can run here, and on which engines; what cannot is named, never silently green.

use anyhow::Result;

use super::place;
use crate::backend::{Missing, nginx};
use crate::browser::{Engine, Remote};
use crate::case::{Case, NothingSelected, Turns};
use crate::trial::{NotRun, Question, Shard, Thoroughness, Turn, fit};
use crate::world::ClientPrograms;
use crate::world::ui::Interface;

/// What of a choice of cases is run, and what is not.
pub(super) struct Cast {
    /// The cases in their lineups.
    pub(super) turns: Vec<Turn>,
    /// The engines that take part.
    pub(super) engines: Vec<Engine>,
    /// What is not run, and why.
    pub(super) not_run: Vec<NotRun>,
}

/// What decides which turns there are, besides the cases.
pub(super) struct Wanted<'a> {
    /// The interface: with another one, those cases that can be asked of it.
    pub(super) interface: &'a Interface,
    /// The engines that were named; none means every engine that is installed.
    pub(super) engines: &'a [Engine],
    /// Where wrong fixes are tried.
    pub(super) thoroughness: Thoroughness,
    /// The part of a run that is split.
    pub(super) shard: Option<Shard>,
    /// The endpoint that gives the browsers: its engines are those that are installed.
    pub(super) remote: Option<&'a Remote>,
}

/// Finds the lineups of the cases. `no_hydra` says why cases that need Hydra cannot run, if that is so.
///
/// # Errors
/// [`crate::backend::Missing`] when an engine that was named is not installed, or when none is; [`NothingSelected`]
/// when the shard has no part.
pub(super) fn cast(
    cases: Vec<Case>,
    wanted: &Wanted<'_>,
    clients: &ClientPrograms,
    no_hydra: Option<&Missing>,
) -> Result<Cast> {
    let Wanted { engines: named, thoroughness, shard, remote, .. } = *wanted;
    let mut not_run = Vec::new();
    let needs_browser = cases.iter().any(|case| !case.file.world.browser_names().is_empty());
    let engines = if needs_browser { choose(named, remote, &mut not_run)? } else { named.to_vec() };
    // Machines that share a run may have different engines; what each of them does must not depend on it.
    let lineups = if shard.is_some() && named.is_empty() { Engine::ALL.to_vec() } else { engines.clone() };
    let mut all = Vec::new();
    for (case, question) in fitted(cases, wanted.interface, &mut not_run) {
        let turns = Turn::all(&case, &lineups, thoroughness).into_iter();
        all.extend(turns.map(|turn| Turn { question, ..turn }));
    }
    if let Some(shard) = shard {
        let count = all.len();
        all = shard.take(all);
        if all.is_empty() {
            return Err(NothingSelected::in_shard(&shard.to_string(), count).into());
        }
    }
    let mut turns = Vec::new();
    for turn in all {
        match why_not(&turn, clients, no_hydra, named, remote) {
            None => turns.push(turn),
            Some(reason) => {
                let one = NotRun { case: turn.case.id, reason };
                if !not_run.contains(&one) {
                    not_run.push(one);
                }
            }
        }
    }
    if let [engine] = engines.as_slice()
        && turns.iter().any(|turn| turn.case.file.engines.turns == Turns::Pairs)
    {
        place::say(&format!("only {engine} takes part: cases that want two different engines get it twice"));
    }
    let mut engines: Vec<Engine> = turns.iter().flat_map(|turn| turn.lineup.engines().to_vec()).collect();
    engines.sort();
    engines.dedup();
    Ok(Cast { turns, engines, not_run })
}

/// The cases as they can be asked of the interface; what cannot is noted.
fn fitted(cases: Vec<Case>, interface: &Interface, not_run: &mut Vec<NotRun>) -> Vec<(Case, Question)> {
    let mut asked = Vec::new();
    for case in cases {
        match interface {
            Interface::Ours => asked.push((case, Question::Case)),
            _ => match fit(case) {
                Ok(fitted) => {
                    not_run.extend(fitted.left_out);
                    asked.push((fitted.case, fitted.question));
                }
                Err(refused) => not_run.push(refused),
            },
        }
    }
    asked
}

/// Why a turn cannot run here, if that is so.
fn why_not(
    turn: &Turn,
    clients: &ClientPrograms,
    no_hydra: Option<&Missing>,
    named: &[Engine],
    remote: Option<&Remote>,
) -> Option<String> {
    let case = &turn.case;
    if case.file.worlds().any(|world| world.front.is_some()) && nginx::program().is_none() {
        return Some(nginx::missing().to_string());
    }
    if let Some(missing) = clients.lacks(case) {
        return Some(missing.to_string());
    }
    if let Some(lacking) = no_hydra.filter(|_| case.file.needs_hydra()) {
        return Some(lacking.to_string());
    }
    let left_out = turn.lineup.engines().iter().find(|engine| !named.is_empty() && !named.contains(engine));
    if let Some(engine) = left_out {
        return Some(format!("it needs {engine}, which `--engine` leaves out"));
    }
    // An engine that the case itself names, or that another machine of a run that is split has.
    turn.needs().into_iter().find_map(|engine| lacks(remote, engine)).map(|lacking| lacking.to_string())
}

/// What is lacking for an engine, here or at the endpoint.
fn lacks(remote: Option<&Remote>, engine: Engine) -> Option<Missing> {
    remote.map_or_else(|| engine.lacks(), |remote| remote.lacks(engine))
}

/// The engines that were named, each once, or all that are here; what is not is noted.
fn choose(named: &[Engine], remote: Option<&Remote>, not_run: &mut Vec<NotRun>) -> Result<Vec<Engine>> {
    let mut engines: Vec<Engine> = Vec::new();
    for engine in named {
        if let Some(lacking) = lacks(remote, *engine) {
            return Err(lacking.into());
        }
        if !engines.contains(engine) {
            engines.push(*engine);
        }
    }
    if engines.is_empty() {
        engines = Engine::ALL.into_iter().filter(|engine| lacks(remote, *engine).is_none()).collect();
        let lacking = Engine::ALL.into_iter().filter_map(|engine| Some((engine, lacks(remote, engine)?)));
        let lacking: Vec<_> = lacking.collect();
        if engines.is_empty()
            && let Some((_, first)) = lacking.first()
        {
            return Err(first.clone().into());
        }
        for (engine, lacking) in lacking {
            not_run.push(NotRun { case: format!("everything on {engine}"), reason: lacking.to_string() });
        }
    }
    Ok(engines)
}
