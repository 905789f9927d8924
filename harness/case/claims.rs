//! The claims of the page, with their quotes: `fixtures/claims.yaml`.

use std::path::Path;

use serde::Deserialize;

use super::error::CaseError;
use super::read;

/// One claim.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Such as `code-flows.second-submit`.
    pub id: String,
    /// The page's own words.
    pub quote: String,
    /// What a real Kratos does, as far as it is known.
    pub truth: String,
}

/// A section of the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Its claims.
    pub claims: Vec<Claim>,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The page's title.
    pub page: String,
    /// Its sections in their order.
    pub sections: Vec<Section>,
}

impl Claims {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is not of this form.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        read::yaml(path, &read::text(path)?)
    }

    /// A claim and its section's title.
    pub fn find(&self, id: &str) -> Option<(&Claim, &str)> {
        self.sections
            .iter()
            .find_map(|section| Some((section.claims.iter().find(|claim| claim.id == id)?, section.title.as_str())))
    }

    /// Every claim's id in the page's order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().flat_map(|section| section.claims.iter().map(|claim| claim.id.as_str()))
    }
}
