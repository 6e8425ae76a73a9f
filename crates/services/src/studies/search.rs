//! QIDO-RS (PS3.18 §10.6): a query compiled to indexes, answered by splicing stored JSON.

use super::members::{self, Member};
use super::{corrupt, is_uid, metadata};
use crate::Services;
use crate::access::Caller;
use crate::audit::Access;
use crate::instance_body::Parts;
use crate::owners::Owners;
use lenticular_base::index::After;
use lenticular_base::{Fault, FaultKind, Kind, OrgNo, tree};
use lenticular_dicom::attributes::{level_tags, levels};
use lenticular_dicom::matching::Residual;
use lenticular_dicom::query::{DicomQuery, IncludeFields, parse_query};
use lenticular_dicom::tag::{Tag, tags};
use lenticular_dicom::vr::Vr;
use lenticular_dicom::{attributes, dictionary};
use lenticular_policy::{Action, Scope};
use lenticular_store::Record;

/// What is searched for.
#[derive(Clone, Debug)]
pub struct ImageQuery {
    /// [`Kind::STUDY`], [`Kind::SERIES`] or [`Kind::INSTANCE`].
    pub kind: Kind,
    /// The UIDs that the path of the URL names.
    pub study: Option<String>,
    pub series: Option<String>,
    /// The query, percent decoded.
    pub pairs: Vec<(String, String)>,
    /// The root of DICOMweb as the client sees it, such as `https://cloud.example.org/dicom-web`.
    pub base: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundImages {
    /// A JSON array of DICOM JSON objects.
    pub json: Vec<u8>,
    /// Whether there are more behind these.
    pub more: bool,
}

/// Objects in an answer, where the query names no limit: of the whole archive, and within one study.
pub const DEFAULT_LIMIT: u64 = 1000;
/// Objects in an answer at most.
pub const LARGEST_LIMIT: u64 = 5000;
/// Rows that are held at once.
const BATCH: u64 = 500;
/// Rows that are looked at where an attribute is compared that no index holds.
const LOOKED_AT: u64 = 20_000;

const INSTANCE_AVAILABILITY: Tag = Tag(0x0008_0056);
const RETRIEVE_URL: Tag = Tag(0x0008_1190);

impl Services {
    /// Searches studies, series or instances.
    pub async fn search_images(&self, caller: &Caller, query: ImageQuery) -> Result<FoundImages, Fault> {
        let text =
            query.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let level = match query.kind {
            Kind::STUDY => "Study",
            Kind::SERIES => "Series",
            _ => "Instance",
        };
        let entity = query.series.as_deref().or(query.study.as_deref()).unwrap_or("").to_owned();
        let access = Access::of('E', "search-type", level, &entity).query(text);
        let (access, outcome) = match self.search_images_unaudited(caller, query, access.clone()).await {
            Ok((found, access)) => (access, Ok(found)),
            Err(fault) => (access, Err(fault)),
        };
        self.audited(caller, access, outcome).await
    }

    async fn search_images_unaudited(
        &self,
        caller: &Caller,
        query: ImageQuery,
        access: Access,
    ) -> Result<(FoundImages, Access), Fault> {
        let scope = self.authorise(caller, Action::Search, Some(query.kind))?;
        let Some(pairs) = pairs_of(&query) else {
            return Ok((FoundImages { json: b"[]".to_vec(), more: false }, access));
        };
        let default = if query.study.is_some() { LARGEST_LIMIT } else { DEFAULT_LIMIT };
        let parsed = parse_query(query.kind, &pairs, default)?;
        refuse_unheld(query.kind, &parsed.residual)?;
        let org = caller.principal.org;
        self.blocking(move |services| services.find_images(&scope, org, &query, parsed, access)).await
    }

    fn find_images(
        &self,
        scope: &Scope,
        org: OrgNo,
        asked: &ImageQuery,
        parsed: DicomQuery,
        mut access: Access,
    ) -> Result<(FoundImages, Access), Fault> {
        let mut query = parsed.query;
        let mut left = query.limit.min(LARGEST_LIMIT);
        let comparing = !parsed.residual.is_empty();
        // Where rows are compared one by one, the offset counts those that fit.
        let mut skip = if comparing { std::mem::take(&mut query.offset) } else { 0 };
        let writer = RowWriter::new(asked, &parsed.include);
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let (mut looked_at, mut more) = (0, false);
        let mut owners: Option<Owners> = None;
        'pages: loop {
            query.limit = if comparing { BATCH } else { left.min(BATCH) };
            let page = self.store.reader.search(scope, &query)?;
            for row in &page.rows {
                looked_at += 1;
                if comparing && !fits(asked.kind, row, &parsed.residual)? {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                if left == 0 {
                    more = true;
                    break 'pages;
                }
                left -= 1;
                access = access.showing([row]);
                let out = if row.columns.org == org { &mut own } else { &mut others };
                out.push(b',');
                writer.row(row, out)?;
                if row.columns.org != org {
                    let owners = match &mut owners {
                        Some(owners) => owners,
                        None => owners.insert(Owners::of_all(self, org)?),
                    };
                    mark(owners.id(row.columns.org), out);
                }
            }
            let Some(last) = page.rows.last().filter(|_| page.more) else { break };
            if left == 0 && !comparing {
                more = true;
                break;
            }
            if comparing && looked_at >= LOOKED_AT {
                return Err(too_many());
            }
            query.after = Some(After { vid: last.vid, values: page.last });
            query.at = Some(page.position);
            query.offset = 0;
        }
        own.append(&mut others);
        own.push(b']');
        match own.first_mut() {
            Some(first) if *first == b',' => *first = b'[',
            _ => own = b"[]".to_vec(),
        }
        Ok((FoundImages { json: own, more }, access))
    }
}

/// Says in a private block, behind all other attributes, which other member a row is from (PS3.5 §7.8).
fn mark(owner: Option<&str>, out: &mut Vec<u8>) {
    if let (Some(owner), Some(b'}')) = (owner, out.last()) {
        out.pop();
        let comma = if out.last() == Some(&b'{') { "" } else { "," };
        let block = r#""FFF10010":{"vr":"LO","Value":["LENTICULAR"]},"FFF11001":{"vr":"LO","Value":["#;
        // ids of members are of a-z, 0-9 and "-"
        out.extend_from_slice(format!("{comma}{block}\"{owner}\"]}}}}").as_bytes());
    }
}

fn too_many() -> Fault {
    Fault::new(
        FaultKind::TooLarge,
        "query-too-wide",
        format!(
            "The query compares attributes that are not indexed and would look at more than {LOOKED_AT} rows; \
             name a study, a patient or a range of dates too."
        ),
    )
}

/// The query with the UIDs of the path, and several values of one UID attribute as one list. `None` where the path
/// names what cannot exist.
fn pairs_of(query: &ImageQuery) -> Option<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(query.pairs.len() + 2);
    for (name, value) in &query.pairs {
        let tag = dictionary::tag_of(name).or_else(|| Tag::parse(name));
        let listed = tag.is_some_and(|tag| dictionary::implicit_vr(tag) == Vr::Ui) && !value.is_empty();
        match pairs.iter_mut().find(|(known, had)| listed && known == name && !had.is_empty()) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(value);
            }
            None => pairs.push((name.clone(), value.clone())),
        }
    }
    for (name, uid) in [("StudyInstanceUID", &query.study), ("SeriesInstanceUID", &query.series)] {
        if let Some(uid) = uid {
            if !is_uid(uid) {
                return None;
            }
            pairs.push((name.to_owned(), uid.clone()));
        }
    }
    Some(pairs)
}

/// Rows of studies and series hold what belongs to their level; what they do not hold can fit nothing, and is refused.
fn refuse_unheld(kind: Kind, residual: &[Residual]) -> Result<(), Fault> {
    if kind == Kind::INSTANCE {
        return Ok(());
    }
    let held = |tag: &Tag| levels(kind).iter().any(|level| level_tags(*level).binary_search(&tag.0).is_ok());
    match residual.iter().find_map(|residual| residual.path.first().filter(|tag| !held(tag))) {
        None => Ok(()),
        Some(tag) => Err(Fault::new(
            FaultKind::Invalid,
            "dicom-query",
            format!(
                "{} {tag} is no attribute of this level and cannot be matched here; search instances instead.",
                dictionary::keyword(*tag).unwrap_or("Attribute")
            ),
        )),
    }
}

/// Whether a row fits what no index could decide: instances by all of their metadata.
fn fits(kind: Kind, row: &Record, residual: &[Residual]) -> Result<bool, Fault> {
    let inflated;
    let json: &[u8] = if kind == Kind::INSTANCE {
        inflated = metadata::inflate(&Parts::of(&row.body)?)?;
        &inflated
    } else {
        &row.body
    };
    let json = tree::parse(json).map_err(|e| corrupt().caused_by(e))?;
    Ok(residual.iter().all(|residual| residual.matches(&json)))
}

/// Writes rows as answers (PS3.18 §10.6.3.3).
struct RowWriter<'a> {
    asked: &'a ImageQuery,
    include: &'a IncludeFields,
    /// The levels whose attributes are answered unasked.
    levels: &'static [Kind],
    /// Fields are asked for that rows of instances do not hold.
    beyond: bool,
}

impl<'a> RowWriter<'a> {
    fn new(asked: &'a ImageQuery, include: &'a IncludeFields) -> RowWriter<'a> {
        let all = attributes::levels(asked.kind);
        // What the URL names need not be told again, but a series is told of its instances where it names only the study.
        let count = match (&asked.study, &asked.series) {
            (None, _) => all.len(),
            (Some(_), None) if asked.kind == Kind::INSTANCE => 2,
            _ => 1,
        };
        let held = |tag: &Tag| all.iter().any(|level| level_tags(*level).binary_search(&tag.0).is_ok());
        let beyond = asked.kind == Kind::INSTANCE
            && match include {
                IncludeFields::All => true,
                IncludeFields::Tags(tags) => !tags.iter().all(held),
            };
        RowWriter { asked, include, levels: &all[..count.min(all.len())], beyond }
    }

    fn wants(&self, tag: Tag) -> bool {
        match self.include {
            IncludeFields::All => true,
            IncludeFields::Tags(tags) => {
                self.levels.iter().any(|level| level_tags(*level).binary_search(&tag.0).is_ok())
                    || tags.contains(&tag)
            }
        }
    }

    fn row(&self, row: &Record, out: &mut Vec<u8>) -> Result<(), Fault> {
        let inflated;
        let json: &[u8] = match self.asked.kind {
            Kind::INSTANCE => {
                let parts = Parts::of(&row.body)?;
                if self.beyond {
                    inflated = metadata::inflate(&parts)?;
                    &inflated
                } else {
                    parts.attributes
                }
            }
            _ => &row.body,
        };
        let members = members::split(json)?;
        let url = self.retrieve_url(row, &members);
        let mut spliced = vec![
            (
                INSTANCE_AVAILABILITY,
                format!("\"{}\":{{\"vr\":\"CS\",\"Value\":[\"ONLINE\"]}}", INSTANCE_AVAILABILITY.hex()),
            ),
            (RETRIEVE_URL, format!("\"{}\":{{\"vr\":\"UR\",\"Value\":[\"{url}\"]}}", RETRIEVE_URL.hex())),
        ]
        .into_iter()
        .peekable();
        let mut mark = b'{';
        let mut put = |text: &[u8]| {
            out.push(std::mem::replace(&mut mark, b','));
            out.extend_from_slice(text);
        };
        for (tag, text) in members {
            while let Some((_, own)) = spliced.next_if(|(own, _)| *own <= tag) {
                put(own.as_bytes());
            }
            if tag != INSTANCE_AVAILABILITY && tag != RETRIEVE_URL && self.wants(tag) {
                put(text);
            }
        }
        for (_, own) in spliced {
            put(own.as_bytes());
        }
        out.push(b'}');
        Ok(())
    }

    /// Where the object of a row is retrieved. UIDs were checked when they arrived: nothing in them needs an escape.
    fn retrieve_url(&self, row: &Record, members: &[Member<'_>]) -> String {
        let mut url = format!("{}/studies/{}", self.asked.base, row.columns.study.as_deref().unwrap_or(""));
        if row.columns.kind == Kind::SERIES {
            url.push_str(&format!("/series/{}", row.id));
        } else if row.columns.kind == Kind::INSTANCE {
            let series = members.iter().find(|(tag, _)| *tag == tags::SERIES_INSTANCE_UID);
            let series = series.and_then(|(_, text)| text.split(|byte| *byte == b'"').rev().nth(1));
            let series = series.and_then(|uid| std::str::from_utf8(uid).ok()).unwrap_or("");
            url.push_str(&format!("/series/{series}/instances/{}", row.id));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_base::{Instant, Labels, Position, Vid};
    use lenticular_store::RowColumns;

    fn series_row(json: &str) -> Record {
        Record {
            vid: Vid(1),
            columns: RowColumns {
                org: OrgNo(1),
                patient: None,
                kind: Kind::SERIES,
                labels: Labels(0),
                author_org: OrgNo(1),
                time: Instant(0),
                study: Some("1.2".into()),
            },
            id: "1.3".into(),
            version: 1,
            position: Position(1),
            deleted: false,
            body: json.as_bytes().into(),
            splice: -1,
        }
    }

    fn asked(study: Option<&str>, pairs: &[(&str, &str)]) -> ImageQuery {
        ImageQuery {
            kind: Kind::SERIES,
            study: study.map(str::to_owned),
            series: None,
            pairs: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            base: "http://h/dicom-web".into(),
        }
    }

    #[test]
    fn a_row_is_answered_with_where_to_retrieve_it() {
        let row = series_row(
            r#"{"00080020":{"vr":"DA","Value":["20260131"]},"00080060":{"vr":"CS","Value":["CT"]},"0020000D":{"vr":"UI","Value":["1.2"]},"0020000E":{"vr":"UI","Value":["1.3"]}}"#,
        );
        let check = |asked: &ImageQuery, include: &IncludeFields| {
            let mut out = Vec::new();
            RowWriter::new(asked, include).row(&row, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let none = IncludeFields::Tags(Vec::new());
        let within = check(&asked(Some("1.2"), &[]), &none);
        assert_eq!(
            within,
            r#"{"00080056":{"vr":"CS","Value":["ONLINE"]},"00080060":{"vr":"CS","Value":["CT"]},"00081190":{"vr":"UR","Value":["http://h/dicom-web/studies/1.2/series/1.3"]},"0020000D":{"vr":"UI","Value":["1.2"]},"0020000E":{"vr":"UI","Value":["1.3"]}}"#
        );
        assert!(
            check(&asked(None, &[]), &none).contains("00080020"),
            "the study is told of where the URL names none"
        );
        assert!(
            check(&asked(Some("1.2"), &[]), &IncludeFields::Tags(vec![tags::STUDY_DATE]))
                .contains("00080020")
        );
    }

    #[test]
    fn uids_given_twice_are_a_list_and_those_of_the_path_hold_besides() {
        let pairs = pairs_of(&asked(
            Some("1.2"),
            &[("StudyInstanceUID", "1"), ("Modality", "CT"), ("StudyInstanceUID", "2"), ("Modality", "MR")],
        ));
        let text: Vec<String> = pairs.unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(text, ["StudyInstanceUID=1,2", "Modality=CT", "Modality=MR", "StudyInstanceUID=1.2"]);
        assert_eq!(pairs_of(&asked(Some("*"), &[])), None, "a path has no wildcards");
    }

    #[test]
    fn what_a_level_does_not_hold_is_refused() {
        let residual =
            |tag| [Residual { path: vec![tag], rule: lenticular_dicom::matching::Rule::Number(1.0) }];
        assert!(refuse_unheld(Kind::STUDY, &residual(Tag(0x0018_0050))).is_err());
        assert!(refuse_unheld(Kind::INSTANCE, &residual(Tag(0x0018_0050))).is_ok());
        assert!(refuse_unheld(Kind::STUDY, &residual(Tag(0x0008_1080))).is_ok());
    }
}
