//! Looks at the processes and ports of the machine by proc(5).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A process that lives.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: i32,
    pub(crate) command: String,
}

/// The living processes whose command line, environment or working folder names this path.
pub(crate) fn naming(path: &Path) -> Vec<Seen> {
    let name = path.display().to_string();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: i32| {
        let folder = Path::new("/proc").join(id.to_string());
        let text = |file: &str| {
            fs::read(folder.join(file))
                .map(|text| String::from_utf8_lossy(&text).replace('\0', " "))
                .unwrap_or_default()
        };
        let command = text("cmdline");
        let place = fs::read_link(folder.join("cwd")).map(|path| path.display().to_string()).unwrap_or_default();
        let named = [&command, &text("environ"), &place].iter().any(|text| text.contains(&name));
        // The dead whom nobody has taken note of yet have no command line.
        (named && !command.is_empty()).then_some(Seen { id, command })
    })
    .collect()
}

/// The program of these whose command line begins with a path that ends so.
pub(crate) fn program<'a>(processes: &'a [Seen], name: &str) -> Option<&'a Seen> {
    processes.iter().find(|it| it.command.split(' ').next().is_some_and(|path| path.ends_with(&format!("/{name}"))))
}

/// A socket that listens. Its inode tells it from one that somebody else has on the same port since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listening {
    pub(crate) port: u16,
    inode: String,
}

/// The TCP sockets on which any of these processes listens.
pub(crate) fn listening(ids: impl IntoIterator<Item = i32>) -> BTreeSet<Listening> {
    let mut sockets = BTreeSet::new();
    for id in ids {
        let Ok(files) = fs::read_dir(format!("/proc/{id}/fd")) else { continue };
        let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        sockets.extend(links.map(|link| link.display().to_string()));
    }
    let of_them = |inode: &str| sockets.contains(&format!("socket:[{inode}]"));
    all_listening().into_iter().filter(|socket| of_them(&socket.inode)).collect()
}

/// The TCP sockets on which anybody listens, on whatever network: state 0A, the local address second, the inode tenth.
pub(crate) fn all_listening() -> BTreeSet<Listening> {
    let mut all = BTreeSet::new();
    for id in one_on_each_network() {
        for table in ["tcp", "tcp6"] {
            for line in fs::read_to_string(format!("/proc/{id}/net/{table}")).unwrap_or_default().lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                if let (Some(address), Some(&"0A"), Some(inode)) = (fields.get(1), fields.get(3), fields.get(9))
                    && let Some((_, port)) = address.rsplit_once(':')
                    && let Ok(port) = u16::from_str_radix(port, 16)
                {
                    all.insert(Listening { port, inode: (*inode).to_owned() });
                }
            }
        }
    }
    all
}

/// The network that a process is on.
pub(crate) fn network(id: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{id}/ns/net")).ok()
}

/// A process of each network that there is.
fn one_on_each_network() -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let networks: BTreeMap<PathBuf, String> = names.filter_map(|name| Some((network(&name)?, name))).collect();
    networks.into_values().collect()
}
