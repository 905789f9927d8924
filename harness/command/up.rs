//! `up`: leaves the world of a case standing, for a person who wants to see the problem with their own eyes.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::arguments::UpArguments;
use super::{WrongCall, place, stop};
use crate::backend::cache::Cache;
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::kratos_binary::KratosBinary;
use crate::backend::progress::Progress;
use crate::browser::{Browser, BrowserSettings, Engine, ThirdPartyCookies, Window};
use crate::case::{Case, Catalogue, Step};
use crate::trial::{Lineup, Plan, TrialKind, WrongFixes, plans};
use crate::world::{ClientPrograms, Files, World, WorldSettings};

/// The name of the listener for the person.
const YOU: &str = "you";

pub(super) async fn up(arguments: UpArguments) -> Result<u8> {
    let fixtures = place::fixtures()?;
    let mut cases = Catalogue::read(&fixtures)?.select(std::slice::from_ref(&arguments.name))?;
    if cases.len() > 1 {
        let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        let text = format!("`{}` names {} cases (hint: choose one of {})", arguments.name, ids.len(), ids.join(", "));
        return Err(WrongCall(text).into());
    }
    let case = cases.pop().context("nothing was selected")?;
    let plan = plan(&case, arguments.engine, if arguments.fixed { TrialKind::Fixed } else { TrialKind::Broken })?;
    let mut stop = stop::on_signals()?;
    let folder = place::worlds()?;
    let begin = async {
        let cache = Cache::open()?;
        let kratos =
            KratosBinary::find(&cache, &fixtures, &arguments.server.kratos, &mut Progress::on_stderr()).await?;
        let settings = WorldSettings {
            fixtures: fixtures.clone(),
            kratos: kratos.path,
            template: kratos.template,
            clients: ClientPrograms::find(&cache, &fixtures, std::slice::from_ref(&case)).await?,
            hydra: HydraBinary::find(&cache, &fixtures).await.ok().map(|hydra| hydra.path),
            window: Window::Shown,
            folder: folder.path().to_owned(),
            files: Files::Removed,
        };
        stand(&plan, &settings, arguments.engine).await
    };
    let Standing { world, listener, profile, window } = tokio::select! {
        standing = begin => standing?,
        _ = stop.wait_for(|stop| *stop) => return Ok(super::AS_EXPECTED),
    };
    place::print(&introduce(&case, &plan, &world))?;
    if window.is_none() {
        let binary = arguments.engine.binary().unwrap_or_else(|| arguments.engine.name().into());
        let command = arguments.engine.by_hand(&binary, listener, &profile, &start(&world));
        place::print(&format!("there is no display here; on one, this opens a browser on the world:\n  {command}\n"))?;
    }
    place::print("mails appear here; Ctrl-C ends it\n")?;
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        failed = mails(&world) => failed?,
    }
    if let Some(browser) = window {
        browser.close().await?;
    }
    world.close().await?;
    folder.close().context("failed to remove the world's folder")?;
    Ok(super::AS_EXPECTED)
}

/// A world that a person can go to.
struct Standing {
    // Dropped from top to bottom: the browser before the world.
    window: Option<Browser>,
    world: World,
    listener: SocketAddr,
    profile: PathBuf,
}

async fn stand(plan: &Plan, settings: &WorldSettings, engine: Engine) -> Result<Standing> {
    let mut spec = plan.world.clone();
    // The person is the browser.
    spec.browsers = None;
    let mut world = World::start(&spec, settings).await?;
    let listener = world.listen(YOU).await?;
    for step in &plan.steps {
        if let Step::Identity(identity) = &step.value {
            world.kratos(identity.at.as_deref())?.create_identity(identity).await?;
        }
    }
    let profile = settings.folder.join("you");
    std::fs::create_dir(&profile).context("failed to make a folder for the browser")?;
    let mut window = None;
    if std::env::var_os("DISPLAY").is_some() {
        let third_party_cookies = ThirdPartyCookies::default();
        let you = BrowserSettings { engine, listener, window: Window::Shown, third_party_cookies };
        let browser = Browser::start(YOU, &you, &profile).await?;
        browser.go(&start(&world)).await?;
        window = Some(browser);
    }
    Ok(Standing { window, world, listener, profile })
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
    let _ = writeln!(text, "\n  login page      {}", world.ui().url_of("/login"));
    for kratos in world.every_kratos() {
        let _ = writeln!(text, "  {:<15} {}   admin {}", kratos.name(), kratos.url(), kratos.admin());
    }
    let _ = writeln!(text, "  files           {}", world.folder().display());
    let _ = writeln!(text, "\nwhat the case does:");
    for (number, step) in plan.steps.iter().enumerate() {
        let done = if matches!(step.value, Step::Identity(_)) { " (done)" } else { "" };
        let _ = writeln!(text, "  {}. {}{done}", number + 1, step.value.text());
    }
    let _ = writeln!(text, "what shows the problem:");
    for check in &plan.symptom {
        let _ = writeln!(text, "  - {}", check.value.text());
    }
    text
}

/// Shows each mail as it arrives.
async fn mails(world: &World) -> Result<()> {
    let mut shown = 0;
    loop {
        for mail in world.mail().mails().iter().skip(shown) {
            shown += 1;
            let code = mail.code().map_or(String::new(), |code| format!("  code {code}"));
            place::print(&format!("mail to {}: {}{code}\n", mail.recipient, mail.subject))?;
        }
        world.mail().changed(shown).await;
    }
}
