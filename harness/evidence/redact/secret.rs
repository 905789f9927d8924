//! The kinds of secrets, which places hold which kind, and when two spellings are one secret.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The fewest characters of a secret.
const SHORTEST: usize = 4;

/// Values that stand in the place of a secret and are none: words of the protocol.
const WORDS: [&str; 24] = [
    "code",
    "continuity",
    "cookie",
    "csrf",
    "csrf_token",
    "deleted",
    "false",
    "hidden",
    "link",
    "lookup_secret",
    "method",
    "none",
    "null",
    "oidc",
    "passkey",
    "password",
    "profile",
    "session",
    "session_token",
    "submit",
    "text",
    "token",
    "totp",
    "true",
];

/// Fields whose names end like that of a secret.
const HARMLESS: [&str; 8] =
    ["area_code", "country_code", "error_code", "exit_code", "language_code", "postal_code", "status_code", "zip_code"];

/// How the names of fields end that hold tokens and keys. The picture `totp_qr` is a key that can be read off it.
const TOKENS: [&str; 11] = [
    "token",
    "tokenized",
    "secret",
    "secret_key",
    "api_key",
    "private_key",
    "totp_qr",
    "verifier",
    "challenge",
    "jwt",
    "assertion",
];

/// A kind of secret; its word begins the names that replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secret {
    /// An anti-CSRF token, plain as in the cookie or masked as in a form: `csrf#1`.
    Csrf,
    /// A session cookie: `session#1`.
    Session,
    /// Kratos's continuity cookie: `continuity#1`.
    Continuity,
    /// Any other cookie: `cookie#1`.
    Cookie,
    /// A one-time code, or an OAuth 2.0 authorization code: `code#1`.
    Code,
    /// A password or its hash: `password#1`.
    Password,
    /// A session token, an access token, a key, a challenge: `token#1`.
    Token,
}

impl Secret {
    const ALL: [Self; 7] =
        [Self::Csrf, Self::Session, Self::Continuity, Self::Cookie, Self::Code, Self::Password, Self::Token];

    /// The word before the `#`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csrf => "csrf",
            Self::Session => "session",
            Self::Continuity => "continuity",
            Self::Cookie => "cookie",
            Self::Code => "code",
            Self::Password => "password",
            Self::Token => "token",
        }
    }

    /// The kind of a cookie. Kratos's anti-CSRF cookie is `csrf_token_` and a hash of the base URL
    /// (`x/nosurf.go` of v1.3.1); the name of the session cookie is a setting.
    pub(super) fn of_cookie(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name.contains("csrf") {
            Self::Csrf
        } else if name.contains("continuity") {
            Self::Continuity
        } else if name.contains("session") {
            Self::Session
        } else {
            Self::Cookie
        }
    }

    /// The kind of secret that a form field, JSON key, query parameter or header of this name holds.
    pub(super) fn of_field(name: &str) -> Option<Self> {
        let name = name.rsplit(['.', '[']).next().unwrap_or(name).trim_end_matches(']');
        let name = snake_case(name);
        if HARMLESS.contains(&name.as_str()) {
            return None;
        }
        // `secrets` and `codes` are lists of them.
        let name = name.strip_suffix('s').unwrap_or(&name);
        let is = |word: &str| name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
        if is("csrf") || is("csrf_token") || is("xsrf_token") {
            Some(Self::Csrf)
        } else if is("password") || is("passwd") || is("passphrase") || is("password_confirmation") {
            Some(Self::Password)
        } else if is("code") {
            Some(Self::Code)
        } else if TOKENS.into_iter().any(is) {
            Some(Self::Token)
        } else {
            None
        }
    }
}

/// `sessionToken` and `X-Session-Token` as `session_token` and `x_session_token`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && small {
            out.push('_');
        }
        small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        out.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    out
}

/// Whether a value is a secret at all: long enough, no word of the protocol, not replaced already.
pub(super) fn is_worth_learning(value: &str) -> bool {
    value.chars().count() >= SHORTEST
        && !WORDS.contains(&value)
        && !is_name(value)
        // What Kratos itself writes in the place of a secret (ory/x `logrusx/helper.go`).
        && !value.starts_with("Value is sensitive and has been redacted")
        && !value.starts_with("<redacted")
}

fn is_name(value: &str) -> bool {
    value.split_once('#').is_some_and(|(word, number)| {
        Secret::ALL.iter().any(|kind| kind.word() == word)
            && (number == "?" || number.parse::<usize>().is_ok_and(|number| number < 10_000))
    })
}

/// What two spellings of one secret have in common.
///
/// nosurf sends the token in a form masked: base64 of 64 bytes, a random key of 32 and the token XOR that key, so that
/// it differs on every page. The cookie has base64 of the 32 bytes themselves (ory/nosurf `crypto.go`).
pub(super) fn identity(kind: Secret, value: &str) -> Vec<u8> {
    if kind == Secret::Csrf
        && let Some(bytes) = decode_base64(value)
    {
        if bytes.len() == 32 {
            return bytes;
        }
        if let (64, (key, masked)) = (bytes.len(), bytes.split_at(bytes.len() / 2)) {
            return key.iter().zip(masked).map(|(key, masked)| key ^ masked).collect();
        }
    }
    value.as_bytes().to_vec()
}

/// Decodes either alphabet of base64, padded or not.
pub(super) fn decode_base64(value: &str) -> Option<Vec<u8>> {
    let lax = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = |alphabet| GeneralPurpose::new(alphabet, lax).decode(value).ok();
    engine(&STANDARD).or_else(|| engine(&URL_SAFE))
}
