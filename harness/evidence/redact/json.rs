//! Reads keys and values out of JSON without demanding that it is whole: bodies may be cut off or nested without end,
//! and a log line may have something in front of it.

use memchr::memchr3;

use super::coding::Coding;

/// An object or a list that is being read.
#[derive(Debug, Default)]
struct Frame {
    is_object: bool,
    /// The key before the value that comes next; in a list the key of the list.
    key: Option<String>,
    /// What `name` or `id` says, as in the `attributes` of Kratos's `ui.nodes`.
    name: Option<String>,
    /// What `value` says there, or `text`, or `src`.
    value: Option<String>,
}

/// Calls `visit` with every key and its scalar value, strings decoded. The `name` and `value` of one object count as
/// key and value too.
pub(super) fn visit_pairs(text: &str, visit: &mut impl FnMut(Option<&str>, &str)) {
    let bytes = text.as_bytes();
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => frames.push(Frame { is_object: true, ..Frame::default() }),
            b'[' => {
                // A key of any use is short; copies of a long one would add up in nested lists.
                let key = frames.last().and_then(|frame| frame.key.clone()).filter(|key| key.len() <= 64);
                frames.push(Frame { key, ..Frame::default() });
            }
            b'}' | b']' => {
                if let Some(closed) = frames.pop() {
                    close(closed, frames.last_mut(), visit);
                }
            }
            b',' => {
                if let Some(frame) = frames.last_mut().filter(|frame| frame.is_object) {
                    frame.key = None;
                }
            }
            b'"' => {
                let end = at + 1 + string_length(&bytes[at + 1..]);
                let string = Coding::Json.decode(&text[at + 1..end]).into_owned();
                let after = bytes[(end + 1).min(bytes.len())..].iter().find(|byte| !byte.is_ascii_whitespace());
                take_string(string, after == Some(&b':'), frames.last_mut(), visit);
                at = end;
            }
            b'0'..=b'9' => {
                let length =
                    bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
                if let Some(key) = frames.last().and_then(|frame| frame.key.as_deref()) {
                    visit(Some(key), &text[at..at + length]);
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    // What was cut off is read as far as it goes.
    while let Some(open) = frames.pop() {
        close(open, frames.last_mut(), visit);
    }
}

/// The length of a string up to its closing quote. A raw line break cannot be in one, so a stray quote does no harm
/// beyond its line.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr3(b'"', b'\n', b'\\', rest)) {
        at += next;
        if bytes[at] != b'\\' {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

fn take_string(string: String, is_key: bool, frame: Option<&mut Frame>, visit: &mut impl FnMut(Option<&str>, &str)) {
    let Some(frame) = frame else {
        return visit(None, &string);
    };
    if frame.is_object && is_key {
        frame.key = Some(string);
        return;
    }
    visit(frame.key.as_deref(), &string);
    if frame.is_object {
        match frame.key.as_deref() {
            Some("name" | "id") => frame.name = Some(string),
            Some("value" | "text") => frame.value = Some(string),
            Some("src") if frame.value.is_none() => frame.value = Some(string),
            _ => {}
        }
    }
}

fn close(closed: Frame, outer: Option<&mut Frame>, visit: &mut impl FnMut(Option<&str>, &str)) {
    if let (Some(name), Some(value)) = (&closed.name, &closed.value) {
        visit(Some(name), value);
    }
    // A text node is `{"id": "totp_secret_key", "text": {"id": 1050017, "text": "..."}}`.
    if let Some(outer) = outer
        && outer.key.as_deref() == Some("text")
        && outer.value.is_none()
    {
        outer.value = closed.value;
    }
}
