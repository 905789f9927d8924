//! On which engines a case is run: the key `engines`.

use serde::Deserialize;

use super::nearest::nearest;
use super::short::short_form;
use crate::browser::Engine;

/// How the engines of a run take turns in a case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Turns {
    /// Each engine once, as every browser of the case.
    #[default]
    Each,
    /// The first engine alone: the case is independent of it.
    Once,
    /// Ordered pairs of different engines: the first browser of the case, by name, gets the one, all others the other.
    Pairs,
}

/// The key `engines` of a case: `each`, `once`, `pairs`, or `{ pairs: [[chromium, firefox], ...] }`, which names those
/// of the pairs that are worth their time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Engines {
    /// How they take turns.
    #[serde(skip, default = "pairs")]
    pub turns: Turns,
    /// The pairs; all of them where there are none.
    pub pairs: Vec<[Engine; 2]>,
}

short_form!(Engines, "`each`, `once`, `pairs` or a map with `pairs`", read);

fn pairs() -> Turns {
    Turns::Pairs
}

fn read(text: &str) -> Result<Engines, String> {
    let turns = match text {
        "each" => Turns::Each,
        "once" => Turns::Once,
        "pairs" => Turns::Pairs,
        other => return Err(format!("unknown `{other}`{}", nearest(other, &["each", "once", "pairs"]))),
    };
    Ok(Engines { turns, pairs: Vec::new() })
}
