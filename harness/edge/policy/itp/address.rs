//! How near two addresses are: the length of the prefix that they share (WebKit's `IPAddress::matchingNetMaskLength`).

use std::net::IpAddr;

/// The common leading bits; none between the two families. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is
/// IPv6 here, as it is there.
pub(super) fn common_bits(one: IpAddr, other: IpAddr) -> u32 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    }
}

/// How many are enough: half of the address.
pub(super) fn enough_bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 16,
        IpAddr::V6(_) => 64,
    }
}
