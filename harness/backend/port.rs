//! Free ports for servers that cannot be asked to choose one themselves.

use std::net::TcpListener;
use std::ops::Range;

use anyhow::{Result, bail};

/// Below Linux's default range for outgoing connections (32768 to 60999, `net.ipv4.ip_local_port_range`),
/// so that no connection of ours can take the port between the choice and the server's bind.
const CHOICE: Range<u16> = 20_000..32_000;

/// A port on 127.0.0.1 that was free a moment ago. Another program may still take it before the server binds,
/// so the caller looks for that in the server's words and chooses again.
///
/// # Errors
/// When 200 random choices were all taken.
pub fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let port = CHOICE.start + random() % (CHOICE.end - CHOICE.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 between {} and {} after 200 tries", CHOICE.start, CHOICE.end)
}

fn random() -> u16 {
    use std::hash::{BuildHasher, Hasher};
    // Each `RandomState` has keys of its own, seeded by the operating system.
    let bits = std::hash::RandomState::new().build_hasher().finish();
    (bits ^ (bits >> 16) ^ (bits >> 32)) as u16
}
