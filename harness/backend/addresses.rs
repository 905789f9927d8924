//! Whether the network addresses of this machine change. Chromium drops its connections when one appears or goes
//! (`ERR_NETWORK_CHANGED`), those to loopback too, and containers and VPNs make and remove addresses as they come and go.

use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket};

/// `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` (linux/rtnetlink.h): each address that is added or removed.
const GROUPS: u32 = 0x10 | 0x100;

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
