//! Reads the names and values of the fields out of HTML, whole or in pieces.

use super::coding::Coding;

/// Calls `visit` with the name and the decoded value of every `<input>`, and of every `<meta>` with a content.
pub(super) fn visit_fields(text: &str, visit: &mut impl FnMut(&str, &str)) {
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let is = |tag: &str| rest.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag));
        let tag = if is("input") {
            "input"
        } else if is("meta") {
            "meta"
        } else {
            continue;
        };
        rest = &rest[tag.len()..];
        let (mut name, mut value) = (None, None);
        while let Some((key, text, after)) = split_attribute(rest) {
            rest = after;
            if key.eq_ignore_ascii_case("name") {
                name = Some(text);
            } else if key.eq_ignore_ascii_case("value") || (tag == "meta" && key.eq_ignore_ascii_case("content")) {
                value = Some(text);
            }
        }
        if let (Some(name), Some(value)) = (name, value) {
            visit(&Coding::Html.decode(name), &Coding::Html.decode(value));
        }
    }
}

/// The next attribute of a tag, its raw value, and what follows; nothing at the tag's end.
fn split_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
    if text.is_empty() || text.starts_with(['>', '<']) {
        return None;
    }
    // The first character belongs to the name whatever it is (HTML, section 13.2.5.32), so that each call advances.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let ends = |letter: char| letter.is_ascii_whitespace() || matches!(letter, '=' | '>' | '/' | '<');
    let end = text[first..].find(ends).map_or(text.len(), |end| first + end);
    let (key, rest) = text.split_at(end);
    let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
        return Some((key, "", rest));
    };
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let end = quoted.find(quote).unwrap_or(quoted.len());
            return Some((key, &quoted[..end], quoted.get(end + 1..).unwrap_or("")));
        }
    }
    let end = value.find(|letter: char| letter.is_ascii_whitespace() || letter == '>').unwrap_or(value.len());
    Some((key, &value[..end], &value[end..]))
}
