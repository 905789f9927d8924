//! Refuses steps of API clients that their programs cannot take.

use std::fs;

use hyper::header::{HeaderName, HeaderValue};
use serde_saphyr::Location;

use super::Context;
use crate::case::error::CaseError;
use crate::case::fields::Fields;
use crate::case::nearest::nearest;
use crate::case::program::Program;
use crate::case::spec::WorldSpec;
use crate::case::step::{RunClient, Step};

impl Context<'_> {
    /// Checks a step of a client that the world has.
    pub(super) fn step_of_client(
        &self,
        world: &WorldSpec,
        name: &str,
        step: &Step,
        place: Location,
    ) -> Result<(), CaseError> {
        let Some(client) = world.clients.iter().flatten().find(|(known, _)| *known == name) else { return Ok(()) };
        let program = client.1.program();
        match (step, program.is_application()) {
            (Step::RunClient(run), true) => self.run(run, program, place),
            (Step::RunClient(_), false) => {
                let message = format!(
                    "client `{name}` is {}, which has nothing saved to run (hint: `start_flow` and `submit_flow`)",
                    program.word()
                );
                Err(self.error(place, message))
            }
            (_, true) => {
                let message = format!(
                    "client `{name}` is {}, which runs what was saved in it (hint: `run_client`)",
                    program.word()
                );
                Err(self.error(place, message))
            }
            (Step::SubmitFlow(submit), false) => self.headers(&submit.headers, |_| true, place),
            (_, false) => Ok(()),
        }
    }

    fn run(&self, run: &RunClient, program: Program, place: Location) -> Result<(), CaseError> {
        let saved = self.saved(program);
        let saved: Vec<&str> = saved.iter().map(String::as_str).collect();
        if !saved.contains(&run.runs.as_str()) {
            let message = format!("{} has nothing called `{}`{}", program.word(), run.runs, nearest(&run.runs, &saved));
            return Err(self.error(place, message));
        }
        let variables: Vec<&str> = program.variables().iter().map(|(name, _)| *name).collect();
        for (name, value) in &run.values.0 {
            let Some((_, allowed)) = program.variables().iter().find(|(known, _)| known == name) else {
                let message =
                    format!("what {} runs has no variable `{name}`{}", program.word(), nearest(name, &variables));
                return Err(self.error(place, message));
            };
            if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
                return Err(self.error(place, format!("`{name}` cannot be `{value}`{}", nearest(value, allowed))));
            }
            // They are put into JSON as they are, which is what Postman and Insomnia do.
            if value.chars().any(|it| it.is_control() || ['"', '\\', '{', '}'].contains(&it)) {
                let message = format!("the value of `{name}` cannot stand in a text of JSON as it is");
                return Err(self.error(place, message));
            }
        }
        // Postman and Insomnia put variables in place of braces.
        self.headers(&run.headers, |value| !value.contains(['{', '}']), place)
    }

    /// A name such as `@file` would have curl read that file.
    fn headers(&self, headers: &Fields, is_sound: impl Fn(&str) -> bool, place: Location) -> Result<(), CaseError> {
        let unsound = headers.0.iter().find(|(name, value)| {
            HeaderName::from_bytes(name.as_bytes()).is_err()
                || HeaderValue::from_str(value).is_err()
                || !is_sound(value)
        });
        match unsound {
            Some((name, value)) => Err(self.error(place, format!("`{name}: {value}` cannot be a header"))),
            None => Ok(()),
        }
    }

    /// The names of what a program can run: collections are files, apps are folders.
    fn saved(&self, program: Program) -> Vec<String> {
        let folder = self.fixtures.join("clients").join(program.word());
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            if program == Program::Electron {
                return entry.path().is_dir().then_some(name);
            }
            name.strip_suffix(".json").filter(|name| !name.starts_with("package")).map(str::to_owned)
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}
