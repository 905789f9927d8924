//! The encodings in which a secret may appear, decoded with a map back to where each byte came from.

use std::borrow::Cow;

/// How many encodings may lie on top of each other, as in a percent-encoded URL in HTML in JSON.
const DEEPEST: usize = 3;

/// One encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// `%2B` (RFC 3986, section 2.1).
    Percent,
    /// `%2B`, and `+` for a space (application/x-www-form-urlencoded).
    Form,
    /// `&#43;`, `&#x2B;`, `&amp;`.
    Html,
    /// `\u002b`, `\/`, `\"`; and Go's `%q` with its `\x2b` and `\U0000002b`.
    Json,
}

impl Coding {
    const ALL: [Self; 4] = [Self::Percent, Self::Form, Self::Html, Self::Json];

    /// Decodes a text; what is not valid UTF-8 then is replaced.
    pub(super) fn decode(self, text: &str) -> Cow<'_, str> {
        match (View::of(text)).decode(self) {
            Some(view) => Cow::Owned(String::from_utf8_lossy(&view.bytes).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// Whether the bytes may hold an escape of this encoding.
    fn occurs_in(self, bytes: &[u8]) -> bool {
        match self {
            Self::Percent => bytes.contains(&b'%'),
            Self::Form => bytes.contains(&b'+'),
            Self::Html => bytes.contains(&b'&'),
            Self::Json => bytes.contains(&b'\\'),
        }
    }

    /// Decodes the escape at the beginning, if there is one: how long it is, and what it stands for.
    fn decode_one(self, bytes: &[u8]) -> Option<(usize, Escaped)> {
        match (self, *bytes.first()?) {
            (Self::Form, b'+') => Some((1, Escaped::Byte(b' '))),
            (Self::Percent | Self::Form, b'%') => {
                Some((3, Escaped::Byte(u8::try_from(hexadecimal(bytes.get(1..3)?)?).ok()?)))
            }
            (Self::Html, b'&') => decode_entity(bytes),
            (Self::Json, b'\\') => decode_backslash(bytes),
            _ => None,
        }
    }
}

/// What an escape stands for.
#[derive(Debug, Clone, Copy)]
enum Escaped {
    Byte(u8),
    Char(char),
}

/// A text as it reads when some encodings are taken off.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// The decoded bytes.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Where in the text each byte came from; nothing while the bytes are the text.
    spans: Option<Vec<(usize, usize)>>,
}

impl<'a> View<'a> {
    /// The text as it stands.
    pub(super) fn of(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), spans: None }
    }

    /// The range of the text from which these bytes came; `start` is less than `end`.
    pub(super) fn span(&self, start: usize, end: usize) -> (usize, usize) {
        match &self.spans {
            None => (start, end),
            Some(spans) => {
                let first = spans.get(start).map_or(0, |span| span.0);
                let last = spans.get(end.saturating_sub(1)).map_or(first, |span| span.1);
                (first, last)
            }
        }
    }

    fn decode(&self, coding: Coding) -> Option<View<'static>> {
        if !coding.occurs_in(&self.bytes) {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut spans = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        let mut changed = false;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (used, escaped) = match coding.decode_one(rest) {
                Some(found) => {
                    changed = true;
                    found
                }
                None => (1, Escaped::Byte(rest[0])),
            };
            match escaped {
                Escaped::Byte(byte) => bytes.push(byte),
                Escaped::Char(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            spans.resize(bytes.len(), self.span(at, at + used));
            at += used;
        }
        changed.then_some(View { bytes: Cow::Owned(bytes), spans: Some(spans) })
    }
}

/// Calls `visit` with the text and with every reading of it in which encodings are taken off, at most three on top of
/// each other. The time is linear in the text.
pub(super) fn visit_views(text: &str, visit: &mut impl FnMut(&View<'_>)) {
    fn descend(view: &View<'_>, depth: usize, visit: &mut impl FnMut(&View<'_>)) {
        visit(view);
        if depth < DEEPEST {
            for coding in Coding::ALL {
                if let Some(decoded) = view.decode(coding) {
                    descend(&decoded, depth + 1, visit);
                }
            }
        }
    }
    descend(&View::of(text), 0, visit);
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    number(digits, 16)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, digit| sum.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

fn decode_entity(bytes: &[u8]) -> Option<(usize, Escaped)> {
    const NAMED: [(&[u8], char); 13] = [
        (b"&amp;", '&'),
        (b"&lt;", '<'),
        (b"&gt;", '>'),
        (b"&quot;", '"'),
        (b"&apos;", '\''),
        (b"&nbsp;", '\u{a0}'),
        (b"&plus;", '+'),
        (b"&equals;", '='),
        (b"&sol;", '/'),
        (b"&num;", '#'),
        (b"&percnt;", '%'),
        (b"&lowbar;", '_'),
        (b"&commat;", '@'),
    ];
    if let Some((name, char)) = NAMED.iter().find(|(name, _)| bytes.starts_with(name)) {
        return Some((name.len(), Escaped::Char(*char)));
    }
    let (start, radix) = match bytes.get(..3)? {
        [b'&', b'#', b'x' | b'X'] => (3, 16),
        [b'&', b'#', _] => (2, 10),
        _ => return None,
    };
    // No character needs more digits; zeros in front are allowed, but not without end.
    let digits: usize = bytes[start..].iter().take(12).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let char = char::from_u32(number(&bytes[start..start + digits], radix)?)?;
    let end = start + digits;
    Some((end + usize::from(bytes.get(end) == Some(&b';')), Escaped::Char(char)))
}

fn decode_backslash(bytes: &[u8]) -> Option<(usize, Escaped)> {
    let byte = |byte| Some((2, Escaped::Byte(byte)));
    match *bytes.get(1)? {
        quoted @ (b'"' | b'\\' | b'/' | b'\'') => byte(quoted),
        b'a' => byte(7),
        b'b' => byte(8),
        b't' => byte(b'\t'),
        b'n' => byte(b'\n'),
        b'v' => byte(11),
        b'f' => byte(12),
        b'r' => byte(b'\r'),
        b'x' => Some((4, Escaped::Byte(u8::try_from(hexadecimal(bytes.get(2..4)?)?).ok()?))),
        b'U' => Some((10, Escaped::Char(char::from_u32(hexadecimal(bytes.get(2..10)?)?)?))),
        b'u' => {
            let first = hexadecimal(bytes.get(2..6)?)?;
            if !(0xd800..0xe000).contains(&first) {
                return Some((6, Escaped::Char(char::from_u32(first)?)));
            }
            let second = (bytes.get(6..8)? == br"\u").then(|| hexadecimal(bytes.get(8..12)?)).flatten()?;
            let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
            Some((12, Escaped::Char(char::decode_utf16(pair).next()?.ok()?)))
        }
        _ => None,
    }
}
