//! What a check sees in the edge's record.

use crate::case::Posts;
use crate::evidence::Exchange;

/// How many of these are the POSTs that are asked for. One whose server was gone had arrived; one that the edge kept to
/// itself had nowhere to arrive.
pub(super) fn posts(check: &Posts, exchanges: impl Iterator<Item = Exchange>) -> usize {
    exchanges
        .filter(|it| it.method == "POST" && it.path() == check.path && (it.refused.is_none() || it.upstream_failed))
        .filter(|it| check.host.as_deref().is_none_or(|host| it.host() == host))
        .filter(|it| check.by.as_ref().is_none_or(|by| *by == it.listener))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Within;

    fn post(refused: Option<&str>, upstream_failed: bool) -> Exchange {
        Exchange {
            listener: "kratos".to_owned(),
            at_ms: 1_000,
            method: "POST".to_owned(),
            url: "https://legacy.example.test/verify-password".to_owned(),
            refused: refused.map(str::to_owned),
            upstream_failed,
            ..Exchange::default()
        }
    }

    #[test]
    fn a_post_whose_server_is_gone_has_arrived_and_one_that_is_not_passed_on_has_not() {
        let check = Posts {
            path: "/verify-password".to_owned(),
            count: 0,
            host: Some("legacy.example.test".to_owned()),
            by: Some("kratos".to_owned()),
            step: Within::Last,
        };
        let count = |exchange| posts(&check, std::iter::once(exchange));

        assert_eq!(count(post(None, false)), 1);
        assert_eq!(count(post(Some("failed to reach the server"), true)), 1);
        assert_eq!(count(post(Some("no server of this world"), false)), 0);
    }
}
