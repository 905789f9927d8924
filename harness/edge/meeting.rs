//! A meeting of requests at the edge: none goes on before so many have come, and then all do at one moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::wait::within;

/// How long one may wait for the others: two clicks are a moment apart, two browsers on a busy machine some seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// A meeting of so many. Those who come later find it over, and go on.
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

    /// Comes to it, and waits for the others.
    ///
    /// # Errors
    /// When they do not come, in words.
    pub(super) async fn wait(&self) -> Result<(), String> {
        let mut come = self.come.subscribe();
        self.come.send_modify(|come| *come += 1);
        let all = come.wait_for(|come| *come >= self.size);
        match within(PATIENCE, all).await {
            // The sender lives as long as this, so that the channel cannot have closed.
            Ok(_) => Ok(()),
            Err(deadline) => Err(format!(
                "{} of {} requests that were to go on at once came within {deadline}",
                *self.come.borrow(),
                self.size
            )),
        }
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

    #[test]
    fn nobody_goes_on_before_all_have_come() {
        let meeting = Meeting::of(2);
        let mut first = std::pin::pin!(meeting.wait());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            assert_eq!((&mut first).now_or_never(), None, "the first waits");

            assert_eq!(meeting.wait().await, Ok(()));

            assert_eq!(first.await, Ok(()));
            assert_eq!(meeting.wait().now_or_never(), Some(Ok(())), "a third finds it over");
        });
    }
}
