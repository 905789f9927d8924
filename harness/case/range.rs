//! Ranges of versions, as cases and the table of differences write them: `>=1.1`, `<0.7`, `>=1.0, <1.3`, `=0.11.0`, and
//! several with `||` between.

use std::fmt;
use std::str::FromStr;

use semver::{Comparator, Op, VersionReq};
use serde::{Deserialize, Deserializer};

use crate::backend::version::Version;

/// A release: major, minor, patch.
type Number = (u64, u64, u64);

/// The hint of every error about a range.
const HINT: &str = "(hint: such as `>=1.1`, `<0.7`, `>=1.0, <1.3` or `=0.11.0`; `||` joins two)";

/// Some of the versions of Kratos.
///
/// What comes before a release counts as the release ([`Version::release`]), and a build that does not know its version
/// as the newest there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: String,
    stretches: Vec<Stretch>,
}

/// From one release on, and up to another that is no longer part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    from: Number,
    /// Nothing where it has no end.
    below: Option<Number>,
}

impl Range {
    /// Whether a version is in it.
    pub fn contains(&self, version: &Version) -> bool {
        let release = version.release().map(|it| (it.major, it.minor, it.patch));
        self.stretches.iter().any(|stretch| match release {
            Some(release) => release >= stretch.from && stretch.below.is_none_or(|below| release < below),
            None => stretch.below.is_none(),
        })
    }

    /// Whether there can be a version that is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: &Stretch, b: &Stretch| a.both(*b).is_some();
        self.stretches.iter().any(|a| other.stretches.iter().any(|b| meet(a, b)))
    }
}

impl Stretch {
    const ALL: Self = Self { from: (0, 0, 0), below: None };

    /// What is in both; nothing where nothing is.
    fn both(self, other: Self) -> Option<Self> {
        let below = match (self.below, other.below) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let from = self.from.max(other.from);
        below.is_none_or(|below| from < below).then_some(Self { from, below })
    }

    /// What one comparison leaves; nothing where it is of a kind that two people read in two ways, such as `1.1`, which
    /// Cargo takes for `^1.1`.
    fn of(it: &Comparator) -> Option<Self> {
        let first = (it.major, it.minor.unwrap_or(0), it.patch.unwrap_or(0));
        let next = match (it.minor, it.patch) {
            (Some(minor), Some(patch)) => (it.major, minor, patch.checked_add(1)?),
            (Some(minor), None) => (it.major, minor.checked_add(1)?, 0),
            (None, _) => (it.major.checked_add(1)?, 0, 0),
        };
        if !it.pre.is_empty() {
            return None;
        }
        match it.op {
            Op::Exact => Some(Self { from: first, below: Some(next) }),
            Op::Greater => Some(Self { from: next, ..Self::ALL }),
            Op::GreaterEq => Some(Self { from: first, ..Self::ALL }),
            Op::Less => Some(Self { below: Some(first), ..Self::ALL }),
            Op::LessEq => Some(Self { below: Some(next), ..Self::ALL }),
            _ => None,
        }
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || format!("`{text}` is no range of versions {HINT}");
        let mut stretches = Vec::new();
        for part in text.split("||") {
            let plain = part.replace('v', "");
            let comparisons = VersionReq::parse(&plain).map_err(|_| refuse())?.comparators;
            if comparisons.is_empty() {
                return Err(refuse());
            }
            let mut left = Some(Stretch::ALL);
            for comparison in &comparisons {
                let stretch = Stretch::of(comparison).ok_or_else(refuse)?;
                left = left.and_then(|left| left.both(stretch));
            }
            let stretch = left.ok_or_else(|| format!("no version can be in `{}` {HINT}", part.trim()))?;
            stretches.push(stretch);
        }
        Ok(Self { text: text.to_owned(), stretches })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn range(text: &str) -> Range {
        text.parse().expect("the text is a range")
    }

    fn version(text: &str) -> Version {
        text.parse().expect("every text is a version")
    }

    #[rstest]
    #[case::from_on(">=1.1", "v1.1.0", true)]
    #[case::before(">=1.1", "v1.0.0", false)]
    #[case::below("<0.7", "v0.6.3-alpha.1", true)]
    #[case::not_below("<0.7", "v0.7.0", false)]
    #[case::between(">=1.0, <1.3", "v1.2.9", true)]
    #[case::after_both(">=1.0, <1.3", "v1.3.0", false)]
    #[case::one_release("=0.11.0", "v0.11.1", false)]
    #[case::every_patch_of_it("=0.11", "v0.11.1", true)]
    #[case::up_to_every_patch("<=1.0", "v1.0.7", true)]
    #[case::after_every_patch(">1.0", "v1.0.7", false)]
    #[case::year(">=1.1", "v26.2.0", true)]
    #[case::leading_v(">=v1.1.0", "v1.1.0", true)]
    #[case::first_of_two("<0.11 || >=0.12", "v0.10.1", true)]
    #[case::in_the_gap("<0.11 || >=0.12", "v0.11.0", false)]
    #[case::second_of_two("<0.11 || >=0.12", "v1.0.0", true)]
    #[case::leads_to_the_release(">=1.1", "v1.1.0-pre.0", true)]
    #[case::is_no_older_than_its_release("<1.1", "v1.1.0-pre.0", false)]
    #[case::unknown_is_the_newest(">=1.1", "master", true)]
    #[case::unknown_is_not_old("<26", "master", false)]
    fn a_version_is_in_a_range(#[case] text: &str, #[case] release: &str, #[case] contained: bool) {
        assert_eq!(range(text).contains(&version(release)), contained);
    }

    #[rstest]
    #[case::apart("<1.1", ">=1.1", false)]
    #[case::at_one_release("<=1.1.0", ">=1.1.0", true)]
    #[case::one_in_the_other(">=1.0", "=1.2.0", true)]
    #[case::in_the_gap("<0.11 || >=0.12", "=0.11", false)]
    #[case::across_the_gap("<0.11 || >=0.12", ">=0.11", true)]
    fn ranges_overlap(#[case] one: &str, #[case] other: &str, #[case] overlap: bool) {
        assert_eq!(range(one).overlaps(&range(other)), overlap);
        assert_eq!(range(other).overlaps(&range(one)), overlap);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::everything("*")]
    #[case::bare("1.1")]
    #[case::caret("^1.1")]
    #[case::tilde("~1.1")]
    #[case::word("newer")]
    #[case::branch("master")]
    #[case::before_a_release(">=1.1.0-pre.0")]
    #[case::half(">=1.1 ||")]
    #[case::huge(">=99999999999999999999")]
    #[case::the_largest("<=18446744073709551615")]
    #[case::none_can_be(">=1.3, <1.0")]
    fn what_can_be_misread_is_refused(#[case] text: &str) {
        let error = text.parse::<Range>().expect_err("it is no range");

        assert!(error.contains("hint: such as `>=1.1`"), "{error}");
    }
}
