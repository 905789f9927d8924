//! The one way to wait for something outside: a named condition with a deadline that tells what was seen last.

use std::time::Duration;

use anyhow::{Result, bail};

use super::Deadline;

/// Asks `probe` every `every` until it gives a value. A probe that cannot give one yet says in words what it saw.
///
/// # Errors
/// When `limit` passes first, more slowly while the machine is crowded ([`Deadline`]); the error names the condition, the time, the tries and the last thing seen.
pub async fn wait_until<T, F, P>(what: &str, limit: Duration, every: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> P,
    P: Future<Output = Result<T, String>>,
{
    let mut deadline = Deadline::after(limit);
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut tries = 0_u32;
    let mut last = "nothing yet".to_owned();
    loop {
        tick.tick().await;
        let left = deadline.left();
        if left.is_zero() {
            bail!("waited {deadline} for {what} ({tries} tries, last: {last})");
        }
        tries += 1;
        match tokio::time::timeout(left, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(seen)) => last = seen,
            Err(_) => last = format!("no answer; before that: {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_that_holds_gives_its_value() -> Result<()> {
        let mut tries = 0;

        let value = wait_until("a third try", Duration::from_secs(5), Duration::from_millis(1), || {
            tries += 1;
            std::future::ready(if tries == 3 { Ok(tries) } else { Err(format!("try {tries}")) })
        })
        .await?;

        assert_eq!(value, 3);
        Ok(())
    }

    #[tokio::test]
    async fn a_deadline_tells_what_was_seen_last() {
        let waited = wait_until("the moon", Duration::from_millis(20), Duration::from_millis(1), || {
            std::future::ready(Err::<(), _>("clouds".to_owned()))
        })
        .await;

        let error = waited.expect_err("the condition never holds").to_string();
        assert!(error.contains("waited 20 ms for the moon") && error.contains("last: clouds"), "{error}");
    }
}
