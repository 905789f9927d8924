//! Faults that the edge injects on purpose, and which exchanges they hit.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::Method;
use hyper::header::ACCESS_CONTROL_REQUEST_METHOD;
use hyper::http::request::Parts;

use super::jitter::Jitter;
use super::meeting::Meeting;

/// What is done to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The request is handed to the upstream at once; its answer is held for this long.
    DelayAnswer(Duration),
    /// The same for a time that is another for each answer.
    Jitter(Jitter),
    /// The request is held for this long before the upstream sees it.
    DelayRequest(Duration),
    /// The upstream gets the request and answers; the answer never comes back and the connection closes.
    LoseAnswer,
    /// This cookie is set beside the upstream's own, as a CDN does.
    AddCookie(String),
    /// The request is held until so many have come, and all of them go on at one moment.
    Together(Meeting),
    /// The values of the request's cookies are percent-encoded once more, as a proxy that means well does.
    EncodeCookies,
    /// A client that hangs up takes its request with it, as behind a proxy that does not buffer: the upstream's connection
    /// closes. Without this what has begun is carried to its end.
    PassHangUp,
}

impl Effect {
    /// What it is for one exchange.
    pub(super) fn on(self, listener: &str, method: &str, url: &str) -> Self {
        match self {
            Self::Jitter(jitter) => Self::DelayAnswer(jitter.next(&format!("{listener} {method} {url}"))),
            effect => effect,
        }
    }

    /// Whether it happens to every exchange that its fault hits. To others it may, and is told of then.
    pub(super) fn is_certain(&self) -> bool {
        !matches!(self, Self::Together(_) | Self::PassHangUp)
    }

    /// One line for reports.
    pub fn text(&self) -> String {
        match self {
            Self::DelayAnswer(time) => format!("answer held for {} ms", time.as_millis()),
            Self::Jitter(_) => "answer held for a time of its own".to_owned(),
            Self::DelayRequest(time) => format!("request held for {} ms", time.as_millis()),
            Self::LoseAnswer => "answer lost: it reached the edge and never came back".to_owned(),
            Self::AddCookie(cookie) => format!("cookie added: {}", cookie.split('=').next().unwrap_or_default()),
            Self::Together(meeting) => format!("request held for a meeting of {}, to go on at once", meeting.size()),
            Self::EncodeCookies => "the request's cookies percent-encoded".to_owned(),
            Self::PassHangUp => "the client hung up, and the server was let know".to_owned(),
        }
    }
}

/// A fault: which exchanges it hits, how often, and what it does to them.
#[derive(Debug)]
pub struct Fault {
    host: Option<String>,
    method: Option<String>,
    path: Option<String>,
    effect: Effect,
    step: Option<usize>,
    left: Option<AtomicU32>,
}

impl Fault {
    /// A fault that hits every exchange until it is narrowed.
    pub fn new(effect: Effect) -> Self {
        Self { host: None, method: None, path: None, step: None, effect, left: None }
    }

    /// Hits only this host.
    pub fn host(mut self, host: Option<String>) -> Self {
        self.host = host;
        self
    }

    /// Hits only this method. A fault that names none hits each but the question before a request, by which a browser
    /// asks for leave: whoever writes such a fault means the request itself.
    pub fn method(mut self, method: Option<String>) -> Self {
        self.method = method;
        self
    }

    /// Hits only this path, compared whole and without the query.
    pub fn path(mut self, path: Option<String>) -> Self {
        self.path = path;
        self
    }

    /// Hits only exchanges that begin while this step runs, counted from 1.
    pub fn step(mut self, step: Option<usize>) -> Self {
        self.step = step;
        self
    }

    /// Hits only the first so many exchanges that match.
    pub fn times(mut self, times: Option<u32>) -> Self {
        self.left = times.map(AtomicU32::new);
        self
    }

    /// Whether it can do this to any exchange.
    pub(super) fn has(&self, effect: &Effect) -> bool {
        self.effect == *effect
    }

    /// The effect on this exchange. Each call for a matching exchange uses up one of `times`.
    pub(super) fn strike(&self, step: usize, host: &str, request: &Parts) -> Option<&Effect> {
        let method = match self.method.as_deref() {
            Some(wanted) => wanted.eq_ignore_ascii_case(request.method.as_str()),
            None => !is_preflight(request),
        };
        let matches = method
            && self.step.is_none_or(|wanted| wanted == step)
            && self.host.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(host))
            && self.path.as_deref().is_none_or(|wanted| wanted == request.uri.path());
        if !matches {
            return None;
        }
        match &self.left {
            Some(left) if !use_one(left) => None,
            _ => Some(&self.effect),
        }
    }
}

/// Whether it is a CORS preflight (Fetch, section 3.2.2).
fn is_preflight(request: &Parts) -> bool {
    request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Takes one off a count, if there is one left.
fn use_one(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str) -> Parts {
        hyper::Request::builder().method(method).uri(path).body(()).expect("a request").into_parts().0
    }

    fn slow() -> Fault {
        Fault::new(Effect::DelayAnswer(Duration::from_millis(400)))
            .host(Some("ory.example.test".into()))
            .method(Some("POST".into()))
            .path(Some("/self-service/login".into()))
    }

    #[test]
    fn a_fault_hits_what_it_names() {
        assert!(slow().strike(1, "ORY.example.test", &request("post", "/self-service/login")).is_some());
    }

    #[test]
    fn a_fault_spares_everything_else() {
        let fault = slow();

        assert_eq!(fault.strike(1, "ui.example.test", &request("POST", "/self-service/login")), None);
        assert_eq!(fault.strike(1, "ory.example.test", &request("GET", "/self-service/login")), None);
        assert_eq!(fault.strike(1, "ory.example.test", &request("POST", "/self-service/login/flows")), None);
    }

    #[test]
    fn a_fault_keeps_to_its_step() {
        let fault = Fault::new(Effect::LoseAnswer).step(Some(7));

        assert_eq!(fault.strike(6, "a", &request("POST", "/")), None);
        assert_eq!(fault.strike(7, "a", &request("POST", "/")), Some(&Effect::LoseAnswer));
    }

    #[test]
    fn a_fault_ends_after_its_times() {
        let fault = Fault::new(Effect::LoseAnswer).times(Some(1));

        assert_eq!(fault.strike(1, "a", &request("GET", "/")), Some(&Effect::LoseAnswer));
        assert_eq!(fault.strike(1, "a", &request("GET", "/")), None);
    }
}
