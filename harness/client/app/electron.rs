//! Electron: an app of a folder, on a display of its own.

use serde_json::{Map, Value};

use super::{AppRun, Place};
use crate::backend::Launch;
use crate::browser::Display;
use crate::client::Jar;

/// The start of an app. What it is told it reads from variables that begin with `KRATOS_`.
pub(super) fn launch(place: &Place<'_>, run: &AppRun<'_>, display: &Display) -> Launch {
    let profile = place.folder.join("profile");
    let headers: Map<String, Value> =
        run.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    let mut launch = place
        .launch()
        .env("KRATOS_URL", run.kratos)
        .env("KRATOS_HEADERS", Value::Object(headers).to_string())
        // Its helpers leave the process group.
        .helpers_have(format!("--user-data-dir={}", profile.display()))
        .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors"])
        .args([format!("--proxy-server={}", place.proxy()), "--proxy-bypass-list=<-loopback>".to_owned()])
        .args([format!("--user-data-dir={}", profile.display())])
        .args([place.settings.source.join(run.name)]);
    for (name, value) in display.access().variables() {
        launch = launch.env(name, value);
    }
    for (name, value) in run.values {
        launch = launch.env(format!("KRATOS_{}", name.to_ascii_uppercase()), value);
    }
    match place.jar {
        Some(Jar::Kept) => launch.env("KRATOS_COOKIES", "include"),
        Some(Jar::None) => launch.env("KRATOS_COOKIES", "omit"),
        None => launch,
    }
}
