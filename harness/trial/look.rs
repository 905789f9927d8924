//! Looks: evaluates the checks of a case in a world after the steps.

mod exchange;
mod foreign;
mod identity;
mod recorded;

use anyhow::Result;
use serde_saphyr::Spanned;

use super::{CheckRole, CheckSeen};
use crate::browser::{Browser, Page, Visitor};
use crate::case::{Check, Cookie, Time, Within};
use crate::evidence::{CookieSeen, Exchange};
use crate::world::World;

/// A cookie's lifetime may differ from what was asked by this, in s: pages take time.
const LIFETIME_SLACK: i64 = 60;

/// So much after the last step comes what a look asks for itself; between them comes what is late.
const LOOKS: usize = 2;

/// Where a trial stands when its checks are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standpoint<'a> {
    pub(super) world: &'a World,
    /// The browser of the last step.
    pub(super) current: Option<&'a str>,
    /// The number of the last step.
    pub(super) last_step: usize,
    /// The first step that counts as the last one of the symptom.
    pub(super) symptom_from: usize,
}

impl Standpoint<'_> {
    /// Evaluates a list of checks.
    ///
    /// # Errors
    /// When one cannot be evaluated: that is no verdict.
    pub(super) async fn look(&self, role: CheckRole, checks: &[Spanned<Check>]) -> Result<Vec<CheckSeen>> {
        let mut seen = Vec::new();
        for check in checks {
            let (held, what) = self.evaluate(&check.value, role).await?;
            seen.push(CheckSeen {
                role,
                line: check.referenced.line(),
                expected: check.value.text(),
                seen: what,
                held,
            });
        }
        Ok(seen)
    }

    /// Whether all of these hold. What costs no page is asked first, and nothing more once one does not hold. One that
    /// cannot be made, such as in a browser that is not of this world, does not.
    pub(super) async fn all_hold(&self, checks: &[Spanned<Check>]) -> bool {
        let (recorded, others): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.value.is_of_record());
        for check in recorded.into_iter().chain(others) {
            if !self.evaluate(&check.value, CheckRole::Expect).await.is_ok_and(|(held, _)| held) {
                return false;
            }
        }
        true
    }

    /// Evaluates one check.
    async fn evaluate(&self, check: &Check, role: CheckRole) -> Result<(bool, String)> {
        match check {
            Check::Posts(it) => Ok(self.posts(it, role)),
            Check::Answer(it) => Ok(self.answer(it, role)),
            Check::SentCookie(it) => Ok(self.sent_cookie(it, role)),
            Check::Message(it) => {
                let browser = self.browser(it.browser.as_deref())?;
                let (ids, seen) = if self.world.ui().is_ours() {
                    let ids = Page::of(browser).messages().await?;
                    let seen = format!("messages {ids:?}");
                    (ids, seen)
                } else {
                    self.messages_of_foreign(browser).await?
                };
                Ok((it.id.is_among(&ids), seen))
            }
            Check::ErrorPage(it) => {
                let browser = self.browser(it.browser.as_deref())?;
                let id = if self.world.ui().is_ours() {
                    Page::of(browser).error().await?.map(|error| error.id)
                } else {
                    self.error_of_foreign(browser).await?
                };
                let held = id.as_ref().is_some_and(|id| *id == it.id);
                Ok((held, id.map_or("no error page".to_owned(), |id| format!("an error page with `{id}`"))))
            }
            Check::Shown(it) => {
                let page = Page::of(self.browser(it.browser.as_deref())?);
                let ids = page.test_ids().await?;
                Ok((ids.contains(&it.id), format!("[{}]", ids.join(", "))))
            }
            Check::SignedIn(it) => {
                let who = self.who(&it.browser, it.at.as_deref()).await?;
                let wanted = |who: &String| it.email.as_ref().is_none_or(|email| email == who);
                Ok((matches!(&who, Visitor::SignedIn(who) if wanted(who)), visitor(who)))
            }
            Check::SignedOut(it) => {
                let who = self.who(&it.browser, it.at.as_deref()).await?;
                Ok((who == Visitor::Stranger, visitor(who)))
            }
            Check::Sessions(it) => {
                let count = self.world.kratos(it.at.as_deref())?.sessions(&it.of).await?;
                // Nobody has no sessions, which says nothing about anybody.
                let seen = count.map_or_else(|| format!("no identity with {}", it.of), |count| count.to_string());
                Ok((count == Some(it.count), seen))
            }
            Check::Identities(it) => {
                let kratos = self.world.kratos(it.at.as_deref())?;
                let count = match &it.of {
                    Some(email) => kratos.identities(email).await?.len(),
                    None => kratos.count().await?,
                };
                Ok((count == it.count, format!("{count}")))
            }
            Check::Traits(it) => {
                let identity = self.world.kratos(it.at.as_deref())?.identity(&it.of).await?;
                Ok(identity::traits(it, identity.as_ref()))
            }
            Check::Credential(it) => {
                let identity = self.world.kratos(it.at.as_deref())?.identity(&it.of).await?;
                Ok(identity::credential(it, identity.as_ref()))
            }
            Check::Unanswered(it) => Ok(self.unanswered(it)),
            Check::Cookie(it) => self.cookie(it).await,
            Check::SetCookie(it) => Ok(self.set_cookie(it, role)),
        }
    }

    fn browser(&self, name: Option<&str>) -> Result<&Browser> {
        let name = name.or(self.current).ok_or_else(|| anyhow::anyhow!("no browser was opened"))?;
        self.world.browser(name)
    }

    /// The first step that counts as the last one.
    fn first(&self, role: CheckRole) -> usize {
        if role == CheckRole::Symptom { self.symptom_from } else { self.last_step }
    }

    /// The exchanges of the steps, each with its step in place of the moment at which it came.
    fn exchanges(&self, within: Within, from: usize) -> impl Iterator<Item = Exchange> {
        let servers: Vec<&str> = self.world.every_kratos().iter().map(|kratos| kratos.name()).collect();
        let last = self.last_step;
        let first = if within == Within::Last { from } else { 0 };
        self.world.edge().record().exchanges().into_iter().filter_map(move |exchange| {
            let step = step_of(&exchange, last, &servers)?;
            (step >= first).then_some(Exchange { step, ..exchange })
        })
    }

    /// Who is signed in, by our interface's signed-in page in a tab of its own: the page under test stays as it is.
    async fn who(&self, name: &str, at: Option<&str>) -> Result<Visitor> {
        let browser = self.world.browser(name)?;
        let record = self.world.edge().record();
        record.set_step(self.last_step + LOOKS);
        let who = if self.world.ui().is_ours() {
            browser.in_new_tab(&self.world.ui().welcome(at), async || Page::of(browser).visitor().await).await
        } else {
            self.who_by_kratos(browser, at).await
        };
        record.set_step(self.last_step + 1);
        who
    }

    async fn cookie(&self, check: &Cookie) -> Result<(bool, String)> {
        let browser = self.world.browser(&check.browser)?;
        let is_it = |cookie: &CookieSeen| cookie.name == check.name;
        let mut cookies = browser.cookies().await?;
        if check.absent && !cookies.iter().any(is_it) {
            // The browser may have it all the same, for a host that is not the open page's.
            for page in self.world.blank_pages() {
                cookies.extend(browser.in_new_tab(&page, async || browser.cookies().await).await?);
            }
        }
        if !cookies.iter().any(is_it) {
            let names: Vec<&str> = cookies.iter().map(|cookie| cookie.name.as_str()).collect();
            return Ok((check.absent, format!("cookies [{}]", names.join(", "))));
        }
        let (held, lasts) = lasting(cookies.iter().filter(|cookie| is_it(cookie)), check.lasts);
        Ok((held && !check.absent, format!("{} that lasts {lasts}", check.name)))
    }
}

/// The step that an exchange belongs to, if it is one's. What comes after the last step was caused by it however late it
/// comes, but for what a look asks for itself in a tab of its own. A look never posts, nor does it make a Kratos ask
/// anybody, such as a hook.
fn step_of(exchange: &Exchange, last: usize, servers: &[&str]) -> Option<usize> {
    let by_look =
        exchange.step >= last + LOOKS && exchange.method != "POST" && !servers.contains(&exchange.listener.as_str());
    (!by_look).then(|| exchange.step.min(last))
}

fn visitor(who: Visitor) -> String {
    match who {
        Visitor::SignedIn(who) => format!("signed in as {who}"),
        Visitor::Stranger => "not signed in".to_owned(),
        Visitor::Unknown => "it could not be found out who is signed in".to_owned(),
    }
}

/// Whether one of these cookies lasts so long, and how long they do: one name may have several, of other hosts or paths.
fn lasting<'c>(cookies: impl Iterator<Item = &'c CookieSeen>, wanted: Option<Time>) -> (bool, String) {
    let ends: Vec<Option<i64>> = cookies.map(|cookie| cookie.expires_in_s).collect();
    let near = |seen: i64, wanted: Time| seconds(wanted).abs_diff(seen) <= LIFETIME_SLACK.unsigned_abs();
    let held = wanted.is_none_or(|wanted| ends.iter().flatten().any(|seen| near(*seen, wanted)));
    let words = ends.iter().map(|end| end.map_or("until the browser closes".to_owned(), |s| format!("{s} s")));
    (held, words.collect::<Vec<_>>().join(" and "))
}

fn seconds(time: Time) -> i64 {
    i64::try_from(time.0.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cookie() -> CookieSeen {
        CookieSeen {
            holder: "a".to_owned(),
            name: "ory_kratos_session".to_owned(),
            value: "secret".to_owned(),
            domain: "ory.example.test".to_owned(),
            path: "/".to_owned(),
            expires_in_s: None,
            same_site: None,
            secure: true,
            http_only: true,
        }
    }

    fn asked(listener: &str, step: usize) -> Exchange {
        Exchange { listener: listener.to_owned(), step, ..Exchange::default() }
    }

    #[test]
    fn what_comes_while_checks_are_made_belongs_to_the_last_step() {
        let post = Exchange { method: "POST".to_owned(), ..asked("a", 4 + LOOKS) };

        for late in [asked("kratos", 5), asked("kratos", 4 + LOOKS), asked("a", 5), post] {
            assert_eq!(step_of(&late, 4, &["kratos"]), Some(4), "{late:?}");
        }
    }

    #[test]
    fn what_was_asked_in_an_earlier_step_stays_there() {
        for listener in ["kratos", "a"] {
            assert_eq!(step_of(&asked(listener, 2), 4, &["kratos"]), Some(2));
        }
    }

    #[test]
    fn of_several_cookies_of_one_name_any_may_last_so_long() {
        let cookies = [None, Some(3_600), Some(86_390)].map(|expires_in_s| CookieSeen { expires_in_s, ..cookie() });
        let held = |wanted| lasting(cookies.iter(), Some(Time(Duration::from_secs(wanted)))).0;

        assert_eq!([3_600, 86_400, 7_200].map(held), [true, true, false]);
    }

    #[test]
    fn what_a_look_makes_a_browser_ask_is_nobodys_step() {
        assert_eq!(step_of(&asked("a", 4 + LOOKS), 4, &["kratos"]), None);
    }
}
