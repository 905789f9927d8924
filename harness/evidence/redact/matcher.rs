//! Finds known values in a text, whatever they are encoded in, and puts their names in their place.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::coding::{View, visit_views};

/// What stands for a text that could not be searched.
const WITHHELD: &str = "(withheld: the secrets in it could not be searched for)";

/// A set of values and the name of each.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    texts: Option<Search>,
    /// Values of digits alone, which are replaced as whole numbers only.
    numbers: Option<Search>,
    broken: bool,
}

impl Matcher {
    /// Prepares the search for the keys of `values`.
    pub(super) fn new(values: &HashMap<String, String>) -> Self {
        let (numbers, texts): (Vec<_>, Vec<_>) =
            values.iter().partition(|(value, _)| value.bytes().all(|byte| byte.is_ascii_digit()));
        let [texts, numbers] = [texts, numbers].map(|values| (!values.is_empty()).then(|| Search::new(&values)));
        let broken = [&texts, &numbers].into_iter().any(|it| matches!(it, Some(None)));
        Self { texts: texts.flatten(), numbers: numbers.flatten(), broken }
    }

    fn is_empty(&self) -> bool {
        self.texts.is_none() && self.numbers.is_none()
    }

    fn find<'a>(&'a self, view: &View<'_>, hits: &mut Vec<Hit<'a>>) {
        let bytes: &[u8] = &view.bytes;
        let mut hit = |(start, end, name)| {
            let (start, end) = view.span(start, end);
            hits.push(Hit { start, end, name });
        };
        self.texts.iter().flat_map(|texts| texts.find(bytes)).for_each(&mut hit);
        let numbers = self.numbers.iter().flat_map(|numbers| numbers.find(bytes));
        numbers.filter(|(start, end, _)| is_whole_number(bytes, *start, *end)).for_each(&mut hit);
    }
}

/// Whether no digit stands on either side of a number, and it is not the fraction of a time stamp, which is as long as a
/// code.
fn is_whole_number(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let fraction = start >= 2 && bytes[start - 1] == b'.' && is_digit(Some(start - 2));
    !fraction && !is_digit(start.checked_sub(1)) && !is_digit(Some(end))
}

/// An automaton that finds values, and the name of each.
#[derive(Debug)]
struct Search {
    automaton: AhoCorasick,
    names: Vec<String>,
}

impl Search {
    /// Nothing when the values are too many for one automaton.
    fn new(values: &[(&String, &String)]) -> Option<Self> {
        let automaton = AhoCorasick::builder()
            // The default for a few values is a DFA, which takes a second to build for 4 kB of them.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(values.iter().map(|(value, _)| value.as_bytes()))
            .ok()?;
        Some(Self { automaton, names: values.iter().map(|(_, name)| (*name).clone()).collect() })
    }

    /// The values in the bytes, where each begins and ends, and its name. Of those that overlap it is the one that begins
    /// first, and of these the longest.
    fn find<'a>(&'a self, bytes: &[u8]) -> impl Iterator<Item = (usize, usize, &'a str)> {
        let name = |found: &aho_corasick::Match| self.names[found.pattern().as_usize()].as_str();
        self.automaton.find_iter(bytes).map(move |found| (found.start(), found.end(), name(&found)))
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
