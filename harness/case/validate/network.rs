//! Refuses a network that cannot be: a policy that no engine has, hosts outside the world, loops of CNAMEs, addresses that are none.

use url::Url;

use super::HOSTS;
use super::world::WorldCheck;
use crate::browser::Engine;
use crate::case::error::CaseError;
use crate::case::nearest::nearest;
use crate::case::network::ItpSpec;
use crate::case::spec::WorldSpec;

impl WorldCheck<'_> {
    pub(super) fn network(&self, world: &WorldSpec) -> Result<(), CaseError> {
        for (name, browser) in world.browsers.iter().flatten() {
            if browser.itp == Some(ItpSpec::Real) && browser.engine != Some(Engine::WebKitGtk) {
                let message = "`itp: real` needs `engine: webkitgtk`: no other engine has it".to_owned();
                return Err(self.error(&["browsers", name, "itp"], message));
            }
        }
        let dns = world.dns.iter().flatten().map(|(host, _)| (vec!["dns"], host));
        let front = world.front.iter().flat_map(|front| front.hosts.keys()).map(|host| (vec!["front", "hosts"], host));
        for (mut keys, host) in dns.chain(front) {
            let what = keys[0];
            keys.push(host);
            if !HOSTS.contains(&host.as_str()) {
                let hint = nearest(host, &HOSTS);
                return Err(self.error(&keys, format!("`{what}` names a host outside the world: `{host}`{hint}")));
            }
            if let Err((keys, message)) = world.dns_record(host) {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                return Err(self.error(&keys, message));
            }
        }
        let ui = world.ui.clone().unwrap_or_default();
        let urls = world.servers().into_iter().map(|server| server.url).chain([ui.url().to_owned()]);
        for url in urls.filter_map(|url| Url::parse(&url).ok()).filter(|url| url.port().is_some()) {
            let host = url.host_str().unwrap_or_default();
            if world.front.as_ref().is_some_and(|front| front.hosts.contains_key(host)) {
                let hint = "leave the port out of the URL";
                let message =
                    format!("a front stands at the usual ports, and `{url}` is at another one (hint: {hint})");
                return Err(self.error(&["front", "hosts", host], message));
            }
        }
        Ok(())
    }
}
