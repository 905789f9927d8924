//! Jitter: answers that take longer than they need, each by a time of its own, which is the same for the same seed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// Times from nothing to a longest one. Clones count together.
#[derive(Debug, Clone)]
pub struct Jitter {
    longest: Duration,
    seed: u64,
    counts: Arc<Mutex<HashMap<String, u64>>>,
}

impl Jitter {
    /// Times up to this one, that follow from a number.
    #[must_use]
    pub fn new(longest: Duration, seed: u64) -> Self {
        Self { longest, seed, counts: Arc::default() }
    }

    /// Times up to this one, that follow from chance.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn by_chance(longest: Duration) -> Result<Self> {
        // Short enough to be typed.
        let mut bytes = [0; 4];
        SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random bytes for a seed")?;
        Ok(Self::new(longest, u32::from_be_bytes(bytes).into()))
    }

    /// Other times, for a trial of this name.
    #[must_use]
    pub fn of(&self, trial: &str) -> Self {
        Self::new(self.longest, number(&[&self.seed.to_string(), trial]))
    }

    /// The time for an exchange, by whose it is and what it asks for. It does not depend on what others ask meanwhile, so
    /// that the same trial has the same times again.
    pub(super) fn next(&self, exchange: &str) -> Duration {
        let count = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(exchange.to_owned()).or_default();
            *count += 1;
            *count
        };
        let longest = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
        let number = number(&[&self.seed.to_string(), exchange, &count.to_string()]);
        Duration::from_millis(number % longest.saturating_add(1))
    }
}

/// How long, and the number that would give the same times again.
impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} ms, seed {}", self.longest.as_millis(), self.seed)
    }
}

/// Two are one where they count together.
impl PartialEq for Jitter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.counts, &other.counts)
    }
}

impl Eq for Jitter {}

/// A number that looks like chance, of texts.
fn number(of: &[&str]) -> u64 {
    let digest = Sha256::digest(of.join("\n"));
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);

    fn times(jitter: &Jitter) -> Vec<Duration> {
        (0..50).map(|_| jitter.next("a GET /")).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_times_whatever_else_is_asked() {
        let jitter = Jitter::new(LONGEST, 7);
        let other = Jitter::new(LONGEST, 7);
        other.next("b GET /");

        assert_eq!(times(&jitter), times(&other));
    }

    #[test]
    fn times_differ_and_keep_to_the_longest() {
        let times = times(&Jitter::new(LONGEST, 7));

        assert!(times.iter().all(|time| *time <= LONGEST), "{times:?}");
        assert!(times.iter().any(|time| *time < LONGEST / 4) && times.iter().any(|time| *time > LONGEST * 3 / 4));
    }

    #[test]
    fn another_seed_and_another_trial_have_other_times() {
        let jitter = Jitter::new(LONGEST, 7);

        let (own, other) = (times(&jitter), times(&Jitter::new(LONGEST, 8)));

        assert_ne!(own, other);
        assert_ne!(times(&jitter.of("broken")), times(&jitter.of("fixed")));
        assert_eq!(times(&jitter.of("broken")), times(&jitter.of("broken")));
    }
}
