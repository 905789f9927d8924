//! `kratos-repro ui` and `kratos-repro legacy`, as a person starts them.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::case::WorldSpec;
use kratos_repro::client;
use kratos_repro::world::World;
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::json;

use crate::support::trials::world_settings;
use crate::support::{Running, Sandbox};

/// How soon a server ends after it is asked to.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Starts a server of the program with these variables on a free port, and says where it listens.
fn start(sandbox: &Sandbox, name: &str, variables: &[(&str, &str)]) -> Result<(Running, SocketAddr)> {
    let mut command = sandbox.command(&[name]);
    command.env("PORT", "0").env_remove("HOST").envs(variables.iter().copied());
    let mut running = sandbox.start(command)?;
    let said = running.wait("line that says where it listens", |it| {
        let said = it.stderr();
        said.ends_with('\n').then_some(said)
    })?;
    let addr = said.trim().strip_prefix(&format!("{name} listens on http://"));
    Ok((running, addr.with_context(|| format!("it said: {said}"))?.parse()?))
}

/// Asks it to end; it does so as expected.
fn end(running: Running) -> Result<()> {
    running.signal(Signal::SIGTERM)?;
    let ended = running.end(END_LIMIT)?;
    ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
    Ok(())
}

#[tokio::test]
async fn the_interface_shows_the_flow_of_a_real_kratos() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("kratos-repro-test-").tempdir()?;
    let world = World::start(&WorldSpec::default(), &world_settings(folder.path(), &[]).await?).await?;
    let kratos = format!("http://{}/", world.kratos(None)?.public());
    let sandbox = Sandbox::new()?;
    let variables = [("KRATOS_PUBLIC_URL", kratos.as_str()), ("KRATOS_BROWSER_URL", "https://ory.example.test")];
    let (running, ui) = start(&sandbox, "ui", &variables)?;
    let http = client::plain()?;

    let begun = http.get(format!("http://{ui}/login")).send().await?;
    let flow = http.get(format!("{kratos}self-service/login/browser")).send().await?;
    let header = |name: &str| flow.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = header("location").split_once('?').map(|(_, query)| query.to_owned()).context("no flow begins")?;
    let cookie = header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let shown = http.get(format!("http://{ui}/login?{query}")).header("cookie", &cookie).send().await?.text().await?;
    let foreign = http.get(format!("http://{ui}/login?{query}")).send().await?.text().await?;

    assert_eq!(
        begun.headers().get("location").and_then(|value| value.to_str().ok()),
        Some("https://ory.example.test/self-service/login/browser")
    );
    ensure!(shown.contains("data-testid=\"login-flow\""), "{shown}");
    ensure!(foreign.contains("ui/error/security_csrf_violation"), "{foreign}");
    end(running)?;
    world.close().await
}

#[tokio::test]
async fn the_interface_reaches_kratos_by_its_name_through_the_edge() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("kratos-repro-test-").tempdir()?;
    let mut world = World::start(&WorldSpec::default(), &world_settings(folder.path(), &[]).await?).await?;
    let proxy = format!("http://{}", world.admit("program", &Default::default()).await?.listener);
    let authority = world.folder().join("authority.pem").display().to_string();
    let sandbox = Sandbox::new()?;
    let variables = [
        ("ORY_SDK_URL", "https://ory.example.test"),
        ("KRATOS_REPRO_PROXY", proxy.as_str()),
        ("KRATOS_REPRO_AUTHORITY", authority.as_str()),
    ];
    let (running, ui) = start(&sandbox, "ui", &variables)?;

    let answer = client::plain()?.get(format!("http://{ui}/error?id=stub:500")).send().await?;

    let shown = answer.text().await?;
    ensure!(shown.contains("data-testid=\"ui/error\"") && !shown.contains("kratos_unreachable"), "{shown}");
    let asked = world.edge().record().exchanges();
    let asked: Vec<_> = asked.iter().filter(|it| it.listener == "program").map(|it| it.url.as_str()).collect();
    assert_eq!(asked, ["https://ory.example.test/self-service/errors?id=stub%3A500"]);
    end(running)?;
    world.close().await
}

#[tokio::test]
async fn the_legacy_system_answers_the_hook() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let users = "users: [{ email: ada@example.test, password: old secret, name: Ada }]";
    let (running, legacy) = start(&sandbox, "legacy", &[("KRATOS_REPRO_SETTINGS", users)])?;
    let ask = async |password: &str| {
        let question = json!({ "identifier": "ada@example.test", "password": password });
        let url = format!("http://{legacy}/verify-password");
        anyhow::Ok(client::plain()?.post(url).json(&question).send().await?.status().as_u16())
    };

    assert_eq!((ask("old secret").await?, ask("another").await?), (200, 403));
    end(running)
}

#[rstest]
#[case::no_kratos(&["ui"], &["KRATOS_PUBLIC_URL"])]
#[case::no_url(&["ui", "--kratos-public-url", "kratos:4433"], &["`kratos:4433`", "neither http nor https"])]
#[case::nobody_is_trusted(&["ui", "--kratos-public-url", "https://kratos.test"], &["`https://kratos.test/`", "--authority"])]
#[case::no_authority(
    &["ui", "--kratos-public-url", "https://kratos.test", "--authority", "/nowhere.pem"], &["`/nowhere.pem`"]
)]
#[case::no_guard(&["ui", "--kratos-public-url", "http://127.0.0.1:9", "--guard", "maybe"], &["`maybe`", "disable-after-"])]
#[case::no_submit(&["ui", "--kratos-public-url", "http://127.0.0.1:9", "--submit", "fax"], &["fax", "ajax"])]
#[case::no_port(&["ui", "--kratos-public-url", "http://127.0.0.1:9", "--port", "70000"], &["70000"])]
#[case::no_tenant(&["ui", "--tenant", "a/b=http://127.0.0.1:9"], &["`a/b`"])]
#[case::a_tenant_twice(&["ui", "--tenant", "a=http://127.0.0.1:9,a=http://127.0.0.1:9"], &["`a`", "twice"])]
#[case::one_and_several(
    &["ui", "--tenant", "a=http://127.0.0.1:9", "--kratos-public-url", "http://127.0.0.1:9"], &["tenants"]
)]
#[case::no_settings(&["legacy"], &["--settings"])]
#[case::no_such_user(&["legacy", "--settings", "users: [{ mail: ada }]"], &["mail"])]
fn a_wrong_call_is_refused(#[case] arguments: &[&str], #[case] words: &[&str]) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let mut command = sandbox.command(arguments);
    command.env_remove("PORT").env_remove("HOST");

    sandbox.end(command)?.ensure_refused(2, words)
}

#[test]
fn a_port_that_is_taken_is_named() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let sandbox = Sandbox::new()?;

    let ended =
        sandbox.call(&["ui", "--kratos-public-url", "http://127.0.0.1:9", "--host", "127.0.0.1", "--port", &port])?;

    ended.ensure_refused(3, &[&format!("127.0.0.1:{port}"), "PORT"])
}
