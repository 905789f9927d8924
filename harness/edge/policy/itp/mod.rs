//! Safari's Intelligent Tracking Prevention, as far as it is about cookies that are set by HTTP:
//! the cap of 7 days on answers of cloaked third parties, and the blocking of third-party cookies.
//!
//! It follows WebKit's `NetworkTaskCocoa.mm`, `NetworkDataTaskCocoa.mm`, `NetworkSession.cpp` and
//! `NetworkStorageSessionCocoa.mm`. Which generation of them is chosen by [`Generation`]. Left out, because a proxy
//! cannot see them: `document.cookie`, the Storage Access API, partitioned cookies.

mod address;
mod cloak;
mod date;
mod generation;
mod lifetime;
mod party;
mod site;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use url::Url;

use cloak::{FirstParty, Ruling};
pub use generation::Generation;
pub use lifetime::of as lifetime_of;
use party::{Asker, Documents};

/// How long after a redirect was handed out a request for its target counts as its next hop, in s. Browsers follow at
/// once; what was never followed must not colour a later visit.
const REDIRECT_LIFE_S: i64 = 30;

/// A request as the edge sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// The headers; names in any case.
    pub headers: &'a [(String, String)],
    /// The time, in s since 1970.
    pub now: i64,
}

/// An answer as the edge sees it, and what the world's DNS says of the host that gave it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<&'a str>,
    /// The values of the `Set-Cookie` headers.
    pub cookies: &'a [String],
    /// The names that the host leads to, the last one last; empty when it has no CNAME.
    pub cname: &'a [String],
    /// The address that the connection went to.
    pub address: Option<&'a str>,
    /// The time, in s since 1970.
    pub now: i64,
}

/// A `Set-Cookie` value after the treatment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treated {
    /// What the browser gets; nothing where it gets none.
    pub value: Option<String>,
    /// What was done to it and why, in words.
    pub reason: String,
}

/// A request that is under way.
#[derive(Debug, Clone)]
pub struct Task {
    url: Option<Url>,
    asker: Asker,
    hop: usize,
    ground: Ground,
}

/// What decides about the cookies of a task.
#[derive(Debug, Clone)]
enum Ground {
    /// The cap is not for it.
    Exempt(String),
    /// It is a third party, or a hop before it was.
    Blocked(String),
    /// What was recorded of its first party when it began.
    Judged(FirstParty),
}

impl Task {
    /// Why the browser sends no cookie with it, if that is so.
    pub fn blocked(&self) -> Option<&str> {
        match &self.ground {
            Ground::Blocked(why) => Some(why),
            Ground::Exempt(_) | Ground::Judged(_) => None,
        }
    }
}

/// A redirect that was handed out and not yet followed.
#[derive(Debug)]
struct Redirect {
    to: Url,
    from: Task,
    at: i64,
}

/// One browser session: what it remembers from one exchange to the next. It is gone with the browser.
#[derive(Debug)]
pub struct Itp {
    generation: Generation,
    /// By the exact host of a top-level document; the first one stays.
    cnames: HashMap<String, String>,
    /// By the exact host of a top-level document; the last one stays.
    addresses: HashMap<String, IpAddr>,
    documents: Documents,
    redirects: Vec<Redirect>,
}

impl Itp {
    /// A new session.
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            cnames: HashMap::new(),
            addresses: HashMap::new(),
            documents: Documents::default(),
            redirects: Vec::new(),
        }
    }

    /// The generation of the rules.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Takes a request in: who asks, and what is known of its first party at this moment.
    pub fn ask(&mut self, asked: &Asked<'_>) -> Task {
        let url = Url::parse(asked.url).ok();
        let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
        if party::is_preflight(asked) {
            let ground = Ground::Exempt("a preflight has no cookies".to_owned());
            return Task { url, asker: Asker::preflight(), hop: 0, ground };
        }
        let before = self.follow(url.as_ref(), asked);
        let (asker, hop) = match &before {
            Some(from) => (from.asker.clone(), from.hop + 1),
            None => (self.documents.asker(asked), 0),
        };
        let ground = self.ground(&asker, hop, &host, before.as_ref());
        Task { url, asker, hop, ground }
    }

    fn ground(&self, asker: &Asker, hop: usize, host: &str, before: Option<&Task>) -> Ground {
        let top = asker.first_party().unwrap_or(host);
        let (site, top_site) = (site::of(host), site::of(top));
        if site != top_site {
            return Ground::Blocked(format!("a third party: {site} under a page of {top_site}"));
        }
        if let Some(from) = before.filter(|from| from.blocked().is_some())
            && !has_latch_quirk(&site, from)
        {
            return Ground::Blocked(
                "a hop before it was a third party's, and the rest of a chain stays blocked".into(),
            );
        }
        if asker.first_party().is_none() && self.generation.exempts_top_level(hop) {
            return Ground::Exempt(format!("a top-level navigation, which {} exempts", self.generation));
        }
        Ground::Judged(FirstParty {
            host: top.to_owned(),
            cname: self.cnames.get(top).cloned(),
            address: self.addresses.get(top).copied(),
        })
    }

    /// The task that handed out the redirect which this request follows.
    fn follow(&mut self, url: Option<&Url>, asked: &Asked<'_>) -> Option<Task> {
        self.redirects.retain(|it| asked.now - it.at <= REDIRECT_LIFE_S);
        let destination = party::destination(asked);
        let place = self.redirects.iter().rposition(|it| {
            // A browser names the same destination on every hop; WebKitGTK names none on a subresource's.
            Some(&it.to) == url && destination.is_none_or(|it_is| it.from.asker.destination() == Some(it_is))
        })?;
        Some(self.redirects.remove(place).from)
    }

    /// Takes the answer in: treats its cookies and remembers what later requests are judged by.
    pub fn answer(&mut self, task: &Task, answered: &Answered<'_>) -> Vec<Treated> {
        let treated = answered.cookies.iter().map(|cookie| self.treat(task, answered, cookie)).collect();
        let Some(url) = &task.url else { return treated };
        let target = answered.location.filter(|_| matches!(answered.status, 301 | 302 | 303 | 307 | 308));
        if let Some(target) = target.and_then(|location| url.join(location).ok()) {
            let mut to = target;
            to.set_fragment(None);
            self.redirects.push(Redirect { to, from: task.clone(), at: answered.now });
            return treated;
        }
        if task.asker.first_party().is_none() && !task.asker.is_preflight() {
            self.record(url, answered);
        }
        self.documents.loaded(url, &task.asker);
        treated
    }

    /// Remembers where a top-level document came from. Only its last hop counts.
    fn record(&mut self, url: &Url, answered: &Answered<'_>) {
        let Some(host) = url.host_str() else { return };
        if let Some(domain) = cloak::last_domain(answered.cname).filter(|domain| domain != host) {
            self.cnames.entry(host.to_owned()).or_insert(domain);
        }
        if let Some(address) = answered.address.and_then(|it| it.parse().ok()) {
            self.addresses.insert(host.to_owned(), address);
        }
    }

    fn treat(&self, task: &Task, answered: &Answered<'_>, cookie: &str) -> Treated {
        let name = cookie.split(['=', ';']).next().unwrap_or_default().trim();
        let kept = |why: &str| Treated { value: Some(cookie.to_owned()), reason: format!("{name} kept: {why}") };
        let first_party = match &task.ground {
            Ground::Blocked(why) => return Treated { value: None, reason: format!("{name} not stored: {why}") },
            Ground::Exempt(why) => return kept(why),
            Ground::Judged(first_party) => first_party,
        };
        let Some(lasts) = lifetime::of(cookie, answered.now) else {
            return kept("it ends with the browser");
        };
        if lasts <= lifetime::CAP_S {
            return kept(&format!("it lasts {}, no more than 7 d", lifetime::words(lasts)));
        }
        let host = task.url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let ruling = cloak::judge(self.generation, host, first_party, answered.cname, answered.address);
        let asker = task.asker.words();
        match ruling {
            Ruling::Keep(why) => kept(&format!("{asker}; {why}")),
            Ruling::Cap(why) => Treated {
                value: Some(lifetime::cap(cookie, answered.now)),
                reason: format!("{name} capped from {} to 7 d: {asker}; {why}", lifetime::words(lasts)),
            },
        }
    }
}

/// The pairs of sites that WebKit lets out of the latch (`needsFirstPartyCookieBlockingLatchModeQuirk`).
fn has_latch_quirk(site: &str, from: &Task) -> bool {
    let redirecting = site::of(from.url.as_ref().and_then(Url::host_str).unwrap_or_default());
    let pairs = [("ymail.com", "yahoo.com"), ("aolmail.com", "aol.com"), ("googleusercontent.com", "google.com")];
    pairs.contains(&(redirecting.as_str(), site))
}
