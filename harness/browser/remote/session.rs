//! A session at an endpoint: whether it is still there, and its end, whoever waits for it.

use std::io::Write as _;

use anyhow::{Context, Result, bail};
use fantoccini::Client;
use tokio::sync::watch;
use url::Url;

use super::{COMMAND_LIMIT, WebDriverUrl};

/// A session at an endpoint. Dropping it ends it there.
#[derive(Debug)]
#[must_use = "the session is ended when this is dropped"]
pub(in crate::browser) struct RemoteSession {
    url: WebDriverUrl,
    id: String,
    ended: bool,
    pending: watch::Sender<usize>,
}

impl RemoteSession {
    /// The session of this id; `pending` counts it while it ends without anybody who waits.
    pub(super) fn new(url: &WebDriverUrl, id: String, pending: watch::Sender<usize>) -> Self {
        Self { url: url.clone(), id, ended: false, pending }
    }

    /// Asks whether the session is still there, and says why not.
    pub(in crate::browser) async fn gone(&self, client: &Client) -> Option<String> {
        let why = match tokio::time::timeout(COMMAND_LIMIT, client.window()).await {
            Ok(Ok(_)) => return None,
            // A grid adds on which machine it runs.
            Ok(Err(error)) => error.to_string().lines().next().unwrap_or_default().to_owned(),
            Err(_) => format!("no answer within {} s", COMMAND_LIMIT.as_secs()),
        };
        Some(format!("its session at `{}` is gone, or the node that it was on: {why}", self.url))
    }

    /// Ends the session and waits until the endpoint says so.
    pub(in crate::browser) async fn end(mut self, client: Client) -> Result<()> {
        self.ended = true;
        drop(client);
        end(self.address(), &self.url).await
    }

    fn address(&self) -> Result<Url> {
        self.url.0.join(&format!("session/{}", self.id)).context("the session's id is no part of a URL")
    }
}

impl Drop for RemoteSession {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let url = self.address();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            let _ = writeln!(std::io::stderr(), "the session {} at `{}` may be left", self.id, self.url);
            return;
        };
        let (endpoint, pending) = (self.url.clone(), self.pending.clone());
        // Who drops it cannot wait; the end of the run does, by `Remote::settle`.
        pending.send_modify(|count| *count += 1);
        runtime.spawn(async move {
            if let Err(error) = end(url, &endpoint).await {
                let _ = writeln!(std::io::stderr(), "a session may be left: {error:#}");
            }
            pending.send_modify(|count| *count -= 1);
        });
    }
}

/// Ends a session by its address. One that is not there any more has ended.
async fn end(address: Result<Url>, endpoint: &WebDriverUrl) -> Result<()> {
    let address = address?;
    let ended = async { anyhow::Ok(crate::client::plain()?.delete(address).send().await?.status()) };
    match tokio::time::timeout(COMMAND_LIMIT, ended).await {
        Ok(Ok(status)) if status.is_success() || status == reqwest::StatusCode::NOT_FOUND => Ok(()),
        Ok(Ok(status)) => bail!("`{endpoint}` answered {status} to the end of a session"),
        Ok(Err(error)) => Err(error).with_context(|| format!("`{endpoint}` did not end a session")),
        Err(_) => bail!("`{endpoint}` did not end a session within {} s", COMMAND_LIMIT.as_secs()),
    }
}
