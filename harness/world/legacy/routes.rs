//! The paths of the legacy system, and what each of them answers.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::admin::{Admin, Asked, Decision};
use super::pages::{Attempt, Pages};
use super::users::Users;
use crate::case::HookAnswer;
use crate::world::html::{Failure, page, redirect};

struct Site {
    pages: Pages,
    users: Users,
    admin: Option<Admin>,
    hook: HookAnswer,
    stopped: watch::Receiver<()>,
}

/// Builds the router. `stopped` tells when the legacy system ends.
pub(super) fn build(
    pages: Pages,
    users: Users,
    admin: Option<Admin>,
    hook: HookAnswer,
    stopped: watch::Receiver<()>,
) -> Router {
    Router::new()
        .route("/", get(show_home))
        .route("/login", get(show_login).post(take_login))
        .route("/consent", get(show_consent).post(take_consent))
        .route("/error", get(show_error))
        .route("/style.css", get(send_style))
        .route("/verify-password", post(verify_password))
        .with_state(Arc::new(Site { pages, users, admin, hook, stopped }))
}

/// Returns when the sender is gone.
pub(super) async fn end(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

#[derive(Deserialize)]
struct LoginQuery {
    login_challenge: String,
}

#[derive(Deserialize)]
struct ConsentQuery {
    consent_challenge: String,
}

/// What Hydra tells a person who cannot go on (RFC 6749, section 4.1.2.1).
#[derive(Deserialize)]
struct ErrorQuery {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Choice {
    SignIn,
    Cancel,
    Allow,
    Deny,
}

#[derive(Deserialize)]
struct LoginForm {
    login_challenge: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    decision: Choice,
}

#[derive(Deserialize)]
struct ConsentForm {
    consent_challenge: String,
    decision: Choice,
}

/// What Kratos asks (`selfservice/hook/password_migration_hook.go` of v1.3.1).
#[derive(Deserialize)]
struct Question {
    identifier: String,
    password: String,
}

async fn show_home(State(site): State<Arc<Site>>) -> Result<Response, Failure> {
    page(StatusCode::OK, site.pages.render_home()?)
}

async fn send_style(State(site): State<Arc<Site>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], site.pages.style.clone())
}

async fn show_error(State(site): State<Arc<Site>>, Query(told): Query<ErrorQuery>) -> Result<Response, Failure> {
    let reason = if told.error_description.is_empty() { told.error } else { told.error_description };
    page(StatusCode::BAD_REQUEST, site.pages.render_error(&reason)?)
}

async fn show_login(State(site): State<Arc<Site>>, Query(query): Query<LoginQuery>) -> Result<Response, Failure> {
    let challenge = query.login_challenge;
    let request = match site.request(Asked::Login, &challenge).await {
        Ok(request) => request,
        Err(error) => return site.unable(&error),
    };
    // Hydra knows who it is already.
    if request["skip"] == true {
        let body = json!({ "subject": request["subject"] });
        return site.decide(Asked::Login, &challenge, Decision::Accept, &body).await;
    }
    page(StatusCode::OK, site.pages.render_login(&challenge, client(&request), Attempt::First)?)
}

async fn take_login(State(site): State<Arc<Site>>, Form(form): Form<LoginForm>) -> Result<Response, Failure> {
    let challenge = form.login_challenge;
    if form.decision != Choice::SignIn {
        let body = json!({ "error": "access_denied", "error_description": "The sign-in was cancelled." });
        return site.decide(Asked::Login, &challenge, Decision::Reject, &body).await;
    }
    if let Some(user) = site.users.check(&form.email, &form.password) {
        // Not remembered: who comes again is asked again, so that a second login is one.
        let body = json!({ "subject": user.id, "remember": false });
        return site.decide(Asked::Login, &challenge, Decision::Accept, &body).await;
    }
    let request = match site.request(Asked::Login, &challenge).await {
        Ok(request) => request,
        Err(error) => return site.unable(&error),
    };
    let html = site.pages.render_login(&challenge, client(&request), Attempt::Failed(&form.email))?;
    page(StatusCode::UNAUTHORIZED, html)
}

async fn show_consent(State(site): State<Arc<Site>>, Query(query): Query<ConsentQuery>) -> Result<Response, Failure> {
    let challenge = query.consent_challenge;
    let request = match site.request(Asked::Consent, &challenge).await {
        Ok(request) => request,
        Err(error) => return site.unable(&error),
    };
    let Some(user) = request["subject"].as_str().and_then(|id| site.users.find(id)) else {
        return page(StatusCode::NOT_FOUND, site.pages.render_error("This member does not exist.")?);
    };
    page(StatusCode::OK, site.pages.render_consent(&challenge, client(&request), &user.name, &user.email)?)
}

async fn take_consent(State(site): State<Arc<Site>>, Form(form): Form<ConsentForm>) -> Result<Response, Failure> {
    let challenge = form.consent_challenge;
    if form.decision != Choice::Allow {
        let body = json!({ "error": "access_denied", "error_description": "The member did not agree." });
        return site.decide(Asked::Consent, &challenge, Decision::Reject, &body).await;
    }
    let request = match site.request(Asked::Consent, &challenge).await {
        Ok(request) => request,
        Err(error) => return site.unable(&error),
    };
    let Some(user) = request["subject"].as_str().and_then(|id| site.users.find(id)) else {
        return page(StatusCode::NOT_FOUND, site.pages.render_error("This member does not exist.")?);
    };
    let body = json!({
        "grant_scope": request["requested_scope"],
        "grant_access_token_audience": request["requested_access_token_audience"],
        "remember": false,
        "session": { "id_token": { "email": user.email, "name": user.name } },
    });
    site.decide(Asked::Consent, &challenge, Decision::Accept, &body).await
}

async fn verify_password(State(site): State<Arc<Site>>, Json(question): Json<Question>) -> Response {
    let no = || (StatusCode::FORBIDDEN, Json(json!({ "status": "no" }))).into_response();
    match site.hook {
        HookAnswer::Match => match site.users.check(&question.identifier, &question.password) {
            Some(_) => Json(json!({ "status": "password_match" })).into_response(),
            None => no(),
        },
        HookAnswer::Forbidden => no(),
        HookAnswer::Failure => (StatusCode::INTERNAL_SERVER_ERROR, "the table of members is locked\n").into_response(),
        HookAnswer::Nonsense => "<!doctype html><title>Welcome</title><p>OK</p>\n".into_response(),
        HookAnswer::Silent => {
            end(site.stopped.clone()).await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Site {
    async fn request(&self, asked: Asked, challenge: &str) -> Result<Value> {
        self.admin()?.request(asked, challenge).await
    }

    /// Tells Hydra, and sends the browser on.
    async fn decide(
        &self,
        asked: Asked,
        challenge: &str,
        decision: Decision,
        body: &Value,
    ) -> Result<Response, Failure> {
        let decided = async { self.admin()?.decide(asked, challenge, decision, body).await };
        match decided.await {
            Ok(url) => redirect(&url),
            Err(error) => self.unable(&error),
        }
    }

    fn admin(&self) -> Result<&Admin> {
        self.admin.as_ref().context("no Hydra stands in front of this system")
    }

    fn unable(&self, error: &anyhow::Error) -> Result<Response, Failure> {
        // What lies deeper names addresses that are nobody's business.
        let reason = error.chain().take(2).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        page(StatusCode::BAD_GATEWAY, self.pages.render_error(&reason)?)
    }
}

/// The name of the OAuth 2.0 client that asks.
fn client(request: &Value) -> &str {
    request["client"]["client_name"].as_str().filter(|name| !name.is_empty()).unwrap_or("another application")
}
