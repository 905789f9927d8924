//! Finds the values that are secrets by the place in which they stand.

use memchr::{memchr2, memmem};

use super::coding::Coding;
use super::secret::{Secret, decode_base64};
use super::{html, json};
use crate::evidence::Exchange;

/// How deep a text in a text in a text is looked into.
const DEEPEST: usize = 3;

/// The values that were found, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Found {
    values: Vec<(Secret, String)>,
}

impl Found {
    /// Adds a value.
    pub(super) fn push(&mut self, kind: Secret, value: &str) {
        self.values.push((kind, value.to_owned()));
    }

    /// The values with their kinds; one may be there more than once.
    pub(super) fn into_values(self) -> impl Iterator<Item = (Secret, String)> {
        self.values.into_iter()
    }

    /// A named value: a form field, a JSON key, a header.
    fn take_field(&mut self, name: &str, value: &str) {
        match name.to_ascii_lowercase().as_str() {
            "cookie" => self.take_cookies(value),
            "set-cookie" => self.take_cookie(value.split(';').next().unwrap_or(value)),
            "authorization" | "proxy-authorization" => self.take_authorization(value),
            _ => {
                if let Some(kind) = Secret::of_field(name) {
                    self.push(kind, inlined(value));
                }
            }
        }
    }

    fn take_cookies(&mut self, header: &str) {
        header.split(';').for_each(|pair| self.take_cookie(pair));
    }

    fn take_cookie(&mut self, pair: &str) {
        if let Some((name, value)) = pair.split_once('=') {
            self.push(Secret::of_cookie(name.trim()), value.trim().trim_matches('"'));
        }
    }

    fn take_authorization(&mut self, value: &str) {
        let (scheme, credentials) = value.trim().split_once(' ').unwrap_or(("", value.trim()));
        self.push(Secret::Token, credentials.trim());
        if scheme.eq_ignore_ascii_case("basic")
            && let Some(pair) = decode_base64(credentials.trim()).and_then(|bytes| String::from_utf8(bytes).ok())
            && let Some((_, password)) = pair.split_once(':')
        {
            self.push(Secret::Password, password);
        }
    }

    /// `a=1&b=2`, as in a query or a form.
    fn take_pairs(&mut self, pairs: &str, depth: usize) {
        for pair in pairs.split('&') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let name = Coding::Form.decode(name);
            let name = Coding::Percent.decode(&name);
            // `state` and `nonce` bind an OAuth 2.0 request to its browser; elsewhere the words mean other things.
            let kind = match &*name {
                "state" | "nonce" => Some(Secret::Token),
                name => Secret::of_field(name),
            };
            let plus = value.replace('+', " ");
            let decoded = Coding::Percent.decode(&plus);
            if let Some(kind) = kind.filter(|_| is_field_name(&name)) {
                self.push(kind, &decoded);
                // What is not UTF-8 can only be found as it was sent.
                if decoded.contains(char::REPLACEMENT_CHARACTER) {
                    self.push(kind, value);
                }
            }
            if depth < DEEPEST {
                self.take_text(&decoded, depth + 1);
            }
        }
    }

    /// A whole URL or reference: its query and its fragment.
    fn take_url(&mut self, url: &str, depth: usize) {
        url.split(['?', '#']).skip(1).for_each(|pairs| self.take_pairs(pairs, depth));
    }

    /// Anything else: JSON, HTML, URLs in running text, tokens that Ory marks by a prefix.
    fn take_text(&mut self, text: &str, depth: usize) {
        if text.contains('"') {
            json::visit_pairs(text, &mut |key, value| {
                if let Some(key) = key {
                    self.take_field(key, value);
                }
                if depth < DEEPEST {
                    self.take_text(value, depth + 1);
                }
            });
        }
        if text.contains('<') {
            html::visit_fields(text, &mut |name, value| self.take_field(name, value));
        }
        self.take_urls(text, depth);
        self.take_tokens(text);
        self.take_web_tokens(text);
    }

    fn take_urls(&mut self, text: &str, depth: usize) {
        let text = Coding::Html.decode(text);
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | '`' | '\\');
        // Most of a page is no query and no fragment, so it is not taken to words.
        let mut rest = &*text;
        while let Some(start) = memchr2(b'?', b'#', rest.as_bytes()) {
            let word = &rest[start..];
            let (word, after) = word.split_at(word.find(ends).unwrap_or(word.len()));
            if word.contains('=') {
                // A sentence ends after a URL; none of these ends a secret of Kratos.
                self.take_url(word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}']), depth);
            }
            rest = after;
        }
    }

    /// JSON Web Tokens: three parts in Base64, of which the first begins as every JSON object does (RFC 7515, section 7.1).
    fn take_web_tokens(&mut self, text: &str) {
        let mut rest = text;
        while let Some(start) = memmem::find(rest.as_bytes(), b"eyJ") {
            rest = &rest[start..];
            let ends = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-' | '.');
            let (token, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
            let token = token.trim_end_matches('.');
            if token.split('.').count() == 3 {
                self.push(Secret::Token, token);
            }
            rest = after;
        }
    }

    /// `ory_st_`, `ory_lo_`, `ory_at_`, `ory_ac_` and their like: two letters, then the token.
    fn take_tokens(&mut self, text: &str) {
        // Where the word ends that is being read: the same for each mark in it, of which there may be thousands.
        let (mut end, mut taken) = (0, 0);
        for start in memmem::find_iter(text.as_bytes(), b"ory_") {
            if start < taken {
                continue;
            }
            if start >= end {
                let ends = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-' | '.');
                end = text[start..].find(ends).map_or(text.len(), |length| start + length);
            }
            let token = &text[start..end];
            let marked = matches!(token.as_bytes(), [_, _, _, _, a, b, b'_', ..]
                if a.is_ascii_lowercase() && b.is_ascii_lowercase());
            if marked && token.len() >= "ory_st_".len() + 16 {
                self.push(Secret::Token, token.trim_end_matches('.'));
                taken = end;
            }
        }
    }

    fn take_headers(&mut self, headers: &[(String, String)]) {
        for (name, value) in headers {
            self.take_field(name, value);
            if ["location", "content-location", "referer"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
                self.take_url(value, 0);
            }
            self.take_text(value, 0);
        }
    }

    fn take_body(&mut self, body: &str, content_type: &str) {
        let content_type = content_type.to_ascii_lowercase();
        // Scripts and styles hold names of fields, not their values.
        if content_type.contains("javascript") || content_type.contains("css") {
            return;
        }
        if content_type.contains("multipart/") {
            self.take_parts(body);
        }
        let is_json = body.trim_start().starts_with(['{', '[']);
        if content_type.contains("urlencoded") || (content_type.is_empty() && !is_json) {
            self.take_pairs(body, 0);
        }
        self.take_text(body, 0);
    }

    /// The fields of multipart/form-data (RFC 7578).
    fn take_parts(&mut self, body: &str) {
        for part in body.split("name=\"").skip(1) {
            let Some((name, rest)) = part.split_once('"') else { continue };
            let Some((_, value)) = rest.split_once("\r\n\r\n").or_else(|| rest.split_once("\n\n")) else { continue };
            let value = value.split("\r\n--").next().unwrap_or(value);
            self.take_field(name, value.split("\n--").next().unwrap_or(value));
        }
    }
}

/// What a picture's `data:` URL has in it (RFC 2397); any other value as it is.
fn inlined(value: &str) -> &str {
    let data = value.strip_prefix("data:image/").and_then(|url| url.split_once(','));
    data.map_or(value, |(_, data)| data)
}

/// Whether this can be the name of a field, and not half a text in which an equals sign occurs.
fn is_field_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b':');
    name.len() <= 64 && name.bytes().all(allowed)
}

/// The secrets in an exchange.
pub(super) fn exchange(exchange: &Exchange) -> Found {
    let mut found = Found::default();
    found.take_headers(&exchange.request_headers);
    found.take_url(&exchange.url, 0);
    let content_type = exchange.request_header("content-type").next().unwrap_or_default();
    found.take_body(&exchange.request_body, content_type);
    found.take_headers(&exchange.response_headers);
    let content_type = exchange.response_header("content-type").next().unwrap_or_default();
    found.take_body(&exchange.response_body, content_type);
    for text in exchange.fault.iter().chain(&exchange.refused) {
        found.take_text(text, 0);
    }
    found
}

/// The secrets in a text of any kind.
pub(super) fn text(text: &str) -> Found {
    let mut found = Found::default();
    found.take_text(text, 0);
    found
}
