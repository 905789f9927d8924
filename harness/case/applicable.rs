//! What a case says of a version of Kratos: the verdict that it expects there, or nothing, because that version lacks
//! what the case is about.

use super::catalogue::Case;
use super::differences::{Differences, Feature};
use super::step::Step;
use crate::backend::version::Version;

/// A case says nothing about a version, which lacks a feature that it needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it needs `{feature}`, {means}: Kratos {versions} has it, this is {version}")]
pub struct Lacking {
    feature: String,
    means: String,
    versions: String,
    version: String,
}

impl Case {
    /// The case as it is on a version of Kratos: expecting there what its file says.
    ///
    /// # Errors
    /// [`Lacking`] if the version lacks a feature that the case needs.
    pub fn on(&self, version: &Version, differences: &Differences) -> Result<Self, Lacking> {
        let needs = self.needs(differences);
        if let Some(feature) = needs.into_iter().find(|feature| !feature.versions.contains(version)) {
            return Err(Lacking {
                feature: feature.name.clone(),
                means: feature.means.clone(),
                versions: feature.versions.to_string(),
                version: version.to_string(),
            });
        }
        let mut case = self.clone();
        case.file.verdict = self.file.verdict_on.on(version).or(self.file.verdict);
        Ok(case)
    }

    /// The features that it needs: those that it names, and those that its steps and its own configuration cannot do
    /// without.
    pub fn needs<'a>(&self, differences: &'a Differences) -> Vec<&'a Feature> {
        let named = self.file.needs.iter().map(|name| name.value.as_str());
        let by_steps = self.file.all_steps().filter_map(|step| match step {
            Step::ReadMail(_) => Some("mails-by-http"),
            Step::Identity(identity) if identity.migrate_hook => Some("migrate-hook"),
            _ => None,
        });
        let worlds = self.file.worlds();
        let specs =
            worlds.flat_map(|it| it.kratos.iter().chain(it.tenants.iter().flat_map(|tenants| tenants.values())));
        let by_config = specs.filter_map(|spec| spec.config.as_ref()).flat_map(|it| differences.features_of(it));
        let mut needs: Vec<&Feature> =
            named.chain(by_steps).chain(by_config).filter_map(|name| differences.feature(name)).collect();
        needs.sort_by(|a, b| a.name.cmp(&b.name));
        needs.dedup_by(|a, b| a.name == b.name);
        needs
    }
}
