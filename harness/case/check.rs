//! The checks of a case: what is looked at after the steps.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::duration::Time;
use super::fields::Fields;
use super::short::short_form;
use super::step::at;

/// Which steps' exchanges a check looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// Those of the last step.
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

    fn text(&self) -> String {
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

/// One check.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// So many POSTs to a path arrived at the edge.
    Posts(Posts),
    /// An exchange with this answer crossed the edge.
    Answer(Answer),
    /// A request carried a cookie of this name.
    SentCookie(SentCookie),
    /// A browser shows a message of this id.
    Message(Message),
    /// A browser shows an element of this test id.
    Shown(Shown),
    /// A browser shows an error page with this `error.id`.
    ErrorPage(ErrorPage),
    /// A browser is signed in.
    SignedIn(SignedIn),
    /// A browser is not signed in.
    SignedOut(SignedOut),
    /// The identities of this address have so many active sessions.
    Sessions(Counted),
    /// So many identities have this address, or exist at all.
    Identities(Identities),
    /// The identity of this address has these traits.
    Traits(Traits),
    /// The identity of this address has a credential of this type, or has not.
    Credential(Credential),
    /// A request waits for its answer.
    Unanswered(Unanswered),
    /// A browser holds a cookie, or does not.
    Cookie(Cookie),
    /// A cookie was set for a browser, and this much of it arrived.
    SetCookie(SetCookie),
}

/// See [`Check::Posts`].
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

/// See [`Check::Answer`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Who asked: a browser, a client, or `ui` for the interface's own server.
    pub to: String,
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
    /// A key that the JSON body has at its top.
    #[serde(default)]
    pub has: Option<String>,
    /// The path that `Location` names, without query.
    #[serde(default)]
    pub location: Option<String>,
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}

/// See [`Check::SentCookie`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentCookie {
    /// Who sent it: a browser or a client.
    pub by: String,
    /// The path, without query.
    pub path: String,
    /// The cookie's name.
    pub name: String,
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}

/// See [`Check::Message`]. Short: the id, in the browser of the last step.
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

/// See [`Check::ErrorPage`]. Short: the id, in the browser of the last step.
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

/// See [`Check::Shown`]. Short: the test id, in the browser of the last step.
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

/// See [`Check::SignedIn`]. Short: the browser.
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

/// See [`Check::SignedOut`]. Short: the browser.
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

/// See [`Check::Identities`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identities {
    /// The address; any where it is left out.
    #[serde(default)]
    pub of: Option<String>,
    /// How many.
    pub count: usize,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`Check::Traits`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traits {
    /// The address.
    pub of: String,
    /// Traits and their values; others may be there as well.
    pub has: Fields,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`Check::Credential`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The address.
    pub of: String,
    /// Its type, such as `oidc`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What its identifier begins with, such as `hydra:`; any where it is left out.
    #[serde(default)]
    pub identifier: Option<String>,
    /// `true` where it must not be there.
    #[serde(default)]
    pub absent: bool,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`Check::Unanswered`].
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

/// See [`Check::Sessions`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The address.
    pub of: String,
    /// How many.
    pub count: usize,
    /// The tenant at which; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// See [`Check::Cookie`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cookie {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// The cookie's name.
    pub name: String,
    /// `true` where it must not be there.
    #[serde(default)]
    pub absent: bool,
    /// How long it lasts from now, within a minute.
    #[serde(default)]
    pub lasts: Option<Time>,
}

/// See [`Check::SetCookie`]. Only cookies that are set, not those that are deleted, are looked at.
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
    /// In which steps.
    #[serde(default)]
    pub step: Within,
}

impl Check {
    /// The browsers that it names.
    pub fn browser(&self) -> Option<&str> {
        match self {
            Self::Message(it) => it.browser.as_deref(),
            Self::ErrorPage(it) => it.browser.as_deref(),
            Self::Shown(it) => it.browser.as_deref(),
            Self::SignedIn(it) => Some(&it.browser),
            Self::SignedOut(it) => Some(&it.browser),
            Self::Cookie(it) => Some(&it.browser),
            _ => None,
        }
    }

    /// The tenant that it names.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::SignedIn(it) => it.at.as_deref(),
            Self::SignedOut(it) => it.at.as_deref(),
            Self::Sessions(it) => it.at.as_deref(),
            Self::Identities(it) => it.at.as_deref(),
            Self::Traits(it) => it.at.as_deref(),
            Self::Credential(it) => it.at.as_deref(),
            _ => None,
        }
    }

    /// Whether it looks at a page without saying in which browser.
    pub fn needs_last_browser(&self) -> bool {
        match self {
            Self::Message(it) => it.browser.is_none(),
            Self::ErrorPage(it) => it.browser.is_none(),
            Self::Shown(it) => it.browser.is_none(),
            _ => false,
        }
    }

    /// What it expects, in words.
    pub fn text(&self) -> String {
        let place = |browser: &Option<String>| browser.as_ref().map_or(String::new(), |name| format!(" in {name}"));
        let within = |step: Within| if step == Within::Last { " in the last step" } else { "" };
        match self {
            Self::Posts(it) => {
                let host = it.host.as_deref().unwrap_or_default();
                let by = it.by.as_ref().map_or(String::new(), |name| format!(" by {name}"));
                format!("{} POST to {host}{}{by}{}", it.count, it.path, within(it.step))
            }
            Self::Answer(it) => {
                let mut text = format!(
                    "{} {}{} answered {} to {}{}",
                    it.method.as_deref().unwrap_or("any request to"),
                    it.host.as_deref().unwrap_or_default(),
                    it.path,
                    it.status,
                    it.to,
                    within(it.step)
                );
                let more = [
                    it.error.as_ref().map(|id| format!(", error {id}")),
                    it.message.as_ref().map(|id| format!(", message {}", id.text())),
                    it.has.as_ref().map(|key| format!(", with `{key}`")),
                    it.location.as_ref().map(|path| format!(", location {path}")),
                ];
                text.extend(more.into_iter().flatten());
                text
            }
            Self::SentCookie(it) => {
                format!("{} sent the cookie {} to {}{}", it.by, it.name, it.path, within(it.step))
            }
            Self::Message(it) => format!("message {} on the page{}", it.id.text(), place(&it.browser)),
            Self::ErrorPage(it) => format!("an error page with {}{}", it.id, place(&it.browser)),
            Self::Shown(it) => format!("`{}` on the page{}", it.id, place(&it.browser)),
            Self::SignedIn(it) => match &it.email {
                Some(email) => format!("{} is signed in as {email}{}", it.browser, at(&it.at)),
                None => format!("{} is signed in{}", it.browser, at(&it.at)),
            },
            Self::SignedOut(it) => format!("{} is not signed in{}", it.browser, at(&it.at)),
            Self::Sessions(it) => format!("{} active session(s) of {}{}", it.count, it.of, at(&it.at)),
            Self::Identities(it) => match &it.of {
                Some(email) => format!("{} identity(ies) with {email}{}", it.count, at(&it.at)),
                None => format!("{} identity(ies) in all{}", it.count, at(&it.at)),
            },
            Self::Traits(it) => {
                let list = it.has.0.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>();
                format!("the identity {} has {}{}", it.of, list.join(", "), at(&it.at))
            }
            Self::Credential(it) => {
                let what = it.identifier.as_ref().map_or(String::new(), |text| format!(" {text}..."));
                let has = if it.absent { "no" } else { "a" };
                format!("the identity {} has {has} credential {}{what}{}", it.of, it.kind, at(&it.at))
            }
            Self::Unanswered(it) => {
                format!("{} still waits for {} after {}", it.to, it.path, it.time.text())
            }
            Self::SetCookie(it) => {
                let got = it.got.map_or("nothing of it".to_owned(), Time::text);
                let (name, sent, to) = (&it.name, it.sent.text(), &it.to);
                format!("the cookie {name} was sent for {sent} to {to}, which got {got}{}", within(it.step))
            }
            Self::Cookie(it) if it.absent => format!("no cookie {} in {}", it.name, it.browser),
            Self::Cookie(it) => {
                let lasts = it.lasts.map_or(String::new(), |time| format!(" that lasts {}", time.text()));
                format!("a cookie {} in {}{lasts}", it.name, it.browser)
            }
        }
    }
}
