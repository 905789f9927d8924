//! `matrix`: the runs of a nightly, from the small file that a person edits. `scripts/nightly` does them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use clap::CommandFactory as _;
use serde::Deserialize;

use super::arguments::{Arguments, MatrixArguments};
use super::{AS_EXPECTED, WrongCall, place};

/// The options of `run` that a matrix varies, and the value that a harness without the option stands for.
const AXES: [(&str, Option<&str>); 4] =
    [("kratos", None), ("db", Some("sqlite")), ("backend", Some("native")), ("engine", None)];

/// A matrix: every combination of what its lists have, but for those that are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Matrix {
    /// Versions or paths of Kratos.
    kratos: Vec<String>,
    /// Databases.
    db: Vec<String>,
    /// Backends.
    backend: Vec<String>,
    /// Engines, several with commas between; every one that is installed without it.
    engine: Vec<String>,
    /// Combinations that are not run: each that has all of these values.
    leave_out: Vec<Combination>,
}

/// Some or all values of a combination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Combination {
    kratos: Option<String>,
    db: Option<String>,
    backend: Option<String>,
    engine: Option<String>,
}

/// One run of a matrix.
#[derive(Debug, PartialEq, Eq)]
enum Cell {
    /// Its name, and the arguments of `run`.
    Run(String, Vec<String>),
    /// Its name, and why it cannot be.
    NotRun(String, String),
}

pub(super) fn matrix(arguments: &MatrixArguments) -> Result<u8> {
    let path = arguments.file.display();
    let refused = |why: String| WrongCall(format!("`{path}` is no matrix: {why}"));
    let text = fs::read_to_string(&arguments.file).map_err(|error| refused(error.to_string()))?;
    let matrix: Matrix = serde_saphyr::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let command = Arguments::command();
    let run = command.get_subcommands().find(|it| it.get_name() == "run");
    let has = |option: &str| run.is_some_and(|run| run.get_arguments().any(|it| it.get_long() == Some(option)));
    let cells = matrix.cells(has, &place::fixtures()?).map_err(refused)?;
    let mut lines = String::new();
    for cell in cells {
        let _ = match cell {
            Cell::Run(name, arguments) => writeln!(lines, "run\t{name}\t{}", arguments.join(" ")),
            Cell::NotRun(name, why) => writeln!(lines, "not-run\t{name}\t{why}"),
        };
    }
    place::print(&lines)?;
    Ok(AS_EXPECTED)
}

impl Matrix {
    /// Every combination in the order of the lists; `has` says whether `run` has an option.
    fn cells(&self, has: impl Fn(&str) -> bool, fixtures: &Path) -> Result<Vec<Cell>, String> {
        let mut combinations = vec![Combination::default()];
        for (axis, _) in AXES {
            let values = self.values(axis);
            if let Some(value) = values.iter().find(|it| it.is_empty() || it.contains(char::is_whitespace)) {
                return Err(format!("`{value}` is no value of `{axis}`"));
            }
            if values.is_empty() {
                continue;
            }
            let with = |combination: &Combination, value: &String| combination.clone().with(axis, value);
            combinations = combinations
                .iter()
                .flat_map(|it| values.iter().map(|value| with(it, value)).collect::<Vec<_>>())
                .collect();
        }
        combinations.retain(|it| !self.leave_out.iter().any(|left_out| left_out.is_part_of(it)));
        if combinations.is_empty() {
            return Err("everything is left out".to_owned());
        }
        Ok(combinations.iter().map(|it| it.cell(&has, fixtures)).collect())
    }

    fn values(&self, axis: &str) -> &[String] {
        match axis {
            "kratos" => &self.kratos,
            "db" => &self.db,
            "backend" => &self.backend,
            _ => &self.engine,
        }
    }
}

impl Combination {
    fn with(mut self, axis: &str, value: &str) -> Self {
        let place = match axis {
            "kratos" => &mut self.kratos,
            "db" => &mut self.db,
            "backend" => &mut self.backend,
            _ => &mut self.engine,
        };
        *place = Some(value.to_owned());
        self
    }

    fn value(&self, axis: &str) -> Option<&str> {
        match axis {
            "kratos" => self.kratos.as_deref(),
            "db" => self.db.as_deref(),
            "backend" => self.backend.as_deref(),
            _ => self.engine.as_deref(),
        }
    }

    /// Whether the other has every value that this one has.
    fn is_part_of(&self, other: &Self) -> bool {
        AXES.iter().all(|(axis, _)| self.value(axis).is_none_or(|value| other.value(axis) == Some(value)))
    }

    fn cell(&self, has: &impl Fn(&str) -> bool, fixtures: &Path) -> Cell {
        let values: Vec<(&str, Option<&str>, &str)> =
            AXES.iter().filter_map(|(axis, usual)| Some((*axis, *usual, self.value(axis)?))).collect();
        let name = values.iter().map(|(.., value)| *value).collect::<Vec<_>>().join(", ");
        let name = if name.is_empty() { "as usual".to_owned() } else { name };
        let mut arguments = Vec::new();
        for (axis, usual, value) in values {
            if has(axis) {
                arguments.extend([format!("--{axis}"), value.to_owned()]);
            } else if usual != Some(value) {
                return Cell::NotRun(name, format!("this kratos-repro has no `--{axis}`"));
            }
        }
        let is_native = self.backend.as_deref().is_none_or(|backend| backend == "native");
        if let Some(version) = self.kratos.as_deref().filter(|it| is_native && !it.contains('/'))
            && !fixtures.join("servers").join(format!("kratos-{version}")).is_dir()
        {
            return Cell::NotRun(name, format!("`fixtures/servers` has no Kratos {version}"));
        }
        Cell::Run(name, arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str, options: &[&str]) -> Result<Vec<Cell>, String> {
        let matrix: Matrix = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        matrix.cells(|option| options.contains(&option), &fixtures)
    }

    fn run(name: &str, arguments: &str) -> Cell {
        Cell::Run(name.to_owned(), arguments.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect())
    }

    #[test]
    fn every_combination_is_a_run_but_for_those_that_are_left_out() -> Result<(), String> {
        let text =
            "kratos: [v1.3.1, /a/kratos]\ndb: [sqlite, postgres]\nleave_out: [{ kratos: /a/kratos, db: postgres }]";

        let cells = cells(text, &["kratos", "db"])?;

        let expected = [
            run("v1.3.1, sqlite", "--kratos v1.3.1 --db sqlite"),
            run("v1.3.1, postgres", "--kratos v1.3.1 --db postgres"),
            run("/a/kratos, sqlite", "--kratos /a/kratos --db sqlite"),
        ];
        assert_eq!(cells, expected);
        Ok(())
    }

    #[test]
    fn what_this_harness_cannot_do_is_named() -> Result<(), String> {
        let cells = cells("kratos: [v1.3.1, v0.0.1]\nbackend: [native, docker]", &["kratos"])?;

        assert_eq!(cells[0], run("v1.3.1, native", "--kratos v1.3.1"));
        let whys: Vec<&str> = cells
            .iter()
            .filter_map(|cell| if let Cell::NotRun(_, why) = cell { Some(why.as_str()) } else { None })
            .collect();
        assert_eq!(
            whys,
            [
                "this kratos-repro has no `--backend`",
                "`fixtures/servers` has no Kratos v0.0.1",
                "this kratos-repro has no `--backend`"
            ]
        );
        Ok(())
    }

    #[test]
    fn an_empty_matrix_is_one_run() -> Result<(), String> {
        assert_eq!(cells("{}", &[])?, [run("as usual", "")]);
        Ok(())
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        for text in ["kratoss: [v1.3.1]", "db: [\"a b\"]", "db: [sqlite]\nleave_out: [{}]", "[1]"] {
            assert!(cells(text, &["db"]).is_err(), "{text}");
        }
    }
}
