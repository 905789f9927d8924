//! Random secrets in every encoding, and input that is made to be slow.

use anyhow::{Context, Result};

use super::{FORM, request};
use crate::evidence::{Redactor, Secret};

/// A small generator (SplitMix64), so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn secret(&mut self) -> String {
        let letters: Vec<char> = "abcXYZ0189+/=-_.~ %&<>\"'\\#?;:@!é€😀".chars().collect();
        let tail: String = (0..6 + self.below(20)).map(|_| letters[self.below(letters.len())]).collect();
        format!("k{tail}q")
    }
}

/// The encodings that a secret may have.
pub(super) const ENCODINGS: [&str; 11] =
    ["raw", "percent", "PERCENT", "form", "json", "json-all", "html", "html-dec", "html-hex", "go", "html in json"];

/// Writes a text in one of them.
pub(super) fn encode(text: &str, encoding: &str) -> String {
    let each = |write: &dyn Fn(char) -> String| text.chars().map(write).collect::<String>();
    let percent = |char: char, upper: bool| -> String {
        let mut buffer = [0; 4];
        let bytes = char.encode_utf8(&mut buffer).bytes();
        bytes.map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }).collect()
    };
    let unit =
        |char: char| -> String { char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect() };
    match encoding {
        "percent" => each(&|c| if c.is_ascii_alphanumeric() { c.to_string() } else { percent(c, false) }),
        "PERCENT" => each(&|c| percent(c, true)),
        "form" => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        "json" => {
            serde_json::Value::from(text).to_string().trim_matches('"').replace('/', "\\/").replace('&', "\\u0026")
        }
        "json-all" => each(&unit),
        "html" => each(&|c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '+' => "&#43;".into(),
            '=' => "&#x3d;".into(),
            '/' => "&#x2F;".into(),
            c => c.to_string(),
        }),
        "html-dec" => each(&|c| format!("&#{};", c as u32)),
        "html-hex" => each(&|c| format!("&#X{:06x};", c as u32)),
        "go" => each(&|c| match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            c if !c.is_ascii() => format!("\\U{:08x}", c as u32),
            c => c.to_string(),
        }),
        "html in json" => encode(&encode(text, "html"), "json"),
        _ => text.to_owned(),
    }
}

#[test]
fn random_secrets_come_out_in_no_encoding() -> Result<()> {
    let mut numbers = Numbers(4711);
    for round in 0..300 {
        let mut redactor = Redactor::new();
        let secrets: Vec<String> = (0..4).map(|_| numbers.secret()).collect();
        secrets.iter().for_each(|secret| redactor.learn(Secret::Token, secret));
        for _ in 0..20 {
            let index = numbers.below(secrets.len());
            let outer = ENCODINGS[numbers.below(ENCODINGS.len())];
            let planted = format!("<a href=\"/é\">{}</a> 😀", encode(&secrets[index], outer));
            let expected = format!("<a href=\"/é\">token#{}</a> 😀", index + 1);
            let clean = redactor.text(&planted);
            assert_eq!(clean, expected, "round {round}, `{}` as {outer}: {planted}", secrets[index]);
        }
        // The same by structure alone, as a browser would send it.
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("method", "password")
            .append_pair("password", &secrets[0])
            .finish();
        let clean = redactor.exchange(&request(&[("content-type", FORM)], &body)).request_body;
        assert_eq!(clean, "method=password&password=token#1", "round {round}: {body}");
        let caught = Redactor::new().exchange(&request(&[("content-type", FORM)], &body)).request_body;
        assert_eq!(caught, "method=password&password=password#?", "round {round}: {body}");
    }
    Ok(())
}

#[test]
fn hostile_input_is_read_in_bearable_time() -> Result<()> {
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Token, "needle in it");
    let started = std::time::Instant::now();
    for piece in
        ["[{\"code\":", "%25", "&#38;", "\\\\", "<input name=", "?code=", "\"", "&amp;a=", "ory_st_", "a+%&\\\"<"]
    {
        let text = piece.repeat(100_000 / piece.len());
        let found = redactor.text(&format!("{text} needle in it"));
        assert!(!found.contains("needle"), "{piece}");
        redactor.learn_exchange(&request(&[("content-type", FORM)], &text));
        redactor = Redactor::new();
        redactor.learn(Secret::Token, "needle in it");
    }
    let took = started.elapsed();
    // Far above what linear time needs on a busy machine, far below what quadratic time would take.
    (took.as_secs() < 60).then_some(()).with_context(|| format!("took {} ms", took.as_millis()))
}
