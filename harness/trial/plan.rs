//! The trials that follow from a case.

use serde_saphyr::Spanned;

use super::{Lineup, Shown, TrialKind};
use crate::case::{Case, Check, Expected, Step, WorldSpec};

/// One trial, before it is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Such as `broken`, `fixed`, `wrong-fix-1`.
    pub name: String,
    /// What it is for.
    pub kind: TrialKind,
    /// Why this fix, in the words of the file.
    pub why: Option<String>,
    /// What it changes against the broken set-up, as YAML.
    pub change: String,
    /// What it has to show, any of these.
    pub wanted: Vec<Shown>,
    /// Its world.
    pub world: WorldSpec,
    /// Its steps.
    pub steps: Vec<Spanned<Step>>,
    /// The lines of `symptom`.
    pub symptom: Vec<Spanned<Check>>,
    /// What else is looked at: the fix's `expect`, or the case's `instead`.
    pub promise: Vec<Spanned<Check>>,
}

/// Which wrong fixes are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongFixes {
    /// All of them.
    All,
    /// None: another lineup has them tried.
    None,
}

/// The trials of a case in one lineup, in their order: broken, fixed, other fixes, broken again, wrong fixes.
pub fn plans(case: &Case, lineup: &Lineup, wrong_fixes: WrongFixes) -> Vec<Plan> {
    let file = &case.file;
    let broken = |name: &str, kind| Plan {
        name: name.to_owned(),
        kind,
        why: None,
        change: String::new(),
        wanted: vec![if file.expected() == Expected::NotReproduced { Shown::Instead } else { Shown::Symptom }],
        world: lineup.cast(&file.world),
        steps: file.steps.clone(),
        symptom: file.symptom.clone(),
        promise: file.instead.clone(),
    };
    let mut plans = vec![broken("broken", TrialKind::Broken)];
    // Where a version of Kratos has no problem there is nothing to fix.
    let about_fix = matches!(file.expected(), Expected::FixHolds | Expected::FixFails);
    let Some(fix) = file.fix.as_ref().filter(|_| about_fix) else { return plans };
    let changed = |name: String, kind, why: &str, world: &Option<WorldSpec>, steps: &Option<Vec<Spanned<Step>>>| Plan {
        name,
        kind,
        why: Some(why.to_owned()),
        change: change(world.as_ref(), steps.as_deref()),
        wanted: match kind {
            TrialKind::WrongFix => vec![Shown::Symptom, Shown::Neither],
            _ if file.expected() == Expected::FixFails => vec![Shown::Symptom, Shown::Neither],
            _ => vec![Shown::Fixed],
        },
        world: lineup.cast(&file.world.with(&world.clone().unwrap_or_default())),
        steps: steps.clone().unwrap_or_else(|| file.steps.clone()),
        symptom: file.symptom.clone(),
        promise: fix.expect.clone(),
    };
    plans.push(changed("fixed".to_owned(), TrialKind::Fixed, &fix.why, &fix.world, &fix.steps));
    for (number, other) in file.other_fixes.iter().enumerate() {
        let name = format!("other-fix-{}", number + 1);
        plans.push(changed(name, TrialKind::OtherFix, &other.why, &other.world, &other.steps));
    }
    plans.push(broken("broken-again", TrialKind::BrokenAgain));
    if wrong_fixes == WrongFixes::All {
        for (number, wrong) in file.wrong_fixes.iter().enumerate() {
            let name = format!("wrong-fix-{}", number + 1);
            plans.push(changed(name, TrialKind::WrongFix, &wrong.why, &wrong.world, &wrong.steps));
        }
    }
    plans
}

/// A change as a person reads it: the world's part as YAML, the steps as their texts.
fn change(world: Option<&WorldSpec>, steps: Option<&[Spanned<Step>]>) -> String {
    let mut text = String::new();
    if let Some(world) = world
        && let Ok(yaml) = serde_saphyr::to_string(&serde_json::json!({ "world": world }))
    {
        text.push_str(yaml.trim_end());
        text.push('\n');
    }
    if let Some(steps) = steps {
        text.push_str("steps:\n");
        for step in steps {
            text.push_str(&format!("  - {}\n", step.value.text()));
        }
    }
    text
}
