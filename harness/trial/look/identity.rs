//! What a check sees of an identity, as Kratos's admin API tells it.

use serde_json::Value;

use crate::case::{Credential, Traits};

/// Whether the identity has all of these traits.
pub(super) fn traits(check: &Traits, identity: Option<&Value>) -> (bool, String) {
    let Some(identity) = identity else { return (false, "no such identity".to_owned()) };
    let traits = &identity["traits"];
    let of = |name: &str| traits.pointer(&format!("/{}", name.replace('.', "/")));
    let held = check.has.0.iter().all(|(name, value)| of(name).and_then(Value::as_str) == Some(value));
    (held, format!("traits {traits}"))
}

/// Whether the identity has a credential of this type, with this beginning of an identifier.
pub(super) fn credential(check: &Credential, identity: Option<&Value>) -> (bool, String) {
    let Some(identity) = identity else { return (false, "no such identity".to_owned()) };
    let all = identity["credentials"].as_object().into_iter().flatten();
    let listed: Vec<(&str, Vec<&str>)> = all
        .map(|(kind, credential)| {
            let identifiers = credential["identifiers"].as_array().into_iter().flatten().filter_map(Value::as_str);
            (kind.as_str(), identifiers.collect())
        })
        .collect();
    let is_it = |(kind, identifiers): &(&str, Vec<&str>)| {
        *kind == check.kind
            && match &check.identifier {
                Some(beginning) => identifiers.iter().any(|it| it.starts_with(beginning.as_str())),
                // Kratos keeps an empty list of a type that was never used.
                None => !identifiers.is_empty(),
            }
    };
    let seen: Vec<String> = listed.iter().map(|(kind, all)| format!("{kind} [{}]", all.join(", "))).collect();
    (listed.iter().any(is_it) != check.absent, format!("credentials {}", seen.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::case::Fields;

    #[test]
    fn what_an_identity_has_is_told_from_what_it_has_not() {
        let identity = json!({
            "traits": { "email": "ada@example.test", "name": { "first": "Ada" } },
            "credentials": {
                "oidc": { "type": "oidc", "identifiers": ["hydra:member-1"] },
                "password": { "type": "password", "identifiers": [] },
            },
        });
        let has = |name: &str, value: &str| Traits {
            of: String::new(),
            has: Fields(vec![(name.to_owned(), value.to_owned())]),
            at: None,
        };
        let credential_of = |kind: &str, identifier: Option<&str>, absent| Credential {
            of: String::new(),
            kind: kind.to_owned(),
            identifier: identifier.map(str::to_owned),
            absent,
            at: None,
        };

        assert!(traits(&has("name.first", "Ada"), Some(&identity)).0);
        assert!(!traits(&has("name.first", "Eve"), Some(&identity)).0);
        assert!(!traits(&has("email", "ada@example.test"), None).0);
        assert!(credential(&credential_of("oidc", Some("hydra:"), false), Some(&identity)).0);
        assert!(!credential(&credential_of("oidc", Some("google:"), false), Some(&identity)).0);
        assert!(credential(&credential_of("password", None, true), Some(&identity)).0);
        assert!(!credential(&credential_of("oidc", None, true), Some(&identity)).0);
    }
}
