//! What a world comes to, with all that a case leaves out filled in: two that come to the same differ in words alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::interface::InterfaceSpec;
use super::legacy::{HydraSpec, LegacySpec};
use super::merge;
use super::network::ItpSpec;
use super::program::Program;
use super::spec::{BrowserSpec, ClientSpec, WorldSpec};

/// A world with its defaults, and each Kratos with its whole configuration but for what only a run can know.
#[derive(Debug, PartialEq)]
pub(super) struct Effect {
    world: WorldSpec,
    /// Of each Kratos its name, its word in paths, its URL and whether it runs with `--dev`, then its configuration.
    servers: Vec<(String, Option<String>, String, bool, Value)>,
}

/// What the world comes to. A profile that cannot be read is none; it is refused elsewhere.
pub(super) fn of(world: &WorldSpec, fixtures: &Path) -> Effect {
    let servers = world.servers().into_iter().map(|server| {
        let path = fixtures.join("profiles").join(&server.profile).join("kratos.yml");
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap_or_default();
        for over in &server.configs {
            merge(&mut config, over);
        }
        (server.name, server.route, server.url, server.dev, config)
    });
    Effect { servers: servers.collect(), world: filled(world) }
}

/// The world with its defaults; its servers are told apart from it.
fn filled(world: &WorldSpec) -> WorldSpec {
    let ui = world.ui.clone().unwrap_or_default();
    let browser = |it: &BrowserSpec| BrowserSpec {
        engine: it.engine,
        third_party_cookies: Some(it.third_party_cookies.unwrap_or_default()),
        itp: Some(it.itp.unwrap_or(ItpSpec::Off)),
    };
    let keeps_cookies = |it: &ClientSpec| match it.program() {
        Program::Http | Program::Curl => Some(false),
        Program::Newman | Program::Inso => Some(true),
        Program::Electron => None,
    };
    let client = |it: &ClientSpec| ClientSpec {
        program: Some(it.program()),
        cookie_jar: it.cookie_jar.or(keeps_cookies(it)),
        keep_jar: Some(it.keep_jar.unwrap_or_default()),
    };
    WorldSpec {
        kratos: None,
        tenants: None,
        ui: Some(InterfaceSpec {
            submit: Some(ui.submit()),
            guard: Some(ui.guard()),
            url: Some(ui.url().to_owned()),
            tenants: Some(ui.tenants.unwrap_or_default()),
            asks: ui.asks().map(str::to_owned),
            credentials: Some(ui.credentials.unwrap_or_default()),
            expired: Some(ui.expired.unwrap_or_default()),
        }),
        browsers: Some(each(world.browsers.as_ref(), browser)),
        clients: Some(each(world.clients.as_ref(), client)),
        dns: Some(world.dns.clone().unwrap_or_default()),
        front: world.front.clone().filter(|front| !front.hosts.is_empty()),
        hydra: world.hydra.as_ref().map(|it| HydraSpec { issuer: Some(it.issuer().to_owned()) }),
        legacy: world
            .legacy
            .as_ref()
            .map(|it| LegacySpec { users: Some(it.users.clone().unwrap_or_default()), hook: Some(it.hook()) }),
        faults: Some(world.faults.clone().unwrap_or_default()),
    }
}

fn each<T>(specs: Option<&BTreeMap<String, T>>, fill: impl Fn(&T) -> T) -> BTreeMap<String, T> {
    specs.into_iter().flatten().map(|(name, it)| (name.clone(), fill(it))).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use rstest::rstest;

    use super::*;

    const BASE: &str = "ui: { submit: ajax }\nlegacy: {}\nbrowsers: { a: {} }\nclients: { c: {} }\n";

    fn effect(change: &str) -> Result<Effect> {
        let world = |text: &str| serde_saphyr::from_str::<WorldSpec>(text);
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        Ok(of(&world(BASE)?.with(&world(change)?), &fixtures))
    }

    #[rstest]
    #[case::interface("ui: { guard: none, credentials: include, expired: error, asks: own, tenants: routes }")]
    #[case::address("ui: { url: 'https://ui.example.test/' }")]
    #[case::browser("browsers: { a: { third_party_cookies: allow, itp: off } }")]
    #[case::client("clients: { c: { program: http, keep_jar: false, cookie_jar: false } }")]
    #[case::legacy("legacy: { hook: match, users: [] }")]
    #[case::nothing_between("{ faults: [], dns: {} }")]
    #[case::server("kratos: { profile: code, url: 'https://ory.example.test/', dev: false, config: {} }")]
    #[case::of_the_profile("kratos: { config: { selfservice: { methods: { code: { enabled: true } } } } }")]
    fn what_is_so_without_a_word_is_no_change(#[case] change: &str) -> Result<()> {
        assert_eq!(effect(change)?, effect("{}")?);
        Ok(())
    }

    #[rstest]
    #[case::interface("ui: { guard: flag }")]
    #[case::browser("browsers: { a: { third_party_cookies: block } }")]
    #[case::jar("clients: { c: { cookie_jar: true } }")]
    #[case::somebody_else("hydra: {}")]
    #[case::fault("faults: [{ lose_answer: true }]")]
    #[case::config("kratos: { config: { selfservice: { methods: { code: { enabled: false } } } } }")]
    #[case::dev("kratos: { dev: true }")]
    fn what_changes_anything_is_one(#[case] change: &str) -> Result<()> {
        assert_ne!(effect(change)?, effect("{}")?);
        Ok(())
    }
}
