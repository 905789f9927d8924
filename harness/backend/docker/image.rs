//! Images: which one a server is started from, and whether it is there. None is ever pulled.

use std::fmt;

use anyhow::Result;
use testcontainers::bollard::errors::Error;

use super::engine::{Engine, words};
use crate::backend::Missing;
use crate::backend::product::Product;

/// An image that is in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    name: String,
    id: String,
    content: Option<String>,
}

/// The images that were named in place of the usual ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageChoice {
    /// The image of Kratos.
    pub kratos: Option<String>,
    /// The image of Hydra.
    pub hydra: Option<String>,
    /// The image of Postgres.
    pub postgres: Option<String>,
}

/// The official image of Postgres, in the version that Debian 12 has too.
const OFFICIAL_POSTGRES: &str = "postgres:15";

/// The image that this project makes of the Postgres that is installed.
pub(super) const LOCAL_POSTGRES: &str = "kratos-repro/postgres:local";

/// The label of a local image: what it was made of.
pub(super) const CONTENT: &str = "kratos-repro.content";

impl Image {
    /// The name by which it was found, such as `oryd/kratos:v1.3.1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The beginning of its id, as `docker images` shows it.
    #[must_use]
    pub fn short_id(&self) -> &str {
        let hash = self.id.rsplit(':').next().unwrap_or(&self.id);
        hash.get(..12).unwrap_or(hash)
    }

    /// What it is known by: another text for another content.
    pub(super) fn key(&self) -> &str {
        let hash = self.id.rsplit(':').next().unwrap_or(&self.id);
        hash.get(..16).unwrap_or(hash)
    }

    /// What it was made of, if it was made here.
    pub(super) fn content(&self) -> Option<&str> {
        self.content.as_deref()
    }

    /// Its name in two parts, as testcontainers takes it; put together by a colon they are the name again.
    pub(super) fn name_and_tag(&self) -> (&str, &str) {
        // A colon before a slash is that of a registry's port.
        match self.name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (&self.name, "latest"),
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The official image of a version.
fn official(product: Product, version: &str) -> String {
    format!("oryd/{}:{version}", product.program())
}

/// The image that this project makes itself of a version that it has built. Nobody can take it for the official one.
pub(super) fn local(product: Product, version: &str) -> String {
    format!("kratos-repro/{}:{version}-local", product.program())
}

impl Engine {
    /// Looks for an image by its name.
    ///
    /// # Errors
    /// When the engine does not say whether it is there.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Image>> {
        match self.api().inspect_image(name).await {
            Ok(seen) => {
                let label =
                    |config: Option<testcontainers::bollard::models::ImageConfig>| config?.labels?.remove(CONTENT);
                let content = label(seen.config);
                Ok(Some(Image { name: name.to_owned(), id: seen.id.unwrap_or_default(), content }))
            }
            // 400: what was asked for is no name of an image.
            Err(Error::DockerResponseServerError { status_code: 400 | 404, .. }) => Ok(None),
            Err(error) => anyhow::bail!("failed to look for the image `{name}`: {}", words(&error)),
        }
    }

    /// The image of a server: the one that was named, else the official one of the version, else the local one.
    ///
    /// # Errors
    /// [`Missing`] when it is not in the engine; how it comes there is said.
    pub async fn image(&self, product: Product, version: &str, named: Option<&str>) -> Result<Image> {
        match named {
            Some(name) => self.named(name).await,
            None => self.either(&official(product, version), &local(product, version), "setup --images").await,
        }
    }

    /// The image of Postgres: the one that was named, else the official one, else the local one.
    ///
    /// # Errors
    /// [`Missing`] when it is not in the engine; how it comes there is said.
    pub async fn postgres_image(&self, named: Option<&str>) -> Result<Image> {
        match named {
            Some(name) => self.named(name).await,
            None => self.either(OFFICIAL_POSTGRES, LOCAL_POSTGRES, "setup --images --postgres").await,
        }
    }

    /// The image of this name.
    ///
    /// # Errors
    /// [`Missing`] when it is not in the engine.
    pub async fn named(&self, name: &str) -> Result<Image> {
        let cure = format!("`docker pull {name}`, if it is in a registry");
        let image = self.look(name).await?;
        Ok(image.ok_or_else(|| Missing::new(format!("the image `{name}` is not in the engine"), cure))?)
    }

    /// The official image, else the local one, which a call of this program makes.
    async fn either(&self, official: &str, local: &str, call: &str) -> Result<Image> {
        for name in [official, local] {
            if let Some(image) = self.look(name).await? {
                return Ok(image);
            }
        }
        let what = format!("neither the image `{official}` nor `{local}` is in the engine");
        let cure = format!("`docker pull {official}`, or `kratos-repro {call}` makes the other one");
        Err(Missing::new(what, cure).into())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::official("oryd/kratos:v1.3.1", ("oryd/kratos", "v1.3.1"))]
    #[case::latest("kratos", ("kratos", "latest"))]
    #[case::port_of_a_registry("localhost:5000/kratos", ("localhost:5000/kratos", "latest"))]
    #[case::digest("oryd/kratos@sha256:0123", ("oryd/kratos@sha256", "0123"))]
    fn a_name_has_two_parts(#[case] name: &str, #[case] parts: (&str, &str)) {
        let image = Image { name: name.to_owned(), id: String::new(), content: None };

        assert_eq!(image.name_and_tag(), parts);
    }

    #[test]
    fn an_image_of_ours_has_no_official_name() {
        assert_eq!(official(Product::Kratos, "v1.3.1"), "oryd/kratos:v1.3.1");
        assert_eq!(local(Product::Kratos, "v1.3.1"), "kratos-repro/kratos:v1.3.1-local");
    }
}
