//! Browsers elsewhere: sessions at a WebDriver endpoint, such as a Selenium Grid, in place of drivers of our own.

mod session;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot, watch};
use url::Url;

use super::{BrowserSettings, Engine, ThirdPartyCookies, Window};
use crate::backend::Missing;
use crate::edge::{Edge, Gate};
pub(super) use session::RemoteSession;

/// How long an endpoint may take to say that it is one.
const STATUS_LIMIT: Duration = Duration::from_secs(1);

/// How long a session may take to come about: a grid whose slots are taken queues for 300 s by default, and gives its
/// own reason then.
const QUEUE_LIMIT: Duration = Duration::from_secs(310);

/// A command that only asks, and the end of a session.
const COMMAND_LIMIT: Duration = Duration::from_secs(20);

/// How long sessions that nobody wants any more are waited for: a browser on a busy machine takes some seconds.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);

/// The engines that are driven remotely. WebKitGTK takes its proxy by an argument of a program on this machine.
const ENGINES: [Engine; 2] = [Engine::Chromium, Engine::Firefox];

/// The URL of a WebDriver endpoint; its path ends with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebDriverUrl(Url);

impl FromStr for WebDriverUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
        if url.scheme() != "http" || url.host_str().is_none_or(str::is_empty) {
            return Err(format!("`{}` is no http URL (hint: such as http://127.0.0.1:4444)", without_password(&url)));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for WebDriverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(without_password(&self.0).as_str().trim_end_matches('/'))
    }
}

fn without_password(url: &Url) -> Url {
    let mut url = url.clone();
    // A URL that can have neither has none.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

/// An endpoint that was found to be one, and the engines whose browsers it gives.
#[derive(Debug, Clone)]
pub struct Remote {
    url: WebDriverUrl,
    edge: Option<IpAddr>,
    /// What it said of itself.
    status: Value,
    offered: Vec<(Engine, String)>,
    refused: Vec<(Engine, String)>,
    turn: Arc<Mutex<()>>,
    /// How many sessions are about to come about, or to end.
    pending: watch::Sender<usize>,
}

impl Remote {
    /// An endpoint that nothing is known of yet. For its browsers the edge listens on this address, or on 127.0.0.1
    /// without one.
    pub fn new(url: WebDriverUrl, edge: Option<IpAddr>) -> Self {
        let pending = watch::Sender::new(0);
        Self { url, edge, status: Value::Null, offered: Vec::new(), refused: Vec::new(), turn: Arc::default(), pending }
    }

    /// Has the endpoint say that it is one.
    ///
    /// # Errors
    /// [`Missing`] when there is none, or when this machine does not have the address.
    pub async fn reach(&mut self) -> Result<()> {
        self.ensure_address()?;
        self.status = self.ask_status().await?;
        Ok(())
    }

    /// Asks for a browser of each engine that is named, or of each that the endpoint may have; each has to reach the
    /// edge.
    ///
    /// # Errors
    /// [`Missing`] when an engine that was named, or all, are not to be had.
    pub async fn find(&mut self, named: &[Engine]) -> Result<()> {
        let wanted: Vec<Engine> = if named.is_empty() { ENGINES.to_vec() } else { named.to_vec() };
        for engine in wanted {
            match self.probe(engine).await {
                Ok(version) => self.offered.push((engine, version)),
                Err(error) => self.refused.push((engine, format!("{error:#}"))),
            }
        }
        let refused = self.refused.first().filter(|_| !named.is_empty() || self.offered.is_empty());
        refused.and_then(|(engine, _)| self.lacks(*engine)).map_or(Ok(()), |lacking| Err(lacking.into()))
    }

    /// The engines whose browsers it gives, with their versions.
    pub fn offered(&self) -> &[(Engine, String)] {
        &self.offered
    }

    /// The address that the edge listens on for its browsers; nothing for 127.0.0.1.
    pub fn edge_address(&self) -> Option<IpAddr> {
        self.edge
    }

    /// Why an engine cannot be had, if that is so.
    pub fn lacks(&self, engine: Engine) -> Option<Missing> {
        if self.offered.iter().any(|(it, _)| *it == engine) {
            return None;
        }
        if !ENGINES.contains(&engine) {
            let what = format!("{engine} is driven on this machine alone, not at `{}`", self.url);
            return Some(Missing::new(what, "run it without `--webdriver`"));
        }
        let why = self
            .refused
            .iter()
            .find(|(it, _)| *it == engine)
            .map_or_else(|| "it was not asked for one".to_owned(), |(_, why)| why.clone());
        let cure = match self.edge {
            None => {
                "`--engine` names what it has; where its browsers run elsewhere, `--edge-address` names an address \
                     of this machine that they reach"
            }
            Some(_) => "`--engine` names what it has; `--edge-address` has to be an address that its browsers reach",
        };
        Some(Missing::new(format!("no {engine} at `{}`: {why}", self.url), cure))
    }

    /// Waits for this world's turn to ask for its sessions. If two worlds each held one browser and waited for a second,
    /// a grid whose slots are taken would give neither.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Waits for the sessions that nobody wants any more: one that was asked for is ended when it comes about. Gives how
    /// many are left, because they are still queued.
    pub async fn settle(&self) -> usize {
        let mut pending = self.pending.subscribe();
        // Whether it waited in vain is told by the number.
        let _ = tokio::time::timeout(SETTLE_LIMIT, pending.wait_for(|count| *count == 0)).await;
        *self.pending.borrow()
    }

    /// Starts a session. A browser behind a gate is sent through its door.
    ///
    /// # Errors
    /// When none comes about in time, or its requests do not reach the edge.
    pub(super) async fn start(
        &self,
        settings: &BrowserSettings,
        gate: Option<&Gate>,
    ) -> Result<(Client, RemoteSession)> {
        let engine = settings.engine;
        let mut connector = HttpConnector::new();
        // Without it every command waits 40 ms for a delayed acknowledgement.
        connector.set_nodelay(true);
        let mut builder = ClientBuilder::new(connector);
        builder.capabilities(engine.remote_capabilities(settings));
        let (made, wanted) = oneshot::channel();
        let (url, pending) = (self.url.clone(), self.pending.clone());
        pending.send_modify(|count| *count += 1);
        // In a task of its own: an endpoint makes a session although the one who asked for it has gone.
        tokio::spawn(async move {
            if let Err(Ok((client, session))) = made.send(ask(&builder, &url, engine, pending.clone()).await) {
                // It tells itself where it cannot be ended.
                let _: Result<()> = session.end(client).await;
            }
            pending.send_modify(|count| *count -= 1);
        });
        let (client, session) = wanted.await.context("the request for a session broke off")??;
        if let Some(gate) = gate {
            let limit = COMMAND_LIMIT.as_secs();
            let went = tokio::time::timeout(COMMAND_LIMIT, client.goto(&gate.door())).await;
            let went = went.map_or_else(|_| format!("no answer within {limit} s"), |went| format!("{went:?}"));
            if !gate.has_let_in() {
                let address = gate.address();
                bail!("the browser's requests do not reach the edge at {address} (it answered: {went})");
            }
        }
        Ok((client, session))
    }

    /// This machine has the address that the edge is to listen on.
    fn ensure_address(&self) -> Result<()> {
        let Some(address) = self.edge else { return Ok(()) };
        let cure = "`ip address` lists those of this machine";
        if address.is_unspecified() || address.is_multicast() {
            return Err(Missing::new(format!("`{address}` is not one address that browsers reach"), cure).into());
        }
        match TcpListener::bind((address, 0)) {
            Ok(_) => Ok(()),
            Err(error) => Err(Missing::new(format!("the edge cannot listen on `{address}`: {error}"), cure).into()),
        }
    }

    /// What the endpoint says of itself (WebDriver, section 8.3).
    async fn ask_status(&self) -> Result<Value> {
        let lacking = |why: String| Missing::new(format!("`{}` is no WebDriver endpoint: {why}", self.url), CURE);
        let url = self.url.0.join("status").context("failed to make the address of the endpoint's status")?;
        let asked = async {
            let answer = crate::client::plain()?.get(url).send().await?;
            let status = answer.status();
            let text = answer.text().await?;
            anyhow::Ok((status, text))
        };
        let (status, text) = match tokio::time::timeout(STATUS_LIMIT, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(lacking(format!("{:#}", error)).into()),
            Err(_) => return Err(lacking(format!("no answer within {} ms", STATUS_LIMIT.as_millis())).into()),
        };
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if !said["value"]["ready"].is_boolean() {
            return Err(lacking(format!("GET /status answered {status} and not how ready it is")).into());
        }
        Ok(said)
    }

    /// Has a browser of the engine open a page of an edge, and gives its version.
    async fn probe(&self, engine: Engine) -> Result<String> {
        anyhow::ensure!(ENGINES.contains(&engine), "{engine} is driven on this machine alone");
        if let Some(names) = browser_names(&self.status) {
            let name = engine.browser_name();
            // A grid would queue what no slot of it can ever give.
            anyhow::ensure!(names.iter().any(|it| it == name), "its slots are of [{}]", names.join(", "));
        }
        let mut edge = Edge::new(&["probe.example.test"], Vec::new())?;
        let gate = edge.listen_at("probe", None, self.edge.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))).await?;
        let settings = BrowserSettings {
            engine,
            listener: gate.address(),
            window: Window::Hidden,
            third_party_cookies: ThirdPartyCookies::Allow,
            tracking_prevention: false,
        };
        let (client, session) = self.start(&settings, Some(&gate)).await?;
        let version = version(&client);
        session.end(client).await?;
        edge.close().await;
        Ok(version)
    }
}

/// Asks for a session, and waits while it is queued.
async fn ask(
    builder: &ClientBuilder<HttpConnector>,
    url: &WebDriverUrl,
    engine: Engine,
    pending: watch::Sender<usize>,
) -> Result<(Client, RemoteSession)> {
    let client = match tokio::time::timeout(QUEUE_LIMIT, builder.connect(url.0.as_str())).await {
        Ok(session) => session.map_err(|error| anyhow!("`{url}` gave no session of {engine}: {error}"))?,
        Err(_) => {
            let limit = QUEUE_LIMIT.as_secs();
            bail!("`{url}` gave no session of {engine} within {limit} s (hint: are all its slots taken?)")
        }
    };
    // It is ended here and nowhere else: two ends at once are an error to some endpoints.
    client.persist().await.map_err(|error| anyhow!("the session of {engine} cannot be kept: {error}"))?;
    let id = client.session_id().await.ok().flatten().context("the endpoint's session has no id")?;
    Ok((client, RemoteSession::new(url, id, pending)))
}

/// What to do where no endpoint is.
const CURE: &str = "start one, as by scripts/grid, or correct `--webdriver`";

/// The browsers' names among a grid's slots; nothing where the endpoint is a driver, which has none.
fn browser_names(status: &Value) -> Option<Vec<String>> {
    let nodes = status["value"]["nodes"].as_array()?;
    let slots = nodes.iter().flat_map(|node| node["slots"].as_array().into_iter().flatten());
    let mut names: Vec<String> =
        slots.filter_map(|slot| slot["stereotype"]["browserName"].as_str().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    Some(names)
}

/// The browser's version, as it says itself.
pub(super) fn version(client: &Client) -> String {
    let version = client.capabilities().and_then(|all| all.get("browserVersion")).and_then(Value::as_str);
    version.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::hub("http://127.0.0.1:4444", "http://127.0.0.1:4444/")]
    #[case::path("http://grid.test:4444/wd/hub", "http://grid.test:4444/wd/hub/")]
    fn commands_go_below_the_url(#[case] text: &str, #[case] base: &str) -> Result<()> {
        let url: WebDriverUrl = text.parse().map_err(anyhow::Error::msg)?;

        assert_eq!(url.0.as_str(), base);
        Ok(())
    }

    #[rstest]
    #[case::another_scheme("ftp://x")]
    #[case::tls("https://me:word@grid.test")]
    #[case::no_url("grid:port")]
    #[case::no_host("http://")]
    fn what_is_no_endpoint_is_refused(#[case] text: &str) {
        let refused = text.parse::<WebDriverUrl>();

        assert!(refused.as_ref().is_err_and(|why| !why.contains("word")), "{refused:?}");
    }

    #[test]
    fn a_password_is_not_told() -> Result<()> {
        let url: WebDriverUrl = "http://me:word@grid.test:4444/".parse().map_err(anyhow::Error::msg)?;

        assert_eq!(url.to_string(), "http://grid.test:4444");
        Ok(())
    }

    #[test]
    fn a_grid_names_its_browsers_and_a_driver_does_not() {
        let slot = |name: &str| json!({ "stereotype": { "browserName": name } });
        let grid = json!({ "value": { "ready": true, "nodes": [{ "slots": [slot("firefox"), slot("chrome")] },
                                                                { "slots": [slot("chrome")] }] } });

        assert_eq!(browser_names(&grid), Some(vec!["chrome".to_owned(), "firefox".to_owned()]));
        assert_eq!(browser_names(&json!({ "value": { "ready": true } })), None);
    }
}
