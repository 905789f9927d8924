//! The plain records that evidence is made of. They are written to `results.json` and read back by `kratos-repro report`.

use serde::{Deserialize, Serialize};

/// One request and its answer as they crossed the edge, whoever made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Counts from 1 in the order in which requests arrived.
    pub id: u64,
    /// Who asked: the name of the browser or client (`a`), or of the server (`ui`, `kratos`).
    pub listener: String,
    /// The step that was running when the request arrived, counted from 1; 0 before the first.
    pub step: usize,
    /// When the request arrived, in ms since the world was ready.
    pub at_ms: u64,
    /// Until the answer was handed back, in ms; nothing when there was none.
    pub took_ms: Option<u64>,
    /// The request's method.
    pub method: String,
    /// The whole URL, as the client meant it.
    pub url: String,
    /// The request's headers in their order.
    pub request_headers: Vec<(String, String)>,
    /// The request's body as text; bytes that are not UTF-8 are replaced.
    pub request_body: String,
    /// The status that the upstream answered; nothing when it never did.
    pub status: Option<u16>,
    /// The answer's headers in their order, as the upstream sent them.
    pub response_headers: Vec<(String, String)>,
    /// The answer's body as text.
    pub response_body: String,
    /// What the browser's policy did to the cookies of this exchange, or left, and why; empty where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<String>,
    /// The `Set-Cookie` values that the browser got, where its policy changed any or the answer was lost:
    /// `response_headers` has them as the upstream sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_cookies: Option<Vec<String>>,
    /// What the edge did to this exchange on purpose, in words.
    pub fault: Option<String>,
    /// Why the edge did not pass it on, in words, or why it has no whole answer.
    pub refused: Option<String>,
    /// Whether it was refused because the server behind the edge could not be reached, or gave no whole answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub upstream_failed: bool,
    /// Whether the answer reached nobody: a fault lost it, or the client had hung up before it was handed back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undelivered: bool,
}

impl Exchange {
    /// The path of the URL, without query.
    pub fn path(&self) -> &str {
        path_of(&self.url)
    }

    /// The host of the URL, without port.
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.split(['/', '?', '#', ':']).next().unwrap_or(rest)
    }

    /// The values of a request header, without regard to case.
    pub fn request_header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        header(&self.request_headers, name)
    }

    /// The values of an answer's header, without regard to case.
    pub fn response_header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        header(&self.response_headers, name)
    }
}

/// The path of a URL, without query; of a bare path the same.
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |start| &rest[start..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

fn header<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It was taken.
    Done,
    /// It could not be taken; the trial has no verdict.
    Failed,
    /// An earlier step failed.
    NotReached,
}

/// One step of a trial as it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTaken {
    /// Counts from 1.
    pub number: usize,
    /// One line that says what was done, secrets replaced.
    pub text: String,
    /// The line in the case file.
    pub line: u64,
    /// How it ended.
    pub state: StepState,
    /// When it began, in ms since the world was ready.
    pub at_ms: u64,
    /// How long it took, in ms.
    pub took_ms: u64,
    /// The browser that it acted in.
    pub browser: Option<String>,
    /// Where that browser stood afterwards.
    pub page: Option<String>,
    /// A PNG beside `results.json`, relative to it.
    pub screenshot: Option<String>,
    /// What went wrong, where it failed.
    pub error: Option<String>,
}

/// A mail that Kratos sent, as the sink received it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSeen {
    /// When it arrived, in ms since the world was ready.
    pub at_ms: u64,
    /// To whom.
    pub recipient: String,
    /// Kratos's template type, such as `login_code_valid`.
    pub template: String,
    /// The subject line.
    pub subject: String,
}

/// A cookie as a browser holds it at the end of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CookieSeen {
    /// The browser or client that holds it.
    pub holder: String,
    /// Its name.
    pub name: String,
    /// Its value, replaced by a stable name.
    pub value: String,
    /// The domain as the browser reports it.
    pub domain: String,
    /// The path.
    pub path: String,
    /// The seconds left until it expires; nothing for a session cookie.
    pub expires_in_s: Option<i64>,
    /// `Lax`, `Strict` or `None`, as the browser reports it.
    pub same_site: Option<String>,
    /// Whether it goes over https only.
    pub secure: bool,
    /// Whether scripts are kept from it.
    pub http_only: bool,
}

/// A line of a server's log that belongs to the trial's flows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// The server that wrote it.
    pub server: String,
    /// The line, secrets replaced.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_and_path() {
        let exchange =
            Exchange { url: "https://ory.example.test:443/self-service/login?flow=1#x".into(), ..Default::default() };

        assert_eq!((exchange.host(), exchange.path()), ("ory.example.test", "/self-service/login"));
    }

    #[test]
    fn a_url_without_path_has_the_root() {
        let exchange = Exchange { url: "https://ory.example.test".into(), ..Default::default() };

        assert_eq!((exchange.host(), exchange.path()), ("ory.example.test", "/"));
    }
}
