//! A network of a run's own: a loopback, and nothing else (network_namespaces(7)). No other user of the machine reaches what
//! listens on it, what runs on it has no way out, and what happens to the machine's networks does not disturb it.

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use nix::unistd::{Gid, Uid};
use tokio::process::Command;

use super::missing::Missing;
use crate::wait::within;

/// The hidden command by which a program is asked whether it could enter a network of its own.
pub const PROBE: &str = "enter-network";

/// What a person does where there can be none.
const CURE: &str = "allow unprivileged user namespaces, or run as root with CAP_SYS_ADMIN";

/// How long the kernel may take: it waits where another network is on its way out.
const LIMIT: Duration = Duration::from_secs(10);

/// `RTM_NEWLINK` (linux/rtnetlink.h).
const NEW_LINK: u16 = 16;

/// `NLM_F_REQUEST` and `NLM_F_ACK`; `NLMSG_ERROR`, which tells success too, by the number 0 (linux/netlink.h).
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const ERROR: u16 = 2;

/// Bytes of a message's head (`struct nlmsghdr`), and of a message with what it says of a link (`struct ifinfomsg`).
const HEAD: usize = 16;
const MESSAGE: usize = HEAD + 16;

/// The number of the loopback in every network (`LOOPBACK_IFINDEX`, net/flow.h of Linux).
const LOOPBACK: i32 = 1;

/// `IFF_UP` (linux/if.h).
const UP: u32 = 1;

/// Whether this process has entered one.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Tries in a process of its own whether a network of its own can be had: a system may grant the network and not its loopback
/// (Ubuntu's AppArmor does), and there is no way back. `program` is a `kratos-repro`.
///
/// # Errors
/// [`Missing`] when the system does not allow it.
pub async fn probe(program: &Path) -> Result<()> {
    let tried = Command::new(program).arg(PROBE).stdin(Stdio::null()).kill_on_drop(true).output();
    let why = match within(LIMIT, tried).await {
        Err(deadline) => format!("the kernel did not give one within {deadline}"),
        Ok(tried) => {
            let tried = tried.with_context(|| format!("failed to run `{}`", program.display()))?;
            if tried.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&tried.stderr);
            match said.trim() {
                "" => format!("who tried to enter one ended by {}", tried.status),
                said => said.trim_start_matches("error: ").to_owned(),
            }
        }
    };
    Err(lacking(&why).into())
}

/// What is lacking where there can be none, and why.
#[must_use]
pub fn lacking(why: &str) -> Missing {
    Missing::new(format!("no network of its own can be had: {why}"), CURE)
}

/// Gives this process, and all that it starts from now on, a network of its own. It must have no second thread yet. What has
/// been done when it fails stays done, so [`probe`] comes before it.
///
/// # Errors
/// When the system does not allow it; the words say at which step.
pub fn enter() -> Result<()> {
    let (user, group) = (Uid::effective(), Gid::effective());
    if user.is_root() {
        unshare(CloneFlags::CLONE_NEWNET).context("the kernel gives root none (unshare)")?;
    } else {
        // Who has no rights has them over what is in a user namespace of their own, and stays who they are in it.
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
            // Which it says for a limit too (unshare(2)).
            Errno::ENOSPC => {
                anyhow!("this user may have no more of them (`user.max_user_namespaces`, `user.max_net_namespaces`; unshare: {errno})")
            }
            errno => anyhow!("the kernel gives this user none (unshare: {errno})"),
        })?;
        write("/proc/self/setgroups", "deny")?;
        write("/proc/self/uid_map", &format!("{user} {user} 1"))?;
        write("/proc/self/gid_map", &format!("{group} {group} 1"))?;
    }
    start_loopback().context("the loopback cannot be started")?;
    ENTERED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether this process is on a network of its own, and not on one that may have others on it.
#[must_use]
pub fn is_own() -> bool {
    ENTERED.load(Ordering::Relaxed)
}

fn write(file: &str, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("failed to write `{file}`"))
}

/// Sets the loopback up, which gives it its addresses; a new network has it down.
fn start_loopback() -> Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let asking = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    // The kernel, which is at address 0, answers before this returns.
    sendto(asking.as_raw_fd(), &request(), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 512];
    let length = recv(asking.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT)?;
    read(answer.get(..length).unwrap_or_default())
}

/// The request to set it up.
fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MESSAGE);
    bytes.extend((MESSAGE as u32).to_ne_bytes());
    bytes.extend(NEW_LINK.to_ne_bytes());
    bytes.extend((REQUEST | ACKNOWLEDGE).to_ne_bytes());
    // Sequence number and sender: it is the only request.
    bytes.extend([0; 8]);
    // No family, a byte of nothing, no type.
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK.to_ne_bytes());
    // What it is to be, and what of it is to change.
    bytes.extend(UP.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes
}

/// What the kernel says to it.
fn read(answer: &[u8]) -> Result<()> {
    let kind = answer.get(4..6).and_then(|it| it.try_into().ok()).map(u16::from_ne_bytes);
    let number = answer.get(HEAD..HEAD + 4).and_then(|it| it.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, number) {
        (Some(ERROR), Some(0)) => Ok(()),
        (Some(ERROR), Some(number)) => Err(io::Error::from(Errno::from_raw(-number)).into()),
        _ => anyhow::bail!("the kernel answers {} bytes that are no acknowledgement", answer.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: u16, number: i32) -> Vec<u8> {
        let mut bytes = vec![0; HEAD + 4];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[HEAD..].copy_from_slice(&number.to_ne_bytes());
        bytes
    }

    #[test]
    fn an_acknowledgement_is_told_from_a_refusal() {
        assert!(read(&answer(ERROR, 0)).is_ok());
        let refused = read(&answer(ERROR, -nix::libc::EPERM)).err();
        let refused = refused.and_then(|error| error.downcast::<io::Error>().ok());
        assert_eq!(refused.map(|error| error.kind()), Some(io::ErrorKind::PermissionDenied));
        assert!(read(&answer(3, 0)).is_err(), "another kind of message");
        assert!(read(&[]).is_err(), "nothing");
    }

    #[test]
    fn the_request_is_as_long_as_it_says() {
        assert_eq!(request().len(), MESSAGE);
    }
}
