//! The cases that faults happen to. Without one each gives its first verdict here: `reproduced`.

/// A program signs in by password; the answer with its flow is held, so that there is time for something to happen.
pub(super) const CLIENT: &str = "\
title: A program signs in
world:
  clients: { c: {} }
  faults: [{ host: ory.example.test, method: GET, path: /self-service/login/api, delay_answer: 4s }]
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: ada@example.test, password: correct horse battery } }
symptom:
  - sessions: { of: ada@example.test, count: 1 }
";

/// A program's submit is to go on together with a second, which nobody sends.
pub(super) const ALONE: &str = "\
title: A program signs in twice at once
world:
  clients: { c: {} }
  faults: [{ host: ory.example.test, method: POST, path: /self-service/login, together: 2 }]
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: ada@example.test, password: correct horse battery } }
symptom:
  - sessions: { of: ada@example.test, count: 1 }
";

/// A program signs in with a symptom that shows by itself where the answer to the submit is lost.
pub(super) const CLIENT_UNSURE: &str = "\
title: A program signs in, and has no session afterwards
world:
  clients: { c: {} }
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: ada@example.test, password: a wrong one } }
symptom:
  - identities: { of: ada@example.test, count: 1 }
  - sessions: { of: ada@example.test, count: 0 }
";

/// A program signs in by a code; the answer that tells it to look for the mail is held for `HELD`.
const CODE: &str = "\
title: A program signs in by code
world:
  clients: { c: {} }
  faults: [{ host: ory.example.test, method: POST, path: /self-service/login, times: 1, delay_answer: HELD }]
steps:
  - identity: { email: ada@example.test }
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: code, identifier: ada@example.test } }
  - read_mail: ada@example.test
  - submit_flow: { by: c, values: { method: code, identifier: ada@example.test, code: $code } }
symptom:
  - sessions: { of: ada@example.test, count: 1 }
";

/// A person opens the login page, which is held.
pub(super) const PAGE: &str = "\
title: A person opens the login page
world:
  browsers: { a: {} }
  faults: [{ host: ui.example.test, path: /login, times: 1, delay_answer: 4s }]
steps:
  - identity: { email: ada@example.test }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test }
symptom:
  - identities: { of: ada@example.test, count: 1 }
  - signed_out: a
";

/// The same behind nginx.
pub(super) const FRONT: &str = "\
title: A person opens the login page behind a proxy
world:
  browsers: { a: {} }
  front: { hosts: { ui.example.test: 104.21.10.1, ory.example.test: 104.21.10.1 } }
  dns: { ui.example.test: { address: 203.0.113.10 }, ory.example.test: { address: 198.51.100.7 } }
  faults: [{ host: ui.example.test, path: /login, times: 1, delay_answer: 4s }]
steps:
  - open: { in: a, flow: login }
  - open: { in: a, flow: login }
symptom:
  - shown: node/input/identifier
  - signed_out: a
";

/// curl begins a flow.
pub(super) const CURL: &str = "\
title: curl begins a flow
world: { clients: { c: { program: curl } } }
steps:
  - start_flow: { by: c, flow: login }
symptom:
  - answer: { to: c, path: /self-service/login/api, status: 200 }
";

/// A person comes from the legacy system through Hydra. `HELD` is what is held.
const HYDRA: &str = "\
title: A person comes through Hydra
world:
  kratos: { profile: oidc }
  hydra: {}
  legacy: { users: [{ email: ada@example.test, password: an old password, name: Ada Lovelace }] }
  browsers: { a: {} }
  faults: [HELD]
steps:
  - open: { in: a, flow: login }
  - submit: { button: provider, value: hydra }
  - fill: { email: ada@example.test, password: an old password }
  - submit: { button: decision, value: sign-in }
  - submit: { button: decision, value: allow }
symptom:
  - sessions: { of: ada@example.test, count: 1 }
";

/// The same where a step stops the legacy system. `STEPS` is what comes before and after.
const LEGACY: &str = "\
title: The legacy system is gone
world:
  kratos: { profile: oidc }
  hydra: {}
  legacy: { users: [{ email: ada@example.test, password: an old password, name: Ada Lovelace }] }
  browsers: { a: {} }
steps:
  - open: { in: a, flow: login }
STEPS
symptom:
  - answer: { to: a, path: /self-service/login/browser, status: 303, step: any }
  - signed_out: a
  - identities: { count: 0 }
";

/// A program signs in by a code, and the answer before the mail is held for this long.
pub(super) fn code(held: &str) -> String {
    CODE.replace("HELD", held)
}

/// A person comes through Hydra, and this is held.
pub(super) fn hydra(held: &str) -> String {
    HYDRA.replace("HELD", held)
}

/// A person comes through Hydra, by these steps, of which one stops the legacy system.
pub(super) fn legacy(steps: &[&str]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("  - {step}")).collect();
    LEGACY.replace("STEPS", &steps.join("\n"))
}
