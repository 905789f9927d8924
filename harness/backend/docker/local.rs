//! Images of the servers that this project has built: nothing in them but the one static binary and a place for
//! temporary files. They are made where no registry can be reached.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::StreamExt;
use hyper::body::Bytes;
use testcontainers::bollard::body_full;
use testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;
use tokio_tar::{Builder, EntryType, Header};

use super::engine::{Engine, words};
use super::image::{CONTENT, Image, local};
use crate::backend::ground::Program;
use crate::backend::product::Product;
use crate::backend::progress::Progress;

/// Changes with what is done here, so that an image of an older recipe is made anew.
const RECIPE: u32 = 1;

/// Makes the local image of a server from the static binary that was built of it, unless that has been done.
///
/// # Errors
/// When the binary cannot be read, or the engine does not take the image.
pub async fn make_image(
    engine: &Engine,
    product: Product,
    version: &str,
    program: &Program,
    progress: &mut Progress,
) -> Result<Image> {
    let name = local(product, version);
    let Program::Binary(binary) = program else { bail!("`{program}` is an image already") };
    // The name of its entry in the cache says all that decides the content.
    let identity = binary.parent().and_then(Path::file_name).unwrap_or_default();
    let content = format!("{}-{RECIPE}", identity.display());
    if let Some(image) = engine.look(&name).await?.filter(|image| image.content() == Some(&content)) {
        return Ok(image);
    }
    progress.begin(format!("making the image {name}"));
    let inside = format!("usr/bin/{}", product.program());
    let archive = archive(binary, &inside).await.context("failed to pack the image")?;
    let (repository, tag) = name.rsplit_once(':').context("the image's name has no tag")?;
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(repository)
        .tag(tag)
        .changes(vec![format!("ENTRYPOINT [\"/{inside}\"]"), format!("LABEL {CONTENT}={content}")])
        .build();
    let mut steps = std::pin::pin!(engine.api().create_image(Some(options), Some(body_full(archive)), None));
    while let Some(step) = steps.next().await {
        step.map_err(|error| anyhow!("the engine does not take the image `{name}`: {}", words(&error)))?;
    }
    let image = engine.look(&name).await?.filter(|image| image.content() == Some(&content));
    let image = image.with_context(|| format!("the engine took the image `{name}` and does not have it"))?;
    progress.finish(format_args!("made the image {name}"));
    Ok(image)
}

/// A root file system: the program, and `/tmp`, where SQLite may want to write.
async fn archive(binary: &Path, program: &str) -> Result<Bytes> {
    let bytes = tokio::fs::read(binary).await.with_context(|| format!("failed to read `{}`", binary.display()))?;
    let mut archive = Builder::new(Vec::with_capacity(bytes.len() + 4096));
    let mut folder = Header::new_gnu();
    folder.set_entry_type(EntryType::Directory);
    folder.set_mode(0o1777);
    archive.append_data(&mut folder, "tmp/", &[][..]).await?;
    let mut file = Header::new_gnu();
    file.set_size(bytes.len() as u64);
    file.set_mode(0o755);
    archive.append_data(&mut file, program, bytes.as_slice()).await?;
    Ok(Bytes::from(archive.into_inner().await?))
}
