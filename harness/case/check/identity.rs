//! What is asked of Kratos's admin API.

use serde::Deserialize;

use crate::case::fields::Fields;

/// See [`super::Check::Identities`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identities {
    /// The address; any where it is left out.
    #[serde(default)]
    pub of: Option<String>,
    /// How many.
    pub count: usize,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`super::Check::Traits`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traits {
    /// The address.
    pub of: String,
    /// Traits and their values; others may be there as well.
    pub has: Fields,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`super::Check::Credential`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The address.
    pub of: String,
    /// Its type, such as `oidc`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What its identifier begins with, such as `hydra:`; any where it is left out.
    #[serde(default)]
    pub identifier: Option<String>,
    /// `true` where it must not be there.
    #[serde(default)]
    pub absent: bool,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`super::Check::Sessions`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The address.
    pub of: String,
    /// How many.
    pub count: usize,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}
