//! The local image of Postgres, made of Debian's programs as they are installed here: the server with what it loads,
//! `psql`, and data that was initialised on this machine, so that there is nothing to run in it but the server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::engine::Engine;
use super::image::{Image, LOCAL_POSTGRES};
use super::layer::Layer;
use super::local::{self, Recipe, libraries};
use super::postgres::{DATA, SOCKETS};
use crate::backend::Missing;
use crate::backend::postgres::{Programs, initialised};
use crate::backend::progress::Progress;
use crate::backend::template::identify;

/// As whom the server runs in the container; Postgres refuses to run as root. The number is that of the official image.
const USER: u64 = 999;

/// The compiler of queries, which brings 100 MB of libraries; the server does without it.
const COMPILER: &str = "llvmjit";

/// Makes the local image of Postgres, unless that has been done; takes 3 s.
///
/// # Errors
/// [`Missing`] when the programs do not lie as Debian's do; when they cannot be read, do not make the first data, or the
/// engine does not take the image.
pub async fn make_postgres_image(engine: &Engine, programs: &Programs, progress: &mut Progress) -> Result<Image> {
    let binaries = ["postgres", "psql"].map(|name| programs.folder().join(name));
    let recipe = Recipe {
        name: LOCAL_POSTGRES.to_owned(),
        program: binaries[0].clone(),
        user: Some(USER),
        identity: format!("{} {}", programs.version(), identify(&binaries[0])?),
    };
    local::make(engine, &recipe, async || pack(programs, &binaries).await, progress).await
}

async fn pack(programs: &Programs, binaries: &[PathBuf]) -> Result<Vec<u8>> {
    let (loaded, shared) = folders(programs.folder())?;
    let mut layer = Layer::new().await?;
    layer.programs(binaries).await?;
    for binary in binaries {
        layer.programs(&libraries(binary).await?).await?;
    }
    layer.programs(&modules(&loaded)?).await?;
    layer.tree(&shared, &shared, (0o755, 0o644), 0).await?;
    layer.folder(Path::new(SOCKETS), 0o3775, USER).await?;
    let data = initialised(programs).await?;
    layer.tree(&data.path().join("data"), Path::new(DATA), (0o700, 0o600), USER).await?;
    layer.finish().await
}

/// Where Debian keeps the modules and the shared files of the programs in `/usr/lib/postgresql/15/bin`. The server finds
/// them by the paths that it was built with.
fn folders(programs: &Path) -> Result<(PathBuf, PathBuf)> {
    let major = programs.parent().and_then(Path::file_name).unwrap_or_default();
    let modules = programs.with_file_name("lib");
    let shared = Path::new("/usr/share/postgresql").join(major);
    if !modules.is_dir() || !shared.join("timezonesets").is_dir() {
        let what = format!("the Postgres in `{}` does not lie as Debian's does", programs.display());
        bail!(Missing::new(
            what,
            "`scripts/setup --postgres` installs Debian's, or name an image by `--image-postgres`"
        ));
    }
    Ok((modules, shared))
}

/// What the server loads by name: the extensions and conversions.
fn modules(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?;
    let mut modules: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    modules.retain(|path| path.extension().is_some_and(|it| it == "so"));
    modules.retain(|path| path.file_stem().is_some_and(|name| name != COMPILER));
    modules.sort();
    Ok(modules)
}
