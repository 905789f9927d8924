//! Carries one exchange: request to the upstream, answer back, with the faults that strike it, into the record.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, client};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

use super::fault::Effect;
use super::listener::{HEADERS, Listener};
use super::names::Passage;
use super::origin::Origin;
use super::peer::Line;
use super::refusal::{blank, refusal};
use super::{Record, Shared, treat};
use crate::evidence::Exchange;
use crate::wait::within;

/// A path of every host, and below any path of it, at which the edge itself has an empty page. A jar is asked for its
/// cookies by a page that gets them: those of a path are for pages below it alone.
pub const BLANK_PATH: &str = "/.kratos-repro/blank";

/// How long an upstream may take for one answer: longer than any case waits for one that does not come, since a request
/// that the edge has answered waits no more.
pub const UPSTREAM_LIMIT: Duration = Duration::from_secs(75);

/// Headers that belong to one connection and are not passed on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer was lost on purpose")]
pub(super) struct Failed;

/// Passes the request on and gives its answer back.
///
/// An exchange that has begun is carried to its end in a task of its own, even when the client hangs up, unless a fault
/// passes that on: as behind a buffering load balancer. (Go cancels a request whose client is gone, so this decides what a
/// double click does.)
pub(super) async fn carry(
    request: Request<Incoming>,
    line: Line,
    origin: &Origin,
    listener: &Arc<Listener>,
    shared: &Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Failed> {
    let (mut parts, body) = request.into_parts();
    let path_and_query = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let origin = origin.clone();
    let mut exchange = Exchange {
        listener: listener.name.clone(),
        method: parts.method.to_string(),
        url: format!("{}{path_and_query}", origin.text()),
        request_headers: plain(&parts.headers),
        ..Exchange::default()
    };
    if let Some(why) = origin.refuse(shared) {
        shared.record.refuse(exchange, why.clone());
        return Ok(refusal(StatusCode::FORBIDDEN, &why));
    }
    if parts.uri.path().ends_with(BLANK_PATH) {
        // No server, no policy and no record: it stands for looking at a jar, which no page has to be open for.
        return Ok(blank());
    }
    let step = shared.record.step();
    let effects: Vec<Effect> = shared
        .faults
        .iter()
        .filter_map(|fault| fault.strike(step, &origin.host, &parts).cloned())
        .map(|effect| {
            effect.on(&exchange.listener, &exchange.method, &format!("{}{}", origin.text(), parts.uri.path()))
        })
        .collect();
    for effect in effects.iter().filter(|effect| effect.is_certain()) {
        tell(&mut exchange, effect);
    }
    let task = treat::request(listener, &mut exchange, &mut parts.headers);
    let id = shared.record.begin(exchange);
    let open = Open { record: shared.record.clone(), id };
    let passes_hang_up = effects.contains(&Effect::PassHangUp);
    let record = shared.record.clone();
    let (shared, listener) = (Arc::clone(shared), Arc::clone(listener));
    let carried = tokio::spawn(async move {
        // A request that breaks off is not passed on: cut short it would say something else.
        let Ok(body) = body.collect().await else {
            let why = "the client hung up before its request was whole".to_owned();
            open.record.change(id, |exchange| exchange.refused = Some(why));
            return Err(Failed);
        };
        let body = body.to_bytes();
        open.record.change(id, |exchange| exchange.request_body = text(&body));
        let mut parts = parts;
        for effect in &effects {
            match effect {
                Effect::DelayRequest(time) => tokio::time::sleep(*time).await,
                Effect::EncodeCookies => encode_cookies(&mut parts.headers),
                Effect::Together(meeting) => {
                    // One that finds it over is not held.
                    let Some(place) = meeting.join() else { continue };
                    open.record.change(id, |exchange| tell(exchange, effect));
                    if let Err(why) = place.meet().await {
                        // Passed on alone it would prove nothing about two at once.
                        open.record.note_trouble(why.clone());
                        open.record.change(id, |exchange| exchange.refused = Some(why.clone()));
                        return Ok(refusal(StatusCode::GATEWAY_TIMEOUT, &why));
                    }
                }
                _ => {}
            }
        }
        let Some(passage) = shared.names.find(&origin.host, origin.port, &path_and_query) else {
            let why = format!("no server of this world stands behind this path of `{}`", origin.host);
            open.record.change(id, |exchange| exchange.refused = Some(why.clone()));
            return Ok(refusal(StatusCode::NOT_FOUND, &why));
        };
        let mut answer = match ask(&origin, &passage, parts, body).await {
            Ok(answer) => answer,
            Err(error) => {
                let why = format!("{error:#}");
                open.record.change(id, |exchange| {
                    exchange.refused = Some(why.clone());
                    exchange.upstream_failed = true;
                });
                return Ok(refusal(StatusCode::BAD_GATEWAY, &why));
            }
        };
        for effect in &effects {
            if let Effect::AddCookie(cookie) = effect
                && let Ok(value) = HeaderValue::from_str(cookie)
            {
                answer.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        open.record.change(id, |exchange| {
            exchange.status = Some(answer.status().as_u16());
            exchange.response_headers = plain(answer.headers());
            exchange.response_body = told(answer.headers(), answer.body());
        });
        // An answer that never comes back leaves the browser as it was: it gets none of the cookies.
        if effects.contains(&Effect::LoseAnswer) || line.is_hung_up() {
            open.record.change(id, |exchange| {
                exchange.delivered_cookies = Some(Vec::new());
                exchange.undelivered = true;
            });
        } else if let Some(task) = task {
            let record = shared.dns.ask(&origin.host);
            let (done, delivered) = treat::answer(&listener, &task, &record, &mut answer);
            open.record.change(id, |exchange| {
                exchange.policy.extend(done);
                exchange.delivered_cookies = delivered;
            });
        }
        for effect in &effects {
            match effect {
                Effect::DelayAnswer(time) => {
                    tokio::time::sleep(*time).await;
                    open.record.released().await;
                }
                Effect::LoseAnswer => return Err(Failed),
                // A jitter has become a delay.
                Effect::Jitter(_)
                | Effect::DelayRequest(_)
                | Effect::AddCookie(_)
                | Effect::EncodeCookies
                | Effect::Together(_)
                | Effect::PassHangUp => {}
            }
        }
        Ok(answer.map(Full::new))
    });
    // This function is dropped with its client's connection.
    let _cut = Cut { carried: carried.abort_handle(), record: record.clone(), id, passes_hang_up };
    let answer = carried.await.unwrap_or(Err(Failed));
    if line.is_hung_up() {
        record.change(id, |exchange| exchange.undelivered = true);
    }
    answer
}

/// Notes that the client of an exchange has hung up, and ends its task where that is to be passed on.
struct Cut {
    carried: AbortHandle,
    record: Record,
    id: u64,
    passes_hang_up: bool,
}

impl Drop for Cut {
    fn drop(&mut self) {
        if self.carried.is_finished() {
            return;
        }
        self.record.change(self.id, |exchange| exchange.undelivered = true);
        if self.passes_hang_up {
            self.record.change(self.id, |exchange| tell(exchange, &Effect::PassHangUp));
            self.carried.abort();
        }
    }
}

/// Says what a fault does to an exchange.
fn tell(exchange: &mut Exchange, effect: &Effect) {
    let before = exchange.fault.take().map_or(String::new(), |before| format!("{before}; "));
    exchange.fault = Some(before + &effect.text());
}

/// An exchange that has begun; however its task ends, the record hears of it.
struct Open {
    record: Record,
    id: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.record.end(self.id);
    }
}

async fn ask(
    origin: &Origin,
    passage: &Passage,
    parts: hyper::http::request::Parts,
    body: Bytes,
) -> Result<Response<Bytes>> {
    let host = &origin.host;
    let port = origin.port.map_or(String::new(), |port| format!(":{port}"));
    let authority = format!("{host}{port}");
    let asked = async {
        let stream = TcpStream::connect(passage.upstream)
            .await
            .with_context(|| format!("failed to reach the server of `{host}`"))?;
        let (mut sender, connection) = client::conn::http1::Builder::new()
            .max_headers(HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .with_context(|| format!("failed to talk to the server of `{host}`"))?;
        // It ends with the answer, or with what waits for it.
        let mut pump = JoinSet::new();
        pump.spawn(connection);
        let mut request = Request::builder().method(parts.method).uri(&passage.path);
        if let Some(headers) = request.headers_mut() {
            *headers = parts.headers;
            remove_hop_by_hop(headers);
            headers.remove(header::CONTENT_LENGTH);
            // Bodies stay readable in the record.
            headers.remove(header::ACCEPT_ENCODING);
            headers.insert(header::HOST, HeaderValue::from_str(&authority).context("the host is no header value")?);
            headers.insert("x-forwarded-proto", HeaderValue::from_static(origin.scheme));
        }
        let request = request.body(Full::new(body)).context("failed to build the upstream's request")?;
        let answer =
            sender.send_request(request).await.with_context(|| format!("the server of `{host}` did not answer"))?;
        let (mut parts, body) = answer.into_parts();
        let body = body.collect().await.with_context(|| format!("the server of `{host}` broke off its answer"))?;
        let body = body.to_bytes();
        remove_hop_by_hop(&mut parts.headers);
        // The body has been read whole, so its length is known anew.
        parts.headers.remove(header::CONTENT_LENGTH);
        Ok(Response::from_parts(parts, body))
    };
    match within(UPSTREAM_LIMIT, asked).await {
        Ok(answer) => answer,
        Err(deadline) => anyhow::bail!("the server of `{host}` did not answer within {deadline}"),
    }
}

/// Percent-encodes what is not unreserved in every cookie's value.
fn encode_cookies(headers: &mut HeaderMap) {
    let encoded = |cookie: &str| match cookie.split_once('=') {
        Some((name, value)) => format!("{name}={}", percent_encoded(value)),
        None => cookie.to_owned(),
    };
    for (_, value) in headers.iter_mut().filter(|(name, _)| **name == header::COOKIE) {
        let Ok(text) = value.to_str() else { continue };
        let text = text.split(';').map(|cookie| encoded(cookie.trim())).collect::<Vec<_>>().join("; ");
        if let Ok(encoded) = HeaderValue::from_str(&text) {
            *value = encoded;
        }
    }
}

/// What is not a letter, a digit or one of `-._~` (RFC 3986, section 2.3) as percent and two digits, a space as well.
fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// Removes what belongs to one connection: the well-known headers, and those that `Connection` names.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// What of an answer's body is kept: of scripts, styles, pictures and fonts that they were there. Nothing is ever asked of
/// them, and a page that somebody else wrote may have megabytes of them.
fn told(headers: &HeaderMap, body: &Bytes) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (class, name) = kind.split_once('/').unwrap_or_default();
    let is_furniture = ["image", "font", "audio", "video"].contains(&class)
        || ["css", "javascript", "x-javascript", "ecmascript", "wasm"].contains(&name);
    if is_furniture && !body.is_empty() { format!("({} bytes of {kind})", body.len()) } else { text(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookies_of_every_header_are_encoded() {
        let values = ["a=1+; b=2", "c=3=", "d=- *~%"].map(|value| (header::COOKIE, HeaderValue::from_static(value)));
        let mut headers: HeaderMap = values.into_iter().collect();

        encode_cookies(&mut headers);

        let seen: Vec<&HeaderValue> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(seen, ["a=1%2B; b=2", "c=3%3D", "d=-%20%2A~%25"]);
    }

    #[test]
    fn what_a_page_is_furnished_with_is_told_by_its_size() {
        let told = |kind: &'static str| {
            let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().collect();
            told(&headers, &Bytes::from_static(b"body"))
        };

        assert_eq!(told("text/javascript; charset=utf-8"), "(4 bytes of text/javascript)");
        assert_eq!(told("image/svg+xml"), "(4 bytes of image/svg+xml)");
        for kind in ["application/json", "text/html; charset=utf-8", "text/plain", ""] {
            assert_eq!(told(kind), "body");
        }
    }
}
