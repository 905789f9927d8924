//! `up`: leaves the world of a case standing, for a person who wants to see the problem with their own eyes.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result};

use super::arguments::UpArguments;
use super::backend::Chosen;
use super::databases::{self, Databases};
use super::{WrongCall, place, stop};
use crate::backend::cache::Cache;
use crate::backend::estate::Estate;
use crate::backend::progress::Progress;
use crate::browser::{Browser, Engine, Window};
use crate::case::{BrowserSpec, Case, Catalogue, Step};
use crate::report::terminal;
use crate::trial::{Lineup, Plan, TrialKind, WrongFixes, fit, plans};
use crate::world::{ClientPrograms, Files, World, WorldSettings};

/// The name of the person's browser where the case has none.
const YOU: &str = "you";

pub(super) async fn up(arguments: UpArguments, estate: &Estate) -> Result<u8> {
    let fixtures = place::fixtures()?;
    let catalogue = Catalogue::read(&fixtures)?;
    let mut case = super::one_case(&catalogue, &arguments.name)?;
    if arguments.interface.is_another() {
        case = fit(case).map_err(|refused| WrongCall(format!("`{}`: {}", refused.case, refused.reason)))?.case;
    }
    let kind = if arguments.fixed { TrialKind::Fixed } else { TrialKind::Broken };
    // Before anything starts, so that a fix that there is not is refused at once.
    plan(&case, arguments.engine, kind)?;
    let cache = Cache::open()?;
    let kratos = std::slice::from_ref(&arguments.server.kratos);
    arguments.backend.refuse(arguments.database.db)?;
    let chosen = arguments.backend.choose(&cache, &fixtures, estate, kratos, arguments.interface.image_flag()).await?;
    place::say_swept(chosen.backend.sweep().await);
    let ended = up_on(&chosen, &arguments, &catalogue, &cache, &case, estate).await;
    let closed = chosen.close(estate).await;
    let code = ended?;
    closed?;
    Ok(code)
}

async fn up_on(
    backend: &Chosen,
    arguments: &UpArguments,
    catalogue: &Catalogue,
    cache: &Cache,
    case: &Case,
    estate: &Estate,
) -> Result<u8> {
    let fixtures = place::fixtures()?;
    let kind = if arguments.fixed { TrialKind::Fixed } else { TrialKind::Broken };
    let found = databases::find(arguments.database.db, backend).await?;
    let interface = arguments.interface.interface(backend).await?;
    let mut stop = stop::on_signals()?;
    let begin = async {
        let mut progress = Progress::on_stderr();
        let kratos = backend.kratos(cache, &fixtures, &arguments.server.kratos, &mut progress).await?;
        let there = case.on(&kratos.version, catalogue.differences());
        let there = there.map_err(|lacking| WrongCall(format!("`{}` is not applicable: {lacking}", case.id)))?;
        let plan = plan(&there, arguments.engine, kind)?;
        let databases = Databases::start(&found, cache, std::slice::from_ref(&kratos), &mut progress).await?;
        let settings = WorldSettings {
            fixtures: fixtures.clone(),
            differences: catalogue.differences().clone(),
            backend: backend.backend.clone(),
            database: databases.of(&kratos),
            kratos,
            clients: ClientPrograms::find(cache, &fixtures, std::slice::from_ref(case)).await?,
            hydra: if case.file.needs_hydra() {
                backend.hydra(cache, &fixtures, &mut progress).await.ok()
            } else {
                None
            },
            interface,
            remote: None,
            window: Window::Shown,
            folder: estate.folder().to_owned(),
            files: Files::Removed,
            jitter: None,
        };
        let standing = stand(&plan, &settings, arguments.engine).await?;
        anyhow::Ok((plan, standing, databases))
    };
    let (plan, Standing { world, windows, by_hand }, databases) = tokio::select! {
        standing = begin => standing?,
        _ = stop.wait_for(|stop| *stop) => return Ok(super::AS_EXPECTED),
    };
    place::print(&introduce(case, &plan, &world))?;
    if !by_hand.is_empty() {
        let lines = by_hand.iter().map(|(name, command)| format!("  {name}: {command}\n")).collect::<String>();
        place::print(&format!("there is no display here; on one, this opens a browser on the world:\n{lines}"))?;
    }
    place::print("mails appear here; Ctrl-C ends it\n")?;
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        failed = mails(&world) => failed?,
    }
    for browser in windows {
        browser.close().await?;
    }
    world.close().await?;
    databases.close().await?;
    Ok(super::AS_EXPECTED)
}

/// A world that a person can go to.
struct Standing {
    // Dropped from top to bottom: the browsers before the world.
    windows: Vec<Browser>,
    world: World,
    /// Where there is no display: for each browser its name, and the command that a person starts it with elsewhere.
    by_hand: Vec<(String, String)>,
}

async fn stand(plan: &Plan, settings: &WorldSettings, engine: Engine) -> Result<Standing> {
    let mut spec = plan.world.clone();
    // The person takes the place of each browser of the case.
    let browsers = spec.browsers.take().unwrap_or_default();
    let browsers = if browsers.is_empty() {
        BTreeMap::from([(YOU.to_owned(), BrowserSpec { engine: Some(engine), ..BrowserSpec::default() })])
    } else {
        browsers
    };
    let mut world = World::start(&spec, settings).await?;
    for step in &plan.steps {
        if let Step::Identity(identity) = &step.value {
            world.kratos(identity.at.as_deref())?.create_identity(identity).await?;
        }
    }
    let (mut windows, mut by_hand) = (Vec::new(), Vec::new());
    for (number, (name, spec)) in browsers.iter().enumerate() {
        // Short, as those of the world's own browsers.
        let profile = world.folder().join(format!("y{number}"));
        std::fs::create_dir(&profile).context("failed to make a folder for the browser")?;
        let browser = world.admit(name, spec).await?;
        if std::env::var_os("DISPLAY").is_some() {
            let browser = Browser::start(name, &browser, &profile).await?;
            browser.go(&start(&world)).await?;
            windows.push(browser);
        } else {
            by_hand.push((name.clone(), browser.by_hand(&profile, &start(&world))));
        }
    }
    Ok(Standing { windows, world, by_hand })
}

/// Where a person begins.
fn start(world: &World) -> String {
    world.ui().welcome(None)
}

fn plan(case: &Case, engine: Engine, kind: TrialKind) -> Result<Plan> {
    plans(case, &Lineup::of(case, engine), WrongFixes::None)
        .into_iter()
        .find(|plan| plan.kind == kind)
        .ok_or_else(|| WrongCall(format!("the case `{}` has no fix (hint: leave out --fixed)", case.id)).into())
}

fn introduce(case: &Case, plan: &Plan, world: &World) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} ({})", case.file.title, plan.name);
    if let Some(why) = &plan.why {
        let _ = writeln!(text, "the fix: {why}");
    }
    let _ = writeln!(text, "\n  login page      {}", world.ui().url_of("/login"));
    for kratos in world.every_kratos() {
        let _ = writeln!(text, "  {:<15} {}   admin {}", kratos.name(), kratos.url(), kratos.admin());
    }
    let _ = writeln!(text, "  files           {}", world.folder().display());
    for line in world.fitted() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str(
        "\nonly the proxy of each browser knows the names in `.test`: no other browser or program finds them\n",
    );
    let _ = writeln!(text, "\nwhat the case does:");
    for (number, step) in plan.steps.iter().enumerate() {
        let done = if matches!(step.value, Step::Identity(_)) { " (done)" } else { "" };
        let _ = writeln!(text, "  {}. {}{done}", number + 1, step.value.text());
    }
    let _ = writeln!(text, "what shows the problem:");
    for check in &plan.symptom {
        let _ = writeln!(text, "  - {}", check.value.text());
    }
    if !plan.expect.is_empty() {
        text.push_str("what shows that it is fixed:\n");
    }
    for check in &plan.expect {
        let _ = writeln!(text, "  - {}", check.value.text());
    }
    // A case is a stranger's text.
    text.lines().map(|line| terminal::visible(line) + "\n").collect()
}

/// Shows each mail as it arrives.
async fn mails(world: &World) -> Result<()> {
    let mut shown = 0;
    loop {
        for mail in world.mail().mails().iter().skip(shown) {
            shown += 1;
            let code = mail.code().map_or(String::new(), |code| format!("  code {code}"));
            let line = format!("mail to {}: {}{code}", mail.recipient, mail.subject);
            place::print(&terminal::visible(&line))?;
        }
        world.mail().changed(shown).await;
    }
}
