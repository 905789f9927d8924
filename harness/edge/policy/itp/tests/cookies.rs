//! What is rewritten in a `Set-Cookie` value that is capped, and what is left.

use rstest::rstest;

use super::*;

/// Now and 7 days.
const LATEST: &str = "Tue, 01 Dec 2026 00:00:00 GMT";

#[rstest]
#[case::max_age("s=1; Max-Age=2592000", "s=1; Max-Age=604800")]
#[case::expires(
    "s=1; Expires=Thu, 24 Dec 2026 00:00:00 GMT; Path=/",
    "s=1; Expires=Tue, 01 Dec 2026 00:00:00 GMT; Path=/"
)]
#[case::both_as_kratos_sends_them(
    "ory_kratos_session=MTc=; Path=/; Domain=example.com; Expires=Thu, 24 Dec 2026 00:00:00 GMT; Max-Age=2591999; HttpOnly; Secure; SameSite=Lax",
    "ory_kratos_session=MTc=; Path=/; Domain=example.com; Expires=Tue, 01 Dec 2026 00:00:00 GMT; Max-Age=604800; HttpOnly; Secure; SameSite=Lax"
)]
#[case::n06_month_before_day(
    "s=1; Expires=Thu, Dec 24 2026 00:00:00 GMT",
    "s=1; Expires=Tue, 01 Dec 2026 00:00:00 GMT"
)]
#[case::the_last_date_of_all(
    "s=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
    "s=1; Expires=Tue, 01 Dec 2026 00:00:00 GMT"
)]
#[case::dashes_and_two_digits(
    "s=1; expires=Thursday, 24-Dec-26 00:00:00 GMT",
    "s=1; expires=Tue, 01 Dec 2026 00:00:00 GMT"
)]
#[case::n36_a_little_more_than_seven_days("s=1; Max-Age=605400", "s=1; Max-Age=604800")]
#[case::one_second_more("s=1; Max-Age=604801", "s=1; Max-Age=604800")]
#[case::n37_seven_days("s=1; Max-Age=604800", "s=1; Max-Age=604800")]
#[case::seven_days_by_date("s=1; Expires=Tue, 01 Dec 2026 00:00:00 GMT", "s=1; Expires=Tue, 01 Dec 2026 00:00:00 GMT")]
#[case::n38_session_cookie("s=1; Path=/; HttpOnly", "s=1; Path=/; HttpOnly")]
#[case::n39_shorter(
    "s=1; Max-Age=86400; Expires=Wed, 25 Nov 2026 00:00:00 GMT",
    "s=1; Max-Age=86400; Expires=Wed, 25 Nov 2026 00:00:00 GMT"
)]
#[case::n40_attributes_stay(
    "s=1; HttpOnly; Secure; SameSite=Lax; Domain=example.com; Max-Age=2592000",
    "s=1; HttpOnly; Secure; SameSite=Lax; Domain=example.com; Max-Age=604800"
)]
#[case::n41_max_age_wins_over_an_earlier_date(
    "s=1; Max-Age=2592000; Expires=Wed, 25 Nov 2026 00:00:00 GMT",
    "s=1; Max-Age=604800; Expires=Wed, 25 Nov 2026 00:00:00 GMT"
)]
#[case::max_age_wins_over_a_later_date(
    "s=1; Max-Age=3600; Expires=Thu, 24 Dec 2026 00:00:00 GMT",
    "s=1; Max-Age=3600; Expires=Thu, 24 Dec 2026 00:00:00 GMT"
)]
#[case::the_last_one_wins("s=1; Max-Age=2592000; Max-Age=60", "s=1; Max-Age=2592000; Max-Age=60")]
#[case::the_last_one_wins_too("s=1; Max-Age=60; Max-Age=2592000", "s=1; Max-Age=60; Max-Age=604800")]
#[case::a_max_age_that_is_none(
    "s=1; Max-Age=1w; Expires=Thu, 24 Dec 2026 00:00:00 GMT",
    "s=1; Max-Age=1w; Expires=Tue, 01 Dec 2026 00:00:00 GMT"
)]
#[case::both_are_none("s=1; Max-Age=; Expires=soon", "s=1; Max-Age=; Expires=soon")]
#[case::deleted(
    "s=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
    "s=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT"
)]
#[case::deleted_by_less("s=; Max-Age=-1", "s=; Max-Age=-1")]
#[case::longer_than_a_number("s=1; Max-Age=99999999999999999999", "s=1; Max-Age=604800")]
#[case::spaces_and_case_stay("s=1;  MAX-AGE =  2592000 ;path=/", "s=1;  MAX-AGE =  604800 ;path=/")]
#[case::the_value_is_not_read("max-age=2592000; Max-Age=2592000", "max-age=2592000; Max-Age=604800")]
fn a_capped_cookie_changes_in_its_lifetime_only(#[case] sent: &str, #[case] got: &str) {
    let mut safari = Safari::new(Generation::G4);
    safari.visit("https://ui.example.com/", leads("", "203.0.113.10"));

    let treated = safari.fetch(
        "https://ui.example.com",
        "https://ory.example.com/",
        leads("x.oryapis.com", "203.0.113.10"),
        sent,
    );

    assert_eq!(treated.value.as_deref(), Some(got), "{}", treated.reason);
    assert!(!got.contains("Dec 2026") || got.contains(LATEST) || got == sent, "the date is 7 days from now");
}

#[test]
fn every_cookie_of_an_answer_is_treated_and_has_its_reason() {
    let mut safari = Safari::new(Generation::G4);
    safari.visit("https://ui.example.com/", leads("", "203.0.113.10"));
    let task = safari.ask(
        "POST",
        "https://ory.example.com/self-service/login",
        &[("sec-fetch-dest", "empty"), ("origin", "https://ui.example.com")],
    );
    let cookies = ["a=1; Max-Age=2592000", "b=2", "c=3; Max-Age=60"].map(str::to_owned);
    let answered = Answered {
        status: 200,
        location: None,
        cookies: &cookies,
        cname: &["x.oryapis.com".to_owned()],
        address: None,
        now: NOW,
    };

    let reasons: Vec<String> = safari.0.answer(&task, &answered).into_iter().map(|it| it.reason).collect();

    insta::assert_snapshot!(reasons.join("\n"), @r"
    a capped from 30 d to 7 d: a fetch under a page of ui.example.com; the CNAME of ory.example.com ends in oryapis.com, and none is known of the page's host ui.example.com
    b kept: it ends with the browser
    c kept: it lasts 60 s, no more than 7 d
    ");
}
