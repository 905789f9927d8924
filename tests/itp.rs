//! The emulated Intelligent Tracking Prevention beside a real one. WebKitGTK has the half that blocks third-party cookies
//! (and not the cap of 7 days): both must send and store the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::{any, get};
use insta::assert_snapshot;
use kratos_repro::browser::{Browser, BrowserSettings, Engine, ThirdPartyCookies, Window};
use kratos_repro::edge::Edge;
use kratos_repro::edge::policy::{Generation, Itp};
use kratos_repro::wait::wait_until;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::is_missing;

const PAGE: &str = "https://ui.example.test";

/// Another host of the page's site.
const OWN: &str = "https://ory.example.test";

/// Another site.
const OTHER: &str = "https://app.other.test";

const LIMIT: Duration = Duration::from_secs(30);

/// What stands between a browser and third-party cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prevention {
    /// Nothing.
    None,
    /// WebKitGTK's own.
    Real,
    /// That of the edge.
    Emulated,
}

/// What arrived at the servers, in order: `host/path?query` and the names of the cookies.
type Seen = Arc<Mutex<Vec<String>>>;

struct Scene {
    browser: Browser,
    seen: Seen,
    _edge: Edge,
    _folder: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl Scene {
    async fn set(prevention: Prevention) -> Result<Self> {
        let seen = Seen::default();
        let router = Router::new()
            .route("/", get(|| async { Html("<title>page</title>") }))
            .route("/set", any(set))
            .route("/go", any(go))
            .with_state(Arc::clone(&seen));
        let socket = TcpListener::bind(("127.0.0.1", 0)).await?;
        let server = socket.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = axum::serve(socket, router).await;
        });
        let hosts = [PAGE, OWN, OTHER].map(|it| it.trim_start_matches("https://"));
        let mut edge = Edge::new(&hosts, Vec::new())?;
        for host in hosts {
            edge.names().set(host, server);
        }
        let policy = (prevention == Prevention::Emulated).then(|| Itp::new(Generation::G4));
        let settings = BrowserSettings {
            engine: Engine::WebKitGtk,
            listener: edge.listen_with("a", policy).await?,
            window: Window::Hidden,
            third_party_cookies: ThirdPartyCookies::Allow,
            tracking_prevention: prevention == Prevention::Real,
        };
        let folder = tempfile::Builder::new().prefix("i").tempdir()?;
        let browser = Browser::start("a", &settings, folder.path()).await?;
        Ok(Self { browser, seen, _edge: edge, _folder: folder, _tasks: tasks })
    }

    /// Opens a page in the tab itself.
    async fn visit(&self, url: &str) -> Result<()> {
        self.browser.go(url).await
    }

    /// Runs a script that asks something of the servers, and waits until `requests` have arrived.
    async fn ask(&self, script: &str, url: &str, requests: usize) -> Result<()> {
        let before = self.seen().len();
        self.browser.script(script, vec![url.into()]).await?;
        wait_until("the requests of a script", LIMIT, Duration::from_millis(10), || async {
            let seen = self.seen();
            if seen.len() >= before + requests { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await?;
        // The answer has to come back before its cookies can count; the page says when it has.
        wait_until("the answer", LIMIT, Duration::from_millis(10), || async {
            match self.browser.script("return window.answered === true || !window.asked", vec![]).await {
                Ok(answered) if answered == true => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    async fn fetch(&self, url: &str, requests: usize) -> Result<()> {
        let script = "window.asked = true; window.answered = false; \
                      fetch(arguments[0], { credentials: 'include' }).catch(() => {}).then(() => { window.answered = true })";
        self.ask(script, url, requests).await
    }

    async fn frame(&self, url: &str) -> Result<()> {
        let script = "window.asked = true; window.answered = false; const frame = document.createElement('iframe'); \
                      frame.onload = () => { window.answered = true }; frame.src = arguments[0]; document.body.append(frame)";
        self.ask(script, url, 1).await
    }

    /// Posts a form, which leaves the page.
    async fn post(&self, url: &str) -> Result<()> {
        let script = "const form = document.createElement('form'); form.method = 'post'; form.action = arguments[0]; \
                      document.body.append(form); form.submit()";
        self.ask(script, url, 1).await
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sets a cookie of the name that the query has.
async fn set(State(seen): State<Seen>, headers: HeaderMap, Query(query): Query<Set>) -> impl IntoResponse {
    note(&seen, &headers, &format!("/set?n={}", query.n));
    (StatusCode::OK, answer(&headers, &query.n, None), Html("<title>set</title>"))
}

#[derive(Debug, Deserialize)]
struct Set {
    n: String,
}

/// Sets the cookie `hop` and redirects to the address that the query has.
async fn go(State(seen): State<Seen>, headers: HeaderMap, Query(query): Query<Go>) -> impl IntoResponse {
    note(&seen, &headers, "/go");
    (StatusCode::FOUND, answer(&headers, "hop", Some(query.to)))
}

#[derive(Debug, Deserialize)]
struct Go {
    to: String,
}

fn note(seen: &Seen, headers: &HeaderMap, path: &str) {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
    let mut names: Vec<String> =
        text("cookie").split(';').filter_map(|it| Some(it.trim().split_once('=')?.0.to_owned())).collect();
    names.sort();
    let line = format!("{}{path} [{}]", text("host"), names.join(" "));
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

fn answer(headers: &HeaderMap, cookie: &str, to: Option<String>) -> AppendHeaders<Vec<(HeaderName, String)>> {
    let name = |text: &'static str| HeaderName::from_static(text);
    let origin = headers.get("origin").and_then(|it| it.to_str().ok()).unwrap_or("null").to_owned();
    let mut all = vec![
        (name("set-cookie"), format!("{cookie}=1; Path=/; Secure; SameSite=None; Max-Age=3600")),
        (name("access-control-allow-origin"), origin),
        (name("access-control-allow-credentials"), "true".to_owned()),
    ];
    all.extend(to.map(|to| (name("location"), to)));
    AppendHeaders(all)
}

/// A day in a browser's life; what the servers saw of it.
async fn live(prevention: Prevention) -> Result<Vec<String>> {
    let scene = Scene::set(prevention).await?;
    // Each host is visited once, as itself.
    scene.visit(&format!("{OWN}/set?n=own")).await?;
    scene.visit(&format!("{OTHER}/set?n=visited")).await?;
    scene.visit(&format!("{PAGE}/")).await?;
    // A script asks the other site, twice, and a host of its own.
    scene.fetch(&format!("{OTHER}/set?n=third"), 1).await?;
    scene.fetch(&format!("{OTHER}/set?n=again"), 1).await?;
    scene.fetch(&format!("{OWN}/set?n=same-site"), 1).await?;
    // Through the other site back to its own: the rest of the chain stays blocked.
    scene.fetch(&format!("{OTHER}/go?to={OWN}/set?n=latched"), 2).await?;
    scene.fetch(&format!("{OWN}/set?n=after"), 1).await?;
    // Through its own to the other site.
    scene.fetch(&format!("{OWN}/go?to={OTHER}/set?n=led"), 2).await?;
    // A frame of the other site, and one of its own.
    scene.frame(&format!("{OTHER}/set?n=framed")).await?;
    scene.frame(&format!("{OWN}/set?n=own-framed")).await?;
    // A form that leads to the other site makes it the first party.
    scene.post(&format!("{OTHER}/set?n=posted")).await?;
    scene.visit(&format!("{OTHER}/set?n=end")).await?;
    scene.visit(&format!("{OWN}/set?n=end")).await?;
    let seen = scene.seen();
    scene.browser.close().await?;
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_emulation_blocks_what_a_real_engine_blocks() -> Result<()> {
    if is_missing(Engine::WebKitGtk) {
        return Ok(());
    }

    let (real, emulated) = (live(Prevention::Real).await?, live(Prevention::Emulated).await?);

    ensure!(real == emulated, "they differ\nreal     {real:#?}\nemulated {emulated:#?}");
    assert_snapshot!(real.join("\n"), @r"
    ory.example.test/set?n=own []
    app.other.test/set?n=visited []
    app.other.test/set?n=third []
    app.other.test/set?n=again []
    ory.example.test/set?n=same-site [own]
    app.other.test/go []
    ory.example.test/set?n=latched []
    ory.example.test/set?n=after [own same-site]
    ory.example.test/go [after own same-site]
    app.other.test/set?n=led []
    app.other.test/set?n=framed []
    ory.example.test/set?n=own-framed [after hop own same-site]
    app.other.test/set?n=posted [visited]
    app.other.test/set?n=end [posted visited]
    ory.example.test/set?n=end [after hop own own-framed same-site]
    ");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_it_the_same_browser_sends_third_party_cookies() -> Result<()> {
    if is_missing(Engine::WebKitGtk) {
        return Ok(());
    }

    let (none, real) = (live(Prevention::None).await?, live(Prevention::Real).await?);

    let sends = |seen: &[String]| seen.iter().any(|line| line.contains("/set?n=again [third visited]"));
    ensure!(sends(&none) && !sends(&real), "what the others are compared by shows nothing\n{none:#?}\n{real:#?}");
    Ok(())
}
