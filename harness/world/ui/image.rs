//! An interface that somebody else wrote, as an image: a container of it beside the other servers of the world.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::program::Told;
use crate::backend::docker::Image;
use crate::backend::{Ending, Ground, Missing, Service, Serving};

/// How long it may take until it answers. One that is compiled when it starts takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts it with what it is told, and waits until it answers a request, whatever the answer. Its log lies in the folder.
pub(super) async fn start(image: &Image, told: &Told, ground: &Ground, folder: &Path) -> Result<Service> {
    let serving = |port| Serving {
        name: "ui",
        folder: folder.to_owned(),
        arguments: Vec::new(),
        environment: told.environment("0.0.0.0", port),
        sockets: None,
        health: ["/"; 2],
        ending: Ending::Killed,
    };
    ground.serve_foreign(image, PATIENCE, serving).await.map_err(|error| {
        let what = format!("the interface of the image `{image}` does not start: {error:#}\n ");
        let cure =
            "it must listen on 0.0.0.0 and the port PORT; run the image by hand with KRATOS_PUBLIC_URL and PORT set";
        Missing::new(what, cure).into()
    })
}
