//! `setup --images`: local images of the servers that are built or installed here.

use anyhow::Result;
use tokio::sync::watch;

#[cfg(not(feature = "docker"))]
use super::backend::without_containers;
#[cfg(feature = "docker")]
use super::backend::{refuse_path, with_own};
#[cfg(feature = "docker")]
use super::place;
use crate::backend::cache::Cache;
#[cfg(feature = "docker")]
use crate::backend::docker::{self, Engine};
use crate::backend::estate::Estate;
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::kratos_binary::{KratosBinary, KratosChoice};
use crate::backend::postgres::Programs;
#[cfg(feature = "docker")]
use crate::backend::product::Product;
use crate::backend::progress::Progress;

/// The servers that are built or installed here.
#[derive(Debug)]
pub(super) struct Built<'a> {
    pub(super) every_kratos: Vec<(&'a KratosChoice, &'a KratosBinary)>,
    pub(super) hydra: &'a HydraBinary,
    pub(super) postgres: Option<&'a Programs>,
}

/// Makes the local images of these, and what they are started with. Nothing where it was stopped.
///
/// # Errors
/// [`Missing`](crate::backend::Missing) when there is no engine; [`WrongCall`](super::WrongCall) when Kratos is a binary of
/// the user's own.
#[cfg(feature = "docker")]
pub(super) async fn make(
    cache: &Cache,
    built: &Built<'_>,
    estate: &Estate,
    progress: &mut Progress,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<()>> {
    for (choice, _) in &built.every_kratos {
        refuse_path(choice)?;
    }
    let engine = Engine::find().await?;
    estate.note_engine()?;
    let made = tokio::select! {
        made = make_all(&engine, cache, built, progress) => made.map(Some),
        _ = stop.wait_for(|stop| *stop) => Ok(None),
    };
    // Whatever came of it, nothing of it stays.
    let closed = engine.close().await.inspect(|()| estate.clear_engine());
    let made = made?;
    closed?;
    Ok(made)
}

#[cfg(feature = "docker")]
async fn make_all(engine: &Engine, cache: &Cache, built: &Built<'_>, progress: &mut Progress) -> Result<()> {
    let engine = with_own(engine.clone(), progress).await?;
    let Built { every_kratos, hydra, postgres } = built;
    let every_kratos = every_kratos.iter();
    let mut servers: Vec<_> =
        every_kratos.map(|(choice, kratos)| (Product::Kratos, &kratos.program, choice.to_string())).collect();
    servers.push((Product::Hydra, &hydra.program, hydra.version.to_string()));
    for (product, program, version) in servers {
        let image = docker::make_image(&engine, product, &version, program, progress).await?;
        match product {
            Product::Kratos => docker::kratos(&engine, cache, &image, progress).await.map(|_| ())?,
            Product::Hydra => docker::hydra(&engine, cache, &image, progress).await.map(|_| ())?,
        }
        place::say(&format!("the image of {product} {version} is ready: {image}"));
    }
    if let Some(programs) = postgres {
        let image = docker::make_postgres_image(&engine, programs, progress).await?;
        place::say(&format!("the image of Postgres {} is ready: {image}", programs.version()));
    }
    Ok(())
}

/// The same where there are no containers.
#[cfg(not(feature = "docker"))]
pub(super) async fn make(
    _: &Cache,
    built: &Built<'_>,
    _: &Estate,
    _: &mut Progress,
    _: &mut watch::Receiver<bool>,
) -> Result<Option<()>> {
    let _ = (&built.every_kratos, built.hydra, built.postgres);
    Err(without_containers().into())
}
