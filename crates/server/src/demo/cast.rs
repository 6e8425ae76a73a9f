//! Who may sign in to the demo.

use anyhow::{Result, anyhow};
use lenticular_policy::Role;

/// Somebody who may sign in.
#[derive(Clone, Debug)]
pub struct Actor {
    pub login: &'static str,
    pub password: String,
    /// Member and role; the first is where a session begins.
    pub memberships: &'static [(&'static str, Role)],
    /// Which of the member's practitioners gives the name; patients have their own.
    pub practitioner: usize,
    /// Runs the deployment.
    pub operator: bool,
}

const A: &str = "hospital-a";
const B: &str = "hospital-b";
const READING: &str = "reading-centre";

/// Login, memberships, practitioner.
type Part = (&'static str, &'static [(&'static str, Role)], usize);

const PARTS: &[Part] = &[
    ("admin.a", &[(A, Role::Administrator)], 3),
    ("clinician.a", &[(A, Role::Clinician)], 0),
    ("radiologist.a", &[(A, Role::Radiologist)], 1),
    ("registrar.a", &[(A, Role::Registrar)], 4),
    ("patient.a", &[(A, Role::Patient)], 0),
    ("admin.b", &[(B, Role::Administrator)], 3),
    ("clinician.b", &[(B, Role::Clinician)], 0),
    ("radiologist.b", &[(B, Role::Radiologist)], 1),
    ("registrar.b", &[(B, Role::Registrar)], 4),
    ("patient.b", &[(B, Role::Patient)], 0),
    ("admin.reading", &[(READING, Role::Administrator)], 2),
    ("radiologist.reading", &[(READING, Role::Radiologist)], 0),
    ("visiting", &[(B, Role::Clinician), (A, Role::Radiologist)], 2),
];

/// Everybody, each with a fresh password.
pub fn actors() -> Result<Vec<Actor>> {
    PARTS
        .iter()
        .map(|&(login, memberships, practitioner)| {
            let operator = login == "admin.a";
            Ok(Actor { login, password: password()?, memberships, practitioner, operator })
        })
        .collect()
}

/// Four groups such as `kamus-tirab-peloz-dunik`: 66 random bits that can be read aloud and typed.
fn password() -> Result<String> {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 5] = b"aeiou";
    let mut text = String::with_capacity(23);
    for group in 0..4 {
        if group > 0 {
            text.push('-');
        }
        for place in 0..5 {
            let letters: &[u8] = if place % 2 == 0 { CONSONANTS } else { VOWELS };
            text.push(char::from(letters[below(letters.len())?]));
        }
    }
    Ok(text)
}

/// A random number below `limit`, each as likely as the other.
fn below(limit: usize) -> Result<usize> {
    loop {
        let mut byte = [0];
        getrandom::fill(&mut byte).map_err(|e| anyhow!("no randomness: {e}"))?;
        let byte = usize::from(byte[0]);
        if byte < 256 - 256 % limit {
            return Ok(byte % limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_readable_and_never_the_same() {
        let actors = actors().unwrap();
        let mut seen: Vec<&str> = actors.iter().map(|actor| actor.password.as_str()).collect();
        assert!(seen.iter().all(|text| text.len() == 23 && text.split('-').all(|group| group.len() == 5)));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), PARTS.len());
        assert_eq!(actors.iter().filter(|actor| actor.operator).count(), 1);
    }
}
