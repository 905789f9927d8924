//! What the page shows, made ready for the template: words chosen, bodies laid out, pictures read. No markup.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::crossing::Crossing;
use super::finding::{Finding, Weight, exchange_line, relevant_exchanges, weigh};
use super::history::History;
use super::link::Place;
use super::over_time::OverTime;
use super::picture::{Picture, read_pictures};
use super::platform::{Differing, fitted};
use super::words::{self, Word};
use crate::evidence::{CookieSeen, LogLine, MailSeen, StepTaken};
use crate::trial::{
    CaseOutcome, CheckRole, CheckSeen, NotApplicable, NotRun, Part, Phase, RunOutcome, Shown, TrialKind, TrialOutcome,
    Verdict,
};

/// The whole page.
#[derive(Debug, Serialize)]
pub(super) struct Page<'a> {
    run: &'a str,
    headline: String,
    mood: &'static str,
    started: String,
    took: String,
    interrupted: bool,
    over_time: Option<OverTime>,
    caught: Option<String>,
    all_caught: bool,
    verdicts: Vec<(usize, Word)>,
    /// What each verdict on the page means.
    legend: Vec<Word>,
    guards: Option<String>,
    guard_rows: Vec<Guard<'a>>,
    parts: &'a [Part],
    not_run: &'a [NotRun],
    not_applicable: &'a [NotApplicable],
    sections: Vec<Section<'a>>,
    surprises: Vec<Case<'a>>,
    expected: Vec<Case<'a>>,
}

/// What was seen of a login page that is not ours, in one double submit.
#[derive(Debug, Serialize)]
struct Guard<'a> {
    anchor: String,
    mood: &'static str,
    name: String,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct Section<'a> {
    name: &'a str,
    claims: Vec<Claim<'a>>,
}

#[derive(Debug, Serialize)]
struct Claim<'a> {
    id: &'a str,
    quote: &'a str,
    truth: &'a str,
    /// Whether all of its cases in this run went as expected.
    shown: bool,
    caught: Option<String>,
    rows: Vec<Row<'a>>,
}

/// A case in the overview.
#[derive(Debug, Serialize)]
struct Row<'a> {
    anchor: String,
    mood: &'static str,
    title: &'a str,
    id: &'a str,
    verdict: Word,
    expected: Word,
    engine: Option<&'a str>,
    /// What the run differs in.
    platform: Option<String>,
    took: String,
    tried: usize,
    caught: usize,
}

#[derive(Debug, Serialize)]
struct Case<'a> {
    row: Row<'a>,
    ran_on: String,
    section: &'a str,
    claim: &'a str,
    quote: &'a str,
    reason: &'a str,
    note: Option<&'a str>,
    real: &'a [String],
    emulated: &'a [String],
    /// What of its configuration its Kratos does not know.
    fitted: Vec<&'a str>,
    /// How often it surprised, where it ran several times, and each time that it did.
    repeats: Option<(String, Vec<String>)>,
    source: &'a str,
    finding: Option<Four>,
    trials: Vec<Trial<'a>>,
}

/// The four things, and the exchanges that led there.
#[derive(Debug, Serialize)]
struct Four {
    doing: String,
    expected: Vec<String>,
    seen: Vec<String>,
    look: Vec<Place>,
    cause: String,
    trial: Option<(String, String)>,
    exchanges: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Trial<'a> {
    anchor: String,
    name: &'a str,
    kind: &'static str,
    folded: bool,
    mood: &'static str,
    why: Option<&'a str>,
    change: &'a str,
    wanted: String,
    showed: String,
    cause: Option<&'a str>,
    took: String,
    phases: &'a [Phase],
    steps: Vec<Step<'a>>,
    moment: Option<Moment>,
    checks: Vec<Checks<'a>>,
    exchanges: Vec<Crossing<'a>>,
    mails: &'a [MailSeen],
    cookies: &'a [CookieSeen],
    log: &'a [LogLine],
    folder: &'a str,
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    taken: &'a StepTaken,
    /// Where its browser stood afterwards, where that is not where it stood before.
    page: Option<&'a str>,
    picture: Picture,
}

/// The picture that is shown in the open.
#[derive(Debug, Serialize)]
struct Moment {
    step: usize,
    text: String,
    data: String,
}

#[derive(Debug, Serialize)]
struct Checks<'a> {
    role: &'static str,
    lines: Vec<Check<'a>>,
}

#[derive(Debug, Serialize)]
struct Check<'a> {
    seen: &'a CheckSeen,
    weight: &'static str,
}

impl<'a> Page<'a> {
    /// Makes a run ready; pictures are read from `folder`.
    pub(super) fn of(run: &'a RunOutcome, folder: &Path, history: Option<&History>) -> Self {
        let caught = words::wrong_fixes(&run.cases);
        let differing = Differing::within(run);
        let cases = || run.cases.iter().enumerate();
        let (as_expected, surprises): (Vec<_>, Vec<_>) = cases().partition(|(_, case)| case.as_expected());
        let show = |some: Vec<(usize, &'a CaseOutcome)>| -> Vec<Case<'a>> {
            some.into_iter().map(|(number, case)| Case::of(number, case, differing, folder)).collect()
        };
        Self {
            run: &run.run,
            headline: words::headline(run),
            mood: if run.as_expected() && !run.interrupted && !run.cases.is_empty() { "good" } else { "bad" },
            started: words::date(&run.started),
            took: words::took(run.took_ms),
            interrupted: run.interrupted,
            over_time: history.map(|history| OverTime::of(run, history)),
            all_caught: caught.0 == caught.1,
            caught: words::caught(caught),
            verdicts: verdicts(run),
            legend: words::verdicts(run).into_iter().map(Word::from).collect(),
            guards: words::guards(run),
            guard_rows: cases()
                .filter(|(_, case)| case.verdict.is_about_guard())
                .map(|one| Guard::of(one, differing))
                .collect(),
            parts: &run.parts,
            not_run: &run.not_run,
            not_applicable: &run.not_applicable,
            sections: words::group(cases(), |(_, case)| &case.claim.section)
                .into_iter()
                .map(|section| Section::of(section, differing))
                .collect(),
            surprises: show(surprises),
            expected: show(as_expected),
        }
    }
}

fn verdicts(run: &RunOutcome) -> Vec<(usize, Word)> {
    words::verdicts(run)
        .into_iter()
        .map(|verdict| (run.cases.iter().filter(|case| case.verdict == verdict).count(), verdict.into()))
        .filter(|(count, _)| *count > 0)
        .collect()
}

impl<'a> Guard<'a> {
    fn of((number, case): (usize, &'a CaseOutcome), differing: Differing) -> Self {
        let row = Row::of(number, case, differing);
        Self { anchor: row.anchor, mood: row.mood, name: differing.name(case), reason: &case.reason }
    }
}

impl<'a> Section<'a> {
    fn of((name, cases): (&'a str, Vec<(usize, &'a CaseOutcome)>), differing: Differing) -> Self {
        let claims = words::group(cases, |(_, case)| &case.claim.id);
        Self { name, claims: claims.into_iter().map(|claim| Claim::of(claim, differing)).collect() }
    }
}

impl<'a> Claim<'a> {
    fn of((id, cases): (&'a str, Vec<(usize, &'a CaseOutcome)>), differing: Differing) -> Self {
        Self {
            id,
            quote: cases.first().map_or("", |(_, case)| &case.claim.quote),
            truth: cases.first().map_or("", |(_, case)| &case.claim.truth),
            shown: cases.iter().all(|(_, case)| case.as_expected()),
            caught: words::caught(words::wrong_fixes(cases.iter().map(|(_, case)| *case))),
            rows: cases.into_iter().map(|(number, case)| Row::of(number, case, differing)).collect(),
        }
    }
}

impl<'a> Row<'a> {
    fn of(number: usize, case: &'a CaseOutcome, differing: Differing) -> Self {
        let (tried, caught) = case.wrong_fixes();
        Self {
            anchor: format!("case-{}", number + 1),
            mood: match (case.as_expected(), case.verdict) {
                (true, Verdict::NotGuarded) => "error",
                (true, _) => "good",
                (false, Verdict::Error) => "error",
                (false, _) => "bad",
            },
            title: &case.title,
            id: &case.id,
            verdict: case.verdict.into(),
            expected: case.expected.into(),
            engine: case.engine.as_deref(),
            platform: differing.label(&case.platform),
            took: words::took(case.took_ms),
            tried,
            caught,
        }
    }
}

impl<'a> Case<'a> {
    fn of(number: usize, case: &'a CaseOutcome, differing: Differing, folder: &Path) -> Self {
        let row = Row::of(number, case, differing);
        let anchor = |trial: usize| format!("case-{}-trial-{}", number + 1, trial + 1);
        let trials = case.trials.iter().enumerate();
        let trials = trials.map(|(place, trial)| Trial::of(anchor(place), trial, folder)).collect();
        let finding = (!case.as_expected()).then(|| {
            let found = Finding::of(case);
            let exchanges = found.trial.iter().flat_map(|(_, trial)| relevant_exchanges(trial));
            let trial = found.trial.map(|(place, _)| anchor(place));
            Four {
                exchanges: exchanges.map(exchange_line).collect(),
                trial: found.trial.map(|(place, trial)| (anchor(place), trial.name.clone())),
                cause: found.cause.to_owned(),
                doing: found.doing,
                expected: found.expected,
                seen: found.seen,
                look: found.look.iter().map(|look| Place::of(look, &row.anchor, trial.as_deref())).collect(),
            }
        });
        Self {
            row,
            ran_on: words::platform(&case.platform),
            section: &case.claim.section,
            claim: &case.claim.id,
            quote: &case.claim.quote,
            reason: &case.reason,
            note: case.note.as_deref(),
            real: &case.real,
            emulated: &case.emulated,
            fitted: fitted(case),
            repeats: case
                .repeats
                .as_ref()
                .map(|repeats| (words::repeats(repeats), repeats.surprises.iter().map(words::surprise).collect())),
            source: &case.source,
            finding,
            trials,
        }
    }
}

impl<'a> Trial<'a> {
    fn of(anchor: String, trial: &'a TrialOutcome, folder: &Path) -> Self {
        let pictures = read_pictures(&trial.steps, folder);
        let mut stood: HashMap<Option<&str>, &str> = HashMap::new();
        let mut steps: Vec<_> = Vec::with_capacity(pictures.len());
        for (taken, picture) in trial.steps.iter().zip(pictures) {
            let before = taken.page.as_deref().and_then(|page| stood.insert(taken.browser.as_deref(), page));
            steps.push(Step { taken, page: taken.page.as_deref().filter(|page| before != Some(*page)), picture });
        }
        let last = steps.iter_mut().rev().find(|step| matches!(step.picture, Picture::Here { .. }));
        let moment = last.and_then(|step| {
            let number = step.taken.number;
            match std::mem::replace(&mut step.picture, Picture::Same { step: number }) {
                Picture::Here { data } => Some(Moment { step: number, text: step.taken.text.clone(), data }),
                _ => None,
            }
        });
        let open = matches!(trial.kind, TrialKind::Broken | TrialKind::Fixed) || !trial.as_expected();
        Self {
            anchor,
            name: &trial.name,
            kind: words::kind(trial),
            folded: !open,
            mood: match trial.shown {
                _ if trial.as_expected() => "good",
                Shown::Error => "error",
                _ => "bad",
            },
            why: trial.why.as_deref(),
            change: &trial.change,
            wanted: words::wanted(&trial.wanted),
            showed: words::showed(trial.shown),
            cause: trial.cause.as_deref(),
            took: words::took(trial.took_ms()),
            phases: &trial.phases,
            steps,
            moment,
            checks: checks(trial),
            exchanges: trial.exchanges.iter().map(Crossing::of).collect(),
            mails: &trial.mails,
            cookies: &trial.cookies,
            log: &trial.log,
            folder: &trial.folder,
        }
    }
}

fn checks(trial: &TrialOutcome) -> Vec<Checks<'_>> {
    let of = |role: CheckRole| {
        let lines = trial.checks.iter().filter(move |check| check.role == role);
        let lines = lines.map(|seen| Check {
            seen,
            weight: match weigh(trial, seen) {
                Weight::Good => "good",
                Weight::Bad => "bad",
                Weight::Plain => "plain",
            },
        });
        Checks { role: words::role(role), lines: lines.collect() }
    };
    let groups = [CheckRole::Symptom, CheckRole::Expect, CheckRole::Instead].map(of);
    groups.into_iter().filter(|group| !group.lines.is_empty()).collect()
}
