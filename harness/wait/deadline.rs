//! Deadlines in the time that the machine has for what is waited for. Where many more programs want to run than there are
//! cores, everything takes longer, and none of it has gone wrong: such time counts for less.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};

/// How many tasks a core may have to run until time counts for less.
const TASKS: f64 = 2.0;

/// How far a deadline is put off at most, so that every wait ends: one of 30 s after 5 min.
const MOST: f64 = 10.0;

/// How often is looked at what the machine has to do.
const SLICE: Duration = Duration::from_millis(250);

/// How many times longer than on a machine with little to do something may take now, from 1 to 10: what wants to run, shared
/// between the cores, beyond two for each.
pub fn crowding() -> f64 {
    let cores = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten().and_then(|it| u16::try_from(it).ok());
    crowding_of(&fs::read_to_string("/proc/loadavg").unwrap_or_default(), cores.unwrap_or(1))
}

/// The same of this text of `/proc/loadavg`: its fourth field begins with how many tasks run or want to (proc(5)).
fn crowding_of(load: &str, cores: u16) -> f64 {
    let tasks = load.split_whitespace().nth(3).and_then(|it| it.split_once('/')).and_then(|(it, _)| it.parse().ok());
    let tasks: f64 = tasks.unwrap_or_default();
    (tasks / (TASKS * f64::from(cores.max(1)))).clamp(1.0, MOST)
}

/// How long a wait with this limit may take at the very most.
pub fn furthest(limit: Duration) -> Duration {
    limit.mul_f64(MOST)
}

/// The end of a wait, which moves away while the machine is crowded.
#[derive(Debug)]
pub struct Deadline {
    limit: Duration,
    counted: Duration,
    begun: Instant,
    looked: Instant,
}

impl Deadline {
    /// One that is so far off.
    pub fn after(limit: Duration) -> Self {
        let begun = Instant::now();
        Self { limit, counted: Duration::ZERO, begun, looked: begun }
    }

    /// How far off it still is, if the machine has little to do from now on.
    pub fn left(&mut self) -> Duration {
        self.left_by(crowding)
    }

    fn left_by(&mut self, crowding: impl FnOnce() -> f64) -> Duration {
        let mut passed = self.looked.elapsed();
        if passed >= SLICE {
            self.counted += passed.div_f64(crowding());
            self.looked += passed;
            passed = Duration::ZERO;
        }
        self.limit.saturating_sub(self.counted + passed)
    }
}

/// How long was waited: the limit, and the time that it really was where that is another one.
impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, real) = (self.limit, self.begun.elapsed());
        match limit.subsec_millis() {
            0 => write!(f, "{} s", limit.as_secs())?,
            _ => write!(f, "{} ms", limit.as_millis())?,
        }
        if real > limit + SLICE.max(limit / 10) {
            write!(f, " ({} s by the clock)", real.as_secs())?;
        }
        Ok(())
    }
}

/// Waits for the end of something, until a deadline so far off.
///
/// # Errors
/// The deadline, when it comes first.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Deadline> {
    let mut deadline = Deadline::after(limit);
    tokio::pin!(future);
    loop {
        let left = deadline.left();
        if let Ok(value) = tokio::time::timeout(left.min(SLICE), future.as_mut()).await {
            return Ok(value);
        }
        if left.is_zero() {
            return Err(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::quiet("0.20 0.30 0.40 1/300 4711", 2, 1.0)]
    #[case::two_for_each_core("9.00 9.00 9.00 4/300 4711", 2, 1.0)]
    #[case::sixteen_for_each_core("0.00 0.00 0.00 32/300 4711", 2, 8.0)]
    #[case::the_same_on_a_larger_machine("0.00 0.00 0.00 32/300 4711", 16, 1.0)]
    #[case::a_great_many("0.00 0.00 0.00 3000/9000 4711", 2, 10.0)]
    #[case::no_such_file("", 2, 1.0)]
    #[case::nonsense("a b c d/e f", 2, 1.0)]
    fn a_machine_is_crowded_by_what_wants_to_run(#[case] load: &str, #[case] cores: u16, #[case] crowding: f64) {
        assert!((crowding_of(load, cores) - crowding).abs() < f64::EPSILON, "{}", crowding_of(load, cores));
    }

    #[test]
    fn time_on_a_crowded_machine_counts_for_less() {
        let ago = Instant::now().checked_sub(Duration::from_secs(20)).expect("the machine runs for longer");
        let mut deadline =
            Deadline { limit: Duration::from_secs(10), counted: Duration::ZERO, begun: ago, looked: ago };

        let left = deadline.left_by(|| 4.0);

        assert!(left > Duration::from_millis(4_900) && left <= Duration::from_secs(5), "{left:?}");
        assert_eq!(deadline.to_string(), "10 s (20 s by the clock)");
    }

    #[tokio::test]
    async fn what_never_ends_is_given_up() {
        let begun = Instant::now();

        let ended = within(Duration::from_millis(300), std::future::pending::<()>()).await;

        ended.expect_err("it never ends");
        assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn what_has_ended_is_never_too_late() {
        assert!(within(Duration::ZERO, std::future::ready(())).await.is_ok());
    }
}
