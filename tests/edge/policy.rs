//! A listener with a policy: what the browser gets, what the server gets, and what the record keeps of both.

use anyhow::{Context, Result};
use kratos_repro::client::{self, Jar};
use kratos_repro::edge::policy::{Generation, Itp};
use kratos_repro::edge::{BLANK_PATH, DnsRecord, Edge, Effect, Fault};
use reqwest::{RequestBuilder, Response};
use rstest::rstest;

use super::{ORY, UI, Upstream};

const OTHER: &str = "app.other.test";

/// An edge with a browser of Safari's rules, and a server that sets a cookie of 30 days with each answer.
struct Scene {
    edge: Edge,
    upstream: Upstream,
    browser: reqwest::Client,
}

impl Scene {
    async fn set() -> Result<Self> {
        let cookie = Fault::new(Effect::AddCookie("s=1; Path=/; Max-Age=2592000".into()));
        let mut edge = Edge::new(&[ORY, UI, OTHER], vec![cookie])?;
        let upstream = Upstream::start().await?;
        for (host, cname, address) in [(UI, None, "203.0.113.10"), (ORY, Some("x.oryapis.test"), "198.51.100.7")] {
            edge.names().set(host, upstream.address());
            let cname = cname.into_iter().map(str::to_owned).collect();
            edge.dns().tell(host, DnsRecord { cname, address: Some(address.to_owned()) });
        }
        edge.names().set(OTHER, upstream.address());
        let listener = edge.listen_with("a", Some(Itp::new(Generation::G4))).await?;
        let browser = client::through(listener, edge.authority_pem(), Jar::None)?;
        Ok(Self { edge, upstream, browser })
    }

    async fn visit(&self) -> Result<Response> {
        let request = self.browser.get(format!("https://{UI}/")).header("sec-fetch-dest", "document");
        Ok(request.send().await?)
    }

    fn fetch(&self, host: &str) -> RequestBuilder {
        let request = self.browser.get(format!("https://{host}/cookies")).header("sec-fetch-dest", "empty");
        request.header("origin", format!("https://{UI}")).header("cookie", "s=1")
    }
}

fn cookies(answer: &Response) -> Vec<&str> {
    answer.headers().get_all("set-cookie").iter().filter_map(|it| it.to_str().ok()).collect()
}

#[tokio::test]
async fn a_capped_cookie_is_recorded_as_it_was_sent_and_as_it_arrived() -> Result<()> {
    let scene = Scene::set().await?;
    let page = scene.visit().await?;

    let answer = scene.fetch(ORY).send().await?;

    assert_eq!(cookies(&page), ["s=1; Path=/; Max-Age=2592000"]);
    let short = ["csrf=1; Path=/; HttpOnly", "session=2; Path=/"];
    assert_eq!(cookies(&answer), [short[0], short[1], "s=1; Path=/; Max-Age=604800"]);
    let exchanges = scene.edge.record().exchanges();
    let [page, fetch] = exchanges.as_slice() else { anyhow::bail!("two exchanges are expected: {exchanges:#?}") };
    assert_eq!((page.policy.len(), &page.delivered_cookies), (1, &None));
    assert_eq!(fetch.response_header("set-cookie").last(), Some("s=1; Path=/; Max-Age=2592000"));
    let delivered = fetch.delivered_cookies.as_ref().context("nothing was changed")?;
    assert_eq!(delivered.last().map(String::as_str), Some("s=1; Path=/; Max-Age=604800"));
    assert!(fetch.policy[2].starts_with("G4 (emulated): s capped from 30 d to 7 d: a fetch"), "{:?}", fetch.policy);
    assert_eq!(scene.upstream.seen()[1].header("cookie"), Some("s=1"));
    Ok(())
}

#[tokio::test]
async fn a_third_party_neither_gets_nor_sets_a_cookie() -> Result<()> {
    let scene = Scene::set().await?;
    scene.visit().await?;

    let answer = scene.fetch(OTHER).send().await?;

    assert_eq!(cookies(&answer), Vec::<&str>::new());
    assert_eq!(scene.upstream.seen()[1].header("cookie"), None);
    let exchanges = scene.edge.record().exchanges();
    let fetch = exchanges.last().context("there is one")?;
    assert_eq!((fetch.request_header("cookie").next(), &fetch.delivered_cookies), (None, &Some(vec![])));
    assert_eq!(fetch.response_header("set-cookie").count(), 3, "the record has what the server sent");
    assert!(fetch.policy[0].contains("no cookie sent: a third party"), "{:?}", fetch.policy);
    Ok(())
}

#[tokio::test]
async fn a_listener_without_a_policy_leaves_cookies_alone() -> Result<()> {
    let mut scene = Scene::set().await?;
    let listener = scene.edge.listen("b").await?;
    scene.browser = client::through(listener, scene.edge.authority_pem(), Jar::None)?;
    scene.visit().await?;

    let (near, far) = (scene.fetch(ORY).send().await?, scene.fetch(OTHER).send().await?);

    for answer in [near, far] {
        assert_eq!(cookies(&answer).last(), Some(&"s=1; Path=/; Max-Age=2592000"));
    }
    assert!(scene.edge.record().exchanges().iter().all(|it| it.policy.is_empty() && it.delivered_cookies.is_none()));
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_brings_the_browser_no_cookie() -> Result<()> {
    for policy in [Some(Itp::new(Generation::G4)), None] {
        let mut edge = Edge::new(&[ORY], vec![Fault::new(Effect::LoseAnswer)])?;
        let upstream = Upstream::start().await?;
        edge.names().set(ORY, upstream.address());
        let listener = edge.listen_with("a", policy).await?;
        let browser = client::through(listener, edge.authority_pem(), Jar::None)?;

        let lost = browser.get(format!("https://{ORY}/cookies")).send().await;

        assert!(lost.is_err(), "an answer came: {lost:?}");
        let exchanges = edge.record().exchanges();
        let exchange = exchanges.first().context("there is no exchange")?;
        assert_eq!(exchange.response_header("set-cookie").count(), 2, "the record has what the server sent");
        assert_eq!(exchange.delivered_cookies, Some(vec![]));
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_that_is_left_alone_keeps_its_bytes() -> Result<()> {
    let scene = Scene::set().await?;
    scene.visit().await?;
    let fetch = scene.browser.get(format!("https://{ORY}/latin")).header("sec-fetch-dest", "empty");

    let answer = fetch.header("origin", format!("https://{UI}")).send().await?;

    let cookies: Vec<&[u8]> = answer.headers().get_all("set-cookie").iter().map(|it| it.as_bytes()).collect();
    assert_eq!(cookies, [b"name=Ren\xe9; Path=/".as_slice(), b"s=1; Path=/; Max-Age=604800"]);
    Ok(())
}

#[rstest]
#[case::at_the_top("")]
#[case::below_a_base_url("/employees")]
#[tokio::test]
async fn the_empty_page_reaches_no_server_and_leaves_no_trace(#[case] base: &str) -> Result<()> {
    let scene = Scene::set().await?;

    let page = scene.browser.get(format!("https://{ORY}{base}{BLANK_PATH}")).header("sec-fetch-dest", "document");
    let answer = page.send().await?;

    assert_eq!((answer.status().as_u16(), cookies(&answer).len()), (200, 0));
    assert!(scene.upstream.seen().is_empty() && scene.edge.record().exchanges().is_empty());
    Ok(())
}
