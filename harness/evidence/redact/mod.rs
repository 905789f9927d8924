//! Replaces secrets by stable names that keep equality visible: `csrf#1` sent, `csrf#2` set.
//! Everything that a run writes passes here: results, reports, raw logs, error texts, the terminal.
//!
//! A secret is learned where it stands by its structure (a cookie, a form field, a mail's code) and then replaced
//! wherever it appears, however it is encoded. A value that stands in such a place and was never learned is replaced
//! all the same, by `csrf#?` and its like.
//!
//! Not learned, hence not replaced: values of fewer than four characters, and words of the protocol itself such as
//! `password`, which would take the readable parts away and protect nothing.

mod coding;
mod harvest;
mod html;
mod json;
mod matcher;
mod secret;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde_json::Value;

use super::{CookieSeen, Exchange, LogLine, MailSeen, StepTaken};
use coding::Coding;
use harvest::Found;
use matcher::Matcher;
pub use secret::Secret;

/// Knows every secret of one trial.
#[derive(Default)]
pub struct Redactor {
    /// What identifies a secret, whatever it is spelled like, and its name.
    names: HashMap<Vec<u8>, String>,
    /// Every spelling, and the name of what it spells.
    spellings: HashMap<String, String>,
    counts: HashMap<Secret, usize>,
    matcher: OnceLock<Matcher>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The derived text would print the secrets.
        formatter.debug_struct("Redactor").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret that is known from outside, such as a password of the case file.
    ///
    /// Distinct secrets of a kind are numbered in the order in which they are learned; a value that is known already
    /// keeps its name, whatever its kind.
    pub fn learn(&mut self, kind: Secret, value: &str) {
        if !secret::is_worth_learning(value) || self.spellings.contains_key(value) {
            return;
        }
        let decoded = Coding::Percent.decode(value).into_owned();
        let identity = secret::identity(kind, &decoded);
        let known = self.spellings.get(&decoded).or_else(|| self.names.get(&identity)).cloned();
        let name = known.unwrap_or_else(|| {
            let count = self.counts.entry(kind).or_default();
            *count += 1;
            format!("{}#{count}", kind.word())
        });
        self.names.insert(identity, name.clone());
        if decoded != value && secret::is_worth_learning(&decoded) {
            self.spellings.insert(decoded, name.clone());
        }
        self.spellings.insert(value.to_owned(), name);
        self.matcher = OnceLock::new();
    }

    /// Learns the value of a cookie; its kind is told by its name.
    pub fn learn_cookie(&mut self, name: &str, value: &str) {
        self.learn(Secret::of_cookie(name), value.trim_matches('"'));
    }

    /// Learns the secrets that stand in an exchange: in its headers, its URL and both bodies.
    pub fn learn_exchange(&mut self, exchange: &Exchange) {
        self.learn_found(harvest::exchange(exchange));
    }

    /// Learns the secrets that stand in a text by their structure: URLs, JSON, HTML fields and Ory's token prefixes.
    pub fn learn_text(&mut self, text: &str) {
        self.learn_found(harvest::text(text));
    }

    /// Learns the secrets of a JSON value by its keys, such as a mail's template data.
    pub fn learn_json(&mut self, value: &Value) {
        self.learn_text(&value.to_string());
    }

    fn learn_found(&mut self, found: Found) {
        for (kind, value) in found.into_values() {
            self.learn(kind, &value);
        }
    }

    /// Replaces every known secret in every encoding, and what stands in the place of a secret.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.replace(text, &self.net(harvest::text(text)))
    }

    /// Replaces the secrets in every field of an exchange. A body without secrets stays as it is, byte for byte.
    #[must_use]
    pub fn exchange(&self, exchange: &Exchange) -> Exchange {
        let net = self.net(harvest::exchange(exchange));
        let text = |text: &str| self.replace(text, &net);
        let headers = |headers: &[(String, String)]| -> Vec<(String, String)> {
            headers.iter().map(|(name, value)| (text(name), text(value))).collect()
        };
        Exchange {
            id: exchange.id,
            listener: text(&exchange.listener),
            step: exchange.step,
            at_ms: exchange.at_ms,
            took_ms: exchange.took_ms,
            method: text(&exchange.method),
            url: text(&exchange.url),
            request_headers: headers(&exchange.request_headers),
            request_body: text(&exchange.request_body),
            status: exchange.status,
            response_headers: headers(&exchange.response_headers),
            response_body: text(&exchange.response_body),
            policy: exchange.policy.iter().map(|line| text(line)).collect(),
            delivered_cookies: exchange.delivered_cookies.as_ref().map(|all| all.iter().map(|it| text(it)).collect()),
            fault: exchange.fault.as_deref().map(text),
            refused: exchange.refused.as_deref().map(text),
            upstream_failed: exchange.upstream_failed,
            undelivered: exchange.undelivered,
        }
    }

    /// Replaces the secrets in the texts of a step.
    #[must_use]
    pub fn step(&self, step: &StepTaken) -> StepTaken {
        let text = |text: &Option<String>| text.as_deref().map(|text| self.text(text));
        StepTaken {
            text: self.text(&step.text),
            browser: text(&step.browser),
            page: text(&step.page),
            screenshot: text(&step.screenshot),
            error: text(&step.error),
            ..step.clone()
        }
    }

    /// Replaces the secrets in the texts of a mail: newer versions of Kratos put the code into the subject.
    #[must_use]
    pub fn mail(&self, mail: &MailSeen) -> MailSeen {
        MailSeen {
            at_ms: mail.at_ms,
            recipient: self.text(&mail.recipient),
            template: self.text(&mail.template),
            subject: self.text(&mail.subject),
        }
    }

    /// Replaces the value of a cookie. Its name and attributes stay, but for secrets in them.
    #[must_use]
    pub fn cookie(&self, cookie: &CookieSeen) -> CookieSeen {
        let mut found = Found::default();
        found.push(Secret::of_cookie(&cookie.name), cookie.value.trim_matches('"'));
        CookieSeen {
            holder: self.text(&cookie.holder),
            name: self.text(&cookie.name),
            value: self.replace(&cookie.value, &self.net(found)),
            domain: self.text(&cookie.domain),
            path: self.text(&cookie.path),
            ..cookie.clone()
        }
    }

    /// Replaces the secrets in a line of a server's log.
    #[must_use]
    pub fn log_line(&self, line: &LogLine) -> LogLine {
        LogLine { server: self.text(&line.server), text: self.text(&line.text) }
    }

    /// What stands in the place of a secret and was never learned. A masked token whose secret is known keeps its name.
    fn net(&self, found: Found) -> Matcher {
        let mut unknown = HashMap::new();
        for (kind, value) in found.into_values() {
            if secret::is_worth_learning(&value) && !self.spellings.contains_key(&value) {
                let name = self.names.get(&secret::identity(kind, &value)).cloned();
                unknown.entry(value).or_insert_with(|| name.unwrap_or_else(|| format!("{}#?", kind.word())));
            }
        }
        Matcher::new(&unknown)
    }

    fn replace(&self, text: &str, net: &Matcher) -> String {
        let known = self.matcher.get_or_init(|| Matcher::new(&self.spellings));
        matcher::replace(text, &[known, net])
    }
}
