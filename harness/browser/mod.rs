//! Real browsers through WebDriver: engines and their drivers, sessions, and the page actions on `ui.nodes` names.

mod action;
mod address;
mod display;
mod driver;
mod engine;
mod jar;
mod page;
mod picture;
mod program;
mod remote;
mod session;
pub mod warm;

pub use action::Input;
pub use display::{Display, DisplayAccess};
pub use driver::Driver;
pub use engine::{BrowserSettings, Engine, ThirdPartyCookies, Window};
pub use jar::CookieIdentity;
pub use page::{Button, ErrorShown, Form, Page, Visitor};
pub use program::Program;
pub use remote::{Remote, WebDriverUrl};
pub use session::Browser;
