//! Value sets whose codes ship with the definitions.

use super::package::{Definitions, list, resources, text};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// All value sets and code systems of the package, by canonical URL.
pub struct Terms {
    value_sets: BTreeMap<String, Value>,
    code_systems: BTreeMap<String, Value>,
}

/// The codes of one value set, by system.
type Codes = BTreeMap<String, BTreeSet<String>>;

impl Terms {
    /// Reads FHIR's own, HL7 v3's and HL7 v2's terminology.
    pub fn read(definitions: &Definitions) -> Result<Terms> {
        let mut terms = Terms { value_sets: BTreeMap::new(), code_systems: BTreeMap::new() };
        for file in ["valuesets.json", "v3-codesystems.json", "v2-tables.json"] {
            let bundle = definitions.read(file)?;
            for set in resources(&bundle, "ValueSet") {
                terms.value_sets.insert(text(&set["url"]).to_owned(), set.clone());
            }
            for system in resources(&bundle, "CodeSystem") {
                terms.code_systems.insert(text(&system["url"]).to_owned(), system.clone());
            }
        }
        Ok(terms)
    }

    /// The codes of a whole code system that ships complete.
    pub fn code_system(&self, url: &str) -> Option<BTreeSet<String>> {
        let system = self.code_systems.get(url).filter(|system| system["content"] == "complete")?;
        let mut codes = BTreeSet::new();
        collect(list(&system["concept"]), &mut codes);
        Some(codes)
    }

    /// The codes of a value set; `None` where not all of them ship (SNOMED CT, LOINC, UCUM, BCP 13, BCP 47, ISO 4217).
    pub fn expand(&self, canonical: &str) -> Option<Codes> {
        let url = canonical.split('|').next()?;
        let compose = &self.value_sets.get(url)?["compose"];
        if !list(&compose["exclude"]).is_empty() {
            return None;
        }
        let mut codes = Codes::new();
        for include in list(&compose["include"]) {
            let system = text(&include["system"]);
            if !list(&include["filter"]).is_empty() || system.is_empty() {
                return None;
            }
            let concepts = list(&include["concept"]);
            let found = if concepts.is_empty() {
                self.code_system(system)?
            } else {
                concepts.iter().map(|concept| text(&concept["code"]).to_owned()).collect()
            };
            codes.entry(system.to_owned()).or_default().extend(found);
        }
        (!codes.is_empty()).then_some(codes)
    }

    /// `name TAB system SP code SP code… TAB system …` for each of these value sets.
    pub fn table(&self, canonicals: &BTreeSet<String>) -> Result<String> {
        let mut rows = BTreeMap::new();
        for canonical in canonicals {
            let codes = self.expand(canonical).with_context(|| format!("{canonical} has no codes here"))?;
            let mut row = String::new();
            for (system, codes) in codes {
                row.push('\t');
                row.push_str(&system);
                for code in codes {
                    if code.is_empty() || code.contains(char::is_whitespace) {
                        bail!("{canonical}: the code {code:?} does not fit the table");
                    }
                    row.push(' ');
                    row.push_str(&code);
                }
            }
            if rows.insert(name(canonical).to_owned(), row).is_some() {
                bail!("two value sets are called {}", name(canonical));
            }
        }
        Ok(rows.into_iter().map(|(name, row)| format!("{name}{row}\n")).collect())
    }
}

/// The short name of a value set: the last part of its URL, without the version.
pub fn name(canonical: &str) -> &str {
    let url = canonical.split('|').next().unwrap_or(canonical);
    url.rsplit('/').next().unwrap_or(url)
}

fn collect(concepts: &[Value], codes: &mut BTreeSet<String>) {
    for concept in concepts {
        codes.insert(text(&concept["code"]).to_owned());
        collect(list(&concept["concept"]), codes);
    }
}
