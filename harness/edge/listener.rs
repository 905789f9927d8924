//! A listener: the proxy protocol towards one browser, client or server.
//! CONNECT opens a tunnel whose TLS ends here; a request in absolute form is plain http, and one in origin form is for the
//! server that the listener stands for, if it stands for one (RFC 9112, section 3.2).

use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Shared;
use super::carry::{self, Failed, Origin};
use super::policy::Itp;
use super::refusal::refusal;
use crate::evidence::Exchange;

/// Who listens: one browser, client or server, and the policy that treats its cookies.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) name: String,
    pub(super) policy: Option<Mutex<Itp>>,
    /// The server that it stands for, to somebody who knows of no proxy.
    stands_for: Option<Origin>,
}

impl Listener {
    pub(super) fn new(name: &str, policy: Option<Itp>) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), policy: policy.map(Mutex::new), stands_for: None })
    }

    pub(super) fn standing_for(name: &str, origin: Origin) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), policy: None, stands_for: Some(origin) })
    }
}

/// Accepts connections until the task is dropped; their tasks end with it.
pub(super) async fn serve(socket: TcpListener, listener: Arc<Listener>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                connections.spawn(connection(stream, Arc::clone(&listener), Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The CONNECT that a connection began with, and where it leads.
type Tunnel = Arc<Mutex<Option<(Request<Incoming>, Origin)>>>;

/// Serves one connection, and the tunnel that it becomes by CONNECT, in this one task.
async fn connection(stream: TcpStream, listener: Arc<Listener>, shared: Arc<Shared>) {
    let tunnel = Tunnel::default();
    let service = service_fn(|request| outer(request, &listener, &shared, &tunnel));
    // A connection that ends badly is the client's affair: what mattered of it is in the record.
    let _ =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    let opened = tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((request, origin)) = opened else { return };
    let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
    // A client that does not trust the world's authority hangs up here; there is no request to record.
    let Ok(stream) = shared.acceptor.0.accept(TokioIo::new(upgraded)).await else { return };
    let service = service_fn(|request| carry::carry(request, &origin, &listener, &shared));
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
}

async fn outer(
    request: Request<Incoming>,
    listener: &Arc<Listener>,
    shared: &Arc<Shared>,
    tunnel: &Tunnel,
) -> Result<Response<Full<Bytes>>, Failed> {
    if request.method() == Method::CONNECT {
        return Ok(connect(request, &listener.name, shared, tunnel));
    }
    let uri = request.uri();
    if let Some(origin) = listener.stands_for.as_ref().filter(|_| uri.host().is_none()) {
        return carry::carry(request, origin, listener, shared).await;
    }
    let Some(host) = uri.host().filter(|_| uri.scheme_str() == Some("http")) else {
        let why = "this is a proxy: send http requests in absolute form and use CONNECT for https";
        return Ok(refusal(StatusCode::BAD_REQUEST, why));
    };
    let origin = Origin::new("http", host, uri.port_u16());
    carry::carry(request, &origin, listener, shared).await
}

fn connect(request: Request<Incoming>, name: &str, shared: &Shared, tunnel: &Tunnel) -> Response<Full<Bytes>> {
    let uri = request.uri();
    // CONNECT names its port always (RFC 9110, section 9.3.6); one that does not is refused as port 0.
    let origin = Origin::new("https", uri.host().unwrap_or_default(), Some(uri.port_u16().unwrap_or(0)));
    if let Some(why) = origin.refuse(shared) {
        let exchange =
            Exchange { listener: name.to_owned(), method: "CONNECT".into(), url: origin.text(), ..Exchange::default() };
        shared.record.refuse(exchange, why.clone());
        return refusal(StatusCode::FORBIDDEN, &why);
    }
    *tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some((request, origin));
    Response::new(Full::default())
}
