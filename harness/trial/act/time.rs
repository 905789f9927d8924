//! Lets time pass in a browser, empties its jar, and has its page ask for something by a script.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{ARRIVE_LIMIT, QUIET, QUIET_AFTER_SUBMIT, settle};
use crate::case::{Fetch, PassTime};
use crate::world::World;

/// Moves the ends of all cookies of the browser's jar, host by host.
pub(super) async fn pass_time(pass: &PassTime, world: &World) -> Result<()> {
    let browser = world.browser(&pass.browser)?;
    let mut seen = Vec::new();
    for url in world.blank_pages() {
        browser.age_cookies(&url, pass.time.0, &mut seen).await?;
    }
    settle(world, browser, QUIET).await
}

/// Deletes all cookies of the browser's jar, host by host.
pub(super) async fn delete_cookies(browser: &str, world: &World) -> Result<()> {
    let browser = world.browser(browser)?;
    let mut deleted = 0;
    for url in world.blank_pages() {
        deleted += browser.delete_cookies(&url).await?;
    }
    ensure!(deleted > 0, "browser `{}` has no cookie that could be deleted", browser.name());
    Ok(())
}

/// Fetches from the page, cookies with it, as a script of it would.
pub(super) async fn fetch(fetch: &Fetch, number: usize, world: &World) -> Result<()> {
    let browser = world.browser(&fetch.browser)?;
    let url = world.kratos(None)?.url_of(fetch.path.trim_start_matches('/'));
    let script =
        "fetch(arguments[0], { credentials: 'include', headers: { Accept: 'application/json' } }).catch(() => {})";
    browser.script(script, vec![json!(url)]).await?;
    world.edge().record().arrival(browser.name(), number, ARRIVE_LIMIT).await.context("fetching sent nothing")?;
    settle(world, browser, QUIET_AFTER_SUBMIT).await
}
