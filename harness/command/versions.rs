//! The versions of Kratos that a call names: which binaries they are, which cases say something about each, and the runs
//! of one after the other.

use std::path::Path;

use anyhow::Result;
use tokio::sync::{mpsc, watch};

use super::backend::Chosen;
use super::{NothingApplies, WrongCall, place};
use crate::backend::Database;
use crate::backend::cache::Cache;
use crate::backend::kratos_binary::{KratosBinary, KratosChoice};
use crate::backend::progress::Progress as SetupProgress;
use crate::backend::version::Version;
use crate::case::Differences;
use crate::trial::{NotApplicable, Progress, QueueSettings, Turn, run_cases};
use crate::world::WorldSettings;

/// The turns that are taken on one Kratos.
pub(super) struct Share {
    pub(super) kratos: KratosBinary,
    pub(super) turns: Vec<Turn>,
}

/// Finds the Kratos of each choice; one that is named twice counts once.
///
/// # Errors
/// Those of [`KratosBinary::find`]; [`WrongCall`] if two are of one version, because nothing could tell what they show
/// apart.
pub(super) async fn find(
    backend: &Chosen,
    cache: &Cache,
    fixtures: &Path,
    choices: &[KratosChoice],
    progress: &mut SetupProgress,
) -> Result<Vec<KratosBinary>> {
    let mut found: Vec<(&KratosChoice, KratosBinary)> = Vec::new();
    for choice in choices {
        if found.iter().any(|(known, _)| *known == choice) {
            continue;
        }
        let kratos = backend.kratos(cache, fixtures, choice, progress).await?;
        if let Some((other, _)) = found.iter().find(|(_, other)| other.version == kratos.version) {
            let version = kratos.version;
            let text = format!("`{other}` and `{choice}` are both Kratos {version} (hint: run one after the other)");
            return Err(WrongCall(text).into());
        }
        say_if_unknown(choice, &kratos);
        found.push((choice, kratos));
    }
    Ok(found.into_iter().map(|(_, kratos)| kratos).collect())
}

/// Says so where a build does not know its version: what is known of the newest is then held against it.
pub(super) fn say_if_unknown(choice: &KratosChoice, kratos: &KratosBinary) {
    if matches!(kratos.version, Version::Unknown(_)) {
        place::say(&format!("`{choice}` is Kratos {}, which counts as the newest version", kratos.version));
    }
}

/// Gives each Kratos the turns of the cases that say something about it, and names those that do not, each once.
///
/// # Errors
/// [`NothingApplies`] if that is all of them.
pub(super) fn deal(
    turns: &[Turn],
    every_kratos: &[KratosBinary],
    differences: &Differences,
) -> Result<(Vec<Share>, Vec<NotApplicable>)> {
    let several = every_kratos.len() > 1;
    let (mut shares, mut not_applicable) = (Vec::new(), Vec::<NotApplicable>::new());
    for kratos in every_kratos {
        let mut own = Vec::new();
        for turn in turns {
            match turn.on(&kratos.version, differences) {
                Ok(turn) => own.push(Turn { kratos: several.then(|| kratos.version.clone()), ..turn }),
                Err(lacking) => not_applicable.push(NotApplicable {
                    case: turn.case.id.clone(),
                    kratos: kratos.version.to_string(),
                    reason: lacking.to_string(),
                }),
            }
        }
        shares.push(Share { kratos: kratos.clone(), turns: own });
    }
    // A case in several lineups lacks the same in each.
    not_applicable.dedup();
    if shares.iter().all(|share| share.turns.is_empty()) {
        return Err(NothingApplies(not_applicable).into());
    }
    Ok((shares, not_applicable))
}

/// Runs the turns of one Kratos after the other, each on its database, and ends early when `stop` becomes true.
pub(super) async fn run_shares(
    shares: Vec<(Database, Share)>,
    settings: QueueSettings,
    progress: mpsc::UnboundedSender<Progress>,
    stop: watch::Receiver<bool>,
) {
    for (database, Share { kratos, turns }) in shares {
        if *stop.borrow() {
            return;
        }
        let world = WorldSettings { kratos, database, ..settings.world.clone() };
        run_cases(turns, QueueSettings { world, ..settings.clone() }, progress.clone(), stop.clone()).await;
    }
}
