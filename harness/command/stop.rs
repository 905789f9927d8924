//! The wish to stop: Ctrl-C, SIGTERM, or a terminal that closes.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Becomes true when a signal asks the program to end.
///
/// # Errors
/// When the signals cannot be heard.
pub(super) fn on_signals() -> Result<watch::Receiver<bool>> {
    let hear = |kind| signal(kind).context("failed to listen for signals");
    let (mut interrupt, mut terminate, mut hangup) =
        (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?, hear(SignalKind::hangup())?);
    let (wish, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        let _ = wish.send(true);
        // The sender lives on, so that the wish stays readable.
        wish.closed().await;
    });
    Ok(stop)
}
