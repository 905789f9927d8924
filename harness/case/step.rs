//! The steps of a case: what a person, or a program, does.

use serde::{Deserialize, Serialize};

use super::duration::Time;
use super::fields::Fields;
use super::short::short_form;

/// A self-service flow of Kratos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowKind {
    /// Sign in.
    Login,
    /// Sign up.
    Registration,
    /// Get back into an account.
    Recovery,
    /// Prove that an address is one's own.
    Verification,
    /// Change an account.
    Settings,
}

impl FlowKind {
    /// The word in Kratos's paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Recovery => "recovery",
            Self::Verification => "verification",
            Self::Settings => "settings",
        }
    }
}

/// How a form is submitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// One click on the button.
    #[default]
    Once,
    /// Two clicks on the button.
    DoubleClick,
    /// Enter twice in the field that was filled in last.
    EnterTwice,
    /// A click on the button, then Enter.
    ClickThenEnter,
}

impl How {
    /// The word in case files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::DoubleClick => "double-click",
            Self::EnterTwice => "enter-twice",
            Self::ClickThenEnter => "click-then-enter",
        }
    }
}

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
    /// The browser goes one page back.
    Back(String),
    /// The browser's cookies are deleted.
    DeleteCookies(String),
    /// An API client starts a flow.
    StartFlow(StartFlow),
    /// An API client fetches the flow that it has started.
    FetchFlow(FetchFlow),
    /// An API client submits the flow that it has started.
    SubmitFlow(SubmitFlow),
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
}

/// See [`Step::Open`]. Exactly one of `flow`, `flow_of`, `page` and `link` says what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// A new flow, from Kratos's own start page of it.
    #[serde(default)]
    pub flow: Option<FlowKind>,
    /// The address that this other browser shows.
    #[serde(default)]
    pub flow_of: Option<String>,
    /// A path of the interface, such as `/welcome`.
    #[serde(default)]
    pub page: Option<String>,
    /// A link that was read from a mail: `$link`.
    #[serde(default)]
    pub link: Option<String>,
}

/// See [`Step::Submit`]. Short: the method alone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Submit {
    /// The value of the button named `method`.
    pub method: String,
    /// Once, or too often.
    #[serde(default)]
    pub how: How,
    /// Between the first and the second time; 80 ms where it is left out.
    #[serde(default = "default_pause")]
    pub pause: Time,
}

fn default_pause() -> Time {
    Time(std::time::Duration::from_millis(80))
}

short_form!(Submit, "a method, or a map with `method`, `how` and `pause`", |method: &str| Ok(Submit {
    method: method.to_owned(),
    how: How::Once,
    pause: default_pause(),
}));

/// See [`Step::ReadMail`]. Short: the recipient.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ReadMail {
    /// To whom it must be.
    pub to: String,
}

short_form!(ReadMail, "a recipient, or a map with `to`", |to: &str| Ok(ReadMail { to: to.to_owned() }));

/// How a form is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostAs {
    /// As a form: a top-level navigation.
    Form,
    /// As JSON, by a credentialed `fetch`.
    Json,
}

impl PostAs {
    fn text(self) -> &'static str {
        match self {
            Self::Form => "a form",
            Self::Json => "JSON",
        }
    }
}

/// See [`Step::SendForm`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendForm {
    /// The browser that shows the form.
    pub from: String,
    /// The browser that posts it.
    #[serde(rename = "in")]
    pub browser: String,
    /// How.
    #[serde(rename = "as")]
    pub post_as: PostAs,
    /// The values that are put into it, the button's among them.
    #[serde(default)]
    pub values: Fields,
}

/// See [`Step::Resubmit`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resubmit {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// How.
    #[serde(rename = "as")]
    pub post_as: PostAs,
}

/// The type of a flow: who it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowType {
    /// For programs: no cookies.
    #[default]
    Api,
    /// For browsers: with an anti-CSRF cookie.
    Browser,
}

impl FlowType {
    /// The word in Kratos's paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Browser => "browser",
        }
    }
}

/// See [`Step::StartFlow`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartFlow {
    /// The client.
    pub by: String,
    /// Which flow.
    pub flow: FlowKind,
    /// For whom it is; `api` where it is left out.
    #[serde(default, rename = "type")]
    pub flow_type: FlowType,
}

/// See [`Step::FetchFlow`]. Short: the client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct FetchFlow {
    /// The client.
    pub by: String,
}

short_form!(FetchFlow, "a client, or a map with `by`", |by: &str| Ok(FetchFlow { by: by.to_owned() }));

/// See [`Step::SubmitFlow`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitFlow {
    /// The client.
    pub by: String,
    /// The fields; the flow's `csrf_token`, where it has one, goes along by itself.
    pub values: Fields,
    /// Headers beside the usual ones.
    #[serde(default)]
    pub headers: Fields,
}

impl Step {
    /// The browsers that it names.
    pub fn browsers(&self) -> Vec<&str> {
        match self {
            Self::Open(open) => std::iter::once(&open.browser).chain(&open.flow_of).map(String::as_str).collect(),
            Self::SwitchTo(name) | Self::Back(name) | Self::DeleteCookies(name) => vec![name],
            Self::SendForm(send) => vec![&send.from, &send.browser],
            Self::Resubmit(it) => vec![&it.browser],
            _ => vec![],
        }
    }

    /// The client that it names.
    pub fn client(&self) -> Option<&str> {
        match self {
            Self::StartFlow(step) => Some(&step.by),
            Self::FetchFlow(step) => Some(&step.by),
            Self::SubmitFlow(step) => Some(&step.by),
            _ => None,
        }
    }

    /// The browser in which the steps after it act, where it changes that.
    pub fn turns_to(&self) -> Option<&str> {
        match self {
            Self::Open(open) => Some(&open.browser),
            Self::SendForm(send) => Some(&send.browser),
            Self::Resubmit(it) => Some(&it.browser),
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
            _ => vec![],
        }
    }

    /// One line that says what it does. Values of secret fields are for the redaction to hide.
    pub fn text(&self) -> String {
        let list = |fields: &Fields| {
            fields.0.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Identity(it) => format!("create the identity {}", it.email),
            Self::Open(open) => {
                let what = match (open.flow, &open.flow_of, &open.page, &open.link) {
                    (Some(flow), ..) => format!("a new {} flow", flow.word()),
                    (_, Some(other), ..) => format!("the page of {other}"),
                    (.., Some(page), _) => page.clone(),
                    _ => "the link from the mail".to_owned(),
                };
                format!("open {what} in {}", open.browser)
            }
            Self::SwitchTo(name) => format!("switch to {name}"),
            Self::Fill(fields) => format!("fill {}", list(fields)),
            Self::Submit(it) if it.how == How::Once => format!("submit method={}", it.method),
            Self::Submit(it) => format!("submit method={} by {}, {} apart", it.method, it.how.word(), it.pause.text()),
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
            Self::Back(name) => format!("go back in {name}"),
            Self::DeleteCookies(name) => format!("delete the cookies of {name}"),
            Self::StartFlow(it) => {
                format!("start a {} flow for {} with {}", it.flow.word(), it.flow_type.word(), it.by)
            }
            Self::FetchFlow(it) => format!("fetch the flow with {}", it.by),
            Self::SubmitFlow(it) if it.headers.0.is_empty() => {
                format!("submit the flow with {}: {}", it.by, list(&it.values))
            }
            Self::SubmitFlow(it) => {
                format!("submit the flow with {}: {}; headers {}", it.by, list(&it.values), list(&it.headers))
            }
        }
    }
}
