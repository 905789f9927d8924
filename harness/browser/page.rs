//! Page actions: what a person does on a login page, told in the names of the flow's `ui.nodes`.
//! They hold on any page that renders the nodes as inputs of those names, whatever its markup.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::actions::Actions;
use fantoccini::elements::{Element, ElementRef};
use serde_json::{Value, json};

use super::Browser;
use super::action::{Input, sequence};
use crate::wait::wait_until;

/// How long a page may take to show what a step needs.
const SHOW_LIMIT: Duration = Duration::from_secs(5);

/// How often the page is asked.
const SHOW_EVERY: Duration = Duration::from_millis(20);

/// The names that a person can fill in, and the buttons.
const NAMES: &str = r#"
    const shown = it => it.type !== 'hidden' && it.getClientRects().length > 0;
    const fields = [...document.querySelectorAll('input[name], select[name], textarea[name]')].filter(shown);
    const buttons = [...document.querySelectorAll('button, input[type=submit]')].filter(shown);
    return [...fields.map(it => it.name), ...buttons.map(it => `${it.name || 'button'}=${it.value}`)];
"#;

/// The first element of a selector that can be seen.
const SHOWN: &str = r#"
    return [...document.querySelectorAll(arguments[0])].find(it => it.getClientRects().length > 0) ?? null;
"#;

/// The key under which WebDriver hands out elements (WebDriver, section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The message ids on the page, by the test ids that Ory's own interfaces use.
const MESSAGES: &str = r#"
    return [...document.querySelectorAll('[data-testid^="ui/message/"]')]
        .map(it => it.dataset.testid.slice('ui/message/'.length));
"#;

/// The form that belongs to a flow, as a person could copy it out of the page's source.
const FORM: &str = r#"
    const form = [...document.forms].find(it => it.elements.namedItem('csrf_token')) ?? document.forms[0];
    if (!form) return null;
    const values = {};
    for (const it of form.elements) {
        if (it.name && it.type !== 'submit' && it.type !== 'button' && !(it.name in values)) values[it.name] = it.value;
    }
    // Buttons named `action` or `method` hide the form's own properties of these names.
    const action = new URL(form.getAttribute('action') ?? '', location.href).href;
    return { action, values };
"#;

/// An error page of the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorShown {
    /// Kratos's `error.id`; empty where the error has none.
    pub id: String,
    /// The text of the whole error box.
    pub text: String,
}

/// Who is signed in, as a page says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// The person of this address.
    SignedIn(String),
    /// Nobody.
    Stranger,
    /// The page's script could not find out: it got no answer that it may read.
    Unknown,
}

/// A form as it was scraped off a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Where it posts to.
    pub action: String,
    /// Its fields and their values.
    pub values: BTreeMap<String, String>,
}

/// The page that a browser shows.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a Browser,
}

impl<'a> Page<'a> {
    /// The page of this browser.
    pub fn of(browser: &'a Browser) -> Self {
        Self { browser }
    }

    /// Types a value into the field of this name, in place of what stands there.
    ///
    /// # Errors
    /// When no such field can be seen; the error lists the names that can.
    pub async fn fill(&self, name: &str, value: &str) -> Result<()> {
        let field = self.shown(&format!("the field `{name}`"), &field_locator(name)).await?;
        self.browser.call(&format!("clear `{name}`"), field.clear()).await?;
        self.browser.call(&format!("type into `{name}`"), field.send_keys(value)).await
    }

    /// Finds the button of this name and value, by which these inputs will submit its form.
    ///
    /// # Errors
    /// When no such button can be seen; the error lists what can.
    pub async fn button(&self, name: &str, value: &str, inputs: &[Input]) -> Result<Button<'a>> {
        let button = self.shown(&format!("the button `{name}={value}`"), &button_locator(name, value)).await?;
        if inputs.contains(&Input::Click) {
            let element = serde_json::to_value(&button).context("failed to name the button")?;
            self.browser.script("arguments[0].scrollIntoView({ block: 'center' })", vec![element]).await?;
        }
        Ok(Button { browser: self.browser, actions: sequence(inputs, &button) })
    }

    /// Clicks the link of this test id.
    ///
    /// # Errors
    /// When no such link can be seen, or the browser does not take the click.
    pub async fn follow(&self, id: &str) -> Result<()> {
        let link = self.shown(&format!("the link `{id}`"), &format!("a[data-testid={}]", quoted(id))).await?;
        self.browser.call(&format!("click `{id}`"), link.click()).await
    }

    /// The ids of the messages on the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn messages(&self) -> Result<Vec<u64>> {
        let seen = self.browser.script(MESSAGES, vec![]).await?;
        let ids = seen.as_array().context("the page's messages are no list")?;
        Ok(ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect())
    }

    /// The test ids of everything on the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn test_ids(&self) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll('[data-testid]')].map(it => it.dataset.testid)";
        let seen = self.browser.script(script, vec![]).await?;
        let ids = seen.as_array().context("the page's test ids are no list")?;
        Ok(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
    }

    /// What can be read on the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn text(&self) -> Result<String> {
        let seen = self.browser.script("return document.body?.innerText ?? ''", vec![]).await?;
        seen.as_str().map(str::to_owned).context("the page's text is no text")
    }

    /// The error that the page shows, if it is an error page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn error(&self) -> Result<Option<ErrorShown>> {
        let script = r#"
            const box = document.querySelector('[data-testid="ui/error"]');
            if (!box) return null;
            const id = [...document.querySelectorAll('[data-testid^="ui/error/"]')]
                .map(it => it.dataset.testid.slice('ui/error/'.length)).find(it => !['message', 'code', 'again'].includes(it)) ?? '';
            return { id, text: box.innerText };
        "#;
        let seen = self.browser.script(script, vec![]).await?;
        Ok(seen["text"]
            .as_str()
            .map(|text| ErrorShown { id: seen["id"].as_str().unwrap_or_default().to_owned(), text: text.to_owned() }))
    }

    /// Who is signed in, by the signed-in page.
    ///
    /// # Errors
    /// When the page says nothing of it in time.
    pub async fn visitor(&self) -> Result<Visitor> {
        let script = r#"
            const email = document.querySelector('[data-testid="session/email"]');
            if (email) return { email: email.innerText };
            if (document.querySelector('[data-testid="ui/network-error"]')) return { unknown: true };
            return document.querySelector('[data-testid="session/none"]') ? {} : null;
        "#;
        let seen = wait_until("a page that says who is signed in", SHOW_LIMIT, SHOW_EVERY, || async {
            match self.browser.script(script, vec![]).await {
                Ok(Value::Null) => Err(self.describe().await),
                Ok(seen) => Ok(seen),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await?;
        Ok(match seen["email"].as_str() {
            Some(email) => Visitor::SignedIn(email.trim().to_owned()),
            None if seen["unknown"] == true => Visitor::Unknown,
            None => Visitor::Stranger,
        })
    }

    /// The form of the page's flow, with every value.
    ///
    /// # Errors
    /// When the page has no form.
    pub async fn form(&self) -> Result<Form> {
        let seen = wait_until("a form on the page", SHOW_LIMIT, SHOW_EVERY, || async {
            match self.browser.script(FORM, vec![]).await {
                Ok(Value::Null) => Err(self.describe().await),
                Ok(form) => Ok(form),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await?;
        let values = seen["values"].as_object().context("the form has no values")?;
        Ok(Form {
            action: seen["action"].as_str().context("the form has no action")?.to_owned(),
            values: values.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect(),
        })
    }

    /// Posts a form that was copied from elsewhere, as a top-level navigation.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn post_form(&self, form: &Form) -> Result<()> {
        let script = r#"
            const [action, values] = arguments;
            const form = document.createElement('form');
            form.action = action;
            form.method = 'post';
            for (const [name, value] of Object.entries(values)) {
                const field = document.createElement('input');
                Object.assign(field, { type: 'hidden', name, value });
                form.append(field);
            }
            document.body.append(form);
            form.submit();
        "#;
        self.browser.script(script, vec![json!(form.action), json!(form.values)]).await?;
        Ok(())
    }

    /// Posts a form that was copied from elsewhere as JSON, by a credentialed fetch from the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn post_json(&self, form: &Form) -> Result<()> {
        let script = r#"
            const [action, values] = arguments;
            const body = {};
            for (const [name, value] of Object.entries(values)) {
                const keys = name.split('.');
                const last = keys.pop();
                keys.reduce((at, key) => at[key] ??= {}, body)[last] = value;
            }
            fetch(action, {
                method: 'POST', credentials: 'include', body: JSON.stringify(body),
                headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
            }).catch(() => {});
        "#;
        self.browser.script(script, vec![json!(form.action), json!(form.values)]).await?;
        Ok(())
    }

    /// One line about the page, for an error's text.
    pub async fn describe(&self) -> String {
        let url = self.browser.url().await.unwrap_or_else(|error| format!("{error:#}"));
        let names = match self.browser.script(NAMES, vec![]).await {
            Ok(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        let messages = self.messages().await.unwrap_or_default();
        format!("the page at {url} has [{names}] and messages {messages:?}")
    }

    async fn shown(&self, what: &str, css: &str) -> Result<Element> {
        // One command in place of one for each element and one for whether it can be seen.
        let find = || async {
            let seen = self.browser.script(SHOWN, vec![json!(css)]).await?;
            let id = seen[ELEMENT].as_str().map(|id| ElementRef::from(id.to_owned()));
            anyhow::Ok(id.map(|id| Element::from_element_id(self.browser.client().clone(), id)))
        };
        wait_until(what, SHOW_LIMIT, SHOW_EVERY, || async {
            match find().await {
                Ok(Some(element)) => Ok(element),
                Ok(None) => Err(self.describe().await),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await
    }
}

/// A button that is there, and the inputs that press it.
#[derive(Debug)]
#[must_use = "nothing is submitted until it is pressed"]
pub struct Button<'a> {
    browser: &'a Browser,
    actions: Actions,
}

impl Button<'_> {
    /// Gives the inputs.
    ///
    /// # Errors
    /// When the browser does not take them.
    pub async fn press(self) -> Result<()> {
        self.browser.call("submit the form", self.browser.client().perform_actions(self.actions)).await
    }
}

fn field_locator(name: &str) -> String {
    let name = quoted(name);
    format!("input[name={name}]:not([type=hidden]):not([type=submit]), select[name={name}], textarea[name={name}]")
}

fn button_locator(name: &str, value: &str) -> String {
    let (name, value) = (quoted(name), quoted(value));
    format!("button[name={name}][value={value}], input[type=submit][name={name}][value={value}]")
}

/// A CSS string (CSS Syntax 3, section 4.3.5): names come from case files and may hold anything.
fn quoted(text: &str) -> String {
    let escaped: String =
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c.to_string()
                } else {
                    format!("\\{:x} ", c as u32)
                }
            })
            .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_css_string() {
        assert_eq!(field_locator("traits.email").matches("\"traits.email\"").count(), 3);
        assert_eq!(quoted("a\"] , *["), "\"a\\22 \\5d \\20 \\2c \\20 \\2a \\5b \"");
    }
}
