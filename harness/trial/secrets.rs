//! The secrets that a case file itself names. They are known before anything is sent, so that they are hidden also
//! where a step was never reached and in the case's own text.

use serde_json::Value;

use crate::case::{Fields, Step, WorldSpec};
use crate::evidence::{Exchange, Redactor, Secret};

/// Learns the secrets of a world: those of the configuration, and the cookies that the edge adds.
pub(super) fn learn_world(redactor: &mut Redactor, world: &WorldSpec) {
    let tenants = world.tenants.iter().flatten().map(|(_, kratos)| kratos);
    for config in world.kratos.iter().chain(tenants).filter_map(|kratos| kratos.config.as_ref()) {
        redactor.learn_json(config);
        learn_texts(redactor, &config["secrets"]);
        learn_credentials(redactor, config);
    }
    for user in world.legacy.iter().flat_map(|legacy| legacy.users.iter().flatten()) {
        redactor.learn(Secret::Password, &user.password);
    }
    let cookies = world.faults.iter().flatten().filter_map(|fault| fault.add_cookie.clone());
    let response_headers = cookies.map(|cookie| ("set-cookie".to_owned(), cookie)).collect();
    redactor.learn_exchange(&Exchange { response_headers, ..Exchange::default() });
}

/// Learns the secrets of steps: passwords, fields that hold secrets by their names, and headers.
pub(super) fn learn_steps<'a>(redactor: &mut Redactor, steps: impl Iterator<Item = &'a Step>) {
    for step in steps {
        for password in step.passwords() {
            redactor.learn(Secret::Password, password);
            // As a quoted text of YAML spells it (YAML 1.2.2, section 7.3.2).
            redactor.learn(Secret::Password, &password.replace('\'', "''"));
        }
        match step {
            Step::Fill(fields) => learn_fields(redactor, fields),
            Step::SendForm(it) => learn_fields(redactor, &it.values),
            Step::Request(it) => it.values.iter().for_each(|values| learn_fields(redactor, values)),
            Step::SubmitFlow(it) => learn_request(redactor, &it.values, &it.headers),
            Step::RunClient(it) => learn_request(redactor, &it.values, &it.headers),
            _ => {}
        }
    }
}

fn learn_request(redactor: &mut Redactor, values: &Fields, headers: &Fields) {
    learn_fields(redactor, values);
    redactor.learn_exchange(&Exchange { request_headers: headers.0.clone(), ..Exchange::default() });
}

fn learn_fields(redactor: &mut Redactor, fields: &Fields) {
    // `$code` names what is read later; it is no secret.
    let values = fields.0.iter().filter(|(_, value)| !value.starts_with('$'));
    redactor.learn_json(&values.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect());
}

/// Every text below `secrets` (Kratos's configuration schema of v1.3.1: lists of `default`, `cookie`, `cipher`).
fn learn_texts(redactor: &mut Redactor, value: &Value) {
    match value {
        Value::String(text) => redactor.learn(Secret::Token, text),
        Value::Array(list) => list.iter().for_each(|value| learn_texts(redactor, value)),
        Value::Object(map) => map.values().for_each(|value| learn_texts(redactor, value)),
        _ => {}
    }
}

/// The key of an API, `auth.config.value` of a web hook; the keys that sign, inlined at `jwks_url`; and Apple's private
/// key (the same schema).
fn learn_credentials(redactor: &mut Redactor, value: &Value) {
    if let Some(key) = value.pointer("/auth/config/value").and_then(Value::as_str) {
        redactor.learn(Secret::Token, key);
    }
    if let Some(keys) = value["jwks_url"].as_str().and_then(|url| url.strip_prefix("base64://")) {
        redactor.learn(Secret::Token, keys);
    }
    // YAML may indent each line of it. The first and the last (RFC 7468) are no secrets.
    let lines = value["apple_private_key"].as_str().into_iter().flat_map(str::lines).map(str::trim);
    for line in lines.filter(|line| !line.starts_with("-----")) {
        redactor.learn(Secret::Token, line);
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| learn_credentials(redactor, value)),
        Value::Object(map) => map.values().for_each(|value| learn_credentials(redactor, value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_application_is_told_is_hidden() -> Result<()> {
        let step: Step = serde_json::from_value(json!({ "run_client": {
            "by": "p", "runs": "login",
            "values": { "identifier": "ada@example.test", "session_token": "CANARY-value" },
            "headers": { "Authorization": "Bearer CANARY-bearer", "Cookie": "theme=CANARY-cookie" },
        } }))?;
        let mut redactor = Redactor::new();

        learn_steps(&mut redactor, [&step].into_iter());

        let seen = redactor.text("ada@example.test CANARY-value CANARY-bearer CANARY-cookie");
        assert_eq!(seen, "ada@example.test token#1 token#2 cookie#1");
        Ok(())
    }

    #[test]
    fn the_keys_of_a_configuration_are_hidden() -> Result<()> {
        let world: WorldSpec = serde_json::from_value(json!({ "kratos": { "config": {
            "providers": [{ "id": "apple", "apple_private_key": "-----BEGIN\nCANARY-one\nCANARY-two\n-----END" }],
            "templates": { "a": { "jwks_url": "base64://CANARYkeys" }, "b": { "jwks_url": "file://./keys.json" } },
        } } }))?;
        let mut redactor = Redactor::new();

        learn_world(&mut redactor, &world);

        let seen = redactor.text("  CANARY-one\n  CANARY-two base64://CANARYkeys file://./keys.json");
        assert!(!seen.contains("CANARY") && seen.ends_with(" base64://token#4 file://./keys.json"), "{seen}");
        Ok(())
    }
}
