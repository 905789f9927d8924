//! Real browsers through WebDriver: engines and their drivers, sessions, and the page actions on `ui.nodes` names.

mod action;
mod driver;
mod engine;
mod page;
mod session;

pub use action::Input;
pub use driver::Driver;
pub use engine::{Engine, Window};
pub use page::{ErrorShown, Form, Page};
pub use session::Browser;
