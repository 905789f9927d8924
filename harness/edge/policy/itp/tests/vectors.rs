//! One page, one request: the examples of WebKit's own tests and those that follow from its algorithm.
//! Numbers only tell them apart.

use rstest::rstest;

use super::Fate::{self, Capped, Kept};
use super::*;

const UI: &str = "https://ui.example.com";

/// A page at `ui.example.com` fetches from `ory.example.com`.
fn fetch_under(generation: Generation, page: Leads<'_>, ory: Leads<'_>) -> Treated {
    let mut safari = Safari::new(generation);
    safari.visit(&format!("{UI}/login"), page);
    safari.fetch(UI, "https://ory.example.com/self-service/login", ory, MONTH)
}

#[rstest]
#[case::n01_another_cname(leads("testwebkit.org", ""), leads("3rdpartytestwebkit.org", ""), Capped)]
#[case::n02_a_cname_under_a_page_without(leads("", ""), leads("3rdpartytestwebkit.org", ""), Capped)]
#[case::n03_the_pages_own_site(leads("testwebkit.org", ""), leads("lb.example.com", ""), Kept)]
#[case::n04_the_same_cname(leads("testwebkit.org", ""), leads("testwebkit.org", ""), Kept)]
#[case::only_the_last_name_counts(leads("", ""), leads("a.oryapis.com edge.example.com", ""), Kept)]
#[case::only_the_last_name_counts_foreign(leads("", ""), leads("edge.example.com a.oryapis.com", ""), Capped)]
#[case::a_dot_at_the_end(leads("a.cdn.net.", ""), leads("b.cdn.net", ""), Kept)]
#[case::n25_own_cname_far_address(leads("", "203.0.113.10"), leads("lb.example.com", "198.51.100.7"), Kept)]
#[case::n26_foreign_cname_equal_address(leads("", "203.0.113.10"), leads("x.oryapis.com", "203.0.113.10"), Capped)]
#[case::n27_both_at_the_provider(leads("u.oryapis.com", ""), leads("x.oryapis.com", "198.51.100.7"), Kept)]
#[case::n28_two_providers(leads("pages.test", "203.0.113.10"), leads("x.oryapis.com", "203.0.113.10"), Capped)]
#[case::n29_one_cdn(leads("a.cdn.net", "203.0.113.10"), leads("other.cdn.net", "198.51.100.7"), Kept)]
#[case::private_part_of_the_list(leads("a.github.io", ""), leads("b.github.io", ""), Capped)]
fn a_cname_is_judged_alike_by_all(#[case] page: Leads<'_>, #[case] ory: Leads<'_>, #[case] expected: Fate) {
    for generation in Generation::ALL {
        let treated = fetch_under(generation, page, ory);
        assert_eq!(fate(&treated), expected, "{generation}: {}", treated.reason);
    }
}

#[rstest]
#[case::n07_loopback_near("127.0.0.1", "127.0.0.2", Kept)]
#[case::n08_loopback_and_private("127.0.0.1", "10.49.253.10", Capped)]
#[case::n09_nineteen_bits("17.100.100.255", "17.100.120.255", Kept)]
#[case::n10_two_families("2001:db8::1234:5678", "17.100.120.255", Capped)]
#[case::n11_two_families_turned("17.100.120.255", "2001:db8::1234:5678", Capped)]
#[case::n12_ipv6_boundary("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", Kept)]
#[case::n13_ipv6_one_bit_less("2001:db8:0:1::1", "2001:db8::1", Capped)]
#[case::n14_boundary("203.0.113.10", "203.0.200.9", Kept)]
#[case::n15_one_bit_less("203.0.113.10", "203.1.113.10", Capped)]
#[case::n16_private_is_not_special("10.0.255.255", "10.1.0.0", Capped)]
#[case::n17_one_private_network("10.0.0.1", "10.0.255.255", Kept)]
#[case::n18_two_container_networks("172.17.0.2", "172.18.0.2", Capped)]
#[case::n19_loopback_is_not_special("127.0.0.1", "127.9.0.1", Capped)]
#[case::n20_link_local("169.254.0.1", "169.254.255.1", Kept)]
#[case::n21_mapped_always_share_96("::ffff:203.0.113.10", "::ffff:10.0.0.1", Kept)]
#[case::mapped_and_plain("::ffff:203.0.113.10", "203.0.113.10", Capped)]
#[case::n22_two_edges_of_one_cdn("104.21.10.1", "172.67.10.1", Capped)]
#[case::n23_one_edge_of_a_cdn("104.21.10.1", "104.21.99.9", Kept)]
#[case::n24_two_edges_by_ipv6("2606:4700:3030::6815:a01", "2606:4700:3031::ac43:a01", Capped)]
#[case::n35_unparsable("203.0.113.10", "foo", Kept)]
#[case::unparsable_page("foo", "198.51.100.7", Kept)]
#[case::n51_far("100.100.100.100", "200.200.200.200", Capped)]
fn addresses_are_judged_where_there_is_no_cname(#[case] page: &str, #[case] ory: &str, #[case] expected: Fate) {
    for generation in Generation::ALL {
        let treated = fetch_under(generation, leads("", page), leads("", ory));
        // 52: the first generation looks at no addresses.
        let expected = if generation == Generation::G0 { Kept } else { expected };
        assert_eq!(fate(&treated), expected, "{generation}: {}", treated.reason);
    }
}

#[rstest]
#[case::n30_no_cname(leads("", "198.51.100.7"), Kept)]
#[case::n31_foreign_cname(leads("x.oryapis.com", "198.51.100.7"), Capped)]
fn a_page_that_was_never_recorded(#[case] ory: Leads<'_>, #[case] expected: Fate) {
    for generation in Generation::ALL {
        let treated = Safari::new(generation).fetch(UI, "https://ory.example.com/", ory, MONTH);
        assert_eq!(fate(&treated), expected, "{generation}: {}", treated.reason);
    }
}

#[rstest]
#[case::n32_same_address(leads("", "203.0.113.10"), leads("", "203.0.113.10"), Kept)]
#[case::n33_recorded_cname(leads("a.pages.test", "203.0.113.10"), leads("a.pages.test", "203.0.113.10"), Kept)]
#[case::n34_cname_that_came_later(leads("", "203.0.113.10"), leads("a.pages.test", "203.0.113.10"), Capped)]
fn the_pages_own_host_is_no_exception(#[case] page: Leads<'_>, #[case] later: Leads<'_>, #[case] expected: Fate) {
    for generation in Generation::ALL {
        let mut safari = Safari::new(generation);
        safari.visit(&format!("{UI}/login"), page);
        let treated = safari.fetch(UI, &format!("{UI}/api"), later, MONTH);
        assert_eq!(fate(&treated), expected, "{generation}: {}", treated.reason);
    }
}

#[rstest]
#[case::n50_sign_in("www.google.com", "accounts.google.com", Kept)]
#[case::consent_of_a_country("www.google.de", "consent.google.de", Kept)]
#[case::consent_of_youtube("www.youtube.com", "consent.youtube.com", Kept)]
#[case::another_host_of_google("www.google.com", "mail.google.com", Capped)]
#[case::sign_in_of_a_country("www.google.de", "accounts.google.de", Capped)]
#[case::a_name_that_only_begins_so("www.googles.com", "consent.googles.com", Capped)]
fn google_is_an_exception_of_the_rule_on_addresses(#[case] page: &str, #[case] host: &str, #[case] expected: Fate) {
    let (page, url) = (format!("https://{page}"), format!("https://{host}/"));
    let mut safari = Safari::new(Generation::G4);
    safari.visit(&format!("{page}/"), leads("", "1.2.3.4"));

    let by_address = safari.fetch(&page, &url, leads("", "5.6.7.8"), MONTH);
    let by_cname = safari.fetch(&page, &url, leads("x.elsewhere.net", "5.6.7.8"), MONTH);

    assert_eq!(fate(&by_address), expected, "{}", by_address.reason);
    assert_eq!(fate(&by_cname), Capped, "{}", by_cname.reason);
}
