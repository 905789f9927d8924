//! What a case is: the file format, its merge rules, the claims. No I/O beyond reading files.

mod applicable;
mod catalogue;
mod check;
mod claims;
mod differences;
mod duration;
mod effect;
mod engines;
mod error;
mod fields;
mod file;
mod fingerprint;
pub mod interface;
mod legacy;
mod markdown;
mod merge;
mod nearest;
mod network;
mod places;
mod program;
mod range;
mod read;
mod server;
mod short;
mod spec;
mod step;
mod validate;
mod verdicts;

pub use applicable::Lacking;
pub use catalogue::{Case, Catalogue, NothingSelected};
pub use check::{
    Answer, AnyOf, Check, Cookie, Counted, Credential, ErrorPage, Identities, Message, Posts, SentCookie, SetCookie,
    Shown, SignedIn, SignedOut, Traits, Unanswered, Within,
};
pub use claims::{Claim, Claims, Section};
pub use differences::{Differences, Feature};
pub use duration::Time;
pub use engines::{Engines, Turns};
pub use error::CaseError;
pub use fields::{Fields, Names};
pub use file::{CaseFile, Change, Expected, Fix};
pub use fingerprint::fingerprint;
pub use legacy::{HookAnswer, HydraSpec, LegacySpec, LegacyUser};
pub use merge::merge;
pub use network::{DnsSpec, FrontSpec, ItpSpec};
pub use program::Program;
pub use range::Range;
pub use server::{KratosServer, KratosSpec};
pub use spec::{BrowserSpec, ClientSpec, FaultSpec, HangUp, WorldSpec};
pub use step::{
    ExtendSession, Fetch, FetchFlow, FlowKind, FlowType, Follow, How, Identity, Old, Open, OpenFramed, PassTime,
    PostAs, ReadMail, Request, Resubmit, RunClient, SendForm, StartFlow, Step, Submit, SubmitFlow, Tab, Until,
};
pub use validate::HOSTS;
pub use verdicts::VerdictsOn;
