//! Opens a flow in a frame of a page.

use anyhow::{Context, Result};
use serde_json::json;

use super::{ARRIVE_LIMIT, QUIET, settle};
use crate::case::OpenFramed;
use crate::world::World;

/// Puts a frame into the interface's first page and turns to it: the steps after this one act in it.
pub(super) async fn open_framed(open: &OpenFramed, number: usize, world: &World) -> Result<()> {
    let browser = world.browser(&open.browser)?;
    browser.go(&world.ui().quiet_page()).await?;
    settle(world, browser, QUIET).await?;
    let flow = world.kratos(None)?.url_of(&format!("self-service/{}/browser", open.flow.word()));
    let script = r#"
        const frame = document.createElement('iframe');
        // It fills the window: drivers count the place of a click from the frame or from the window, as they like.
        frame.style = 'position: fixed; inset: 0; width: 100vw; height: 100vh; border: 0; background: white';
        frame.src = arguments[0];
        document.body.replaceChildren(frame);
    "#;
    browser.script(script, vec![json!(flow)]).await?;
    world.edge().record().arrival(browser.name(), number, ARRIVE_LIMIT).await.context("the frame asked for nothing")?;
    settle(world, browser, QUIET).await?;
    browser.enter_frame().await?;
    settle(world, browser, QUIET).await
}
