//! Postman, as its command line newman.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{AppRun, JarLife, Place};
use crate::backend::Launch;
use crate::client::Jar;

/// The start of a run of a collection.
pub(super) fn launch(place: &Place<'_>, run: &AppRun<'_>) -> Result<Launch> {
    let mut collection = place.read(run.name)?;
    change(&mut collection, run.headers, place.jar);
    let collection = place.write("collection.json", &collection)?;
    let environment = place.write("environment.json", &environment(run.kratos, run.values))?;
    let script = place.settings.installed.script.as_ref().context("newman is no script")?;
    let jar = place.settings.folder.join("cookies.json");
    let mut launch = place
        .launch()
        .args([script.as_os_str(), "run".as_ref(), collection.as_os_str(), "--environment".as_ref()])
        .args([environment.as_os_str(), "--ssl-extra-ca-certs".as_ref(), place.settings.authority.as_os_str()])
        // A redirect that is followed would be one more exchange than the collection names.
        .args(["--ignore-redirects", "--disable-unicode", "--color", "off"]);
    if place.settings.jar_life == JarLife::World {
        if jar.is_file() {
            launch = launch.args(["--cookie-jar".as_ref(), jar.as_os_str()]);
        }
        launch = launch.args(["--export-cookie-jar".as_ref(), jar.as_os_str()]);
    }
    Ok(launch)
}

/// Puts on each request what a person sets there: more headers, and `Disable cookie jar` among its settings.
fn change(collection: &mut Value, headers: &[(String, String)], jar: Option<Jar>) {
    for item in collection["item"].as_array_mut().into_iter().flatten() {
        if let Some(list) = item["request"]["header"].as_array_mut() {
            for (name, value) in headers {
                list.retain(|it| !it["key"].as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
                list.push(json!({ "key": name, "value": value }));
            }
        }
        if jar == Some(Jar::None) {
            item["protocolProfileBehavior"] = json!({ "disableCookies": true });
        }
    }
}

/// Values in a file of Postman's own format, so that no password shows in a list of processes.
fn environment(kratos: &str, values: &[(String, String)]) -> Value {
    let kratos = ("kratos".to_owned(), kratos.to_owned());
    let values =
        values.iter().chain([&kratos]).map(|(key, value)| json!({ "key": key, "value": value, "enabled": true }));
    json!({ "name": "world", "values": values.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_s_settings_are_put_on_each_request() {
        let request = || json!({ "request": { "header": [{ "key": "Accept", "value": "application/json" }] } });
        let mut collection = json!({ "item": [request(), request()] });

        change(&mut collection, &[("accept".to_owned(), "*/*".to_owned())], Some(Jar::None));

        for item in collection["item"].as_array().into_iter().flatten() {
            assert_eq!(item["request"]["header"], json!([{ "key": "accept", "value": "*/*" }]));
            assert_eq!(item["protocolProfileBehavior"]["disableCookies"], true);
        }
    }

    #[test]
    fn as_the_program_has_it_nothing_is_changed() {
        let mut collection = json!({ "item": [{ "request": { "header": [] } }] });
        let before = collection.clone();

        change(&mut collection, &[], None);

        assert_eq!(collection, before);
    }
}
