//! Judges a case by what its trials showed.

use super::{CheckRole, Shown, TrialKind, TrialOutcome, Verdict};
use crate::case::Expected;

impl From<Expected> for Verdict {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Reproduced => Self::Reproduced,
            Expected::NotReproduced => Self::NotReproduced,
            Expected::FixHolds => Self::FixHolds,
            Expected::FixFails => Self::FixFails,
        }
    }
}

/// The verdict of a case, and in one sentence how it came about. An error anywhere leaves no verdict:
/// an environment that broke is never a statement about Kratos.
pub(super) fn judge(trials: &[TrialOutcome]) -> (Verdict, String) {
    let cause = |trial: &TrialOutcome| trial.cause.clone().unwrap_or_else(|| "no cause was noted".to_owned());
    let of = |kind| trials.iter().filter(move |trial| trial.kind == kind);
    if let Some(trial) = trials.iter().find(|trial| trial.shown == Shown::Error) {
        return (Verdict::Error, format!("trial `{}` reached no verdict: {}", trial.name, cause(trial)));
    }
    let Some(broken) = of(TrialKind::Broken).next() else {
        return (Verdict::Error, "no trial ran".to_owned());
    };
    match broken.shown {
        Shown::Symptom => {}
        Shown::Instead => {
            return (
                Verdict::NotReproduced,
                "the symptom does not show; what the case says happens instead does".to_owned(),
            );
        }
        _ => return (Verdict::NotReproduced, format!("the symptom does not show: {}", cause(broken))),
    }
    if of(TrialKind::Fixed).next().is_none() {
        return (Verdict::Reproduced, "every line of the symptom held".to_owned());
    }
    // Before any word on a fix: one that was tried while the symptom came and went proves nothing, nor does its failure.
    if let Some(trial) = of(TrialKind::BrokenAgain).find(|trial| trial.shown != Shown::Symptom) {
        let text =
            format!("the symptom did not come back without the fix, so the fix proves nothing: {}", cause(trial));
        return (Verdict::NotReproduced, text);
    }
    let mut fixes = of(TrialKind::Fixed).chain(of(TrialKind::OtherFix));
    if let Some(trial) = fixes.find(|trial| trial.shown != Shown::Fixed) {
        return (Verdict::FixFails, format!("`{}` does not fix it: {}", trial.name, cause(trial)));
    }
    if let Some(trial) = of(TrialKind::WrongFix).find(|trial| !trial.as_expected()) {
        let why = trial.why.as_deref().unwrap_or_default();
        let weak = match trial.shown {
            Shown::Fixed => "passes as a fix: the checks are too weak".to_owned(),
            _ => format!("does not show what it has to, so that nothing says that it is wrong: {}", cause(trial)),
        };
        return (Verdict::FixFails, format!("the wrong fix `{}` ({why}) {weak}", trial.name));
    }
    let wrong = of(TrialKind::WrongFix).count();
    let caught = if wrong == 0 { String::new() } else { format!("; {wrong} of {wrong} wrong fixes caught") };
    (Verdict::FixHolds, format!("the symptom shows, is gone with the fix, and is back without it{caught}"))
}

/// The answer to whether an interface is guarded against a double submit, by the POSTs that arrived at the edge. One trial
/// that lets both through is enough for no; for yes every trial must show it, since a browser on a busy machine may drop
/// the first of two submits by itself.
pub(super) fn judge_guard(trials: &[TrialOutcome]) -> (Verdict, String) {
    let (verdict, reason) = judge(trials);
    if verdict == Verdict::Error {
        return (verdict, reason);
    }
    let count = |trial: &TrialOutcome| {
        let counted = trial.checks.iter().find(|check| check.role == CheckRole::Symptom);
        counted.map_or("unknown".to_owned(), |check| check.seen.clone())
    };
    let counts = trials.iter().map(count).collect::<Vec<_>>().join(" and ");
    let step = trials.iter().find_map(|trial| trial.steps.last()).map(|step| step.text.as_str()).unwrap_or_default();
    let seen = format!("POSTs that arrived at the edge, by trial: {counts} ({step})");
    if trials.iter().any(|trial| trial.shown == Shown::Symptom) {
        return (Verdict::NotGuarded, format!("not guarded against double submits; {seen}"));
    }
    match trials.iter().find(|trial| trial.shown != Shown::Instead) {
        None => (Verdict::Guarded, format!("guarded against double submits; {seen}")),
        Some(trial) => {
            let cause = trial.cause.as_deref().unwrap_or("no cause was noted");
            (Verdict::Error, format!("whether it is guarded cannot be told: {cause}; {seen}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(kind: TrialKind, shown: Shown) -> TrialOutcome {
        TrialOutcome {
            name: format!("{kind:?}"),
            kind,
            why: None,
            change: String::new(),
            fitted: vec![],
            wanted: vec![match kind {
                TrialKind::Fixed | TrialKind::OtherFix => Shown::Fixed,
                _ => Shown::Symptom,
            }],
            shown,
            cause: Some("a cause".to_owned()),
            phases: vec![],
            steps: vec![],
            checks: vec![],
            exchanges: vec![],
            mails: vec![],
            cookies: vec![],
            log: vec![],
            folder: String::new(),
        }
    }

    fn verdict(shown: &[(TrialKind, Shown)]) -> Verdict {
        judge(&shown.iter().map(|(kind, shown)| trial(*kind, *shown)).collect::<Vec<_>>()).0
    }

    const BROKEN: (TrialKind, Shown) = (TrialKind::Broken, Shown::Symptom);
    const FIXED: (TrialKind, Shown) = (TrialKind::Fixed, Shown::Fixed);
    const AGAIN: (TrialKind, Shown) = (TrialKind::BrokenAgain, Shown::Symptom);
    const CAUGHT: (TrialKind, Shown) = (TrialKind::WrongFix, Shown::Symptom);

    #[test]
    fn red_green_red_with_every_wrong_fix_caught_holds() {
        assert_eq!(verdict(&[BROKEN, FIXED, AGAIN, CAUGHT]), Verdict::FixHolds);
    }

    #[test]
    fn a_wrong_fix_that_passes_or_of_which_nothing_is_seen_is_a_finding() {
        for shown in [Shown::Fixed, Shown::Neither, Shown::Instead] {
            assert_eq!(verdict(&[BROKEN, FIXED, AGAIN, (TrialKind::WrongFix, shown)]), Verdict::FixFails, "{shown:?}");
        }
    }

    #[test]
    fn a_fix_that_leaves_the_symptom_fails() {
        for shown in [Shown::Symptom, Shown::Neither] {
            assert_eq!(verdict(&[BROKEN, (TrialKind::Fixed, shown), AGAIN]), Verdict::FixFails, "{shown:?}");
        }
    }

    #[test]
    fn one_of_two_fixes_that_fails_is_enough() {
        assert_eq!(verdict(&[BROKEN, FIXED, (TrialKind::OtherFix, Shown::Neither), AGAIN]), Verdict::FixFails);
    }

    #[test]
    fn a_symptom_that_stays_away_proves_no_fix() {
        assert_eq!(verdict(&[BROKEN, FIXED, (TrialKind::BrokenAgain, Shown::Neither)]), Verdict::NotReproduced);
        assert_eq!(verdict(&[(TrialKind::Broken, Shown::Neither), FIXED, AGAIN]), Verdict::NotReproduced);
        let came_and_went = [BROKEN, (TrialKind::Fixed, Shown::Neither), (TrialKind::BrokenAgain, Shown::Neither)];
        assert_eq!(verdict(&came_and_went), Verdict::NotReproduced);
    }

    #[test]
    fn an_error_anywhere_is_no_verdict() {
        for kind in [TrialKind::Broken, TrialKind::Fixed, TrialKind::BrokenAgain, TrialKind::WrongFix] {
            assert_eq!(verdict(&[BROKEN, FIXED, AGAIN, (kind, Shown::Error)]), Verdict::Error, "{kind:?}");
        }
    }

    #[test]
    fn one_post_that_led_nowhere_is_no_guard() {
        let guard = |first, second| judge_guard(&[first, second].map(|shown| trial(TrialKind::Broken, shown))).0;

        assert_eq!(guard(Shown::Instead, Shown::Instead), Verdict::Guarded);
        assert_eq!(guard(Shown::Symptom, Shown::Symptom), Verdict::NotGuarded);
        assert_eq!(guard(Shown::Instead, Shown::Symptom), Verdict::NotGuarded);
        assert_eq!(guard(Shown::Instead, Shown::Neither), Verdict::Error);
        assert_eq!(guard(Shown::Symptom, Shown::Error), Verdict::Error);
    }

    #[test]
    fn without_a_fix_the_symptom_alone_decides() {
        assert_eq!(verdict(&[BROKEN]), Verdict::Reproduced);
        assert_eq!(verdict(&[(TrialKind::Broken, Shown::Instead)]), Verdict::NotReproduced);
    }
}
