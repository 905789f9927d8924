//! The checks that the edge's record alone tells.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::exchange::{self, Wait};
use super::{LIFETIME_SLACK, Standpoint, seconds};
use crate::case::{Answer, Check, Posts, SentCookie, SetCookie, Time, Unanswered, Within};
use crate::edge::policy::itp::lifetime_of;
use crate::evidence::{Exchange, path_of};
use crate::trial::CheckRole;

impl Standpoint<'_> {
    pub(super) fn posts(&self, check: &Posts, role: CheckRole) -> (bool, String) {
        let all = self.exchanges(check.step, self.first(role));
        let all = all.filter(|it| self.world.ui().is_ours() || self.reached_kratos(it));
        exchange::posts(check, all, self.first(role)..=self.last_step)
    }

    /// Which requests of the steps may still change what is seen, if any may: those that are open, but for those that a
    /// check itself says to wait, and what a page was answered less than `quiet` ago.
    pub(in crate::trial) fn under_way<'c>(
        &self,
        checks: impl Iterator<Item = &'c Check>,
        quiet: Duration,
    ) -> Option<String> {
        let waiting: Vec<&Unanswered> =
            checks.filter_map(|check| if let Check::Unanswered(it) = check { Some(it) } else { None }).collect();
        let waiting: Vec<u64> = waiting.into_iter().filter_map(|check| Some(self.awaited(check)?.id)).collect();
        let may_wait = |it: &Exchange| waiting.contains(&it.id);
        let is_page = |it: &Exchange| it.listener == "ui" || self.world.browser(&it.listener).is_ok();
        let now = self.world.edge().record().now_ms();
        exchange::under_way(self.exchanges(Within::Any, 0).filter(|it| !may_wait(it)), is_page, now, quiet)
    }

    pub(super) fn unanswered(&self, check: &Unanswered) -> (bool, String) {
        match self.wait(check) {
            Wait::NotAsked => (false, "no such request".to_owned()),
            Wait::For(waits) => (u128::from(waits) >= check.time.0.as_millis(), format!("no answer after {waits} ms")),
            Wait::Over(how) => (false, how),
        }
    }

    /// Whether the requests that a symptom has wait may yet do so; they have been looked for so long.
    pub(in crate::trial) fn may_come(&self, symptom: &[Spanned<Check>], looked: Duration) -> bool {
        let waits = symptom.iter().filter_map(|check| match &check.value {
            Check::Unanswered(it) => Some((self.wait(it), it.time.0)),
            _ => None,
        });
        exchange::may_come(&waits.collect::<Vec<_>>(), looked)
    }

    fn wait(&self, check: &Unanswered) -> Wait {
        exchange::wait(self.awaited(check), self.world.edge().record().now_ms())
    }

    /// The request that has to wait for its answer: the last of those that are meant.
    fn awaited(&self, check: &Unanswered) -> Option<Exchange> {
        self.exchanges(Within::Any, 0).filter(|it| exchange::is_of(check, it)).last()
    }

    pub(super) fn answer(&self, check: &Answer, role: CheckRole) -> (bool, String) {
        let mut seen = Vec::new();
        for exchange in self.exchanges(check.step, self.first(role)) {
            let of_ui = check.to.0.iter().any(|name| name == "ui");
            let by_foreign = of_ui && !self.world.ui().is_ours() && self.asked_by_foreign(&exchange);
            let asked = (check.to.0.contains(&exchange.listener) || by_foreign)
                && exchange.path() == check.path
                && check.host.as_deref().is_none_or(|host| exchange.host() == host)
                && exchange.method != "OPTIONS"
                && check.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&exchange.method));
            if !asked {
                continue;
            }
            let body: Value = serde_json::from_str(&exchange.response_body).unwrap_or(Value::Null);
            let error = body["error"]["id"].as_str();
            let messages: Vec<u64> = body["ui"]["messages"]
                .as_array()
                .map(|all| all.iter().filter_map(|message| message["id"].as_u64()).collect())
                .unwrap_or_default();
            let location = exchange.response_header("location").next().map(path_of);
            // What a fix promises has to reach somebody; what else is told may be that it does not.
            let held = exchange.status == Some(check.status)
                && (role != CheckRole::Expect || !exchange.undelivered)
                && check.error.as_deref().is_none_or(|id| error == Some(id))
                && check.message.as_ref().is_none_or(|ids| ids.is_among(&messages))
                && check.has.as_ref().is_none_or(|key| !body[key].is_null())
                && check.location.as_deref().is_none_or(|path| location == Some(path));
            let mut text = exchange.status.map_or("no answer".to_owned(), |status| status.to_string());
            text.extend(error.map(|id| format!(" {id}")));
            if !messages.is_empty() {
                text.push_str(&format!(" messages {messages:?}"));
            }
            text.extend(location.map(|path| format!(" location {path}")));
            if exchange.undelivered {
                text.push_str(", which reached nobody");
            }
            if held {
                return (true, text);
            }
            seen.push(text);
        }
        (false, if seen.is_empty() { "no such request".to_owned() } else { seen.join("; ") })
    }

    pub(super) fn sent_cookie(&self, check: &SentCookie, role: CheckRole) -> (bool, String) {
        let mut names = Vec::new();
        for exchange in self.exchanges(check.step, self.first(role)) {
            let is_it = exchange.listener == check.by
                && exchange.path() == check.path
                && check.host.as_deref().is_none_or(|host| exchange.host() == host);
            if is_it {
                let cookies = exchange.request_header("cookie").flat_map(|all| all.split(';'));
                names.extend(cookies.filter_map(|cookie| Some(cookie.trim().split_once('=')?.0.to_owned())));
            }
        }
        (names.contains(&check.name), format!("cookies [{}]", names.join(", ")))
    }

    /// What a server sent, by the record, and what was left of it for the browser.
    pub(super) fn set_cookie(&self, check: &SetCookie, role: CheckRole) -> (bool, String) {
        let near = |seen: i64, wanted: Time| seconds(wanted).abs_diff(seen) <= LIFETIME_SLACK.unsigned_abs();
        let of_host = |it: &Exchange| check.host.as_deref().is_none_or(|host| it.host() == host);
        let mut seen = Vec::new();
        for exchange in
            self.exchanges(check.step, self.first(role)).filter(|it| it.listener == check.to).filter(of_host)
        {
            let sent: Vec<&str> = exchange.response_header("set-cookie").collect();
            let got: Vec<&str> = match &exchange.delivered_cookies {
                _ if exchange.undelivered => Vec::new(),
                Some(values) => values.iter().map(String::as_str).collect(),
                None => sent.clone(),
            };
            // A cookie that is deleted has an end in the past; one without an end lasts as long as the browser.
            let Some(sent) = lifetime(&sent, &check.name).filter(|lasts| lasts.is_none_or(|s| s > 0)) else { continue };
            let got = lifetime(&got, &check.name);
            let held = sent.is_some_and(|sent| near(sent, check.sent))
                && match (got, check.got) {
                    (None, None) => true,
                    (Some(Some(got)), Some(wanted)) => near(got, wanted),
                    _ => false,
                };
            let words = |lasts: Option<i64>| lasts.map_or("until the browser closes".to_owned(), |s| format!("{s} s"));
            let text = format!("sent for {}, got {}", words(sent), got.map_or("nothing".to_owned(), words));
            if held {
                return (true, text);
            }
            seen.push(text);
        }
        (false, if seen.is_empty() { format!("no cookie {} was set", check.name) } else { seen.join("; ") })
    }
}

/// The lifetime of the last cookie of this name among `Set-Cookie` values, in s: nothing where there is none, and
/// nothing inside where it ends with the browser.
fn lifetime(values: &[&str], name: &str) -> Option<Option<i64>> {
    let is_it = |value: &&&str| value.split('=').next().is_some_and(|it| it.trim() == name);
    values.iter().rfind(is_it).map(|value| lifetime_of(value, Timestamp::now().as_second()))
}
