//! Resource types, data types and backbone elements with their elements.

use super::package::{list, resources, text};
use super::terms::{self, Terms};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The table of structures, and the value sets that its bindings name.
pub struct Structures {
    pub text: String,
    pub value_sets: BTreeSet<String>,
}

/// The concrete resource types of FHIR R4, in alphabetical order: those of its own code system `resource-types`.
pub fn resource_types(bundle: &Value, terms: &Terms) -> Result<Vec<String>> {
    let known =
        terms.code_system("http://hl7.org/fhir/resource-types").context("the code system resource-types")?;
    let names: BTreeSet<String> = definitions(bundle)
        .filter(|d| d["kind"] == "resource" && d["abstract"] == false && known.contains(text(&d["name"])))
        .map(|d| text(&d["name"]).to_owned())
        .collect();
    Ok(names.into_iter().collect())
}

fn definitions(bundle: &Value) -> impl Iterator<Item = &Value> {
    resources(bundle, "StructureDefinition").filter(|d| d["derivation"] != "constraint")
}

/// One line for each structure, `Name TAB base`, and below it one for each element that is its own:
/// `TAB name TAB cardinality TAB types [TAB value set]`.
///
/// The cardinality is `0` or `1`, then `1` or `*`, then `s` where the element is part of the summary and `m` where
/// it is a modifier. Types are separated by `,`; a reference names its targets, `Reference(Group|Patient)`, unless any
/// resource will do; a backbone element has its own structure, `Patient.contact`.
///
/// The package's structures carry additions of its publisher and of later FHIR versions (`Meta.project`,
/// `ResearchStudy.recruitment`). Its data elements are HL7's own of 4.0.1: an element that stands there is taken from
/// there, one that does not is no part of R4.
pub fn table(
    bundle: &Value,
    types: &Value,
    data_elements: &Value,
    names: &[String],
    terms: &Terms,
) -> Result<Structures> {
    let official = Official::read(data_elements);
    let mut structures = BTreeMap::new();
    let mut value_sets = BTreeSet::new();
    for definition in definitions(types).chain(definitions(bundle)) {
        let name = text(&definition["name"]);
        let wanted = match text(&definition["kind"]) {
            "primitive-type" => false,
            "resource" => definition["abstract"] == true || names.iter().any(|n| n == name),
            kind => kind == "complex-type",
        };
        if !wanted {
            continue;
        }
        let base = text(&definition["baseDefinition"]).rsplit('/').next().unwrap_or("").to_owned();
        structures.insert(name.to_owned(), Structure { base, rows: Vec::new() });
        for element in own_elements(definition, &official) {
            let path = text(&element["path"]);
            let Some((parent, last)) = path.rsplit_once('.') else { continue };
            let kinds = if official.has_below(path) {
                let base = text(&element["type"][0]["code"]).to_owned();
                structures.insert(path.to_owned(), Structure { base, rows: Vec::new() });
                path.to_owned()
            } else {
                element_types(element, path)?
            };
            let mut row = format!("\t{last}\t{}\t{kinds}", cardinality(element, path)?);
            if let Some(set) = required_binding(element, terms) {
                row.push('\t');
                row.push_str(terms::name(set));
                value_sets.insert(set.split('|').next().unwrap_or(set).to_owned());
            }
            row.push('\n');
            let parent =
                structures.get_mut(parent).with_context(|| format!("{path} stands before its parent"))?;
            parent.rows.push(row);
        }
    }
    let mut text = String::new();
    for (name, structure) in structures {
        text.push_str(&format!("{name}\t{}\n", structure.base));
        text.extend(structure.rows);
    }
    Ok(Structures { text, value_sets })
}

struct Structure {
    base: String,
    rows: Vec<String>,
}

/// HL7's own data elements.
struct Official<'v> {
    /// The definition of each element that has a type of its own, by path.
    elements: BTreeMap<&'v str, &'v Value>,
    /// Their ids.
    ids: BTreeSet<&'v str>,
}

impl<'v> Official<'v> {
    fn read(data_elements: &'v Value) -> Official<'v> {
        let (mut elements, mut ids) = (BTreeMap::new(), BTreeSet::new());
        for definition in resources(data_elements, "StructureDefinition") {
            ids.insert(text(&definition["id"]));
            for element in list(&definition["snapshot"]["element"]) {
                // Quantity stands there once more for each of its profiles, with elements taken away.
                if element["max"] != "0" {
                    elements.entry(text(&element["path"])).or_insert(element);
                }
            }
        }
        Official { elements, ids }
    }

    /// Whether the element is lost among others: an id ends after 64 letters, and of several with the same letters one
    /// alone is in the package.
    fn is_lost(&self, path: &str) -> bool {
        format!("de-{path}").get(..64).is_some_and(|id| self.ids.contains(id))
    }

    /// Whether elements stand below this one, so that it is a structure.
    fn has_below(&self, path: &str) -> bool {
        let start = format!("{path}.");
        let next = self.elements.range(start.as_str()..).next();
        next.is_some_and(|(path, _)| path.starts_with(&start))
    }
}

/// The elements that a definition adds to its base, parents first.
fn own_elements<'v>(definition: &'v Value, official: &Official<'v>) -> Vec<&'v Value> {
    let listed = list(&definition["snapshot"]["element"]);
    let mut paths: BTreeSet<&str> = listed.iter().map(|e| text(&e["path"])).collect();
    let mut kept = BTreeSet::from([text(&definition["name"])]);
    let mut own = Vec::new();
    for element in listed {
        let path = text(&element["path"]);
        let Some((parent, _)) = path.rsplit_once('.') else { continue };
        if text(&element["base"]["path"]) != path || !kept.contains(parent) {
            continue;
        }
        if official.has_below(path) {
            kept.insert(path);
            own.push(element);
        } else if element.get("contentReference").is_some() {
            own.push(element);
        } else if let Some(element) = official.elements.get(path) {
            own.push(element);
        } else if official.is_lost(path) {
            own.push(element);
        }
    }
    for (path, element) in &official.elements {
        let parent = path.rsplit_once('.').map(|(parent, _)| parent);
        if parent.is_some_and(|parent| kept.contains(parent)) && paths.insert(path) {
            own.push(element);
        }
    }
    own
}

fn cardinality(element: &Value, path: &str) -> Result<String> {
    let min = element["min"].as_u64().with_context(|| format!("{path}.min"))?;
    let max = text(&element["max"]);
    if min > 1 || !matches!(max, "1" | "*") {
        bail!("{path}: the cardinality {min}..{max} does not fit the table");
    }
    let summary = if element["isSummary"] == true { "s" } else { "" };
    let modifier = if element["isModifier"] == true { "m" } else { "" };
    Ok(format!("{min}{max}{summary}{modifier}"))
}

fn element_types(element: &Value, path: &str) -> Result<String> {
    if let Some(reference) = element["contentReference"].as_str() {
        let target = reference.rsplit('#').next().unwrap_or("");
        return Ok(target.to_owned());
    }
    let mut kinds = Vec::new();
    for kind in list(&element["type"]) {
        let code = text(&kind["code"]);
        let code = match (path, code.strip_prefix("http://hl7.org/fhirpath/System.")) {
            ("Resource.id", _) => "id",
            ("Extension.url", _) => "uri",
            (_, Some("String")) => "string",
            (_, Some(other)) => bail!("{path}: System.{other} has no FHIR type here"),
            (_, None) => code,
        };
        let mut targets: Vec<&str> =
            list(&kind["targetProfile"]).iter().filter_map(|t| text(t).rsplit('/').next()).collect();
        targets.sort_unstable();
        match targets.as_slice() {
            [] | ["Resource"] => kinds.push(code.to_owned()),
            _ if code == "Reference" => kinds.push(format!("Reference({})", targets.join("|"))),
            _ => kinds.push(code.to_owned()),
        }
    }
    if kinds.is_empty() {
        bail!("{path} has no type");
    }
    Ok(kinds.join(","))
}

/// The value set of a required binding whose codes ship with the definitions.
fn required_binding<'v>(element: &'v Value, terms: &Terms) -> Option<&'v str> {
    let binding = &element["binding"];
    let set = binding["valueSet"].as_str().filter(|_| binding["strength"] == "required")?;
    terms.expand(set).map(|_| set)
}
