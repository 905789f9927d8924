//! Where the pages of the interface stand: for one Kratos at `/login`, for several by route or by choice.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::case::FlowKind;
use crate::case::interface::TenantsBy;

/// A Kratos that the interface shows flows of.
#[derive(Debug, Clone)]
pub struct UiTenant {
    /// Its name in the world.
    pub name: String,
    /// Its word in the paths; nothing where it is alone.
    pub route: Option<String>,
    /// The Kratos that the interface shows for it, by its base URL as browsers know it.
    pub kratos: Url,
    /// Where the interface's own server asks this Kratos; in a world it is the same URL.
    pub asked_at: Url,
}

/// Where all pages of an interface stand.
#[derive(Debug, Clone)]
pub struct Places {
    url: Url,
    all: Vec<(String, Links)>,
}

impl Places {
    /// The pages of an interface at this URL for these tenants: each its name in the world, and its word in the paths.
    pub fn new<'a>(url: Url, tenants: impl IntoIterator<Item = (&'a str, Option<&'a str>)>, by: TenantsBy) -> Self {
        let all = tenants.into_iter().map(|(name, route)| (name.to_owned(), Links::new(route, by))).collect();
        Self { url, all }
    }

    /// Where browsers reach the interface.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of a path of it, which begins with `/`.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("{}{}", self.url.as_str().trim_end_matches('/'), path)
    }

    /// The page that a person comes to after a sign-in, by the tenant's name; without one that of the first.
    #[must_use]
    pub fn welcome(&self, at: Option<&str>) -> String {
        let links = self.all.iter().find(|(name, _)| at.is_none_or(|at| name == at)).map(|(_, links)| links);
        self.url_of(links.map_or("/welcome", |links| &links.welcome))
    }

    /// What the Kratos of this name at this base URL has to be told of the pages, as its configuration.
    ///
    /// # Errors
    /// When the interface has no pages for it.
    pub fn addresses(&self, name: &str, kratos: &str) -> Result<Value> {
        let links = self.all.iter().find(|(it, _)| it == name).map(|(_, links)| links);
        links.with_context(|| format!("the interface has no pages for `{name}`"))?.addresses(&self.url, kratos)
    }
}

/// The paths of one tenant's pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Links {
    pub(super) login: String,
    pub(super) registration: String,
    pub(super) recovery: String,
    pub(super) verification: String,
    pub(super) settings: String,
    pub(super) welcome: String,
    pub(super) error: String,
}

impl Links {
    pub(super) fn new(route: Option<&str>, by: TenantsBy) -> Self {
        let path = |page: &str| match (route, by) {
            (None, _) => format!("/{page}"),
            (Some(route), TenantsBy::Routes) => format!("/{page}/{route}"),
            (Some(route), TenantsBy::Choice) => format!("/{page}?tenant={route}"),
        };
        Self {
            login: path("login"),
            registration: path("registration"),
            recovery: path("recovery"),
            verification: path("verification"),
            settings: path("settings"),
            welcome: path("welcome"),
            error: path("error"),
        }
    }

    /// The page of a flow.
    pub(super) fn of(&self, flow: FlowKind) -> &str {
        match flow {
            FlowKind::Login => &self.login,
            FlowKind::Registration => &self.registration,
            FlowKind::Recovery => &self.recovery,
            FlowKind::Verification => &self.verification,
            FlowKind::Settings => &self.settings,
        }
    }

    /// What a Kratos at `kratos` has to be told of these pages and of its own place, as its configuration.
    pub(super) fn addresses(&self, ui: &Url, kratos: &str) -> Result<Value> {
        let page = |path: &str| ui.join(path).map(String::from).with_context(|| format!("`{path}` is no path"));
        let mut flows = Map::new();
        for flow in FlowKind::ALL {
            flows.insert(flow.word().to_owned(), json!({ "ui_url": page(self.of(flow))? }));
        }
        flows.insert("error".to_owned(), json!({ "ui_url": page(&self.error)? }));
        Ok(json!({
            "serve": { "public": {
                "base_url": kratos,
                "cors": { "allowed_origins": [ui.origin().ascii_serialization()] },
            } },
            "selfservice": {
                "default_browser_return_url": page(&self.welcome)?,
                "allowed_return_urls": [ui.as_str()],
                "flows": flows,
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_pages_of_their_own() {
        assert_eq!(Links::new(None, TenantsBy::Routes).login, "/login");
        assert_eq!(Links::new(Some("customer"), TenantsBy::Routes).login, "/login/customer");
        assert_eq!(Links::new(Some("customer"), TenantsBy::Choice).login, "/login?tenant=customer");
    }

    #[test]
    fn kratos_is_told_the_pages_of_its_tenant() -> Result<()> {
        let links = Links::new(Some("employee"), TenantsBy::Choice);

        let config = links.addresses(&Url::parse("http://localhost:4455/")?, "http://127.0.0.1/")?;

        assert_eq!(config["serve"]["public"]["base_url"], "http://127.0.0.1/");
        assert_eq!(config["serve"]["public"]["cors"]["allowed_origins"], json!(["http://localhost:4455"]));
        let login = &config["selfservice"]["flows"]["login"]["ui_url"];
        assert_eq!(login, "http://localhost:4455/login?tenant=employee");
        Ok(())
    }
}
