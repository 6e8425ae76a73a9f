//! The ImagingStudy of a study, and the member's Endpoint: kept current in the commit that stores the object.

use super::patient::fhir_date;
use super::rows::About;
use crate::Services;
use crate::resources::kind_of;
use lenticular_base::Fault;
use lenticular_base::ids::hex;
use lenticular_base::tree::{Object, Text, Tree, parse};
use lenticular_dicom::dataset::DataSet;
use lenticular_dicom::tag::{Tag, tags};
use lenticular_store::{View, Write};
use sha2::{Digest, Sha256};

const STUDY_DESCRIPTION: Tag = Tag(0x0008_1030);
const SERIES_DESCRIPTION: Tag = Tag(0x0008_103E);
const SERIES_NUMBER: Tag = Tag(0x0020_0011);
const SERIES_DATE: Tag = Tag(0x0008_0021);
const SERIES_TIME: Tag = Tag(0x0008_0031);
const STUDY_SERIES: Tag = Tag(0x0020_1206);
const STUDY_INSTANCES: Tag = Tag(0x0020_1208);
const SERIES_INSTANCES: Tag = Tag(0x0020_1209);

/// The member's one Endpoint.
const ENDPOINT: &str = "dicom-web";

/// The logical id of the ImagingStudy of a study.
pub fn id_of(study_uid: &str) -> String {
    hex(&Sha256::digest(study_uid.as_bytes())[..16])
}

/// What became of a series of the study.
pub(super) enum Change<'a> {
    /// It is there, with these attributes.
    Is(&'a DataSet),
    /// The series of that UID has no object left.
    Gone(&'a str),
}

/// Writes the next version of the ImagingStudy, and the Endpoint where the member has none yet.
pub(super) fn keep_current(
    services: &Services,
    view: &dyn View,
    about: &About,
    series: &[Change<'_>],
    study: &DataSet,
    writes: &mut Vec<Write>,
) -> Result<(), Fault> {
    let (study_kind, endpoint_kind) = (kind_of("ImagingStudy")?, kind_of("Endpoint")?);
    if view.current(about.org, endpoint_kind, ENDPOINT)?.is_none_or(|record| record.deleted) {
        let prepared = services.prepare_valid(&endpoint(services), endpoint_kind, ENDPOINT)?;
        writes.push(Write::Put(Box::new(prepared.put(about.org))));
    }
    let id = id_of(&about.study);
    let current = view.current(about.org, study_kind, &id)?.filter(|record| !record.deleted);
    let known = match &current {
        Some(record) => {
            parse(&record.body).ok().and_then(|tree| tree.get("series").cloned().map(Tree::into_owned))
        }
        None => None,
    };
    let tree = imaging_study(about, series, study, known);
    let prepared = services.prepare_valid(&tree, study_kind, &id)?;
    let mut put = prepared.put(about.org);
    put.patient.clone_from(&about.patient);
    put.study = Some(about.study.clone());
    writes.push(Write::Put(Box::new(put)));
    Ok(())
}

fn imaging_study(
    about: &About,
    series: &[Change<'_>],
    study: &DataSet,
    known: Option<Tree<'static>>,
) -> Tree<'static> {
    let mut tree = Tree::object([
        ("resourceType", Tree::string("ImagingStudy")),
        (
            "identifier",
            Tree::Array(vec![Tree::object([
                ("system", Tree::string("urn:dicom:uid")),
                ("value", Tree::string(format!("urn:oid:{}", about.study))),
            ])]),
        ),
        ("status", Tree::string("available")),
    ]);
    let Some(object) = tree.as_object_mut() else { return tree };
    let modalities = values(study, tags::MODALITIES_IN_STUDY);
    if !modalities.is_empty() {
        object.set("modality", Tree::Array(modalities.iter().map(|code| modality(code)).collect()));
    }
    if let Some(patient) = &about.patient {
        object.set("subject", reference(format!("Patient/{patient}")));
    }
    if let Some(started) = started(study, tags::STUDY_DATE, tags::STUDY_TIME) {
        object.set("started", Tree::string(started));
    }
    object.set("endpoint", Tree::Array(vec![reference(format!("Endpoint/{ENDPOINT}"))]));
    object.set("numberOfSeries", Tree::integer(study.integer(STUDY_SERIES).unwrap_or(0)));
    object.set("numberOfInstances", Tree::integer(study.integer(STUDY_INSTANCES).unwrap_or(0)));
    set_text(object, "description", study, STUDY_DESCRIPTION);
    if let Some(accession) = text(study, tags::ACCESSION_NUMBER)
        && let Some(Tree::Array(identifiers)) = object.get_mut("identifier")
    {
        identifiers.push(Tree::object([
            (
                "type",
                Tree::object([(
                    "coding",
                    Tree::Array(vec![Tree::object([
                        ("system", Tree::string("http://terminology.hl7.org/CodeSystem/v2-0203")),
                        ("code", Tree::string("ACSN")),
                    ])]),
                )]),
            ),
            ("value", Tree::string(accession)),
        ]));
    }
    let mut all = match known {
        Some(Tree::Array(items)) => items,
        _ => Vec::new(),
    };
    for change in series {
        let (uid, this) = match change {
            Change::Gone(uid) => ((*uid).to_owned(), None),
            Change::Is(series) => {
                let this = series_of(series);
                (this.text_at("uid").unwrap_or_default().into_owned(), Some(this))
            }
        };
        let known = all.iter().position(|item| item.text_at("uid").as_deref() == Some(&uid));
        match (known, this) {
            (Some(at), Some(this)) => all[at] = this,
            (Some(at), None) => drop(all.remove(at)),
            (None, this) => all.extend(this),
        }
    }
    object.set("series", Tree::Array(all));
    tree
}

fn series_of(series: &DataSet) -> Tree<'static> {
    let uid = text(series, tags::SERIES_INSTANCE_UID).unwrap_or_default();
    let mut tree = Tree::object([("uid", Tree::string(uid))]);
    let Some(object) = tree.as_object_mut() else { return tree };
    if let Some(number) =
        series.integer(SERIES_NUMBER).filter(|number| (0..=i64::from(i32::MAX)).contains(number))
    {
        object.set("number", Tree::integer(number));
    }
    object.set("modality", modality(&text(series, tags::MODALITY).unwrap_or_else(|| "OT".into())));
    set_text(object, "description", series, SERIES_DESCRIPTION);
    object.set("numberOfInstances", Tree::integer(series.integer(SERIES_INSTANCES).unwrap_or(0)));
    object.set("endpoint", Tree::Array(vec![reference(format!("Endpoint/{ENDPOINT}"))]));
    if let Some(started) = started(series, SERIES_DATE, SERIES_TIME) {
        object.set("started", Tree::string(started));
    }
    tree
}

fn endpoint(services: &Services) -> Tree<'static> {
    let base = services.settings.public_url.as_deref().unwrap_or("");
    Tree::object([
        ("resourceType", Tree::string("Endpoint")),
        ("status", Tree::string("active")),
        (
            "connectionType",
            Tree::object([
                ("system", Tree::string("http://terminology.hl7.org/CodeSystem/endpoint-connection-type")),
                ("code", Tree::string("dicom-wado-rs")),
            ]),
        ),
        ("payloadType", Tree::Array(vec![Tree::object([("text", Tree::string("DICOM WADO-RS"))])])),
        ("payloadMimeType", Tree::Array(vec![Tree::string("application/dicom")])),
        ("address", Tree::string(format!("{base}/dicom-web"))),
    ])
}

fn reference(to: String) -> Tree<'static> {
    Tree::object([("reference", Tree::string(to))])
}

fn modality(code: &str) -> Tree<'static> {
    Tree::object([
        ("system", Tree::string("http://dicom.nema.org/resources/ontology/DCM")),
        ("code", Tree::string(code.to_owned())),
    ])
}

fn text(dataset: &DataSet, tag: Tag) -> Option<String> {
    dataset.string(tag).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn set_text(object: &mut Object<'static>, name: &'static str, dataset: &DataSet, tag: Tag) {
    if let Some(value) = text(dataset, tag) {
        object.members.push((Text::new(name), Tree::string(value)));
    }
}

fn values(dataset: &DataSet, tag: Tag) -> Vec<String> {
    let text = dataset.plain(tag).map(|text| text.into_owned()).unwrap_or_default();
    text.split('\\').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// Date and time with their zone; the date alone where the image names no zone.
fn started(dataset: &DataSet, date: Tag, time: Tag) -> Option<String> {
    let date = fhir_date(&dataset.plain(date)?)?;
    let clock = dataset.plain(time).unwrap_or_default();
    let clock = clock.trim();
    let zone = dataset.plain(tags::TIMEZONE_OFFSET_FROM_UTC).unwrap_or_default();
    let zone = zone.trim();
    let digits = |text: &str, length: usize| {
        text.len() >= length && text.as_bytes()[..length].iter().all(u8::is_ascii_digit)
    };
    let zoned = zone.len() == 5 && (zone.starts_with('+') || zone.starts_with('-')) && digits(&zone[1..], 4);
    if !zoned || !digits(clock, 6) {
        return Some(date);
    }
    let text =
        format!("{date}T{}:{}:{}{}:{}", &clock[..2], &clock[2..4], &clock[4..6], &zone[..3], &zone[3..]);
    Some(lenticular_base::calendar::parse_span(&text).map_or(date, |_| text))
}
