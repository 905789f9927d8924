//! Whether the network addresses of this machine change. Chromium drops its connections when one appears or goes
//! (`ERR_NETWORK_CHANGED`), those to loopback too, and containers and VPNs make and remove addresses as they come and go.

use std::os::fd::{AsRawFd, OwnedFd};
#[cfg(feature = "docker")]
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket};

#[cfg(feature = "docker")]
use crate::wait::wait_until;

/// `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` (linux/rtnetlink.h): each address that is added or removed.
const GROUPS: u32 = 0x10 | 0x100;

/// How long no address may have come or gone until all are taken to be there. The kernel tells of a link up to a second
/// late, and tries an address for one more.
#[cfg(feature = "docker")]
const QUIET: Duration = Duration::from_millis(2_500);

/// How long that is waited for.
#[cfg(feature = "docker")]
const LIMIT: Duration = Duration::from_secs(15);

/// Watches the addresses from its making on. The kernel keeps what happened until it is asked for.
#[derive(Debug)]
pub struct AddressWatch(OwnedFd);

impl AddressWatch {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the system gives no netlink socket.
    pub fn start() -> Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)
            .context("failed to open a netlink socket")?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS)).context("failed to listen for changes of addresses")?;
        Ok(Self(socket))
    }

    /// Whether an address came or went since the last time that this was asked.
    pub fn has_changed(&self) -> bool {
        let mut message = [0; 4096];
        let mut changed = false;
        loop {
            match recv(self.0.as_raw_fd(), &mut message, MsgFlags::empty()) {
                Ok(length) if length > 0 => changed = true,
                // More came than the kernel keeps.
                Err(Errno::ENOBUFS) => changed = true,
                Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return changed,
            }
        }
    }
}

/// Waits until the addresses have been as they are for [`QUIET`], and none of IPv6 is still tried out: an interface that
/// was made has its own only a second or two later (RFC 4862, section 5.4). Where somebody else's come and go all the
/// time it gives up after [`LIMIT`]; who is disturbed by it sees that for itself.
#[cfg(feature = "docker")]
pub(super) async fn settled(watch: &AddressWatch) {
    let mut since = Instant::now();
    let quiet = wait_until("addresses that stay as they are", LIMIT, Duration::from_millis(20), || {
        if watch.has_changed() || is_trying() {
            since = Instant::now();
        }
        std::future::ready(if since.elapsed() >= QUIET { Ok(()) } else { Err("changes".to_owned()) })
    });
    let _ = quiet.await;
}

/// Whether an address is tentative: the flag 0x40 in the fifth column (`IFA_F_TENTATIVE`, linux/if_addr.h; proc(5)).
#[cfg(feature = "docker")]
fn is_trying() -> bool {
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let flags = table.lines().filter_map(|line| u32::from_str_radix(line.split_whitespace().nth(4)?, 16).ok());
    flags.into_iter().any(|flags| flags & 0x40 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_changed_at_once() -> Result<()> {
        let watch = AddressWatch::start()?;
        // What another program may have done meanwhile is taken out first.
        watch.has_changed();

        assert!(!watch.has_changed(), "what was told is told once");
        Ok(())
    }
}
