//! The paths of the fixture interface, and what each of them answers.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::case::FlowKind;
use crate::case::interface::Submit;

use super::pages::{Pages, Visitor};
use super::upstream::{Answer, Upstream};

#[derive(Debug)]
struct Site {
    pages: Pages,
    upstream: Upstream,
    submit: Submit,
}

type Keys = Query<Vec<(String, String)>>;

/// Builds the router of the interface.
pub(super) fn build(pages: Pages, upstream: Upstream, submit: Submit) -> Router {
    let mut router = Router::new()
        .route("/", get(show_welcome))
        .route("/welcome", get(show_welcome))
        .route("/error", get(show_error))
        .route("/style.css", get(send_style))
        .route("/app.js", get(send_script));
    for flow in FlowKind::ALL {
        router = router
            .route(&format!("/{}", flow.word()), get(move |site, keys, browser| show_flow(flow, site, keys, browser)));
    }
    router.with_state(Arc::new(Site { pages, upstream, submit }))
}

async fn show_flow(
    flow: FlowKind,
    State(site): State<Arc<Site>>,
    Query(keys): Keys,
    browser: HeaderMap,
) -> Result<Response, Failure> {
    let name = flow.word();
    let Some((_, id)) = keys.iter().find(|(key, _)| key == "flow") else {
        let start = format!("self-service/{name}/browser");
        return redirect(site.upstream.url(&start, &keys)?.as_str());
    };
    if site.submit == Submit::Ajax {
        return page(StatusCode::OK, site.pages.render_flow(flow, None)?, &[]);
    }
    let path = format!("self-service/{name}/flows");
    let again = format!("/{name}");
    let answer = match site.upstream.get(&path, &[("id".to_owned(), id.clone())], &browser).await {
        Ok(answer) => answer,
        Err(error) => return site.show_unreachable(&error, &again),
    };
    if answer.status.is_success() && answer.body["ui"].is_object() {
        let html = site.pages.render_flow(flow, Some(&answer.body))?;
        return page(StatusCode::OK, html, &answer.cookies);
    }
    // A second factor or a fresh sign-in is asked for, which is no error to a person.
    if let Some(elsewhere) = answer.body["redirect_browser_to"].as_str() {
        return redirect(elsewhere);
    }
    site.show_failure(&answer, &again)
}

async fn show_error(State(site): State<Arc<Site>>, Query(keys): Keys, browser: HeaderMap) -> Result<Response, Failure> {
    let keys: Vec<_> = keys.into_iter().filter(|(key, _)| key == "id").collect();
    match site.upstream.get("self-service/errors", &keys, &browser).await {
        Ok(answer) => site.show_failure(&answer, "/login"),
        Err(error) => site.show_unreachable(&error, "/login"),
    }
}

async fn show_welcome(State(site): State<Arc<Site>>, browser: HeaderMap) -> Result<Response, Failure> {
    if site.submit == Submit::Ajax {
        let html = site.pages.render_welcome(Visitor::Unknown)?;
        return page(StatusCode::OK, html, &[]);
    }
    let mut answer = match site.upstream.get("sessions/whoami", &[], &browser).await {
        Ok(answer) => answer,
        Err(error) => return site.show_unreachable(&error, "/login"),
    };
    if answer.status == StatusCode::UNAUTHORIZED {
        let html = site.pages.render_welcome(Visitor::Stranger)?;
        return page(StatusCode::OK, html, &answer.cookies);
    }
    if !answer.status.is_success() || !answer.body["identity"].is_object() {
        return site.show_failure(&answer, "/login");
    }
    let farewell = site.upstream.get("self-service/logout/browser", &[], &browser).await;
    let farewell = match farewell {
        Ok(farewell) => farewell,
        Err(error) => return site.show_unreachable(&error, "/login"),
    };
    answer.cookies.extend(farewell.cookies);
    let html = site
        .pages
        .render_welcome(Visitor::SignedIn { session: &answer.body, logout: farewell.body["logout_url"].as_str() })?;
    page(StatusCode::OK, html, &answer.cookies)
}

async fn send_style(State(site): State<Arc<Site>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], site.pages.style.clone())
}

async fn send_script(State(site): State<Arc<Site>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], site.pages.script.clone())
}

impl Site {
    /// The page of an answer that holds an error object, `{"error": {...}}`.
    ///
    /// The page has the status of the error: the answer's own, or for a stored error, which arrives with 200, its code.
    fn show_failure(&self, answer: &Answer, again: &str) -> Result<Response, Failure> {
        let foreign = json!({ "message": "The answer was not one of Kratos." });
        let error = match &answer.body["error"] {
            Value::Object(_) => &answer.body["error"],
            _ => &foreign,
        };
        let status = if answer.status.is_client_error() || answer.status.is_server_error() {
            answer.status
        } else {
            error["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .and_then(|code| StatusCode::from_u16(code).ok())
                .filter(|status| status.is_client_error() || status.is_server_error())
                .unwrap_or(StatusCode::BAD_GATEWAY)
        };
        let html = self.pages.render_error(error, status, again)?;
        page(status, html, &answer.cookies)
    }

    fn show_unreachable(&self, error: &anyhow::Error, again: &str) -> Result<Response, Failure> {
        let error = json!({ "id": "kratos_unreachable", "reason": format!("{error:#}") });
        let html = self.pages.render_error(&error, StatusCode::BAD_GATEWAY, again)?;
        page(StatusCode::BAD_GATEWAY, html, &[])
    }
}

/// An HTML page. It is never stored, so that going back asks for the flow again.
fn page(status: StatusCode, html: String, cookies: &[HeaderValue]) -> Result<Response, Failure> {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, html).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

fn redirect(to: &str) -> Result<Response, Failure> {
    let to = HeaderValue::from_str(to)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, to), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response())
}

/// A mistake of the interface itself, such as in a template. It is answered as plain text with 500.
#[derive(Debug)]
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("the fixture interface failed: {:#}\n", self.0)).into_response()
    }
}
