//! The names of a world: which server stands behind a host, a port and a path.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use url::Url;

/// The host names of a world and the servers behind them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    routes: Arc<RwLock<Vec<Route>>>,
}

/// A server behind a name.
#[derive(Debug)]
struct Route {
    host: String,
    /// The port, where it is not the scheme's own.
    port: Option<u16>,
    /// What paths begin with; it ends with `/`.
    prefix: String,
    upstream: SocketAddr,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) upstream: SocketAddr,
    /// The path and query as the server gets them.
    pub(super) path: String,
}

impl Names {
    /// Puts a server behind a host at its usual ports, or another one in its place.
    pub fn set(&self, host: &str, upstream: SocketAddr) {
        self.put(Route { host: host.to_ascii_lowercase(), port: None, prefix: "/".to_owned(), upstream });
    }

    /// Puts a server behind a base URL, or another one in its place. The URL's path is stripped on the way.
    pub fn set_url(&self, url: &Url, upstream: SocketAddr) {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        self.put(Route { host, port: url.port(), prefix: url.path().to_owned(), upstream });
    }

    fn put(&self, route: Route) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|it| (&it.host, it.port, &it.prefix) != (&route.host, route.port, &route.prefix));
        routes.push(route);
        // The longest first: it wins.
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
    }

    /// Why nothing is passed on to this host and port, if that is so.
    pub(super) fn refuse(&self, scheme: &str, host: &str, port: Option<u16>) -> Option<String> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut of_host = routes.iter().filter(|route| route.host.eq_ignore_ascii_case(host)).peekable();
        if of_host.peek().is_none() {
            return Some(format!("`{host}` is no host of this world"));
        }
        if of_host.any(|route| route.port == port) {
            return None;
        }
        Some(match port {
            Some(port) => format!("`{host}` is served on the usual port of {scheme} only, not on {port}"),
            None => format!("`{host}` is not served on the usual port of {scheme}"),
        })
    }

    /// Where a path and query of this host and port goes; nothing when no server stands there.
    pub(super) fn find(&self, host: &str, port: Option<u16>, path: &str) -> Option<Passage> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let route = routes.iter().find(|route| {
            route.host.eq_ignore_ascii_case(host) && route.port == port && path.starts_with(&route.prefix)
        })?;
        Some(Passage { upstream: route.upstream, path: path[route.prefix.len() - 1..].to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: u16) -> SocketAddr {
        ([127, 0, 0, 1], number).into()
    }

    #[test]
    fn the_longest_path_wins_and_is_stripped() -> anyhow::Result<()> {
        let names = Names::default();
        names.set("ory.example.test", server(1));
        names.set_url(&Url::parse("https://ory.example.test/employees/")?, server(2));

        let find = |path| names.find("ORY.example.test", None, path).map(|it| (it.upstream.port(), it.path));

        assert_eq!(find("/login?flow=1"), Some((1, "/login?flow=1".to_owned())));
        assert_eq!(find("/employees/login?flow=1"), Some((2, "/login?flow=1".to_owned())));
        assert_eq!(find("/employees"), Some((1, "/employees".to_owned())));
        Ok(())
    }

    #[test]
    fn a_port_is_a_place_of_its_own() -> anyhow::Result<()> {
        let names = Names::default();
        names.set_url(&Url::parse("http://127.0.0.1:4433/")?, server(1));

        assert_eq!(names.refuse("http", "127.0.0.1", Some(4433)), None);
        assert!(names.refuse("http", "127.0.0.1", None).is_some_and(|why| why.contains("usual port of http")));
        assert!(names.refuse("http", "localhost", Some(4433)).is_some_and(|why| why.contains("no host")));
        assert_eq!(names.find("127.0.0.1", None, "/"), None);
        Ok(())
    }

    #[test]
    fn the_last_server_behind_a_place_stays() {
        let names = Names::default();
        names.set("ory.example.test", server(1));
        names.set("ory.example.test", server(2));

        assert_eq!(names.find("ory.example.test", None, "/").map(|it| it.upstream), Some(server(2)));
    }
}
