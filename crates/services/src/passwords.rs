//! Passwords: their form, and their hashes (argon2id, RFC 9106), computed away from the threads that serve others.

use crate::{Services, random};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use lenticular_base::{Fault, FaultKind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// Characters of a password.
const SHORTEST: usize = 12;
const LONGEST: usize = 256;

/// Hashes at a time, at most: each takes 19 MiB and some hundredths of a second of a core. Half of the cores stay free for
/// those who are signed in.
const AT_ONCE: usize = 2;
/// Hashes that wait for their turn; beyond them the server is busy.
const WAITING: usize = 64;

/// The turns of hashes.
pub(crate) struct Turns {
    running: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Turns {
    fn default() -> Turns {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Turns { running: Semaphore::new((cores / 2).clamp(1, AT_ONCE)), waiting: AtomicUsize::new(0) }
    }
}

/// Lowers the count again, also where nobody waits any more.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether it may be a password of that login: 12 to 256 characters, and not the login.
pub(crate) fn check(login: &str, password: &str) -> Result<(), Fault> {
    let weak = |words: &str| Err(Fault::new(FaultKind::Invalid, "password", words));
    if !(SHORTEST..=LONGEST).contains(&password.chars().count()) {
        return weak("A password has 12 to 256 characters.");
    }
    if password.to_lowercase() == login || password.chars().all(|c| password.starts_with(c)) {
        return weak("A password is not the login, and not one character again and again.");
    }
    Ok(())
}

/// A password of 100 random bits, in groups that can be read aloud.
pub(crate) fn generate() -> Result<String, Fault> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut text = String::new();
    for (at, byte) in random::<20>()?.into_iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(text)
}

/// One text however it was typed: precomposed (NFC).
fn bytes(password: &str) -> Vec<u8> {
    password.nfc().collect::<String>().into_bytes()
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String, Fault> {
    let hash = Argon2::default().hash_password_with_salt(password, salt);
    Ok(hash.map_err(|e| Fault::internal(e.to_string()))?.to_string())
}

/// What a password is compared with where there is no user: as much work, and never a match.
fn nobody() -> &'static str {
    static NOBODY: OnceLock<String> = OnceLock::new();
    NOBODY.get_or_init(|| hash(b"nobody", b"nobody signs in here").unwrap_or_default())
}

impl Services {
    /// The hash of a password as a PHC string.
    pub(crate) async fn hash_password(&self, password: &str) -> Result<String, Fault> {
        let (password, salt) = (bytes(password), random::<16>()?);
        self.in_turn(move || hash(&password, &salt)).await
    }

    /// Whether it is the password of that hash. `None` takes as long as any other, and is never right.
    pub(crate) async fn verify_password(&self, kept: Option<String>, password: &str) -> Result<bool, Fault> {
        // too long to be one: compared as nothing, in the time of any other
        let password = if password.len() > 4 * LONGEST { Vec::new() } else { bytes(password) };
        self.in_turn(move || {
            let known = kept.filter(|kept| !kept.is_empty());
            let compared: &str = match &known {
                Some(kept) => kept,
                None => nobody(),
            };
            let hash = PasswordHash::new(compared).map_err(|e| Fault::internal(e.to_string()))?;
            let right = Argon2::default().verify_password(&password, &hash).is_ok();
            Ok(right && known.is_some())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let turns = &self.identity.turns;
        let place = Place(&turns.waiting);
        if turns.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING {
            return Err(Fault::new(
                FaultKind::Busy,
                "busy",
                "Too many sign in at once; try again in a moment.",
            ));
        }
        let turn = turns.running.acquire().await.map_err(Fault::internal)?;
        let done = self.compute(move |_| work()).await;
        drop((turn, place));
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_may_be_one_and_is_never_the_same() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
        assert!(check("anna", &one).is_ok());
    }

    #[test]
    fn short_long_and_silly_passwords_are_refused() {
        let refused = ["", "short", "aaaaaaaaaaaaaaaa", "Administrator", &"ab".repeat(200)];
        for password in refused {
            assert!(check("administrator", password).is_err(), "{password}");
        }
        assert!(check("anna", "密码密码密码密码密码密码").is_ok(), "twelve characters of any script");
    }

    #[test]
    fn a_password_is_the_same_however_its_letters_are_composed() {
        assert_eq!(bytes("Mu\u{308}nchen"), bytes("M\u{fc}nchen"));
    }
}
