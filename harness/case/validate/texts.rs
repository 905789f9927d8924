//! What a text in Kratos's configuration may be, by the key where it stands. A key that is not here may have a plain word
//! alone, so that what a newer Kratos reads, or what was overlooked, leads nowhere.

/// What stands at a key (`embedx/config.schema.json` of v1.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// An address that Kratos itself reads. Without a scheme it is a file's path to some keys (`readTemplate` in
    /// `request/builder.go` of v1.3.1 puts `file://` before the `body` of a hook).
    Fetched,
    /// An address, or a path, that browsers are sent to or that names a site.
    Page,
    /// An origin, which is compared and never asked.
    Origin,
    /// A name, a secret, a header's value: Kratos reads nothing by it.
    Free,
    /// All else.
    Word,
}

/// A star is one part of a key, two stars in front are any.
const KEYS: [(&str, Text); 42] = [
    ("**.hooks.*.config.url", Text::Fetched),
    ("**.hooks.*.config.body", Text::Fetched),
    ("**.hooks.*.config.headers.*", Text::Free),
    ("**.hooks.*.config.auth.config.*", Text::Free),
    ("**.migrate_hook.config.url", Text::Fetched),
    ("**.migrate_hook.config.body", Text::Fetched),
    ("**.migrate_hook.config.headers.*", Text::Free),
    ("**.migrate_hook.config.auth.config.*", Text::Free),
    ("identity.schemas.*.url", Text::Fetched),
    ("identity.schemas.*.id", Text::Free),
    ("identity.default_schema_id", Text::Free),
    ("oauth2_provider.url", Text::Fetched),
    ("oauth2_provider.headers.*", Text::Free),
    ("selfservice.methods.oidc.config.base_redirect_uri", Text::Page),
    ("selfservice.methods.oidc.config.providers.*.issuer_url", Text::Fetched),
    ("selfservice.methods.oidc.config.providers.*.auth_url", Text::Fetched),
    ("selfservice.methods.oidc.config.providers.*.token_url", Text::Fetched),
    ("selfservice.methods.oidc.config.providers.*.mapper_url", Text::Fetched),
    ("selfservice.methods.oidc.config.providers.*.id", Text::Free),
    ("selfservice.methods.oidc.config.providers.*.label", Text::Free),
    ("selfservice.methods.oidc.config.providers.*.client_id", Text::Free),
    ("selfservice.methods.oidc.config.providers.*.client_secret", Text::Free),
    ("selfservice.methods.oidc.config.providers.*.scope.*", Text::Free),
    ("selfservice.methods.oidc.config.providers.*.additional_id_token_audiences.*", Text::Free),
    ("selfservice.methods.link.config.base_url", Text::Page),
    ("selfservice.methods.passkey.config.rp.*", Text::Free),
    ("selfservice.methods.passkey.config.rp.origins.*", Text::Origin),
    ("selfservice.methods.webauthn.config.rp.*", Text::Free),
    ("selfservice.methods.webauthn.config.rp.origins.*", Text::Origin),
    ("selfservice.methods.totp.config.issuer", Text::Free),
    ("selfservice.allowed_return_urls.*", Text::Page),
    ("**.default_browser_return_url", Text::Page),
    ("**.ui_url", Text::Page),
    ("serve.public.base_url", Text::Page),
    ("serve.public.cors.allowed_origins.*", Text::Origin),
    ("session.whoami.tokenizer.templates.*.jwks_url", Text::Fetched),
    ("session.whoami.tokenizer.templates.*.claims_mapper_url", Text::Fetched),
    ("session.cookie.*", Text::Free),
    ("cookies.*", Text::Free),
    ("secrets.*.*", Text::Free),
    ("log.redaction_text", Text::Free),
    ("version", Text::Free),
];

impl Text {
    /// What may stand at a key, its parts joined by dots.
    pub(super) fn at(key: &str) -> Text {
        KEYS.iter().find(|(pattern, _)| matches(pattern, key)).map_or(Text::Word, |(_, text)| *text)
    }
}

fn matches(pattern: &str, key: &str) -> bool {
    let mut parts = key.rsplit('.');
    for expected in pattern.rsplit('.') {
        match (expected, parts.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(_)) => {}
            (expected, Some(part)) if expected == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

/// A word, a number with its unit, a time in one: no path that leads out of a folder, and no host with a dot.
pub(super) fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_its_key_says_and_else_a_word() {
        let at = |key: &str| Text::at(key);
        assert_eq!(at("selfservice.flows.login.after.password.hooks.0.config.body"), Text::Fetched);
        assert_eq!(at("selfservice.flows.login.ui_url"), Text::Page);
        assert_eq!(at("serve.public.cors.allowed_origins.12"), Text::Origin);
        assert_eq!(at("secrets.cookie.0"), Text::Free);
        for key in [
            // Neither above nor below a key that is known.
            "ui_url",
            "secrets.cookie",
            "secrets.cookie.0.path",
            "serve.public.base_url.path",
            "other.serve.public.base_url",
            "selfservice.flows.login.after.hooks.0.config.path",
            "identity.schemas.0",
            "clients.http.private_ip_exception_urls.0",
        ] {
            assert_eq!(at(key), Text::Word, "{key}");
        }
    }

    #[test]
    fn a_word_is_no_path_and_no_host() {
        for word in ["", "15m", "1GB", "two_step", "Content-Type"] {
            assert!(is_word(word), "{word}");
        }
        for text in ["/etc/passwd", "kratos.json", "~", "..", "evil.test", "localhost:22", "file:x", "a b", "\\x"] {
            assert!(!is_word(text), "{text}");
        }
    }
}
