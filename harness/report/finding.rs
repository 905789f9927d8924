//! What a case that surprised has to say, in the order in which a person asks: what was being done, what was expected,
//! what was seen, where to look. The terminal, the page and the JUnit file all say the same.

use std::path::PathBuf;

use super::words;
use crate::evidence::{Exchange, StepState, StepTaken};
use crate::trial::{CaseOutcome, CheckRole, CheckSeen, Shown, TrialKind, TrialOutcome, Verdict};

/// How many exchanges a finding names at most.
const EXCHANGES: usize = 6;

/// The four things, and the trial that they are about.
#[derive(Debug)]
pub(super) struct Finding<'a> {
    /// What was being done.
    pub(super) doing: String,
    /// What was expected, a line each.
    pub(super) expected: Vec<String>,
    /// What was seen, a line each.
    pub(super) seen: Vec<String>,
    /// Where to look, a line each.
    pub(super) look: Vec<Look<'a>>,
    /// The first cause.
    pub(super) cause: &'a str,
    /// The trial that tells, with its place in the case.
    pub(super) trial: Option<(usize, &'a TrialOutcome)>,
}

/// A place to look at.
#[derive(Debug)]
pub(super) enum Look<'a> {
    /// The case's file, and the lines of it.
    File(&'a str, Vec<u64>),
    /// What crossed the edge.
    Exchange(&'a Exchange),
    /// A picture of the page.
    Picture(&'a str),
    /// The folder of a trial.
    Evidence(&'a str),
}

/// Where the files lie that a finding names; without it they are told as `results.json` beside them does.
#[derive(Debug, Default)]
pub struct Places {
    /// The run's folder.
    pub run: PathBuf,
    /// The case's file, as it was named.
    pub file: Option<PathBuf>,
}

impl Look<'_> {
    /// In words that can be opened.
    pub(super) fn said(&self, places: &Places) -> String {
        let below = |path: &str| places.run.join(path).display().to_string();
        match self {
            Self::File(id, lines) => {
                let file = places.file.as_ref().map_or_else(|| (*id).to_owned(), |file| file.display().to_string());
                let noun = if lines.len() == 1 { "line" } else { "lines" };
                let numbers = lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
                let lines = if lines.is_empty() { String::new() } else { format!(", {noun} {numbers}") };
                format!("the case file {file}{lines}")
            }
            Self::Exchange(exchange) => format!("the exchange {}", exchange_line(exchange)),
            Self::Picture(path) => format!("the picture {}", below(path)),
            Self::Evidence(folder) => format!("the raw evidence in {}", below(folder)),
        }
    }
}

/// How a check bears on what its trial had to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is as it had to be.
    Good,
    /// It is why the trial did not show what it had to.
    Bad,
    /// It decides nothing by itself.
    Plain,
}

impl<'a> Finding<'a> {
    /// Finds what a case has to say.
    pub(super) fn of(case: &'a CaseOutcome) -> Self {
        let trial = telling_trial(case);
        let cause = trial.and_then(|(_, trial)| trial.cause.as_deref()).unwrap_or(&case.reason);
        let mut finding = Self {
            doing: "preparing the first trial".into(),
            expected: vec![format!("the verdict {}", case.expected.word())],
            seen: vec![format!("the verdict {}: {}", case.verdict.word(), case.reason)],
            look: Vec::new(),
            cause,
            trial,
        };
        let mut lines = Vec::new();
        if let Some((_, trial)) = trial {
            finding.tell(trial, &mut lines);
        }
        lines.sort_unstable();
        lines.dedup();
        finding.look.insert(0, Look::File(&case.id, lines));
        finding
    }

    /// Adds what the trial says; `lines` gathers the lines of the case file that it is about.
    fn tell(&mut self, trial: &'a TrialOutcome, lines: &mut Vec<u64>) {
        let step = telling_step(trial);
        self.doing = doing(trial, step);
        if !trial.as_expected() {
            self.expected = vec![format!("trial `{}` shows {}", trial.name, words::wanted(&trial.wanted))];
            self.seen = vec![format!("it {}", words::showed(trial.shown))];
        }
        if let Some(step) = step.filter(|step| step.state == StepState::Failed) {
            self.expected = vec![format!("line {}: the step can be taken", step.line)];
            self.seen = vec![step.error.clone().unwrap_or_else(|| self.cause.to_owned())];
            lines.push(step.line);
        } else if trial.shown == Shown::Error {
            self.seen = vec![self.cause.to_owned()];
        }
        // Where it is the fix's own promise that must not hold, the two lists ask for opposite things.
        let passes = trial.kind == TrialKind::WrongFix && trial.shown == Shown::Fixed;
        let mut list = None;
        for check in trial.checks.iter().filter(|check| weigh(trial, check) == Weight::Bad) {
            if passes && list.replace(check.role) != Some(check.role) {
                let title = match check.role {
                    CheckRole::Expect => "fix, should not hold:",
                    CheckRole::Symptom => "symptom, should hold:",
                    CheckRole::Instead => "instead, should hold:",
                };
                self.expected.push(title.to_owned());
            }
            let gone = if check.held && !passes { "no longer: " } else { "" };
            self.expected.push(format!("line {}: {gone}{}", check.line, check.expected));
            self.seen.push(format!("line {}: {}", check.line, check.seen));
            lines.push(check.line);
        }
        let exchanges = relevant_exchanges(trial);
        let telling = |exchange: &&&Exchange| {
            exchange.method != "GET" || exchange.fault.is_some() || exchange.status.is_none_or(|status| status >= 400)
        };
        if let Some(exchange) = exchanges.iter().rev().find(telling).or(exchanges.last()) {
            self.look.push(Look::Exchange(exchange));
        }
        if let Some(picture) = trial.steps.iter().rev().find_map(|step| step.screenshot.as_deref()) {
            self.look.push(Look::Picture(picture));
        }
        if !trial.folder.is_empty() {
            self.look.push(Look::Evidence(&trial.folder));
        }
    }
}

/// The first trial that did not show what it had to; where all did, the one that the verdict rests on.
fn telling_trial(case: &CaseOutcome) -> Option<(usize, &TrialOutcome)> {
    let trials = || case.trials.iter().enumerate();
    let error = || trials().find(|(_, trial)| case.verdict == Verdict::Error && trial.shown == Shown::Error);
    let surprise = || trials().find(|(_, trial)| !trial.as_expected());
    let fix = || {
        let about_fix = matches!(case.verdict, Verdict::FixHolds | Verdict::FixFails);
        trials().find(|(_, trial)| about_fix && trial.kind == TrialKind::Fixed)
    };
    error().or_else(surprise).or_else(fix).or_else(|| trials().next())
}

/// The step that failed, or the last one that was taken.
fn telling_step(trial: &TrialOutcome) -> Option<&StepTaken> {
    let failed = trial.steps.iter().find(|step| step.state == StepState::Failed);
    failed.or_else(|| trial.steps.iter().rev().find(|step| step.state == StepState::Done))
}

fn doing(trial: &TrialOutcome, step: Option<&StepTaken>) -> String {
    let Some(step) = step else {
        return format!("starting the world of trial `{}`", trial.name);
    };
    let place = format!("step {} of {}", step.number, trial.steps.len());
    let browser = step.browser.as_ref().map(|browser| format!(" in browser {browser}")).unwrap_or_default();
    match step.state {
        StepState::Failed => format!("{place}{browser}, trial `{}`: {}", trial.name, step.text),
        _ => format!("checking trial `{}` after {place}{browser}: {}", trial.name, step.text),
    }
}

/// How a check bears on what its trial had to show. A symptom is a symptom as a whole: where it has to be gone, one line
/// of it may still hold.
pub(super) fn weigh(trial: &TrialOutcome, check: &CheckSeen) -> Weight {
    let good = |good: bool| if good { Weight::Good } else { Weight::Bad };
    let wants = |shown: Shown| trial.wanted.contains(&shown);
    if trial.shown == Shown::Error {
        return Weight::Plain;
    }
    match check.role {
        CheckRole::Symptom if wants(Shown::Symptom) && trial.wanted.len() == 1 => good(check.held),
        CheckRole::Symptom if wants(Shown::Symptom) => Weight::Plain,
        CheckRole::Symptom if trial.shown == Shown::Symptom => Weight::Bad,
        CheckRole::Symptom if check.held => Weight::Plain,
        CheckRole::Symptom => Weight::Good,
        CheckRole::Expect if wants(Shown::Fixed) => good(check.held),
        CheckRole::Expect if trial.kind == TrialKind::WrongFix && trial.shown == Shown::Fixed => Weight::Bad,
        CheckRole::Instead if wants(Shown::Instead) => good(check.held),
        CheckRole::Expect | CheckRole::Instead => Weight::Plain,
    }
}

/// The last exchanges that can matter: what changed something, failed, was interfered with, or is Kratos's own API.
/// What was refused counts only under `.test` (RFC 6761, section 6.2): other names are browsers that call home.
pub(super) fn relevant_exchanges(trial: &TrialOutcome) -> Vec<&Exchange> {
    let relevant = |exchange: &&Exchange| {
        let path = exchange.path();
        if exchange.refused.is_some() {
            return exchange.host().ends_with(".test");
        }
        !matches!(exchange.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            || exchange.status.is_none_or(|status| status >= 400)
            || exchange.fault.is_some()
            || path.starts_with("/self-service/")
            || path.starts_with("/sessions/")
    };
    let mut last: Vec<_> = trial.exchanges.iter().rev().filter(relevant).take(EXCHANGES).collect();
    last.reverse();
    last
}

/// An exchange in one line: number, who, what, the status and the time.
pub(super) fn exchange_line(exchange: &Exchange) -> String {
    let status = match (&exchange.refused, exchange.status) {
        (Some(why), _) => format!("refused: {why}"),
        (None, Some(status)) => status.to_string(),
        (None, None) => "no answer".into(),
    };
    let took = exchange.took_ms.map(|ms| format!(", {}", words::took(ms))).unwrap_or_default();
    let fault = exchange.fault.as_ref().map(|fault| format!(" [fault: {fault}]")).unwrap_or_default();
    let Exchange { id, listener, method, .. } = exchange;
    format!("#{id} {listener} {method} {}{} -> {status}{took}{fault}", exchange.host(), exchange.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use rstest::rstest;

    #[test]
    fn a_failed_step_is_what_was_being_done() {
        let run = sample::run();

        let finding = Finding::of(&run.cases[3]);

        assert!(finding.doing.starts_with("step 4 of 6"), "{}", finding.doing);
        assert!(matches!(&finding.look[0], Look::File(_, lines) if *lines == [11]), "{:?}", finding.look);
    }

    #[test]
    fn a_wrong_fix_that_passes_is_the_trial_that_tells() {
        let mut case = sample::run().cases.remove(0);
        case.verdict = Verdict::FixFails;
        case.trials[4] = sample::trial("case", "wrong-fix-1", TrialKind::WrongFix, Shown::Fixed);
        case.trials[4].wanted = vec![Shown::Symptom];

        let finding = Finding::of(&case);

        assert_eq!(finding.trial.map(|(place, _)| place), Some(4));
        let lines = [15, 16, 20, 21];
        assert!(matches!(&finding.look[0], Look::File(_, told) if *told == lines), "{:?}", finding.look);
        let titles: Vec<_> = finding.expected.iter().filter(|line| line.ends_with(':')).collect();
        assert_eq!(titles.len(), 2, "the symptom and the promise are told apart: {:?}", finding.expected);
    }

    #[test]
    fn what_is_to_be_looked_at_can_be_opened() {
        let run = sample::run();
        let places = Places { run: "out/run".into(), file: Some("mine/case.yaml".into()) };

        let said: Vec<String> = Finding::of(&run.cases[3]).look.iter().map(|look| look.said(&places)).collect();

        for path in ["mine/case.yaml, line 11", "out/run/trials/tenants/two-endpoints/broken/step-4.png"] {
            assert!(said.iter().any(|line| line.ends_with(path)), "{path}: {said:?}");
        }
    }

    #[test]
    fn a_case_that_never_began_still_says_the_four_things() {
        let mut case = sample::run().cases.remove(3);
        case.trials.clear();

        let finding = Finding::of(&case);

        assert!(finding.trial.is_none() && !finding.doing.is_empty());
        assert!(!finding.expected.is_empty() && !finding.seen.is_empty() && !finding.look.is_empty());
    }

    #[rstest]
    #[case::symptom_that_has_to_be_gone(TrialKind::Fixed, Shown::Symptom, 0, Weight::Bad)]
    #[case::promise_that_did_not_hold(TrialKind::Fixed, Shown::Symptom, 2, Weight::Bad)]
    #[case::promise_that_held(TrialKind::Fixed, Shown::Symptom, 3, Weight::Good)]
    #[case::symptom_that_has_to_show(TrialKind::Broken, Shown::Symptom, 0, Weight::Good)]
    #[case::promise_before_the_fix(TrialKind::Broken, Shown::Symptom, 2, Weight::Plain)]
    #[case::nothing_without_a_verdict(TrialKind::Broken, Shown::Error, 0, Weight::Plain)]
    fn a_check_weighs_by_what_its_trial_had_to_show(
        #[case] kind: TrialKind,
        #[case] shown: Shown,
        #[case] check: usize,
        #[case] weight: Weight,
    ) {
        let trial = sample::trial("case", "trial", kind, shown);

        assert_eq!(weigh(&trial, &trial.checks[check]), weight);
    }

    #[test]
    fn a_browser_that_calls_home_is_not_relevant() {
        let trial = sample::trial("case", "trial", TrialKind::Broken, Shown::Symptom);

        let ids: Vec<u64> = relevant_exchanges(&trial).iter().map(|exchange| exchange.id).collect();

        assert_eq!(ids, [2, 4, 7, 8, 9]);
    }
}
