//! What the legacy system asks Hydra's admin API about logins and consents (ory/hydra v2.3.0 `consent/handler.go`).

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::client::ask;

/// Which of the two things Hydra asks a login application for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Who somebody is.
    Login,
    /// What a client may know.
    Consent,
}

impl Asked {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
        }
    }
}

/// What Hydra is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Accept,
    Reject,
}

/// Hydra's admin API.
#[derive(Debug)]
pub(super) struct Admin {
    base: String,
    http: reqwest::Client,
}

impl Admin {
    pub(super) fn new(base: String) -> Result<Self> {
        Ok(Self { base, http: crate::client::plain()? })
    }

    /// The request behind a challenge: client, scopes, subject.
    ///
    /// # Errors
    /// When Hydra does not answer, or does not know the challenge.
    pub(super) async fn request(&self, asked: Asked, challenge: &str) -> Result<Value> {
        let request = self.http.get(self.url(asked, "", challenge)?);
        read(request).await.with_context(|| format!("Hydra does not know this {} request", asked.word()))
    }

    /// Decides; gives the URL that the browser goes on to.
    ///
    /// # Errors
    /// When Hydra does not answer or does not take the decision.
    pub(super) async fn decide(
        &self,
        asked: Asked,
        challenge: &str,
        decision: Decision,
        body: &Value,
    ) -> Result<String> {
        let verb = match decision {
            Decision::Accept => "/accept",
            Decision::Reject => "/reject",
        };
        let request = self.http.put(self.url(asked, verb, challenge)?).json(body);
        let answer = read(request).await.with_context(|| format!("Hydra did not take the {}", asked.word()))?;
        answer["redirect_to"].as_str().map(str::to_owned).context("Hydra's answer has no `redirect_to`")
    }

    fn url(&self, asked: Asked, verb: &str, challenge: &str) -> Result<url::Url> {
        let word = asked.word();
        let mut url = url::Url::parse(&format!("{}/admin/oauth2/auth/requests/{word}{verb}", self.base))
            .context("failed to build the URL of Hydra's admin API")?;
        url.query_pairs_mut().append_pair(&format!("{word}_challenge"), challenge);
        Ok(url)
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Value> {
    let answer = ask(request).await.context("failed to reach Hydra's admin API")?;
    let status = answer.status();
    let body: Value = answer.json().await.context("the answer of Hydra's admin API is no JSON")?;
    if !status.is_success() {
        let said = body["error_description"].as_str().or(body["error"].as_str()).unwrap_or_default();
        bail!("Hydra's admin API answered {status}: {said}");
    }
    Ok(body)
}
