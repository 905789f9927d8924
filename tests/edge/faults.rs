//! Faults, and what becomes of an exchange whose client hangs up.

use std::io::Write as _;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kratos_repro::edge::{Effect, Fault, Meeting};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::upstream::End;
use super::{ORY, Scene, UI};

const DELAY: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_delayed_answer_is_late_and_its_request_is_not() -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::DelayAnswer(DELAY))]).await?;
    let client = scene.client("a").await?;

    let mut asked = std::pin::pin!(client.post(format!("https://{ORY}/login")).body("code=1").send());
    let seen = tokio::select! {
        biased;
        answer = &mut asked => bail!("the answer came before the server had answered: {answer:?}"),
        seen = scene.upstream.first(|seen| seen.end == Some(End::Answered)) => seen?,
    };
    let answer = asked.await?;
    let answered = Instant::now();

    assert_eq!(answer.status().as_u16(), 201);
    assert!(answered - seen.at >= DELAY, "the answer came after {:?}", answered - seen.at);
    let exchange = scene.only_exchange()?;
    assert_eq!(exchange.fault.as_deref(), Some("answer held for 300 ms"));
    assert!(exchange.took_ms >= Some(300), "{:?}", exchange.took_ms);
    Ok(())
}

#[tokio::test]
async fn a_delayed_answer_waits_for_clicks_that_take_longer_than_its_delay() -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::DelayAnswer(Duration::from_millis(1)))]).await?;
    let client = scene.client("a").await?;
    let held = scene.edge.record().hold();

    let mut asked = std::pin::pin!(client.post(format!("https://{ORY}/login")).body("code=1").send());
    let early = tokio::time::timeout(DELAY, &mut asked).await;
    drop(held);

    assert!(early.is_err(), "it came before the clicks were done: {early:?}");
    assert_eq!(asked.await?.status().as_u16(), 201);
    Ok(())
}

#[tokio::test]
async fn a_delayed_request_reaches_the_server_late() -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::DelayRequest(DELAY))]).await?;
    let client = scene.client("a").await?;

    let sent = Instant::now();
    client.get(format!("https://{ORY}/")).send().await?;

    let seen = scene.upstream.first(|_| true).await?;
    assert!(seen.at - sent >= DELAY, "the server saw it after {:?}", seen.at - sent);
    assert_eq!(scene.only_exchange()?.fault.as_deref(), Some("request held for 300 ms"));
    Ok(())
}

#[tokio::test]
async fn requests_that_meet_reach_the_server_only_together() -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::Together(Meeting::of(2))).path(Some("/login".into()))]).await?;
    let (a, b) = (scene.client("a").await?, scene.client("b").await?);

    let mut first = std::pin::pin!(a.post(format!("https://{ORY}/login")).send());
    tokio::select! {
        answer = &mut first => bail!("the first did not wait: {answer:?}"),
        arrived = scene.edge.record().arrival("a", 0, LIMIT) => arrived?,
    }
    // What takes no part passes: the edge had time for the first.
    b.get(format!("https://{ORY}/")).send().await?;
    let seen: Vec<String> = scene.upstream.seen().into_iter().map(|seen| seen.uri).collect();
    assert_eq!(seen, ["/"], "the first is held");

    let (first, second) = tokio::join!(first, b.post(format!("https://{ORY}/login")).send());

    assert_eq!((first?.status().as_u16(), second?.status().as_u16()), (201, 201));
    // It is over: who comes later is not held, and is not said to be.
    a.post(format!("https://{ORY}/login")).send().await?;
    let exchanges = scene.edge.record().exchanges();
    let held: Vec<(&str, bool)> = exchanges.iter().map(|it| (it.path(), it.fault.is_some())).collect();
    assert_eq!(held, [("/login", true), ("/", false), ("/login", true), ("/login", false)]);
    Ok(())
}

#[rstest]
#[case::that_names_no_method(None, "POST")]
#[case::that_names_the_posts(Some("POST"), "POST")]
#[case::that_names_the_preflights(Some("OPTIONS"), "OPTIONS")]
#[tokio::test]
async fn a_fault_hits_a_preflight_only_by_name(#[case] method: Option<&str>, #[case] hit: &str) -> Result<()> {
    let fault = Fault::new(Effect::LoseAnswer).method(method.map(str::to_owned)).times(Some(1));
    let mut scene = Scene::set(vec![fault]).await?;
    let client = scene.client("a").await?;

    let preflight = client.request(reqwest::Method::OPTIONS, format!("https://{ORY}/login"));
    let preflight = preflight.header("origin", format!("https://{UI}")).header("access-control-request-method", "POST");
    let answered = [preflight.send().await.is_ok(), client.post(format!("https://{ORY}/login")).send().await.is_ok()];

    assert_eq!(answered, ["OPTIONS", "POST"].map(|method| method != hit));
    let exchanges = scene.edge.record().exchanges();
    let struck: Vec<&str> = exchanges.iter().filter(|it| it.fault.is_some()).map(|it| it.method.as_str()).collect();
    assert_eq!(struck, [hit]);
    Ok(())
}

#[rstest]
#[case::by_connect("https")]
#[case::in_absolute_form("http")]
#[tokio::test]
async fn a_client_that_hangs_up_cancels_nothing(#[case] scheme: &str) -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let client = scene.client("a").await?;

    // A proxy that drops the request with its client would close its connection to the server here,
    // and the handler would be cancelled before the gate opens.
    let asked = tokio::spawn(client.post(format!("{scheme}://{ORY}/gate")).body("code=1").send());
    scene.upstream.first(|_| true).await?;
    asked.abort();
    assert!(asked.await.is_err_and(|error| error.is_cancelled()), "the client was answered before it hung up");
    // The edge has seen the hang-up once it has served another request of the same machine after it.
    scene.client("b").await?.get(format!("{scheme}://{UI}/")).send().await?;
    scene.upstream.open_gate();

    let seen = scene.upstream.first(|seen| seen.end.is_some()).await?;
    assert_eq!(seen.end, Some(End::Answered));
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;
    let exchange = scene.edge.record().exchanges().into_iter().next().context("there is no exchange")?;
    assert_eq!((exchange.status, exchange.response_body.as_str()), (Some(200), "passed"));
    assert_eq!((exchange.request_body.as_str(), exchange.refused), ("code=1", None));
    assert!(exchange.took_ms.is_some());
    assert!(exchange.undelivered, "it counts as delivered");
    let whole = scene.edge.record().exchanges().into_iter().nth(1).context("there is one exchange")?;
    assert!(!whole.undelivered, "one whose client stayed counts as lost");
    Ok(())
}

#[rstest]
#[case::by_connect("https")]
#[case::in_absolute_form("http")]
#[tokio::test]
async fn a_hang_up_that_is_passed_on_cancels_the_request(#[case] scheme: &str) -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::PassHangUp).path(Some("/gate".into()))]).await?;
    let client = scene.client("a").await?;

    let asked = tokio::spawn(client.post(format!("{scheme}://{ORY}/gate")).body("code=1").send());
    scene.upstream.first(|_| true).await?;
    asked.abort();

    let seen = scene.upstream.first(|seen| seen.end.is_some()).await?;
    assert_eq!(seen.end, Some(End::Cancelled));
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;
    let exchange = scene.only_exchange()?;
    assert_eq!((exchange.status, exchange.refused), (None, None));
    assert!(exchange.fault.is_some_and(|text| text.contains("hung up")) && exchange.took_ms.is_some());
    Ok(())
}

#[tokio::test]
async fn a_client_that_stays_gets_its_answer_whether_or_not_hang_ups_are_passed_on() -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::PassHangUp)]).await?;
    let client = scene.client("a").await?;

    let answer = client.post(format!("https://{ORY}/login")).body("code=1").send().await?;

    assert_eq!(answer.status().as_u16(), 201);
    assert_eq!(scene.only_exchange()?.fault, None);
    Ok(())
}

#[tokio::test]
async fn a_request_that_comes_with_the_end_of_its_connection_is_carried() -> Result<()> {
    let mut scene = Scene::set(vec![]).await?;
    let listener = scene.edge.listen("a").await?;

    // The edge has no turn in between: request and end are there when it looks first.
    let mut stream = std::net::TcpStream::connect(listener)?;
    stream.write_all(format!("GET http://{ORY}/ HTTP/1.1\r\nHost: {ORY}\r\n\r\n").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    scene.edge.record().arrival("a", 0, LIMIT).await?;
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;

    assert_eq!(scene.only_exchange()?.status, Some(201));
    // It is answered, and its connection is over.
    stream.set_nonblocking(true)?;
    let mut answer = String::new();
    tokio::time::timeout(LIMIT, TcpStream::from_std(stream)?.read_to_string(&mut answer)).await??;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_client_that_hangs_up_during_the_delay_leaves_a_whole_exchange() -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::DelayAnswer(DELAY))]).await?;
    let listener = scene.edge.listen("a").await?;

    let mut stream = TcpStream::connect(listener).await?;
    stream.write_all(format!("GET http://{ORY}/ HTTP/1.1\r\nHost: {ORY}\r\n\r\n").as_bytes()).await?;
    scene.upstream.first(|seen| seen.end.is_some()).await?;
    drop(stream);
    scene.edge.record().settle(Duration::ZERO, LIMIT).await?;

    let exchange = scene.only_exchange()?;
    assert_eq!(exchange.status, Some(201));
    assert!(exchange.took_ms >= Some(300), "it ended with its client, after {:?} ms", exchange.took_ms);
    Ok(())
}

#[rstest]
#[case::by_connect("https")]
#[case::in_absolute_form("http")]
#[tokio::test]
async fn a_lost_answer_was_given_all_the_same(#[case] scheme: &str) -> Result<()> {
    let mut scene = Scene::set(vec![Fault::new(Effect::LoseAnswer).times(Some(1))]).await?;
    let client = scene.client("a").await?;

    let lost = client.post(format!("{scheme}://{ORY}/login")).body("code=1").send().await;
    let second = client.post(format!("{scheme}://{ORY}/login")).body("code=1").send().await?;

    assert!(lost.is_err(), "an answer came: {lost:?}");
    assert_eq!(second.status().as_u16(), 201);
    assert_eq!(scene.upstream.seen().len(), 2);
    let exchanges = scene.edge.record().exchanges();
    assert_eq!(exchanges.iter().map(|it| it.status).collect::<Vec<_>>(), [Some(201), Some(201)]);
    assert!(exchanges[0].fault.as_deref().is_some_and(|text| text.starts_with("answer lost")), "{exchanges:#?}");
    assert_eq!(exchanges[1].fault, None);
    Ok(())
}

#[tokio::test]
async fn an_added_cookie_stands_beside_the_servers_own() -> Result<()> {
    let added = "__cf_bm=x; Path=/; Secure";
    let mut scene = Scene::set(vec![Fault::new(Effect::AddCookie(added.to_owned()))]).await?;
    let client = scene.client("a").await?;

    let answer = client.get(format!("https://{ORY}/cookies")).send().await?;

    let cookies: Vec<&str> = answer.headers().get_all("set-cookie").iter().filter_map(|it| it.to_str().ok()).collect();
    assert_eq!(cookies, ["csrf=1; Path=/; HttpOnly", "session=2; Path=/", added]);
    assert_eq!(scene.only_exchange()?.fault.as_deref(), Some("cookie added: __cf_bm"));
    Ok(())
}

#[tokio::test]
async fn a_fault_hits_only_its_host_method_path_and_step() -> Result<()> {
    let fault = Fault::new(Effect::AddCookie("x=1".to_owned()))
        .host(Some(ORY.to_owned()))
        .method(Some("POST".to_owned()))
        .path(Some("/login".to_owned()))
        .step(Some(2));
    let mut scene = Scene::set(vec![fault]).await?;
    let client = scene.client("a").await?;

    client.post(format!("https://{ORY}/login?flow=too-early")).send().await?;
    scene.edge.record().set_step(2);
    client.post(format!("https://{ORY}/login?flow=hit")).send().await?;
    client.get(format!("https://{ORY}/login?flow=other-method")).send().await?;
    client.post(format!("https://{UI}/login?flow=other-host")).send().await?;
    client.post(format!("https://{ORY}/login/?flow=other-path")).send().await?;

    let exchanges = scene.edge.record().exchanges();
    let hit: Vec<&str> = exchanges.iter().filter(|it| it.fault.is_some()).map(|it| it.url.as_str()).collect();
    assert_eq!(hit, [format!("https://{ORY}/login?flow=hit")]);
    Ok(())
}
