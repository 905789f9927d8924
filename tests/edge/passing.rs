//! What reaches the server, what comes back, and whom a client trusts.

use std::time::Duration;

use anyhow::{Context, Result};
use kratos_repro::client::{self, Jar};
use kratos_repro::edge::{Authority, Edge};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ORY, Scene, UI, send_raw};

const LIMIT: Duration = Duration::from_secs(15);

#[rstest]
#[case::by_connect("https")]
#[case::in_absolute_form("http")]
#[tokio::test]
async fn a_request_reaches_the_server_as_it_was_meant(#[case] scheme: &str) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;

    let answer = client.put(format!("{scheme}://{ORY}/flows?id=1")).header("x-mine", "1").body("hello").send().await?;

    assert_eq!((answer.status().as_u16(), answer.headers()["x-server"].to_str()?), (201, "upstream"));
    assert_eq!(answer.text().await?, "hello");
    let seen = scene.upstream.first(|_| true).await?;
    assert_eq!((seen.method.as_str(), seen.uri.as_str(), seen.body.as_str()), ("PUT", "/flows?id=1", "hello"));
    assert_eq!(seen.header("host"), Some(ORY));
    assert_eq!(seen.header("x-forwarded-proto"), Some(scheme));
    assert_eq!(seen.header("x-mine"), Some("1"));
    assert_eq!(scene.only_exchange()?.url, format!("{scheme}://{ORY}/flows?id=1"));
    Ok(())
}

#[tokio::test]
async fn who_knows_of_no_proxy_asks_a_listener_that_stands_for_a_server() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen_for("ui", &url::Url::parse(&format!("https://{ORY}/"))?).await?;

    let answer = client::plain()?.get(format!("http://{listener}/flows?id=1")).send().await?;

    assert_eq!(answer.status().as_u16(), 201);
    let seen = scene.upstream.first(|_| true).await?;
    assert_eq!((seen.uri.as_str(), seen.header("host")), ("/flows?id=1", Some(ORY)));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.listener.as_str(), exchange.url), ("ui", format!("https://{ORY}/flows?id=1")));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_exchanged_gets_the_next_request() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;
    let other = super::Upstream::start().await?;

    client.get(format!("https://{ORY}/1")).send().await?;
    scene.edge.names().set("ORY.example.test", other.address());
    client.get(format!("https://{ORY}/2")).send().await?;

    assert_eq!((scene.upstream.seen().len(), other.seen().len()), (1, 1));
    assert_eq!(other.seen()[0].uri, "/2");
    Ok(())
}

#[tokio::test]
async fn the_certificate_is_for_the_names_of_the_world_only() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    scene.edge.names().set("late.example.test", scene.upstream.address());
    let client = scene.client("a").await?;

    assert!(client.get(format!("https://{UI}/")).send().await.is_ok());
    let error = client.get("https://late.example.test/").send().await.err().context("the name was accepted")?;

    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("not valid for name"), "{text}");
    assert_eq!(scene.upstream.seen().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_client_of_another_world_does_not_trust_this_one() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;
    let other = Authority::new(&[ORY, UI])?;
    let client = client::through(listener, other.pem(), Jar::None)?;

    let error = client.get(format!("https://{ORY}/")).send().await.err().context("the other authority was accepted")?;

    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("invalid peer certificate"), "{text}");
    assert!(scene.upstream.seen().is_empty());
    scene.edge.record().arrival("a", 0, LIMIT).await?;
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.method.as_str(), exchange.url), ("CONNECT", format!("https://{ORY}")));
    assert!(exchange.refused.is_some_and(|why| why.contains("TLS")), "it says what failed");
    Ok(())
}

#[tokio::test]
async fn headers_of_one_connection_are_not_passed_on() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;

    let answer = send_raw(
        listener,
        &format!(
            "GET http://{ORY}/private HTTP/1.1\r\nHost: {ORY}\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\n\
             Proxy-Connection: close\r\nProxy-Authorization: Basic eDp5\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\n\r\n"
        ),
    )
    .await?;

    let seen = scene.upstream.first(|_| true).await?;
    for name in ["connection", "x-hop", "proxy-connection", "proxy-authorization", "te", "keep-alive"] {
        assert_eq!(seen.header(name), None, "`{name}` was passed on to the server");
    }
    assert_eq!(seen.header("x-end"), Some("1"));
    let answer = answer.to_ascii_lowercase();
    assert!(answer.contains("\r\nx-public: 1\r\n"), "{answer}");
    for name in ["x-private", "keep-alive"] {
        assert!(!answer.contains(&format!("\r\n{name}:")), "`{name}` was passed on to the client: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn every_cookie_of_an_answer_survives() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;

    let answer = client.get(format!("https://{ORY}/cookies")).send().await?;

    let cookies: Vec<&str> = answer.headers().get_all("set-cookie").iter().filter_map(|it| it.to_str().ok()).collect();
    let expected = ["csrf=1; Path=/; HttpOnly", "session=2; Path=/"];
    assert_eq!(cookies, expected);
    assert_eq!(scene.only_exchange()?.response_header("Set-Cookie").collect::<Vec<_>>(), expected);
    Ok(())
}

#[tokio::test]
async fn a_tunnel_ends_with_the_edge() -> Result<()> {
    for closes in [true, false] {
        let mut edge = Edge::new(&[ORY], vec![])?;
        let upstream = super::Upstream::start().await?;
        edge.names().set(ORY, upstream.address());
        let mut tunnel = TcpStream::connect(edge.listen("a").await?).await?;
        tunnel.write_all(format!("CONNECT {ORY}:443 HTTP/1.1\r\nHost: {ORY}:443\r\n\r\n").as_bytes()).await?;
        let mut head = [0; 12];
        tunnel.read_exact(&mut head).await?;
        assert_eq!(&head, b"HTTP/1.1 200");

        if closes {
            edge.close().await;
        } else {
            drop(edge);
        }

        let rest = tokio::time::timeout(LIMIT, tunnel.read_to_end(&mut Vec::new())).await;
        // A reset is an end as well.
        assert!(rest.is_ok(), "the tunnel outlived its edge (closed: {closes})");
    }
    Ok(())
}
