//! What the cases of a run ran on, as far as it has to be said: what differs within a run is part of each case's name,
//! and what a Kratos does not know of its configuration is told once.

use std::collections::BTreeSet;

use crate::trial::{CaseOutcome, Platform, RunOutcome};

/// What the cases of a run differ in beside their engines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differing {
    kratos: bool,
    database: bool,
    backend: bool,
}

impl Differing {
    /// As where the version of Kratos is told whatever the run is like.
    pub const KRATOS: Self = Self { kratos: true, database: false, backend: false };

    /// What these differ in.
    pub fn among<'a>(platforms: impl IntoIterator<Item = &'a Platform>) -> Self {
        let all: Vec<&Platform> = platforms.into_iter().collect();
        let differ = |part: fn(&Platform) -> &String| all.iter().map(|it| part(it)).collect::<BTreeSet<_>>().len() > 1;
        Self { kratos: differ(|it| &it.kratos), database: differ(|it| &it.database), backend: differ(|it| &it.backend) }
    }

    /// What the cases of a run differ in; those that are not applicable to their Kratos count too.
    pub fn within(run: &RunOutcome) -> Self {
        let of = |case: &CaseOutcome| case.platform.kratos.clone();
        let mut versions: BTreeSet<String> = run.cases.iter().map(of).collect();
        versions.extend(run.not_applicable.iter().map(|one| one.kratos.clone()));
        Self { kratos: versions.len() > 1, ..Self::among(run.cases.iter().map(|case| &case.platform)) }
    }

    /// What a case's name has to say of its platform; nothing where all of the run is alike.
    pub(super) fn label(self, platform: &Platform) -> Option<String> {
        let kratos = format!("Kratos {}", platform.kratos);
        let parts = [(self.kratos, &kratos), (self.database, &platform.database), (self.backend, &platform.backend)];
        let parts: Vec<&str> = parts.into_iter().filter(|(told, _)| *told).map(|(_, part)| part.as_str()).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// A case's id with the engine that it ran on and what its run differs in.
    pub(super) fn name(self, case: &CaseOutcome) -> String {
        let parts: Vec<String> = case.engine.clone().into_iter().chain(self.label(&case.platform)).collect();
        if parts.is_empty() { case.id.clone() } else { format!("{} ({})", case.id, parts.join(", ")) }
    }
}

/// What the configurations of a case's worlds were changed in for its Kratos, each line once.
pub(super) fn fitted(case: &CaseOutcome) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for line in case.trials.iter().flat_map(|trial| &trial.fitted) {
        if !lines.contains(&line.as_str()) {
            lines.push(line);
        }
    }
    lines
}

/// The same for each Kratos of a run, in the order of the cases.
pub(super) fn fitted_by_kratos(run: &RunOutcome) -> Vec<(&str, Vec<&str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in &run.cases {
        let kratos = case.platform.kratos.as_str();
        for line in fitted(case) {
            match all.iter_mut().find(|(known, _)| *known == kratos) {
                Some((_, lines)) if lines.contains(&line) => {}
                Some((_, lines)) => lines.push(line),
                None => all.push((kratos, vec![line])),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_alike_in_a_run_is_not_told_of_each_case() {
        let run = sample::run();

        assert_eq!(Differing::within(&run).name(&run.cases[0]), "code-flows/login-form-double-click (chromium)");
    }

    #[test]
    fn what_differs_is_part_of_each_name() {
        let run = sample::run_on_two_versions();
        let names: Vec<String> = run.cases.iter().take(2).map(|case| Differing::within(&run).name(case)).collect();

        assert_eq!(
            names,
            [
                "code-flows/login-form-double-click (chromium, Kratos v1.3.1)",
                "code-flows/verification-other-browser (webkitgtk, Kratos v1.0.0)",
            ]
        );
    }

    #[test]
    fn a_version_to_which_nothing_is_applicable_differs_too() {
        let mut run = sample::run();
        run.not_applicable = sample::run_on_two_versions().not_applicable;

        assert!(Differing::within(&run).kratos);
    }
}
