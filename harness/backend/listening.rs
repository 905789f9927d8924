//! Who listens on a port, by proc(5): for a server that does not say when it is ready.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use nix::unistd::Pid;

/// Whether one of these processes listens on this TCP port.
pub(super) fn on(port: u16, processes: &[Pid]) -> bool {
    let mut sockets = sockets();
    sockets.retain(|_, of| *of == port);
    !sockets.is_empty() && processes.iter().any(|id| held(*id, &sockets).next().is_some())
}

/// The TCP ports on which these processes listen.
pub(super) fn ports(processes: &[Pid]) -> BTreeSet<u16> {
    let sockets = sockets();
    processes.iter().flat_map(|id| held(*id, &sockets)).collect()
}

/// The ports of those of these sockets that a process has.
fn held(process: Pid, sockets: &HashMap<String, u16>) -> impl Iterator<Item = u16> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    links.filter_map(|link| sockets.get(link.to_str()?).copied())
}

/// The sockets that listen, as the links of `/proc/PID/fd` name them, and their ports: state 0A stands for listening, the
/// local address is the second field, the inode the tenth.
fn sockets() -> HashMap<String, u16> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, port) = fields.get(1)?.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok().filter(|_| fields.get(3) == Some(&"0A"))?;
            Some((format!("socket:[{}]", fields.get(9)?), port))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use anyhow::Result;

    use super::*;

    #[test]
    fn only_the_process_that_listens_is_seen() -> Result<()> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let port = socket.local_addr()?.port();

        assert!(on(port, &[Pid::this()]), "this process listens");
        assert!(ports(&[Pid::this()]).contains(&port), "this process listens");
        assert!(!on(port, &[Pid::from_raw(1)]), "another one does not");
        drop(socket);
        assert!(!on(port, &[Pid::this()]), "nobody listens any more");
        Ok(())
    }
}
