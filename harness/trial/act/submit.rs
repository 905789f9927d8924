//! Submits the form that a browser shows, or those of several browsers at once.

use anyhow::{Result, bail};
use futures_util::future::{join_all, try_join_all};

use super::{ARRIVE_LIMIT, Actor, QUIET_AFTER_SUBMIT, settle};
use crate::browser::{Browser, Button, Input, Page};
use crate::case::{How, Submit, Until};
use crate::world::World;

impl Actor {
    pub(super) async fn submit(&mut self, submit: &Submit, number: usize, world: &World) -> Result<()> {
        let browsers: Vec<&Browser> = match submit.browsers.0.as_slice() {
            [] => vec![self.browser(world)?],
            names => names.iter().map(|name| world.browser(name)).collect::<Result<_>>()?,
        };
        let pause = Input::Pause(submit.pause.0);
        let inputs = match submit.how {
            How::Once => vec![Input::Click],
            How::DoubleClick => vec![Input::Click, pause, Input::Click],
            How::EnterTwice => vec![Input::Enter, pause, Input::Enter],
            How::ClickThenEnter => vec![Input::Click, pause, Input::Enter],
        };
        let (name, value) = submit.names();
        for browser in &browsers {
            let mut form = Page::of(browser).form().await?;
            form.values.insert(name.to_owned(), value.to_owned());
            self.submitted.insert(browser.name().to_owned(), form);
        }
        // All buttons are there before the first is pressed, so that nothing but the presses lies between the requests.
        let inputs = inputs.as_slice();
        let found = browsers.iter().map(|browser| async move { Page::of(browser).button(name, value, inputs).await });
        let buttons = try_join_all(found).await?;
        // By a form the first press may end only with its answer, as Chromium's does: to hold that would stop both.
        let held = (inputs.len() > 1 && world.submits_by_script()).then(|| world.edge().record().hold());
        for pressed in join_all(buttons.into_iter().map(Button::press)).await {
            pressed?;
        }
        drop(held);
        let record = world.edge().record();
        for browser in &browsers {
            let arrived = match submit.until {
                Until::Sent => record.arrival_beyond_preflight(browser.name(), number, ARRIVE_LIMIT).await,
                // What comes of a preflight is waited for below.
                Until::Answered => record.arrival(browser.name(), number, ARRIVE_LIMIT).await,
            };
            if let Err(error) = arrived {
                bail!("submitting sent nothing: {error:#}; {}", Page::of(browser).describe().await);
            }
        }
        if submit.until == Until::Sent {
            return Ok(());
        }
        for browser in &browsers {
            settle(world, browser, QUIET_AFTER_SUBMIT).await?;
        }
        Ok(())
    }
}
