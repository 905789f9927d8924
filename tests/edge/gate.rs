//! A listener on an address that others reach: who knows its password is let in, everybody else is refused and recorded.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use kratos_repro::client::{self, Jar};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{ORY, Scene, send_raw};

/// An address of this machine that is not 127.0.0.1, as a bridge's or a network card's is not.
const REACHABLE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77));

/// Two machines that reach it.
const NODE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// Asks from an address of its own for a page, by its URL or by its path, and gives the answer.
async fn ask_from(from: Ipv4Addr, listener: SocketAddr, url: &str) -> Result<String> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut stream = socket.connect(listener).await?;
    let host = url.split('/').nth(2).unwrap_or("x");
    stream.write_all(format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[rstest]
#[case::https("https")]
#[case::http("http")]
#[tokio::test]
async fn a_program_that_sends_the_password_passes_and_it_is_recorded_nowhere(#[case] scheme: &str) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let gate = scene.edge.listen_at("kratos", None, REACHABLE).await?;
    let program = client::through_url(&gate.url(), scene.edge.authority_pem(), Jar::None)?;

    let answer = program.get(format!("{scheme}://{ORY}/flows")).send().await?;

    assert_eq!(answer.status().as_u16(), 201);
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.listener.as_str(), exchange.refused.as_deref()), ("kratos", None));
    let password = gate.door().rsplit('/').next().context("no password")?.to_owned();
    assert!(password.len() >= 32, "a password that cannot be guessed: {} letters", password.len());
    let told = format!("{:?} {gate:?} {:?}", scene.edge.record(), scene.upstream.seen());
    assert!(!told.contains(&password) && !told.to_lowercase().contains("proxy-authorization"), "{told}");
    Ok(())
}

#[rstest]
#[case::the_server_that_it_is_for(NODE, "HTTP/1.1 201", None)]
#[case::another(STRANGER, "HTTP/1.1 407", Some("127.0.0.9"))]
#[tokio::test]
async fn a_listener_that_stands_for_a_server_is_for_one_address(
    #[case] from: Ipv4Addr,
    #[case] status: &str,
    #[case] refused: Option<&str>,
) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let url = format!("https://{ORY}/").parse()?;
    let listener = scene.edge.listen_for_at("ui", &url, REACHABLE, NODE.into()).await?;

    let answer = ask_from(from, listener, "/flows").await?;

    assert!(answer.starts_with(status), "{answer}");
    let exchange = scene.only_exchange()?;
    assert_eq!(exchange.listener, "ui");
    let why = exchange.refused.as_deref();
    assert_eq!(why.is_some(), refused.is_some(), "{why:?}");
    assert!(refused.is_none_or(|who| why.is_some_and(|why| why.contains(who))), "{why:?}");
    Ok(())
}

#[rstest]
#[case::none_by_connect(
    "CONNECT ory.example.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT",
    "https://ory.example.test"
)]
#[case::none_in_absolute_form(
    "GET http://ory.example.test/a HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET",
    "http://ory.example.test"
)]
#[case::a_wrong_one(
    "GET http://ory.example.test/a HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic a3JhdG9zLXJlcHJvOng=\r\n\r\n",
    "GET",
    "http://ory.example.test"
)]
#[case::another_scheme(
    "GET http://ory.example.test/a HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Bearer x\r\n\r\n",
    "GET",
    "http://ory.example.test"
)]
#[case::a_door_that_is_none(
    "GET http://edge.kratos-repro.test/x HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET",
    "http://edge.kratos-repro.test"
)]
#[tokio::test]
async fn who_does_not_know_the_password_is_refused_and_recorded(
    #[case] request: &str,
    #[case] method: &str,
    #[case] url: &str,
) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let gate = scene.edge.listen_at("kratos", None, REACHABLE).await?;

    let answer = send_raw(gate.address(), request).await?;

    assert!(answer.starts_with("HTTP/1.1 407 "), "{answer}");
    assert!(answer.to_lowercase().contains("proxy-authenticate: basic realm="), "{answer}");
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.method.as_str(), exchange.url.as_str()), (method, url));
    assert!(exchange.refused.is_some_and(|why| why.contains("did not give the password")));
    assert!(scene.upstream.seen().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_browser_that_comes_by_the_door_is_let_in_and_nobody_else() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let gate = scene.edge.listen_at("a", None, REACHABLE).await?;
    let page = format!("http://{ORY}/flows");
    assert!(ask_from(NODE, gate.address(), &page).await?.starts_with("HTTP/1.1 407 "), "not yet let in");

    let door = ask_from(NODE, gate.address(), &gate.door()).await?;

    assert!(door.starts_with("HTTP/1.1 200 "), "{door}");
    assert!(ask_from(NODE, gate.address(), &page).await?.starts_with("HTTP/1.1 201 "));
    assert!(ask_from(STRANGER, gate.address(), &page).await?.starts_with("HTTP/1.1 407 "));
    let seen = scene.edge.record().exchanges();
    let refused: Vec<bool> = seen.iter().map(|exchange| exchange.refused.is_some()).collect();
    assert_eq!(refused, [true, false, true], "the door itself is not in the record: {seen:#?}");
    Ok(())
}

#[tokio::test]
async fn a_password_opens_its_own_listener_alone() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let mine = scene.edge.listen_at("a", None, REACHABLE).await?;
    let other = scene.edge.listen_at("b", None, REACHABLE).await?;

    let answer = ask_from(NODE, other.address(), &mine.door()).await?;
    let url = mine.url().replace(&mine.address().to_string(), &other.address().to_string());
    let program = client::through_url(&url, scene.edge.authority_pem(), Jar::None)?;
    let by_basic = program.get(format!("http://{ORY}/")).send().await?;

    assert!(answer.starts_with("HTTP/1.1 407 "), "{answer}");
    assert_eq!(by_basic.status().as_u16(), 407);
    let password = mine.door().rsplit('/').next().context("no password")?.to_owned();
    assert!(!format!("{:?}", scene.edge.record()).contains(&password), "what was tried elsewhere is not told");
    Ok(())
}

#[tokio::test]
async fn an_address_that_this_machine_does_not_have_is_named() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;

    let Err(error) = scene.edge.listen_at("a", None, Ipv4Addr::new(198, 51, 100, 1).into()).await else {
        anyhow::bail!("it listens on an address for documentation (RFC 5737)");
    };

    assert!(format!("{error:#}").contains("198.51.100.1"), "{error:#}");
    Ok(())
}

/// Debian's `nobody`; any user but root and ours does.
const NOBODY: u32 = 65_534;

#[rstest]
#[case::its_own(None, "HTTP/1.1 201")]
#[case::another(Some(NOBODY), "HTTP/1.1 407")]
#[tokio::test]
async fn an_address_that_is_let_in_is_not_for_every_user_who_has_it(
    #[case] user: Option<u32>,
    #[case] status: &str,
) -> Result<()> {
    if !nix::unistd::Uid::effective().is_root() {
        let _ = writeln!(std::io::stderr(), "not run: it takes root to be another user");
        return Ok(());
    }
    let mut scene = Scene::set(vec![]).await?;
    let gate = scene.edge.listen_at("a", None, REACHABLE).await?;
    let door = ask_from(NODE, gate.address(), &gate.door()).await?;
    assert!(door.starts_with("HTTP/1.1 200 "), "{door}");
    let mut ask = tokio::process::Command::new("curl");
    ask.args(["--silent", "--include", "--interface", &NODE.to_string()]);
    ask.args(["--proxy", &format!("http://{}", gate.address()), &format!("http://{ORY}/flows")]);
    ask.uid(user.unwrap_or_default());

    let answer = ask.output().await?;

    let answer = String::from_utf8_lossy(&answer.stdout);
    assert!(answer.starts_with(status), "{answer}");
    Ok(())
}

#[tokio::test]
async fn another_user_of_this_machine_is_not_served_and_that_is_recorded() -> Result<()> {
    if !nix::unistd::Uid::effective().is_root() {
        let _ = writeln!(std::io::stderr(), "not run: it takes root to be another user");
        return Ok(());
    }
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;
    let mut ask = tokio::process::Command::new("curl");
    ask.args(["--silent", "--proxy", &format!("http://{listener}"), &format!("http://{ORY}/flows")]);

    let own = ask.output().await?;
    let other = ask.uid(NOBODY).output().await?;

    assert_eq!(own.status.code(), Some(0), "it is served to its own user");
    // "Nothing was returned from the server" or "failure in receiving" (curl's `EXIT CODES`).
    assert!([Some(52), Some(56)].contains(&other.status.code()), "{:?}", other.status);
    assert_eq!(scene.upstream.seen().len(), 1);
    let refused: Vec<String> = scene.edge.record().exchanges().into_iter().filter_map(|it| it.refused).collect();
    assert!(matches!(refused.as_slice(), [why] if why.contains(&format!("user {NOBODY}"))), "{refused:?}");
    Ok(())
}
