//! The record: everything is in it, and waiting on it ends when it should.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::{ORY, Scene, UI};

const LIMIT: Duration = Duration::from_secs(15);
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn an_exchange_is_recorded_whole() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;
    scene.edge.record().start_clock();
    scene.edge.record().set_step(3);

    client.post(format!("https://{ORY}/login?flow=1")).header("Cookie", "csrf=1").body("code=123456").send().await?;

    let now = scene.edge.record().now_ms();
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.id, exchange.step, exchange.listener.as_str()), (1, 3, "a"));
    assert_eq!((exchange.method.as_str(), exchange.path(), exchange.host()), ("POST", "/login", ORY));
    assert_eq!(exchange.request_header("cookie").collect::<Vec<_>>(), ["csrf=1"]);
    assert_eq!((exchange.request_body.as_str(), exchange.response_body.as_str()), ("code=123456", "code=123456"));
    assert_eq!(exchange.status, Some(201));
    assert_eq!(exchange.response_header("X-Server").collect::<Vec<_>>(), ["upstream"]);
    assert_eq!((exchange.fault, exchange.refused), (None, None));
    let took = exchange.took_ms.context("it has no end")?;
    assert!(exchange.at_ms + took <= now, "{} + {took} is later than {now}", exchange.at_ms);
    Ok(())
}

#[tokio::test]
async fn two_listeners_are_told_apart() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let (a, b) = (scene.client("a").await?, scene.client("b").await?);

    a.get(format!("https://{ORY}/1")).send().await?;
    b.get(format!("https://{ORY}/2")).send().await?;
    a.get(format!("http://{UI}/3")).send().await?;

    let exchanges = scene.edge.record().exchanges();
    let who: Vec<(&str, &str)> = exchanges.iter().map(|it| (it.listener.as_str(), it.path())).collect();
    assert_eq!(who, [("a", "/1"), ("b", "/2"), ("a", "/3")]);
    Ok(())
}

#[tokio::test]
async fn fifty_exchanges_at_once_are_all_recorded() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let mut asking = JoinSet::new();
    for listener in 0..5 {
        let client = scene.client(&format!("c{listener}")).await?;
        for number in 0..10 {
            let client = client.clone();
            let scheme = if number % 2 == 0 { "https" } else { "http" };
            asking.spawn(async move {
                let body = format!("{listener}-{number}");
                let answer = client.post(format!("{scheme}://{ORY}/{body}")).body(body.clone()).send().await?;
                anyhow::ensure!(answer.text().await? == body, "{body} got the answer of another");
                Ok(())
            });
        }
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;

    let exchanges = scene.edge.record().exchanges();
    assert_eq!(exchanges.iter().map(|it| it.id).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
    let bodies: BTreeSet<&str> = exchanges.iter().map(|it| it.request_body.as_str()).collect();
    assert_eq!(bodies.len(), 50);
    for it in &exchanges {
        assert_eq!((it.path(), &it.response_body), (format!("/{}", it.request_body).as_str(), &it.request_body));
        assert!(it.request_body.starts_with(&it.listener[1..]), "{} is not of {}", it.request_body, it.listener);
        assert!(it.took_ms.is_some());
    }
    Ok(())
}

#[tokio::test]
async fn the_record_settles_when_nothing_is_open() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;
    let record = scene.edge.record().clone();
    let asked = tokio::spawn(client.post(format!("https://{ORY}/gate?flow=1")).send());
    scene.upstream.first(|_| true).await?;

    let error = record.settle(Duration::ZERO, SHORT).await.err().context("it settled with an open exchange")?;
    assert!(error.to_string().contains("still open: POST /gate from `a`"), "{error}");

    scene.upstream.open_gate();
    record.settle(Duration::ZERO, LIMIT).await?;
    assert!(scene.only_exchange()?.took_ms.is_some());
    assert_eq!(asked.await??.status().as_u16(), 200);
    Ok(())
}

#[tokio::test]
async fn the_record_settles_after_the_quiet_time_only() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    scene.client("a").await?.get(format!("https://{ORY}/")).send().await?;
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;
    let exchange = scene.only_exchange()?;
    let ended = exchange.at_ms + exchange.took_ms.context("it has no end")?;

    scene.edge.record().settle(SHORT, LIMIT).await?;

    let now = scene.edge.record().now_ms();
    assert!(now - ended >= 99, "it settled {} ms after the last end", now - ended);
    Ok(())
}

#[tokio::test]
async fn a_preflight_is_no_arrival_of_what_it_asks_for() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let a = scene.client("a").await?;
    let record = scene.edge.record().clone();
    a.request(reqwest::Method::OPTIONS, format!("https://{ORY}/")).send().await?;

    record.arrival("a", 0, LIMIT).await?;
    assert!(record.arrival_beyond_preflight("a", 0, SHORT).await.is_err(), "the preflight was taken for it");

    a.post(format!("https://{ORY}/")).send().await?;
    record.arrival_beyond_preflight("a", 0, LIMIT).await
}

#[tokio::test]
async fn an_arrival_is_of_its_listener_and_its_step() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let (a, b) = (scene.client("a").await?, scene.client("b").await?);
    let record = scene.edge.record().clone();
    record.set_step(1);
    a.get(format!("https://{ORY}/")).send().await?;
    record.set_step(2);
    b.get(format!("https://{ORY}/")).send().await?;

    let error = record.arrival("a", 2, SHORT).await.err().context("another's request was taken for it")?;
    assert_eq!(error.to_string(), "no request from `a` within 100 ms");

    // It is there as soon as the request arrives, whether or not it is ever answered.
    let asked = tokio::spawn(a.get(format!("https://{ORY}/gate")).send());
    record.arrival("a", 2, LIMIT).await?;
    scene.upstream.open_gate();
    asked.await??;
    Ok(())
}
