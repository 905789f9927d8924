//! The WebDriver endpoint that gives the browsers of a run, where one is named.

use anyhow::Result;
use tokio::sync::watch;

use super::arguments::RunArguments;
use super::{WrongCall, place};
use crate::browser::{Remote, WebDriverUrl};
use crate::case::Case;

/// The endpoint that the call or `SELENIUM_REMOTE_URL` names, which has answered that it is one.
///
/// # Errors
/// When it is none, or when the edge cannot listen on the address for its browsers.
pub(super) async fn reach(arguments: &RunArguments) -> Result<Option<Remote>> {
    let usual = std::env::var("SELENIUM_REMOTE_URL").ok().filter(|text| !text.is_empty());
    let usual =
        usual.map(|text| text.parse::<WebDriverUrl>().map_err(|why| WrongCall(format!("SELENIUM_REMOTE_URL: {why}"))));
    let Some(url) = arguments.webdriver.clone().map_or(usual, |url| Some(Ok(url))).transpose()? else {
        if let Some(address) = arguments.edge_address {
            let text = format!("`--edge-address {address}` is for browsers elsewhere (hint: `--webdriver` names them)");
            return Err(WrongCall(text).into());
        }
        return Ok(None);
    };
    place::say(&format!("the browsers are those of {url}"));
    let mut remote = Remote::new(url, arguments.edge_address);
    remote.reach().await?;
    Ok(Some(remote))
}

/// The endpoint with the engines that it gives; nothing where no case needs a browser.
///
/// # Errors
/// When an engine that is named, or every one, is not to be had.
pub(super) async fn find(
    remote: Option<Remote>,
    cases: &[Case],
    arguments: &RunArguments,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Remote>> {
    let needs_browser = cases.iter().any(|case| !case.file.world.browser_names().is_empty());
    let Some(mut remote) = remote.filter(|_| needs_browser) else { return Ok(None) };
    let found = tokio::select! {
        found = remote.find(&arguments.engines) => found,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    if found.is_err() || *stop.borrow() {
        settle(&remote).await;
    }
    found.map(|()| Some(remote))
}

/// Waits until no session stays at the endpoint that nobody wants any more.
pub(super) async fn settle(remote: &Remote) {
    match remote.settle().await {
        0 => {}
        count => place::say(&format!(
            "{count} sessions are still queued at the endpoint: it ends each by its own time-out once it has begun"
        )),
    }
}
