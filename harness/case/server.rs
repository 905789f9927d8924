//! The Kratos servers that a world asks for: one, or one for each tenant.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::spec::WorldSpec;

/// The name of a Kratos that is alone.
const ALONE: &str = "kratos";

/// One Kratos.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KratosSpec {
    /// A folder of `fixtures/profiles`; `code` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Kratos configuration that is merged over the profile, as a reporter pastes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Where browsers reach its public API; `https://ory.example.test/` where it is left out, for a tenant
    /// `https://<tenant>.example.test/`. A path is stripped on the way, as a reverse proxy does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The word for a tenant in the interface's paths; the tenant's name where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Whether it runs with `--dev`; by default it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<bool>,
}

/// A Kratos of a world, with what its case leaves out filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct KratosServer {
    /// Its name: `kratos`, or the tenant's.
    pub name: String,
    /// The tenant's word in the interface's paths; nothing where it is alone.
    pub route: Option<String>,
    /// The profile's name.
    pub profile: String,
    /// What is merged over the profile, one after the other.
    pub configs: Vec<Value>,
    /// Where browsers reach it.
    pub url: String,
    /// Whether it runs with `--dev`.
    pub dev: bool,
}

impl WorldSpec {
    /// Its Kratos servers in the order of their names. What `kratos` says holds for every tenant that does not say
    /// otherwise.
    pub fn servers(&self) -> Vec<KratosServer> {
        let common = self.kratos.clone().unwrap_or_default();
        let server = |name: &str, own: Option<&KratosSpec>| {
            let default_url =
                own.map_or("https://ory.example.test/".to_owned(), |_| format!("https://{name}.example.test/"));
            let own = own.cloned().unwrap_or_default();
            KratosServer {
                name: name.to_owned(),
                route: None,
                profile: own.profile.or(common.profile.clone()).unwrap_or_else(|| "code".to_owned()),
                configs: common.config.iter().cloned().chain(own.config).collect(),
                url: own.url.or(common.url.clone()).unwrap_or(default_url),
                dev: own.dev.or(common.dev).unwrap_or_default(),
            }
        };
        let Some(tenants) = &self.tenants else { return vec![server(ALONE, None)] };
        let named = tenants.iter().map(|(name, own)| KratosServer {
            route: Some(own.route.clone().unwrap_or_else(|| name.clone())),
            ..server(name, Some(own))
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn world(value: Value) -> WorldSpec {
        serde_json::from_value(value).expect("the world is one")
    }

    #[test]
    fn one_kratos_is_there_without_a_word() {
        let servers = world(json!({})).servers();

        let seen: Vec<_> = servers.iter().map(|it| (it.name.as_str(), it.url.as_str(), it.route.as_deref())).collect();
        assert_eq!(seen, [("kratos", "https://ory.example.test/", None)]);
    }

    #[test]
    fn tenants_have_hosts_of_their_own_and_what_kratos_says() {
        let servers = world(json!({
            "kratos": { "profile": "code", "config": { "log": { "level": "info" } } },
            "tenants": {
                "customers": { "route": "customer" },
                "employees": { "config": { "log": { "level": "debug" } }, "url": "https://ory.example.test/employees/" },
            },
        }))
        .servers();

        let seen: Vec<_> = servers.iter().map(|it| (it.url.as_str(), it.route.as_deref(), it.configs.len())).collect();
        assert_eq!(
            seen,
            [
                ("https://customers.example.test/", Some("customer"), 1),
                ("https://ory.example.test/employees/", Some("employees"), 2),
            ]
        );
    }
}
