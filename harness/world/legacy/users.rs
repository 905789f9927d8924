//! The users of the legacy system and their password hashes: `pbkdf2_sha256$10000$<salt>$<hash>`, as Django 1.4 stored
//! them (`django/contrib/auth/hashers.py`, `PBKDF2PasswordHasher`).

use std::num::NonZeroU32;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};

use crate::case::LegacyUser;

/// The rounds of Django 1.4. Too few today, and what old tables hold.
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("it is not zero");

/// What the text of a hash begins with.
const SCHEME: &str = "pbkdf2_sha256";

/// A user as the table has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// The key in the old table, which Hydra hands on as the subject.
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
    hash: String,
}

/// The table of users.
#[derive(Debug)]
pub(super) struct Users {
    all: Vec<User>,
}

impl Users {
    /// Makes the table from the users of a case; the first has the id `member-1`.
    pub(super) fn new(users: &[LegacyUser]) -> Result<Self> {
        let all = users.iter().enumerate().map(|(index, user)| {
            Ok(User {
                id: format!("member-{}", index + 1),
                email: user.email.clone(),
                name: user.name.clone(),
                hash: hash(&user.password)?,
            })
        });
        Ok(Self { all: all.collect::<Result<_>>()? })
    }

    /// The user with this address and this password.
    pub(super) fn check(&self, email: &str, password: &str) -> Option<&User> {
        let user = self.all.iter().find(|user| user.email.eq_ignore_ascii_case(email.trim()))?;
        is_of(password, &user.hash).then_some(user)
    }

    /// The user with this id.
    pub(super) fn find(&self, id: &str) -> Option<&User> {
        self.all.iter().find(|user| user.id == id)
    }
}

fn hash(password: &str) -> Result<String> {
    let mut random = [0_u8; 9];
    SystemRandom::new().fill(&mut random).map_err(|_| anyhow!("the system gives no random bytes"))?;
    let salt = STANDARD.encode(random);
    let mut derived = [0_u8; 32];
    pbkdf2::derive(PBKDF2_HMAC_SHA256, ROUNDS, salt.as_bytes(), password.as_bytes(), &mut derived);
    Ok(format!("{SCHEME}${ROUNDS}${salt}${}", STANDARD.encode(derived)))
}

/// Whether a password has this hash; a hash that cannot be read is nobody's.
fn is_of(password: &str, hash: &str) -> bool {
    let verified = || -> Result<()> {
        let mut parts = hash.splitn(4, '$');
        let mut part = || parts.next().context("a part is missing");
        anyhow::ensure!(part()? == SCHEME, "another scheme");
        let rounds: NonZeroU32 = part()?.parse()?;
        let salt = part()?;
        let derived = STANDARD.decode(part()?)?;
        pbkdf2::verify(PBKDF2_HMAC_SHA256, rounds, salt.as_bytes(), password.as_bytes(), &derived)
            .map_err(|_| anyhow!("another password"))
    };
    verified().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_of_django_is_understood() {
        // `PBKDF2PasswordHasher().encode('lètmein', 'seasalt', 10000)` of Django's own tests
        // (`tests/auth_tests/test_hashers.py`).
        let hash = "pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=";

        assert!(is_of("lètmein", hash));
        assert!(!is_of("letmein", hash));
        assert!(!is_of("lètmein", "plain"));
    }

    #[test]
    fn only_the_right_password_of_the_right_user_will_do() -> Result<()> {
        let user = |email: &str, password: &str| LegacyUser {
            email: email.to_owned(),
            password: password.to_owned(),
            name: "A name".to_owned(),
        };
        let users = Users::new(&[user("ada@example.test", "one"), user("bob@example.test", "two")])?;

        assert_eq!(users.check("Ada@example.test ", "one").map(|user| user.id.as_str()), Some("member-1"));
        assert_eq!(users.check("ada@example.test", "two"), None);
        assert_eq!(users.check("eve@example.test", "one"), None);
        assert!(users.find("member-2").is_some_and(|user| user.hash.starts_with("pbkdf2_sha256$10000$")));
        Ok(())
    }
}
