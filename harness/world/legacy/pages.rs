//! The pages of the legacy system, from the templates of a folder.

use std::path::Path;

use anyhow::{Context, Result};
use minijinja::value::Value as Told;
use minijinja::{Environment, UndefinedBehavior, context};

const TEMPLATES: [&str; 5] = ["page.html", "home.html", "login.html", "consent.html", "error.html"];

/// The templates and the style sheet.
#[derive(Debug)]
pub(super) struct Pages {
    templates: Environment<'static>,
    pub(super) style: String,
}

/// What the login page is told beside the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt<'a> {
    /// The person has not tried yet.
    First,
    /// Address or password were wrong; the address that was typed.
    Failed(&'a str),
}

impl Pages {
    /// Reads the folder.
    pub(super) async fn load(folder: &Path) -> Result<Self> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for name in TEMPLATES {
            let text = read(folder, name).await?;
            templates
                .add_template_owned(name, text)
                .with_context(|| format!("`{}` is no template", folder.join(name).display()))?;
        }
        Ok(Self { templates, style: read(folder, "style.css").await? })
    }

    /// The start page.
    pub(super) fn render_home(&self) -> Result<String> {
        self.render("home.html", context! {})
    }

    /// The login page for a challenge of Hydra's.
    pub(super) fn render_login(&self, challenge: &str, client: &str, attempt: Attempt<'_>) -> Result<String> {
        let (failed, email) = match attempt {
            Attempt::First => (false, ""),
            Attempt::Failed(email) => (true, email),
        };
        self.render("login.html", context! { challenge, client, failed, email })
    }

    /// The page that asks what a client may know.
    pub(super) fn render_consent(&self, challenge: &str, client: &str, name: &str, email: &str) -> Result<String> {
        self.render("consent.html", context! { challenge, client, name, email })
    }

    /// A page that says what went wrong.
    pub(super) fn render_error(&self, reason: &str) -> Result<String> {
        self.render("error.html", context! { reason })
    }

    fn render(&self, template: &str, told: Told) -> Result<String> {
        self.templates
            .get_template(template)
            .and_then(|template| template.render(told))
            .with_context(|| format!("cannot render `{template}` of the legacy system"))
    }
}

async fn read(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    let text = tokio::fs::read_to_string(&path).await;
    text.with_context(|| format!("cannot read `{}` of the legacy system", path.display()))
}
