//! Finds known values in a text, whatever they are encoded in, and puts their names in their place.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::coding::{View, visit_views};

/// What stands for a text that could not be searched.
const WITHHELD: &str = "(withheld: the secrets in it could not be searched for)";

/// A set of values and the name of each.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    automaton: Option<AhoCorasick>,
    names: Vec<String>,
    /// Values of digits alone, which are replaced as whole numbers only.
    numbers: HashMap<String, String>,
    broken: bool,
}

impl Matcher {
    /// Prepares the search for the keys of `values`.
    pub(super) fn new(values: &HashMap<String, String>) -> Self {
        let (numbers, texts): (Vec<_>, Vec<_>) =
            values.iter().partition(|(value, _)| value.bytes().all(|byte| byte.is_ascii_digit()));
        let numbers = numbers.into_iter().map(|(value, name)| (value.clone(), name.clone())).collect();
        if texts.is_empty() {
            return Self { numbers, ..Self::default() };
        }
        let automaton = AhoCorasick::builder()
            // The default for a few values is a DFA, which takes a second to build for 4 kB of them.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts.iter().map(|(value, _)| value.as_bytes()))
            .ok();
        let names = texts.into_iter().map(|(_, name)| name.clone()).collect();
        Self { broken: automaton.is_none(), automaton, names, numbers }
    }

    fn is_empty(&self) -> bool {
        self.automaton.is_none() && self.numbers.is_empty()
    }

    fn find<'a>(&'a self, view: &View<'_>, hits: &mut Vec<Hit<'a>>) {
        if let Some(automaton) = &self.automaton {
            for found in automaton.find_iter(&view.bytes) {
                let (start, end) = view.span(found.start(), found.end());
                hits.push(Hit { start, end, name: &self.names[found.pattern().as_usize()] });
            }
        }
        if !self.numbers.is_empty() {
            self.find_numbers(view, hits);
        }
    }

    fn find_numbers<'a>(&'a self, view: &View<'_>, hits: &mut Vec<Hit<'a>>) {
        let bytes: &[u8] = &view.bytes;
        let mut at = 0;
        while at < bytes.len() {
            let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            // The fraction of a time stamp is as long as a code.
            let fraction = at >= 2 && bytes[at - 1] == b'.' && bytes[at - 2].is_ascii_digit();
            if digits > 0
                && !fraction
                && let Some(name) =
                    std::str::from_utf8(&bytes[at..at + digits]).ok().and_then(|run| self.numbers.get(run))
            {
                let (start, end) = view.span(at, at + digits);
                hits.push(Hit { start, end, name });
            }
            at += digits.max(1);
        }
    }
}

#[derive(Debug)]
struct Hit<'a> {
    start: usize,
    end: usize,
    name: &'a str,
}

/// Replaces every value of the matchers in `text`. Where two overlap, both names stand in place of both.
pub(super) fn replace(text: &str, matchers: &[&Matcher]) -> String {
    if matchers.iter().any(|matcher| matcher.broken) {
        return WITHHELD.to_owned();
    }
    if matchers.iter().all(|matcher| matcher.is_empty()) {
        return text.to_owned();
    }
    let mut hits = Vec::new();
    visit_views(text, &mut |view| matchers.iter().for_each(|matcher| matcher.find(view, &mut hits)));
    hits.sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));

    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for hit in hits {
        // An escape may begin within a character of the text only where the text is hostile.
        let start = floor_boundary(text, hit.start);
        let end = ceil_boundary(text, hit.end);
        if end <= done {
            continue;
        }
        if start > done {
            out.push_str(&text[done..start]);
        }
        out.push_str(hit.name);
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn ceil_boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
