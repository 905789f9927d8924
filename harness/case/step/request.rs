//! What a page asks for: inside a frame of its own, or by a script.

use serde::Deserialize;

use super::FlowKind;

/// See [`super::Step::OpenFramed`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenFramed {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// The flow inside the frame.
    pub flow: FlowKind,
}

/// See [`super::Step::Fetch`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// A path of Kratos's public API, such as `/sessions/whoami`.
    pub path: String,
}
