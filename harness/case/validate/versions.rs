//! Refuses needs that no table knows, and ranges of versions that cannot be meant.

use super::Context;
use crate::case::differences::Differences;
use crate::case::error::CaseError;
use crate::case::file::CaseFile;
use crate::case::nearest::nearest;
use crate::case::range::Range;

impl Context<'_> {
    /// Looks at `needs` and `verdict_on`.
    pub(super) fn versions(&self, case: &CaseFile, differences: &Differences) -> Result<(), CaseError> {
        if let Some(name) = case.needs.iter().find(|name| differences.feature(&name.value).is_none()) {
            let hint = nearest(&name.value, &differences.feature_names());
            return Err(self.error(name.referenced, format!("there is no feature `{}`{hint}", name.value)));
        }
        let mut before: Vec<&Range> = Vec::new();
        for (range, expected) in case.verdict_on.iter() {
            let wrong = |message: String| Err(self.error(range.referenced, message));
            if !differences.has_release_in(&range.value) {
                let table = "fixtures/servers/differences.yaml";
                return wrong(format!(
                    "no known release of Kratos is in `{}` (hint: `{table}` lists them)",
                    range.value
                ));
            }
            if let Some(other) = before.iter().find(|other| range.value.overlaps(other)) {
                return wrong(format!("`{}` and `{other}` overlap: a version has one verdict", range.value));
            }
            self.verdict(case, *expected, &["verdict_on", &range.value.to_string()])?;
            before.push(&range.value);
        }
        Ok(())
    }
}
