//! The legacy system as a client meets it, without Hydra.

use std::path::Path;

use anyhow::Result;
use rstest::rstest;
use serde_json::json;

use super::{Legacy, LegacySettings, Server};
use crate::case::{HookAnswer, LegacyUser};

async fn start(hook: HookAnswer, hydra: Option<String>) -> Result<Legacy> {
    let user =
        LegacyUser { email: "ada@example.test".to_owned(), password: "old secret".to_owned(), name: "Ada".to_owned() };
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/legacy");
    let listen = ([127, 0, 0, 1], 0).into();
    Legacy::start(LegacySettings { users: vec![user], hook, hydra, templates, listen }).await
}

/// How many wait for the signal to stop: the server, and each request that never gets an answer.
fn waiting(legacy: &Legacy) -> usize {
    match &legacy.server {
        Server::Ours { stop, .. } => stop.receiver_count(),
        Server::Contained(_) => 0,
    }
}

#[rstest]
#[case::right(HookAnswer::Match, "old secret", 200, "password_match")]
#[case::wrong(HookAnswer::Match, "another", 403, "no")]
#[case::forbidden(HookAnswer::Forbidden, "old secret", 403, "no")]
#[case::failure(HookAnswer::Failure, "old secret", 500, "locked")]
#[case::nonsense(HookAnswer::Nonsense, "old secret", 200, "<p>OK</p>")]
#[tokio::test]
async fn the_hook_answers_as_it_was_told_to(
    #[case] hook: HookAnswer,
    #[case] password: &str,
    #[case] status: u16,
    #[case] text: &str,
) -> Result<()> {
    let legacy = start(hook, None).await?;
    let url = format!("http://{}/verify-password", legacy.addr());

    let question = json!({ "identifier": "ada@example.test", "password": password });
    let answer = crate::client::plain()?.post(url).json(&question).send().await?;

    assert_eq!(answer.status().as_u16(), status);
    let body = answer.text().await?;
    assert!(body.contains(text), "{body}");
    legacy.close().await
}

#[tokio::test]
async fn a_silent_hook_ends_with_the_system() -> Result<()> {
    let legacy = start(HookAnswer::Silent, None).await?;
    let url = format!("http://{}/verify-password", legacy.addr());
    let question = json!({ "identifier": "ada@example.test", "password": "old secret" });
    let asked = tokio::spawn(crate::client::plain()?.post(url).json(&question).send());
    while !asked.is_finished() && waiting(&legacy) < 3 {
        tokio::task::yield_now().await;
    }

    legacy.close().await?;

    assert!(asked.await?.is_ok_and(|answer| answer.status() == 503));
    Ok(())
}

#[tokio::test]
async fn a_page_without_its_hydra_says_so() -> Result<()> {
    let legacy = start(HookAnswer::Match, Some("http://127.0.0.1:1".to_owned())).await?;
    let url = format!("http://{}/login?login_challenge=%3Cb%3E", legacy.addr());

    let answer = crate::client::plain()?.get(url).send().await?;

    assert_eq!(answer.status().as_u16(), 502);
    let body = answer.text().await?;
    assert!(body.contains("legacy/error") && body.contains("Hydra&#x27;s admin API"), "{body}");
    legacy.close().await
}
