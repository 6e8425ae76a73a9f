//! A person's history, written as one transaction.

use crate::bundle::Transaction;
use crate::network::Member;
use crate::person::Person;

/// Writes everything that is known of a person.
pub(crate) fn write(person: &Person, member: &Member) -> Vec<u8> {
    let mut bundle = Transaction::new(person.seed, &person.mrn);
    let organization = bundle.organization(member);
    let general = bundle.practitioner(member, member.specialist("Family medicine"));
    person.write_patient(&mut bundle, member, &organization, &general);
    bundle.finish()
}
