//! Takes the steps of a case in a world.

mod application;
mod frame;
mod submit;
mod time;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::browser::{Browser, Form, Page};
use crate::case::{Fields, Open, PostAs, Request, Resubmit, SendForm, StartFlow, Step, SubmitFlow};
use crate::world::World;

/// How long the edge must be without any exchange before a page counts as settled.
pub(super) const QUIET: Duration = Duration::from_millis(60);

/// The same after a submit: a second click comes up to 150 ms after the first.
pub(super) const QUIET_AFTER_SUBMIT: Duration = Duration::from_millis(160);

/// How long a page may take to settle.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);

/// How long a submit may take until its request arrives at the edge.
const ARRIVE_LIMIT: Duration = Duration::from_secs(5);

/// How long a mail may take.
const MAIL_LIMIT: Duration = Duration::from_secs(10);

/// What the steps of a trial know from one another.
#[derive(Debug, Default)]
pub(super) struct Actor {
    current: Option<String>,
    values: BTreeMap<String, String>,
    mails_read: BTreeMap<String, usize>,
    flows: BTreeMap<String, Started>,
    submitted: BTreeMap<String, Form>,
}

/// A flow that an API client has started.
#[derive(Debug)]
struct Started {
    /// The Kratos where it was started.
    at: String,
    /// Below which path it is fetched.
    fetch_path: String,
    flow: Value,
}

impl Actor {
    /// The browser in which the steps act now.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Takes one step. What follows from it in the world has come to rest when this returns.
    pub(super) async fn take(&mut self, step: &Step, number: usize, world: &World) -> Result<()> {
        if let Some(browser) = step.turns_to() {
            self.current = Some(browser.to_owned());
        }
        match step {
            Step::Identity(it) => {
                world.kratos(it.at.as_deref())?.create_identity(it).await?;
            }
            Step::Open(it) => self.open(it, world).await?,
            Step::SwitchTo(_) => {}
            Step::Fill(fields) => {
                let browser = self.browser(world)?;
                for (name, value) in &self.resolved(fields)?.0 {
                    Page::of(browser).fill(name, value).await?;
                }
            }
            Step::Submit(it) => self.submit(it, number, world).await?,
            Step::ReadMail(it) => self.read_mail(&it.to, world).await?,
            Step::SendForm(it) => self.send_form(it, number, world).await?,
            Step::Resubmit(it) => self.resubmit(it, number, world).await?,
            Step::Follow(it) => {
                let browser = world.browser(&it.browser)?;
                Page::of(browser).follow(&it.link).await?;
                world
                    .edge()
                    .record()
                    .arrival(browser.name(), number, ARRIVE_LIMIT)
                    .await
                    .context("the link led nowhere")?;
                settle(world, browser, QUIET).await?;
            }
            Step::Tab(it) => world.browser(&it.browser)?.turn_to_tab(it.number).await?,
            Step::Request(it) => self.request(it, world).await?,
            Step::Back(name) => {
                let browser = world.browser(name)?;
                browser.back().await?;
                settle(world, browser, QUIET).await?;
            }
            Step::OpenFramed(it) => frame::open_framed(it, number, world).await?,
            Step::Fetch(it) => time::fetch(it, number, world).await?,
            Step::PassTime(it) => time::pass_time(it, world).await?,
            Step::ExtendSession(it) => world.kratos(None)?.extend_sessions(&it.of).await?,
            Step::DeleteCookies(name) => time::delete_cookies(name, world).await?,
            Step::Stop(old) => world.migration().stop(*old).await?,
            Step::StartFlow(it) => self.start_flow(it, world).await?,
            Step::FetchFlow(it) => {
                let started = self.flow(&it.by)?;
                let at = it.at.as_ref().unwrap_or(&started.at);
                world.client(&it.by)?.get(&world.kratos(Some(at))?.url_of(&started.fetch_path)).await?;
            }
            Step::SubmitFlow(it) => self.submit_flow(it, world).await?,
            Step::RunClient(it) => self.run_client(it, world).await?,
        }
        Ok(())
    }

    fn browser<'w>(&self, world: &'w World) -> Result<&'w Browser> {
        world.browser(self.current().context("no browser was opened")?)
    }

    fn resolve(&self, value: &str) -> Result<String> {
        match value.strip_prefix('$') {
            Some(name) if ["code", "link"].contains(&name) => {
                self.values.get(name).cloned().with_context(|| format!("the mail that was read has no {name}"))
            }
            _ => Ok(value.to_owned()),
        }
    }

    fn resolved(&self, fields: &Fields) -> Result<Fields> {
        let all = fields.0.iter().map(|(name, value)| Ok((name.clone(), self.resolve(value)?)));
        all.collect::<Result<_>>().map(Fields)
    }

    async fn open(&self, open: &Open, world: &World) -> Result<()> {
        let browser = world.browser(&open.browser)?;
        let url = match (open.flow, &open.flow_of, &open.page, &open.link) {
            (Some(flow), ..) => {
                world.kratos(open.at.as_deref())?.url_of(&format!("self-service/{}/browser", flow.word()))
            }
            (_, Some(other), ..) => world.browser(other)?.url().await?,
            (.., Some(page), _) => world.ui().url_of(page),
            (.., Some(link)) => self.resolve(link)?,
            _ => bail!("the step does not say what to open"),
        };
        if let Err(error) = browser.go(&url).await {
            let open = world.edge().record().still_open().unwrap_or_else(|| "everything was answered".to_owned());
            bail!("{error:#}; at the edge: {open}");
        }
        settle(world, browser, QUIET).await?;
        // A success of the command is no proof that there is a page.
        let seen = browser.url().await?;
        if !seen.starts_with("http") {
            bail!("browser `{}` went to {url} and shows {seen}", browser.name());
        }
        Ok(())
    }

    async fn read_mail(&mut self, to: &str, world: &World) -> Result<()> {
        let read = self.mails_read.entry(to.to_owned()).or_default();
        let mail = world.mail().next(to, *read, MAIL_LIMIT).await?;
        *read += 1;
        for (name, value) in [("code", mail.code()), ("link", mail.link())] {
            match value {
                Some(value) => self.values.insert(name.to_owned(), value.to_owned()),
                None => self.values.remove(name),
            };
        }
        Ok(())
    }

    async fn send_form(&self, send: &SendForm, number: usize, world: &World) -> Result<()> {
        let Form { action, mut values } = Page::of(world.browser(&send.from)?).form().await?;
        values.extend(self.resolved(&send.values)?.0);
        self.post(&Form { action, values }, &send.browser, send.post_as, number, world).await
    }

    async fn resubmit(&self, again: &Resubmit, number: usize, world: &World) -> Result<()> {
        let form = self.submitted.get(&again.browser);
        let form = form.with_context(|| format!("browser `{}` has submitted nothing yet", again.browser))?;
        self.post(form, &again.browser, again.post_as, number, world).await
    }

    async fn post(&self, form: &Form, name: &str, post_as: PostAs, number: usize, world: &World) -> Result<()> {
        let browser = world.browser(name)?;
        if !browser.url().await?.starts_with("http") {
            // A form is posted from a page: the interface's start page, where no flow begins.
            browser.go(&world.ui().quiet_page()).await?;
            settle(world, browser, QUIET).await?;
        }
        let page = Page::of(browser);
        match post_as {
            PostAs::Form => page.post_form(form).await?,
            PostAs::Json => page.post_json(form).await?,
        }
        world.edge().record().arrival(browser.name(), number, ARRIVE_LIMIT).await.context("posting sent nothing")?;
        settle(world, browser, QUIET_AFTER_SUBMIT).await
    }

    async fn start_flow(&mut self, start: &StartFlow, world: &World) -> Result<()> {
        let kratos = world.kratos(start.at.as_deref())?;
        let url = kratos.url_of(&format!("self-service/{}/{}", start.flow.word(), start.flow_type.word()));
        let reply = world.client(&start.by)?.get(&url).await?;
        if reply.status != 200 || reply.body["id"].as_str().is_none() {
            bail!("client `{}` got no flow from GET {url}: status {}", start.by, reply.status);
        }
        let flow = reply.body;
        let id = flow["id"].as_str().unwrap_or_default();
        let fetch_path = format!("self-service/{}/flows?id={id}", start.flow.word());
        self.flows.insert(start.by.clone(), Started { at: kratos.name().to_owned(), fetch_path, flow });
        Ok(())
    }

    fn flow(&self, client: &str) -> Result<&Started> {
        self.flows.get(client).with_context(|| format!("client `{client}` has started no flow"))
    }

    async fn request(&self, request: &Request, world: &World) -> Result<()> {
        let client = world.client(&request.by)?;
        let url = world.kratos(request.at.as_deref())?.url_of(request.path.trim_start_matches('/'));
        match &request.values {
            None => client.get(&url).await?,
            Some(values) => client.post(&url, &Value::Object(nested(self.resolved(values)?)), &[]).await?,
        };
        Ok(())
    }

    async fn submit_flow(&self, submit: &SubmitFlow, world: &World) -> Result<()> {
        let flow = &self.flow(&submit.by)?.flow;
        let action = flow["ui"]["action"].as_str().context("the flow has no `ui.action`")?.to_owned();
        let mut body = nested(self.resolved(&submit.values)?);
        if let Some(token) = csrf_token(flow) {
            body.entry("csrf_token").or_insert_with(|| Value::from(token));
        }
        let headers = self.resolved(&submit.headers)?.0;
        world.client(&submit.by)?.post(&action, &Value::Object(body), &headers).await?;
        Ok(())
    }
}

/// The anti-CSRF token among the flow's nodes; empty in a flow for programs.
fn csrf_token(flow: &Value) -> Option<&str> {
    let nodes = flow["ui"]["nodes"].as_array()?;
    let node = nodes.iter().find(|node| node["attributes"]["name"] == "csrf_token")?;
    node["attributes"]["value"].as_str().filter(|token| !token.is_empty())
}

/// The fields as a JSON body.
fn nested(fields: Fields) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, value) in fields.0 {
        nest(&mut body, &name, value);
    }
    body
}

/// `traits.email` is `{"traits": {"email": ...}}` in JSON.
fn nest(body: &mut Map<String, Value>, name: &str, value: String) {
    match name.split_once('.') {
        None => {
            body.insert(name.to_owned(), Value::from(value));
        }
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                nest(inner, rest, value);
            }
        }
    }
}

/// Waits until the world has come to rest: no exchange open, none for `quiet`, the page's document loaded.
async fn settle(world: &World, browser: &Browser, quiet: Duration) -> Result<()> {
    let record = world.edge().record();
    record.settle(quiet, SETTLE_LIMIT).await?;
    browser.loaded().await?;
    // Loading may have asked for more.
    record.settle(quiet, SETTLE_LIMIT).await
}
