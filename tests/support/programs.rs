//! The programs that the tests run on.

use std::path::PathBuf;

use anyhow::Result;
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::progress::Progress;

use super::trials;

/// The Kratos, as a file.
pub(crate) fn kratos() -> Result<PathBuf> {
    let (cache, fixtures, choice) = (Cache::open()?, trials::fixtures(), KratosChoice::default());
    let mut progress = Progress::silent();
    let found = KratosBinary::find(&cache, &fixtures, &choice, &mut progress);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(PathBuf::from(runtime.block_on(found)?.program.to_string()))
}
