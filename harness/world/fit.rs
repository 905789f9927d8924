//! Fits the configuration of a Kratos to its version: what it refuses is left out, in the identity schemas too, and what
//! it demands is put in. Nothing of that goes unsaid.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::kratos::KratosSettings;

/// Fits a whole configuration, and says what was changed, a line each. A schema that has to change is copied into the
/// folder of the Kratos, changed there, and named by the configuration in place of the profile's.
///
/// # Errors
/// When a schema of the profile cannot be read, or the copy not be written.
pub(super) fn fit(config: &mut Value, settings: &KratosSettings) -> Result<Vec<String>> {
    let version = &settings.binary.version;
    let mut said = settings.differences.fit(config, version);
    let schemas = config.pointer_mut("/identity/schemas").and_then(Value::as_array_mut);
    for (number, schema) in schemas.into_iter().flatten().enumerate() {
        // Others are no files of the profile: such as `base64://`.
        let Some(name) = schema["url"].as_str().and_then(|url| url.strip_prefix("file://./")) else { continue };
        let path = settings.profile.join(name);
        let cannot = || format!("failed to read the identity schema `{}`", path.display());
        let text = fs::read_to_string(&path).with_context(cannot)?;
        let mut content: Value = serde_json::from_str(&text).with_context(cannot)?;
        let changed = settings.differences.fit_schema(&mut content, version);
        if changed.is_empty() {
            continue;
        }
        let name = format!("identity-{number}.schema.json");
        let copy = settings.folder.join(&name);
        let text = serde_json::to_string_pretty(&content).context("failed to write the identity schema as JSON")?;
        fs::write(&copy, text).with_context(|| format!("failed to write `{}`", copy.display()))?;
        schema["url"] = Value::from(format!("file://./{name}"));
        said.extend(changed);
    }
    Ok(said)
}
