//! What of the chosen cases can run here, and on which engines; what cannot is named, never silently green.

use anyhow::Result;

use super::place;
use crate::backend::{Missing, nginx};
use crate::browser::Engine;
use crate::case::{Case, Turns};
use crate::trial::{NotRun, Question, Thoroughness, Turn, fit};
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

/// Finds the lineups of the cases on the engines that were named, or on every engine that is installed; with another
/// interface those that can be asked of it. `no_hydra`
/// says why cases that need Hydra cannot run, if that is so.
///
/// # Errors
/// [`crate::backend::Missing`] when an engine that was named is not installed, or when none is.
pub(super) fn cast(
    cases: Vec<Case>,
    interface: &Interface,
    clients: &ClientPrograms,
    no_hydra: Option<&Missing>,
    named: &[Engine],
    thorough: bool,
) -> Result<Cast> {
    let mut not_run = Vec::new();
    let needs_browser = cases.iter().any(|case| !case.file.world.browser_names().is_empty());
    let engines = if needs_browser { choose(named, &mut not_run)? } else { named.to_vec() };
    let thoroughness = if thorough { Thoroughness::EveryLineup } else { Thoroughness::FirstLineup };
    let no_nginx = nginx::program().is_none();
    let mut turns = Vec::new();
    for case in cases {
        if no_nginx && case.file.worlds().any(|world| world.front.is_some()) {
            not_run.push(NotRun { case: case.id, reason: nginx::missing().to_string() });
            continue;
        }
        if let Some(missing) = clients.lacks(&case) {
            not_run.push(NotRun { case: case.id, reason: missing.to_string() });
            continue;
        }
        if let Some(lacking) = no_hydra.filter(|_| case.file.needs_hydra()) {
            not_run.push(NotRun { case: case.id, reason: lacking.to_string() });
            continue;
        }
        let (case, question) = match interface {
            Interface::Ours => (case, Question::Case),
            Interface::Program(_) => match fit(case) {
                Ok(fitted) => {
                    not_run.extend(fitted.left_out);
                    (fitted.case, fitted.question)
                }
                Err(refused) => {
                    not_run.push(refused);
                    continue;
                }
            },
        };
        for mut turn in Turn::all(&case, &engines, thoroughness) {
            turn.question = question;
            let left_out = turn.lineup.engines().iter().find(|engine| !named.is_empty() && !named.contains(engine));
            if let Some(engine) = left_out {
                let reason = format!("it needs {engine}, which `--engine` leaves out");
                not_run.push(NotRun { case: case.id.clone(), reason });
                continue;
            }
            match turn.lacks() {
                // An engine that the case itself names.
                Some(lacking) => not_run.push(NotRun { case: case.id.clone(), reason: lacking.to_string() }),
                None => turns.push(turn),
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

/// The engines that were named, each once, or all that are here; what is not is noted.
fn choose(named: &[Engine], not_run: &mut Vec<NotRun>) -> Result<Vec<Engine>> {
    let mut engines: Vec<Engine> = Vec::new();
    for engine in named {
        if let Some(lacking) = engine.lacks() {
            return Err(lacking.into());
        }
        if !engines.contains(engine) {
            engines.push(*engine);
        }
    }
    if engines.is_empty() {
        engines = Engine::installed();
        let lacking = Engine::ALL.into_iter().filter_map(|engine| Some((engine, engine.lacks()?)));
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
