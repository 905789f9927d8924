//! What a check sees in the edge's record.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::case::{Posts, Unanswered, Within};
use crate::evidence::Exchange;

/// How the last request stands that a check is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nobody has asked yet.
    NotAsked,
    /// It has waited so long, in ms.
    For(u64),
    /// It waits no more: how it ended.
    Over(String),
}

/// Whether so many of these are the POSTs that are asked for, and how many are. One whose server was gone had arrived;
/// one that the edge kept to itself had nowhere to arrive. Where several steps may be the last one, it is one of them that
/// has so many; that there is none must be so in all of them.
pub(super) fn posts(
    check: &Posts,
    exchanges: impl Iterator<Item = Exchange>,
    last: RangeInclusive<usize>,
) -> (bool, String) {
    let found: Vec<usize> = exchanges
        .filter(|it| it.method == "POST" && it.path() == check.path && (it.refused.is_none() || it.upstream_failed))
        .filter(|it| check.host.as_deref().is_none_or(|host| it.host() == host))
        .filter(|it| check.by.as_ref().is_none_or(|by| *by == it.listener))
        .map(|it| it.step)
        .collect();
    let counts: Vec<usize> = match check.step {
        Within::Any => vec![found.len()],
        Within::Last => last.map(|step| found.iter().filter(|it| **it == step).count()).collect(),
    };
    let held = if check.count == 0 { found.is_empty() } else { counts.contains(&check.count) };
    (held, counts.iter().map(usize::to_string).collect::<Vec<_>>().join(", then "))
}

/// Which of these may still change what is seen, if any may: those that are open, and those of pages that came or were
/// answered less than `quiet` ago.
pub(super) fn under_way(
    exchanges: impl Iterator<Item = Exchange>,
    is_page: impl Fn(&Exchange) -> bool,
    now_ms: u64,
    quiet: Duration,
) -> Option<String> {
    let mut last = None;
    for it in exchanges {
        let text = || format!("{} {} from `{}`", it.method, it.path(), it.listener);
        let Some(took) = it.took_ms else { return Some(format!("still open: {}", text())) };
        let idle = Duration::from_millis(now_ms.saturating_sub(it.at_ms + took));
        if idle < quiet && is_page(&it) {
            last = Some(format!("requests kept coming, the last one {}", text()));
        }
    }
    last
}

/// Whether it is the request that has to wait for its answer.
pub(super) fn is_of(check: &Unanswered, exchange: &Exchange) -> bool {
    exchange.listener == check.to && exchange.path() == check.path
}

/// How the request stands that has to wait for its answer. One whose answer the edge still holds waits as well.
pub(super) fn wait(asked: Option<Exchange>, now_ms: u64) -> Wait {
    let Some(it) = asked else { return Wait::NotAsked };
    match (it.refused, it.status, it.took_ms) {
        (Some(why), ..) => Wait::Over(format!("refused: {why}")),
        (None, Some(status), Some(_)) => Wait::Over(format!("answered {status}")),
        (None, None, Some(_)) => Wait::Over("ended without an answer".to_owned()),
        (None, _, None) => Wait::For(now_ms.saturating_sub(it.at_ms)),
    }
}

/// Whether requests may yet wait as long as each of them has to; it has been looked for so long. One that is over will not,
/// whatever the others do.
pub(super) fn may_come(waits: &[(Wait, Duration)], looked: Duration) -> bool {
    let is_over = |(wait, _): &(Wait, Duration)| matches!(wait, Wait::Over(_));
    let is_early = |(wait, time): &(Wait, Duration)| match wait {
        Wait::NotAsked => looked < *time,
        Wait::For(waits) => Duration::from_millis(*waits) < *time,
        Wait::Over(_) => false,
    };
    !waits.iter().any(is_over) && waits.iter().any(is_early)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: Duration = Duration::from_secs(4);

    fn post(refused: Option<&str>, upstream_failed: bool) -> Exchange {
        Exchange {
            listener: "kratos".to_owned(),
            at_ms: 1_000,
            method: "POST".to_owned(),
            url: "https://legacy.example.test/verify-password".to_owned(),
            refused: refused.map(str::to_owned),
            upstream_failed,
            ..Exchange::default()
        }
    }

    #[test]
    fn a_post_whose_server_is_gone_has_arrived_and_one_that_is_not_passed_on_has_not() {
        let check = Posts {
            path: "/verify-password".to_owned(),
            count: 0,
            host: Some("legacy.example.test".to_owned()),
            by: Some("kratos".to_owned()),
            step: Within::Any,
        };
        let count = |exchange| posts(&check, std::iter::once(exchange), 4..=4).1;

        assert_eq!(count(post(None, false)), "1");
        assert_eq!(count(post(Some("failed to reach the server"), true)), "1");
        assert_eq!(count(post(Some("no server of this world"), false)), "0");
    }

    #[test]
    fn of_several_last_steps_one_has_so_many_and_none_is_none_in_all() {
        let check =
            |count| Posts { path: "/verify-password".to_owned(), count, host: None, by: None, step: Within::Last };
        let held = |count| {
            let steps = [3, 3, 5].map(|step| Exchange { step, ..post(None, false) });
            posts(&check(count), steps.into_iter(), 3..=5).0
        };

        assert_eq!([0, 1, 2, 3].map(held), [false, true, true, false]);
    }

    #[test]
    fn what_is_open_is_under_way_and_of_a_page_what_was_a_moment_ago() {
        let quiet = Duration::from_millis(160);
        let ended = || Exchange { took_ms: Some(500), ..post(None, false) };
        let seen = |exchange, page, now| under_way(std::iter::once(exchange), |_| page, now, quiet).is_some();

        assert!(seen(post(None, false), false, 9_000), "it is open");
        assert!(seen(ended(), true, 1_600), "a page may ask for more");
        assert!(!seen(ended(), false, 1_600), "a program asks when a step has it ask");
        assert!(!seen(ended(), true, 1_660), "it is quiet");
    }

    #[test]
    fn what_has_ended_waits_no_more() {
        let wait = |exchange: Option<Exchange>| wait(exchange, 6_000);
        let answered = || Exchange { status: Some(200), ..post(None, false) };
        let ended = |exchange| Exchange { took_ms: Some(2), ..exchange };

        assert_eq!(wait(None), Wait::NotAsked);
        assert_eq!(wait(Some(post(None, false))), Wait::For(5_000));
        assert!(matches!(wait(Some(ended(answered()))), Wait::Over(_)), "answered");
        assert_eq!(wait(Some(answered())), Wait::For(5_000), "the edge holds the answer");
        assert!(matches!(wait(Some(post(Some("nobody is there"), true))), Wait::Over(_)), "refused");
        assert!(matches!(wait(Some(ended(post(Some("nobody is there"), true)))), Wait::Over(_)), "refused and over");
        assert!(matches!(wait(Some(ended(post(None, false)))), Wait::Over(_)), "broken off");
    }

    #[test]
    fn what_may_wait_long_enough_yet_is_told_from_what_will_not() {
        let over = || Wait::Over("answered 200".to_owned());
        let may_come = |waits: Vec<Wait>, looked| {
            let waits: Vec<(Wait, Duration)> = waits.into_iter().map(|wait| (wait, FOUR)).collect();
            may_come(&waits, looked)
        };

        assert!(may_come(vec![Wait::NotAsked], Duration::ZERO), "the request may be on its way");
        assert!(!may_come(vec![Wait::NotAsked], FOUR), "nobody asked in all that time");
        assert!(may_come(vec![Wait::For(3_999)], FOUR), "it was asked late");
        assert!(!may_come(vec![Wait::For(4_000)], Duration::ZERO), "it has waited long enough");
        assert!(may_come(vec![Wait::For(4_000), Wait::For(3_999)], FOUR), "one of two is early");
        assert!(!may_come(vec![over(), Wait::For(3_999)], Duration::ZERO), "one of two was answered");
        assert!(!may_come(vec![], Duration::ZERO), "nothing has to wait");
    }
}
