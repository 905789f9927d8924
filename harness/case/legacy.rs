//! What stands before Kratos in a migration: the old system with its users, and the Hydra in front of it.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::nearest::nearest;

/// A Hydra whose login and consent pages are those of the legacy system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HydraSpec {
    /// What it calls itself; `https://hydra.example.test/` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

impl HydraSpec {
    /// What it calls itself. With the closing slash: it is the name in every token, compared letter by letter.
    pub fn issuer(&self) -> &str {
        self.issuer.as_deref().unwrap_or("https://hydra.example.test/")
    }
}

/// The legacy system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegacySpec {
    /// Its users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<LegacyUser>>,
    /// What it answers when Kratos asks whether a password is right; the truth where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookAnswer>,
}

impl LegacySpec {
    /// What it answers to a question about a password, by its word or by default.
    pub fn hook(&self) -> HookAnswer {
        self.hook.unwrap_or_default()
    }
}

/// A user of the legacy system. It keeps a hash of the password, as old systems do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegacyUser {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The whole name.
    pub name: String,
}

/// What the legacy system answers to Kratos's password migration hook
/// (`selfservice/hook/password_migration_hook.go` of v1.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HookAnswer {
    /// The truth: 200 and `password_match`, or 403.
    #[default]
    Match,
    /// 403, whatever is asked.
    Forbidden,
    /// 500.
    Failure,
    /// 200 with something that Kratos does not know.
    Nonsense,
    /// Nothing, for as long as the connection lasts.
    Silent,
}

impl HookAnswer {
    const ALL: [Self; 5] = [Self::Match, Self::Forbidden, Self::Failure, Self::Nonsense, Self::Silent];

    /// The word in case files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Forbidden => "403",
            Self::Failure => "500",
            Self::Nonsense => "nonsense",
            Self::Silent => "silent",
        }
    }
}

impl Serialize for HookAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for HookAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = HookAnswer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`match`, `403`, `500`, `nonsense` or `silent`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<HookAnswer, E> {
                HookAnswer::ALL.into_iter().find(|it| it.word() == text).ok_or_else(|| {
                    let known = HookAnswer::ALL.map(HookAnswer::word);
                    E::custom(format!("a hook cannot answer `{text}`{}", nearest(text, &known)))
                })
            }

            fn visit_u64<E: Error>(self, status: u64) -> Result<HookAnswer, E> {
                self.visit_str(&status.to_string())
            }
        }
        deserializer.deserialize_any(Word)
    }
}
