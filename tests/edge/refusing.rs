//! What the edge does not pass on, and how it says so.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{ORY, Scene, send_raw};

const LIMIT: Duration = Duration::from_secs(15);

#[rstest]
#[case::unknown_host_by_connect(
    "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
    "CONNECT",
    "https://evil.test",
    "`evil.test` is no host of this world"
)]
#[case::unknown_host_in_absolute_form(
    "POST http://evil.test/take?all=1 HTTP/1.1\r\nHost: ory.example.test\r\nContent-Length: 0\r\n\r\n",
    "POST",
    "http://evil.test/take?all=1",
    "`evil.test` is no host of this world"
)]
#[case::loopback_in_absolute_form(
    "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n",
    "GET",
    "http://127.0.0.1:1/",
    "`127.0.0.1` is no host of this world"
)]
#[case::other_port_by_connect(
    "CONNECT ory.example.test:22 HTTP/1.1\r\nHost: ory.example.test:22\r\n\r\n",
    "CONNECT",
    "https://ory.example.test:22",
    "`ory.example.test` is served on the usual port of https only, not on 22"
)]
#[case::other_port_in_absolute_form(
    "GET http://ory.example.test:8080/ HTTP/1.1\r\nHost: ory.example.test:8080\r\n\r\n",
    "GET",
    "http://ory.example.test:8080/",
    "`ory.example.test` is served on the usual port of http only, not on 8080"
)]
#[tokio::test]
async fn what_is_outside_the_world_is_refused_and_recorded(
    #[case] request: &str,
    #[case] method: &str,
    #[case] url: &str,
    #[case] why: &str,
) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;
    scene.edge.record().set_step(2);

    let answer = send_raw(listener, request).await?;

    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains(why), "{answer}");
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.method.as_str(), exchange.url.as_str()), (method, url));
    assert_eq!((exchange.refused.as_deref(), exchange.status), (Some(why), None));
    assert_eq!((exchange.listener.as_str(), exchange.step), ("a", 2));
    assert!(scene.upstream.seen().is_empty());
    Ok(())
}

#[rstest]
#[case::origin_form("GET /flows HTTP/1.1\r\nHost: ory.example.test\r\n\r\n", "/flows")]
#[case::https_without_connect(
    "GET https://ory.example.test/ HTTP/1.1\r\nHost: ory.example.test\r\n\r\n",
    "https://ory.example.test/"
)]
#[tokio::test]
async fn a_request_that_is_not_for_a_proxy_is_told_so(#[case] request: &str, #[case] url: &str) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;

    let answer = send_raw(listener, request).await?;

    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("this is a proxy"), "{answer}");
    assert!(scene.upstream.seen().is_empty());
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.method.as_str(), exchange.url.as_str(), exchange.status), ("GET", url, None));
    assert!(exchange.refused.is_some_and(|why| why.contains("this is a proxy")));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_gives_502() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;
    let gone = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?;
    scene.edge.names().set(ORY, gone);

    let answer = client.get(format!("https://{ORY}/")).send().await?;

    assert_eq!(answer.status().as_u16(), 502);
    assert!(answer.text().await?.contains(ORY));
    let exchange = scene.only_exchange()?;
    let why = exchange.refused.context("the record does not say why")?;
    assert!(why.contains("failed to reach the server of `ory.example.test`"), "{why}");
    assert_eq!(exchange.status, None);
    Ok(())
}

#[rstest]
#[case::before_its_answer("", "did not answer")]
#[case::within_its_answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "broke off its answer")]
#[tokio::test]
async fn a_server_that_hangs_up_gives_502(#[case] says: &str, #[case] expected: &str) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;
    let _server = answering(&mut scene, says.to_owned()).await?;

    let answer = client.get(format!("https://{ORY}/")).send().await?;

    assert_eq!(answer.status().as_u16(), 502);
    let why = scene.only_exchange()?.refused.context("the record does not say why")?;
    assert!(why.contains(&format!("the server of `{ORY}` {expected}")), "{why}");
    Ok(())
}

#[tokio::test]
async fn a_request_that_breaks_off_does_not_reach_the_server() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;
    let mut stream = TcpStream::connect(listener).await?;

    let head = format!("POST http://{ORY}/login HTTP/1.1\r\nHost: {ORY}\r\nContent-Length: 100\r\n\r\ncode=12");
    stream.write_all(head.as_bytes()).await?;
    scene.edge.record().arrival("a", 0, LIMIT).await?;
    drop(stream);
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;

    assert!(scene.upstream.seen().is_empty());
    let why = scene.only_exchange()?.refused.context("the record does not say why")?;
    assert!(why.contains("the client hung up"), "{why}");
    Ok(())
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_recorded() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;
    let headers = many_headers(1100);

    let answer = send_raw(listener, &format!("GET http://{ORY}/ HTTP/1.1\r\nHost: {ORY}\r\n{headers}\r\n")).await?;

    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    scene.edge.record().arrival("a", 0, LIMIT).await?;
    let why = scene.only_exchange()?.refused.context("the record does not say why")?;
    assert!(why.contains("no request can be read"), "{why}");
    Ok(())
}

#[tokio::test]
async fn a_head_of_many_lines_passes_there_and_back() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;
    let headers = many_headers(900);
    let mut server = answering(&mut scene, format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n")).await?;

    let answer = send_raw(listener, &format!("GET http://{ORY}/ HTTP/1.1\r\nHost: {ORY}\r\n{headers}\r\n")).await?;

    let head = server.join_next().await.context("the server was not asked")???;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-899: 1"), "{answer}");
    assert!(String::from_utf8(head)?.contains("x-899: 1"));
    Ok(())
}

fn many_headers(count: usize) -> String {
    (0..count).map(|number| format!("x-{number}: 1\r\n")).collect()
}

/// A server that says this to the first request, and gives its head.
async fn answering(scene: &mut Scene, says: String) -> Result<JoinSet<std::io::Result<Vec<u8>>>> {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await?;
    scene.edge.names().set(ORY, socket.local_addr()?);
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut stream, _) = socket.accept().await?;
        // The head is read first, so that closing does not reset what was said.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        stream.write_all(says.as_bytes()).await?;
        Ok(head)
    });
    Ok(server)
}

#[tokio::test]
async fn a_request_whose_client_is_gone_at_once_is_lost_with_a_word() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;

    // The edge has no turn in between: request and end are there when it takes the connection.
    let mut stream = std::net::TcpStream::connect(listener)?;
    stream.write_all(format!("POST http://{ORY}/ HTTP/1.1\r\nHost: {ORY}\r\n\r\n").as_bytes())?;
    drop(stream);
    scene.edge.record().arrival("a", 0, LIMIT).await?;

    assert!(scene.only_exchange()?.refused.is_some_and(|why| why.contains("nobody knows whose")));
    let trouble = scene.edge.record().trouble().context("nothing is said of it")?;
    assert!(trouble.contains("a request of `a` was lost"), "{trouble}");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_brings_nothing_is_no_trouble() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;

    drop(std::net::TcpStream::connect(listener)?);
    scene.edge.record().arrival("a", 0, LIMIT).await?;

    assert_eq!(scene.edge.record().trouble(), None);
    Ok(())
}
