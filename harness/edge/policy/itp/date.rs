//! Dates in cookies, read as browsers read them: in any order (RFC 6265, section 5.1.1).

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};

/// The date in s since 1970; nothing when it is none.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let tokens = text.split(is_delimiter).filter(|token| !token.is_empty());
    for token in tokens {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let (hour, minute, second) = time?;
    if year < 1601 {
        return None;
    }
    let small = |number: i64| i8::try_from(number).ok();
    let date = civil::DateTime::new(
        i16::try_from(year).ok()?,
        small(month?)?,
        small(day?)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    );
    // Servers mean "for ever" by the last day of 9999, of which a timestamp has but the begin.
    Some(TimeZone::UTC.to_timestamp(date.ok()?).unwrap_or(Timestamp::MAX).as_second())
}

/// The date as servers write it (RFC 9110, section 5.6.7).
pub(super) fn format(seconds: i64) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    strtime::format("%a, %d %b %Y %H:%M:%S GMT", moment).unwrap_or_default()
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// The leading digits, if there are so many of them.
fn number(token: &str, least: usize, most: usize) -> Option<i64> {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    if (least..=most).contains(&digits) { token[..digits].parse().ok() } else { None }
}

fn time_of(token: &str) -> Option<(i64, i64, i64)> {
    let mut parts = token.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |part: &str| part.bytes().all(|c| c.is_ascii_digit()).then(|| number(part, 1, 2)).flatten();
    Some((whole(hour)?, whole(minute)?, number(second, 1, 2)?))
}

fn month_of(token: &str) -> Option<i64> {
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = token.get(..3)?.to_ascii_lowercase();
    months.iter().position(|month| *month == start).and_then(|place| i64::try_from(place + 1).ok())
}
