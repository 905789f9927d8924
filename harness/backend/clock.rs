//! Whether the machine's clock was set. Cookies, sessions and codes end by it, so what was seen across a jump proves nothing.

use std::time::{Duration, Instant, SystemTime};

/// A clock that is kept right by NTP runs a little slower or faster: at most 500 ppm (adjtimex(2)), which is less in any
/// trial. A machine that slept jumps, too.
const SLACK: Duration = Duration::from_secs(2);

/// Watches the clock from its making on.
#[derive(Debug, Clone, Copy)]
pub struct ClockWatch {
    steady: Instant,
    clock: SystemTime,
}

impl ClockWatch {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        Self { steady: Instant::now(), clock: SystemTime::now() }
    }

    /// By how many seconds the clock has jumped, forward or (negative) back; nothing where it did not.
    #[must_use]
    pub fn jump(&self) -> Option<i64> {
        jump(self.steady.elapsed(), self.clock, SystemTime::now())
    }
}

fn jump(passed: Duration, before: SystemTime, now: SystemTime) -> Option<i64> {
    let ought = before + passed;
    let (size, sign) = match now.duration_since(ought) {
        Ok(ahead) => (ahead, 1),
        Err(behind) => (behind.duration(), -1),
    };
    let seconds = i64::try_from((size + Duration::from_millis(500)).as_secs()).unwrap_or(i64::MAX);
    (size > SLACK).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_time_passes(10_000, None)]
    #[case::a_little_fast(11_500, None)]
    #[case::a_day_ahead(86_410_000, Some(86_400))]
    #[case::back_to_before_the_start(-3_590_000, Some(-3_600))]
    fn a_jump_is_what_time_does_not_explain(#[case] moved_ms: i64, #[case] seen: Option<i64>) {
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let by = Duration::from_millis(moved_ms.unsigned_abs());
        let now = if moved_ms < 0 { before - by } else { before + by };

        assert_eq!(jump(Duration::from_secs(10), before, now), seen);
    }
}
