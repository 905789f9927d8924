//! How the fixture user interface of a world behaves: how it submits a form, and how it guards against a second submit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::duration::Time;

/// The `ui:` part of a case's world. What is left out keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterfaceSpec {
    /// How the interface sends a form to Kratos. It is [`Submit::Form`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit: Option<Submit>,
    /// What the interface does against a second submit. It is [`Guard::None`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Where browsers reach it; `https://ui.example.test/` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How it tells tenants apart. It is [`TenantsBy::Routes`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<TenantsBy>,
    /// The tenant whose Kratos it asks, whoever the page is for; `own` for that of the page, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// Whether its script sends cookies along. It is [`Credentials::Include`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// What it does with a flow that has expired. It is [`Expired::Error`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Expired>,
}

/// The word for an interface that asks the Kratos of the page's own tenant.
pub const OWN: &str = "own";

impl InterfaceSpec {
    /// The way to submit, with the default applied.
    #[must_use]
    pub fn submit(&self) -> Submit {
        self.submit.unwrap_or_default()
    }

    /// The guard, with the default applied.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.guard.unwrap_or_default()
    }

    /// Where browsers reach it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_deref().unwrap_or("https://ui.example.test/")
    }

    /// The one tenant that is asked for all, if it is so.
    #[must_use]
    pub fn asks(&self) -> Option<&str> {
        self.asks.as_deref().filter(|name| *name != OWN)
    }
}

/// Whether a script's requests carry cookies: the `credentials` of `fetch`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credentials {
    /// To Kratos as well.
    #[default]
    Include,
    /// To the page's own origin only, which is what `fetch` does unless it is told otherwise.
    SameOrigin,
}

impl Credentials {
    /// The word, in case files and for `fetch`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::SameOrigin => "same-origin",
        }
    }
}

/// What an interface does when Kratos answers that a flow has expired (410 with `redirect_to` in its details).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expired {
    /// It shows the error.
    #[default]
    Error,
    /// It starts a new flow, as if the person had come without one.
    Restart,
    /// It goes where the answer says, which keeps `return_to`.
    Follow,
}

/// How an interface for several tenants tells them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantsBy {
    /// Each has a route of its own: `/login/customer`.
    #[default]
    Routes,
    /// One `/login` asks who the person is and goes on with `?tenant=customer`.
    Choice,
}

/// How the interface sends a form to Kratos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Submit {
    /// An HTML form that the browser posts by itself, as a navigation.
    #[default]
    Form,
    /// A script that posts JSON by `fetch` and renders what Kratos answers.
    Ajax,
}

impl Submit {
    /// The word that stands for it in a case file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Ajax => "ajax",
        }
    }
}

/// What the interface does against a second submit of the same form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Nothing.
    #[default]
    None,
    /// The submit buttons are disabled in the submit event of the first submit.
    Disable,
    /// A flag is set in the submit event; a submit that finds it set is cancelled.
    Flag,
    /// The submit buttons are disabled this long after the first submit, which is the wrong fix.
    DisableAfter(Duration),
}

const DISABLE_AFTER: &str = "disable-after-";

impl Guard {
    /// The kind of guard, without the duration.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Disable => "disable",
            Self::Flag => "flag",
            Self::DisableAfter(_) => "disable-after",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DisableAfter(wait) => write!(out, "{DISABLE_AFTER}{}", Time(*wait).text()),
            other => out.write_str(other.kind()),
        }
    }
}

/// The text of a guard is none of the four forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown guard `{0}` (hint: write `none`, `disable`, `flag` or `disable-after-<duration>`, such as `disable-after-300ms` or `disable-after-1s`)"
)]
pub struct UnknownGuard(String);

impl FromStr for Guard {
    type Err = UnknownGuard;

    fn from_str(text: &str) -> Result<Self, UnknownGuard> {
        match text {
            "none" => Ok(Self::None),
            "disable" => Ok(Self::Disable),
            "flag" => Ok(Self::Flag),
            other => other
                .strip_prefix(DISABLE_AFTER)
                .and_then(|text| Time::parse(text).ok())
                .map(|time| Self::DisableAfter(time.0))
                .ok_or_else(|| UnknownGuard(other.to_owned())),
        }
    }
}

impl Serialize for Guard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none("none", Guard::None)]
    #[case::disable("disable", Guard::Disable)]
    #[case::flag("flag", Guard::Flag)]
    #[case::seconds("disable-after-1s", Guard::DisableAfter(Duration::from_secs(1)))]
    #[case::milliseconds("disable-after-300ms", Guard::DisableAfter(Duration::from_millis(300)))]
    #[case::at_once("disable-after-0ms", Guard::DisableAfter(Duration::ZERO))]
    fn a_guard_reads_and_writes_the_same_text(#[case] text: &str, #[case] guard: Guard) -> Result<()> {
        assert_eq!(text.parse::<Guard>()?, guard);
        assert_eq!(guard.to_string(), text);
        Ok(())
    }

    #[rstest]
    #[case::unknown_word("disabled")]
    #[case::no_duration("disable-after-")]
    #[case::no_unit("disable-after-5")]
    #[case::no_number("disable-after-ms")]
    #[case::negative("disable-after--1s")]
    #[case::other_unit("disable-after-1min")]
    #[case::upper_case("None")]
    fn a_wrong_guard_names_the_four_forms(#[case] text: &str) -> Result<()> {
        let error = serde_saphyr::from_str::<InterfaceSpec>(&format!("guard: {text}"))
            .err()
            .context("the text was taken for a guard")?
            .to_string();
        for form in ["`none`", "`disable`", "`flag`", "`disable-after-<duration>`"] {
            assert!(error.contains(form), "{form} is missing in: {error}");
        }
        assert!(error.contains(text), "{text} is missing in: {error}");
        Ok(())
    }

    #[test]
    fn an_empty_spec_is_a_plain_form_without_a_guard() -> Result<()> {
        let spec: InterfaceSpec = serde_saphyr::from_str("{}")?;
        assert_eq!((spec.submit(), spec.guard()), (Submit::Form, Guard::None));
        assert_eq!(serde_json::to_string(&spec)?, "{}");
        Ok(())
    }

    #[test]
    fn a_spec_survives_writing_and_reading() -> Result<()> {
        let spec = InterfaceSpec {
            submit: Some(Submit::Ajax),
            guard: Some(Guard::DisableAfter(Duration::from_millis(1500))),
            ..InterfaceSpec::default()
        };
        let text = serde_saphyr::to_string(&spec)?;
        assert_eq!(serde_saphyr::from_str::<InterfaceSpec>(&text)?, spec);
        assert!(text.contains("disable-after-1500ms"), "{text}");
        Ok(())
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(serde_saphyr::from_str::<InterfaceSpec>("gard: flag").is_err());
    }
}
