//! What a person does in a browser.

use serde::{Deserialize, Serialize};

use super::FlowKind;
use crate::case::duration::Time;
use crate::case::fields::{Fields, Names};
use crate::case::short::short_form;

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

/// See [`super::Step::Open`]. Exactly one of `flow`, `flow_of`, `page` and `link` says what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// A new flow, from Kratos's own start page of it.
    #[serde(default)]
    pub flow: Option<FlowKind>,
    /// The tenant whose flow it is; the first where it is left out.
    #[serde(default)]
    pub at: Option<String>,
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

/// When a submit counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// All that follows from it has come to rest.
    #[default]
    Answered,
    /// Its request has arrived at the edge: the answer may take as long as it likes.
    Sent,
}

/// See [`super::Step::Submit`]. Short: the method alone. `method`, or `button` and `value`, say by which button.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Submit {
    /// The value of the button named `method`.
    #[serde(default)]
    pub method: Option<String>,
    /// The name of a button that is named otherwise, such as `provider`.
    #[serde(default)]
    pub button: Option<String>,
    /// The value of that button.
    #[serde(default)]
    pub value: Option<String>,
    /// The browsers, all at once; the one that was opened or switched to last where it is left out.
    #[serde(default, rename = "in")]
    pub browsers: Names,
    /// What is waited for.
    #[serde(default)]
    pub until: Until,
    /// Once, or too often.
    #[serde(default)]
    pub how: How,
    /// Between the first and the second time; 400 ms where it is left out: a first form that is still on its way to the
    /// network is given up for the second, and on a busy machine that takes an engine longer than 80 ms.
    #[serde(default = "default_pause")]
    pub pause: Time,
}

fn default_pause() -> Time {
    Time(std::time::Duration::from_millis(400))
}

impl Submit {
    /// Name and value of the button.
    pub fn names(&self) -> (&str, &str) {
        match (&self.method, &self.button, &self.value) {
            (Some(method), ..) => ("method", method),
            (None, button, value) => (button.as_deref().unwrap_or_default(), value.as_deref().unwrap_or_default()),
        }
    }

    /// Whether it says by which button, and says it once.
    pub fn is_clear(&self) -> bool {
        matches!((&self.method, &self.button, &self.value), (Some(_), None, None) | (None, Some(_), Some(_)))
    }

    pub(super) fn text(&self) -> String {
        let (name, value) = self.names();
        let mut text = format!("submit {name}={value}");
        if self.how != How::Once {
            text.push_str(&format!(" by {}, {} apart", self.how.word(), self.pause.text()));
        }
        match self.browsers.0.as_slice() {
            [] => {}
            [one] => text.push_str(&format!(" in {one}")),
            all => text.push_str(&format!(" in {} at once", all.join(" and "))),
        }
        if self.until == Until::Sent {
            text.push_str(" without waiting for the answer");
        }
        text
    }
}

short_form!(Submit, "a method, or a map with `method`, `how` and `pause`", |method: &str| Ok(Submit {
    method: Some(method.to_owned()),
    button: None,
    value: None,
    browsers: Names::default(),
    until: Until::Answered,
    how: How::Once,
    pause: default_pause(),
}));

/// See [`super::Step::ReadMail`]. Short: the recipient.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ReadMail {
    /// To whom it must be.
    pub to: String,
}

short_form!(ReadMail, "a recipient, or a map with `to`", |to: &str| Ok(ReadMail { to: to.to_owned() }));

/// See [`super::Step::Tab`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tab {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// Which tab, counted from 1 in the order in which they were opened; one more than there are opens one.
    pub number: usize,
}

/// See [`super::Step::Follow`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The browser.
    #[serde(rename = "in")]
    pub browser: String,
    /// The `data-testid` of the link, such as `logout-link`.
    pub link: String,
}

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
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Form => "a form",
            Self::Json => "JSON",
        }
    }
}

/// See [`super::Step::SendForm`].
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

/// See [`super::Step::Resubmit`].
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
