//! The programs that a case can use as API clients.

use serde::{Deserialize, Serialize};

/// An API client's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// A plain HTTP client in the harness.
    Http,
    /// The real curl.
    Curl,
    /// Postman's command line.
    Newman,
    /// Insomnia's command line.
    Inso,
    /// The real Electron.
    Electron,
}

impl Program {
    /// The word in case files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Curl => "curl",
            Self::Newman => "newman",
            Self::Inso => "inso",
            Self::Electron => "electron",
        }
    }

    /// Whether it runs what a person saved in it, rather than single requests.
    pub fn is_application(self) -> bool {
        match self {
            Self::Http | Self::Curl => false,
            Self::Newman | Self::Inso | Self::Electron => true,
        }
    }

    /// The variables that what it runs has, and the values that each may have where not any will do.
    pub(super) fn variables(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Http | Self::Curl => &[],
            Self::Newman | Self::Inso => &[("identifier", &[]), ("password", &[])],
            Self::Electron => {
                &[("identifier", &[]), ("password", &[]), ("flow", &["api", "browser"]), ("send", &["fetch", "form"])]
            }
        }
    }
}
