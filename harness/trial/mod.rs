//! From a case to a verdict: the trials that follow from a case, how one is run, and how all are judged.

mod outcome;

pub use outcome::{
    CaseOutcome, CheckRole, CheckSeen, ClaimQuoted, NotRun, Part, Phase, RunOutcome, Shown, TrialKind, TrialOutcome,
    Verdict,
};
