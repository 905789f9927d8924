//! Who is at the other end of a connection from this machine: the edge serves nobody but the user that runs it, for
//! every user of a machine can reach its loopback ports.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use nix::unistd::Uid;

/// `SOCK_DIAG_BY_FAMILY` (linux/sock_diag.h).
const BY_FAMILY: u16 = 20;

/// `NLM_F_REQUEST` (linux/netlink.h).
const REQUEST: u16 = 1;

/// `NLMSG_ERROR` (the same).
const ERROR: u16 = 2;

/// Bytes of a message's head (`struct nlmsghdr`), and of a question with it (`struct inet_diag_req_v2`, 56 bytes).
const HEAD: usize = 16;
const QUESTION: usize = HEAD + 56;

/// Where the user's number stands in an answer, and behind it that of the file (`idiag_uid` and `idiag_inode` in
/// `struct inet_diag_msg`, linux/inet_diag.h).
const USER_AT: usize = HEAD + 64;
const INODE_AT: usize = HEAD + 68;

/// Who is at the other end of a connection: its address, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) whose: Whose,
}

/// Both ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    peer: SocketAddr,
    local: SocketAddr,
    whose: Whose,
}

impl Line {
    /// The line that was taken from `peer` at `local`, if there still is one.
    pub(super) fn new(peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        let local = local.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        Self { peer, local, whose: Whose::of(peer, local) }
    }

    /// Who is at its other end.
    pub(super) fn peer(&self) -> Peer {
        Peer { address: self.peer.ip(), whose: self.whose }
    }

    /// Whether its client, if it is of this machine, has closed it: nobody reads what comes from now on.
    pub(super) fn is_hung_up(&self) -> bool {
        let is_ours = |answer: Vec<u8>| read(&answer) == Some(Whose::Ours);
        // Where the kernel cannot be asked nothing is known.
        self.whose == Whose::Ours && ask(self.peer, self.local).is_some_and(|answer| !is_ours(answer))
    }
}

/// Whose the other end of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// The own user's, or root's.
    Ours,
    /// That of another user of this machine, by number.
    Others(u32),
    /// That of another machine, or of a container: the kernel has no such socket.
    Elsewhere,
    /// The kernel does not say, as of one that its owner has closed.
    Unknown,
}

impl Whose {
    /// Asks the kernel whose the socket is that is bound to `peer` and connected to `local`.
    pub(super) fn of(peer: SocketAddr, local: SocketAddr) -> Self {
        ask(peer, local).and_then(|answer| read(&answer)).unwrap_or(Self::Unknown)
    }

    /// Why a connection from there is not served without a password: any but one of the own user or of root. That an
    /// address is none of the loopback proves nothing: each of this machine's reaches its loopback ports.
    pub(super) fn refuse(self, peer: SocketAddr) -> Option<String> {
        match self {
            Self::Ours => None,
            Self::Others(user) => Some(format!(
                "{peer} is of user {user}, who did not start this (hint: `--edge-address` asks for a password)"
            )),
            Self::Elsewhere => Some(format!("{peer} is no socket of this machine")),
            Self::Unknown => Some(format!("nobody knows whose {peer} is (hint: it may have hung up already)")),
        }
    }
}

/// The kernel's answer about this one socket: all of them, in `/proc/net/tcp`, take it 5 ms on a machine with 24 GiB, and
/// each page makes dozens of connections.
fn ask(peer: SocketAddr, local: SocketAddr) -> Option<Vec<u8>> {
    let question = question(peer, local)?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let asking = socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag).ok()?;
    // The kernel, which is at address 0, answers before this returns.
    sendto(asking.as_raw_fd(), &question, &NetlinkAddr::new(0, 0), MsgFlags::empty()).ok()?;
    let mut answer = vec![0; 512];
    let length = recv(asking.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT).ok()?;
    answer.truncate(length);
    Some(answer)
}

fn read(answer: &[u8]) -> Option<Whose> {
    let number = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    match u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?) {
        BY_FAMILY => match (number(USER_AT)?, number(INODE_AT)?) {
            // What its owner has closed has no file any more, and soon it is told as root's.
            (_, 0) => None,
            (user, _) if user == 0 || user == Uid::effective().as_raw() => Some(Whose::Ours),
            (user, _) => Some(Whose::Others(user)),
        },
        ERROR if number(HEAD)?.cast_signed() == -nix::libc::ENOENT => Some(Whose::Elsewhere),
        _ => None,
    }
}

fn question(peer: SocketAddr, local: SocketAddr) -> Option<[u8; QUESTION]> {
    let family = if peer.is_ipv4() { nix::libc::AF_INET } else { nix::libc::AF_INET6 };
    let mut bytes = Vec::with_capacity(QUESTION);
    bytes.extend(u32::try_from(QUESTION).ok()?.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    // Sequence number and sender: it is the only question.
    bytes.extend([0; 8]);
    let (family, protocol) = (u8::try_from(family).ok()?, u8::try_from(nix::libc::IPPROTO_TCP).ok()?);
    // No extensions, a byte of nothing, all states.
    bytes.extend([family, protocol, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    bytes.extend(peer.port().to_be_bytes());
    bytes.extend(local.port().to_be_bytes());
    for address in [peer.ip(), local.ip()] {
        match address {
            IpAddr::V4(address) => {
                bytes.extend(address.octets());
                // Room for an address of IPv6.
                bytes.extend([0; 12]);
            }
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    // Any interface, and no cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};

    use anyhow::Result;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::by_ipv4("127.0.0.1:0")]
    #[case::by_ipv6("[::1]:0")]
    fn the_user_of_a_connection_is_known(#[case] address: &str) -> Result<()> {
        let listener = TcpListener::bind(address)?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (stream, peer) = listener.accept()?;

        assert_eq!(Whose::of(peer, stream.local_addr()?), Whose::Ours);
        assert_eq!(Whose::Ours.refuse(peer), None);
        let line = Line::new(peer, stream.local_addr().ok());
        client.shutdown(Shutdown::Write)?;
        assert!(!line.is_hung_up(), "it has said all, and still listens");
        drop(client);
        assert!(line.is_hung_up());
        Ok(())
    }

    #[test]
    fn a_connection_that_nobody_has_is_refused() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let local = listener.local_addr()?;
        let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;

        assert_eq!(Whose::of(gone, local), Whose::Elsewhere);
        assert!(Whose::Elsewhere.refuse(gone).is_some_and(|why| why.contains(&gone.to_string())));
        Ok(())
    }

    #[test]
    fn an_address_that_is_not_of_the_loopback_proves_nothing() {
        let (peer, local) = (SocketAddr::from(([192, 0, 2, 1], 1)), SocketAddr::from(([127, 0, 0, 1], 2)));
        assert!(Whose::of(peer, local).refuse(peer).is_some_and(|why| why.contains("192.0.2.1:1")));
    }

    #[test]
    fn a_socket_that_its_owner_has_closed_is_nobodys() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(b"POST / HTTP/1.1\r\n\r\n")?;
        let (mut stream, peer) = listener.accept()?;
        drop(client);
        // Its end has come, and has been acknowledged.
        stream.read_to_end(&mut Vec::new())?;

        let whose = Whose::of(peer, stream.local_addr()?);
        assert_eq!(whose, Whose::Unknown);
        assert!(whose.refuse(peer).is_some_and(|why| why.contains(&peer.to_string())));
        Ok(())
    }
}
