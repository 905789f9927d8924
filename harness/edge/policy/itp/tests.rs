//! The rules by tables: vectors of addresses and names, stories of several requests, and what is rewritten in a cookie.

mod cookies;
mod stories;
mod vectors;

use super::{Answered, Asked, Generation, Itp, Task, Treated};

/// 2026-11-24T00:00:00Z.
const NOW: i64 = 1_795_478_400;

const MONTH: &str = "s=1; Max-Age=2592000";

/// What became of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Capped,
    Dropped,
}

/// A browser session, told in what matters: where it goes and who answers.
struct Safari(Itp);

/// Where a name leads, by the DNS.
#[derive(Debug, Clone, Copy, Default)]
struct Leads<'a> {
    cname: &'a str,
    address: &'a str,
}

fn leads<'a>(cname: &'a str, address: &'a str) -> Leads<'a> {
    Leads { cname, address }
}

impl Safari {
    fn new(generation: Generation) -> Self {
        Self(Itp::new(generation))
    }

    fn ask(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> Task {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.0.ask(&Asked { method, url, headers: &headers, now: NOW })
    }

    fn answer(&mut self, task: &Task, leads: Leads<'_>, to: Option<&str>, cookie: &str) -> Treated {
        let chain: Vec<String> = leads.cname.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let answered = Answered {
            status: if to.is_some() { 303 } else { 200 },
            location: to,
            cookies: &[cookie.to_owned()],
            cname: &chain,
            address: Some(leads.address).filter(|it| !it.is_empty()),
            now: NOW,
        };
        self.0.answer(task, &answered).remove(0)
    }

    /// A page that was typed in.
    fn visit(&mut self, url: &str, leads: Leads<'_>) -> Treated {
        let task = self.ask("GET", url, &[("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")]);
        self.answer(&task, leads, None, MONTH)
    }

    /// A fetch from a page of this origin.
    fn fetch(&mut self, origin: &str, url: &str, leads: Leads<'_>, cookie: &str) -> Treated {
        let task = self.ask("POST", url, &[("Sec-Fetch-Dest", "empty"), ("Origin", origin)]);
        self.answer(&task, leads, None, cookie)
    }
}

fn fate(treated: &Treated) -> Fate {
    match treated.value.as_deref() {
        None => Fate::Dropped,
        Some(value) if value.contains("Max-Age=604800") => Fate::Capped,
        Some(_) => Fate::Kept,
    }
}
