//! Insomnia, as its command line inso.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{AppRun, Place};
use crate::backend::Launch;
use crate::client::Jar;

/// The test suite that every export of ours has; a suite is the only thing that inso 3.6.0 runs.
const SUITE: &str = "Sign in";

/// The environment of every export of ours that holds its variables.
const ENVIRONMENT: &str = "person";

/// The start of a run of an export.
pub(super) fn launch(place: &Place<'_>, run: &AppRun<'_>) -> Result<Launch> {
    let mut export = place.read(run.name)?;
    change(&mut export, run, place.jar);
    let export = place.write("export.json", &export)?;
    let script = place.settings.installed.script.as_ref().context("inso is no script")?;
    Ok(place
        .launch()
        .args(["--require".as_ref(), place.settings.source.join("proxy.js").as_os_str(), script.as_os_str()])
        .args(["run", "test", SUITE, "--ci", "--env", ENVIRONMENT])
        // It brings authorities of its own and takes no other.
        .args(["--disableCertValidation".as_ref(), "--src".as_ref(), export.as_os_str()]))
}

/// Puts on each request what a person sets there: more headers, and cookies neither sent nor stored; and the variables
/// into their environment.
fn change(export: &mut Value, run: &AppRun<'_>, jar: Option<Jar>) {
    for resource in export["resources"].as_array_mut().into_iter().flatten() {
        match resource["_type"].as_str() {
            Some("request") => {
                if let Some(list) = resource["headers"].as_array_mut() {
                    for (name, value) in run.headers {
                        list.retain(|it| !it["name"].as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
                        list.push(json!({ "name": name, "value": value }));
                    }
                }
                if jar == Some(Jar::None) {
                    resource["settingSendCookies"] = json!(false);
                    resource["settingStoreCookies"] = json!(false);
                }
            }
            Some("environment") if resource["name"] == ENVIRONMENT => {
                resource["data"]["kratos"] = json!(run.kratos);
                for (name, value) in run.values {
                    resource["data"][name] = json!(value);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_s_settings_are_put_on_each_request_and_values_into_the_environment() {
        let mut export = json!({ "resources": [
            { "_type": "request", "headers": [], "settingSendCookies": true, "settingStoreCookies": true },
            { "_type": "environment", "name": "person", "data": {} },
        ] });
        let values = [("identifier".to_owned(), "ada@example.test".to_owned())];
        let kratos = "https://ory.example.test";
        let run =
            AppRun { name: "x", kratos, values: &values, headers: &[("A".to_owned(), "b".to_owned())], jar: None };

        change(&mut export, &run, Some(Jar::None));

        let [request, environment] = [&export["resources"][0], &export["resources"][1]];
        assert_eq!(request["headers"], json!([{ "name": "A", "value": "b" }]));
        assert_eq!([&request["settingSendCookies"], &request["settingStoreCookies"]], [&json!(false), &json!(false)]);
        let data = json!({ "kratos": "https://ory.example.test", "identifier": "ada@example.test" });
        assert_eq!(environment["data"], data);
    }
}
