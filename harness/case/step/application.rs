//! The steps of applications that run what a person saved in them.

use serde::Deserialize;

use crate::case::fields::Fields;

/// See [`Step::RunClient`](super::Step::RunClient).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunClient {
    /// The client.
    pub by: String,
    /// The name of a collection or app in `fixtures/clients/<program>`.
    pub runs: String,
    /// The tenant that it is run against; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
    /// The values of its variables.
    #[serde(default)]
    pub values: Fields,
    /// Headers that are added to each of its requests.
    #[serde(default)]
    pub headers: Fields,
    /// Whether it keeps cookies in this run; as the client does where it is left out.
    #[serde(default)]
    pub cookie_jar: Option<bool>,
}

impl RunClient {
    /// What it does, for [`Step::text`](super::Step::text).
    pub(super) fn text(&self, list: impl Fn(&Fields) -> String) -> String {
        let jar = match self.cookie_jar {
            Some(true) => ", cookies kept",
            Some(false) => ", cookies disabled",
            None => "",
        };
        let headers =
            if self.headers.0.is_empty() { String::new() } else { format!("; headers {}", list(&self.headers)) };
        format!("run {} with {}: {}{jar}{headers}", self.runs, self.by, list(&self.values))
    }
}
