//! The trials that follow from a case.

use std::time::Duration;

use serde_saphyr::Spanned;

use super::act::{QUIET, QUIET_AFTER_SUBMIT};
use super::{Lineup, Shown, TrialKind};
use crate::case::{Case, Change, Check, Expected, Step, Until, WorldSpec};

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
    /// The first step that counts as the last one of the symptom.
    pub symptom_from: usize,
    /// How long no page may have asked for anything before something else than the symptom is told.
    pub quiet: Duration,
    /// The lines of `symptom`.
    pub symptom: Vec<Spanned<Check>>,
    /// What is true once it is fixed, where the trial is one of a fix.
    pub expect: Vec<Spanned<Check>>,
    /// What happens in the symptom's place, where that is known.
    pub instead: Vec<Spanned<Check>>,
    /// What the fix promises, in a trial without it: where all of that holds beside the symptom it proves no fix.
    pub promised: Vec<Spanned<Check>>,
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
        symptom_from: file.steps.len(),
        quiet: quiet_after(&file.steps),
        symptom: file.symptom.clone(),
        expect: Vec::new(),
        instead: file.instead.clone(),
        promised: match (kind, &file.fix) {
            (TrialKind::Broken, Some(fix)) if file.expected() == Expected::FixHolds => fix.expect.clone(),
            _ => Vec::new(),
        },
    };
    let mut plans = vec![broken("broken", TrialKind::Broken)];
    // Where a version of Kratos has no problem there is nothing to fix.
    let about_fix = matches!(file.expected(), Expected::FixHolds | Expected::FixFails);
    let Some(fix) = file.fix.as_ref().filter(|_| about_fix) else { return plans };
    let changed = |name: String, kind, change: &Change| {
        let steps = change.steps.as_deref().unwrap_or(&file.steps);
        // That nothing whole shows is never enough: the page may be broken, or the steps may not lead there.
        let wanted = match kind {
            _ if kind != TrialKind::WrongFix && file.expected() == Expected::FixHolds => Shown::Fixed,
            _ if change.instead.is_empty() => Shown::Symptom,
            _ => Shown::Instead,
        };
        Plan {
            name,
            kind,
            why: Some(change.why.clone()),
            change: difference(change.world.as_ref(), change.steps.as_deref()),
            wanted: vec![wanted],
            world: lineup.cast(&file.world.with(&change.world.clone().unwrap_or_default())),
            steps: steps.to_vec(),
            // What has to show must do so by itself: that the case's own steps come first shows nothing of the change.
            symptom_from: if wanted == Shown::Symptom { steps.len() } else { symptom_from(&file.steps, steps) },
            quiet: quiet_after(steps),
            symptom: file.symptom.clone(),
            expect: fix.expect.clone(),
            instead: change.instead.clone(),
            promised: Vec::new(),
        }
    };
    plans.push(changed("fixed".to_owned(), TrialKind::Fixed, &fix.as_change()));
    for (number, other) in file.other_fixes.iter().enumerate() {
        let name = format!("other-fix-{}", number + 1);
        plans.push(changed(name, TrialKind::OtherFix, other));
    }
    plans.push(broken("broken-again", TrialKind::BrokenAgain));
    if wrong_fixes == WrongFixes::All {
        for (number, wrong) in file.wrong_fixes.iter().enumerate() {
            let name = format!("wrong-fix-{}", number + 1);
            plans.push(changed(name, TrialKind::WrongFix, wrong));
        }
    }
    plans
}

/// The first step that counts as the last one of the symptom, where a change has steps of its own: that the case's problem
/// is followed by another step takes nothing from it. What the case does before its last step is no part of it.
fn symptom_from(of_case: &[Spanned<Step>], own: &[Spanned<Step>]) -> usize {
    let same = of_case.iter().zip(own).take_while(|(a, b)| a.value == b.value).count();
    (same + 1).min(of_case.len()).min(own.len())
}

/// As the steps themselves wait: after a submit that was left before its answer as after any other.
fn quiet_after(steps: &[Spanned<Step>]) -> Duration {
    let left = |step: &Spanned<Step>| matches!(&step.value, Step::Submit(it) if it.until == Until::Sent);
    if steps.iter().any(left) { QUIET_AFTER_SUBMIT } else { QUIET }
}

/// A change as a person reads it: the world's part as YAML, the steps as their texts.
fn difference(world: Option<&WorldSpec>, steps: Option<&[Spanned<Step>]>) -> String {
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

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};
    use rstest::rstest;
    use serde_saphyr::Location;

    use super::*;
    use crate::browser::Engine;
    use crate::case::CaseFile;

    /// A case whose fix has steps of its own and whose wrong fix has none.
    fn case(verdict: &str, instead: &str) -> Result<Case> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("case.yaml");
        let text = format!(
            "title: t\nverdict: {verdict}\nworld: {{ browsers: {{ a: {{}} }} }}\n\
             steps: [{{ open: {{ in: a, flow: login }} }}]\nsymptom: [{{ signed_out: a }}]\n\
             fix:\n  why: f\n  steps: [{{ open: {{ in: a, page: /welcome }} }}]\n  expect: [{{ signed_in: {{ in: a, as: ada@example.test }} }}]\n\
             other_fixes: [{{ why: o, world: {{ ui: {{ submit: form }} }} }}]\n\
             wrong_fixes: [{{ why: w, world: {{ ui: {{ submit: ajax }} }}, instead: {instead} }}]\n"
        );
        std::fs::write(&path, text)?;
        let (file, source) = CaseFile::read(&path)?;
        Ok(Case { id: "c".to_owned(), path, file, source, claim: None })
    }

    #[rstest]
    #[case::one_step_more(&["a", "b", "c", "d"], 3)]
    #[case::another_last_step(&["a", "b", "d"], 3)]
    #[case::others_from_the_second_on(&["a", "d", "b", "c"], 2)]
    #[case::fewer(&["a"], 1)]
    fn the_last_step_of_the_symptom_may_be_any_from_where_the_steps_part(#[case] own: &[&str], #[case] from: usize) {
        let steps = |names: &[&str]| {
            let step = |name: &&str| Spanned::new(Step::Back((*name).to_owned()), Location::UNKNOWN, Location::UNKNOWN);
            names.iter().map(step).collect::<Vec<_>>()
        };

        assert_eq!(symptom_from(&steps(&["a", "b", "c"]), &steps(own)), from);
    }

    #[test]
    fn the_symptom_of_a_wrong_fix_is_what_its_own_last_step_shows() -> Result<()> {
        let mut case = case("fix-holds", "[]")?;
        let more = case.file.steps[0].clone();
        let appended = case.file.steps.iter().cloned().chain([more]).collect::<Vec<_>>();
        case.file.fix.as_mut().context("no fix")?.steps = Some(appended.clone());
        case.file.wrong_fixes[0].steps = Some(appended);
        let lineup = Lineup::all(&case, &[Engine::Chromium]).into_iter().next().context("no lineup")?;

        let plans = plans(&case, &lineup, WrongFixes::All);

        let from = |kind| plans.iter().find(|plan| plan.kind == kind).map(|plan| plan.symptom_from);
        assert_eq!(from(TrialKind::Fixed), Some(1), "the case's own last step counts as well");
        assert_eq!(from(TrialKind::WrongFix), Some(2));
        Ok(())
    }

    #[rstest]
    #[case::a_fix_that_holds("fix-holds", "[]", &[Shown::Symptom, Shown::Fixed, Shown::Fixed, Shown::Symptom, Shown::Symptom])]
    #[case::another_problem(
        "fix-holds", "[{ signed_out: a }]",
        &[Shown::Symptom, Shown::Fixed, Shown::Fixed, Shown::Symptom, Shown::Instead]
    )]
    #[case::a_fix_that_fails("fix-fails", "[]", &[Shown::Symptom; 5])]
    fn nothing_is_wrong_or_fails_by_showing_nothing(
        #[case] verdict: &str,
        #[case] instead: &str,
        #[case] wanted: &[Shown],
    ) -> Result<()> {
        let case = case(verdict, instead)?;
        let lineup = Lineup::all(&case, &[Engine::Chromium]).into_iter().next().context("no lineup")?;

        let plans = plans(&case, &lineup, WrongFixes::All);

        assert_eq!(plans.iter().flat_map(|plan| plan.wanted.clone()).collect::<Vec<_>>(), wanted);
        Ok(())
    }
}
