//! What differs between the versions of Kratos: `fixtures/servers/differences.yaml`. Which features a version has, and
//! which keys of a configuration it refuses or demands.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::error::CaseError;
use super::range::Range;
use super::read;
use crate::backend::version::Version;

/// The table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// Releases of Kratos. A range that none of them is in is a slip.
    releases: Vec<String>,
    features: Vec<Feature>,
    /// Keys of the configuration.
    keys: Vec<Key>,
    /// Keys below `ory.sh/kratos` in an identity schema.
    schema_keys: Vec<Key>,
    /// Keys of the configuration without which a version does not start.
    demanded: Vec<Demand>,
}

/// Something that a case can need, and that not every version has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// The word in `needs`.
    pub name: String,
    /// The versions that have it.
    pub versions: Range,
    /// What it is, as a noun.
    pub means: String,
    /// Where that is known from.
    pub source: String,
}

/// A key that a version refuses to read unless it is in a range.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    /// In dots. A list on the way has no index: what holds for one item holds for all.
    key: String,
    /// The feature that it is for; a version has both or neither.
    #[serde(default)]
    feature: Option<String>,
    /// Where it is for no feature: the versions that know it ...
    #[serde(default)]
    versions: Option<Range>,
    /// ... and why nothing is lost without it.
    #[serde(default)]
    harmless: Option<String>,
}

/// A key that some versions demand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Demand {
    key: String,
    versions: Range,
    value: Value,
    harmless: String,
}

impl Differences {
    /// Reads the table of a folder of fixtures.
    ///
    /// # Errors
    /// When it cannot be read, is not of this form, or names a feature that it does not have.
    pub fn read(fixtures: &Path) -> Result<Self, CaseError> {
        let path = fixtures.join("servers/differences.yaml");
        let table: Self = read::yaml(&path, &read::text(&path)?)?;
        for key in table.keys.iter().chain(&table.schema_keys) {
            let clear = match (&key.feature, &key.versions, &key.harmless) {
                (Some(feature), None, None) => table.feature(feature).is_some(),
                (None, Some(_), Some(_)) => true,
                _ => false,
            };
            if !clear {
                let message = format!("`{}` needs either a known `feature`, or `versions` and `harmless`", key.key);
                return Err(CaseError::whole(&path, message));
            }
        }
        Ok(table)
    }

    /// A feature by its name.
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == name)
    }

    /// The names of all features.
    pub fn feature_names(&self) -> Vec<&str> {
        self.features.iter().map(|feature| feature.name.as_str()).collect()
    }

    /// Whether one of the releases that are known is in a range.
    pub fn has_release_in(&self, range: &Range) -> bool {
        self.releases.iter().filter_map(|text| Version::parse(text)).any(|version| range.contains(&version))
    }

    /// The features that a configuration asks for by one of its keys.
    pub fn features_of(&self, config: &Value) -> Vec<&str> {
        let keys = self.keys.iter().filter(|key| holds(config, &key.key));
        keys.filter_map(|key| key.feature.as_deref()).collect()
    }

    /// Fits a whole configuration to a version: what it refuses is left out, what it demands is put in. Says a line of
    /// each.
    pub fn fit(&self, config: &mut Value, version: &Version) -> Vec<String> {
        let mut said = self.leave_out(&self.keys, config, version, "");
        for demand in self.demanded.iter().filter(|demand| demand.versions.contains(version)) {
            if !holds(config, &demand.key) {
                put(config, &demand.key, &demand.value);
                said.push(format!("put in: `{}`: {}", demand.key, demand.harmless));
            }
        }
        said
    }

    /// The same for an identity schema.
    pub fn fit_schema(&self, schema: &mut Value, version: &Version) -> Vec<String> {
        let mut said = Vec::new();
        match schema {
            Value::Object(map) => {
                for (name, value) in map {
                    if name == "ory.sh/kratos" {
                        said.extend(self.leave_out(&self.schema_keys, value, version, " of the identity schema"));
                    } else {
                        said.extend(self.fit_schema(value, version));
                    }
                }
            }
            Value::Array(list) => said.extend(list.iter_mut().flat_map(|value| self.fit_schema(value, version))),
            _ => {}
        }
        said.dedup();
        said
    }

    fn leave_out(&self, keys: &[Key], config: &mut Value, version: &Version, of: &str) -> Vec<String> {
        let mut said = Vec::new();
        for key in keys {
            let feature = key.feature.as_deref().and_then(|name| self.feature(name));
            let versions = feature.map(|feature| &feature.versions).or(key.versions.as_ref());
            if versions.is_some_and(|versions| versions.contains(version)) || !remove(config, &key.key) {
                continue;
            }
            let why = match (feature, &key.harmless) {
                (Some(feature), _) => format!("{version} has no `{}`", feature.name),
                (None, why) => why.clone().unwrap_or_default(),
            };
            said.push(format!("left out: `{}`{of}: {why}", key.key));
        }
        said
    }
}

/// What is left of a key in dots below the key `name`: nothing where it leads elsewhere. A configuration may write
/// several keys as one, `serve.admin.port: 1` (koanf, which reads it, splits them).
fn below<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    let rest = key.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

fn holds(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(map) => {
            map.iter().any(|(name, value)| below(key, name).is_some_and(|rest| rest.is_empty() || holds(value, rest)))
        }
        Value::Array(list) => list.iter().any(|value| holds(value, key)),
        _ => false,
    }
}

/// Takes a key out, wherever it stands, and says whether it was there.
fn remove(value: &mut Value, key: &str) -> bool {
    match value {
        Value::Object(map) => {
            let before = map.len();
            map.retain(|name, _| below(key, name).is_none_or(|rest| !rest.is_empty()));
            let taken = before != map.len();
            let deeper = map.iter_mut().filter_map(|(name, value)| Some((value, below(key, name)?)));
            // Every one is looked at, also after one was found.
            deeper.filter_map(|(value, rest)| remove(value, rest).then_some(())).count() > 0 || taken
        }
        Value::Array(list) => list.iter_mut().filter_map(|value| remove(value, key).then_some(())).count() > 0,
        _ => false,
    }
}

/// Puts a value where a key in dots leads.
fn put(config: &mut Value, key: &str, value: &Value) {
    let patch = key.rsplit('.').fold(value.clone(), |value, name| serde_json::json!({ name: value }));
    super::merge(config, &patch);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn table() -> Differences {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        Differences::read(&fixtures).expect("the table is one")
    }

    fn version(text: &str) -> Version {
        text.parse().expect("every text is a version")
    }

    fn config() -> Value {
        json!({
            "courier": { "delivery_strategy": "http", "http": { "request_config": { "url": "http://127.0.0.1:1/" } } },
            "selfservice": {
                "methods": { "code": { "enabled": true, "passwordless_enabled": true } },
                "flows": { "recovery": { "enabled": true, "use": "code" } },
            },
        })
    }

    #[test]
    fn what_the_cases_are_written_for_is_fitted_nowhere() {
        let mut fitted = config();

        assert_eq!(table().fit(&mut fitted, &version("v1.3.1")), [""; 0]);
        assert_eq!(fitted, config());
        assert_eq!(table().fit(&mut fitted, &version("master")), [""; 0]);
    }

    #[test]
    fn a_key_that_a_version_refuses_is_left_out_and_named() {
        let mut fitted = config();

        let said = table().fit(&mut fitted, &version("v1.0.0"));

        assert_eq!(fitted["selfservice"]["methods"]["code"], json!({ "enabled": true }));
        assert_eq!(fitted["selfservice"]["flows"], config()["selfservice"]["flows"]);
        let key = "`selfservice.methods.code.passwordless_enabled`";
        assert!(said.iter().any(|line| line.starts_with("left out: ") && line.contains(key)), "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("put in: `courier.smtp.connection_uri`")), "{said:?}");
    }

    #[test]
    fn with_a_key_goes_what_is_below_it() {
        let mut fitted = config();

        table().fit(&mut fitted, &version("v0.10.1"));

        assert_eq!(fitted["selfservice"], json!({ "methods": {}, "flows": { "recovery": { "enabled": true } } }));
        assert_eq!(fitted["courier"].as_object().map(|it| it.keys().cloned().collect()), Some(vec!["smtp".to_owned()]));
    }

    #[rstest]
    #[case::in_dots(json!({ "a.b": { "c": 1, "d": 2 } }), json!({ "a.b": { "d": 2 } }))]
    #[case::all_in_dots(json!({ "a.b.c": 1, "a.b.cd": 2 }), json!({ "a.b.cd": 2 }))]
    #[case::in_a_list(json!({ "a": { "b": [{ "c": 1 }, { "d": 2 }] } }), json!({ "a": { "b": [{}, { "d": 2 }] } }))]
    #[case::twice(json!({ "a": { "b.c": 1 }, "a.b": { "c": 2 } }), json!({ "a": {}, "a.b": {} }))]
    fn a_key_is_found_however_it_is_written(#[case] mut config: Value, #[case] without: Value) {
        assert!(holds(&config, "a.b.c"));
        assert!(remove(&mut config, "a.b.c"));
        assert_eq!(config, without);
        assert!(!holds(&config, "a.b.c") && !remove(&mut config, "a.b.c"));
    }

    #[test]
    fn a_schema_is_fitted_at_every_trait() {
        let kratos = json!({ "credentials": { "password": { "identifier": true }, "code": { "via": "email" } } });
        let mut schema =
            json!({ "properties": { "a": { "ory.sh/kratos": kratos }, "b": [{ "ory.sh/kratos": kratos }] } });

        let said = table().fit_schema(&mut schema, &version("v1.0.0"));

        let left = json!({ "credentials": { "password": { "identifier": true } } });
        assert_eq!(
            schema,
            json!({ "properties": { "a": { "ory.sh/kratos": left }, "b": [{ "ory.sh/kratos": left }] } })
        );
        assert_eq!(said.len(), 1, "{said:?}");
    }

    #[test]
    fn a_configuration_asks_for_features_by_its_keys() {
        let table = table();
        let asked = json!({ "selfservice": { "methods": { "password": { "config": { "migrate_hook": null } } } } });

        assert_eq!(table.features_of(&asked), ["migrate-hook"]);
        assert_eq!(table.features_of(&json!({ "session": { "lifespan": "1h" } })), [""; 0]);
    }

    #[test]
    fn every_feature_is_in_some_release_and_not_in_every_one() {
        let table = table();
        for feature in &table.features {
            let has = |text: &String| Version::parse(text).is_some_and(|version| feature.versions.contains(&version));
            assert!(table.releases.iter().any(has), "{}", feature.name);
            assert!(!table.releases.iter().all(has), "{}", feature.name);
        }
        assert!(table.releases.iter().all(|text| Version::parse(text).is_some()), "{:?}", table.releases);
    }
}
