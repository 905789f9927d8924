//! The paths of the fixture interface, and what each of them answers.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::case::FlowKind;
use crate::case::interface::{Expired, Submit};

use super::pages::{Pages, Visitor};
use super::place::Links;
use super::upstream::{Answer, Upstream};
use crate::world::html::{Failure, page, page_with, redirect};

/// What the interface answers from.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) pages: Pages,
    pub(super) tenants: Vec<Tenant>,
    pub(super) submit: Submit,
    pub(super) expired: Expired,
}

/// One Kratos whose flows are shown, and where.
#[derive(Debug)]
pub(super) struct Tenant {
    /// Its word in paths; nothing where it is alone.
    pub(super) route: Option<String>,
    pub(super) links: Links,
    pub(super) upstream: Upstream,
}

type Keys = Query<Vec<(String, String)>>;

/// The key that names a tenant where paths do not.
const TENANT: &str = "tenant";

/// Builds the router of the interface.
pub(super) fn build(site: Site) -> Router {
    let site = Arc::new(site);
    let mut router = Router::new()
        .route("/", get(|site, keys, browser| show_welcome(None, site, keys, browser)))
        .route("/style.css", get(send_style))
        .route("/app.js", get(send_script));
    let routes = site.tenants.iter().enumerate().filter_map(|(index, it)| Some((Some(index), it.route.as_ref()?)));
    let places = routes.map(|(index, route)| (index, format!("/{route}"))).chain([(None, String::new())]);
    for (index, end) in places.collect::<Vec<_>>() {
        let welcome = move |site, keys, browser| show_welcome(index, site, keys, browser);
        let error = move |site, keys, browser| show_error(index, site, keys, browser);
        router = router.route(&format!("/welcome{end}"), get(welcome)).route(&format!("/error{end}"), get(error));
        for flow in FlowKind::ALL {
            let show = move |site, keys, browser| show_flow(flow, index, site, keys, browser);
            router = router.route(&format!("/{}{end}", flow.word()), get(show));
        }
    }
    router.with_state(site)
}

async fn show_flow(
    flow: FlowKind,
    route: Option<usize>,
    State(site): State<Arc<Site>>,
    Query(mut keys): Keys,
    browser: HeaderMap,
) -> Result<Response, Failure> {
    let name = flow.word();
    let Some(tenant) = site.tenant(route, &keys) else { return site.ask(name) };
    let Some((_, id)) = keys.iter().find(|(key, _)| key == "flow") else {
        let start = format!("self-service/{name}/browser");
        keys.retain(|(key, _)| key != TENANT);
        return redirect(tenant.upstream.url(&start, &keys)?.as_str());
    };
    if site.submit == Submit::Ajax {
        return page(StatusCode::OK, site.pages.render_flow(tenant, flow, None)?);
    }
    let path = format!("self-service/{name}/flows");
    let again = tenant.links.of(flow);
    let answer = match tenant.upstream.get(&path, &[("id".to_owned(), id.clone())], &browser).await {
        Ok(answer) => answer,
        Err(error) => return site.show_unreachable(tenant, &error, again),
    };
    if answer.status.is_success() && answer.body["ui"].is_object() {
        let html = site.pages.render_flow(tenant, flow, Some(&answer.body))?;
        return page_with(StatusCode::OK, html, &answer.cookies);
    }
    if answer.status == StatusCode::GONE {
        let start = tenant.upstream.url(&format!("self-service/{name}/browser"), &[])?;
        match (site.expired, answer.body["error"]["details"]["redirect_to"].as_str()) {
            (Expired::Restart, _) => return redirect(start.as_str()),
            (Expired::Follow, Some(elsewhere)) => return redirect(elsewhere),
            (Expired::Error, _) | (Expired::Follow, None) => {}
        }
    }
    // A second factor or a fresh sign-in is asked for, which is no error to a person.
    if let Some(elsewhere) = answer.body["redirect_browser_to"].as_str() {
        return redirect(elsewhere);
    }
    site.show_failure(tenant, &answer, again)
}

async fn show_error(
    route: Option<usize>,
    State(site): State<Arc<Site>>,
    Query(keys): Keys,
    browser: HeaderMap,
) -> Result<Response, Failure> {
    let Some(tenant) = site.tenant(route, &keys) else { return site.ask("error") };
    let keys: Vec<_> = keys.into_iter().filter(|(key, _)| key == "id").collect();
    match tenant.upstream.get("self-service/errors", &keys, &browser).await {
        Ok(answer) => site.show_failure(tenant, &answer, &tenant.links.login),
        Err(error) => site.show_unreachable(tenant, &error, &tenant.links.login),
    }
}

async fn show_welcome(
    route: Option<usize>,
    State(site): State<Arc<Site>>,
    Query(keys): Keys,
    browser: HeaderMap,
) -> Result<Response, Failure> {
    let Some(tenant) = site.tenant(route, &keys) else { return site.ask("welcome") };
    if site.submit == Submit::Ajax {
        let html = site.pages.render_welcome(tenant, Visitor::Unknown)?;
        return page(StatusCode::OK, html);
    }
    let again = &tenant.links.login;
    let mut answer = match tenant.upstream.get("sessions/whoami", &[], &browser).await {
        Ok(answer) => answer,
        Err(error) => return site.show_unreachable(tenant, &error, again),
    };
    if answer.status == StatusCode::UNAUTHORIZED {
        let html = site.pages.render_welcome(tenant, Visitor::Stranger)?;
        return page_with(StatusCode::OK, html, &answer.cookies);
    }
    if !answer.status.is_success() || !answer.body["identity"].is_object() {
        return site.show_failure(tenant, &answer, again);
    }
    let farewell = match tenant.upstream.get("self-service/logout/browser", &[], &browser).await {
        Ok(farewell) => farewell,
        Err(error) => return site.show_unreachable(tenant, &error, again),
    };
    answer.cookies.extend(farewell.cookies);
    let visitor = Visitor::SignedIn { session: &answer.body, logout: farewell.body["logout_url"].as_str() };
    page_with(StatusCode::OK, site.pages.render_welcome(tenant, visitor)?, &answer.cookies)
}

async fn send_style(State(site): State<Arc<Site>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], site.pages.style.clone())
}

async fn send_script(State(site): State<Arc<Site>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], site.pages.script.clone())
}

impl Site {
    /// Whom a page is for: by its route, by its query, or because there is one only.
    fn tenant(&self, route: Option<usize>, keys: &[(String, String)]) -> Option<&Tenant> {
        let named = keys.iter().find(|(key, _)| key == TENANT).map(|(_, name)| name);
        match (route, named) {
            (Some(index), _) => self.tenants.get(index),
            (None, Some(name)) => self.tenants.iter().find(|it| it.route.as_ref() == Some(name)),
            (None, None) => self.tenants.first().filter(|it| it.route.is_none()),
        }
    }

    /// Asks a person which tenant's page is meant.
    fn ask(&self, name: &str) -> Result<Response, Failure> {
        let routes: Vec<&str> = self.tenants.iter().filter_map(|it| it.route.as_deref()).collect();
        let any = self.tenants.first().context("the interface has no Kratos")?;
        page(StatusCode::OK, self.pages.render_choice(name, any, &routes)?)
    }

    /// The page of an answer that holds an error object, `{"error": {...}}`.
    ///
    /// The page has the status of the error: the answer's own, or for a stored error, which arrives with 200, its code.
    fn show_failure(&self, tenant: &Tenant, answer: &Answer, again: &str) -> Result<Response, Failure> {
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
        let html = self.pages.render_error(tenant, error, status, again)?;
        page_with(status, html, &answer.cookies)
    }

    fn show_unreachable(&self, tenant: &Tenant, error: &anyhow::Error, again: &str) -> Result<Response, Failure> {
        let error = json!({ "id": "kratos_unreachable", "reason": format!("{error:#}") });
        let html = self.pages.render_error(tenant, &error, StatusCode::BAD_GATEWAY, again)?;
        page(StatusCode::BAD_GATEWAY, html)
    }
}
