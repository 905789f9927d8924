//! Progress of work that takes seconds or minutes: one line that is rewritten on a terminal, and a
//! line every 15 seconds elsewhere, so that a log of a nightly run stays short but never silent.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write},
    time::{Duration, Instant},
};

/// How progress reaches its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A person watches: one line, rewritten.
    Rewritten,
    /// A file or a pipe: every line stays.
    Lines,
}

/// Where progress is shown.
pub struct Progress {
    out: Box<dyn Write + Send>,
    style: Style,
    what: String,
    started: Instant,
    half_written: bool,
}

impl Progress {
    /// Shows progress on standard error.
    #[must_use]
    pub fn on_stderr() -> Self {
        let style = if io::stderr().is_terminal() { Style::Rewritten } else { Style::Lines };
        Self::new(Box::new(io::stderr()), style)
    }

    /// Shows nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Box::new(io::sink()), Style::Lines)
    }

    fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self { out, style, what: String::new(), started: Instant::now(), half_written: false }
    }

    /// Starts the clock of a piece of work, such as `building Kratos v1.3.1`, and shows it.
    pub fn begin(&mut self, what: impl Into<String>) {
        self.what = what.into();
        self.started = Instant::now();
        self.write(&self.what.clone());
    }

    /// How long to wait between two calls of [`Progress::show`].
    #[must_use]
    pub fn period(&self) -> Duration {
        match self.style {
            Style::Rewritten => Duration::from_secs(1),
            Style::Lines => Duration::from_secs(15),
        }
    }

    /// Shows how far the work begun last has come, such as `412 packages so far`.
    pub fn show(&mut self, state: impl fmt::Display) {
        let line = format!("{}: {state}, {}", self.what, Elapsed(self.started.elapsed()));
        self.write(&line);
    }

    /// Shows a line that stays, about work that has no clock.
    pub fn say(&mut self, line: impl fmt::Display) {
        self.write(&line.to_string());
        self.settle();
    }

    /// Ends the work begun last with a line that stays and the time it took.
    pub fn finish(&mut self, line: impl fmt::Display) {
        let line = format!("{line} ({})", Elapsed(self.started.elapsed()));
        self.say(line);
    }

    // A reader that is gone must not end the work, so what happens to the lines is not looked at.
    fn write(&mut self, line: &str) {
        match self.style {
            Style::Rewritten => {
                write!(self.out, "\r\x1b[2K{line}").ok();
                self.half_written = true;
            }
            Style::Lines => {
                writeln!(self.out, "{line}").ok();
            }
        }
        self.out.flush().ok();
    }

    fn settle(&mut self) {
        if self.half_written {
            writeln!(self.out).ok();
            self.half_written = false;
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("what", &self.what).field("style", &self.style).finish_non_exhaustive()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.settle();
    }
}

/// A length of time as a person says it.
struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            10..60 => write!(f, "{seconds} s"),
            _ => write!(f, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::Elapsed;

    #[rstest]
    #[case::short(3_300, "3.3 s")]
    #[case::seconds(59_900, "59 s")]
    #[case::minutes(80_000, "1 min 20 s")]
    fn elapsed_time_reads_as_a_person_says_it(#[case] milliseconds: u64, #[case] text: &str) {
        let elapsed = Elapsed(Duration::from_millis(milliseconds));
        assert_eq!(elapsed.to_string(), text);
    }
}
