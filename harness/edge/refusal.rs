//! The edge's own answers: those to requests that it does not pass on, and its empty page.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

/// An answer of the edge itself that says why.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("kratos-repro edge: {why}\n")));
    *response.status_mut() = status;
    response
}

/// The answer to one who is not let in: how the password is to be sent (RFC 9110, section 11.7.1).
pub(super) fn ask_for_password(why: &str) -> Response<Full<Bytes>> {
    let mut response = refusal(StatusCode::PROXY_AUTHENTICATION_REQUIRED, why);
    let basic = hyper::header::HeaderValue::from_static("Basic realm=\"kratos-repro edge\"");
    response.headers_mut().insert(hyper::header::PROXY_AUTHENTICATE, basic);
    response
}

/// An icon of its own keeps the browser from asking the host for one.
const PAGE: &str = "<!doctype html><title>kratos-repro edge</title><link rel=icon href=data:,>";

/// The edge's empty page.
pub(super) fn blank() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(PAGE));
    let html = hyper::header::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, html);
    response
}
