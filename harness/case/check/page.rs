//! What is looked at in a browser.

use serde::Deserialize;

use super::AnyOf;
use crate::case::duration::Time;
use crate::case::short::short_form;

/// See [`super::Check::Message`]. Short: the id, in the browser of the last step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Message {
    /// Kratos's message id (`text/id.go`), or a list of which one will do.
    pub id: AnyOf,
    /// The browser.
    #[serde(default, rename = "in")]
    pub browser: Option<String>,
}

short_form!(Message, "a message id, or a map with `id` and `in`", |id: &str| id
    .parse()
    .map(|id| Message { id: AnyOf(vec![id]), browser: None })
    .map_err(|_| format!("`{id}` is no message id")));

/// See [`super::Check::ErrorPage`]. Short: the id, in the browser of the last step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ErrorPage {
    /// Kratos's `error.id`.
    pub id: String,
    /// The browser.
    #[serde(default, rename = "in")]
    pub browser: Option<String>,
}

short_form!(ErrorPage, "an error id, or a map with `id` and `in`", |id: &str| Ok(ErrorPage {
    id: id.to_owned(),
    browser: None
}));

/// See [`super::Check::Shown`]. Short: the test id, in the browser of the last step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Shown {
    /// The `data-testid` of the interface, such as `ui/network-error`.
    pub id: String,
    /// The browser.
    #[serde(default, rename = "in")]
    pub browser: Option<String>,
}

short_form!(Shown, "a test id, or a map with `id` and `in`", |id: &str| Ok(Shown { id: id.to_owned(), browser: None }));

/// See [`super::Check::SignedIn`]. Short: the browser.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct SignedIn {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// As whom; anybody where it is left out.
    #[serde(default, rename = "as")]
    pub email: Option<String>,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

short_form!(SignedIn, "a browser, or a map with `in` and `as`", |browser: &str| Ok(SignedIn {
    browser: browser.to_owned(),
    email: None,
    at: None
}));

/// See [`super::Check::SignedOut`]. Short: the browser.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct SignedOut {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

short_form!(SignedOut, "a browser, or a map with `in`", |browser: &str| Ok(SignedOut {
    browser: browser.to_owned(),
    at: None
}));

/// See [`super::Check::Cookie`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cookie {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// The cookie's name.
    pub name: String,
    /// `true` where it must not be there: for the page that is open, the interface or any Kratos. One that must be there
    /// is looked for among those of the page that is open.
    #[serde(default)]
    pub absent: bool,
    /// How long it lasts from now, within a minute.
    #[serde(default)]
    pub lasts: Option<Time>,
}
