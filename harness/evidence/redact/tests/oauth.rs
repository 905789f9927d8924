//! The secrets of a login through Hydra, each in the place where it crosses the edge or a log.

use rstest::rstest;

use super::super::Redactor;
use super::{answer, request, url};
use crate::evidence::Exchange;

/// Long enough to be none of the words that may stay.
const CANARY: &str = "canary0123456789abcdef";

#[rstest]
#[case::login_challenge(url("https://legacy.example.test/login?login_challenge=canary0123456789abcdef"))]
#[case::consent_challenge(url("https://legacy.example.test/consent?consent_challenge=canary0123456789abcdef"))]
#[case::login_verifier(url(
    "https://hydra.example.test/oauth2/auth?client_id=kratos&login_verifier=canary0123456789abcdef"
))]
#[case::consent_verifier(url("https://hydra.example.test/oauth2/auth?consent_verifier=canary0123456789abcdef"))]
#[case::code_challenge(url("https://hydra.example.test/oauth2/auth?code_challenge=canary0123456789abcdef"))]
#[case::state(url("https://hydra.example.test/oauth2/auth?state=canary0123456789abcdef&nonce=x"))]
#[case::authorization_code(url(
    "https://ory.example.test/self-service/methods/oidc/callback/hydra?code=canary0123456789abcdef"
))]
#[case::code_for_tokens(request(
    &[("content-type", "application/x-www-form-urlencoded")],
    "code=canary0123456789abcdef&grant_type=authorization_code"
))]
#[case::code_verifier(request(
    &[("content-type", "application/x-www-form-urlencoded")],
    "code=x&code_verifier=canary0123456789abcdef"
))]
#[case::client_secret_in_a_form(request(
    &[("content-type", "application/x-www-form-urlencoded")],
    "client_id=kratos&client_secret=canary0123456789abcdef"
))]
#[case::client_secret_in_json(request(
    &[("content-type", "application/json")],
    r#"{"client_id":"kratos","client_secret":"canary0123456789abcdef"}"#
))]
#[case::access_token(answer(
    &[("content-type", "application/json")],
    r#"{"access_token":"canary0123456789abcdef","expires_in":3600}"#
))]
#[case::id_token(answer(&[("content-type", "application/json")], r#"{"id_token":"canary0123456789abcdef"}"#))]
#[case::refresh_token(answer(&[("content-type", "application/json")], r#"{"refresh_token":"canary0123456789abcdef"}"#))]
#[case::challenge_in_a_form(answer(
    &[("content-type", "text/html")],
    r#"<input type="hidden" name="login_challenge" value="canary0123456789abcdef">"#
))]
#[case::password_for_the_hook(request(
    &[("content-type", "application/json")],
    r#"{"identifier":"ada@example.test","password":"canary0123456789abcdef"}"#
))]
#[case::hydras_cookie(answer(&[("set-cookie", "ory_hydra_session=canary0123456789abcdef; Path=/; Secure")], ""))]
fn a_secret_of_a_login_through_hydra_does_not_come_out(#[case] exchange: Exchange) {
    let mut redactor = Redactor::new();
    redactor.learn_exchange(&exchange);

    let shown = format!("{:?}", redactor.exchange(&exchange));
    let log = redactor.text(&format!(r#"{{"msg":"started","url":"/x?y={CANARY}"}}"#));

    assert!(!shown.contains(CANARY), "{shown}");
    assert!(!log.contains(CANARY), "{log}");
}
