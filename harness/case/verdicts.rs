//! What a case expects on some versions of Kratos in place of its verdict: the key `verdict_on`.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::file::Expected;
use super::range::Range;
use crate::backend::version::Version;

/// Verdicts by ranges of versions, such as `{ "<1.1": not-reproduced }`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerdictsOn(Vec<(Spanned<Range>, Expected)>);

impl VerdictsOn {
    /// The verdict on a version; nothing where no range has it.
    pub fn on(&self, version: &Version) -> Option<Expected> {
        self.0.iter().find(|(range, _)| range.value.contains(version)).map(|(_, expected)| *expected)
    }

    /// Every range with its place and its verdict, as they stand in the file.
    pub fn iter(&self) -> impl Iterator<Item = &(Spanned<Range>, Expected)> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for VerdictsOn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByRange)
    }
}

struct ByRange;

impl<'de> Visitor<'de> for ByRange {
    type Value = VerdictsOn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of ranges of versions, such as `\"<1.1\": not-reproduced`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VerdictsOn, A::Error> {
        let mut verdicts = Vec::new();
        while let Some(entry) = map.next_entry()? {
            verdicts.push(entry);
        }
        Ok(VerdictsOn(verdicts))
    }
}
