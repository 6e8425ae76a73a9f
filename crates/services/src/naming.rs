//! How people know a patient or a study: the name of the one, the description of the other. Read with the caller's scope,
//! and told to the audit log by whoever shows them.

use crate::Services;
use crate::resources::kind_of;
use lenticular_base::tree::{self, Tree};
use lenticular_base::{Fault, Kind, OrgNo};
use lenticular_policy::Scope;
use lenticular_store::Record;
use std::collections::{BTreeSet, HashMap};

/// A patient or a study of a member.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Thing {
    Patient(String),
    Study(String),
}

/// The rows that names are read from.
#[derive(Default)]
pub(crate) struct Names {
    rows: Vec<Record>,
    at: HashMap<(OrgNo, Thing), usize>,
}

/// Rows that are asked for at once.
const AT_ONCE: usize = 500;

impl Names {
    /// Reads what the scope lets see of those things of one member. Blocks.
    pub fn look_up(
        &mut self,
        services: &Services,
        scope: &Scope,
        org: OrgNo,
        things: impl IntoIterator<Item = Thing>,
    ) -> Result<(), Fault> {
        let patient = kind_of("Patient")?;
        let scope = scope.within_org(org);
        let things: BTreeSet<Thing> = things.into_iter().collect();
        let wanted: Vec<(Kind, String)> = things
            .into_iter()
            .map(|thing| match thing {
                Thing::Patient(id) => (patient, id),
                Thing::Study(uid) => (Kind::STUDY, uid),
            })
            .collect();
        for some in wanted.chunks(AT_ONCE) {
            for row in services.store.reader.get_many(&scope, org, some, None)? {
                let thing = match row.columns.kind {
                    Kind::STUDY => Thing::Study(row.id.clone()),
                    _ => Thing::Patient(row.id.clone()),
                };
                self.at.insert((org, thing), self.rows.len());
                self.rows.push(row);
            }
        }
        Ok(())
    }

    fn row(&self, org: OrgNo, thing: Thing) -> Option<&Record> {
        self.at.get(&(org, thing)).map(|at| &self.rows[*at])
    }

    /// The name of the patient, or of the patient of the study.
    pub fn patient(&self, org: OrgNo, patient: Option<&str>, study: Option<&str>) -> Option<String> {
        if let Some(row) = patient.and_then(|id| self.row(org, Thing::Patient(id.to_owned()))) {
            return human_name(&tree::parse(&row.body).ok()?);
        }
        self.study_text(org, study, "00100010")
    }

    /// The description of the study.
    pub fn description(&self, org: OrgNo, study: Option<&str>) -> Option<String> {
        self.study_text(org, study, "00081030")
    }

    fn study_text(&self, org: OrgNo, study: Option<&str>, tag: &str) -> Option<String> {
        let row = self.row(org, Thing::Study(study?.to_owned()))?;
        text_of(&tree::parse(&row.body).ok()?, tag)
    }

    /// What was looked at.
    pub fn into_rows(self) -> Vec<Record> {
        self.rows
    }
}

/// The first value of an attribute in DICOM JSON as text; of a person name all its groups, as `Adams^John=亚当斯`.
pub(crate) fn text_of(attributes: &Tree<'_>, tag: &str) -> Option<String> {
    let first = attributes.get(tag)?.get("Value")?.items().first()?;
    if let Some(text) = first.text() {
        return Some(text.into_owned());
    }
    let groups = ["Alphabetic", "Ideographic", "Phonetic"];
    let groups: Vec<_> = groups.iter().map(|group| first.text_at(group).unwrap_or_default()).collect();
    let name = groups.join("=");
    let name = name.trim_end_matches('=');
    (!name.is_empty()).then(|| name.to_owned())
}

/// The first name of a Patient that is not over.
fn human_name(patient: &Tree<'_>) -> Option<String> {
    let names = patient.get("name")?.items();
    let name = names.iter().find(|name| name.text_at("use").as_deref() != Some("old")).or(names.first())?;
    if let Some(text) = name.text_at("text").filter(|text| !text.trim().is_empty()) {
        return Some(text.into_owned());
    }
    let given = name.get("given").map(Tree::items).unwrap_or_default();
    let words: Vec<String> = given
        .iter()
        .filter_map(|word| word.text().map(|text| text.into_owned()))
        .chain(name.text_at("family").map(|family| family.into_owned()))
        .collect();
    let name = words.join(" ");
    (!name.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_form_and_script() {
        let name = |json: &str| human_name(&tree::parse(json.as_bytes()).unwrap());
        assert_eq!(
            name(r#"{"name":[{"use":"old","text":"A"},{"family":"Müller","given":["Eva","M."]}]}"#)
                .as_deref(),
            Some("Eva M. Müller")
        );
        assert_eq!(name(r#"{"name":[{"text":"王小东"}]}"#).as_deref(), Some("王小东"));
        assert_eq!(name(r#"{"name":[{}]}"#), None);
        assert_eq!(name("{}"), None);
        let image =
            r#"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Wang^XiaoDong","Ideographic":"王^小东"}]}}"#;
        let image = tree::parse(image.as_bytes()).unwrap();
        assert_eq!(text_of(&image, "00100010").as_deref(), Some("Wang^XiaoDong=王^小东"));
        assert_eq!(text_of(&image, "00081030"), None);
    }
}
