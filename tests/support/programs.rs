//! The programs that the tests run on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::Result;
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::progress::Progress;

use super::{Sandbox, trials};

/// The Kratos, as a file.
pub(crate) fn kratos() -> Result<PathBuf> {
    let (cache, fixtures, choice) = (Cache::open()?, trials::fixtures(), KratosChoice::default());
    let mut progress = Progress::silent();
    let found = KratosBinary::find(&cache, &fixtures, &choice, &mut progress);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(PathBuf::from(runtime.block_on(found)?.program.to_string()))
}

/// A Kratos as it is, but that something comes before its start.
pub(crate) fn kratos_after(sandbox: &Sandbox, first: &str) -> Result<String> {
    let script =
        format!("#!/bin/sh\nif [ \"$1\" = serve ]; then\n{first}\nfi\nexec '{}' \"$@\"\n", kratos()?.display());
    let wrapper = sandbox.path("bin/kratos");
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    Ok(wrapper.display().to_string())
}
