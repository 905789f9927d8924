//! The fingerprint of the fixtures: results that two machines bring together must be of the same cases.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

/// A hash of every file below `fixtures`, names and contents; 16 hexadecimal digits.
///
/// # Errors
/// When a file cannot be read.
pub fn fingerprint(fixtures: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(fixtures, &mut files)?;
    files.sort();
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        // With its length before each part, no two lists of parts have the same hash.
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for path in files {
        add(path.strip_prefix(fixtures).unwrap_or(&path).as_os_str().as_encoded_bytes());
        add(&fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?);
    }
    Ok(format!("{:x}", hash.finalize())[..16].to_owned())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list `{}`", folder.display()))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_letter_changes_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("cases"))?;
        fs::write(folder.path().join("cases/a.yaml"), "title: a")?;
        let first = fingerprint(folder.path())?;

        assert_eq!(fingerprint(folder.path())?, first);
        fs::rename(folder.path().join("cases/a.yaml"), folder.path().join("cases/b.yaml"))?;
        let renamed = fingerprint(folder.path())?;
        fs::write(folder.path().join("cases/b.yaml"), "title: b")?;
        let changed = fingerprint(folder.path())?;

        assert!(first != renamed && renamed != changed && changed != first, "{first} {renamed} {changed}");
        Ok(())
    }
}
