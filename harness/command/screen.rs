//! Progress while a run goes on.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use super::place;
use crate::report::{Differing, terminal};
use crate::trial::Progress;

/// A line for each case, and on a terminal one that is rewritten below them.
pub(super) struct Screen {
    cases: usize,
    trials: usize,
    cases_done: usize,
    trials_done: usize,
    surprises: usize,
    repeat: u32,
    rewritten: bool,
    differing: Differing,
    begun: Instant,
}

impl Screen {
    pub(super) fn new(cases: usize, trials: usize, repeat: u32, differing: Differing) -> Self {
        let rewritten = std::io::stderr().is_terminal();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let each = if repeat == 1 { String::new() } else { format!(", {repeat} times each") };
        let said = format!("running {cases} case{} in {trials} trial{}{each}", plural(cases), plural(trials));
        place::say(&said);
        let begun = Instant::now();
        Self { cases, trials, cases_done: 0, trials_done: 0, surprises: 0, repeat, rewritten, differing, begun }
    }

    pub(super) fn show(&mut self, step: &Progress) {
        match step {
            Progress::Begun { case, trial } => self.status(&format!("{case} {trial}")),
            Progress::Ended { as_expected, .. } => {
                self.trials_done += 1;
                self.surprises += usize::from(!as_expected);
            }
            Progress::Case { outcome, repetition, .. } => {
                self.cases_done += 1;
                self.clear();
                let line = terminal::case_line(outcome, self.differing, place::colour());
                let of = if self.repeat == 1 { String::new() } else { format!("  {repetition} of {}", self.repeat) };
                place::say(&format!("{line}{of}"));
            }
        }
    }

    fn status(&self, now: &str) {
        if !self.rewritten {
            return;
        }
        let surprises = if self.surprises == 0 { String::new() } else { format!(", {} surprises", self.surprises) };
        let (done, all) = (self.trials_done, self.trials);
        let seconds = self.begun.elapsed().as_secs();
        let (cases_done, cases) = (self.cases_done, self.cases);
        let mut screen = std::io::stderr();
        let _ =
            write!(screen, "\r\x1b[K{seconds:>4} s  case {cases_done}/{cases}, trial {done}/{all}{surprises}  {now}");
        let _ = screen.flush();
    }

    pub(super) fn clear(&self) {
        if self.rewritten {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
