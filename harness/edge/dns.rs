//! The world's DNS: where its names lead, for a browser that judges by it. The edge itself goes by [`super::Names`].

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What the DNS says of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsRecord {
    /// The names that it leads to, the last one last; empty where it has no CNAME.
    pub cname: Vec<String>,
    /// The address at the end; nothing where none is told.
    pub address: Option<String>,
}

/// The table. Clones share one.
#[derive(Debug, Clone, Default)]
pub struct Dns {
    records: Arc<RwLock<BTreeMap<String, DnsRecord>>>,
}

impl Dns {
    /// Says where a name leads.
    pub fn tell(&self, host: &str, record: DnsRecord) {
        self.records.write().unwrap_or_else(PoisonError::into_inner).insert(host.to_ascii_lowercase(), record);
    }

    /// Where a name leads: no CNAME and no address where nothing was said.
    pub fn ask(&self, host: &str) -> DnsRecord {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.get(&host.to_ascii_lowercase()).cloned().unwrap_or_default()
    }
}
