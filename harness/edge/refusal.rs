//! The edge's own answers: those to requests that it does not pass on.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

/// An answer of the edge itself that says why.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("kratos-repro edge: {why}\n")));
    *response.status_mut() = status;
    response
}
