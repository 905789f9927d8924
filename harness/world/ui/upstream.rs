//! What the fixture interface asks Kratos on behalf of a browser.

use anyhow::{Context, Result};
use axum::http::header::{ACCEPT, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use url::Url;

use crate::client::ask;

/// Kratos, seen from the interface's server.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    base: Url,
    asked_at: Url,
    client: reqwest::Client,
}

/// What Kratos answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Null if the body was no JSON.
    pub(super) body: Value,
    /// Kratos's `Set-Cookie` headers, to be passed on to the browser.
    pub(super) cookies: Vec<HeaderValue>,
}

impl Upstream {
    /// Kratos at `base` for browsers, which `client` asks at `asked_at`.
    pub(super) fn new(base: Url, asked_at: Url, client: reqwest::Client) -> Self {
        Self { base, asked_at, client }
    }

    /// Its base URL, as browsers know it.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The URL for browsers of a path below Kratos's base URL, with these query keys.
    pub(super) fn url(&self, path: &str, query: &[(String, String)]) -> Result<Url> {
        below(&self.base, path, query)
    }

    /// Asks for JSON, with the cookies that the browser sent to the interface.
    pub(super) async fn get(&self, path: &str, query: &[(String, String)], browser: &HeaderMap) -> Result<Answer> {
        let url = below(&self.asked_at, path, query)?;
        let mut request = self.client.get(url.clone()).header(ACCEPT, "application/json");
        for cookie in browser.get_all(COOKIE) {
            request = request.header(COOKIE, cookie);
        }
        let response = ask(request).await.with_context(|| format!("no answer from `{url}`"))?;
        let status = response.status();
        let cookies = response.headers().get_all(SET_COOKIE).iter().cloned().collect();
        let text = response.bytes().await.with_context(|| format!("the answer of `{url}` ended early"))?;
        Ok(Answer { status, body: serde_json::from_slice(&text).unwrap_or(Value::Null), cookies })
    }
}

fn below(base: &Url, path: &str, query: &[(String, String)]) -> Result<Url> {
    let mut url = base.join(path).with_context(|| format!("`{path}` is no path below `{base}`"))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}
