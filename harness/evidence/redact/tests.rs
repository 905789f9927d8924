//! Canaries in every place: none may come out, and what is no secret must.

mod long;
mod oauth;
mod random;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;

use super::{Redactor, Secret};
use crate::evidence::{CookieSeen, Exchange, LogLine, MailSeen, StepState, StepTaken};
use random::{ENCODINGS, encode};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const HTML: &str = "text/html; charset=utf-8";
const FLOW: &str = "092e74c6-125d-4180-a4d7-4ae8992d05bb";

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn request(headers: &[(&str, &str)], body: &str) -> Exchange {
    Exchange {
        url: format!("https://ory.example.test/self-service/login?flow={FLOW}"),
        request_headers: pairs(headers),
        request_body: body.into(),
        ..Default::default()
    }
}

fn answer(headers: &[(&str, &str)], body: &str) -> Exchange {
    Exchange { response_headers: pairs(headers), response_body: body.into(), ..Default::default() }
}

fn url(url: &str) -> Exchange {
    Exchange { url: url.into(), ..Default::default() }
}

/// Each case has the canary in one place; it is learned there, or caught there without having been learned.
#[rstest]
#[case::cookie_csrf(request(&[("Cookie", "csrf_token_80=CANARY+1/x=; a=b")], ""))]
#[case::cookie_session(request(&[("cookie", "a=b; ory_kratos_session=CANARY+1/x=")], ""))]
#[case::cookie_quoted(request(&[("cookie", "legacy=\"CANARY+1/x=\"")], ""))]
#[case::bearer(request(&[("Authorization", "Bearer CANARY+1/x=")], ""))]
#[case::bare_authorization(request(&[("Authorization", "CANARY+1/x=")], ""))]
#[case::session_token_header(request(&[("X-Session-Token", "CANARY+1/x=")], ""))]
#[case::csrf_header(request(&[("X-CSRF-Token", "CANARY+1/x=")], ""))]
#[case::referer(request(&[("Referer", "https://ui.example.test/login?token=CANARY%2B1%2Fx%3D")], ""))]
#[case::url_in_any_header(request(&[("X-Original-Url", "/login?a=b&code=CANARY%2b1/x=")], ""))]
#[case::form(request(&[("content-type", FORM)], "csrf_token=CANARY%2B1%2Fx%3D&method=code"))]
#[case::form_password(request(&[("content-type", FORM)], "method=password&password=CANARY%2b1%2fx%3d"))]
#[case::form_trait(request(&[("content-type", FORM)], "traits.password=CANARY%2b1%2fx%3d"))]
#[case::form_without_type(request(&[], "code=CANARY%2b1%2fx%3d"))]
#[case::form_in_form(request(&[("content-type", FORM)], "return_to=https%3A%2F%2Fui%2F%3Ftoken%3DCANARY%252B1%252Fx%253D"))]
#[case::multipart(request(&[("content-type", "multipart/form-data; boundary=x")],
    "--x\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\nCANARY+1/x=\r\n--x--\r\n"))]
#[case::json_request(request(&[("content-type", JSON)], r#"{"method":"code","code" : "CANARY\u002b1\/x="}"#))]
#[case::json_camel(request(&[("content-type", JSON)], r#"{"sessionToken":"CANARY+1/x="}"#))]
#[case::json_deep(answer(&[("content-type", JSON)], r#"{"a":[{"b":{"session_token":"CANARY+1/x="}}]}"#))]
#[case::json_list(answer(&[("content-type", JSON)], r#"{"codes":["CANARY+1/x=","and one"]}"#))]
#[case::json_cut_off(answer(&[("content-type", JSON)], r#"{"id":"1","csrf_token":"CANARY+1/x="#))]
#[case::node_cut_off(answer(&[("content-type", JSON)], r#"{"attributes":{"name":"csrf_token","value":"CANARY+1/x="#))]
#[case::node(answer(&[("content-type", JSON)],
    r#"{"ui":{"nodes":[{"attributes":{"name":"csrf_token","type":"hidden","value":"CANARY\u002B1/x="}}]}}"#))]
#[case::node_value_first(answer(&[("content-type", JSON)], r#"{"attributes":{"value":"CANARY+1/x=","name":"password"}}"#))]
#[case::text_node(answer(&[("content-type", JSON)],
    r#"{"attributes":{"id":"totp_secret_key","text":{"id":1050017,"text":"CANARY+1/x="},"node_type":"text"}}"#))]
#[case::image_node(answer(&[("content-type", JSON)],
    r#"{"attributes":{"src":"data:image/png;base64,CANARY+1/x=","id":"totp_qr","width":256,"node_type":"img"}}"#))]
#[case::private_key(answer(&[("content-type", JSON)], r#"{"id":"apple","apple_private_key":"CANARY+1/x="}"#))]
#[case::url_in_json(answer(&[("content-type", JSON)], r#"{"logout_url":"https://x/logout?a=b\u0026token=CANARY%2B1/x="}"#))]
#[case::json_in_json(answer(&[("content-type", JSON)], r#"{"body":"{\"login_code\":\"CANARY+1\\/x=\"}"}"#))]
#[case::html(answer(&[("content-type", HTML)], r#"<p><input type="hidden" name="csrf_token" value="CANARY&#43;1&#x2F;x&#x3D;">"#))]
#[case::html_value_first(answer(&[("content-type", HTML)], "<INPUT VALUE='CANARY+1/x=' type=hidden name=csrf_token>"))]
#[case::html_bare(answer(&[("content-type", HTML)], "<input name=csrf_token value=CANARY+1/x= >"))]
#[case::html_meta(answer(&[("content-type", HTML)], r#"<meta content="CANARY+1/x=" name="csrf-token">"#))]
#[case::html_link(answer(&[("content-type", HTML)], r#"<a href="/verify?flow=1&amp;code=CANARY%2b1/x=">"#))]
#[case::set_cookie(answer(&[("Set-Cookie", "csrf_token_80=CANARY+1/x=; Path=/; Max-Age=31536000; HttpOnly")], ""))]
#[case::location(answer(&[("Location", "https://ui.example.test/x?flow=1&code=CANARY+1/x=".replace('+', "%2B").as_str())], ""))]
#[case::url(url("https://ory.example.test/self-service/verification?code=CANARY%2B1%2fx%3d&flow=1"))]
#[case::fragment(url("https://ui.example.test/#a=b&access_token=CANARY%2B1/x="))]
#[case::state(url("https://ory.example.test/callback?state=CANARY%2B1/x="))]
#[case::fault(Exchange { fault: Some("redirected to `/x?code=CANARY%2B1/x=`".into()), ..Default::default() })]
#[case::refused(Exchange { refused: Some("no host for https://q/?token=CANARY%2B1/x=.".into()), ..Default::default() })]
fn a_canary_does_not_come_out(#[case] exchange: Exchange) {
    let mut redactor = Redactor::new();
    redactor.learn_exchange(&exchange);

    let learned = format!("{:?}", redactor.exchange(&exchange));
    let caught = format!("{:?}", Redactor::new().exchange(&exchange));

    assert!(!learned.contains("CANARY") && learned.contains("#1"), "{learned}");
    assert!(!caught.contains("CANARY") && caught.contains("#?"), "{caught}");
    for encoding in ENCODINGS {
        let elsewhere = redactor.text(&format!("seen: {}.", encode("CANARY+1/x=", encoding)));
        assert!(elsewhere.starts_with("seen: ") && elsewhere.ends_with("#1."), "{encoding}: {elsewhere}");
    }
}

#[test]
fn basic_credentials_and_the_password_in_them_are_secrets() {
    let credentials = STANDARD.encode("client:CANARY-pass");
    let exchange = request(&[("authorization", &format!("Basic {credentials}"))], "");
    let mut redactor = Redactor::new();

    redactor.learn_exchange(&exchange);

    assert_eq!(redactor.exchange(&exchange).request_headers[0].1, "Basic token#1");
    assert_eq!(redactor.text("with CANARY-pass"), "with password#1");
}

#[test]
fn every_other_record_passes_too() {
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Password, "CANARY pass");
    redactor.learn(Secret::Code, "198477");
    redactor.learn_cookie("ory_kratos_session", "CANARYsession==");

    let step = redactor.step(&StepTaken {
        number: 1,
        text: "fills in `CANARY pass`".into(),
        line: 7,
        state: StepState::Failed,
        at_ms: 198_477,
        took_ms: 1,
        browser: Some("a".into()),
        page: Some(format!("https://ui.example.test/login?flow={FLOW}&code=198477#CANARY+pass")),
        screenshot: Some("1.png".into()),
        error: Some("the title is \"198477 \\u0043ANARY pass\"".into()),
    });
    let mail = redactor.mail(&MailSeen {
        at_ms: 1,
        recipient: "ada@example.test".into(),
        template: "login_code_valid".into(),
        subject: "Use code 198477 to log in".into(),
    });
    let cookie = |value: &str| CookieSeen {
        holder: "a".into(),
        name: "ory_kratos_session".into(),
        value: value.into(),
        domain: ".example.test".into(),
        path: "/".into(),
        expires_in_s: Some(86_399),
        same_site: Some("Lax".into()),
        secure: true,
        http_only: true,
    };
    let log = redactor.log_line(&LogLine {
        server: "kratos".into(),
        text: r#"{"msg":"sent","code":"198477","headers":{"cookie":["csrf_token_80=CANARYcsrf"]},"status":403}"#.into(),
    });

    assert_eq!(step.text, "fills in `password#1`");
    assert_eq!(step.page, Some(format!("https://ui.example.test/login?flow={FLOW}&code=code#1#password#1")));
    assert_eq!(step.error.as_deref(), Some("the title is \"code#1 password#1\""));
    assert_eq!((step.line, step.at_ms, step.state), (7, 198_477, StepState::Failed));
    assert_eq!((mail.recipient.as_str(), mail.subject.as_str()), ("ada@example.test", "Use code code#1 to log in"));
    assert_eq!(redactor.cookie(&cookie("CANARYsession==")), cookie("session#1"));
    assert_eq!(redactor.cookie(&cookie("CANARYother")), cookie("session#?"));
    assert_eq!(
        log.text,
        r#"{"msg":"sent","code":"code#1","headers":{"cookie":["csrf_token_80=csrf#?"]},"status":403}"#
    );
}

#[test]
fn a_mail_gives_its_code_and_the_link_is_still_readable() {
    let data = serde_json::json!({
        "to": "ada@example.test", "verification_code": "290498",
        "verification_url": format!("https://ory.example.test/self-service/verification?code=290498&flow={FLOW}"),
    });
    let mut redactor = Redactor::new();

    redactor.learn_json(&data);

    let body =
        format!("enter:\n\n290498\n\nor https://ory.example.test/self-service/verification?code=290498&flow={FLOW}\n");
    assert_eq!(redactor.text(&body), body.replace("290498", "code#1"));
}

/// Recorded with Kratos v1.3.1: sign-up with a password, login by code and by API, whoami, logout.
#[test]
fn recorded_traffic_keeps_its_shape_and_shows_what_is_equal() -> Result<()> {
    let exchanges: Vec<Exchange> = serde_json::from_str(include_str!("sample.json"))?;
    let mut redactor = Redactor::new();
    exchanges.iter().for_each(|exchange| redactor.learn_exchange(exchange));

    let clean: Vec<Exchange> = exchanges.iter().map(|exchange| redactor.exchange(exchange)).collect();
    let text = serde_json::to_string(&clean)?;

    let jar = "csrf_token_29b993b2d5c7849e851da0d1344b8022523da6de9b2f518e1a739404e9c6850a";
    let header = |exchange: &Exchange, name: &str| -> Vec<String> {
        let headers = exchange.request_headers.iter().chain(&exchange.response_headers);
        headers.filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(header(&clean[0], "cookie"), [format!("{jar}=csrf#1")]);
    assert_eq!(
        clean[0].request_body,
        "csrf_token=csrf#1&traits.email=ada%40example.test&method=password&password=password#1"
    );
    assert_eq!(
        header(&clean[0], "set-cookie"),
        [
            format!("{jar}=csrf#2; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"),
            "ory_kratos_session=session#1; Path=/; Expires=Wed, 25 Nov 2026 00:09:16 GMT; Max-Age=86399; HttpOnly; \
             SameSite=Lax"
                .to_owned(),
        ]
    );
    // The masked token of the form is the token of the cookie.
    assert_eq!(
        header(&clean[1], "set-cookie"),
        [format!("{jar}=csrf#3; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax")]
    );
    assert!(clean[1].response_body.contains(r#""name":"csrf_token","type":"hidden","value":"csrf#3""#), "{text}");
    assert_eq!(clean[2].request_body, "csrf_token=csrf#3&identifier=ada%40example.test&method=code");
    assert_eq!(clean[2].response_headers, exchanges[2].response_headers);
    assert_eq!(
        clean[3].request_body,
        r#"{"csrf_token": "csrf#3", "identifier": "ada@example.test", "method": "code", "code": "code#1"}"#
    );
    assert_eq!(clean[3].response_body, exchanges[3].response_body);
    assert!(clean[4].request_body.ends_with(r#""password": "password#1"}"#), "{text}");
    assert!(clean[4].response_body.starts_with(r#"{"session_token":"token#1","session":{"id":"2936c022"#), "{text}");
    assert_eq!(header(&clean[5], "x-session-token"), ["token#1"]);
    assert_eq!(header(&clean[6], "authorization"), ["Bearer token#1"]);
    assert_eq!(header(&clean[7], "cookie"), [format!("{jar}=csrf#4; ory_kratos_session=session#2")]);
    assert_eq!(
        clean[7].response_body,
        "{\"logout_url\":\"https://ory.example.test/self-service/logout?token=token#2\",\"logout_token\":\"token#2\"}\n"
    );
    for secret in
        ["198477", "correct", "horse", "ory_st_", "ory_lo_", "MTc5", "vVc0", "nJuO", "pBgm", "ZiHJ", "K\\/GQ", "K/GQ"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    Ok(())
}

#[test]
fn a_masked_token_is_its_cookie_and_another_token_is_not() -> Result<()> {
    let token: Vec<u8> = (0..32).map(|n| n * 7 + 251_u8 % 13).collect();
    let mask = |key: u8| -> String {
        let key: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(31) ^ key).collect();
        let masked = key.iter().zip(&token).map(|(key, token)| key ^ token);
        STANDARD.encode(key.iter().copied().chain(masked).collect::<Vec<_>>())
    };
    let mut redactor = Redactor::new();
    redactor.learn_cookie("csrf_token_80", &STANDARD.encode(&token));
    redactor.learn(Secret::Csrf, &STANDARD.encode([9; 32]));
    redactor.learn(Secret::Csrf, &mask(1));

    assert_eq!(redactor.text(&format!("{} {}", mask(1), STANDARD.encode([9; 32]))), "csrf#1 csrf#2");
    // A mask that was never learned is recognised where a token stands.
    let body = serde_json::json!({ "csrf_token": mask(2) }).to_string();
    assert_eq!(redactor.exchange(&request(&[], &body)).request_body, r#"{"csrf_token":"csrf#1"}"#);
    Ok(())
}

#[rstest]
#[case::json(
    JSON,
    r#"{"error":{"id":"security_csrf_violation","code":403,"status":"Forbidden","reason":"a \u0026 b"}}"#
)]
#[case::message(JSON, r#"{"ui":{"messages":[{"id":4010002,"text":"Could not find a strategy","type":"error"}]}}"#)]
#[case::node(
    JSON,
    r#"{"attributes":{"name":"method","value":"password"},"meta":{"label":{"id":1070001,"text":"Password"}}}"#
)]
#[case::resend(JSON, r#"{"attributes":{"name":"resend","type":"submit","value":"code"}}"#)]
#[case::state(JSON, r#"{"id":"092e74c6-125d-4180-a4d7-4ae8992d05bb","state":"sent_email","token_type":"bearer"}"#)]
#[case::labels(JSON, r#"{"error_code":"E_4711","country_code":"0041","csrf_token":"","session_token":null}"#)]
#[case::kept_secret(
    JSON,
    r#"{"login_code":"Value is sensitive and has been redacted. To see the value set config key"}"#
)]
#[case::script("text/javascript", r#"const labels = {"password":"Enter your password","code":"The code you got"};"#)]
#[case::html(HTML, r#"<title>Sign in &amp; go</title><button name="method" value="password">Sign in</button>"#)]
#[case::broken(JSON, "{\"a\\\\\": [[[{\"%zz&#;&#x;\\u12")]
fn what_is_no_secret_stays_byte_for_byte(#[case] content_type: &str, #[case] body: &str) {
    let exchange = answer(&[("content-type", content_type)], body);
    let mut redactor = Redactor::new();
    redactor.learn_exchange(&exchange);
    redactor.learn(Secret::Code, "198477");

    assert_eq!(redactor.exchange(&exchange), exchange);
}

#[test]
fn a_deletion_cookie_is_left() {
    let exchange = answer(&[("set-cookie", "ory_kratos_session=; Path=/; Max-Age=0")], "");
    let mut redactor = Redactor::new();

    redactor.learn_exchange(&exchange);

    assert_eq!(redactor.exchange(&exchange), exchange);
}

#[rstest]
#[case::alone("198477", "code#1")]
#[case::in_words("code 198477, then", "code code#1, then")]
#[case::percent("%20198477%0a", "%20code#1%0a")]
#[case::line_break(r"\n198477\n", r"\ncode#1\n")]
#[case::every_digit("%31%39&#56;4&#x37;7", "code#1")]
#[case::longer("1984770", "1984770")]
#[case::within("4198477", "4198477")]
#[case::fraction("00:09:17.198477Z", "00:09:17.198477Z")]
#[case::message_id("message 4010002 at 127.0.0.1:35011", "message 4010002 at 127.0.0.1:35011")]
fn a_code_is_replaced_as_a_whole_number(#[case] text: &str, #[case] expected: &str) {
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Code, "198477");

    assert_eq!(redactor.text(text), expected);
}

#[rstest]
#[case::percent("tick%zz%2Btock")]
#[case::form("tick%zz+%2B+tock")]
#[case::html("tick&zz&#43;tock")]
#[case::json(r"tick\zz\u002btock")]
fn what_looks_like_an_escape_and_is_none_is_part_of_the_secret(#[case] text: &str) {
    let secret = text.replace("+%2B+", " + ").replace("%2B", "+").replace("&#43;", "+").replace(r"\u002b", "+");
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Token, &secret);

    assert_eq!(redactor.text(&format!("50 {text} 50")), "50 token#1 50");
}

#[test]
fn names_are_numbered_by_kind_and_stay() {
    let mut redactor = Redactor::new();
    for (kind, value) in [
        (Secret::Csrf, "first-csrf"),
        (Secret::Session, "a-session"),
        (Secret::Csrf, "other-csrf"),
        (Secret::Csrf, "first-csrf"),
        (Secret::Token, "a-session"),
        (Secret::Password, "abc"),
        (Secret::Cookie, "csrf#1"),
    ] {
        redactor.learn(kind, value);
    }

    let once = redactor.text("first-csrf other-csrf a-session abc password ?csrf_token=first-csrf");

    assert_eq!(once, "csrf#1 csrf#2 session#1 abc password ?csrf_token=csrf#1");
    assert_eq!(redactor.text(&once), once);
}

#[test]
fn overlapping_secrets_leave_no_rest() {
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Token, "long-secret-value");
    redactor.learn(Secret::Password, "secret-value");

    assert_eq!(redactor.text("long-secret-value, secret-value"), "token#1, password#1");
}

#[test]
fn a_longer_secret_that_begins_with_a_known_one_gets_one_name() {
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Token, "CANARY");

    let clean = redactor.exchange(&request(&[("cookie", "a=CANARY-and-more; b=CANARY")], ""));

    assert_eq!(clean.request_headers[0].1, "a=cookie#?; b=token#1");
}

#[test]
fn a_token_of_ory_is_known_by_its_prefix() {
    let text = "got ory_st_n4O2CJ1Q9fhtNqpyFnNfzsSAyBv8o302, kept ory_kratos_session and ory_st_short";

    assert_eq!(Redactor::new().text(text), "got token#?, kept ory_kratos_session and ory_st_short");
}

#[test]
fn a_web_token_is_known_by_its_parts() {
    let text = "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.vWemn5E5mSVY, kept eyJ.short";

    assert_eq!(Redactor::new().text(text), "got token#?, kept eyJ.short");
}

#[test]
fn a_redactor_does_not_print_what_it_knows() {
    let mut redactor = Redactor::new();
    redactor.learn(Secret::Token, "CANARY");

    assert!(!format!("{redactor:?}").contains("CANARY"));
}
