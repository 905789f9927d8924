//! Several requests of one session: navigations, frames, redirects, third parties, and what is remembered of them.

use rstest::rstest;

use super::Fate::{self, Capped, Dropped, Kept};
use super::*;
use Generation::{G0, G1, G2, G3, G4};

const UI: &str = "https://ui.example.com";
const ORY: &str = "https://ory.example.com/self-service/login";
const CLOAKED: Leads<'static> = Leads { cname: "x.oryapis.com", address: "198.51.100.7" };
const PLAIN: Leads<'static> = Leads { cname: "", address: "203.0.113.10" };

fn signed_in(generation: Generation) -> Safari {
    let mut safari = Safari::new(generation);
    safari.visit(&format!("{UI}/login"), PLAIN);
    safari
}

/// 5, 44: the form of a page is posted, and its answer, a redirect, sets the cookie.
#[rstest]
#[case::g0(G0, Kept)]
#[case::g1(G1, Kept)]
#[case::g2(G2, Kept)]
#[case::g3(G3, Capped)]
#[case::g4(G4, Kept)]
fn a_form_is_a_top_level_navigation(#[case] generation: Generation, #[case] expected: Fate) {
    let mut safari = signed_in(generation);

    let task = safari.ask("POST", ORY, &[("Sec-Fetch-Dest", "document"), ("Origin", UI)]);
    let treated = safari.answer(&task, CLOAKED, Some("https://ui.example.com/welcome"), MONTH);
    let visited = Safari::new(generation).visit("https://ory.example.com/", CLOAKED);

    assert_eq!(fate(&treated), expected, "{}", treated.reason);
    assert_eq!(fate(&visited), expected, "{}", visited.reason);
}

/// 45: sign-in by another provider comes back by a redirect.
#[rstest]
#[case::g0(G0, Kept)]
#[case::g1(G1, Kept)]
#[case::g2(G2, Capped)]
#[case::g3(G3, Capped)]
#[case::g4(G4, Kept)]
fn a_later_hop_of_a_navigation(#[case] generation: Generation, #[case] expected: Fate) {
    let callback = "https://ory.example.com/self-service/methods/oidc/callback/hydra?code=1";
    let mut safari = signed_in(generation);
    let document = [("Sec-Fetch-Dest", "document"), ("Origin", "https://login.other.test")];

    let task = safari.ask("POST", "https://hydra.other.test/login", &document);
    safari.answer(&task, PLAIN, Some(callback), MONTH);
    let task = safari.ask("GET", callback, &document);
    let treated = safari.answer(&task, CLOAKED, Some("https://ui.example.com/welcome"), MONTH);

    assert_eq!(fate(&treated), expected, "{}", treated.reason);
    // 46: without a CNAME there is nothing that the host could be held against.
    let mut safari = signed_in(generation);
    let task = safari.ask("POST", "https://hydra.other.test/login", &document);
    safari.answer(&task, PLAIN, Some(callback), MONTH);
    let task = safari.ask("GET", callback, &document);
    let treated = safari.answer(&task, PLAIN, Some("https://ui.example.com/welcome"), MONTH);
    assert_eq!(fate(&treated), Kept, "{}", treated.reason);
}

/// 42, 43: the first party of a frame is the page around it; a new window is a page of its own.
#[test]
fn a_form_in_a_frame_is_capped_and_one_into_a_new_window_is_not() {
    for generation in [G0, G1, G2, G4] {
        let mut safari = signed_in(generation);
        let task = safari.ask(
            "GET",
            "https://ui.example.com/login",
            &[("Sec-Fetch-Dest", "iframe"), ("Referer", "https://ui.example.com/framed")],
        );
        safari.answer(&task, PLAIN, None, MONTH);

        let framed = safari.ask("POST", ORY, &[("Sec-Fetch-Dest", "iframe"), ("Origin", UI)]);
        let framed = safari.answer(&framed, CLOAKED, Some("https://ui.example.com/welcome"), MONTH);
        let window = safari.ask("POST", ORY, &[("Sec-Fetch-Dest", "document"), ("Origin", UI)]);
        let window = safari.answer(&window, CLOAKED, Some("https://ui.example.com/welcome"), MONTH);

        assert_eq!(fate(&framed), Capped, "{generation}: {}", framed.reason);
        assert_eq!(fate(&window), Kept, "{generation}: {}", window.reason);
    }
}

#[test]
fn what_a_frame_of_another_site_asks_of_its_own_site_is_a_third_partys() {
    let mut safari = Safari::new(G4);
    safari.visit("https://app.other.test/", PLAIN);
    let frame = [("Sec-Fetch-Dest", "iframe"), ("Referer", "https://app.other.test/")];

    let task = safari.ask("GET", "https://ui.example.com/login", &frame);
    assert!(task.blocked().is_some());
    safari.answer(&task, PLAIN, None, MONTH);
    let treated = safari.fetch(UI, ORY, PLAIN, MONTH);

    assert_eq!(fate(&treated), Dropped, "{}", treated.reason);
}

/// 47, and the public suffix list.
#[rstest]
#[case::another_site("https://api.other.test/", Dropped)]
#[case::neighbours_below_a_suffix("https://b.github.io/", Dropped)]
#[case::another_scheme("http://ory.example.com/", Kept)]
#[case::another_port("https://ory.example.com:8443/", Kept)]
fn a_third_party_gets_and_sets_no_cookie(#[case] url: &str, #[case] expected: Fate) {
    let page = if url.contains("github") { "https://a.github.io" } else { UI };
    for generation in Generation::ALL {
        let mut safari = Safari::new(generation);
        safari.visit(&format!("{page}/"), PLAIN);

        let task = safari.ask("GET", url, &[("Sec-Fetch-Dest", "empty"), ("Origin", page)]);
        let treated = safari.answer(&task, PLAIN, None, "s=1");

        assert_eq!(fate(&treated), expected, "{generation}: {}", treated.reason);
        assert_eq!(task.blocked().is_some(), expected == Dropped, "{generation}: {}", treated.reason);
    }
}

#[rstest]
#[case::chromium_and_firefox(&[("Sec-Fetch-Dest", "empty"), ("Origin", "null")])]
#[case::webkitgtk(&[("Origin", "null")])]
fn a_chain_that_was_blocked_stays_blocked(#[case] second: &[(&str, &str)]) {
    for generation in Generation::ALL {
        let mut safari = signed_in(generation);
        let task = safari.ask("GET", "https://api.other.test/", &[("Sec-Fetch-Dest", "empty"), ("Origin", UI)]);
        safari.answer(&task, PLAIN, Some(ORY), "s=1");

        let task = safari.ask("GET", ORY, second);
        let treated = safari.answer(&task, PLAIN, None, "s=1");
        let alone = safari.fetch(UI, ORY, PLAIN, "s=1");

        assert!(task.blocked().is_some_and(|why| why.contains("a hop before")), "{generation}: {:?}", task.blocked());
        assert_eq!(fate(&treated), Dropped, "{generation}");
        assert_eq!(fate(&alone), Kept, "{generation}: {}", alone.reason);
    }
}

#[test]
fn a_pair_that_webkit_names_leaves_the_latch() {
    let mut safari = Safari::new(G4);
    safari.visit("https://mail.yahoo.com/", PLAIN);
    let page = [("Sec-Fetch-Dest", "empty"), ("Origin", "https://mail.yahoo.com")];

    for (through, expected) in [("https://x.ymail.com/", Kept), ("https://x.aolmail.com/", Dropped)] {
        let task = safari.ask("GET", through, &page);
        safari.answer(&task, PLAIN, Some("https://api.yahoo.com/"), "s=1");
        let task = safari.ask("GET", "https://api.yahoo.com/", &page);
        let treated = safari.answer(&task, PLAIN, None, "s=1");
        assert_eq!(fate(&treated), expected, "{through}: {}", treated.reason);
    }
}

#[test]
fn each_hop_of_a_fetch_is_judged_by_itself() {
    let mut safari = signed_in(G4);
    let page = [("Sec-Fetch-Dest", "empty"), ("Origin", UI)];

    let task = safari.ask("GET", ORY, &page);
    let first = safari.answer(&task, CLOAKED, Some("https://near.example.com/"), MONTH);
    let task = safari.ask("GET", "https://near.example.com/", &page);
    let second = safari.answer(&task, PLAIN, None, MONTH);

    assert_eq!((fate(&first), fate(&second)), (Capped, Kept));
}

#[test]
fn the_first_cname_and_the_last_address_of_a_host_are_remembered() {
    let mut safari = Safari::new(G4);
    safari.visit(&format!("{UI}/"), leads("a.one.net", "203.0.113.10"));
    safari.visit(&format!("{UI}/"), leads("a.two.net", "198.51.100.7"));

    let fates = [leads("b.one.net", ""), leads("b.two.net", ""), leads("", "203.0.9.9"), leads("", "198.51.9.9")]
        .map(|leads| fate(&safari.fetch(UI, ORY, leads, MONTH)));

    assert_eq!(fates, [Kept, Capped, Capped, Kept]);
}

#[test]
fn only_the_last_hop_of_a_navigation_is_remembered() {
    let mut safari = Safari::new(G4);
    let document = [("Sec-Fetch-Dest", "document")];
    let task = safari.ask("GET", &format!("{UI}/"), &document);
    safari.answer(&task, leads("", "198.51.100.7"), Some("/login"), MONTH);
    let unknown = safari.fetch(UI, ORY, leads("", "203.0.113.10"), MONTH);
    let task = safari.ask("GET", &format!("{UI}/login"), &document);
    safari.answer(&task, leads("", "198.51.100.7"), None, MONTH);
    let known = safari.fetch(UI, ORY, leads("", "203.0.113.10"), MONTH);

    assert_eq!((fate(&unknown), fate(&known)), (Kept, Capped));
}

/// A value counts as it was when the request began.
#[test]
fn a_host_that_is_visited_again_is_recorded_in_the_oldest_regression() {
    let mut safari = Safari::new(G3);

    let visits = [(); 2].map(|()| fate(&safari.visit("https://ory.example.com/", CLOAKED)));

    assert_eq!(visits, [Capped, Kept]);
}

#[test]
fn another_session_remembers_nothing() {
    let mut safari = signed_in(G4);
    assert_eq!(fate(&safari.fetch(UI, ORY, leads("", "198.51.100.7"), MONTH)), Capped);

    let mut safari = Safari::new(G4);
    assert_eq!(fate(&safari.fetch(UI, ORY, leads("", "198.51.100.7"), MONTH)), Kept);
}

#[rstest]
#[case::no_referrer_and_no_cors(&[("Sec-Fetch-Dest", "image")])]
#[case::referer_alone(&[("Sec-Fetch-Dest", "script"), ("Referer", "https://ui.example.com/")])]
#[case::plain_http(&[("Origin", UI)])]
fn the_page_is_told_without_an_origin_as_well(#[case] headers: &[(&str, &str)]) {
    let mut safari = signed_in(G4);

    let task = safari.ask("GET", "https://ory.example.com/x.png", headers);
    let treated = safari.answer(&task, CLOAKED, None, MONTH);

    assert_eq!(fate(&treated), Capped, "{}", treated.reason);
    assert!(treated.reason.contains("of ui.example.com"), "{}", treated.reason);
}

#[test]
fn a_navigation_over_plain_http_is_one() {
    let mut safari = signed_in(G4);

    let task = safari.ask("POST", "http://ory.example.com/", &[("Upgrade-Insecure-Requests", "1"), ("Origin", UI)]);
    let treated = safari.answer(&task, CLOAKED, None, MONTH);

    assert_eq!(fate(&treated), Kept, "{}", treated.reason);
}

#[test]
fn a_redirect_that_nobody_followed_is_forgotten() {
    let mut safari = signed_in(G2);
    let document = [("Sec-Fetch-Dest", "document")];
    let task = safari.ask("GET", "https://hydra.other.test/", &document);
    safari.answer(&task, PLAIN, Some("https://ory.example.com/back"), MONTH);

    let headers = [("Sec-Fetch-Dest".to_owned(), "document".to_owned())];
    let late = Asked { method: "GET", url: "https://ory.example.com/back", headers: &headers, now: NOW + 60 };
    let task = safari.0.ask(&late);
    let treated = safari.answer(&task, CLOAKED, None, MONTH);

    assert_eq!(fate(&treated), Kept, "{}", treated.reason);
}

#[test]
fn a_preflight_uses_no_redirect_up_and_sets_nothing() {
    let mut safari = signed_in(G4);
    let page = [("Sec-Fetch-Dest", "empty"), ("Origin", UI)];
    let task = safari.ask("GET", "https://api.other.test/", &page);
    safari.answer(&task, PLAIN, Some(ORY), "s=1");

    let preflight = safari.ask("OPTIONS", ORY, &[("Access-Control-Request-Method", "POST"), ("Origin", UI)]);
    safari.answer(&preflight, PLAIN, None, "s=1");
    let task = safari.ask("GET", ORY, &page);

    assert!(preflight.blocked().is_none());
    assert!(task.blocked().is_some(), "the hop after the preflight is still the chain's");
}
