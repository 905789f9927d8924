//! `bisect`: finds the first version of Kratos on which a case gives another verdict.

mod search;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use self::search::{Search, Told};
use super::arguments::BisectArguments;
use super::backend::Chosen;
use super::databases::Databases;
use super::lineups::{self, Wanted};
use super::run::{hydra, nothing_able, parts};
use super::{WrongCall, place, stop, versions};
use crate::backend::cache::Cache;
use crate::backend::estate::Estate;
use crate::backend::kratos_binary::{KratosBinary, KratosChoice};
use crate::backend::product::Product;
use crate::backend::progress::Progress as SetupProgress;
use crate::backend::servers::Server;
use crate::backend::version::Version;
use crate::backend::{Backend, Database, Missing, setup};
use crate::browser::Window;
use crate::case::{Case, Catalogue, Differences};
use crate::report::{Differing, terminal};
use crate::trial::{
    CaseOutcome, NotApplicable, NotRun, Progress, QueueSettings, RunOutcome, Scope, Shown, Thoroughness, TrialKind,
    Turn, Verdict, default_jobs, run_cases,
};
use crate::world::ui::Interface;
use crate::world::{ClientPrograms, Files, WorldSettings};

/// What a bisection goes with.
struct Bench<'a> {
    cache: &'a Cache,
    fixtures: &'a Path,
    differences: &'a Differences,
    case: &'a Case,
    turn: Turn,
    settings: QueueSettings,
    stop: watch::Receiver<bool>,
    outcomes: Vec<CaseOutcome>,
    every_kratos: Vec<KratosBinary>,
    not_applicable: Vec<NotApplicable>,
    not_run: Vec<NotRun>,
}

/// What the case showed on one version.
enum Answer {
    /// A verdict that can be compared.
    Verdict(Verdict),
    /// None, and why.
    None(String),
    /// The run was stopped.
    Stopped,
}

pub(super) async fn bisect(arguments: BisectArguments, estate: &Estate) -> Result<u8> {
    let fixtures = place::fixtures()?;
    let catalogue = Catalogue::read(&fixtures)?;
    let case = super::one_case(&catalogue, &arguments.name)?;
    let (good, bad) = (&arguments.good, &arguments.bad);
    if let (KratosChoice::Version(older), KratosChoice::Version(newer)) = (good, bad) {
        // Before anything is built.
        in_order(&known(&fixtures, older)?, &known(&fixtures, newer)?)?;
    }
    let cache = Cache::open()?;
    let clients = ClientPrograms::find(&cache, &fixtures, std::slice::from_ref(&case)).await?;
    let hydra = hydra(&Chosen::native(), std::slice::from_ref(&case), &cache, &fixtures).await?;
    let no_hydra = hydra.as_ref().and_then(|hydra| hydra.as_ref().err());
    let wanted = Wanted {
        interface: &Interface::Ours,
        engines: &[arguments.engine],
        thoroughness: Thoroughness::FirstLineup,
        shard: None,
        remote: None,
    };
    let cast = lineups::cast(vec![case.clone()], &wanted, &clients, no_hydra)?;
    let Some(turn) = cast.turns.first().cloned() else { return Err(nothing_able(&cast.not_run).into()) };
    let hydra = hydra.and_then(Result::ok);
    let mut stop = stop::on_signals()?;
    let mut progress = SetupProgress::on_stderr();
    let ends = async {
        let good = setup::prepare(&cache, &fixtures, good, &mut progress).await?;
        let bad = setup::prepare(&cache, &fixtures, bad, &mut progress).await?;
        anyhow::Ok((good, bad))
    };
    let (good, bad) = tokio::select! {
        ends = ends => ends?,
        _ = stop.wait_for(|stop| *stop) => return stopped(),
    };
    in_order(&good.version, &bad.version)?;
    for (choice, kratos) in [(&arguments.good, &good), (&arguments.bad, &bad)] {
        versions::say_if_unknown(choice, kratos);
        let version = &kratos.version;
        turn.on(version, catalogue.differences())
            .map_err(|lacking| WrongCall(format!("`{}` is not applicable to Kratos {version}: {lacking}", case.id)))?;
    }

    let begun = Instant::now();
    let started = Timestamp::now();
    let name = format!("bisect-{}-{}", started.strftime("%Y-%m-%dT%H-%M-%S"), std::process::id());
    let folder = arguments.out.unwrap_or_else(place::runs).join(&name);
    fs::create_dir_all(&folder).map_err(|error| {
        let what = format!("the folder `{}` cannot be made: {error}", folder.display());
        Missing::new(what, "`--out` names another place")
    })?;
    let mut bench = Bench {
        cache: &cache,
        fixtures: &fixtures,
        differences: catalogue.differences(),
        case: &case,
        turn,
        settings: QueueSettings {
            world: WorldSettings {
                backend: Backend::Native,
                fixtures: fixtures.clone(),
                differences: catalogue.differences().clone(),
                kratos: good.clone(),
                database: Database::Sqlite,
                clients: clients.clone(),
                hydra: hydra.clone(),
                interface: Interface::Ours,
                remote: None,
                window: Window::Hidden,
                folder: estate.folder().to_owned(),
                files: Files::Removed,
                jitter: None,
            },
            run_folder: folder.clone(),
            jobs: default_jobs(),
            repeat: 1,
        },
        stop,
        outcomes: Vec::new(),
        every_kratos: Vec::new(),
        not_applicable: Vec::new(),
        not_run: Vec::new(),
    };
    let conclusion = bench.conclude(good, bad).await?;

    let Bench { mut outcomes, every_kratos, not_applicable, not_run, .. } = bench;
    outcomes.sort_by_key(|case| place_of(&every_kratos, case));
    let outcome = RunOutcome {
        run: name,
        started: started.to_string(),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        interrupted: conclusion.is_none(),
        scope: Scope {
            names: vec![case.id.clone()],
            engines: vec![arguments.engine.name().to_owned()],
            ..Scope::default()
        },
        parts: parts(
            &Backend::Native,
            &every_kratos,
            &Databases::files(),
            hydra.as_ref(),
            &cast.engines,
            None,
            &clients,
        )
        .await,
        cases: outcomes,
        not_run,
        not_applicable,
    };
    crate::report::write(&outcome, &folder)?;
    let Some((text, code)) = conclusion else { return stopped() };
    let configuration = terminal::configuration(&outcome, place::colour(&std::io::stdout()));
    place::print(&format!("{configuration}\n{text}\nreport: {}", report_of(&folder).display()))?;
    Ok(code)
}

impl Bench<'_> {
    /// Tries both ends and then what is between them; says what was found, and the exit code that it means. Nothing
    /// where it was stopped.
    async fn conclude(&mut self, good: KratosBinary, bad: KratosBinary) -> Result<Option<(String, u8)>> {
        let (older, newer) = (good.version.clone(), bad.version.clone());
        let mut ends = Vec::new();
        for kratos in [good, bad] {
            let version = kratos.version.clone();
            match self.run(kratos).await? {
                Answer::Verdict(verdict) => ends.push(verdict),
                Answer::None(why) => {
                    return Ok(Some((format!("no verdict on Kratos {version}: {why}"), super::SURPRISE)));
                }
                Answer::Stopped => return Ok(None),
            }
        }
        let [before, after] = ends.as_slice() else { anyhow::bail!("two ends have two verdicts") };
        if before == after {
            let text = format!("the verdict is {} on Kratos {older} and on {newer}: it is the same", before.word());
            return Ok(Some((text, super::SAME)));
        }
        // What is built here, in order, between the two.
        let mut row = vec![older.clone()];
        let all = Server::all(self.fixtures, Product::Kratos)?;
        let mut between: Vec<Version> = all.iter().filter_map(|it| Version::parse(it.version())).collect();
        between.retain(|version| *version > older && *version < newer);
        between.sort();
        row.extend(between);
        row.push(newer);
        let mut search = Search::new(row.len());
        let mut silent = Vec::new();
        while let Some(index) = search.next() {
            let version = &row[index];
            place::say(&format!("at most {} more: Kratos {version}", search.steps_left()));
            let told = match self.try_on(version).await? {
                Answer::Verdict(verdict) if verdict == *before => Told::Same,
                Answer::Verdict(_) => Told::Changed,
                Answer::None(why) => {
                    place::say(&format!("no verdict on Kratos {version}: {why}"));
                    silent.push((index, why));
                    Told::Nothing
                }
                Answer::Stopped => return Ok(None),
            };
            search.tell(index, told);
        }
        let (same, changed) = search.found();
        let there = self.verdict_on(&row[changed]).unwrap_or(*after);
        let mut text = format!(
            "{}: {} on Kratos {}, {} on Kratos {}",
            self.case.id,
            before.word(),
            row[same],
            there.word(),
            row[changed]
        );
        silent.retain(|(index, _)| (same..changed).contains(index));
        silent.sort_by_key(|(index, _)| *index);
        if silent.is_empty() {
            text.push_str(&format!("\nthe first version that changes the verdict is {}", row[changed]));
        } else {
            let names: Vec<String> = silent.iter().map(|(index, why)| format!("\n  {}: {why}", row[*index])).collect();
            text.push_str(&format!("\nit changed after {}, at the latest with {}", row[same], row[changed]));
            text.push_str(&format!("; between them told nothing:{}", names.concat()));
        }
        text.push_str("\n(of the versions that are to be had here: `fixtures/servers`)");
        Ok(Some((text, super::AS_EXPECTED)))
    }

    /// Tries a version between the ends, which is built if it has to be. One that cannot be had tells nothing.
    async fn try_on(&mut self, version: &Version) -> Result<Answer> {
        if let Err(lacking) = self.turn.on(version, self.differences) {
            let one =
                NotApplicable { case: self.case.id.clone(), kratos: version.to_string(), reason: lacking.to_string() };
            self.not_applicable.push(one);
            return Ok(Answer::None(format!("not applicable: {lacking}")));
        }
        let choice = KratosChoice::Version(version.to_string());
        let mut progress = SetupProgress::on_stderr();
        let prepared = tokio::select! {
            prepared = setup::prepare(self.cache, self.fixtures, &choice, &mut progress) => prepared,
            _ = self.stop.wait_for(|stop| *stop) => return Ok(Answer::Stopped),
        };
        match prepared {
            Ok(kratos) => self.run(kratos).await,
            Err(error) => {
                let missing = error.downcast::<Missing>()?;
                let case = format!("{} on Kratos {version}", self.case.id);
                self.not_run.push(NotRun { case, reason: missing.to_string() });
                Ok(Answer::None(missing.to_string()))
            }
        }
    }

    /// Runs the case on one Kratos.
    async fn run(&mut self, kratos: KratosBinary) -> Result<Answer> {
        let turn = Turn { kratos: Some(kratos.version.clone()), ..self.turn.on(&kratos.version, self.differences)? };
        let world = WorldSettings { kratos: kratos.clone(), ..self.settings.world.clone() };
        let settings = QueueSettings { world, ..self.settings.clone() };
        let (progress, mut told) = mpsc::unbounded_channel();
        run_cases(vec![turn], settings, progress, self.stop.clone()).await;
        self.every_kratos.push(kratos);
        self.every_kratos.sort_by(|a, b| a.version.cmp(&b.version));
        while let Some(step) = told.recv().await {
            let Progress::Case { outcome, .. } = step else { continue };
            place::say(&terminal::case_line(&outcome, Differing::KRATOS, place::colour(&std::io::stderr())));
            let answer = answer(&outcome, !self.case.file.instead.is_empty());
            self.outcomes.push(*outcome);
            return Ok(answer);
        }
        Ok(Answer::Stopped)
    }

    fn verdict_on(&self, version: &Version) -> Option<Verdict> {
        let kratos = version.to_string();
        self.outcomes.iter().find(|case| case.platform.kratos == kratos).map(|case| case.verdict)
    }
}

/// What a case's outcome says of its version.
fn answer(outcome: &CaseOutcome, knows_instead: bool) -> Answer {
    let shown: Vec<(TrialKind, Shown)> = outcome.trials.iter().map(|trial| (trial.kind, trial.shown)).collect();
    match outcome.verdict {
        Verdict::Error => Answer::None(outcome.reason.clone()),
        Verdict::NotReproduced if is_doubtful(&shown, knows_instead) => Answer::None(outcome.reason.clone()),
        verdict => Answer::Verdict(verdict),
    }
}

/// Whether a symptom that is said not to show says nothing: where the file knows what happens instead, and that does not
/// happen either, or where it shows in one of the trials without the fix.
fn is_doubtful(shown: &[(TrialKind, Shown)], knows_instead: bool) -> bool {
    let is_without_fix = |kind| matches!(kind, TrialKind::Broken | TrialKind::BrokenAgain);
    shown.iter().filter(|(kind, _)| is_without_fix(*kind)).any(|(_, shown)| match shown {
        Shown::Symptom => true,
        Shown::Neither => knows_instead,
        _ => false,
    })
}

/// The version that is built here under this name.
fn known(fixtures: &Path, text: &str) -> Result<Version> {
    KratosChoice::Version(text.to_owned()).ensure_known(fixtures)?;
    Ok(Version::parse(text).unwrap_or_else(|| Version::Unknown(text.to_owned())))
}

fn in_order(good: &Version, bad: &Version) -> Result<()> {
    if good < bad {
        return Ok(());
    }
    let hint = "`--good` names the version before the change, `--bad` one after it";
    Err(WrongCall(format!("`--good {good}` is not older than `--bad {bad}` (hint: {hint})")).into())
}

fn place_of(every_kratos: &[KratosBinary], case: &CaseOutcome) -> Option<usize> {
    every_kratos.iter().position(|kratos| kratos.version.to_string() == case.platform.kratos)
}

fn report_of(folder: &Path) -> PathBuf {
    folder.join("report.html")
}

fn stopped() -> Result<u8> {
    place::say("the bisection was stopped");
    Ok(super::SURPRISE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Shown::{Fixed, Instead, Neither, Symptom};

    #[test]
    fn trials_that_contradict_each_other_say_nothing_of_a_version() {
        let doubtful = |broken, again, knows_instead| {
            let trials = [(TrialKind::Broken, broken), (TrialKind::Fixed, Fixed), (TrialKind::BrokenAgain, again)];
            is_doubtful(&trials, knows_instead)
        };

        assert!(doubtful(Symptom, Neither, false), "the symptom did not come back");
        assert!(doubtful(Neither, Symptom, false), "the symptom came late");
        assert!(doubtful(Symptom, Instead, true), "the symptom did not come back, and something else did");
        assert!(doubtful(Neither, Neither, true), "what is known to happen instead does not");
        assert!(!doubtful(Instead, Instead, true), "it is another behaviour");
        assert!(!doubtful(Neither, Neither, false), "nothing is known to happen instead");
    }
}
