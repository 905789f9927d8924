//! Applies the policy of a listener to what it carries, and says for the record what was done.

use std::sync::{MutexGuard, PoisonError};

use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::DnsRecord;
use super::listener::Listener;
use super::policy::{Answered, Asked, Itp, Task};
use crate::evidence::Exchange;

/// Shows a request to the policy. Cookies that the browser would not have sent are taken out of it.
pub(super) fn request(listener: &Listener, exchange: &mut Exchange, headers: &mut HeaderMap) -> Option<Task> {
    let mut itp = lock(listener)?;
    let asked = Asked {
        method: &exchange.method,
        url: &exchange.url,
        headers: &exchange.request_headers,
        now: Timestamp::now().as_second(),
    };
    let task = itp.ask(&asked);
    if let Some(why) = task.blocked().map(str::to_owned)
        && headers.remove(header::COOKIE).is_some()
    {
        // The record says what the browser sends that this one stands for.
        exchange.request_headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
        exchange.policy.push(format!("{} (emulated): no cookie sent: {why}", itp.generation()));
    }
    Some(task)
}

/// Treats the cookies of an answer. Gives what was done, and the values that are left where any was changed.
pub(super) fn answer(
    listener: &Listener,
    task: &Task,
    record: &DnsRecord,
    answer: &mut Response<Bytes>,
) -> (Vec<String>, Option<Vec<String>>) {
    let Some(mut itp) = lock(listener) else { return (Vec::new(), None) };
    let sent: Vec<HeaderValue> = answer.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    let cookies: Vec<String> =
        sent.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    let location = answer.headers().get(header::LOCATION).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let answered = Answered {
        status: answer.status().as_u16(),
        location: location.as_deref(),
        cookies: &cookies,
        cname: &record.cname,
        address: record.address.as_deref(),
        now: Timestamp::now().as_second(),
    };
    let treated = itp.answer(task, &answered);
    let done = treated.iter().map(|it| format!("{} (emulated): {}", itp.generation(), it.reason)).collect();
    let left: Vec<String> = treated.into_iter().filter_map(|it| it.value).collect();
    if left == cookies {
        return (done, None);
    }
    answer.headers_mut().remove(header::SET_COOKIE);
    for value in &left {
        // One that is as it was keeps its bytes, which need not be text.
        let as_sent = cookies.iter().zip(&sent).find(|(cookie, _)| *cookie == value).map(|(_, sent)| sent.clone());
        if let Some(value) = as_sent.or_else(|| HeaderValue::from_bytes(value.as_bytes()).ok()) {
            answer.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    (done, Some(left))
}

fn lock(listener: &Listener) -> Option<MutexGuard<'_, Itp>> {
    listener.policy.as_ref().map(|policy| policy.lock().unwrap_or_else(PoisonError::into_inner))
}
