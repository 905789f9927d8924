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
    /// Of this many cases with all their trials, each so often.
    pub(super) fn new(cases: usize, trials: usize, repeat: u32, differing: Differing) -> Self {
        place::say(&announcement(cases, trials, repeat));
        let (rewritten, begun, times) = (std::io::stderr().is_terminal(), Instant::now(), repeat as usize);
        let (cases, trials) = (times * cases, times * trials);
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
                let line = terminal::case_line(outcome, self.differing, place::colour(&std::io::stderr()));
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
        let said = format!(
            "{seconds:>4} s  case {cases_done}/{cases}, trial {done}/{all}{surprises}  {}",
            terminal::visible(now)
        );
        let _ = write!(screen, "{}", rewriting(&said));
        let _ = screen.flush();
    }

    pub(super) fn clear(&self) {
        if self.rewritten {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// What is to come.
fn announcement(cases: usize, trials: usize, repeat: u32) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let each = if repeat == 1 { String::new() } else { format!(", {repeat} times each") };
    format!("running {cases} case{} in {trials} trial{}{each}", plural(cases), plural(trials))
}

/// A line in place of the one before. The terminal does not wrap it (DECAWM), whatever its width: what was wrapped could
/// not be rewritten.
fn rewriting(line: &str) -> String {
    format!("\r\x1b[K\x1b[?7l{line}\x1b[?7h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_is_told_of_one_repetition() {
        assert_eq!(announcement(5, 12, 30), "running 5 cases in 12 trials, 30 times each");
        assert_eq!(announcement(1, 1, 1), "running 1 case in 1 trial");
    }

    #[test]
    fn a_line_that_is_rewritten_is_not_wrapped_and_the_next_is() {
        let line = rewriting("case 1/2");

        assert!(line.contains("\x1b[?7lcase 1/2") && line.ends_with("\x1b[?7h"), "{line:?}");
    }
}
