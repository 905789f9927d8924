//! The self-service flows, and what an API client does with one.

use serde::{Deserialize, Serialize};

use crate::case::fields::Fields;
use crate::case::short::short_form;

/// A self-service flow of Kratos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowKind {
    /// Sign in.
    Login,
    /// Sign up.
    Registration,
    /// Get back into an account.
    Recovery,
    /// Prove that an address is one's own.
    Verification,
    /// Change an account.
    Settings,
}

impl FlowKind {
    /// Every flow.
    pub const ALL: [Self; 5] = [Self::Login, Self::Registration, Self::Recovery, Self::Verification, Self::Settings];

    /// The word in Kratos's paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Recovery => "recovery",
            Self::Verification => "verification",
            Self::Settings => "settings",
        }
    }
}

/// The type of a flow: who it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowType {
    /// For programs: no cookies.
    #[default]
    Api,
    /// For browsers: with an anti-CSRF cookie.
    Browser,
}

impl FlowType {
    /// The word in Kratos's paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Browser => "browser",
        }
    }
}

/// See [`super::Step::StartFlow`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartFlow {
    /// The client.
    pub by: String,
    /// Which flow.
    pub flow: FlowKind,
    /// The tenant whose flow it is; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
    /// For whom it is; `api` where it is left out.
    #[serde(default, rename = "type")]
    pub flow_type: FlowType,
}

/// See [`super::Step::FetchFlow`]. Short: the client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct FetchFlow {
    /// The client.
    pub by: String,
    /// The tenant that is asked for it; the one where it was started if it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

short_form!(FetchFlow, "a client, or a map with `by` and `at`", |by: &str| Ok(FetchFlow {
    by: by.to_owned(),
    at: None
}));

/// See [`super::Step::Request`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The client.
    pub by: String,
    /// The path below Kratos's URL; it begins with `/`.
    pub path: String,
    /// What is posted as JSON; a GET where it is left out.
    #[serde(default)]
    pub values: Option<Fields>,
    /// The tenant that is asked; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`super::Step::SubmitFlow`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitFlow {
    /// The client.
    pub by: String,
    /// The fields; the flow's `csrf_token`, where it has one, goes along by itself.
    pub values: Fields,
    /// Headers beside the usual ones.
    #[serde(default)]
    pub headers: Fields,
}
