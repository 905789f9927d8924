//! The world that a case asks for. Everything is optional, so that a fix can say only what it changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duration::Time;
use super::interface::InterfaceSpec;
use super::legacy::{HydraSpec, LegacySpec};
use super::merge;
use super::network::{DnsSpec, FrontSpec, ItpSpec};
use super::program::Program;
use super::server::KratosSpec;
use crate::browser::{Engine, ThirdPartyCookies};

/// The inhabitants of a world, as far as a case names them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// The Kratos of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kratos: Option<KratosSpec>,
    /// Several Kratos by name, each with a database of its own; what `kratos` says holds for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<BTreeMap<String, KratosSpec>>,
    /// The fixture interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui: Option<InterfaceSpec>,
    /// The browsers by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browsers: Option<BTreeMap<String, BrowserSpec>>,
    /// The API clients by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<BTreeMap<String, ClientSpec>>,
    /// Where the hosts lead, for browsers that judge by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<BTreeMap<String, DnsSpec>>,
    /// A reverse proxy in front of some of the hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<FrontSpec>,
    /// The Hydra in front of the legacy system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hydra: Option<HydraSpec>,
    /// The legacy system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<LegacySpec>,
    /// What the edge does on purpose. A list replaces the one it is put over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<FaultSpec>>,
}

impl WorldSpec {
    /// This world with a change over it, by the merge rule of case files. `validate` has refused a change that cannot be
    /// put over it.
    pub fn with(&self, change: &Self) -> Self {
        self.merged(change).unwrap_or_else(|_| self.clone())
    }

    /// The same, of a change that nobody looked at yet.
    ///
    /// # Errors
    /// When what comes of it is no world.
    pub(super) fn merged(&self, change: &Self) -> serde_json::Result<Self> {
        let mut whole = serde_json::to_value(self)?;
        merge(&mut whole, &serde_json::to_value(change)?);
        serde_json::from_value(whole)
    }

    /// The names of the browsers.
    pub fn browser_names(&self) -> Vec<&str> {
        self.browsers.iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// The names of the clients.
    pub fn client_names(&self) -> Vec<&str> {
        self.clients.iter().flatten().map(|(name, _)| name.as_str()).collect()
    }
}

/// One browser.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserSpec {
    /// The one engine that this browser can be; where it is left out, the run's engines take turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Whether pages may store and send the cookies of other sites; they may where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party_cookies: Option<ThirdPartyCookies>,
    /// Its Intelligent Tracking Prevention; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itp: Option<ItpSpec>,
}

/// One API client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// Which program; `http` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// Whether it keeps the cookies that it gets and sends them back. By default as the program itself: `http` and `curl`
    /// do not, `newman` and `inso` do, an app of `electron` as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_jar: Option<bool>,
    /// Whether a run begins with the cookies of the run before, as in an application that stays open; `newman` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_jar: Option<bool>,
}

impl ClientSpec {
    /// The program, by its word or by default.
    pub fn program(&self) -> Program {
        self.program.unwrap_or(Program::Http)
    }
}

/// One fault: which exchanges, and exactly one effect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Only this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Only this method; without it each but `OPTIONS` of a CORS preflight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only this path, without query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only while this step runs, counted from 1. A browser may send a request again by itself when its connection
    /// closes without an answer (Chromium does on a connection that it had kept ready); so can be said what that meets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Only the first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The upstream answers at once; the answer is held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_answer: Option<Time>,
    /// The upstream sees the request later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_request: Option<Time>,
    /// The upstream answers and the answer never comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lose_answer: Option<bool>,
    /// A `Set-Cookie` value that is added to the answer, as a CDN does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_cookie: Option<String>,
    /// The request is held until so many have come, and all of them go on at one moment; those that come later are not
    /// held. One that waits for 15 s is refused, and the record says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<usize>,
    /// The values of the request's cookies are percent-encoded, as a proxy that means well does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encode_cookies: Option<bool>,
    /// What becomes of the request when its client hangs up; without this it is carried to its end, as behind a buffering
    /// load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hang_up: Option<HangUp>,
}

/// What becomes of a request whose client hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HangUp {
    /// It is passed on: the server's connection closes as well, by which Go cancels what it does for it.
    Pass,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_put_over_the_world() {
        let world: WorldSpec = serde_json::from_value(json!({
            "kratos": { "profile": "code", "config": { "session": { "lifespan": "24h" }, "log": { "level": "info" } } },
            "browsers": { "a": {} },
            "faults": [{ "delay_answer": "400ms" }],
        }))
        .expect("the world is one");
        let change: WorldSpec = serde_json::from_value(json!({
            "kratos": { "config": { "session": null, "log": { "level": "debug" } } },
            "browsers": { "b": {} },
            "faults": [],
        }))
        .expect("the change is one");

        let whole = world.with(&change);

        assert_eq!(whole.browser_names(), ["a", "b"]);
        assert_eq!(whole.faults, Some(vec![]));
        let server = whole.servers().remove(0);
        assert_eq!((server.profile.as_str(), server.configs), ("code", vec![json!({ "log": { "level": "debug" } })]));
    }
}
