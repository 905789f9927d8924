//! The fixture interface and the legacy system as programs in containers: what is laid into their folders, and what they
//! are told. They are the same servers as in the harness's own process, called as `kratos-repro ui` and `legacy`.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::start::make;
use super::ui::{UiTenant, UiWays};
use crate::backend::{Ending, Ground, Service, Serving, copy_files};
use crate::case::LegacySpec;

/// The folder of fixtures, in a program's folder.
const FIXTURES: &str = "fixtures";

/// The file of the certificate that the interface trusts, there.
const AUTHORITY: &str = "authority.pem";

/// What both programs are started from.
#[derive(Debug)]
pub(super) struct ContainedSettings<'a> {
    /// Where they run.
    pub(super) ground: &'a Ground,
    /// The folder `fixtures` of this machine.
    pub(super) fixtures: &'a Path,
    /// The world's folder.
    pub(super) folder: &'a Path,
}

impl ContainedSettings<'_> {
    /// Starts the interface and waits until it answers. `proxy` is the listener of the edge by which it asks Kratos, and
    /// `authority` the certificate that it trusts.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn ui(
        &self,
        tenants: &[UiTenant],
        ways: &UiWays,
        proxy: String,
        authority: &str,
    ) -> Result<Service> {
        let folder = self.lay_out("ui")?;
        let path = folder.join(AUTHORITY);
        fs::write(&path, authority).with_context(|| format!("failed to write `{}`", path.display()))?;
        let mut environment = self.environment(&folder);
        let several: Vec<String> =
            tenants.iter().filter_map(|it| Some(format!("{}={}", it.route.as_deref()?, it.asked_at))).collect();
        match tenants {
            [one] if several.is_empty() => {
                environment.push(("KRATOS_PUBLIC_URL", one.asked_at.as_str().into()));
                environment.push(("KRATOS_BROWSER_URL", one.kratos.as_str().into()));
            }
            _ => environment.push(("KRATOS_REPRO_TENANT", several.join(",").into())),
        }
        environment.extend([
            ("KRATOS_REPRO_TENANTS", word(&ways.tenants_by)?),
            ("KRATOS_REPRO_SUBMIT", word(&ways.submit)?),
            ("KRATOS_REPRO_GUARD", ways.guard.to_string().into()),
            ("KRATOS_REPRO_CREDENTIALS", word(&ways.credentials)?),
            ("KRATOS_REPRO_EXPIRED", word(&ways.expired)?),
            ("KRATOS_REPRO_PROXY", proxy.into()),
            ("KRATOS_REPRO_AUTHORITY", self.ground.inside(&folder).join(AUTHORITY).into()),
        ]);
        self.start("ui", folder, environment).await
    }

    /// Starts the legacy system and waits until it answers. `hydra` is the admin API of a Hydra, as it is reached there.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn legacy(&self, spec: &LegacySpec, hydra: Option<String>) -> Result<Service> {
        let folder = self.lay_out("legacy")?;
        let settings = serde_json::to_string(spec).context("failed to write the legacy system's settings as JSON")?;
        let mut environment = self.environment(&folder);
        environment.push(("KRATOS_REPRO_SETTINGS", settings.into()));
        environment.extend(hydra.map(|url| ("HYDRA_ADMIN_URL", url.into())));
        self.start("legacy", folder, environment).await
    }

    /// Makes the program's folder, with its pages in it.
    fn lay_out(&self, name: &str) -> Result<PathBuf> {
        let folder = make(self.folder, name)?;
        let fixtures = make(&folder, FIXTURES)?;
        copy_files(self.fixtures, &fixtures)?;
        copy_files(&self.fixtures.join(name), &make(&fixtures, name)?)?;
        Ok(folder)
    }

    fn environment(&self, folder: &Path) -> Vec<(&'static str, OsString)> {
        vec![
            ("HOST", IpAddr::from([0, 0, 0, 0]).to_string().into()),
            ("KRATOS_REPRO_FIXTURES", self.ground.inside(folder).join(FIXTURES).into()),
        ]
    }

    async fn start(
        &self,
        name: &'static str,
        folder: PathBuf,
        mut environment: Vec<(&'static str, OsString)>,
    ) -> Result<Service> {
        let serving = |port: u16| {
            environment.push(("PORT", port.to_string().into()));
            let arguments = vec![name.into()];
            Serving { name, folder, arguments, environment, sockets: None, health: ["/"; 2], ending: Ending::Asked }
        };
        self.ground.serve_own(serving).await.with_context(|| format!("`kratos-repro {name}` does not start"))
    }
}

/// The word of case files for a choice, as the command line takes it too.
fn word<T: Serialize>(choice: &T) -> Result<OsString> {
    let value = serde_json::to_value(choice).context("a choice has no word")?;
    Ok(value.as_str().context("a choice has no word")?.into())
}
