//! A meeting of requests at the edge: none goes on before so many have come, and then all do at one moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::wait::within;

/// How long one may wait for the others: two clicks are a moment apart, two browsers on a busy machine some seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// A meeting of so many. Those who come later find it over, and go on; those who gave up no longer count.
#[derive(Debug, Clone)]
pub struct Meeting {
    size: usize,
    come: Arc<watch::Sender<usize>>,
}

impl Meeting {
    /// One of so many.
    pub fn of(size: usize) -> Self {
        Self { size, come: Arc::new(watch::Sender::new(0)) }
    }

    /// How many meet.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes a place in it; nothing where it is over.
    pub(super) fn join(&self) -> Option<Place<'_>> {
        let joins = |come: &mut usize| {
            let joins = *come < self.size;
            *come += usize::from(joins);
            joins
        };
        self.come.send_if_modified(joins).then(|| Place(self))
    }
}

/// The place of one who has come to a meeting. Dropping it before all have come gives it up: the others wait on for
/// somebody else.
#[derive(Debug)]
#[must_use = "who drops it has left the meeting"]
pub(super) struct Place<'a>(&'a Meeting);

impl Place<'_> {
    /// Waits for the others.
    ///
    /// # Errors
    /// When they do not come, in words.
    pub(super) async fn meet(self) -> Result<(), String> {
        self.meet_within(PATIENCE).await
    }

    async fn meet_within(self, patience: Duration) -> Result<(), String> {
        let Meeting { size, come } = self.0;
        let mut others = come.subscribe();
        let all = others.wait_for(|come| come >= size);
        match within(patience, all).await {
            // The sender lives as long as this, so that the channel cannot have closed.
            Ok(_) => Ok(()),
            Err(deadline) => {
                Err(format!("{} of {size} requests that were to go on at once came within {deadline}", *come.borrow()))
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // One that is over stays so.
        self.0.come.send_modify(|come| *come -= usize::from(*come < self.0.size));
    }
}

/// Two meetings are one where who comes to the one meets those of the other.
impl PartialEq for Meeting {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.come, &other.come)
    }
}

impl Eq for Meeting {}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn run(story: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(story);
    }

    fn join(meeting: &Meeting) -> Place<'_> {
        meeting.join().expect("it is not over")
    }

    #[test]
    fn nobody_goes_on_before_all_have_come() {
        run(async {
            let meeting = Meeting::of(2);
            let mut first = std::pin::pin!(join(&meeting).meet());
            assert_eq!((&mut first).now_or_never(), None, "the first waits");

            assert_eq!(join(&meeting).meet().await, Ok(()));

            assert_eq!(first.await, Ok(()));
            assert!(meeting.join().is_none(), "a third finds it over");
        });
    }

    #[test]
    fn who_gave_up_is_not_met() {
        run(async {
            let meeting = Meeting::of(2);
            let gave_up = join(&meeting).meet_within(Duration::ZERO).await;

            let mut second = std::pin::pin!(join(&meeting).meet());

            assert!(gave_up.is_err_and(|why| why.starts_with("1 of 2 requests")), "the first was alone");
            assert_eq!((&mut second).now_or_never(), None, "the second waits for another");
            assert_eq!(join(&meeting).meet().await, Ok(()));
            assert_eq!(second.await, Ok(()));
        });
    }
}
