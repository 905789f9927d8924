//! A listener: the proxy protocol towards one browser, client or server.
//! CONNECT opens a tunnel whose TLS ends here; a request in absolute form is plain http (RFC 9112, section 3.2).

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Shared;
use super::carry::{self, Failed, Origin};
use crate::evidence::Exchange;

/// Accepts connections until the task is dropped; their tasks end with it.
pub(super) async fn serve(socket: TcpListener, name: String, shared: Arc<Shared>) {
    let name: Arc<str> = name.into();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (name, shared) = (Arc::clone(&name), Arc::clone(&shared));
                connections.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let service = service_fn(move |request| outer(request, Arc::clone(&name), Arc::clone(&shared)));
                    // A connection that ends badly is the client's affair: what mattered of it is in the record.
                    let _ = http1::Builder::new()
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn outer(
    request: Request<Incoming>,
    name: Arc<str>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Failed> {
    if request.method() == Method::CONNECT {
        return Ok(connect(request, name, shared));
    }
    let Some(host) = request.uri().host().map(str::to_owned) else {
        return Ok(refusal(StatusCode::BAD_REQUEST, "this is a proxy: send requests in absolute form or use CONNECT"));
    };
    let origin = Origin { scheme: "http", host };
    carry::carry(request, origin, &name, &shared).await
}

fn connect(request: Request<Incoming>, name: Arc<str>, shared: Arc<Shared>) -> Response<Full<Bytes>> {
    let authority = request.uri().authority().cloned();
    let host = authority.as_ref().map(|it| it.host().to_owned()).unwrap_or_default();
    let port = authority.as_ref().and_then(hyper::http::uri::Authority::port_u16);
    let why = if shared.names.get(&host).is_none() {
        Some(format!("`{host}` is no host of this world"))
    } else if port != Some(443) {
        Some(format!("`{host}` is served on port 443 only"))
    } else {
        None
    };
    if let Some(why) = why {
        let exchange = Exchange {
            listener: name.to_string(),
            method: "CONNECT".into(),
            url: format!(
                "https://{host}{}",
                port.filter(|port| *port != 443).map_or(String::new(), |p| format!(":{p}"))
            ),
            ..Exchange::default()
        };
        shared.record.refuse(exchange, why.clone());
        return refusal(StatusCode::FORBIDDEN, &why);
    }
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        // A client that does not trust the world's authority hangs up here; there is no request to record.
        let Ok(stream) = shared.acceptor.0.accept(TokioIo::new(upgraded)).await else { return };
        let service = service_fn(move |request: Request<Incoming>| {
            let (name, shared) = (Arc::clone(&name), Arc::clone(&shared));
            let origin = Origin { scheme: "https", host: host.clone() };
            async move { carry::carry(request, origin, &name, &shared).await }
        });
        let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
    });
    Response::new(Full::default())
}

pub(super) fn refusal(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("kratos-repro edge: {why}\n")));
    *response.status_mut() = status;
    response
}

/// Reads a body whole; what could be read before an error counts as the body.
pub(super) async fn read_whole<B>(body: B) -> Bytes
where
    B: hyper::body::Body<Data = Bytes>,
{
    let mut body = Box::pin(body);
    let mut whole = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Bytes::from(whole)
}
