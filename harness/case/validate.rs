//! Refuses a case that names something which is not in its world, before anything starts.

use std::path::Path;

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::check::Check;
use super::claims::Claims;
use super::file::{CaseError, CaseFile, Expected};
use super::spec::{FaultSpec, WorldSpec};
use super::step::Step;

/// The host names of every world.
pub const HOSTS: [&str; 2] = ["ui.example.test", "ory.example.test"];

/// Kratos keys that the harness sets itself.
const RESERVED: [&str; 4] = ["dsn", "courier", "dev", "serve.admin"];

/// Checks a case against the claims, the fixtures and its own words.
///
/// # Errors
/// The first thing that cannot be, with its place.
pub(super) fn validate(case: &CaseFile, path: &Path, claims: &Claims, fixtures: &Path) -> Result<(), CaseError> {
    let context = Context { path, fixtures };
    if let Some(claim) = &case.claim
        && claims.find(&claim.value).is_none()
    {
        let known: Vec<&str> = claims.ids().collect();
        return Err(context
            .error(claim.referenced, format!("unknown claim `{}`{}", claim.value, nearest(&claim.value, &known))));
    }
    context.verdict(case)?;
    if case.steps.is_empty() || case.symptom.is_empty() {
        return Err(CaseError::whole(path, "a case needs at least one step and one line of `symptom`"));
    }
    let checks: Vec<&Spanned<Check>> = case.symptom.iter().chain(&case.instead).collect();
    context.scene(&case.world, &case.steps, &checks)?;
    let Some(fix) = &case.fix else { return Ok(()) };
    let checks: Vec<&Spanned<Check>> = case.symptom.iter().chain(&fix.expect).collect();
    let changes = case.other_fixes.iter().chain(&case.wrong_fixes).map(|it| (&it.world, &it.steps));
    for (world, steps) in std::iter::once((&fix.world, &fix.steps)).chain(changes) {
        let world = case.world.with(&world.clone().unwrap_or_default());
        context.scene(&world, steps.as_deref().unwrap_or(&case.steps), &checks)?;
    }
    Ok(())
}

struct Context<'a> {
    path: &'a Path,
    fixtures: &'a Path,
}

impl Context<'_> {
    fn error(&self, place: Location, message: String) -> CaseError {
        CaseError::at(self.path, place.line(), place.column(), message)
    }

    fn verdict(&self, case: &CaseFile) -> Result<(), CaseError> {
        let wrong = |message: &str| Err(CaseError::whole(self.path, message));
        match case.expected() {
            Expected::FixHolds | Expected::FixFails if case.fix.is_none() => {
                wrong("a verdict about a fix needs a `fix`")
            }
            Expected::NotReproduced if case.instead.is_empty() => wrong(
                "`not-reproduced` needs `instead`: what happens in the symptom's place (an absence alone proves nothing)",
            ),
            Expected::FixHolds if case.fix.as_ref().is_some_and(|fix| fix.expect.is_empty()) => {
                wrong("`fix` needs `expect`: what is true once it is fixed (an absence alone proves nothing)")
            }
            Expected::FixHolds
                if case.wrong_fixes.len() < 2 && case.no_wrong_fixes.is_none() && case.claim.is_some() =>
            {
                wrong("a fix needs two `wrong_fixes`, or `no_wrong_fixes` that says why there are fewer")
            }
            _ => Ok(()),
        }
    }

    fn scene(&self, world: &WorldSpec, steps: &[Spanned<Step>], checks: &[&Spanned<Check>]) -> Result<(), CaseError> {
        self.world(world)?;
        let browsers = world.browser_names();
        let clients = world.client_names();
        let mut current: Option<&str> = None;
        let mut mail_read = false;
        let mut started: Vec<&str> = Vec::new();
        for step in steps {
            let place = step.referenced;
            for name in step.value.browsers() {
                self.known("browser", name, &browsers, place)?;
            }
            if let Some(name) = step.value.client() {
                self.known("client", name, &clients, place)?;
                if matches!(step.value, Step::StartFlow(_)) {
                    started.push(name);
                } else if !started.contains(&name) {
                    return Err(self.error(place, format!("client `{name}` has started no flow before this step")));
                }
            }
            for value in step.value.values() {
                if ["$code", "$link"].contains(&value) && !mail_read {
                    return Err(self.error(place, format!("`{value}` is not known before a `read_mail` step")));
                }
            }
            mail_read |= matches!(step.value, Step::ReadMail(_));
            if let Step::Open(open) = &step.value {
                let ways = [open.flow.is_some(), open.flow_of.is_some(), open.page.is_some(), open.link.is_some()];
                if ways.iter().filter(|it| **it).count() != 1 {
                    let message = "`open` needs exactly one of `flow`, `flow_of`, `page` and `link`";
                    return Err(self.error(place, message.to_owned()));
                }
                if open.page.as_deref().is_some_and(|page| !page.starts_with('/')) {
                    return Err(self.error(place, "`page` is a path of the interface and begins with `/`".to_owned()));
                }
            }
            if matches!(step.value, Step::Fill(_) | Step::Submit(_)) && current.is_none() {
                return Err(self.error(place, "no browser was opened before this step".to_owned()));
            }
            current = step.value.turns_to().or(current);
        }
        for check in checks {
            let place = check.referenced;
            if let Some(name) = check.value.browser() {
                self.known("browser", name, &browsers, place)?;
            }
            if check.value.needs_last_browser() && current.is_none() {
                return Err(self.error(place, "no browser was opened: this check has no page to look at".to_owned()));
            }
            let (path, listener) = match &check.value {
                Check::Answer(it) => (&it.path, Some(&it.to)),
                Check::SentCookie(it) => (&it.path, Some(&it.by)),
                Check::Posts(it) => (&it.path, None),
                _ => continue,
            };
            if let Some(name) = listener {
                let listeners: Vec<&str> = browsers.iter().chain(&clients).copied().chain(["ui"]).collect();
                self.known("browser or client", name, &listeners, place)?;
            }
            if !path.starts_with('/') {
                return Err(self.error(place, format!("the path `{path}` does not begin with `/`")));
            }
        }
        Ok(())
    }

    fn known(&self, what: &str, name: &str, known: &[&str], place: Location) -> Result<(), CaseError> {
        if known.contains(&name) {
            return Ok(());
        }
        Err(self.error(place, format!("there is no {what} `{name}` in this world{}", nearest(name, known))))
    }

    fn world(&self, world: &WorldSpec) -> Result<(), CaseError> {
        let wrong = |message: String| Err(CaseError::whole(self.path, message));
        let profile = world.profile();
        let plain = !profile.is_empty() && profile.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !plain || !self.fixtures.join("profiles").join(profile).join("kratos.yml").is_file() {
            return wrong(format!("there is no profile `{profile}` (hint: a folder of `fixtures/profiles`)"));
        }
        for name in world.browser_names().into_iter().chain(world.client_names()) {
            let plain =
                !name.is_empty() && name.len() <= 32 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !plain || ["ui", "kratos", "mail"].contains(&name) {
                return wrong(format!(
                    "`{name}` cannot name a browser or client (hint: letters, digits and `-`; not `ui`, `kratos`, `mail`)"
                ));
            }
        }
        if let Some(config) = world.kratos.as_ref().and_then(|kratos| kratos.config.as_ref()) {
            if !config.is_object() {
                return wrong("`kratos.config` is no map".to_owned());
            }
            self.config(config, "")?;
        }
        world.faults.iter().flatten().try_for_each(|fault| self.fault(fault))
    }

    /// A case is data from a stranger: its configuration reads no file but the profile's and reaches no other host.
    fn config(&self, value: &Value, key: &str) -> Result<(), CaseError> {
        let wrong = |message: String| Err(CaseError::whole(self.path, message));
        if RESERVED.contains(&key) {
            return wrong(format!("`kratos.config` cannot set `{key}`: the harness does"));
        }
        match value {
            Value::Object(map) => map.iter().try_for_each(|(name, value)| {
                self.config(value, &if key.is_empty() { name.clone() } else { format!("{key}.{name}") })
            }),
            Value::Array(list) => list.iter().try_for_each(|value| self.config(value, &format!("{key}[]"))),
            Value::String(text) => match text.split_once("://") {
                Some(("base64", _)) | None => Ok(()),
                Some(("file", rest)) if rest.starts_with("./") && !rest.contains("..") => Ok(()),
                Some(("file", _)) => {
                    wrong(format!("`kratos.config` names a file outside the profile at `{key}` (hint: `file://./...`)"))
                }
                Some(("http" | "https", rest)) => {
                    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
                    let host = host.trim_start_matches("*.");
                    if host == "example.test" || host.ends_with(".example.test") {
                        Ok(())
                    } else {
                        wrong(format!("`kratos.config` names a host outside the world at `{key}`: `{host}`"))
                    }
                }
                Some((scheme, _)) => wrong(format!("`kratos.config` cannot use `{scheme}://` at `{key}`")),
            },
            _ => Ok(()),
        }
    }

    fn fault(&self, fault: &FaultSpec) -> Result<(), CaseError> {
        let effects = [
            fault.delay_answer.is_some(),
            fault.delay_request.is_some(),
            fault.lose_answer.is_some(),
            fault.add_cookie.is_some(),
        ];
        if effects.iter().filter(|it| **it).count() != 1 {
            let message = "a fault has exactly one of `delay_answer`, `delay_request`, `lose_answer`, `add_cookie`";
            return Err(CaseError::whole(self.path, message));
        }
        match fault.host.as_deref() {
            Some(host) if !HOSTS.contains(&host) => Err(CaseError::whole(
                self.path,
                format!("a fault names a host outside the world: `{host}`{}", nearest(host, &HOSTS)),
            )),
            _ => Ok(()),
        }
    }
}

/// The nearest known name as a hint, or all of them.
pub(super) fn nearest(wrong: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= (name.len() / 2).max(1));
    match nearest {
        Some((_, name)) => format!(" (hint: did you mean `{name}`?)"),
        None if known.is_empty() => " (hint: it has none)".to_owned(),
        None => format!(" (hint: known here: {})", known.join(", ")),
    }
}
