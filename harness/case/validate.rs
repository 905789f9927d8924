//! Refuses a case that names something which is not in its world, before anything starts.

mod client;
mod config;
mod migration;
mod network;
mod servers;
mod texts;
mod versions;
mod world;

use std::path::Path;
use std::slice;
use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use super::check::Check;
use super::claims::Claims;
use super::differences::Differences;
use super::effect;
use super::engines::Turns;
use super::error::CaseError;
use super::file::{CaseFile, Change, Expected};
use super::nearest::nearest;
use super::places::Places;
use super::read;
use super::spec::WorldSpec;
use super::step::Step;
use crate::edge::UPSTREAM_LIMIT;
use world::WorldCheck;

/// The host names that a world may have.
pub const HOSTS: [&str; 9] = [
    "ui.example.test",
    "ory.example.test",
    "customers.example.test",
    "employees.example.test",
    "hydra.example.test",
    "legacy.example.test",
    OTHER_SITE,
    "localhost",
    "127.0.0.1",
];

/// Another site: its registrable domain differs from that of the others.
const OTHER_SITE: &str = "app.other.test";

/// How long a check may ask a world to stay as it is.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

// The edge must not have answered by then in the server's place.
const _: () = assert!(LONGEST_WAIT.as_secs() < UPSTREAM_LIMIT.as_secs());

/// Checks a case against the claims, the fixtures and its own words.
///
/// # Errors
/// The first thing that cannot be, with its place.
pub(super) fn validate(
    case: &CaseFile,
    text: &str,
    path: &Path,
    claims: &Claims,
    differences: &Differences,
    fixtures: &Path,
) -> Result<(), CaseError> {
    // A file that can be read as a case and not so has errors without places, which is better than none.
    let places = read::yaml(path, text).unwrap_or_default();
    let context = Context { path, fixtures, places };
    if let Some(claim) = &case.claim
        && claims.find(&claim.value).is_none()
    {
        let known: Vec<&str> = claims.ids().collect();
        return Err(context
            .error(claim.referenced, format!("unknown claim `{}`{}", claim.value, nearest(&claim.value, &known))));
    }
    context.verdict(case, case.expected(), &["verdict"])?;
    context.versions(case, differences)?;
    context.engines(case)?;
    for (key, empty) in [("steps", case.steps.is_empty()), ("symptom", case.symptom.is_empty())] {
        if empty {
            return Err(context.error_at(&[key], "a case needs at least one step and one line of `symptom`"));
        }
    }
    let checks: Vec<&Spanned<Check>> = case.symptom.iter().chain(&case.instead).collect();
    let base = vec!["world".to_owned()];
    context.scene(&case.world, std::slice::from_ref(&base), &case.steps, &checks)?;
    let mut expected = std::iter::once(case.expected()).chain(case.verdict_on.iter().map(|(_, it)| *it));
    if expected.any(|it| it != Expected::NotReproduced) {
        context.presence(&case.symptom, &["symptom"])?;
    }
    context.presence(&case.instead, &["instead"])?;
    let Some(fix) = &case.fix else { return Ok(()) };
    context.presence(&fix.expect, &["fix", "expect"])?;
    let listed = [("other_fixes", &case.other_fixes), ("wrong_fixes", &case.wrong_fixes)];
    let listed = listed.into_iter().flat_map(|(key, list)| {
        list.iter().enumerate().map(move |(index, it)| (vec![key.to_owned(), index.to_string()], it.clone()))
    });
    for (root, change) in std::iter::once((vec!["fix".to_owned()], fix.as_change())).chain(listed) {
        context.change(case, &change, &root)?;
        let world = case.world.merged(&change.world.unwrap_or_default());
        let world = world.map_err(|error| {
            let keys: Vec<&str> = root.iter().map(String::as_str).chain(["world"]).collect();
            context.error_at(&keys, &format!("the change cannot be put over the case's world: {error}"))
        })?;
        let steps = change.steps.as_deref().unwrap_or(&case.steps);
        let checks: Vec<&Spanned<Check>> = case.symptom.iter().chain(&fix.expect).chain(&change.instead).collect();
        let root = root.into_iter().chain(["world".to_owned()]).collect();
        context.scene(&world, &[base.clone(), root], steps, &checks)?;
    }
    Ok(())
}

struct Context<'a> {
    path: &'a Path,
    fixtures: &'a Path,
    places: Places,
}

impl Context<'_> {
    fn error(&self, place: Location, message: String) -> CaseError {
        CaseError::at(self.path, place.line(), place.column(), message)
    }

    /// An error at the place of the value that these keys lead to.
    fn error_at(&self, keys: &[&str], message: &str) -> CaseError {
        match self.places.find(keys) {
            Some((_, place)) => self.error(place, message.to_owned()),
            None => CaseError::whole(self.path, message),
        }
    }

    /// Two engines take two browsers.
    fn engines(&self, case: &CaseFile) -> Result<(), CaseError> {
        if case.engines.turns == Turns::Pairs && case.world.browser_names().len() < 2 {
            let message = "`engines: pairs` needs two browsers in `world` (hint: `each` is for one)";
            return Err(self.error_at(&["engines"], message));
        }
        Ok(())
    }

    /// What an expected verdict needs; `keys` lead to where it stands.
    fn verdict(&self, case: &CaseFile, expected: Expected, keys: &[&str]) -> Result<(), CaseError> {
        let wrong = |key: &str, message: &str| match key {
            "verdict" => Err(self.error_at(keys, message)),
            key => Err(self.error_at(&[key], message)),
        };
        match expected {
            Expected::FixHolds | Expected::FixFails if case.fix.is_none() => {
                wrong("verdict", "a verdict about a fix needs a `fix` (hint: write it, or `verdict: reproduced`)")
            }
            Expected::NotReproduced if case.instead.is_empty() => wrong(
                "verdict",
                "`not-reproduced` needs `instead`: what happens in the symptom's place (an absence alone proves nothing)",
            ),
            Expected::FixHolds | Expected::FixFails if case.fix.as_ref().is_some_and(|fix| fix.expect.is_empty()) => {
                wrong("fix", "`fix` needs `expect`: what is true once it is fixed (an absence alone proves nothing)")
            }
            Expected::FixHolds
                if case.wrong_fixes.len() < 2 && case.no_wrong_fixes.is_none() && case.claim.is_some() =>
            {
                wrong("fix", "a fix needs two `wrong_fixes`, or `no_wrong_fixes` that says why there are fewer")
            }
            _ => Ok(()),
        }
    }

    /// What is to be seen is something: where all is broken, nothing is there either.
    fn presence(&self, checks: &[Spanned<Check>], keys: &[&str]) -> Result<(), CaseError> {
        if checks.is_empty() || checks.iter().any(|check| !check.value.is_absence()) {
            return Ok(());
        }
        let message = "these are absences alone, which hold as well where nothing works (hint: add what is there)";
        Err(self.error_at(keys, message))
    }

    /// A fix changes something, and only a wrong one may say that it shows another problem.
    fn change(&self, case: &CaseFile, change: &Change, root: &[String]) -> Result<(), CaseError> {
        let keys: Vec<&str> = root.iter().map(String::as_str).collect();
        let of_world: Vec<&str> = keys.iter().copied().chain(["world"]).collect();
        if let Some(place) = self.places.null_beside(&of_world, "config") {
            let message =
                "`null` takes a key away below `config` alone (hint: write the value that it has without the key)";
            return Err(self.error(place, message.to_owned()));
        }
        let of_instead: Vec<&str> = keys.iter().copied().chain(["instead"]).collect();
        self.presence(&change.instead, &of_instead)?;
        let effects = |world: &WorldSpec| effect::of(world, self.fixtures);
        let same_world = change.world.as_ref().is_none_or(|it| effects(&case.world.with(it)) == effects(&case.world));
        let values = |steps: &[Spanned<Step>]| steps.iter().map(|step| step.value.clone()).collect::<Vec<_>>();
        if same_world && change.steps.as_ref().is_none_or(|it| values(it) == values(&case.steps)) {
            let message = "this changes nothing: its world, defaults and profile filled in, and its steps are those without \
                           it (hint: write what somebody would do, under `world` or `steps`)";
            return Err(self.error_at(&keys, message));
        }
        self.faults_of_moved_steps(case, change, root)?;
        if !change.instead.is_empty() && root.first().is_some_and(|key| key != "wrong_fixes") {
            let message = "only a wrong fix has `instead` (hint: what a fix shows is `expect` of `fix`)";
            return Err(self.error_at(&keys, message));
        }
        Ok(())
    }

    /// A fault of the case that waits for a step finds the same step there: elsewhere it would change nothing, and what
    /// it had caused would be gone without a fix.
    fn faults_of_moved_steps(&self, case: &CaseFile, change: &Change, root: &[String]) -> Result<(), CaseError> {
        let Some(own) = &change.steps else { return Ok(()) };
        if change.world.as_ref().is_some_and(|world| world.faults.is_some()) {
            return Ok(());
        }
        let at = |steps: &[Spanned<Step>], number: usize| {
            number.checked_sub(1).and_then(|index| steps.get(index)).map(|step| step.value.clone())
        };
        let faults = case.world.faults.iter().flatten();
        let Some(moved) = faults.filter_map(|fault| fault.step).find(|step| at(own, *step) != at(&case.steps, *step))
        else {
            return Ok(());
        };
        let keys: Vec<&str> = root.iter().map(String::as_str).chain(["steps"]).collect();
        let message = format!(
            "a fault of the case waits for step {moved}, which is another one here (hint: say under `world` which faults \
             there are: `faults: [...]`)"
        );
        Err(self.error_at(&keys, &message))
    }

    fn scene(
        &self,
        world: &WorldSpec,
        roots: &[Vec<String>],
        steps: &[Spanned<Step>],
        checks: &[&Spanned<Check>],
    ) -> Result<(), CaseError> {
        let world_check = WorldCheck { context: self, roots };
        world_check.check(world)?;
        world_check.migration(world)?;
        world_check.steps_of_faults(world, steps.len())?;
        let browsers = world.browser_names();
        let clients = world.client_names();
        let servers = world.servers();
        let tenants: Vec<&str> = servers.iter().map(|it| it.name.as_str()).collect();
        let mut current: Option<&str> = None;
        let mut mail_read = false;
        let mut started: Vec<&str> = Vec::new();
        for step in steps {
            let place = step.referenced;
            for name in step.value.browsers() {
                self.known("browser", name, &browsers, place)?;
            }
            if let Some(name) = step.value.tenant() {
                self.known("tenant", name, &tenants, place)?;
            }
            if let Some(name) = step.value.client() {
                self.known("client", name, &clients, place)?;
                self.step_of_client(world, name, &step.value, place)?;
                if matches!(step.value, Step::StartFlow(_)) {
                    started.push(name);
                } else if step.value.goes_on_with_a_flow() && !started.contains(&name) {
                    return Err(self.error(place, format!("client `{name}` has started no flow before this step (hint: `start_flow: {{ by: {name}, flow: login }}`)")));
                }
            }
            for value in step.value.values() {
                if ["$code", "$link"].contains(&value) && !mail_read {
                    return Err(self.error(
                        place,
                        format!("`{value}` is not known here (hint: a `read_mail` step must come before)"),
                    ));
                }
            }
            mail_read |= matches!(step.value, Step::ReadMail(_));
            if let Step::Open(open) = &step.value {
                let ways = [open.flow.is_some(), open.flow_of.is_some(), open.page.is_some(), open.link.is_some()];
                if ways.iter().filter(|it| **it).count() != 1 {
                    let message = "`open` needs exactly one of `flow`, `flow_of`, `page` and `link`";
                    return Err(self.error(place, message.to_owned()));
                }
                if open.link.as_deref().is_some_and(|link| link != "$link") {
                    let message = "`link` is `$link`, the one of a mail, and no address \
                                   (hint: `page: /...` opens one of the interface)";
                    return Err(self.error(place, message.to_owned()));
                }
                if open.page.as_deref().is_some_and(|page| !page.starts_with('/')) {
                    return Err(self.error(place, "`page` is a path of the interface and begins with `/`".to_owned()));
                }
            }
            if let Some(message) = migration::refuse_step(&step.value, world) {
                return Err(self.error(place, message));
            }
            // A submit that names its browsers needs none that was opened last.
            let current_needed = match &step.value {
                Step::Fill(_) => true,
                Step::Submit(submit) => submit.browsers.0.is_empty(),
                _ => false,
            };
            if current_needed && current.is_none() {
                return Err(self.error(
                    place,
                    "no browser was opened before this step (hint: `open: { in: a, flow: login }`)".to_owned(),
                ));
            }
            current = step.value.turns_to().or(current);
        }
        for check in checks {
            let place = check.referenced;
            if let Some(name) = check.value.browser() {
                self.known("browser", name, &browsers, place)?;
            }
            if let Some(name) = check.value.tenant() {
                self.known("tenant", name, &tenants, place)?;
            }
            if check.value.needs_last_browser() && current.is_none() {
                return Err(self.error(place, "no browser was opened: this check has no page to look at".to_owned()));
            }
            if check.value.waits_for() > LONGEST_WAIT {
                let message = format!("`for` is at most {} s: each trial waits so long", LONGEST_WAIT.as_secs());
                return Err(self.error(place, message));
            }
            if let Check::SetCookie(it) = &check.value {
                let listeners: Vec<&str> = browsers.iter().chain(&clients).copied().collect();
                self.known("browser or client", &it.to, &listeners, place)?;
                if let Some(host) = it.host.as_deref() {
                    self.known("host", host, &HOSTS, place)?;
                }
            }
            let (path, names, host) = match &check.value {
                Check::Answer(it) if it.to.0.is_empty() => {
                    return Err(self.error(place, "`to` names nobody (hint: `to: a`, or `to: [a, b]`)".to_owned()));
                }
                Check::Answer(it) => (&it.path, it.to.0.as_slice(), it.host.as_deref()),
                Check::SentCookie(it) => (&it.path, slice::from_ref(&it.by), it.host.as_deref()),
                Check::Posts(it) => (&it.path, it.by.as_slice(), it.host.as_deref()),
                Check::Unanswered(it) => (&it.path, slice::from_ref(&it.to), None),
                _ => continue,
            };
            if let Some(host) = host {
                self.known("host", host, &HOSTS, place)?;
            }
            for name in names {
                let listeners: Vec<&str> =
                    browsers.iter().chain(&clients).copied().chain(["ui"]).chain(tenants.iter().copied()).collect();
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
}
