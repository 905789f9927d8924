//! The checks of a case: what is looked at after the steps.

mod exchange;
mod identity;
mod page;

use std::time::Duration;

use serde::Deserialize;

use super::duration::Time;
use super::step::at;
pub use exchange::{Answer, AnyOf, Posts, SentCookie, SetCookie, Unanswered, Within};
pub use identity::{Counted, Credential, Identities, Traits};
pub use page::{Cookie, ErrorPage, Message, Shown, SignedIn, SignedOut};

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

    /// How long the world must stay as it is until this can hold.
    pub fn waits_for(&self) -> Duration {
        match self {
            Self::Unanswered(it) => it.time.0,
            _ => Duration::ZERO,
        }
    }

    /// Whether the edge's record alone tells it.
    pub fn is_of_record(&self) -> bool {
        matches!(
            self,
            Self::Posts(_) | Self::Answer(_) | Self::SentCookie(_) | Self::SetCookie(_) | Self::Unanswered(_)
        )
    }

    /// Whether it holds where nothing is there at all: who never got anywhere is not signed in either.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Posts(it) => it.count == 0,
            Self::Sessions(it) => it.count == 0,
            Self::Identities(it) => it.count == 0,
            Self::Credential(it) => it.absent,
            Self::Cookie(it) => it.absent,
            Self::SignedOut(_) => true,
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
                    it.to.0.join(" or "),
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
                let host = it.host.as_deref().unwrap_or_default();
                format!("{} sent the cookie {} to {host}{}{}", it.by, it.name, it.path, within(it.step))
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
                let by = it.host.as_ref().map_or(String::new(), |host| format!(" by {host}"));
                format!("the cookie {name} was sent for {sent}{by} to {to}, which got {got}{}", within(it.step))
            }
            Self::Cookie(it) if it.absent => format!("no cookie {} in {}", it.name, it.browser),
            Self::Cookie(it) => {
                let lasts = it.lasts.map_or(String::new(), |time| format!(" that lasts {}", time.text()));
                format!("a cookie {} in {}{lasts}", it.name, it.browser)
            }
        }
    }
}
