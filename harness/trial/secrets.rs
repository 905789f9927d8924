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
            Step::SubmitFlow(it) => {
                learn_fields(redactor, &it.values);
                redactor.learn_exchange(&Exchange { request_headers: it.headers.0.clone(), ..Exchange::default() });
            }
            _ => {}
        }
    }
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

/// The key of an API: `auth.config.value` of a web hook (the same schema).
fn learn_credentials(redactor: &mut Redactor, value: &Value) {
    if let Some(key) = value.pointer("/auth/config/value").and_then(Value::as_str) {
        redactor.learn(Secret::Token, key);
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| learn_credentials(redactor, value)),
        Value::Object(map) => map.values().for_each(|value| learn_credentials(redactor, value)),
        _ => {}
    }
}
