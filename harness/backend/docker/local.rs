//! Images that are made here: of the servers that this project has built, and of the harness itself for its own servers.
//! There is nothing in them but the one program with its libraries, and a place for temporary files. The programs of
//! others are so started where no registry can be reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use futures_util::StreamExt;
use hyper::body::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};
use testcontainers::bollard::body_full;
use testcontainers::bollard::query_parameters::{ImportImageOptionsBuilder, RemoveImageOptions};
use tokio::process::Command;
use tokio_tar::{Builder, Header};

use super::engine::{Engine, words};
use super::image::{CONTENT, Image, local};
use super::layer::Layer;
use crate::backend::ground::Program;
use crate::backend::product::Product;
use crate::backend::progress::Progress;
use crate::backend::{child, template};

/// Changes with what is done here, so that an image of an older recipe is made anew.
const RECIPE: u32 = 3;

/// The program of the image of the harness.
const OWN: &str = "kratos-repro";

/// How long it may take to name a program's libraries; it takes 20 ms.
const LIBRARIES_LIMIT: Duration = Duration::from_secs(20);

/// An image that is to be made, but for its files.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Its name.
    pub(super) name: String,
    /// Its program, by the path there.
    pub(super) program: PathBuf,
    /// As whom the program runs, by number; root without it.
    pub(super) user: Option<u64>,
    /// What it is made of: another text for another content.
    pub(super) identity: String,
}

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
    let binary = program.binary()?;
    // The name of its entry in the cache says all that decides the content.
    let identity = binary.parent().and_then(Path::file_name).unwrap_or_default().display().to_string();
    let program = Path::new("/usr/bin").join(product.program());
    let recipe = Recipe { name: local(product, version), program, user: None, identity };
    make(engine, &recipe, async || files(binary, &recipe.program, &[]).await, progress).await
}

/// Makes the image of the harness from its program, unless that has been done; takes a second.
///
/// # Errors
/// When the program or one of its libraries cannot be read, or the engine does not take the image.
pub async fn make_own_image(engine: &Engine, program: &Path, progress: &mut Progress) -> Result<Image> {
    let libraries = libraries(program).await?;
    let mut identity = template::identify(program)?;
    for library in &libraries {
        identity.push_str(&template::identify(library)?);
    }
    let identity = format!("{:x}", Sha256::digest(identity));
    let name = format!("{OWN}/harness:{}-local", env!("CARGO_PKG_VERSION"));
    let recipe = Recipe { name, program: Path::new("/usr/bin").join(OWN), user: None, identity };
    make(engine, &recipe, async || files(program, &recipe.program, &libraries).await, progress).await
}

/// Makes an image, unless there is one of the same content. `pack` gives its one layer.
pub(super) async fn make(
    engine: &Engine,
    recipe: &Recipe,
    pack: impl AsyncFnOnce() -> Result<Vec<u8>>,
    progress: &mut Progress,
) -> Result<Image> {
    let name = recipe.name.as_str();
    let content = format!("{}-{RECIPE}", recipe.identity);
    let before = engine.look(name).await?;
    if let Some(image) = before.clone().filter(|image| image.content() == Some(&content)) {
        return Ok(image);
    }
    progress.begin(format!("making the image {name}"));
    let files = pack().await.context("failed to pack the image's files")?;
    let archive = archive(recipe, &content, files).await.context("failed to pack the image")?;
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let mut steps = std::pin::pin!(engine.api().import_image(options, body_full(archive), None));
    while let Some(step) = steps.next().await {
        step.map_err(|error| anyhow!("the engine does not take the image `{name}`: {}", words(&error)))?;
    }
    let image = engine.look(name).await?.filter(|image| image.content() == Some(&content));
    let image = image.with_context(|| format!("the engine took the image `{name}` and does not have it"))?;
    if let Some(before) = before {
        // It has no name any more. Another run may still use it, which is for the engine to know.
        let _ = engine.api().remove_image(before.id(), None::<RemoveImageOptions>, None).await;
    }
    progress.finish(format_args!("made the image {name}"));
    Ok(image)
}

/// The shared libraries of a program, the loader among them, as `ldd` names them: `name => path (address)`, or a path
/// alone. A static program has none.
pub(super) async fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let mut command = Command::new("ldd");
    command.arg(program);
    let answer = child::answer(&mut command, LIBRARIES_LIMIT).await.context("failed to run `ldd`")?;
    let paths: Vec<PathBuf> = answer
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect();
    let is_static = answer.stderr.contains("not a dynamic executable") || answer.stdout.contains("statically linked");
    ensure!(answer.status.success() || is_static, "`ldd {}` says: {}", program.display(), answer.stderr.trim());
    Ok(paths)
}

/// An image with one layer, as `docker load` takes it (Docker Image Specification v1.2, "Combined Image JSON + Filesystem
/// Changeset Format"). An import of the files alone would be less, but Podman 4.3 hears neither the tag nor the label.
async fn archive(recipe: &Recipe, content: &str, files: Vec<u8>) -> Result<Bytes> {
    let Recipe { name, program, user, .. } = recipe;
    let hash = ring::digest::digest(&ring::digest::SHA256, &files);
    let hash = hash.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": [program],
            "Labels": { CONTENT: content },
            "User": user.map_or_else(String::new, |user| format!("{user}:{user}")),
            // What is called by its name alone lies beside the program.
            "Env": [format!("PATH={}", program.parent().unwrap_or(program).display())],
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{hash}")] },
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
    let mut archive = Builder::new(Vec::with_capacity(files.len() + 8192));
    for (name, bytes) in [
        ("config.json", config.to_string().into_bytes()),
        ("manifest.json", manifest.to_string().into_bytes()),
        ("layer.tar", files),
    ] {
        let mut file = Header::new_gnu();
        file.set_size(bytes.len() as u64);
        file.set_mode(0o644);
        archive.append_data(&mut file, name, bytes.as_slice()).await?;
    }
    Ok(Bytes::from(archive.into_inner().await?))
}

/// The files of an image with one program: that, and its libraries where they are here.
async fn files(binary: &Path, program: &Path, libraries: &[PathBuf]) -> Result<Vec<u8>> {
    let mut layer = Layer::new().await?;
    layer.file(binary, program, 0o755, 0).await?;
    layer.programs(libraries).await?;
    layer.finish().await
}
