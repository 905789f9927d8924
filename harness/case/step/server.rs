//! What a case does to the servers of its world.

use serde::Deserialize;

/// A server that a migration leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Old {
    /// The Hydra in front of the legacy system.
    Hydra,
    /// The legacy system itself.
    Legacy,
}

impl Old {
    /// The word in case files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hydra => "hydra",
            Self::Legacy => "legacy",
        }
    }
}
