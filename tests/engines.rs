//! What every engine must do alike: no request goes around the listener, and one word decides on third-party cookies.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::get;
use kratos_repro::browser::{Browser, BrowserSettings, Display, Engine, ThirdPartyCookies, Window};
use kratos_repro::edge::Edge;
use kratos_repro::wait::wait_until;
use rstest::rstest;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::{display, is_missing};

/// The site whose page is shown.
const PAGE: &str = "ui.example.test";

/// Another site.
const OTHER: &str = "app.other.test";

const LIMIT: Duration = Duration::from_secs(30);

/// An edge with one small server behind two sites, and a browser.
struct Scene {
    browser: Browser,
    edge: Edge,
    server: SocketAddr,
    _folder: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl Scene {
    async fn set(engine: Engine, third_party_cookies: ThirdPartyCookies) -> Result<Self> {
        let router =
            Router::new().route("/", get(|| async { Html("<title>page</title>") })).route("/set", get(set_cookie));
        let socket = TcpListener::bind(("127.0.0.1", 0)).await?;
        let server = socket.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = axum::serve(socket, router).await;
        });
        let mut edge = Edge::new(&[PAGE, OTHER], Vec::new())?;
        for host in [PAGE, OTHER] {
            edge.names().set(host, server);
        }
        let folder = tempfile::Builder::new().prefix("e").tempdir()?;
        let listener = edge.listen("a").await?;
        let settings = BrowserSettings {
            engine,
            listener,
            window: Window::Hidden,
            third_party_cookies,
            tracking_prevention: false,
        };
        let browser = Browser::start("a", &settings, folder.path()).await?;
        Ok(Self { browser, edge, server, _folder: folder, _tasks: tasks })
    }

    /// Fetches from the other site, with credentials, and gives the cookies that were sent to it.
    async fn fetch(&self, path: &str) -> Result<String> {
        let before = self.asked_of_other().len();
        let script = "fetch(arguments[0], { credentials: 'include' }).catch(() => {})";
        self.browser.script(script, vec![format!("https://{OTHER}{path}").into()]).await?;
        wait_until("the fetch", LIMIT, Duration::from_millis(10), || async {
            let asked = self.asked_of_other();
            if asked.len() > before { Ok(()) } else { Err(format!("{asked:?}")) }
        })
        .await?;
        self.edge.record().settle(Duration::from_millis(100), LIMIT).await?;
        Ok(self.asked_of_other().pop().unwrap_or_default())
    }

    fn asked_of_other(&self) -> Vec<String> {
        let exchanges = self.edge.record().exchanges();
        let asked = exchanges.iter().filter(|it| it.url.contains(OTHER) && it.url.contains("/set"));
        asked.map(|it| it.request_header("cookie").collect::<Vec<_>>().join("; ")).collect()
    }
}

async fn set_cookie(headers: HeaderMap) -> impl IntoResponse {
    let name = |text: &'static str| HeaderName::from_static(text);
    let origin = headers.get("origin").and_then(|it| it.to_str().ok()).unwrap_or("null").to_owned();
    let answer = AppendHeaders([
        (name("set-cookie"), "mark=1; Path=/; Secure; SameSite=None".to_owned()),
        (name("access-control-allow-origin"), origin),
        (name("access-control-allow-credentials"), "true".to_owned()),
    ]);
    (StatusCode::OK, answer, Html("<title>other</title>"))
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loopback_names_go_through_the_listener_too(#[case] engine: Engine) -> Result<()> {
    if is_missing(engine) {
        return Ok(());
    }
    let scene = Scene::set(engine, ThirdPartyCookies::Allow).await?;

    for host in ["localhost", "127.0.0.1", "a.localhost"] {
        let url = format!("http://{host}:{}/", scene.server.port());
        // Whether an engine takes the refusal for an error differs, and is not what this is about.
        let _ = scene.browser.go(&url).await;

        let exchanges = scene.edge.record().exchanges();
        let refused = exchanges.iter().any(|it| it.url.contains(&format!("{host}:")) && it.refused.is_some());
        ensure!(refused, "{engine} went around the listener to {url}: {exchanges:?}");
        let title = scene.browser.script("return document.title", vec![]).await?;
        ensure!(title != "page", "{engine} shows the server's page at {url}");
    }
    scene.browser.close().await
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_waits_for_a_page_that_is_busy(#[case] engine: Engine) -> Result<()> {
    if is_missing(engine) {
        return Ok(());
    }
    let scene = Scene::set(engine, ThirdPartyCookies::Allow).await?;
    scene.browser.go(&format!("https://{PAGE}/")).await?;
    let busy = "document.body.setAttribute('aria-busy', 'true'); \
                setTimeout(() => document.body.removeAttribute('aria-busy'), 500)";
    scene.browser.script(busy, vec![]).await?;

    let picture = scene.browser.screenshot().await?;

    let was_busy = scene.browser.script("return document.body.hasAttribute('aria-busy')", vec![]).await?;
    assert_eq!(was_busy, false);
    ensure!(picture.starts_with(b"\x89PNG"), "{engine} gives no picture");
    scene.browser.close().await
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_shows_no_secret_of_a_second_factor(#[case] engine: Engine) -> Result<()> {
    if is_missing(engine) {
        return Ok(());
    }
    let scene = Scene::set(engine, ThirdPartyCookies::Allow).await?;
    scene.browser.go(&format!("https://{PAGE}/")).await?;
    // The names that Kratos gives these nodes (`text/id.go`, `selfservice/strategy/{totp,lookup}` of v1.3.1), as the
    // interface shows them; the letters are equally wide.
    let show = "document.body.innerHTML = '<p>' + arguments[1] + '</p><p id=\"totp_secret_key\" style=\"font-family: monospace\">KEY</p>\
                <p data-testid=\"node/text/lookup_secret_codes/text\" style=\"font-family: monospace\">KEY</p>\
                <input name=\"totp_code\" value=\"KEY\"><input name=\"lookup_secret\" value=\"KEY\">\
                <img data-testid=\"node/image/totp_qr\" width=\"90\" height=\"90\" src=\"data:image/svg+xml,\
                <svg xmlns=%22http://www.w3.org/2000/svg%22><text y=%2220%22>KEY</text></svg>\">'\
                .replaceAll('KEY', arguments[0])";

    scene.browser.script(show, vec!["aaaaaa".into(), "one".into()]).await?;
    // WebKitGTK paints nothing of a new page before it is asked for a picture.
    scene.browser.screenshot().await?;
    let one = scene.browser.screenshot().await?;
    scene.browser.script(show, vec!["BBBBBB".into(), "one".into()]).await?;
    let other = scene.browser.screenshot().await?;
    scene.browser.script(show, vec!["BBBBBB".into(), "two".into()]).await?;
    let changed = scene.browser.screenshot().await?;

    ensure!(one == other, "{engine} shows a secret in its picture");
    ensure!(changed != other, "{engine} shows the picture of before, which says nothing of secrets");
    scene.browser.close().await
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn third_party_cookies_are_allowed_or_blocked(
    #[case] engine: Engine,
    #[values(ThirdPartyCookies::Allow, ThirdPartyCookies::Block)] policy: ThirdPartyCookies,
) -> Result<()> {
    if is_missing(engine) {
        return Ok(());
    }
    let scene = Scene::set(engine, policy).await?;
    let wanted = if policy == ThirdPartyCookies::Allow { "mark=1" } else { "" };

    scene.browser.go(&format!("https://{PAGE}/")).await?;
    let first = scene.fetch("/set").await?;
    let stored_as_third_party = scene.fetch("/set?again").await?;
    scene.browser.go(&format!("https://{OTHER}/set")).await?;
    scene.browser.go(&format!("https://{PAGE}/")).await?;
    let stored_at_a_visit = scene.fetch("/set?visited").await?;

    ensure!(first.is_empty(), "nothing had set a cookie yet: {first}");
    ensure!(
        stored_as_third_party == wanted,
        "{engine}, {policy:?}: stored as a third party's: `{stored_as_third_party}`"
    );
    ensure!(stored_at_a_visit == wanted, "{engine}, {policy:?}: stored at a visit: `{stored_at_a_visit}`");
    scene.browser.close().await
}

/// A display is seen, and typed into, by whoever is let in: no other user of the machine is.
#[tokio::test]
async fn a_display_lets_in_nobody_without_its_key() -> Result<()> {
    if is_missing(Engine::WebKitGtk) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let started = Display::start(folder.path()).await?;
    let (number, file) = (started.number(), folder.path().join("xauthority"));
    let entry = std::fs::read(&file)?;
    let (_, key) = entry.split_last_chunk::<16>().context("no key")?;

    let (without, other) = (display::lets_in(number, b"")?, display::lets_in(number, &[0; 16])?);
    ensure!(!without && !other, "let in without a key: {without}, by another: {other}");
    ensure!(display::lets_in(number, key)?, "kept out with its key");
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o077 == 0, "others may read its key");
    started.close().await
}
