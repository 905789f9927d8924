//! A secret in the middle of anything, in any encoding: once it is learned, it does not come out.

#![no_main]

use std::borrow::Cow;

use kratos_repro::evidence::{Exchange, Redactor, Secret};
use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Secrets as Kratos makes them, and as people do.
const SECRETS: [(Secret, &str); 5] = [
    (Secret::Token, "ory_st_zS3dTq9XvB7kLmN2pRw4"),
    (Secret::Csrf, "Zm9vYmFyYmF6cXV4/+8hDw2kVt9s1A=="),
    (Secret::Code, "483920"),
    (Secret::Password, "tr0ub4dor & \"3\" <ü>"),
    (Secret::Cookie, "MTcwMDAwMDAwMHxEWDhFQVFMX2dBQUJFQUVRQUFBX3Rlc3Q"),
];

fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;")
}

fn in_percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What a reader makes of a text without our redaction's own decoders.
fn readings(text: &str) -> [Cow<'_, str>; 2] {
    [text.into(), percent_decode_str(text).decode_utf8_lossy()]
}

fuzz_target!(|input: (u8, u8, bool, &str, &str, &str)| {
    let (which, encoding, is_learned_first, before, after, other) = input;
    let (kind, secret) = SECRETS[usize::from(which) % SECRETS.len()];
    let encoded = match encoding % 5 {
        0 => secret.to_owned(),
        1 => in_percent(secret),
        2 => in_json(secret),
        3 => in_html(secret),
        _ => in_percent(&in_percent(secret)),
    };
    // What the input itself spells is not ours to hide twice.
    if readings(before).iter().chain(&readings(after)).any(|it| it.contains(secret)) {
        return;
    }
    let mut redactor = Redactor::new();
    if is_learned_first {
        redactor.learn(kind, secret);
        redactor.learn_text(other);
    } else {
        redactor.learn_text(other);
        redactor.learn(kind, secret);
    }
    // A code is a number, and hidden as a whole one: what stands beside it must not make another number of it.
    let text = format!("{before}={encoded}&{after}");

    let shown = redactor.text(&text);
    for reading in readings(&shown) {
        assert!(!reading.contains(secret), "{text:?} came out as {shown:?}");
    }

    let exchange = Exchange {
        url: text.clone(),
        request_headers: vec![(before.to_owned(), text.clone())],
        request_body: text.clone(),
        response_headers: vec![("set-cookie".to_owned(), text.clone())],
        response_body: text,
        ..Exchange::default()
    };
    redactor.learn_exchange(&exchange);
    let shown = serde_json::to_string(&redactor.exchange(&exchange)).expect("an exchange is JSON");
    assert!(!shown.contains(secret) && !shown.contains(&in_json(secret)), "{exchange:?} came out as {shown}");
});
