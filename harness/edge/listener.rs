//! A listener: the proxy protocol towards one browser, client or server.
//! CONNECT opens a tunnel whose TLS ends here; a request in absolute form is plain http, and one in origin form is for the
//! server that the listener stands for, if it stands for one (RFC 9112, section 3.2).

use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::PROXY_AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use nix::sys::socket::{MsgFlags, recv};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Shared;
use super::carry::{self, Failed};
use super::fault::Effect;
use super::gate::{Entry, Gate};
use super::origin::Origin;
use super::peer::{Line, Whose};
use super::policy::Itp;
use super::refusal::{ask_for_password, blank, refusal};
use crate::evidence::Exchange;

/// How soon a connection that could not be taken is tried again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// How many headers a request or an answer may have: many times what browsers and Kratos send, and what hyper takes by
/// itself, which refuses the rest before anything is recorded.
pub(super) const HEADERS: usize = 1000;

/// Who listens: one browser, client or server, the policy that treats its cookies, and who is kept out.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) name: String,
    pub(super) policy: Option<Mutex<Itp>>,
    /// The server that it stands for, to somebody who knows of no proxy.
    stands_for: Option<Origin>,
    gate: Option<Gate>,
}

impl Listener {
    pub(super) fn new(name: &str, policy: Option<Itp>) -> Self {
        Self { name: name.to_owned(), policy: policy.map(Mutex::new), stands_for: None, gate: None }
    }

    pub(super) fn standing_for(name: &str, origin: Origin) -> Self {
        Self { stands_for: Some(origin), ..Self::new(name, None) }
    }

    pub(super) fn behind(self, gate: Gate) -> Self {
        Self { gate: Some(gate), ..self }
    }
}

/// Accepts connections until the task is dropped; their tasks end with it.
pub(super) async fn serve(socket: TcpListener, listener: Arc<Listener>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => {
                let (stream, peer) = match accepted {
                    Ok(accepted) => accepted,
                    // The client was gone before its turn.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                    Err(error) => {
                        // Where no file can be opened it would fail again at once, until somebody closes one.
                        let what = format!("the edge could not take a connection of `{}`: {error}", listener.name);
                        shared.record.note_trouble(what);
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                        continue;
                    }
                };
                let _ = stream.set_nodelay(true);
                let line = Line::new(peer, stream.local_addr().ok());
                let whose = line.peer().whose;
                // A listener behind a gate asks for its password instead.
                if let Some(why) = whose.refuse(peer).filter(|_| listener.gate.is_none()) {
                    // Without an answer: it would be for somebody who may be asking what is here.
                    if whose == Whose::Unknown && has_bytes(&stream) {
                        shared.record.note_trouble(format!("a request of `{}` was lost: {why}", listener.name));
                    }
                    note("TCP", format!("tcp://{peer}"), &listener, &shared, why);
                    continue;
                }
                connections.spawn(connection(stream, line, Arc::clone(&listener), Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Whether its client has sent anything, and be it before it closed.
fn has_bytes(stream: &TcpStream) -> bool {
    // The runtime does not know yet of what came before the connection was taken: the kernel does.
    recv(stream.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT).is_ok_and(|length| length > 0)
}

/// The CONNECT that a connection began with, and where it leads.
type Tunnel = Arc<Mutex<Option<(Request<Incoming>, Origin)>>>;

/// Serves one connection, and the tunnel that it becomes by CONNECT, in this one task.
async fn connection(stream: TcpStream, line: Line, listener: Arc<Listener>, shared: Arc<Shared>) {
    let tunnel = Tunnel::default();
    let service = service_fn(|request| outer(request, line, &listener, &shared, &tunnel));
    let ended = http(&shared).serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    note_nonsense(ended, format!("tcp://{}", line.peer().address), &listener, &shared);
    let opened = tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((request, origin)) = opened else { return };
    let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
    let stream = match shared.acceptor.0.accept(TokioIo::new(upgraded)).await {
        Ok(stream) => stream,
        // A client that does not trust the world's authority says so here, or what came is no TLS. One that only hangs up
        // has said nothing: browsers open connections that they may need, and close those that they do not.
        Err(error) => {
            if error.kind() == ErrorKind::InvalidData {
                note("CONNECT", origin.text(), &listener, &shared, format!("no TLS with this client: {error}"));
            }
            return;
        }
    };
    let service = service_fn(|request| carry::carry(request, line, &origin, &listener, &shared));
    let ended = http(&shared).serve_connection(TokioIo::new(stream), service).await;
    note_nonsense(ended, origin.text(), &listener, &shared);
}

/// Records that what came is no request that can be read, which is answered before anything else sees it. Any other bad end
/// of a connection is the client's affair: what mattered of it is in the record.
fn note_nonsense(ended: hyper::Result<()>, url: String, listener: &Listener, shared: &Shared) {
    if let Some(error) = ended.err().filter(hyper::Error::is_parse) {
        note("TCP", url, listener, shared, format!("no request can be read: {error}"));
    }
}

/// Records what is not passed on.
fn note(method: &str, url: String, listener: &Listener, shared: &Shared, why: String) {
    let (listener, method) = (listener.name.clone(), method.to_owned());
    shared.record.refuse(Exchange { listener, method, url, ..Exchange::default() }, why);
}

/// One request a connection. That its client sends nothing more, or is gone, does not end what has begun, unless a fault of
/// this world is about that.
fn http(shared: &Shared) -> http1::Builder {
    let passes_hang_ups = shared.faults.iter().any(|fault| fault.has(&Effect::PassHangUp));
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).half_close(!passes_hang_ups).max_headers(HEADERS);
    builder
}

async fn outer(
    mut request: Request<Incoming>,
    line: Line,
    listener: &Arc<Listener>,
    shared: &Arc<Shared>,
    tunnel: &Tunnel,
) -> Result<Response<Full<Bytes>>, Failed> {
    let peer = line.peer();
    if let Some(gate) = &listener.gate {
        match gate.judge(&request, peer) {
            Entry::Open => {}
            Entry::LetIn => return Ok(blank()),
            Entry::Shut => return Ok(keep_out(&request, peer.address, listener, shared)),
        }
        // The password is the edge's own: it belongs into no record.
        request.headers_mut().remove(PROXY_AUTHORIZATION);
    }
    if request.method() == Method::CONNECT {
        return Ok(connect(request, listener, shared, tunnel));
    }
    let uri = request.uri();
    if let Some(origin) = listener.stands_for.as_ref().filter(|_| uri.host().is_none()) {
        return carry::carry(request, line, origin, listener, shared).await;
    }
    let Some(host) = uri.host().filter(|_| uri.scheme_str() == Some("http")) else {
        let why = "this is a proxy: send http requests in absolute form and use CONNECT for https";
        note(request.method().as_str(), uri.to_string(), listener, shared, why.to_owned());
        return Ok(refusal(StatusCode::BAD_REQUEST, why));
    };
    let origin = Origin::new("http", host, uri.port_u16());
    carry::carry(request, line, &origin, listener, shared).await
}

/// Answers 407 (RFC 9110, section 15.5.8). The record names the host alone: a path may be another listener's door.
fn keep_out(request: &Request<Incoming>, peer: IpAddr, listener: &Listener, shared: &Shared) -> Response<Full<Bytes>> {
    let why = format!("{peer} did not give the password of this listener");
    let scheme = if request.method() == Method::CONNECT { "https" } else { "http" };
    let uri = request.uri();
    let origin = Origin::new(scheme, uri.host().unwrap_or_default(), uri.port_u16());
    note(request.method().as_str(), origin.text(), listener, shared, why.clone());
    ask_for_password(&why)
}

fn connect(request: Request<Incoming>, listener: &Listener, shared: &Shared, tunnel: &Tunnel) -> Response<Full<Bytes>> {
    let uri = request.uri();
    // CONNECT names its port always (RFC 9110, section 9.3.6); one that does not is refused as port 0.
    let origin = Origin::new("https", uri.host().unwrap_or_default(), Some(uri.port_u16().unwrap_or(0)));
    if let Some(why) = origin.refuse(shared) {
        note("CONNECT", origin.text(), listener, shared, why.clone());
        return refusal(StatusCode::FORBIDDEN, &why);
    }
    *tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some((request, origin));
    Response::new(Full::default())
}
