//! An exchange as the page shows it: its status judged, its bodies laid out and cut to a length that can be read.

use serde::Serialize;

use crate::evidence::Exchange;

/// How many characters of a body the page shows; all of it is in `results.json`.
const BODY: usize = 6_000;

/// The same of a style sheet or a script: they come again with every page and say nothing of a flow.
const ASSET: usize = 200;

/// An exchange, laid out.
#[derive(Debug, Serialize)]
pub(super) struct Crossing<'a> {
    id: u64,
    step: usize,
    at_ms: u64,
    took_ms: Option<u64>,
    listener: &'a str,
    method: &'a str,
    url: &'a str,
    host: &'a str,
    path: &'a str,
    status: Option<u16>,
    mood: &'static str,
    policy: &'a [String],
    /// Whether the policy changed anything: it stands out then.
    changed: bool,
    delivered: &'a [String],
    undelivered: bool,
    fault: Option<&'a str>,
    refused: Option<&'a str>,
    request: Message<'a>,
    response: Message<'a>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    headers: &'a [(String, String)],
    body: String,
    /// The characters that the page leaves out.
    cut: usize,
}

impl<'a> Crossing<'a> {
    /// Lays an exchange out.
    pub(super) fn of(exchange: &'a Exchange) -> Self {
        Self {
            id: exchange.id,
            step: exchange.step,
            at_ms: exchange.at_ms,
            took_ms: exchange.took_ms,
            listener: &exchange.listener,
            method: &exchange.method,
            url: &exchange.url,
            host: exchange.host(),
            path: exchange.path(),
            status: exchange.status,
            mood: match exchange.status {
                _ if exchange.refused.is_some() => "error",
                None => "error",
                Some(500..) => "bad",
                Some(400..) => "warn",
                Some(_) => "plain",
            },
            policy: &exchange.policy,
            // What a policy did is told; an answer that reached nobody delivers none either.
            changed: (exchange.delivered_cookies.is_some() && !exchange.policy.is_empty() && !exchange.undelivered)
                || exchange.policy.iter().any(|it| it.contains("no cookie sent")),
            delivered: exchange.delivered_cookies.as_deref().unwrap_or_default(),
            undelivered: exchange.undelivered,
            fault: exchange.fault.as_deref(),
            refused: exchange.refused.as_deref(),
            request: Message::of(&exchange.request_headers, &exchange.request_body),
            response: Message::of(&exchange.response_headers, &exchange.response_body),
        }
    }
}

impl<'a> Message<'a> {
    fn of(headers: &'a [(String, String)], body: &str) -> Self {
        let type_is = |start: &str| {
            let mut types = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            types.any(|(_, value)| value.to_ascii_lowercase().starts_with(start))
        };
        let text = if type_is("application/x-www-form-urlencoded") { lay_out_form(body) } else { lay_out_json(body) };
        let limit = if type_is("text/css") || type_is("text/javascript") { ASSET } else { BODY };
        let body: String = text.chars().take(limit).collect();
        let cut = text.chars().count().saturating_sub(limit);
        Self { headers, body, cut }
    }
}

/// A form's fields, one on each line.
fn lay_out_form(body: &str) -> String {
    let fields = url::form_urlencoded::parse(body.as_bytes());
    fields.map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join("\n")
}

/// JSON with a field on each line; any other text as it is.
fn lay_out_json(body: &str) -> String {
    let json = body.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str::<serde_json::Value>(body));
    json.and_then(Result::ok)
        .and_then(|json| serde_json::to_string_pretty(&json).ok())
        .unwrap_or_else(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::form(
        "application/x-www-form-urlencoded; charset=utf-8",
        "code=code%231&method=code",
        "code = code#1\nmethod = code"
    )]
    #[case::json("application/json", "{\"id\":1}", "{\n  \"id\": 1\n}")]
    #[case::broken_json("application/json", "{\"id\":", "{\"id\":")]
    #[case::text("text/html", "<p>a", "<p>a")]
    fn a_body_is_laid_out_by_its_type(#[case] content_type: &str, #[case] body: &str, #[case] text: &str) {
        let headers = [("Content-Type".to_owned(), content_type.to_owned())];

        let message = Message::of(&headers, body);

        assert_eq!((message.body.as_str(), message.cut), (text, 0));
    }

    #[rstest]
    #[case::style_sheet("text/css")]
    #[case::script("text/javascript; charset=utf-8")]
    fn an_asset_is_cut_short(#[case] content_type: &str) {
        let headers = [("content-type".to_owned(), content_type.to_owned())];

        let message = Message::of(&headers, &"a".repeat(ASSET + 7));

        assert_eq!((message.body.chars().count(), message.cut), (ASSET, 7));
    }

    #[test]
    fn a_long_body_is_cut_and_says_by_how_much() {
        let message = Message::of(&[], &"ä".repeat(BODY + 7));

        assert_eq!((message.body.chars().count(), message.cut), (BODY, 7));
    }
}
