//! The generations of the rules, by what WebKit changed in them.

use std::fmt;

/// A generation of the rules. They differ in the rule about addresses and in what they exempt.
/// The versions of Safari are approximate: Apple does not name them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// The defence against CNAME cloaking of 2020 (Safari 14 to 16.3): no rule about addresses.
    G0,
    /// The rule about addresses (WebKit pull requests 5347 and 5376, 2022; Safari 16.4).
    G1,
    /// The code moved (pull request 14502, 2023; Safari 17.0 to 18.3): only the first hop of a navigation is exempt.
    G2,
    /// No navigation is exempt (288096@main, 2024; Safari 18.4 to 26): a regression by WebKit's own words.
    G3,
    /// Navigations are exempt again, on every hop (pull request 70557, 2026). What is meant to be.
    #[default]
    G4,
}

impl Generation {
    /// All of them, the oldest first.
    pub const ALL: [Self; 5] = [Self::G0, Self::G1, Self::G2, Self::G3, Self::G4];

    /// The word in case files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::G0 => "G0",
            Self::G1 => "G1",
            Self::G2 => "G2",
            Self::G3 => "G3",
            Self::G4 => "G4",
        }
    }

    /// Roughly which Safari has it, for people.
    pub fn safari(self) -> &'static str {
        match self {
            Self::G0 => "Safari 14 to 16.3",
            Self::G1 => "Safari 16.4",
            Self::G2 => "Safari 17.0 to 18.3",
            Self::G3 => "Safari 18.4 to 26",
            Self::G4 => "the Safari after 26 that has WebKit's correction",
        }
    }

    /// Whether plain addresses are judged.
    pub(super) fn judges_addresses(self) -> bool {
        self != Self::G0
    }

    /// Whether this hop of a top-level navigation is exempt; the first hop is 0.
    pub(super) fn exempts_top_level(self, hop: usize) -> bool {
        match self {
            Self::G0 | Self::G1 | Self::G4 => true,
            Self::G2 => hop == 0,
            Self::G3 => false,
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
