//! The pages of the fixture interface: reads the templates, and renders Kratos's answers with them.

use std::path::Path;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use minijinja::value::{Serde, Value as Told};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

use super::routes::Tenant;
use crate::case::FlowKind;
use crate::case::interface::{Credentials, Guard, Submit};

const TEMPLATES: [&str; 5] = ["page.html", "flow.html", "error.html", "welcome.html", "choice.html"];

/// The templates and files of a folder, and what every page is told.
#[derive(Debug)]
pub(super) struct Pages {
    templates: Environment<'static>,
    /// The style sheet.
    pub(super) style: String,
    /// The script.
    pub(super) script: String,
    submit: Submit,
    guard: Guard,
    credentials: Credentials,
}

/// Who is signed in, as the welcome page shows it.
#[derive(Debug)]
pub(super) enum Visitor<'a> {
    /// The script finds out.
    Unknown,
    /// Nobody.
    Stranger,
    /// The session of Kratos's `whoami`, and the URL that ends it.
    SignedIn { session: &'a Value, logout: Option<&'a str> },
}

impl Pages {
    /// Reads the folder.
    pub(super) async fn load(folder: &Path, submit: Submit, guard: Guard, credentials: Credentials) -> Result<Self> {
        let mut templates = Environment::new();
        // The default: a missing key prints nothing, as Kratos leaves out what is empty.
        templates.set_undefined_behavior(UndefinedBehavior::Lenient);
        for name in TEMPLATES {
            let text = read(folder, name).await?;
            templates
                .add_template_owned(name, text)
                .with_context(|| format!("`{}` is no template", folder.join(name).display()))?;
        }
        Ok(Self {
            templates,
            style: read(folder, "style.css").await?,
            script: read(folder, "app.js").await?,
            submit,
            guard,
            credentials,
        })
    }

    /// The page of a flow; without the flow, the shell that the script fills.
    pub(super) fn render_flow(&self, tenant: &Tenant, page: FlowKind, flow: Option<&Value>) -> Result<String> {
        self.render(
            "flow.html",
            page.word(),
            tenant,
            context! { flow => flow.map(Serde), here => tenant.links.of(page) },
        )
    }

    /// The page that asks whose flow a person wants, by the words of the tenants.
    pub(super) fn render_choice(&self, page: &str, any: &Tenant, routes: &[&str]) -> Result<String> {
        self.render("choice.html", page, any, context! { routes => Serde(routes) })
    }

    /// The page of an error object of Kratos, which may lack any key. `again` is where the link goes.
    pub(super) fn render_error(
        &self,
        tenant: &Tenant,
        error: &Value,
        status: StatusCode,
        again: &str,
    ) -> Result<String> {
        let code = error["code"].as_u64().unwrap_or(status.as_u16().into());
        let error = context! { code, ..Told::from(Serde(error)) };
        self.render("error.html", "error", tenant, context! { error, again })
    }

    /// The page that says who is signed in.
    pub(super) fn render_welcome(&self, tenant: &Tenant, visitor: Visitor<'_>) -> Result<String> {
        let told = match visitor {
            Visitor::Unknown => context! { known => false },
            Visitor::Stranger => context! { known => true },
            Visitor::SignedIn { session, logout } => {
                context! { known => true, session => Serde(session), logout }
            }
        };
        self.render("welcome.html", "welcome", tenant, told)
    }

    fn render(&self, template: &str, page: &str, tenant: &Tenant, told: Told) -> Result<String> {
        let guard_ms = match self.guard {
            // The script reads the number, and a delay above this could not be told from "never".
            Guard::DisableAfter(wait) => u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            Guard::None | Guard::Disable | Guard::Flag => 0,
        };
        let common = context! {
            page,
            submit => self.submit.name(),
            guard => self.guard.kind(),
            guard_ms,
            credentials => self.credentials.name(),
            kratos => tenant.upstream.base().as_str(),
            links => Told::from(Serde(&tenant.links)),
            tenant => tenant.route.as_deref(),
            // A plain form without a guard has to work without any script.
            script => self.submit == Submit::Ajax || self.guard != Guard::None,
        };
        self.templates
            .get_template(template)
            .and_then(|template| template.render(context! { ..told, ..common }))
            .with_context(|| format!("cannot render `{template}`"))
    }
}

async fn read(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    tokio::fs::read_to_string(&path).await.with_context(|| {
        format!(
            "cannot read `{}` of the fixture interface (hint: its folder holds {}, `style.css` and `app.js`)",
            path.display(),
            TEMPLATES.map(|name| format!("`{name}`")).join(", "),
        )
    })
}
