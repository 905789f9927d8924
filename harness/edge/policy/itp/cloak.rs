//! Whether an answer of the page's own site comes from somebody else: by its CNAME, and where it has none by its address
//! (WebKit's `setCookieTransformForFirstPartyRequest` and `shouldCapCookieExpiryForThirdPartyIPAddress`).

use std::net::IpAddr;

use super::{Generation, address, site};

/// The host of the top-level page, and what was recorded of it before the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FirstParty {
    pub(super) host: String,
    pub(super) cname: Option<String>,
    pub(super) address: Option<IpAddr>,
}

/// What becomes of cookies that last too long, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    Keep(String),
    Cap(String),
}

/// Judges an answer of `host`. Either its CNAME decides or its address, never both.
pub(super) fn judge(
    generation: Generation,
    host: &str,
    page: &FirstParty,
    cname: &[String],
    remote: Option<&str>,
) -> Ruling {
    match last_domain(cname) {
        Some(domain) => judge_cname(host, page, &domain),
        None if !generation.judges_addresses() => {
            Ruling::Keep(format!("{host} has no CNAME, and {generation} looks at no addresses"))
        }
        None => judge_address(host, page, remote),
    }
}

fn judge_cname(host: &str, page: &FirstParty, domain: &str) -> Ruling {
    let top = &page.host;
    if top == domain || top.ends_with(&format!(".{domain}")) {
        return Ruling::Keep(format!("the CNAME of {host} ends in {domain}, the page's own site"));
    }
    match &page.cname {
        Some(known) if known == domain => {
            Ruling::Keep(format!("the CNAME of {host} ends in {domain}, as that of the page's host {top} does"))
        }
        Some(known) => {
            Ruling::Cap(format!("the CNAME of {host} ends in {domain}, that of the page's host {top} in {known}"))
        }
        None => {
            Ruling::Cap(format!("the CNAME of {host} ends in {domain}, and none is known of the page's host {top}"))
        }
    }
}

fn judge_address(host: &str, page: &FirstParty, remote: Option<&str>) -> Ruling {
    let top = &page.host;
    let Some(known) = page.address else {
        return Ruling::Keep(format!("{host} has no CNAME, and no address is known of the page's host {top}"));
    };
    let Some(remote) = remote.and_then(|it| it.parse::<IpAddr>().ok()) else {
        return Ruling::Keep(format!("{host} has no CNAME, and its address is not known"));
    };
    if is_exempt(host) {
        return Ruling::Keep(format!("{host} is an exception of WebKit's"));
    }
    let (bits, enough) = (address::common_bits(remote, known), address::enough_bits(remote));
    let why = format!(
        "{host} has no CNAME; its address {remote} shares {bits} leading bits with {known} of the page's host {top}, \
         {enough} are enough"
    );
    if bits < enough { Ruling::Cap(why) } else { Ruling::Keep(why) }
}

/// Google's own sign-in and consent pages (WebKit pull requests 18183 and 26663).
fn is_exempt(host: &str) -> bool {
    let domain = site::of(host);
    let googles = domain.starts_with("google.") || domain == "youtube.com";
    host == "accounts.google.com" || (googles && host == format!("consent.{domain}"))
}

/// The registrable domain of the last name of a CNAME chain; nothing without a chain.
pub(super) fn last_domain(cname: &[String]) -> Option<String> {
    cname.last().filter(|name| !name.is_empty()).map(|name| site::of(name))
}
