//! The servers that this project builds and starts, and what tells them apart.

use std::fmt;

/// One of Ory's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Identities: what every case is about.
    Kratos,
    /// OAuth 2.0 and OpenID Connect: what a case may put in front of a legacy system.
    Hydra,
}

impl Product {
    /// The name of the program, of its folders in `fixtures/servers` and of its entries in the cache.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Kratos => "kratos",
            Self::Hydra => "hydra",
        }
    }

    /// The Go variable that holds the version; without it a build calls itself `master`
    /// (`driver/config/buildinfo.go` of Kratos v1.3.1 and of Hydra v2.3.0).
    pub(super) fn version_variable(self) -> &'static str {
        match self {
            Self::Kratos => "github.com/ory/kratos/driver/config.Version",
            Self::Hydra => "github.com/ory/hydra/v2/driver/config.Version",
        }
    }

    /// The command that builds a version of it.
    pub(super) fn cure(self, version: &str) -> String {
        match self {
            Self::Kratos => format!("run `scripts/setup`, or `kratos-repro setup --kratos {version}`"),
            Self::Hydra => "run `scripts/setup`, or `kratos-repro setup`".to_owned(),
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kratos => "Kratos",
            Self::Hydra => "Hydra",
        })
    }
}
