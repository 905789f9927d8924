//! Refuses a configuration of Kratos that reads a file, or reaches a host, which is not of its world: a case is data from a
//! stranger.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use url::Url;

use super::OTHER_SITE;
use super::texts::{Text, is_word};
use super::world::WorldCheck;
use crate::case::error::CaseError;
use crate::case::server::KratosServer;

/// Keys that the harness sets itself.
const SET: [&str; 7] =
    ["dsn", "courier", "dev", "serve.admin", "serve.public.host", "serve.public.port", "serve.public.socket"];

/// Keys that name a host, or a file, in words that no scheme tells (`embedx/config.schema.json` of v1.3.1): traces go by
/// UDP, which no proxy sees; certificates are read from any path; the password list's host may be a loopback one; and
/// `profiling` writes files.
const CLOSED: [&str; 4] =
    ["tracing", "serve.public.tls", "selfservice.methods.password.config.haveibeenpwned_host", "profiling"];

/// Below it stand the schemas, which Kratos reads as JSON.
const SCHEMAS: &str = "identity";

/// Base64 as Kratos takes it and a little more, so that nothing is hidden: padded or not.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

impl WorldCheck<'_> {
    /// A server's configuration reads no file but the profile's and reaches no other host.
    pub(super) fn config(
        &self,
        root: &[&str],
        server: &KratosServer,
        value: &Value,
        keys: &mut Vec<String>,
    ) -> Result<(), CaseError> {
        // Kratos takes `serve.admin.port` as one key as well.
        let key = keys.join(".");
        let refused = if let Some(set) = below(&key, &SET) {
            Some(format!("`kratos.config` cannot set `{set}`: the harness does"))
        } else if let Some(closed) = below(&key, &CLOSED).filter(|_| !value.is_null()) {
            // To take away what the profile never had does no harm.
            Some(format!("`kratos.config` cannot set `{closed}`: it leads out of the world"))
        } else {
            let inside: Vec<(String, &Value)> = match value {
                Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
                Value::Array(list) => {
                    list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
                }
                _ => Vec::new(),
            };
            for (name, value) in inside {
                keys.push(name);
                self.config(root, server, value, keys)?;
                keys.pop();
            }
            value.as_str().and_then(|text| self.text(server, &key, text))
        };
        let Some(message) = refused else { return Ok(()) };
        let keys: Vec<&str> = root.iter().copied().chain(keys.iter().map(String::as_str)).collect();
        Err(self.error(&keys, message))
    }

    /// Why a text cannot stand there.
    fn text(&self, server: &KratosServer, key: &str, text: &str) -> Option<String> {
        let kind = Text::at(key);
        let Some((scheme, rest)) = text.split_once("://") else {
            return match kind {
                Text::Fetched => {
                    Some(format!("`kratos.config` has no scheme at `{key}`, where Kratos fetches what it names"))
                }
                Text::Page | Text::Origin if leads_elsewhere(text) => {
                    Some(format!("`kratos.config` has neither a path nor an address of the world at `{key}`"))
                }
                Text::Word if !is_word(text) => Some(not_known(key)),
                _ => None,
            };
        };
        match scheme {
            _ if kind == Text::Word => Some(not_known(key)),
            "file" | "base64" if kind != Text::Fetched => {
                Some(format!("`kratos.config` cannot use `{scheme}://` at `{key}`"))
            }
            "base64" => refuse_inlined(key, rest),
            "file" => {
                // Kratos decodes percent signs, so that no list of forbidden spellings would do.
                let name = rest.strip_prefix("./").filter(|name| {
                    name.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c))
                        && !name.contains("..")
                });
                let folder = self.context.fixtures.join("profiles").join(&server.profile);
                match name.filter(|name| !name.is_empty()) {
                    None => {
                        let hint = "(hint: `file://./...`)";
                        Some(format!("`kratos.config` names a file outside the profile at `{key}` {hint}"))
                    }
                    Some(name) if !folder.join(name).is_file() => {
                        Some(format!("the profile `{}` has no file `{name}`, which `{key}` names", server.profile))
                    }
                    Some(_) => None,
                }
            }
            "http" | "https" => {
                let host = host_outside(text)?;
                Some(format!("`kratos.config` names a host outside the world at `{key}`: `{host}`"))
            }
            // An origin that is compared, and no address that is asked.
            "app" if kind == Text::Origin => None,
            scheme => Some(format!("`kratos.config` cannot use `{scheme}://` at `{key}`")),
        }
    }
}

/// The first key of a configuration at which Kratos would fetch something by http: it follows every redirect, and to a
/// loopback address, where a base URL of the world may be, it goes without the edge.
pub(super) fn fetching(value: &Value, keys: &mut Vec<String>) -> bool {
    let mut inside = |name: String, value: &Value| {
        keys.push(name);
        let found = fetching(value, keys);
        if !found {
            keys.pop();
        }
        found
    };
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| inside(name.clone(), value)),
        Value::Array(list) => list.iter().enumerate().any(|(index, value)| inside(index.to_string(), value)),
        Value::String(text) => text.starts_with("http") && Text::at(&keys.join(".")) == Text::Fetched,
        _ => false,
    }
}

fn not_known(key: &str) -> String {
    format!("`kratos.config` cannot have more than a plain word at `{key}`: no other text is known to do no harm there")
}

/// Whether browsers may take a text for another host, or for an address of another scheme.
fn leads_elsewhere(text: &str) -> bool {
    // As browsers read it, or less.
    let text = text.trim_start_matches(|c: char| c <= ' ');
    match text.strip_prefix('/') {
        Some(rest) => rest.starts_with(['/', '\\']),
        None => text.starts_with('\\') || text.contains(':'),
    }
}

/// The one of these keys that this is, or is below of.
fn below<'a>(key: &str, keys: &[&'a str]) -> Option<&'a str> {
    keys.iter().copied().find(|it| key.strip_prefix(it).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Why a text in Base64 cannot stand there: a schema refers to others, a Jsonnet program imports files. What Kratos may
/// read otherwise than it is read here is refused.
fn refuse_inlined(key: &str, text: &str) -> Option<String> {
    let decoded = [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(text.trim()).ok());
    let Some(decoded) = decoded else {
        return Some(format!("`kratos.config` has Base64 that cannot be decoded at `{key}`"));
    };
    match serde_json::from_slice(&decoded) {
        Ok(schema) => reference(&schema)
            .map(|to| format!("`kratos.config` refers to `{to}` at `{key}` (hint: `#/...`, inside the schema)")),
        // Go takes half a surrogate pair, a number of any size, and any depth.
        Err(_) if below(key, &[SCHEMAS]).is_some() => {
            Some(format!("`kratos.config` has no JSON that can be read strictly at `{key}`"))
        }
        Err(_) if String::from_utf8_lossy(&decoded).contains("import") => {
            Some(format!("`kratos.config` imports a file at `{key}`"))
        }
        Err(_) => None,
    }
}

/// The first `$ref` of a JSON schema that leads out of it, or could. Kratos loads files and addresses (the loaders of
/// `schema/loader.go` of v1.3.1); all but `#` and `#/...` it looks up where `$id` says (`compileRef` in `compiler.go` of
/// ory/jsonschema v3.0.8).
fn reference(schema: &Value) -> Option<String> {
    match schema {
        Value::Object(map) => map.iter().find_map(|(name, value)| match value.as_str() {
            Some(to) if name == "$ref" && to != "#" && !to.starts_with("#/") => Some(to.to_owned()),
            _ => reference(value),
        }),
        Value::Array(list) => list.iter().find_map(reference),
        _ => None,
    }
}

/// The host of a URL, unless it is one of the world's domain or its other site. The loopback names do not count: to
/// them Kratos would go without the edge. A user before the host counts as outside:
/// in `https://ory.example.test:x@other.test/` the host is the last one.
fn host_outside(text: &str) -> Option<String> {
    let Ok(url) = Url::parse(text) else { return Some(text.to_owned()) };
    let host = url.host_str().unwrap_or_default();
    let inside = host == "example.test" || host.ends_with(".example.test") || host == OTHER_SITE;
    let bare = url.username().is_empty() && url.password().is_none();
    (!inside || !bare).then(|| url.authority().to_owned())
}
