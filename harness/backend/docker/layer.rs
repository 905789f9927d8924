//! The files of an image that is made here, as one layer: a tar archive in which every folder is named, because an engine
//! closes those that it has to make itself to everybody but root.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio_tar::{Builder, EntryType, Header};

/// Root, by number.
const ROOT: u64 = 0;

/// What is in an image so far.
pub(super) struct Layer {
    archive: Builder<Vec<u8>>,
    /// What is there, each once: an engine refuses what is named twice.
    paths: BTreeSet<PathBuf>,
}

impl Layer {
    /// One with a place for temporary files, where SQLite may want to write.
    pub(super) async fn new() -> Result<Self> {
        let mut layer = Self { archive: Builder::new(Vec::new()), paths: BTreeSet::new() };
        layer.folder(Path::new("/tmp"), 0o1777, ROOT).await?;
        Ok(layer)
    }

    /// Makes a folder, unless it is there, and those that it is in.
    pub(super) async fn folder(&mut self, path: &Path, mode: u32, owner: u64) -> Result<()> {
        let path = path.strip_prefix("/").unwrap_or(path);
        let above: Vec<&Path> = path.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty()).collect();
        for folder in above.into_iter().rev() {
            self.one_folder(folder, 0o755, ROOT).await?;
        }
        self.one_folder(path, mode, owner).await
    }

    async fn one_folder(&mut self, path: &Path, mode: u32, owner: u64) -> Result<()> {
        if path.as_os_str().is_empty() || !self.paths.insert(path.to_owned()) {
            return Ok(());
        }
        let mut header = header(mode, owner);
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        // With a slash at its end, as tar(1) writes them.
        Ok(self.archive.append_data(&mut header, path.join(""), &[][..]).await?)
    }

    /// Copies a file of this machine, unless there is one at that place; a link is followed.
    pub(super) async fn file(&mut self, from: &Path, to: &Path, mode: u32, owner: u64) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("failed to read `{}`", from.display()))?;
        if let Some(folder) = to.parent() {
            self.folder(folder, 0o755, ROOT).await?;
        }
        let to = to.strip_prefix("/").unwrap_or(to);
        if !self.paths.insert(to.to_owned()) {
            return Ok(());
        }
        let mut header = header(mode, owner);
        header.set_size(bytes.len() as u64);
        Ok(self.archive.append_data(&mut header, to, bytes.as_slice()).await?)
    }

    /// Copies programs or libraries to the places that they have here.
    pub(super) async fn programs(&mut self, paths: &[PathBuf]) -> Result<()> {
        for path in paths {
            self.file(path, path, 0o755, ROOT).await?;
        }
        Ok(())
    }

    /// Copies a folder with all that is in it. Everything there is this owner's, and closed to everybody else where
    /// `modes` says so: the one of folders and the one of files.
    pub(super) async fn tree(&mut self, from: &Path, to: &Path, modes: (u32, u32), owner: u64) -> Result<()> {
        self.folder(to, modes.0, owner).await?;
        let cannot = || format!("failed to list `{}`", from.display());
        let mut entries =
            fs::read_dir(from).with_context(cannot)?.collect::<Result<Vec<_>, _>>().with_context(cannot)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            // By what a link leads to. One that leads nowhere has nothing to copy.
            match fs::metadata(&from) {
                Ok(it) if it.is_dir() => Box::pin(self.tree(&from, &to, modes, owner)).await?,
                Ok(it) if it.is_file() => self.file(&from, &to, modes.1, owner).await?,
                Ok(_) => bail!("`{}` is neither a file nor a folder", from.display()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("failed to look at `{}`", from.display())),
            }
        }
        Ok(())
    }

    /// The archive.
    pub(super) async fn finish(self) -> Result<Vec<u8>> {
        Ok(self.archive.into_inner().await?)
    }
}

fn header(mode: u32, owner: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header
}
