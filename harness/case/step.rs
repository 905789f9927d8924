//! The steps of a case: what a person, or a program, does.

mod application;
mod flow;
mod page;
mod request;
mod server;
mod time;

use serde::Deserialize;

use super::fields::Fields;
pub use application::RunClient;
pub use flow::{FetchFlow, FlowKind, FlowType, Request, StartFlow, SubmitFlow};
pub use page::{Follow, How, Open, PostAs, ReadMail, Resubmit, SendForm, Submit, Tab, Until};
pub use request::{Fetch, OpenFramed};
pub use server::Old;
pub use time::{ExtendSession, PassTime};

/// One step. It acts in the browser that was opened or switched to last, unless it names another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// An identity is created by the admin API, its address verified.
    Identity(Identity),
    /// A browser goes to a page.
    Open(Open),
    /// The next steps act in this browser.
    SwitchTo(String),
    /// Values are typed into the fields of these names.
    Fill(Fields),
    /// The form is submitted by a button.
    Submit(Submit),
    /// A mail that Kratos sent is read; its code becomes `$code`, its link `$link`.
    ReadMail(ReadMail),
    /// A form that one browser shows is posted by another.
    SendForm(SendForm),
    /// A browser posts once more what it submitted last, as a page or a proxy that tries again does.
    Resubmit(Resubmit),
    /// The browser turns to one of its tabs.
    Tab(Tab),
    /// A person follows a link of the page.
    Follow(Follow),
    /// The browser goes one page back.
    Back(String),
    /// The browser's cookies are deleted.
    DeleteCookies(String),
    /// A browser goes to a page that holds a new flow in a frame; the next steps act in the frame.
    OpenFramed(OpenFramed),
    /// A script of the page asks Kratos for something, its cookies with it.
    Fetch(Fetch),
    /// Time moves in a browser: every cookie of its jar that has an end comes so much nearer to it. Kratos's clock stays.
    PassTime(PassTime),
    /// The active sessions of an identity are extended by the admin API.
    ExtendSession(ExtendSession),
    /// A server ends for good.
    Stop(Old),
    /// An API client starts a flow.
    StartFlow(StartFlow),
    /// An API client fetches the flow that it has started.
    FetchFlow(FetchFlow),
    /// An API client submits the flow that it has started.
    SubmitFlow(SubmitFlow),
    /// An API client asks a path of Kratos's public API.
    Request(Request),
    /// An API client runs a collection or app that a person saved in it.
    RunClient(RunClient),
}

/// See [`Step::Identity`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its address.
    pub email: String,
    /// Its password, if it is to sign in by one.
    #[serde(default)]
    pub password: Option<String>,
    /// The tenant that it is of; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
    /// Whether Kratos asks the legacy system for the password; then it has none of its own.
    #[serde(default)]
    pub migrate_hook: bool,
}

impl Step {
    /// The browsers that it names.
    pub fn browsers(&self) -> Vec<&str> {
        match self {
            Self::Open(open) => std::iter::once(&open.browser).chain(&open.flow_of).map(String::as_str).collect(),
            Self::SwitchTo(name) | Self::Back(name) | Self::DeleteCookies(name) => vec![name],
            Self::SendForm(send) => vec![&send.from, &send.browser],
            Self::Resubmit(it) => vec![&it.browser],
            Self::Tab(it) => vec![&it.browser],
            Self::Follow(it) => vec![&it.browser],
            Self::OpenFramed(it) => vec![&it.browser],
            Self::Fetch(it) => vec![&it.browser],
            Self::PassTime(it) => vec![&it.browser],
            Self::Submit(it) => it.browsers.0.iter().map(String::as_str).collect(),
            _ => vec![],
        }
    }

    /// The client that it names.
    pub fn client(&self) -> Option<&str> {
        match self {
            Self::StartFlow(step) => Some(&step.by),
            Self::FetchFlow(step) => Some(&step.by),
            Self::SubmitFlow(step) => Some(&step.by),
            Self::Request(step) => Some(&step.by),
            Self::RunClient(step) => Some(&step.by),
            _ => None,
        }
    }

    /// Whether it goes on with a flow that its client has started.
    pub fn goes_on_with_a_flow(&self) -> bool {
        matches!(self, Self::FetchFlow(_) | Self::SubmitFlow(_))
    }

    /// The tenant that it names.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Identity(it) => it.at.as_deref(),
            Self::Open(it) => it.at.as_deref(),
            Self::StartFlow(it) => it.at.as_deref(),
            Self::FetchFlow(it) => it.at.as_deref(),
            Self::Request(it) => it.at.as_deref(),
            Self::RunClient(it) => it.at.as_deref(),
            _ => None,
        }
    }

    /// The browser in which the steps after it act, where it changes that.
    pub fn turns_to(&self) -> Option<&str> {
        match self {
            Self::Open(open) => Some(&open.browser),
            Self::SendForm(send) => Some(&send.browser),
            Self::Resubmit(it) => Some(&it.browser),
            Self::Tab(it) => Some(&it.browser),
            Self::Follow(it) => Some(&it.browser),
            Self::OpenFramed(it) => Some(&it.browser),
            Self::Fetch(it) => Some(&it.browser),
            Self::PassTime(it) => Some(&it.browser),
            Self::Submit(it) => it.browsers.0.last().map(String::as_str),
            Self::SwitchTo(name) | Self::Back(name) | Self::DeleteCookies(name) => Some(name),
            _ => None,
        }
    }

    /// The values in it that may name what was read before.
    pub fn values(&self) -> Vec<&str> {
        match self {
            Self::Fill(fields) => fields.0.iter().map(|(_, value)| value.as_str()).collect(),
            Self::SendForm(step) => step.values.0.iter().map(|(_, value)| value.as_str()).collect(),
            Self::SubmitFlow(step) => {
                step.values.0.iter().chain(&step.headers.0).map(|(_, value)| value.as_str()).collect()
            }
            Self::RunClient(step) => {
                step.values.0.iter().chain(&step.headers.0).map(|(_, value)| value.as_str()).collect()
            }
            Self::Open(step) => step.link.iter().map(String::as_str).collect(),
            _ => vec![],
        }
    }

    /// The passwords in it.
    pub fn passwords(&self) -> Vec<&str> {
        match self {
            Self::Identity(it) => it.password.as_deref().into_iter().collect(),
            Self::Fill(fields) => fields.named("password"),
            Self::SendForm(it) => it.values.named("password"),
            Self::SubmitFlow(it) => it.values.named("password"),
            Self::Request(it) => it.values.iter().flat_map(|values| values.named("password")).collect(),
            Self::RunClient(it) => it.values.named("password"),
            _ => vec![],
        }
    }

    /// One line that says what it does. Values of secret fields are for the redaction to hide.
    pub fn text(&self) -> String {
        let list = |fields: &Fields| {
            fields.0.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Identity(it) if it.migrate_hook => {
                format!("import the identity {}, whose password the legacy system knows{}", it.email, at(&it.at))
            }
            Self::Identity(it) => format!("create the identity {}{}", it.email, at(&it.at)),
            Self::Open(open) => {
                let what = match (open.flow, &open.flow_of, &open.page, &open.link) {
                    (Some(flow), ..) => format!("a new {} flow{}", flow.word(), at(&open.at)),
                    (_, Some(other), ..) => format!("the page of {other}"),
                    (.., Some(page), _) => page.clone(),
                    _ => "the link from the mail".to_owned(),
                };
                format!("open {what} in {}", open.browser)
            }
            Self::SwitchTo(name) => format!("switch to {name}"),
            Self::Fill(fields) => format!("fill {}", list(fields)),
            Self::Submit(it) => it.text(),
            Self::Stop(old) => format!("stop {}", old.word()),
            Self::ReadMail(it) => format!("read the mail to {}", it.to),
            Self::SendForm(it) => {
                format!(
                    "post the form of {} in {} as {} with {}",
                    it.from,
                    it.browser,
                    it.post_as.text(),
                    list(&it.values)
                )
            }
            Self::Resubmit(it) => format!("post in {} as {} what it submitted last", it.browser, it.post_as.text()),
            Self::Tab(it) => format!("turn to tab {} of {}", it.number, it.browser),
            Self::Follow(it) => format!("follow {} in {}", it.link, it.browser),
            Self::Back(name) => format!("go back in {name}"),
            Self::DeleteCookies(name) => format!("delete the cookies of {name}"),
            Self::OpenFramed(it) => {
                format!("open a new {} flow in a frame of a page in {}", it.flow.word(), it.browser)
            }
            Self::Fetch(it) => format!("fetch {} by a script in {}", it.path, it.browser),
            Self::PassTime(it) => format!("let {} pass in {}", it.time.text(), it.browser),
            Self::ExtendSession(it) => format!("extend the sessions of {}", it.of),
            Self::StartFlow(it) => {
                format!("start a {} flow{} for {} with {}", it.flow.word(), at(&it.at), it.flow_type.word(), it.by)
            }
            Self::FetchFlow(it) => format!("fetch the flow{} with {}", at(&it.at), it.by),
            Self::Request(it) => match &it.values {
                Some(values) => format!("post {} to {}{} with {}", list(values), it.path, at(&it.at), it.by),
                None => format!("get {}{} with {}", it.path, at(&it.at), it.by),
            },
            Self::SubmitFlow(it) if it.headers.0.is_empty() => {
                format!("submit the flow with {}: {}", it.by, list(&it.values))
            }
            Self::SubmitFlow(it) => {
                format!("submit the flow with {}: {}; headers {}", it.by, list(&it.values), list(&it.headers))
            }
            Self::RunClient(it) => it.text(list),
        }
    }
}

/// ` at` a tenant, where one is named.
pub(super) fn at(tenant: &Option<String>) -> String {
    tenant.as_ref().map_or(String::new(), |name| format!(" at {name}"))
}
