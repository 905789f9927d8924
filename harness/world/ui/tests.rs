//! The pages are rendered from flows that a real Kratos v1.3.1 answered (`fixtures/ui/samples`), without a Kratos.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use reqwest::header::LOCATION;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::pages::Visitor;
use super::*;
use crate::case::FlowKind;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ui")
}

fn sample(name: &str) -> Result<Value> {
    let path = folder().join("samples").join(name);
    let text = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

async fn load(submit: Submit, guard: Guard) -> Result<Pages> {
    Pages::load(&folder(), submit, guard, Credentials::Include).await
}

async fn plain() -> Result<Pages> {
    load(Submit::Form, Guard::None).await
}

/// An interface whose Kratos does not listen: port 9 of 127.0.0.1 refuses connections.
fn settings(submit: Submit) -> Result<UiSettings> {
    Ok(UiSettings {
        submit,
        guard: Guard::None,
        credentials: Credentials::Include,
        expired: Expired::Error,
        templates: folder(),
        url: Url::parse("https://ui.example.test/")?,
        tenants: vec![UiTenant {
            name: "kratos".into(),
            route: None,
            kratos: Url::parse("http://127.0.0.1:9/base")?,
            asked_at: Url::parse("http://127.0.0.1:9/base")?,
        }],
        tenants_by: TenantsBy::Routes,
        client: client()?,
        listen: ([127, 0, 0, 1], 0).into(),
    })
}

/// One Kratos, alone.
fn tenant() -> Result<Tenant> {
    let kratos = Url::parse("https://ory.example.test/")?;
    let upstream = Upstream::new(kratos.clone(), kratos, client()?);
    Ok(Tenant { route: None, links: Links::new(None, TenantsBy::Routes), upstream })
}

fn client() -> Result<reqwest::Client> {
    // It fails only if another test was first, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    Ok(reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

/// The start tag of the first element with this attribute.
fn tag<'a>(html: &'a str, attribute: &str) -> Result<&'a str> {
    let at = html.find(attribute).with_context(|| format!("no `{attribute}` in:\n{html}"))?;
    let start = html[..at].rfind('<').context("no start tag")?;
    let end = html[at..].find('>').context("no end of the tag")?;
    Ok(&html[start..=at + end])
}

#[tokio::test]
async fn a_flow_keeps_the_nodes_in_the_order_of_kratos() -> Result<()> {
    let flow = sample("login-wrong-code.json")?;
    let html = plain().await?.render_flow(&tenant()?, FlowKind::Login, Some(&flow))?;
    let form = html.split_once("<form").context("no form")?.1;
    let shown: Vec<_> = form.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let sent: Vec<_> = flow["ui"]["nodes"]
        .as_array()
        .context("no nodes")?
        .iter()
        .filter_map(|node| node["attributes"]["name"].as_str())
        .collect();
    assert_eq!(shown, sent);
    assert_eq!(
        tag(&html, "data-testid=\"login-flow\"")?,
        format!(
            "<form action=\"{}\" method=\"POST\" data-testid=\"login-flow\">",
            flow["ui"]["action"].as_str().context("no action")?.replace('/', "&#x2f;")
        )
    );
    assert!(tag(&html, "ui/message/4010008")?.contains("role=\"alert\""), "{html}");
    Ok(())
}

#[tokio::test]
async fn a_button_is_not_held_back_by_a_field_of_another_method() -> Result<()> {
    let html = plain().await?.render_flow(&tenant()?, FlowKind::Login, Some(&sample("login.json")?))?;
    assert!(tag(&html, "value=\"code\"")?.contains("formnovalidate"), "{html}");
    assert!(!tag(&html, "value=\"password\"")?.contains("formnovalidate"), "{html}");
    assert!(tag(&html, "id=\"input/password\"")?.contains(" required"), "{html}");

    // Asking for another code is possible without a code.
    let html = plain().await?.render_flow(&tenant()?, FlowKind::Login, Some(&sample("login-wrong-code.json")?))?;
    assert!(tag(&html, "name=\"resend\"")?.contains("formnovalidate"), "{html}");
    assert!(!tag(&html, "data-testid=\"node/button/method\"")?.contains("formnovalidate"), "{html}");
    Ok(())
}

#[tokio::test]
async fn hostile_text_stays_text() -> Result<()> {
    let hostile = "\"><script>alert(1)</script>";
    let mut flow = sample("login.json")?;
    flow["ui"]["messages"] = json!([{ "id": 4000001, "type": "error", "text": hostile }]);
    flow["ui"]["nodes"][1]["attributes"]["value"] = hostile.into();
    flow["ui"]["nodes"][1]["meta"]["label"]["text"] = hostile.into();
    flow["ui"]["nodes"][1]["messages"] = json!([{ "id": 4000002, "type": "error", "text": hostile }]);
    let pages = plain().await?;
    let session = json!({ "identity": { "traits": { "email": hostile } } });
    for html in [
        pages.render_flow(&tenant()?, FlowKind::Login, Some(&flow))?,
        pages.render_error(
            &tenant()?,
            &json!({ "id": hostile, "reason": hostile }),
            StatusCode::FORBIDDEN,
            "/login",
        )?,
        pages.render_welcome(&tenant()?, Visitor::SignedIn { session: &session, logout: Some(hostile) })?,
    ] {
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&quot;&gt;&lt;script&gt;"), "{html}");
    }
    Ok(())
}

#[rstest]
#[case::plain_form(Submit::Form, Guard::None, false)]
#[case::guarded_form(Submit::Form, Guard::Disable, true)]
#[case::ajax(Submit::Ajax, Guard::None, true)]
#[tokio::test]
async fn the_script_is_loaded_only_where_it_has_work(
    #[case] submit: Submit,
    #[case] guard: Guard,
    #[case] loaded: bool,
) -> Result<()> {
    let html = load(submit, guard).await?.render_flow(&tenant()?, FlowKind::Login, Some(&sample("login.json")?))?;
    assert_eq!(html.contains("<script src=\"/app.js\""), loaded, "{html}");
    Ok(())
}

#[tokio::test]
async fn the_script_is_told_how_to_behave() -> Result<()> {
    let guard = Guard::DisableAfter(Duration::from_millis(1500));
    let html = load(Submit::Ajax, guard).await?.render_flow(&tenant()?, FlowKind::Recovery, None)?;
    for told in
        ["data-submit=\"ajax\"", "data-guard=\"disable-after\"", "data-guard-ms=\"1500\"", "data-page=\"recovery\""]
    {
        assert!(tag(&html, "data-submit")?.contains(told), "{told} is missing in:\n{html}");
    }
    assert!(html.contains("data-testid=\"ui/loading\""), "{html}");
    Ok(())
}

#[tokio::test]
async fn an_error_without_an_id_still_shows_its_code() -> Result<()> {
    let html = plain().await?.render_error(
        &tenant()?,
        &json!({ "code": 410, "reason": "late" }),
        StatusCode::GONE,
        "/recovery",
    )?;
    assert!(html.contains("data-testid=\"ui/error/code\">410<"), "{html}");
    assert!(html.contains("data-testid=\"ui/error/message\">late<"), "{html}");
    assert!(tag(&html, "ui/error/again")?.contains("recovery"), "{html}");
    assert!(!html.contains("<dt>Error"), "{html}");
    Ok(())
}

#[rstest]
#[case::template("flow.html")]
#[case::style("style.css")]
#[case::script("app.js")]
#[tokio::test]
async fn a_missing_file_is_named(#[case] missing: &str) -> Result<()> {
    let copy = tempfile::tempdir()?;
    for file in ["page.html", "flow.html", "error.html", "welcome.html", "style.css", "app.js"] {
        if file != missing {
            std::fs::copy(folder().join(file), copy.path().join(file))?;
        }
    }
    let settings = UiSettings { templates: copy.path().to_owned(), ..settings(Submit::Form)? };
    let error = Ui::start(settings).await.err().context("it started without the file")?;
    assert!(format!("{error:#}").contains(missing), "{error:#}");
    Ok(())
}

#[tokio::test]
async fn a_page_without_a_flow_starts_one_at_kratos() -> Result<()> {
    let ui = Ui::start(settings(Submit::Form)?).await?;
    let asked = format!("http://{}/registration?return_to=%2Fa%3Fb&aal=aal1", ui.addr());
    let answer = client()?.get(asked).send().await?;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        answer.headers().get(LOCATION).context("no location")?,
        "http://127.0.0.1:9/base/self-service/registration/browser?return_to=%2Fa%3Fb&aal=aal1"
    );
    ui.close().await
}

#[rstest]
#[case::flow("login?flow=1")]
#[case::error("error?id=1")]
#[case::welcome("welcome")]
#[tokio::test]
async fn a_kratos_that_does_not_answer_is_an_error_page(#[case] path: &str) -> Result<()> {
    let ui = Ui::start(settings(Submit::Form)?).await?;
    let answer = client()?.get(format!("http://{}/{path}", ui.addr())).send().await?;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert!(answer.text().await?.contains("data-testid=\"ui/error/kratos_unreachable\""));
    ui.close().await
}

#[tokio::test]
async fn closing_does_not_wait_for_an_idle_connection() -> Result<()> {
    let ui = Ui::start(settings(Submit::Ajax)?).await?;
    let addr = ui.addr();
    let mut idle = TcpStream::connect(addr).await?;
    idle.write_all(b"GET /style.css HTTP/1.1\r\nhost: ui.example.test\r\n\r\n").await?;
    let mut first = [0; 12];
    idle.read_exact(&mut first).await?;
    assert_eq!(&first, b"HTTP/1.1 200");
    ui.close().await?;
    assert!(TcpStream::connect(addr).await.is_err(), "it still listens");
    Ok(())
}

#[tokio::test]
async fn a_dropped_interface_stops_listening() -> Result<()> {
    let ui = Ui::start(settings(Submit::Ajax)?).await?;
    let mut idle = TcpStream::connect(ui.addr()).await?;
    drop(ui);
    // The server ends an idle connection when it stops.
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), idle.read_to_end(&mut rest))
        .await
        .context("the connection was still open after 5 s")??;
    Ok(())
}
