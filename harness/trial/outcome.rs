//! What a run leaves behind as data: per case its trials, per trial its steps, checks and evidence.
//! `results.json` is this, as JSON; the reports are made from it alone.

use serde::{Deserialize, Serialize};

use super::Repeats;
use crate::evidence::{CookieSeen, Exchange, LogLine, MailSeen, StepTaken};

/// Among [`CaseOutcome::emulated`] what every case with a browser has.
pub const LOGIN_PAGE: &str = "the login page (ours, plain)";

/// What a case shows, or is expected to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The symptom shows; the case names no fix.
    Reproduced,
    /// The symptom does not show, and what the case says happens instead does.
    NotReproduced,
    /// The symptom shows, the fix removes it, without the fix it is back, and no wrong fix passes.
    FixHolds,
    /// The symptom shows and the fix does not remove it, or a wrong fix passes as one.
    FixFails,
    /// Asked of an interface that somebody else wrote: of a double submit one POST arrived, and it went well.
    Guarded,
    /// Asked of an interface that somebody else wrote: of a double submit every POST arrived.
    NotGuarded,
    /// No verdict could be reached.
    Error,
}

impl Verdict {
    /// Whether it says of an interface whether it is guarded: either is an answer and no surprise.
    pub fn is_about_guard(self) -> bool {
        matches!(self, Self::Guarded | Self::NotGuarded)
    }

    /// The word in case files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotReproduced => "not-reproduced",
            Self::FixHolds => "fix-holds",
            Self::FixFails => "fix-fails",
            Self::Guarded => "guarded",
            Self::NotGuarded => "not-guarded",
            Self::Error => "error",
        }
    }
}

/// One run of the harness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOutcome {
    /// The folder's name, such as `2026-11-23T23-59-59-4711`.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took, in ms.
    pub took_ms: u64,
    /// Whether it was ended before every case had run.
    pub interrupted: bool,
    /// What was asked for.
    #[serde(default)]
    pub scope: Scope,
    /// What took part, with versions: the harness, Kratos, the browsers, drivers and clients.
    pub parts: Vec<Part>,
    /// The cases that ran, in the order of the page's claims.
    pub cases: Vec<CaseOutcome>,
    /// What was asked for and did not run, with the reason.
    pub not_run: Vec<NotRun>,
    /// What was asked for and says nothing about a version of Kratos. It counts as neither green nor red.
    #[serde(default)]
    pub not_applicable: Vec<NotApplicable>,
}

impl RunOutcome {
    /// Whether every case gave the verdict that its file expects.
    pub fn as_expected(&self) -> bool {
        self.cases.iter().all(CaseOutcome::as_expected)
    }
}

/// What a run was asked for: by it results are known to belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The fingerprint of the fixtures.
    pub fixtures: String,
    /// What was named; nothing for every case.
    pub names: Vec<String>,
    /// The engines that were named; nothing for every one that is there.
    pub engines: Vec<String>,
    /// What to run on, whether or not every case did.
    #[serde(default)]
    pub platforms: Vec<Platform>,
    /// The interface in place of ours, as reports call it: which cases there are, and which of them a shard has, depends
    /// on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Whether wrong fixes were tried in every lineup.
    pub thorough: bool,
    /// Which part of the run this is, such as `2/4`, where it was split.
    pub shard: Option<String>,
}

/// A program that took part in the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Such as `Kratos`.
    pub name: String,
    /// As the program itself says.
    pub version: String,
    /// A note, such as how it was started.
    pub note: String,
}

/// A case that was selected and did not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotRun {
    /// The case's id.
    pub case: String,
    /// Why, and what would let it run.
    pub reason: String,
}

/// A case that says nothing about a version of Kratos, which lacks what the case is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotApplicable {
    /// The case's id.
    pub case: String,
    /// The Kratos, by its version as it says itself.
    pub kratos: String,
    /// Which feature is lacking, and which versions have it.
    pub reason: String,
}

/// One case in one lineup of engines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseOutcome {
    /// The path under `fixtures/cases` without the ending, such as `code-flows/login-form-double-click`.
    pub id: String,
    /// The case's title.
    pub title: String,
    /// The claim that it is about.
    pub claim: ClaimQuoted,
    /// The browser engine, or several in the order of the browsers' names, such as `firefox to webkitgtk`;
    /// nothing where the case uses no browser.
    pub engine: Option<String>,
    /// What it ran on beneath the browsers.
    pub platform: Platform,
    /// The verdict that the case file expects.
    pub expected: Verdict,
    /// The verdict that was reached.
    pub verdict: Verdict,
    /// One sentence that says how the verdict came about; for a surprise the first cause.
    pub reason: String,
    /// What is known to differ between this case and the words of the claim, from the file's `note`.
    pub note: Option<String>,
    /// What in this case is the real thing.
    pub real: Vec<String>,
    /// What in this case is emulated.
    pub emulated: Vec<String>,
    /// The case file's text.
    pub source: String,
    /// How long it took from the first of its trials to the last, with the start of the first world, in ms.
    pub took_ms: u64,
    /// The trials, in the order `broken`, `fixed`, `broken-again`, the wrong fixes.
    pub trials: Vec<TrialOutcome>,
    /// What all repetitions came to, where it ran several times. All else is then of the first that surprised, or else
    /// of the first that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

impl CaseOutcome {
    /// Whether the verdict is the one that the file expects, and every trial showed what it had to: that a symptom does
    /// not show proves nothing where what has to happen instead does not happen either, nor does a fix that fails by
    /// another error than the symptom.
    pub fn as_expected(&self) -> bool {
        self.verdict == self.expected && self.trials.iter().all(TrialOutcome::as_expected)
    }

    /// How many wrong fixes were tried and how many of them were caught.
    pub fn wrong_fixes(&self) -> (usize, usize) {
        let tried = self.trials.iter().filter(|trial| trial.kind == TrialKind::WrongFix);
        (tried.clone().count(), tried.filter(|trial| trial.as_expected()).count())
    }
}

/// What a case ran on beneath its browsers.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The Kratos, by its version as it says itself, such as `v1.3.1`.
    pub kratos: String,
    /// Where each Kratos kept its data: `sqlite` or `postgres`.
    pub database: String,
    /// How the servers were started: `native` or `docker`.
    pub backend: String,
}

/// A claim of the page, as `fixtures/claims.yaml` has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimQuoted {
    /// Such as `code-flows.second-submit`.
    pub id: String,
    /// The section of the page.
    pub section: String,
    /// The page's own words; nothing for a case that names no claim.
    pub quote: String,
    /// What a real Kratos does, as far as it is known; its cases show it.
    #[serde(default)]
    pub truth: String,
}

/// What a trial is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialKind {
    /// The set-up that has the problem.
    Broken,
    /// The documented fix.
    Fixed,
    /// Another fix that works as well.
    OtherFix,
    /// The problem again, after the fix.
    BrokenAgain,
    /// A plausible fix that does not work.
    WrongFix,
}

/// What a trial showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Every line of the symptom held.
    Symptom,
    /// The symptom is gone and everything that the fix promises held.
    Fixed,
    /// The symptom does not show and what the case says happens instead does.
    Instead,
    /// Neither the symptom as a whole nor the promise as a whole.
    Neither,
    /// No verdict could be reached.
    Error,
}

/// One trial: a world, the steps taken in it, and what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialOutcome {
    /// Such as `broken`, `fixed`, `broken-again`, `wrong-fix-1`.
    pub name: String,
    /// What it is for.
    pub kind: TrialKind,
    /// Why this fix, in the words of the case file.
    pub why: Option<String>,
    /// What it changes against the broken set-up, as YAML; empty where nothing.
    pub change: String,
    /// What of the configuration its Kratos does not know, and what became of it, a line each.
    #[serde(default)]
    pub fitted: Vec<String>,
    /// What it had to show.
    pub wanted: Vec<Shown>,
    /// What it showed.
    pub shown: Shown,
    /// The first cause, where it showed an error or a surprise.
    pub cause: Option<String>,
    /// How long each part took.
    pub phases: Vec<Phase>,
    /// The steps.
    pub steps: Vec<StepTaken>,
    /// The checks.
    pub checks: Vec<CheckSeen>,
    /// The exchanges that crossed the edge, in their order.
    pub exchanges: Vec<Exchange>,
    /// The mails that Kratos sent.
    pub mails: Vec<MailSeen>,
    /// The cookies that each browser held at the end.
    pub cookies: Vec<CookieSeen>,
    /// The lines of Kratos's log that belong to the flows of this trial.
    pub log: Vec<LogLine>,
    /// The folder of the raw evidence, relative to `results.json`.
    pub folder: String,
}

impl TrialOutcome {
    /// Whether it showed what it had to.
    pub fn as_expected(&self) -> bool {
        self.wanted.contains(&self.shown)
    }

    /// How long it took in all, in ms.
    pub fn took_ms(&self) -> u64 {
        self.phases.iter().map(|phase| phase.took_ms).sum()
    }
}

/// A part of a trial's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// `world`, `steps`, `checks`, `evidence` or `close`.
    pub name: String,
    /// In ms.
    pub took_ms: u64,
}

/// Which list of the case file a check stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckRole {
    /// A line of `symptom`.
    Symptom,
    /// A line of the fix's `expect`.
    Expect,
    /// A line of `instead`.
    Instead,
}

/// A check and what it saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSeen {
    /// Which list it stands in.
    pub role: CheckRole,
    /// The line in the case file.
    pub line: u64,
    /// What was expected, in words.
    pub expected: String,
    /// What was seen, in words.
    pub seen: String,
    /// Whether it held.
    pub held: bool,
}
