//! Another login page from an image: the same cases run on it, and what keeps it from starting is said.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use kratos_repro::browser::Engine;
use kratos_repro::case::WorldSpec;
use kratos_repro::world::World;
use kratos_repro::world::ui::Interface;
use rstest::rstest;
use testcontainers::bollard::query_parameters::{BuildImageOptionsBuilder, InspectContainerOptions};
use testcontainers::bollard::{Docker, body_full};
use testcontainers::core::client::docker_client_instance;

use crate::engine::{Containers, ensure_none_is_left, ensure_refused, made_from};
use crate::support::{BROWSER, Ended, Sandbox, is_missing, list, trials};

/// How long a run may take.
const RUN_LIMIT: Duration = Duration::from_secs(300);

/// A form that asks for one click, so that what two clicks do is the interface's affair.
const DOUBLE_CLICK: &str = "code-flows/recovery-form-double-click";

/// What its images have in their names.
const NAME: &str = "kratos-repro/test-interface";

/// Makes an image of the fixture interface as somebody else's: its files are in it, its user is not root, and it knows
/// nothing of the world that it comes to. Gives its name.
async fn image(containers: &Containers, sandbox: &Sandbox, guard: &str) -> Result<String> {
    let folder = sandbox.path("bin");
    let own = containers.own().context("there is no image of the harness")?;
    let file = format!(
        "FROM {own}\nCOPY fixtures /fixtures\nENV KRATOS_REPRO_FIXTURES=/fixtures\nUSER 1000:1000\nWORKDIR /fixtures\n\
         ENTRYPOINT [\"/usr/bin/kratos-repro\", \"ui\"]\nCMD [\"--guard\", \"{guard}\"]\n"
    );
    fs::write(folder.join("Dockerfile"), file)?;
    fs::create_dir_all(folder.join("fixtures/ui"))?;
    for name in ["claims.yaml", "ui"] {
        let from = trials::fixtures().join(name);
        let copied = Command::new("cp").arg("-r").arg(from).arg(folder.join("fixtures")).status()?;
        ensure!(copied.success(), "`{name}` cannot be copied");
    }
    let tar = Command::new("tar").args(["-c", "Dockerfile", "fixtures"]).current_dir(folder).output()?;
    ensure!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    let name = format!("{NAME}:{guard}");
    let options = BuildImageOptionsBuilder::new().t(&name).build();
    let engine: Docker = docker_client_instance().await?;
    let steps: Vec<_> = engine.build_image(options, None, Some(body_full(tar.stdout.into()))).try_collect().await?;
    ensure!(steps.iter().all(|step| step.error_detail.is_none()), "{steps:?}");
    Ok(name)
}

async fn run_on(sandbox: &Sandbox, interface: &str, name: &str) -> Result<Ended> {
    let run = sandbox.start(sandbox.run_command(&["--backend", "docker", "--ui-image", interface, name]))?;
    let id = run.id();
    let ended = run.end(RUN_LIMIT)?;
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()?;
    Ok(ended)
}

#[rstest]
#[case::that_is_guarded("flag", "guarded", "by trial: 1 and 1 ")]
#[case::that_is_not("none", "not-guarded", "by trial: 2 and 2 ")]
#[tokio::test]
async fn a_double_submit_tells_of_a_page(
    #[case] guard: &str,
    #[case] verdict: &str,
    #[case] posts: &str,
) -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let interface = image(&containers, &sandbox, guard).await?;

    let ended = run_on(&sandbox, &interface, DOUBLE_CLICK).await?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], verdict);
    ensure!(outcome["reason"].as_str().is_some_and(|reason| reason.contains(posts)), "{}", outcome["reason"]);
    let real = outcome["real"].as_array().context("nothing is real")?;
    ensure!(real.iter().any(|it| it.as_str().is_some_and(|it| it.contains(&interface))), "{real:?}");
    let log = sandbox.run_folder()?.join("code-flows--recovery-form-double-click--chromium/as-it-is/ui.log");
    ensure!(fs::read_to_string(log)?.contains("ui listens on"), "its log is no evidence");
    Ok(())
}

#[tokio::test]
async fn a_case_holds_on_it_with_what_its_server_asks_in_the_record() -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let interface = image(&containers, &sandbox, "none").await?;

    // Its symptom is what Kratos answers to the interface's server.
    let ended = run_on(&sandbox, &interface, "cross-browser/login-fetched-elsewhere").await?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(sandbox.outcome()?["verdict"], "fix-holds");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_what_the_interfaces_of_ory_read() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let name = image(&containers, &sandbox, "none").await?;
    let folder = trials::folder()?;
    let mut settings = containers.world_settings(folder.path(), &[]).await?;
    settings.interface = Interface::Image(containers.image(&name).await?);
    let world = World::start(&WorldSpec::default(), &settings).await?;
    let id = made_from(std::process::id(), NAME).await?.context("there is no container of it")?;
    let engine: Docker = docker_client_instance().await?;

    let seen = engine.inspect_container(&id, None::<InspectContainerOptions>).await?;

    let config = seen.config.context("it has no configuration")?;
    let all: BTreeSet<String> = config.env.unwrap_or_default().into_iter().collect();
    let names: Vec<&str> = all.iter().filter_map(|one| Some(one.split_once('=')?.0)).collect();
    // `PATH` and the fixtures are its image's own.
    assert_eq!(
        names,
        [
            "COOKIE_SECRET",
            "CSRF_COOKIE_NAME",
            "CSRF_COOKIE_SECRET",
            "HOST",
            "KRATOS_ADMIN_URL",
            "KRATOS_BROWSER_URL",
            "KRATOS_PUBLIC_URL",
            "KRATOS_REPRO_FIXTURES",
            "ORY_SDK_URL",
            "PATH",
            "PORT",
        ]
    );
    ensure!(all.contains("KRATOS_BROWSER_URL=https://ory.example.test"), "{all:?}");
    assert_eq!((config.user.as_deref(), config.working_dir.as_deref()), (Some("1000:1000"), Some("/fixtures")));
    world.close().await?;
    containers.backend().close().await
}

#[rstest]
#[case::with_processes(&["--backend", "native", "--ui-image", "any"], 2, "`--ui-image` names an image")]
#[case::beside_a_command(&["--ui-command", "true", "--ui-image", "any"], 2, "--ui-command")]
#[case::without_a_name(&["--ui-image", ""], 2, "--ui-image")]
#[case::that_is_not_there(&["--backend", "docker", "--ui-image", "kratos-repro/nothing:here"], 3, "kratos-repro/nothing:here")]
#[tokio::test]
async fn one_that_cannot_be_is_refused_before_anything_starts(
    #[case] flags: &[&str],
    #[case] code: i32,
    #[case] why: &str,
) -> Result<()> {
    let Some(_containers) = Containers::find().await else { return Ok(()) };
    ensure_refused(flags, BROWSER, code, why).await
}

/// The program of that image prints its help, and ends.
#[tokio::test]
async fn one_that_does_not_start_makes_no_trial() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let own = containers.own().context("there is no image of the harness")?;

    let ended = run_on(&sandbox, own, BROWSER).await?;

    ended.ensure_refused(3, &[own, "does not start", "code 2", "KRATOS_PUBLIC_URL and PORT"])?;
    ensure!(list(&sandbox.path("out"))?.is_empty(), "there is a run");
    Ok(())
}

#[tokio::test]
async fn a_case_cannot_name_one() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let case = sandbox.case(
        "image.yaml",
        "title: t\nworld: { ui: { image: any }, browsers: { a: {} } }\nsteps: [{ switch_to: a }]\n\
         symptom: [{ signed_in: a }]\n",
    )?;

    sandbox.run(&[&case])?.ensure_refused(2, &["image"])
}
