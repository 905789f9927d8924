//! Follows a build that goes on, line by line, and shows how far it has come.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};

use super::child::Group;
use super::progress::Progress;

/// What the lines of a build add up to.
pub(super) trait Tally {
    /// Takes one line of the build's standard error.
    fn take(&mut self, line: &str);

    /// How far the build has come, in words.
    fn state(&self) -> String;
}

/// Follows a build to its end and tells whether it succeeded. Its standard error must be piped.
pub(super) async fn follow(group: &mut Group, progress: &mut Progress, tally: &mut impl Tally) -> io::Result<bool> {
    let mut lines = group.take_stderr().map(|stderr| BufReader::new(stderr).lines());
    let mut shown = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    while let Some(stream) = lines.as_mut() {
        tokio::select! {
            line = stream.next_line() => match line? {
                Some(line) => tally.take(&line),
                None => lines = None,
            },
            _ = tick.tick() => {
                if shown.elapsed() >= progress.period() {
                    shown = Instant::now();
                    progress.show(tally.state());
                }
            }
        }
    }
    Ok(group.wait().await?.success())
}
