//! Refuses a world that asks for what a case may not have: a case is data from a stranger.

use super::{Context, HOSTS};
use crate::case::error::CaseError;
use crate::case::nearest::nearest;
use crate::case::program::Program;
use crate::case::spec::{FaultSpec, WorldSpec};

/// How many requests can meet: a browser has no more connections to one host.
const MEETING_LIMIT: usize = 6;

/// Names of the edge's other listeners.
pub(super) const TAKEN: [&str; 5] = ["ui", "kratos", "mail", "hydra", "legacy"];

/// One world of a case, and where its parts may stand in the file: the later ones are merged over the earlier ones.
pub(super) struct WorldCheck<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) roots: &'a [Vec<String>],
}

impl WorldCheck<'_> {
    pub(super) fn error(&self, keys: &[&str], message: String) -> CaseError {
        let places = self.roots.iter().filter_map(|root| {
            let whole: Vec<&str> = root.iter().map(String::as_str).chain(keys.iter().copied()).collect();
            let (depth, place) = self.context.places.find(&whole)?;
            // What stands outside the world's own keys says nothing.
            (depth > root.len()).then(|| (depth - root.len(), place))
        });
        // Of equally deep ones the last: it is merged over the others.
        match places.max_by_key(|(depth, _)| *depth) {
            Some((_, place)) => self.context.error(place, message),
            None => CaseError::whole(self.context.path, message),
        }
    }

    /// A fault that waits for a step which never comes would change nothing without a word.
    pub(super) fn steps_of_faults(&self, world: &WorldSpec, steps: usize) -> Result<(), CaseError> {
        match world.faults.iter().flatten().find_map(|fault| fault.step.filter(|step| !(1..=steps).contains(step))) {
            Some(step) => {
                let message = format!("a fault waits for step {step} (hint: there are {steps}, counted from 1)");
                Err(self.error(&["faults"], message))
            }
            None => Ok(()),
        }
    }

    pub(super) fn check(&self, world: &WorldSpec) -> Result<(), CaseError> {
        self.servers(world)?;
        self.network(world)?;
        let browsers = world.browser_names().into_iter().map(|name| ("browsers", name));
        for (group, name) in browsers.chain(world.client_names().into_iter().map(|name| ("clients", name))) {
            let plain =
                !name.is_empty() && name.len() <= 32 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !plain || TAKEN.contains(&name) {
                let hint = "up to 32 letters, digits and `-`; not `ui`, `kratos`, `mail`, `hydra`, `legacy`";
                let message = format!("`{name}` cannot name a browser or client (hint: {hint})");
                return Err(self.error(&[group, name], message));
            }
            if group == "clients" && world.browser_names().contains(&name) {
                let message = format!("`{name}` names a browser and a client (hint: each needs a name of its own)");
                return Err(self.error(&[group, name], message));
            }
        }
        for (name, client) in world.clients.iter().flatten() {
            if client.keep_jar.is_some() && client.program() != Program::Newman {
                let message = format!("`keep_jar` is for `program: newman`; `{name}` is {}", client.program().word());
                return Err(self.error(&["clients", name, "keep_jar"], message));
            }
        }
        let faults = world.faults.iter().flatten().enumerate();
        faults.into_iter().try_for_each(|(index, fault)| self.fault(fault, index))
    }

    fn fault(&self, fault: &FaultSpec, index: usize) -> Result<(), CaseError> {
        let index = index.to_string();
        let wrong = |key: &str, message: String| {
            let keys = ["faults", index.as_str(), key];
            Err(self.error(if key.is_empty() { &keys[..2] } else { &keys }, message))
        };
        for (key, value) in [("lose_answer", fault.lose_answer), ("encode_cookies", fault.encode_cookies)] {
            if value == Some(false) {
                let message = format!("`{key}: false` is no fault (hint: leave the fault out, as by `faults: []`)");
                return wrong(key, message);
            }
        }
        let effects = [
            fault.delay_answer.is_some(),
            fault.delay_request.is_some(),
            fault.lose_answer.is_some(),
            fault.add_cookie.is_some(),
            fault.encode_cookies.is_some(),
            fault.together.is_some(),
            fault.hang_up.is_some(),
        ];
        if effects.iter().filter(|it| **it).count() != 1 {
            let message = "a fault has exactly one of `delay_answer`, `delay_request`, `lose_answer`, `add_cookie`, \
                           `encode_cookies`, `together`, `hang_up`";
            return wrong("", message.to_owned());
        }
        if let Some(size) = fault.together.filter(|size| !(2..=MEETING_LIMIT).contains(size)) {
            let message = format!("{size} requests cannot meet (hint: `together` takes 2 to {MEETING_LIMIT})");
            return wrong("together", message);
        }
        if let Some(host) = fault.host.as_deref().filter(|host| !HOSTS.contains(host)) {
            let message = format!("a fault names a host outside the world: `{host}`{}", nearest(host, &HOSTS));
            return wrong("host", message);
        }
        if let Some(path) = fault.path.as_deref().filter(|path| !path.starts_with('/')) {
            return wrong("path", format!("the path `{path}` does not begin with `/`"));
        }
        if let Some(cookie) = fault.add_cookie.as_deref().filter(|it| hyper::header::HeaderValue::from_str(it).is_err())
        {
            return wrong("add_cookie", format!("`{cookie}` cannot stand in a `Set-Cookie` header"));
        }
        Ok(())
    }
}
