//! How a world's network looks to its browsers: the DNS, the edge in front, and the policy that a browser goes by.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::spec::WorldSpec;
use crate::edge::DnsRecord;
use crate::edge::policy::Generation;

/// A browser's Intelligent Tracking Prevention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItpSpec {
    /// Emulated by the edge: the rules of 2020.
    G0,
    /// Emulated: with the rule about addresses.
    G1,
    /// Emulated: only the first hop of a navigation is exempt.
    G2,
    /// Emulated: no navigation is exempt.
    G3,
    /// Emulated: as it is meant to be.
    G4,
    /// The engine's own: that of WebKitGTK blocks third-party cookies and has no cap.
    #[serde(rename = "real")]
    Real,
    /// "Prevent cross-site tracking" is switched off, as is every browser that has no such thing.
    #[serde(rename = "off")]
    Off,
}

impl ItpSpec {
    /// The rules that the edge applies; nothing where it leaves cookies alone.
    pub fn emulated(self) -> Option<Generation> {
        match self {
            Self::G0 => Some(Generation::G0),
            Self::G1 => Some(Generation::G1),
            Self::G2 => Some(Generation::G2),
            Self::G3 => Some(Generation::G3),
            Self::G4 => Some(Generation::G4),
            Self::Real | Self::Off => None,
        }
    }
}

/// Where a host leads, by the DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsSpec {
    /// The names of its CNAME chain, the last one last. They need not be of this world; one that is leads on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cname: Option<Vec<String>>,
    /// The address at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A real reverse proxy in front of some hosts. Who asks the DNS for one of them sees its address and no CNAME: what
/// stands behind is hidden, whatever `dns` says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontSpec {
    /// The hosts behind it, each with the address at which it is met.
    pub hosts: BTreeMap<String, String>,
}

/// What is wrong with a DNS entry: the keys below the world, and the words.
pub(super) type Wrong = (Vec<String>, String);

impl WorldSpec {
    /// Where a host leads, the chains of other hosts followed.
    ///
    /// # Errors
    /// When the chain comes back to a name that it had, or something in it is no name or no address.
    pub(super) fn dns_record(&self, host: &str) -> Result<DnsRecord, Wrong> {
        let address_of = |text: &str, keys: &[&str]| match text.parse::<IpAddr>() {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => {
                let hint = "(hint: such as `203.0.113.10` or `2001:db8::1`)";
                Err((keys.iter().map(|it| (*it).to_owned()).collect(), format!("`{text}` is no address {hint}")))
            }
        };
        let mut record = DnsRecord::default();
        let mut at = plain(host);
        let mut seen = BTreeSet::from([at.clone()]);
        loop {
            // Whichever name leads to a front: its address is all that is seen.
            if let Some(address) = self.front.as_ref().and_then(|front| front.hosts.get(&at)) {
                record.address = Some(address_of(address, &["front", "hosts", &at])?);
                break;
            }
            let Some(spec) = self.dns.as_ref().and_then(|dns| dns.get(&at)) else { break };
            if let (None, Some(address)) = (&record.address, &spec.address) {
                record.address = Some(address_of(address, &["dns", &at, "address"])?);
            }
            let Some(chain) = spec.cname.as_ref().filter(|chain| !chain.is_empty()) else { break };
            for name in chain {
                let wrong = |message: String| (vec!["dns".to_owned(), at.clone(), "cname".to_owned()], message);
                let plain = plain(name);
                if !is_name(&plain) {
                    return Err(wrong(format!("`{name}` is no host name")));
                }
                if !seen.insert(plain) {
                    return Err(wrong(format!("the CNAMEs of `{host}` lead in a loop: `{name}` comes again")));
                }
            }
            record.cname.extend(chain.iter().cloned());
            at = chain.last().map(|name| plain(name)).unwrap_or_default();
        }
        Ok(record)
    }

    /// Where the hosts lead. Only what was checked is here: an entry that is wrong says nothing.
    pub fn dns_records(&self) -> Vec<(String, DnsRecord)> {
        let fronted = self.front.iter().flat_map(|front| front.hosts.keys());
        let hosts: BTreeSet<&String> = self.dns.iter().flat_map(BTreeMap::keys).chain(fronted).collect();
        hosts.into_iter().filter_map(|host| Some((host.clone(), self.dns_record(host).ok()?))).collect()
    }
}

/// A name as the tables have it: of a fully written one the dot at the end says nothing, nor do capitals.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// RFC 1123, section 2.1, and the underscores that providers put into the targets of CNAMEs.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(text: &str) -> anyhow::Result<WorldSpec> {
        serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))
    }

    #[test]
    fn a_chain_goes_on_at_a_host_of_the_world() -> anyhow::Result<()> {
        let world = world(
            "dns: { ory.example.test: { cname: [a.cdn.test, ui.example.test] }, \
                    ui.example.test: { cname: [b.cdn.test], address: 203.0.113.10 } }",
        )?;

        let record = world.dns_record("ory.example.test").map_err(|(_, why)| anyhow::anyhow!(why))?;

        assert_eq!(record.cname, ["a.cdn.test", "ui.example.test", "b.cdn.test"]);
        assert_eq!(record.address.as_deref(), Some("203.0.113.10"));
        Ok(())
    }

    #[test]
    fn what_stands_behind_a_front_is_hidden() -> anyhow::Result<()> {
        let world = world(
            "{ front: { hosts: { ory.example.test: 203.0.113.10 } }, dns: { ory.example.test: { cname: [x.oryapis.test] } } }",
        )?;

        let records = world.dns_records();

        let record = DnsRecord { cname: vec![], address: Some("203.0.113.10".to_owned()) };
        assert_eq!(records, [("ory.example.test".to_owned(), record)]);
        Ok(())
    }

    #[test]
    fn what_leads_to_a_front_ends_there() -> anyhow::Result<()> {
        let world = world(
            "{ front: { hosts: { ory.example.test: 203.0.113.10 } }, dns: { \
                ui.example.test: { cname: [a.cdn.test, Ory.example.test.], address: 198.51.100.7 }, \
                ory.example.test: { cname: [x.oryapis.test] } } }",
        )?;

        let record = world.dns_record("ui.example.test").map_err(|(_, why)| anyhow::anyhow!(why))?;

        assert_eq!(record.cname, ["a.cdn.test", "Ory.example.test."]);
        assert_eq!(record.address.as_deref(), Some("203.0.113.10"));
        Ok(())
    }

    #[test]
    fn off_is_a_word_and_no_truth_value() -> anyhow::Result<()> {
        let world = world("browsers: { a: { itp: off }, b: { itp: G3 }, c: { itp: real } }")?;

        let browsers = world.browsers.unwrap_or_default();

        let words: Vec<_> = browsers.values().filter_map(|browser| browser.itp).collect();
        assert_eq!(words, [ItpSpec::Off, ItpSpec::G3, ItpSpec::Real]);
        Ok(())
    }
}
