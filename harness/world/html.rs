//! How the pages of a world answer: with HTML that is never stored, with redirects, and with 500 where we made a mistake.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// An HTML page. It is never stored, so that going back asks again.
pub(super) fn page(status: StatusCode, html: String) -> Result<Response, Failure> {
    page_with(status, html, &[])
}

/// The same, which sets these cookies.
pub(super) fn page_with(status: StatusCode, html: String, cookies: &[HeaderValue]) -> Result<Response, Failure> {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, html).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// A redirect that is never stored.
pub(super) fn redirect(to: &str) -> Result<Response, Failure> {
    let to = HeaderValue::from_str(to)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, to), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response())
}

/// A mistake of ours, such as in a template. It is answered as plain text with 500.
#[derive(Debug)]
pub(super) struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("this page of kratos-repro failed: {:#}\n", self.0)).into_response()
    }
}
