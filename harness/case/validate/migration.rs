//! Refuses a legacy system, or a Hydra in front of one, that cannot be.

use url::Url;

use super::world::WorldCheck;
use crate::case::error::CaseError;
use crate::case::spec::WorldSpec;
use crate::case::step::{Old, Step};

impl WorldCheck<'_> {
    /// Looks at what a world migrates from.
    pub(super) fn migration(&self, world: &WorldSpec) -> Result<(), CaseError> {
        if let Some(hydra) = &world.hydra {
            if world.legacy.is_none() {
                let hint = "`legacy: { users: [...] }`";
                let message = format!("`hydra` needs `legacy`: its login and consent pages are there (hint: {hint})");
                return Err(self.error(&["hydra"], message));
            }
            let named = Url::parse(hydra.issuer()).ok();
            let ours = |url: &Url| url.scheme() == "https" && url.host_str() == Some("hydra.example.test");
            if !named.as_ref().is_some_and(ours) || named.is_some_and(|url| url.port().is_some()) {
                let message =
                    format!("`{}` cannot be Hydra's issuer (hint: `https://hydra.example.test/`)", hydra.issuer());
                return Err(self.error(&["hydra", "issuer"], message));
            }
        }
        let users = world.legacy.iter().flat_map(|legacy| legacy.users.iter().flatten()).enumerate();
        let mut seen: Vec<String> = Vec::new();
        for (index, user) in users {
            let index = index.to_string();
            let wrong = |key: &str, message: String| Err(self.error(&["legacy", "users", &index, key], message));
            let email = user.email.trim().to_ascii_lowercase();
            if !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')) {
                let message = format!("a user of the legacy system needs an address, and `{}` is none", user.email);
                return wrong("email", message);
            }
            if seen.contains(&email) {
                return wrong("email", format!("two users of the legacy system have the address `{email}`"));
            }
            if user.password.is_empty() {
                return wrong("password", format!("the legacy system's user `{email}` has no password"));
            }
            seen.push(email);
        }
        Ok(())
    }
}

/// Why a step cannot be taken in this world, if it is about what the world migrates from.
pub(super) fn refuse_step(step: &Step, world: &WorldSpec) -> Option<String> {
    match step {
        Step::Stop(old) => {
            let there = match old {
                Old::Hydra => world.hydra.is_some(),
                Old::Legacy => world.legacy.is_some(),
            };
            let word = old.word();
            (!there).then(|| format!("there is no `{word}` in this world to stop (hint: `world: {{ {word}: ... }}`)"))
        }
        Step::Submit(submit) if !submit.is_clear() => {
            Some("`submit` needs either `method`, or `button` and `value`".to_owned())
        }
        Step::Identity(it) if it.migrate_hook && it.password.is_some() => {
            Some("an identity with `migrate_hook` has no `password`: the legacy system knows it".to_owned())
        }
        _ => None,
    }
}
