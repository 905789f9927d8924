//! The nginx of this machine, which stands in front of a world's servers where a case asks for it.

use std::path::PathBuf;

use super::Missing;

/// Where it lies: by its variable, on PATH or where Debian has it.
pub fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("KRATOS_REPRO_NGINX").filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let search = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&search).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("nginx")).find(|path| path.is_file())
}

/// What a machine without it lacks.
pub fn missing() -> Missing {
    Missing::new("nginx was not found on PATH", CURE)
}

/// How it comes to this machine.
pub(super) const CURE: &str = "run scripts/setup, or set KRATOS_REPRO_NGINX to the program";
