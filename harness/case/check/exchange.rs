//! What is looked at in the edge's record.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::case::duration::Time;
use crate::case::fields::Names;

/// Which steps' exchanges a check looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// Those of the last step. Where a fix has steps of its own, a line of `symptom` looks at each of them from the first
    /// that differs from the case's on: that a fix does one thing more does not make the problem go away.
    #[default]
    Last,
    /// Those of all steps.
    Any,
}

/// Message ids of which any will do: what the second of two requests at once is told depends on which step the first
/// has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyOf(pub Vec<u64>);

impl AnyOf {
    /// Whether one of them was seen.
    pub fn is_among(&self, seen: &[u64]) -> bool {
        self.0.iter().any(|id| seen.contains(id))
    }

    pub(super) fn text(&self) -> String {
        self.0.iter().map(u64::to_string).collect::<Vec<_>>().join(" or ")
    }
}

impl<'de> Deserialize<'de> for AnyOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = AnyOf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message id or a list of them")
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<AnyOf, E> {
                Ok(AnyOf(vec![id]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut ids: A) -> Result<AnyOf, A::Error> {
                let mut all = Vec::new();
                while let Some(id) = ids.next_element()? {
                    all.push(id);
                }
                if all.is_empty() { Err(A::Error::custom("the list of message ids is empty")) } else { Ok(AnyOf(all)) }
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// See [`super::Check::Posts`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posts {
    /// The path, without query.
    pub path: String,
    /// How many.
    pub count: usize,
    /// To which host; any where it is left out.
    #[serde(default)]
    pub host: Option<String>,
    /// Who sent them: a browser, a client, or `kratos`; anybody where it is left out.
    #[serde(default)]
    pub by: Option<String>,
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}

/// See [`super::Check::Answer`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Who asked: a browser, a client, or `ui` for the interface's own server. Or a list of which one will do: which of
    /// two requests at once comes first is nobody's to say.
    pub to: Names,
    /// The path, without query.
    pub path: String,
    /// The method; any where it is left out.
    #[serde(default)]
    pub method: Option<String>,
    /// The host; any where it is left out.
    #[serde(default)]
    pub host: Option<String>,
    /// The status.
    pub status: u16,
    /// Kratos's `error.id` in the JSON body.
    #[serde(default)]
    pub error: Option<String>,
    /// The id of one of the flow's `ui.messages` in the JSON body, or a list of which one will do.
    #[serde(default)]
    pub message: Option<AnyOf>,
    /// A key that the JSON body has at its top, with another value than `null`.
    #[serde(default)]
    pub has: Option<String>,
    /// The path that `Location` names, without query.
    #[serde(default)]
    pub location: Option<String>,
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}

/// See [`super::Check::SentCookie`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentCookie {
    /// Who sent it: a browser or a client.
    pub by: String,
    /// The path, without query.
    pub path: String,
    /// The cookie's name.
    pub name: String,
    /// To which host; any where it is left out.
    #[serde(default)]
    pub host: Option<String>,
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}

/// See [`super::Check::Unanswered`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unanswered {
    /// Who waits: a browser, a client, or `kratos`.
    pub to: String,
    /// The path, without query.
    pub path: String,
    /// For how long at least.
    #[serde(rename = "for")]
    pub time: Time,
}

/// See [`super::Check::SetCookie`]. Only cookies that are set, not those that are deleted, are looked at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCookie {
    /// Who got it: a browser or a client.
    pub to: String,
    /// The cookie's name.
    pub name: String,
    /// How long it was to last by the server's words, within a minute.
    pub sent: Time,
    /// How long it lasts as the browser got it, within a minute; nothing where the browser got none.
    #[serde(default)]
    pub got: Option<Time>,
    /// From which host; any where it is left out.
    #[serde(default)]
    pub host: Option<String>,
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}
