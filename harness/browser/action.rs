//! Input as a person gives it, by mouse and key, as one WebDriver command so that nothing comes between.

use std::time::Duration;

use fantoccini::actions::{
    Actions, InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::elements::Element;

/// WebDriver's code for the Enter key (WebDriver, section 17.4.2).
const ENTER: char = '\u{E007}';

/// One thing that a person does to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A click on the button.
    Click,
    /// The Enter key, wherever the focus is.
    Enter,
    /// Time passes. Two clicks without a pause between them are one submit or two, as the engine likes;
    /// with 50 to 150 ms every engine sees two on a quiet machine, on a busy one more is needed (measured on
    /// Chromium 156, Firefox 153 and WebKitGTK 2.50).
    Pause(Duration),
}

/// The inputs as one sequence. Mouse and keys tick together: while one acts the other rests.
pub(super) fn sequence(inputs: &[Input], button: &Element) -> Actions {
    let mut mouse = MouseActions::new("mouse".to_owned());
    let mut keys = KeyActions::new("keys".to_owned());
    let rest = Duration::ZERO;
    if inputs.contains(&Input::Click) {
        let over = PointerAction::MoveToElement { element: button.clone(), duration: Some(rest), x: 0.0, y: 0.0 };
        mouse = mouse.then(over);
        keys = keys.then(KeyAction::Pause { duration: rest });
    }
    for input in inputs {
        match input {
            Input::Click => {
                mouse = mouse
                    .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                    .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
                keys = keys.then(KeyAction::Pause { duration: rest }).then(KeyAction::Pause { duration: rest });
            }
            Input::Enter => {
                keys = keys.then(KeyAction::Down { value: ENTER }).then(KeyAction::Up { value: ENTER });
                mouse =
                    mouse.then(PointerAction::Pause { duration: rest }).then(PointerAction::Pause { duration: rest });
            }
            Input::Pause(time) => {
                mouse = mouse.then(PointerAction::Pause { duration: *time });
                keys = keys.then(KeyAction::Pause { duration: rest });
            }
        }
    }
    Actions::from(mouse).and(keys)
}
