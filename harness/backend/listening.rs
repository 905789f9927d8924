//! Who listens on a port, by proc(5): for a server that does not say when it is ready.

use std::collections::HashSet;
use std::fs;

use nix::unistd::Pid;

/// Whether one of these processes listens on this TCP port of IPv4.
pub(super) fn on(port: u16, processes: &[Pid]) -> bool {
    let sockets = sockets_on(port);
    if sockets.is_empty() {
        return false;
    }
    processes.iter().any(|id| {
        let Ok(files) = fs::read_dir(format!("/proc/{id}/fd")) else { return false };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
    })
}

/// The sockets that listen on a port, as the links of `/proc/PID/fd` name them: state 0A stands for listening, the local
/// address is the second field, the inode the tenth.
fn sockets_on(port: u16) -> HashSet<String> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let end = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields.get(1)?.ends_with(&end) && *fields.get(3)? == "0A";
            listens.then(|| format!("socket:[{}]", fields.get(9).unwrap_or(&"")))
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
        assert!(!on(port, &[Pid::from_raw(1)]), "another one does not");
        drop(socket);
        assert!(!on(port, &[Pid::this()]), "nobody listens any more");
        Ok(())
    }
}
