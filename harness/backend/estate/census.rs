//! What is there of an owner, each by its name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::unistd::Pid;

use super::displays::Numbered;
use super::marked;
use super::owner::Owner;
use super::segments::Segment;
use super::{OWNER_FILE, SCRATCH, is_estate};
use crate::backend::listening;

/// Counts the owner's processes, the ports on which they and this process listen, and what is in the owner's folder, unless
/// that was given up. It takes a few ms.
pub(super) fn take(owner: &Owner, folder: &Path) -> BTreeSet<String> {
    let processes: Vec<_> = marked::all().into_iter().filter(|it| it.owner == *owner).collect();
    let ids: Vec<Pid> = processes.iter().map(|it| it.id).chain([Pid::this()]).collect();
    let ports = listening::ports(&ids).into_iter().map(|port| format!("port {port}"));
    let files = if is_estate(folder) { fs::read_dir(folder).ok() } else { None };
    let paths = files.into_iter().flatten().flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| !path.ends_with(OWNER_FILE) && !path.ends_with(SCRATCH));
    let named = paths.map(|path| {
        if let Some(display) = Numbered::noted(&path) {
            display.to_string()
        } else if let Some(segment) = Segment::noted(&path) {
            segment.to_string()
        } else if path.is_dir() {
            format!("folder {}", path.display())
        } else {
            format!("file {}", path.display())
        }
    });
    let processes = processes.iter().map(|it| format!("process {} ({})", it.id, it.line()));
    processes.chain(ports).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use anyhow::{Context, Result};

    use super::*;
    use crate::backend::{Launch, Output};

    #[tokio::test]
    async fn everything_is_counted_by_its_name() -> Result<()> {
        let owner = Owner::this()?;
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join(OWNER_FILE), owner.to_string())?;
        let before = take(&owner, folder.path());

        let listener = TcpListener::bind("127.0.0.1:0")?;
        fs::create_dir(folder.path().join("world-1"))?;
        let log = Output::File(folder.path().join("world-1/log"));
        let process = Launch::new("/bin/sleep", folder.path(), log).args(["600"]).start()?;

        // Other tests of this program start processes too.
        let after = take(&owner, folder.path());
        let seen = |words: &str| after.difference(&before).find(|line| line.contains(words)).context(words.to_owned());
        seen(&format!("port {}", listener.local_addr()?.port()))?;
        seen(&format!("folder {}/world-1", folder.path().display()))?;
        let line = seen("(/bin/sh -c")?;
        assert!(line.starts_with("process "), "{line}");
        process.close().await
    }

    #[test]
    fn what_was_given_up_does_not_count() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("world-1"))?;

        let counted = take(&Owner::this()?, folder.path());

        assert!(!counted.iter().any(|it| it.contains("world-1")), "{counted:?}");
        Ok(())
    }
}
