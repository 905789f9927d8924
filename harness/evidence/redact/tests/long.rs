//! Long texts, which must not take longer than they are.

use std::time::{Duration, Instant};

use rstest::rstest;

use super::{Redactor, answer};

/// A word of a text that makes each place of it begin something: read from each to its end, 1 MiB would take minutes.
#[rstest]
#[case::marks("ory_")]
#[case::marks_of_tokens("eyJ")]
#[case::parts_of_tokens("eyJ.")]
#[case::queries("?a=")]
#[case::fragments("#?")]
#[case::pairs("&a=")]
#[case::fields("<input name=")]
#[case::tags("<")]
#[case::quotes("\"")]
#[case::keys("\"a\":\"")]
#[case::objects("{\"a\":")]
#[case::escapes("\\\"")]
#[case::backslashes("\\")]
#[case::entities("&amp;")]
#[case::percent_signs("%25")]
fn a_text_is_read_once(#[case] word: &str) {
    let text = word.repeat((1 << 20) / word.len());
    let exchange = answer(&[("content-type", "text/html")], &text);
    let begun = Instant::now();

    let mut redactor = Redactor::new();
    redactor.learn_exchange(&exchange);
    let clean = redactor.text(&text);

    assert!(!clean.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
