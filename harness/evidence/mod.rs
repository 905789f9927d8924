//! What happened in a world: the exchanges that crossed the edge, the steps that were taken and what was seen at each,
//! and the redaction that everything passes before it is written down.

mod record;
mod redact;

pub use record::{CookieSeen, Exchange, LogLine, MailSeen, StepState, StepTaken, path_of};
pub use redact::{Redactor, Secret};
