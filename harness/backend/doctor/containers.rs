//! What is needed to start servers in containers.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Finding, Need, State, unfit};
use crate::backend::docker::{Engine, Image, ImageChoice};
use crate::backend::hydra_binary;
use crate::backend::kratos_binary::KratosChoice;
use crate::backend::missing::Missing;
use crate::backend::product::Product;

/// Looks for the engine and the images.
pub(super) async fn examine(fixtures: &Path, kratos: &KratosChoice, images: &ImageChoice) -> Vec<Finding> {
    let engine = Engine::find().await;
    let found = match &engine {
        Ok(engine) => State::found(engine.version().to_owned(), Some(PathBuf::from(engine.place()))),
        Err(missing) => State::missing(missing.to_string()),
    };
    let hydra = hydra_binary::version(fixtures).unwrap_or_default();
    let of_kratos = look(&engine, Product::Kratos, &kratos.to_string(), images.kratos.as_deref()).await;
    let of_hydra = look(&engine, Product::Hydra, &hydra, images.hydra.as_deref()).await;
    let of_postgres = match &engine {
        Ok(engine) => state(engine.postgres_image(images.postgres.as_deref()).await),
        Err(_) => no_engine(),
    };
    let finding = |name, state| Finding { name, state, needed_for: "`--backend docker`", need: Need::Partly };
    vec![
        finding("engine", found),
        finding("image of Kratos", of_kratos),
        finding("image of Hydra", of_hydra),
        Finding { needed_for: "`--backend docker --db postgres`", ..finding("image of Postgres", of_postgres) },
    ]
}

async fn look(engine: &Result<Engine, Missing>, product: Product, version: &str, named: Option<&str>) -> State {
    let Ok(engine) = engine else { return no_engine() };
    state(engine.image(product, version, named).await)
}

fn no_engine() -> State {
    State::missing("start the engine first")
}

fn state(found: Result<Image>) -> State {
    match found {
        Ok(image) => State::found(image.short_id().to_owned(), Some(PathBuf::from(image.name()))),
        Err(error) => unfit(&error),
    }
}
