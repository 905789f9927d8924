//! Registrable domains, by the public suffix list.

use std::net::IpAddr;

/// The registrable domain of a host; of a host that has none, such as an address or a public suffix, the host itself
/// (WebKit's `RegistrableDomain::uncheckedCreateFromHost`).
pub(super) fn of(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    // The list knows nothing of addresses and would take their last two numbers for a domain.
    if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
        return host;
    }
    psl::domain_str(&host).unwrap_or(&host).to_owned()
}
