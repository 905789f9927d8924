//! What an image is started with: its version, as it says itself, and a database that it has migrated. Both are asked of
//! it once, and lie in the cache by the image's content.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::engine::Engine;
use super::image::Image;
use super::task::{self, Task};
use crate::backend::cache::Cache;
use crate::backend::child::last_lines;
use crate::backend::claim::Claim;
use crate::backend::ground::{Backend, Program};
use crate::backend::hydra_binary::{HydraBinary, SYSTEM_SECRET};
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::product::Product;
use crate::backend::progress::Progress;
use crate::backend::version::{UnfitServer, Version};
use crate::backend::{hydra_keys, template};

/// How long the program may take to tell its version. A Kratos takes about 0.5 s with its container, on a busy machine
/// many times that.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// How long a migration may take; it takes 3 s on an idle machine.
const MIGRATION_LIMIT: Duration = Duration::from_secs(180);

/// The file of an entry that has the version.
const VERSION: &str = "version";

/// Makes the Kratos of an image ready.
///
/// # Errors
/// [`UnfitServer`] if the image is of another program.
pub async fn kratos(engine: &Engine, cache: &Cache, image: &Image, progress: &mut Progress) -> Result<KratosBinary> {
    let (version, template) = prepare(engine, cache, Product::Kratos, image, progress).await?;
    Ok(KratosBinary { program: Program::Image(image.clone()), version, template })
}

/// Makes the Hydra of an image ready.
///
/// # Errors
/// [`UnfitServer`] if the image is of another program.
pub async fn hydra(engine: &Engine, cache: &Cache, image: &Image, progress: &mut Progress) -> Result<HydraBinary> {
    let (version, template) = prepare(engine, cache, Product::Hydra, image, progress).await?;
    Ok(HydraBinary { program: Program::Image(image.clone()), version, template })
}

async fn prepare(
    engine: &Engine,
    cache: &Cache,
    product: Product,
    image: &Image,
    progress: &mut Progress,
) -> Result<(Version, PathBuf)> {
    let database = format!("{}.sqlite", product.program());
    let entry = match cache.claim(&format!("image-{}-{}", product.program(), image.key()), progress).await? {
        Claim::Ready(entry) => entry,
        Claim::Unfinished(unfinished) => {
            let version = ask(engine, product, image).await?;
            progress.begin(format!("migrating an empty database, once for the image {image}"));
            let path = unfinished.folder().join(&database);
            migrate(engine, product, image, &database, unfinished.folder()).await?;
            template::check(unfinished.folder(), &database)?;
            if product == Product::Hydra {
                progress.begin("making its signing keys");
                let ground = Backend::Docker(Box::new(engine.clone())).ground().await?;
                let made = hydra_keys::make(&ground, &Program::Image(image.clone()), &path, SYSTEM_SECRET).await;
                ground.close().await?;
                made?;
            }
            let file = unfinished.folder().join(VERSION);
            fs::write(&file, version).with_context(|| format!("failed to write `{}`", file.display()))?;
            let entry = unfinished.finish()?;
            progress.finish(format_args!("migrated an empty database for the image {image}"));
            entry
        }
    };
    let file = entry.join(VERSION);
    let version = fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))?;
    Ok((Version::read(&version), entry.join(database)))
}

/// What the program says to the question for its version, once it is sure which program it is.
async fn ask(engine: &Engine, product: Product, image: &Image) -> Result<String> {
    let refuse = |reason: String| UnfitServer::new(product, image, reason);
    let run = async |arguments: &[&str]| {
        let done = task::run(engine, Task::new(image, arguments, VERSION_LIMIT)).await;
        let command = arguments.join(" ");
        let done = done.map_err(|error| refuse(format!("`{command}`: {error:#}")))?;
        done.container.close().await?;
        if !done.exit.is_success() {
            let said = last_lines(&done.said, 1);
            return Err(refuse(format!("`{command}` ended with {}: {said}", done.exit)).into());
        }
        anyhow::Ok(done.said)
    };
    // Other programs have a `version` too, Hydra among them; only the help names the program.
    let help = run(&["version", "--help"]).await?;
    if !help.contains(&format!("{} version", product.program())) {
        return Err(refuse(format!("its `version --help` does not name {product}")).into());
    }
    run(&["version"]).await
}

async fn migrate(
    engine: &Engine,
    product: Product,
    image: &Image,
    database: &str,
    folder: &std::path::Path,
) -> Result<()> {
    let source = format!("sqlite://{database}?_fk=true&mode=rwc");
    let task = Task {
        environment: &[("DSN", &source)],
        folder: Some(folder),
        ..Task::new(image, &["migrate", "sql", "-e", "--yes"], MIGRATION_LIMIT)
    };
    let done = task::run(engine, task).await;
    let done = done.with_context(|| format!("cannot run `migrate sql` of the image `{image}`"))?;
    if !done.exit.is_success() {
        done.container.close().await?;
        let said = last_lines(&done.said, 3);
        anyhow::bail!("`migrate sql` of {product} in the image `{image}` ended with {}:\n{said}", done.exit);
    }
    done.container.take(database, &folder.join(database)).await?;
    done.container.close().await
}
