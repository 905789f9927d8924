//! A browser: a driver, one WebDriver session, and the listener of the edge that all its requests go through.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use fantoccini::error::CmdError;
use fantoccini::wd::{TimeoutConfiguration, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Mutex;

use super::address::must_be_of_the_web;
use super::engine::{PAGE_LIMIT, SCRIPT_LIMIT};
use super::remote::RemoteSession;
use super::{BrowserSettings, Display, DisplayAccess, Driver, Engine, Remote, Window, warm};
use crate::edge::Gate;
use crate::evidence::CookieSeen;
use crate::wait::{Deadline, crowding, wait_until, within};

/// The first session on a cold disk took 4.4 s, one of Firefox on a machine with 20 times more work than cores 60 s.
const SESSION_LIMIT: Duration = Duration::from_secs(120);

/// How long a driver that was asked for a browser may have none: it starts it at once.
const BROWSER_LIMIT: Duration = Duration::from_secs(5);

/// A command that only asks.
const COMMAND_LIMIT: Duration = Duration::from_secs(20);

/// The same for one that let the last command go without an answer: all that is asked of it in the end would add up.
const SILENT_LIMIT: Duration = Duration::from_secs(5);

/// The address that Firefox shows when a page could not be had.
const FIREFOX_ERROR: &str = "about:neterror?";

/// The driver knows the session no longer, and will not again.
#[derive(Debug, thiserror::Error)]
#[error("its session is gone")]
struct SessionGone;

/// A running browser. Dropping it kills it.
#[derive(Debug)]
#[must_use = "the browser is killed when this is dropped"]
pub struct Browser {
    name: String,
    host: Host,
    client: Client,
    version: String,
    /// In the order in which they were opened; empty until a second one is.
    tabs: Mutex<Vec<WindowHandle>>,
    /// Whether it has turned to a frame of the page.
    framed: AtomicBool,
    /// Whether the last command was given no answer.
    silent: AtomicBool,
    /// How many times longer than its own limits say it waits.
    patience: AtomicU32,
}

/// Where a browser runs.
#[derive(Debug)]
enum Host {
    /// On this machine. Dropped from top to bottom: the browser before the display that it is on.
    Here(Box<(Driver, Option<Display>)>),
    /// At an endpoint.
    Elsewhere(RemoteSession),
}

impl Browser {
    /// Starts a driver and a fresh browser behind the listener. Everything they write lies below `folder`.
    ///
    /// # Errors
    /// When the browser or its driver is not installed, or no session comes about in time.
    pub async fn start(name: &str, settings: &BrowserSettings, folder: &Path) -> Result<Self> {
        let engine = settings.engine;
        if let Some(lacking) = engine.lacks() {
            return Err(lacking.into());
        }
        let binary = settings.binary().with_context(|| format!("{engine} is gone"))?;
        let display = match settings.window {
            Window::Hidden if engine.needs_display() => Some(Display::start(folder).await?),
            _ => None,
        };
        let access = match (&display, settings.window) {
            (Some(display), _) => Some(display.access().clone()),
            (None, Window::Shown) => DisplayAccess::of_the_person(),
            (None, Window::Hidden) => None,
        };
        let driver = Driver::start(engine, folder, access.as_ref()).await?;
        let profile = if engine == Engine::Firefox { warm::profile(&binary, folder)? } else { None };
        let capabilities = engine.capabilities(&binary, settings, profile.as_deref());
        let mut connector = HttpConnector::new();
        // Without it every command waits 40 ms for a delayed acknowledgement.
        connector.set_nodelay(true);
        let mut builder = ClientBuilder::new(connector);
        builder.capabilities(capabilities);
        // A driver whose display has gone waits for its browser for ever, that of WebKitGTK for one that was killed too.
        let mut comes = Deadline::after(BROWSER_LIMIT);
        let lost = wait_until("what has ended", SESSION_LIMIT, Duration::from_millis(50), || {
            if engine != Engine::WebKitGtk || driver.has_browser() {
                comes = Deadline::after(BROWSER_LIMIT);
            }
            let gone = if !driver.runs() {
                Ok("driver")
            } else if display.as_ref().is_some_and(|display| !display.runs()) {
                Ok("display")
            } else if comes.left().is_zero() {
                Ok("program")
            } else {
                Err("all of it runs".to_owned())
            };
            std::future::ready(gone)
        });
        let client = tokio::select! {
            session = tokio::time::timeout(SESSION_LIMIT, builder.connect(driver.url())) => match session {
                Ok(session) => {
                    session.map_err(|error| anyhow!("{error}")).with_context(|| format!("failed to start {engine}"))?
                }
                Err(_) => bail!("{engine} gave no session within {} s", SESSION_LIMIT.as_secs()),
            },
            Ok(gone) = lost => bail!("the {gone} of browser `{name}` ended before there was a session"),
        };
        Ok(Self::of(name, Host::Here(Box::new((driver, display))), client))
    }

    /// Starts a fresh browser at an endpoint, behind the listener, or behind a gate that it is let in by.
    ///
    /// # Errors
    /// When no session comes about in time, or the browser does not reach the edge.
    pub async fn start_at(
        remote: &Remote,
        name: &str,
        settings: &BrowserSettings,
        gate: Option<&Gate>,
    ) -> Result<Self> {
        let (client, session) = remote.start(settings, gate).await?;
        Ok(Self::of(name, Host::Elsewhere(session), client))
    }

    fn of(name: &str, host: Host, client: Client) -> Self {
        let version = super::remote::version(&client);
        Self {
            name: name.to_owned(),
            host,
            client,
            version,
            tabs: Mutex::default(),
            framed: AtomicBool::default(),
            silent: AtomicBool::default(),
            patience: AtomicU32::new(1),
        }
    }

    /// What has become of a browser elsewhere that is not there any more; nothing while it is. What was seen then
    /// proves nothing.
    pub async fn gone(&self) -> Option<String> {
        match &self.host {
            Host::Here(here) => {
                let (driver, display) = &**here;
                // The display first: a browser that loses it ends, and its driver with it.
                let gone = match display {
                    Some(display) if !display.runs() => "display",
                    _ if !driver.runs() => "driver",
                    _ => return None,
                };
                Some(format!("the {gone} of browser `{}` ended in the middle", self.name))
            }
            Host::Elsewhere(session) => {
                let why = session.gone(&self.client).await?;
                Some(format!("browser `{}` was lost: {why}", self.name))
            }
        }
    }

    /// Whether a signal has stopped what drives it on this machine, in words.
    pub fn stopped(&self) -> Option<String> {
        match &self.host {
            Host::Here(here) if here.0.is_stopped() => {
                Some(format!("browser `{}` or its driver is stopped (SIGSTOP)", self.name))
            }
            _ => None,
        }
    }

    /// The name in the case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The browser's version, as it says itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs one WebDriver command under a deadline.
    pub(super) async fn call<T>(&self, what: &str, command: impl Future<Output = Result<T, CmdError>>) -> Result<T> {
        self.be_patient().await;
        let limit = if self.silent.load(Ordering::Relaxed) { SILENT_LIMIT } else { COMMAND_LIMIT };
        let answered = within(limit, command).await;
        self.silent.store(answered.is_err(), Ordering::Relaxed);
        match answered {
            // `CmdError` gives its cause by the old method, so a chain would stop at it: its text carries the cause.
            Ok(done) => done.map_err(|error| {
                let is_gone = error.is_invalid_session_id();
                let error = anyhow!("browser `{}` failed to {what}: {error}", self.name);
                if is_gone { error.context(SessionGone) } else { error }
            }),
            Err(deadline) => bail!("browser `{}` did not {what} within {deadline}", self.name),
        }
    }

    /// Gives the browser itself as much more time as the machine is more crowded than it has been. Its own limits for pages
    /// and scripts count real time.
    async fn be_patient(&self) {
        let times = crowding().ceil() as u32;
        if times <= self.patience.fetch_max(times, Ordering::Relaxed) {
            return;
        }
        let [script, page] = [SCRIPT_LIMIT, PAGE_LIMIT].map(|limit| Some(limit * times));
        // What it refuses stays as it is, and a browser that is gone is told by the command that follows.
        let _ = within(SILENT_LIMIT, self.client.update_timeouts(TimeoutConfiguration::new(script, page, None))).await;
    }

    /// Goes to an address. Success only says that the browser tried: look at the page.
    ///
    /// # Errors
    /// When it is no address of http or https, or the browser says that it could not, or does not answer.
    pub async fn go(&self, url: &str) -> Result<()> {
        must_be_of_the_web(url)?;
        self.framed.store(false, Ordering::Relaxed);
        self.call(&format!("go to {url}"), self.client.goto(url)).await
    }

    /// Goes one page back, as by the button.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn back(&self) -> Result<()> {
        self.framed.store(false, Ordering::Relaxed);
        self.call("go back", self.client.back()).await
    }

    /// Turns to the first frame of the page: what is done and looked at next is in it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn enter_frame(&self) -> Result<()> {
        self.call("turn to a frame", self.client.enter_frame(0)).await?;
        self.framed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The address of the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn url(&self) -> Result<String> {
        let url = self.script("return document.URL", vec![]).await?;
        url.as_str().map(str::to_owned).context("document.URL is no text")
    }

    /// Runs a script in the page and gives what it returns.
    ///
    /// # Errors
    /// When the script throws or the browser does not answer.
    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.call("run a script", self.client.execute(script, arguments)).await
    }

    /// Waits until the page's document is loaded.
    ///
    /// # Errors
    /// When it is not within the browser's own page-load limit.
    pub async fn loaded(&self) -> Result<()> {
        wait_until(
            &format!("browser `{}` to load its page", self.name),
            COMMAND_LIMIT,
            Duration::from_millis(10),
            || async {
                match self.script("return [document.readyState, document.URL]", vec![]).await {
                    Ok(seen) if seen[0] == "complete" => Ok(Ok(())),
                    // Firefox's own error pages never are: what they stand for has come to its end.
                    Ok(seen) if seen[1].as_str().is_some_and(|url| url.starts_with(FIREFOX_ERROR)) => Ok(Ok(())),
                    Ok(seen) => Err(format!("{} at {}", seen[0], seen[1])),
                    // It does not come back.
                    Err(error) if error.is::<SessionGone>() => Ok(Err(error)),
                    Err(error) => Err(format!("{error:#}")),
                }
            },
        )
        .await?
    }

    /// The cookies that match the page's address, with their lifetimes.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn cookies(&self) -> Result<Vec<CookieSeen>> {
        let now = Timestamp::now().as_second();
        let cookies = self.call("list its cookies", self.client.get_all_cookies()).await?;
        Ok(cookies
            .into_iter()
            .map(|cookie| CookieSeen {
                holder: self.name.clone(),
                name: cookie.name().to_owned(),
                value: cookie.value().to_owned(),
                domain: cookie.domain().unwrap_or_default().to_owned(),
                path: cookie.path().unwrap_or_default().to_owned(),
                expires_in_s: cookie.expires().and_then(|it| it.datetime()).map(|it| it.unix_timestamp() - now),
                same_site: cookie.same_site().map(|it| it.to_string()),
                secure: cookie.secure().unwrap_or_default(),
                http_only: cookie.http_only().unwrap_or_default(),
            })
            .collect())
    }

    /// Goes to an address in a tab of its own, looks there, closes the tab and comes back to the page, or the frame of it, as
    /// it was.
    ///
    /// # Errors
    /// When the browser does not answer, or the look fails.
    pub async fn in_new_tab<T>(&self, url: &str, look: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        let (before, framed) =
            (self.call("name its tab", self.client.window()).await?, self.framed.load(Ordering::Relaxed));
        let tab = self.call("open a tab", self.client.new_window(true)).await?;
        self.call("switch to the tab", self.client.switch_to_window(tab.handle)).await?;
        let looked = async {
            self.go(url).await?;
            self.loaded().await?;
            look().await
        }
        .await;
        self.call("close the tab", self.client.close_window()).await?;
        self.call("switch back", self.client.switch_to_window(before)).await?;
        if framed {
            self.enter_frame().await?;
        }
        looked
    }

    /// Turns to a tab, counted from 1 in the order in which they were opened; one more than there are opens one.
    ///
    /// # Errors
    /// When there are not so many, or the browser does not answer.
    pub async fn turn_to_tab(&self, number: usize) -> Result<()> {
        let mut tabs = self.tabs.lock().await;
        if tabs.is_empty() {
            tabs.push(self.call("name its tab", self.client.window()).await?);
        }
        if number == tabs.len() + 1 {
            tabs.push(self.call("open a tab", self.client.new_window(true)).await?.handle);
        }
        let tab = number.checked_sub(1).and_then(|index| tabs.get(index)).cloned();
        let tab = tab.with_context(|| format!("browser `{}` has {} tabs, no tab {number}", self.name, tabs.len()))?;
        self.framed.store(false, Ordering::Relaxed);
        self.call("switch to the tab", self.client.switch_to_window(tab)).await
    }

    /// Ends the browser and its driver and waits until both are gone.
    ///
    /// # Errors
    /// When something of them stays.
    pub async fn close(self) -> Result<()> {
        match self.host {
            Host::Here(here) => {
                let (driver, display) = *here;
                let browser = driver.close().await;
                let display = match display {
                    Some(display) => display.close().await,
                    None => Ok(()),
                };
                browser.and(display)
            }
            Host::Elsewhere(session) => session.end(self.client).await,
        }
    }
}
