//! From a case to a verdict: the trials that follow from a case, how one is run, and how all are judged.

mod act;
mod cause;
mod ending;
mod fit;
mod judge;
mod lineup;
mod look;
mod outcome;
mod plan;
mod queue;
mod repeats;
mod run;
mod secrets;
mod shard;

pub use fit::{Fitted, Question, fit};
pub use lineup::{Lineup, Thoroughness, Turn};
pub use outcome::{
    CaseOutcome, CheckRole, CheckSeen, ClaimQuoted, LOGIN_PAGE, NotApplicable, NotRun, Part, Phase, Platform,
    RunOutcome, Scope, Shown, TrialKind, TrialOutcome, Verdict,
};
pub use plan::{Plan, WrongFixes, plans};
pub use queue::{Progress, QueueSettings, default_jobs, run_cases};
pub use repeats::{Repeats, Surprise};
pub use shard::Shard;
