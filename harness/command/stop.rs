//! The wish to stop: Ctrl-C, SIGTERM, or a terminal that closes.

use std::convert::Infallible;

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

/// Panics when it is asked to by SIGUSR1, in debug builds alone: how a run ends by a fault of its own, at any moment, can be
/// tried in no other way. (`abort` ends a program by SIGABRT, which anybody can send.)
pub(super) async fn panic_on_request() -> Infallible {
    #[cfg(debug_assertions)]
    if let Ok(mut request) = signal(SignalKind::user_defined1()) {
        request.recv().await;
        panic!("asked to panic by SIGUSR1");
    }
    std::future::pending().await
}
