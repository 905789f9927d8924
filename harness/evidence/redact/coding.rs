//! The encodings in which a secret may appear, decoded with a map back to where each byte came from.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

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

    /// Where the next byte is that an escape of this encoding may begin with.
    fn find(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Percent => memchr(b'%', bytes),
            Self::Form => memchr2(b'+', b'%', bytes),
            Self::Html => memchr(b'&', bytes),
            Self::Json => memchr(b'\\', bytes),
        }
    }

    /// Whether the bytes may hold an escape that no other encoding takes off too.
    fn occurs_in(self, bytes: &[u8]) -> bool {
        match self {
            Self::Form => memchr(b'+', bytes).is_some(),
            _ => self.find(bytes).is_some(),
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
    /// What was decoded, and from what each piece of it came; nothing where the bytes are the text itself.
    origin: Option<(&'a View<'a>, Vec<Piece>)>,
}

/// Neighbouring bytes of a view that came from its origin in the same way.
#[derive(Debug)]
struct Piece {
    /// Where it begins in the view.
    at: usize,
    /// Where what it came from begins in the origin.
    from: usize,
    /// How long the escape is that all of it stands for; nothing where it was taken over byte for byte.
    escape: Option<usize>,
}

impl Piece {
    /// The range of the origin that a byte of this piece came from.
    fn source(&self, byte: usize) -> (usize, usize) {
        match self.escape {
            Some(length) => (self.from, self.from + length),
            None => (self.from + byte - self.at, self.from + byte - self.at + 1),
        }
    }
}

impl<'a> View<'a> {
    /// The text as it stands.
    pub(super) fn of(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), origin: None }
    }

    /// The range of the text from which these bytes came; `start` is less than `end`.
    pub(super) fn span(&self, start: usize, end: usize) -> (usize, usize) {
        let Some((origin, pieces)) = &self.origin else { return (start, end) };
        let source = |byte| {
            let piece = pieces.partition_point(|piece| piece.at <= byte).checked_sub(1);
            piece.and_then(|piece| pieces.get(piece)).map_or((0, 1), |piece| piece.source(byte))
        };
        let (first, last) = (source(start), source(end.saturating_sub(1)));
        (origin.span(first.0, first.1).0, origin.span(last.0, last.1).1)
    }

    fn decode(&'a self, coding: Coding) -> Option<View<'a>> {
        if !coding.occurs_in(&self.bytes) {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut pieces = Vec::new();
        // Up to `at` all is decoded; up to `seen` there is no escape that was not.
        let (mut at, mut seen) = (0, 0);
        while let Some(next) = coding.find(&self.bytes[seen..]) {
            let next = seen + next;
            let Some((length, escaped)) = coding.decode_one(&self.bytes[next..]) else {
                seen = next + 1;
                continue;
            };
            if next > at {
                pieces.push(Piece { at: bytes.len(), from: at, escape: None });
                bytes.extend_from_slice(&self.bytes[at..next]);
            }
            pieces.push(Piece { at: bytes.len(), from: next, escape: Some(length) });
            match escaped {
                Escaped::Byte(byte) => bytes.push(byte),
                Escaped::Char(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            at = next + length;
            seen = at;
        }
        if pieces.is_empty() {
            return None;
        }
        if at < self.bytes.len() {
            pieces.push(Piece { at: bytes.len(), from: at, escape: None });
            bytes.extend_from_slice(&self.bytes[at..]);
        }
        Some(View { bytes: Cow::Owned(bytes), origin: Some((self, pieces)) })
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
