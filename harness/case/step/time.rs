//! What time does to a session.

use serde::Deserialize;

use crate::case::duration::Time;

/// See [`super::Step::PassTime`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassTime {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// How much.
    pub time: Time,
}

/// See [`super::Step::ExtendSession`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendSession {
    /// The address of the identity whose sessions they are.
    pub of: String,
}
