//! A small server that remembers what it saw and when, and that can be made to wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// No test waits longer for a server.
const LIMIT: Duration = Duration::from_secs(20);

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// How its handler ended; nothing while it runs.
    pub(super) end: Option<End>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// How a handler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    /// Its client was gone, so the server dropped it: what Go's `http.Request.Context` tells a handler.
    Cancelled,
}

#[derive(Debug, Clone)]
struct Log {
    seen: Arc<Mutex<Vec<Seen>>>,
    changes: watch::Sender<()>,
    gate: Arc<Semaphore>,
}

/// The running server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    log: Log,
    _tasks: JoinSet<()>,
}

impl Upstream {
    pub(super) async fn start() -> Result<Self> {
        let log = Log { seen: Arc::default(), changes: watch::Sender::new(()), gate: Arc::new(Semaphore::new(0)) };
        let router = Router::new()
            .route("/cookies", get(set_cookies))
            .route("/latin", get(set_latin))
            .route("/private", get(send_private))
            .route("/gate", any(wait_at_gate))
            .fallback(echo)
            .with_state(log.clone());
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.context("failed to open the test's server")?;
        let address = socket.local_addr().context("failed to read its address")?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = axum::serve(socket, router).await;
        });
        Ok(Self { address, log, _tasks: tasks })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.log.seen()
    }

    /// Lets one request through `/gate`.
    pub(super) fn open_gate(&self) {
        self.log.gate.add_permits(1);
    }

    /// Waits until the first request is as wanted.
    pub(super) async fn first(&self, wanted: impl Fn(&Seen) -> bool) -> Result<Seen> {
        let mut changes = self.log.changes.subscribe();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(seen) = self.seen().into_iter().next().filter(&wanted) {
                    return Ok(seen);
                }
                changes.changed().await.context("the test's server is gone")?;
            }
        };
        tokio::time::timeout(LIMIT, found).await.with_context(|| format!("the server saw only {:#?}", self.seen()))?
    }
}

impl Log {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn take(&self, request: Request) -> Handling {
        let at = Instant::now();
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let seen = Seen {
            at,
            method: parts.method.to_string(),
            uri: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            end: None,
        };
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(seen);
        let handling = Handling { log: self.clone(), index: all.len() - 1, end: End::Cancelled };
        drop(all);
        self.changes.send_replace(());
        handling
    }
}

/// A request that is being handled. It counts as cancelled unless it is answered.
struct Handling {
    log: Log,
    index: usize,
    end: End,
}

impl Handling {
    fn answer(mut self, answer: impl IntoResponse) -> Response {
        self.end = End::Answered;
        answer.into_response()
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.log.seen.lock().unwrap_or_else(PoisonError::into_inner)[self.index].end = Some(self.end);
        self.log.changes.send_replace(());
    }
}

async fn echo(State(log): State<Log>, request: Request) -> Response {
    let handling = log.take(request).await;
    let body = log.seen()[handling.index].body.clone();
    handling.answer((StatusCode::CREATED, [("x-server", "upstream")], body))
}

async fn set_cookies(State(log): State<Log>, request: Request) -> Response {
    let cookies = AppendHeaders([("set-cookie", "csrf=1; Path=/; HttpOnly"), ("set-cookie", "session=2; Path=/")]);
    log.take(request).await.answer((cookies, "set"))
}

/// A cookie whose bytes are no UTF-8.
async fn set_latin(State(log): State<Log>, request: Request) -> Response {
    let cookie = HeaderValue::from_bytes(b"name=Ren\xe9; Path=/");
    log.take(request).await.answer((cookie.map(|cookie| [("set-cookie", cookie)]).ok(), "set"))
}

async fn send_private(State(log): State<Log>, request: Request) -> Response {
    let headers = [("connection", "x-private"), ("x-private", "1"), ("x-public", "1"), ("keep-alive", "timeout=5")];
    log.take(request).await.answer((headers, "sent"))
}

async fn wait_at_gate(State(log): State<Log>, request: Request) -> Response {
    let handling = log.take(request).await;
    if let Ok(permit) = log.gate.acquire().await {
        permit.forget();
    }
    handling.answer("passed")
}
