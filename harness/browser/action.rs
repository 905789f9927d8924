//! How a person submits a form: once, too often, by mouse or by key.

use std::fmt;
use std::time::Duration;

use fantoccini::actions::{
    Actions, InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::elements::Element;
use serde::{Deserialize, Serialize};

/// WebDriver's code for the Enter key (WebDriver, section 17.4.2).
const ENTER: char = '\u{E007}';

/// How a form is submitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// One click on the button.
    #[default]
    Once,
    /// Two clicks on the button.
    DoubleClick,
    /// Enter twice in the last field.
    EnterTwice,
    /// A click on the button, then Enter.
    ClickThenEnter,
}

impl How {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Once, Self::DoubleClick, Self::EnterTwice, Self::ClickThenEnter];

    /// The word in case files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::DoubleClick => "double-click",
            Self::EnterTwice => "enter-twice",
            Self::ClickThenEnter => "click-then-enter",
        }
    }

    /// The input as one WebDriver command, so that nothing comes between. Without a pause between two clicks engines
    /// differ in how many submits they see; with 50 to 150 ms all of them see two.
    pub(super) fn actions(self, button: &Element, pause: Duration) -> Actions {
        match self {
            Self::Once => click(mouse(button)).into(),
            Self::DoubleClick => click(click(mouse(button)).then(PointerAction::Pause { duration: pause })).into(),
            Self::EnterTwice => press(press(keys()).then(KeyAction::Pause { duration: pause })).into(),
            Self::ClickThenEnter => {
                // Both sources tick together: three ticks of the mouse, the pause, then the key.
                let mouse = click(mouse(button)).then(PointerAction::Pause { duration: pause });
                let wait = Duration::ZERO;
                let keys = (0..4).fold(keys(), |keys, _| keys.then(KeyAction::Pause { duration: wait }));
                Actions::from(mouse).and(press(keys))
            }
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

fn mouse(button: &Element) -> MouseActions {
    MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
        element: button.clone(),
        duration: Some(Duration::ZERO),
        x: 0.0,
        y: 0.0,
    })
}

fn click(mouse: MouseActions) -> MouseActions {
    mouse.then(PointerAction::Down { button: MOUSE_BUTTON_LEFT }).then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })
}

fn keys() -> KeyActions {
    KeyActions::new("keys".to_owned())
}

fn press(keys: KeyActions) -> KeyActions {
    keys.then(KeyAction::Down { value: ENTER }).then(KeyAction::Up { value: ENTER })
}
