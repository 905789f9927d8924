//! Who asks: a top-level navigation, a frame, or something on a page; and which page that is.
//!
//! A proxy tells it by `Sec-Fetch-Dest`, `Origin` and `Referer`. Without `Sec-Fetch-Dest` (plain http to a name that is
//! not this machine's own) a navigation of a tab and one of a frame look alike; it is taken for the tab's.

use std::collections::HashMap;

use url::Url;

use super::Asked;

/// What asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    kind: Kind,
    destination: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Preflight,
    /// The main resource of a tab or a new window: its own first party.
    Top,
    /// Anything else, under a page of this host.
    Under {
        host: String,
        told: Told,
    },
}

/// How the page was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Initiator,
    /// No `Origin` and no `Referer`: the page that was loaded last.
    Guessed,
}

impl Asker {
    pub(super) fn preflight() -> Self {
        Self { kind: Kind::Preflight, destination: None }
    }

    pub(super) fn is_preflight(&self) -> bool {
        self.kind == Kind::Preflight
    }

    /// The host of the page that it belongs to; nothing for a top-level navigation, which is its own.
    pub(super) fn first_party(&self) -> Option<&str> {
        match &self.kind {
            Kind::Under { host, .. } => Some(host),
            Kind::Top | Kind::Preflight => None,
        }
    }

    pub(super) fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// For a reason.
    pub(super) fn words(&self) -> String {
        let what = match self.destination() {
            Some("empty") => "a fetch".to_owned(),
            Some("iframe" | "frame") => "a frame".to_owned(),
            Some(other) => format!("a subresource ({other})"),
            None => "a request".to_owned(),
        };
        match &self.kind {
            Kind::Under { host, told: Told::Initiator } => format!("{what} under a page of {host}"),
            Kind::Under { host, told: Told::Guessed } => format!("{what} under the last page, of {host}"),
            Kind::Top => "a top-level navigation, which is not exempt here".to_owned(),
            Kind::Preflight => "a preflight".to_owned(),
        }
    }
}

/// The documents that a browser has loaded, by origin: a script's request names the document that it stands in, which is
/// the page itself or in a frame of it.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// The host of the top-level page above a document of this origin.
    pages: HashMap<String, String>,
    last: Option<String>,
}

impl Documents {
    /// Who asks, by the request's headers.
    pub(super) fn asker(&self, asked: &Asked<'_>) -> Asker {
        let destination = destination(asked).map(str::to_owned);
        let is_top = match destination.as_deref() {
            Some(destination) => destination == "document",
            None => looks_like_navigation(asked),
        };
        if is_top {
            return Asker { kind: Kind::Top, destination };
        }
        let initiator = header(asked, "origin").and_then(origin).or_else(|| header(asked, "referer").and_then(origin));
        let (host, told) = match initiator {
            Some((origin, host)) => (self.pages.get(&origin).cloned().unwrap_or(host), Told::Initiator),
            // A page that hides itself, or a redirect whose origin is `null`; before any page its own host.
            None => {
                let own = || Url::parse(asked.url).ok().and_then(|url| url.host_str().map(str::to_owned));
                (self.last.clone().or_else(own).unwrap_or_default(), Told::Guessed)
            }
        };
        Asker { kind: Kind::Under { host, told }, destination }
    }

    /// Remembers a document that has arrived.
    pub(super) fn loaded(&mut self, url: &Url, asker: &Asker) {
        let (Some(host), is_frame) = (url.host_str(), matches!(asker.destination(), Some("iframe" | "frame"))) else {
            return;
        };
        let origin = url.origin().ascii_serialization();
        match &asker.kind {
            Kind::Top => {
                self.pages.insert(origin, host.to_owned());
                self.last = Some(host.to_owned());
            }
            Kind::Under { host: top, .. } if is_frame => {
                self.pages.insert(origin, top.clone());
            }
            Kind::Under { .. } | Kind::Preflight => {}
        }
    }
}

/// A question of the browser's own before a request across origins; it carries no cookies.
pub(super) fn is_preflight(asked: &Asked<'_>) -> bool {
    asked.method.eq_ignore_ascii_case("OPTIONS") && header(asked, "access-control-request-method").is_some()
}

/// What the answer is for, by the browser's own word.
pub(super) fn destination<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    header(asked, "sec-fetch-dest")
}

fn looks_like_navigation(asked: &Asked<'_>) -> bool {
    header(asked, "upgrade-insecure-requests").is_some()
        || header(asked, "accept").is_some_and(|accept| accept.starts_with("text/html"))
}

/// The origin of a URL, and its host; nothing for `null`.
fn origin(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.to_owned();
    Some((url.origin().ascii_serialization(), host))
}

fn header<'a>(asked: &Asked<'a>, name: &str) -> Option<&'a str> {
    asked.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
