//! How long a cookie lasts, and the cap on it: only what is too long in a `Set-Cookie` value is written anew.

use super::date;

/// The longest lifetime that a cloaked third party's cookie may have, in s: 7 days
/// (`m_ageCapForCNAMECloakedCookies` in WebKit's `NetworkTaskCocoa.h`).
pub(super) const CAP_S: i64 = 7 * 24 * 60 * 60;

/// The lifetime of a `Set-Cookie` value in s; nothing for a cookie that ends with the browser. `Max-Age` wins over `Expires`, and of several
/// the last (RFC 6265, section 5.3).
pub fn of(cookie: &str, now: i64) -> Option<i64> {
    let last = |read: &dyn Fn(&str, &str) -> Option<i64>| {
        attributes(cookie).filter_map(|(name, value)| read(name, value)).next_back()
    };
    last(&|name, value| max_age(name, value))
        .or_else(|| last(&|name, value| expires(name, value)).map(|at| at.saturating_sub(now)))
}

/// The same value with what is too long in it cut to the cap; everything else stays byte for byte.
pub(super) fn cap(cookie: &str, now: i64) -> String {
    let latest = now.saturating_add(CAP_S);
    let mut capped = String::with_capacity(cookie.len());
    for (place, part) in cookie.split(';').enumerate() {
        if place > 0 {
            capped.push(';');
        }
        let anew = attribute(part).filter(|_| place > 0).and_then(|(name, value)| {
            if max_age(name, value).is_some_and(|seconds| seconds > CAP_S) {
                Some((value, CAP_S.to_string()))
            } else if expires(name, value).is_some_and(|at| at > latest) {
                Some((value, date::format(latest)))
            } else {
                None
            }
        });
        match anew {
            Some((old, new)) => {
                // Behind the `=`: a value may spell its own name.
                let behind = part.find('=').map_or(0, |at| at + 1);
                let (head, tail) = part.split_at(behind);
                capped.push_str(head);
                capped.push_str(&tail.replacen(old, &new, 1));
            }
            None => capped.push_str(part),
        }
    }
    capped
}

/// A lifetime for people. A server that counts from its own clock is a second off, which says nothing.
pub(super) fn words(seconds: i64) -> String {
    let whole = |unit: i64| {
        (seconds.rem_euclid(unit) <= 1 || unit - seconds.rem_euclid(unit) <= 1, seconds.saturating_add(1) / unit)
    };
    match (whole(86_400), whole(3_600)) {
        ((true, days), _) if days > 0 => format!("{days} d"),
        (_, (true, hours)) if hours > 0 => format!("{hours} h"),
        _ if seconds >= 172_800 => format!("{:.1} d", seconds as f64 / 86_400.0),
        _ => format!("{seconds} s"),
    }
}

fn attributes(cookie: &str) -> impl DoubleEndedIterator<Item = (&str, &str)> {
    cookie.split(';').skip(1).collect::<Vec<_>>().into_iter().filter_map(attribute)
}

fn attribute(part: &str) -> Option<(&str, &str)> {
    part.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
}

/// RFC 6265, section 5.2.2.
fn max_age(name: &str, value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let number =
        name.eq_ignore_ascii_case("max-age") && !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    // Longer than an `i64` can say is for ever.
    number.then(|| value.parse().unwrap_or(if value.starts_with('-') { i64::MIN } else { i64::MAX }))
}

fn expires(name: &str, value: &str) -> Option<i64> {
    name.eq_ignore_ascii_case("expires").then(|| date::parse(value)).flatten()
}
