//! Refuses Kratos servers and an interface that cannot stand where a case puts them.

use url::{Host, Position, Url};

use super::HOSTS;
use super::config;
use super::world::{TAKEN, WorldCheck};
use crate::case::error::CaseError;
use crate::case::interface::{InterfaceSpec, OWN};
use crate::case::nearest::nearest;
use crate::case::server::KratosServer;
use crate::case::spec::WorldSpec;

impl WorldCheck<'_> {
    /// Names, profiles, configurations and places of all servers of a world.
    pub(super) fn servers(&self, world: &WorldSpec) -> Result<(), CaseError> {
        if world.tenants.as_ref().is_some_and(std::collections::BTreeMap::is_empty) {
            return Err(
                self.error(&["tenants"], "`tenants` names no tenant (hint: leave it out for one Kratos)".into())
            );
        }
        let servers = world.servers();
        for server in &servers {
            self.server(world, server)?;
        }
        let ui = world.ui.clone().unwrap_or_default();
        self.interface(&ui, &servers)?;
        let mut taken = vec![(url(ui.url()), "the interface")];
        for server in &servers {
            let place = url(&server.url);
            if let Some((other_place, other)) =
                taken.iter().find(|(it, _)| without_scheme(it) == without_scheme(&place))
            {
                let message = if *other_place == place {
                    format!("{other} and {} have the same URL {}", server.name, server.url)
                } else {
                    let hint = "one server stands behind both: give one of them a host, a port or a path of its own";
                    format!("the URLs of {other} and {} differ by their scheme alone (hint: {hint})", server.name)
                };
                return Err(self.error(&keys(world, &server.name, "url"), message));
            }
            taken.push((place, &server.name));
        }
        Ok(())
    }

    fn server(&self, world: &WorldSpec, server: &KratosServer) -> Result<(), CaseError> {
        let KratosServer { name, route, profile, url, .. } = server;
        let key = |last| keys(world, name, last);
        let word = |text: &str| {
            !text.is_empty() && text.len() <= 32 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if world.tenants.is_some() {
            let known = world.browser_names().contains(&name.as_str()) || world.client_names().contains(&name.as_str());
            if !word(name) || TAKEN.contains(&name.as_str()) || known {
                let hint = "up to 32 letters, digits and `-`, and no other inhabitant's name";
                return Err(self.error(&["tenants", name], format!("`{name}` cannot name a tenant (hint: {hint})")));
            }
            if let Some(route) = route.as_deref().filter(|route| !word(route)) {
                let message = format!("`{route}` cannot stand in a path (hint: up to 32 letters, digits and `-`)");
                return Err(self.error(&key("route"), message));
            }
            let same = |other: &KratosServer| other.name != *name && other.route == *route;
            if let Some(other) = world.servers().iter().find(|it| same(it)) {
                let message = format!("the tenants `{}` and `{name}` have the same route", other.name);
                return Err(self.error(&key("route"), message));
            }
        }
        let folder = self.context.fixtures.join("profiles");
        if !word(profile) || !folder.join(profile).join("kratos.yml").is_file() {
            let message = format!("there is no profile `{profile}` (hint: a folder of `fixtures/profiles`)");
            return Err(self.error(&key("profile"), message));
        }
        self.place(&key("url"), url)?;
        let own = world.tenants.as_ref().and_then(|tenants| tenants.get(name)?.config.as_ref());
        let common = world.kratos.as_ref().and_then(|kratos| kratos.config.as_ref());
        for (root, config) in [(vec!["kratos", "config"], common), (vec!["tenants", name, "config"], own)] {
            let Some(config) = config else { continue };
            if !config.is_object() {
                return Err(self.error(&root, "`kratos.config` is no map".to_owned()));
            }
            self.config(&root, server, config, &mut Vec::new())?;
            let mut fetching = Vec::new();
            if is_on_loopback(world) && config::fetching(config, &mut fetching) {
                let message = format!(
                    "`kratos.config` has Kratos fetch `{}` in a world with a base URL on a loopback address, to which it goes \
                     without the edge",
                    fetching.join(".")
                );
                let keys: Vec<&str> = root.iter().copied().chain(fetching.iter().map(String::as_str)).collect();
                return Err(self.error(&keys, message));
            }
        }
        Ok(())
    }

    fn interface(&self, ui: &InterfaceSpec, servers: &[KratosServer]) -> Result<(), CaseError> {
        self.place(&["ui", "url"], ui.url())?;
        if url(ui.url()).is_none_or(|url| url.path() != "/") {
            return Err(self.error(&["ui", "url"], "the interface stands at the top of its host".to_owned()));
        }
        let Some(name) = ui.asks() else { return Ok(()) };
        let known: Vec<&str> = servers.iter().map(|it| it.name.as_str()).chain([OWN]).collect();
        if known.contains(&name) {
            return Ok(());
        }
        Err(self.error(&["ui", "asks"], format!("there is no tenant `{name}` in this world{}", nearest(name, &known))))
    }

    /// A base URL: a host of the world, no user, no query.
    fn place(&self, keys: &[&str], text: &str) -> Result<(), CaseError> {
        let wrong = |why: String| Err(self.error(keys, format!("`{text}` cannot be a base URL: {why}")));
        let Some(url) = url(text) else { return wrong("it is none".to_owned()) };
        let host = url.host_str().unwrap_or_default();
        if !["http", "https"].contains(&url.scheme()) {
            return wrong(format!("`{}` is neither http nor https", url.scheme()));
        }
        if !HOSTS.contains(&host) {
            return wrong(format!("`{host}` is no host of a world{}", nearest(host, &HOSTS)));
        }
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() {
            return wrong("it holds more than scheme, host, port and path".to_owned());
        }
        if !url.path().ends_with('/') {
            return wrong("its path does not end with `/`".to_owned());
        }
        Ok(())
    }
}

/// Whether a base URL of the world is on a loopback address.
fn is_on_loopback(world: &WorldSpec) -> bool {
    let ui = world.ui.clone().unwrap_or_default();
    let servers = world.servers();
    let mut urls = servers.iter().map(|it| it.url.as_str()).chain([ui.url()]).filter_map(url);
    urls.any(|url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

/// What the edge knows a server by: host, port and path.
fn without_scheme(url: &Option<Url>) -> Option<&str> {
    url.as_ref().map(|url| &url[Position::BeforeHost..])
}

fn url(text: &str) -> Option<Url> {
    Url::parse(text).ok()
}

fn keys<'a>(world: &WorldSpec, name: &'a str, last: &'a str) -> Vec<&'a str> {
    if world.tenants.is_some() { vec!["tenants", name, last] } else { vec!["kratos", last] }
}
