//! Who is at the other end of a connection from this machine: the edge serves nobody but the user that runs it, for
//! every user of a machine can reach its loopback ports.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use nix::unistd::Uid;

/// `SOCK_DIAG_BY_FAMILY` (linux/sock_diag.h).
const BY_FAMILY: u16 = 20;

/// `NLM_F_REQUEST` (linux/netlink.h).
const REQUEST: u16 = 1;

/// Bytes of a message's head (`struct nlmsghdr`), and of a question with it (`struct inet_diag_req_v2`, 56 bytes).
const HEAD: usize = 16;
const QUESTION: usize = HEAD + 56;

/// Where the user's number stands in an answer (`idiag_uid` in `struct inet_diag_msg`, linux/inet_diag.h).
const USER_AT: usize = HEAD + 64;

/// Why a connection is not served: `None` for one of the own user or of root, and for one from another machine or a
/// container, which has to know a password.
pub(super) fn refuse(peer: SocketAddr, local: SocketAddr) -> Option<String> {
    if !peer.ip().is_loopback() {
        return None;
    }
    match user_of(peer, local) {
        Some(user) if user.is_root() || user == Uid::effective() => None,
        Some(user) => Some(format!(
            "{peer} is of user {user}, who did not start this (hint: `--edge-address` asks for a password)"
        )),
        None => Some(format!("nobody knows whose {peer} is")),
    }
}

/// Whose the socket is that is bound to `peer` and connected to `local`. The kernel is asked for this one socket: all of
/// them, in `/proc/net/tcp`, take it 5 ms on a machine with 24 GiB, and each page makes dozens of connections.
fn user_of(peer: SocketAddr, local: SocketAddr) -> Option<Uid> {
    let question = question(peer, local)?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let asking = socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag).ok()?;
    // The kernel, which is at address 0, answers before this returns.
    sendto(asking.as_raw_fd(), &question, &NetlinkAddr::new(0, 0), MsgFlags::empty()).ok()?;
    let mut answer = [0; 512];
    let length = recv(asking.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT).ok()?;
    let answer = answer.get(..length)?;
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    // Anything else is an error, such as that there is no such socket (any more).
    let user = answer.get(USER_AT..USER_AT + 4)?.try_into().ok()?;
    (kind == BY_FAMILY).then(|| Uid::from_raw(u32::from_ne_bytes(user)))
}

fn question(peer: SocketAddr, local: SocketAddr) -> Option<[u8; QUESTION]> {
    let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else { return None };
    let mut bytes = Vec::with_capacity(QUESTION);
    bytes.extend(u32::try_from(QUESTION).ok()?.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    // Sequence number and sender: it is the only question.
    bytes.extend([0; 8]);
    let (family, protocol) = (u8::try_from(nix::libc::AF_INET).ok()?, u8::try_from(nix::libc::IPPROTO_TCP).ok()?);
    // No extensions, a byte of nothing, all states.
    bytes.extend([family, protocol, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    bytes.extend(peer.port().to_be_bytes());
    bytes.extend(local.port().to_be_bytes());
    for address in [peer.ip(), local.ip()] {
        // Room for an address of IPv6.
        bytes.extend(address.octets());
        bytes.extend([0; 12]);
    }
    // Any interface, and no cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use anyhow::Result;

    use super::*;

    #[test]
    fn the_user_of_a_connection_is_known() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (stream, peer) = listener.accept()?;

        assert_eq!(user_of(peer, stream.local_addr()?), Some(Uid::effective()));
        assert_eq!(refuse(peer, stream.local_addr()?), None);
        drop(client);
        Ok(())
    }

    #[test]
    fn a_connection_that_nobody_has_is_refused() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let local = listener.local_addr()?;
        let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;

        assert!(refuse(gone, local).is_some_and(|why| why.contains(&gone.to_string())));
        Ok(())
    }

    #[test]
    fn one_from_elsewhere_is_for_the_password_to_judge() {
        let (peer, local) = (SocketAddr::from(([192, 0, 2, 1], 1)), SocketAddr::from(([127, 0, 0, 1], 2)));
        assert_eq!(refuse(peer, local), None);
    }
}
