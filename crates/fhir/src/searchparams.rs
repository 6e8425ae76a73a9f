//! The SearchParameters of FHIR R4 by resource type, and the numbers that stand for them in the index.
//!
//! The number of a parameter within its type is its place in the sorted list of the type's codes. Numbers are on
//! disk: a change of the table that moves one needs the index to be rebuilt (a golden test tells).

use crate::kinds;
use lenticular_base::Kind;
use lenticular_base::index::Param;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The type of a search parameter (FHIR R4 §3.1.1.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SearchType {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    Special,
}

impl SearchType {
    fn parse(text: &str) -> Option<SearchType> {
        Some(match text {
            "number" => SearchType::Number,
            "date" => SearchType::Date,
            "string" => SearchType::String,
            "token" => SearchType::Token,
            "reference" => SearchType::Reference,
            "composite" => SearchType::Composite,
            "quantity" => SearchType::Quantity,
            "uri" => SearchType::Uri,
            "special" => SearchType::Special,
            _ => return None,
        })
    }

    /// The code of value set search-param-type.
    pub fn code(self) -> &'static str {
        match self {
            SearchType::Number => "number",
            SearchType::Date => "date",
            SearchType::String => "string",
            SearchType::Token => "token",
            SearchType::Reference => "reference",
            SearchType::Composite => "composite",
            SearchType::Quantity => "quantity",
            SearchType::Uri => "uri",
            SearchType::Special => "special",
        }
    }
}

/// One search parameter of one resource type.
#[derive(Clone, PartialEq, Debug)]
pub struct SearchParam {
    /// The name in a URL, such as `birthdate`.
    pub code: &'static str,
    pub search_type: SearchType,
    /// Its number in the index.
    pub param: Param,
    /// The FHIRPath expression of its values.
    pub expression: &'static str,
    /// For references: the types that may be referred to; empty means any.
    pub targets: Box<[Kind]>,
}

impl SearchParam {
    /// Whether a reference may be to this type.
    pub fn may_refer_to(&self, kind: Kind) -> bool {
        self.targets.is_empty() || self.targets.contains(&kind)
    }

    /// Whether this parameter can be searched by here: it has entries in the index, or is `_id` or `_lastUpdated`.
    pub fn is_supported(&self) -> bool {
        !matches!(self.search_type, SearchType::Composite | SearchType::Special)
    }
}

/// One line for each type and code, `Type code type expression targets`, tabs between; `Resource` is every type.
const TABLE: &str = include_str!("definitions/search_parameters.tsv");

static PARAMS: OnceLock<BTreeMap<Kind, Box<[SearchParam]>>> = OnceLock::new();

/// All search parameters of a type in the order of their codes; none where the kind is not a resource type.
pub fn params_of(kind: Kind) -> &'static [SearchParam] {
    PARAMS.get_or_init(load).get(&kind).map_or(&[], |params| params)
}

/// The parameter of `kind` that a URL calls `code`.
pub fn by_code(kind: Kind, code: &str) -> Option<&'static SearchParam> {
    let params = params_of(kind);
    params.binary_search_by(|param| param.code.cmp(code)).ok().map(|at| &params[at])
}

/// The parameter behind a number of the index.
pub fn by_param(param: Param) -> Option<&'static SearchParam> {
    params_of(param.kind()).get((param.0 & 0xffff) as usize)
}

fn load() -> BTreeMap<Kind, Box<[SearchParam]>> {
    let mut by_type: BTreeMap<&'static str, BTreeMap<&'static str, SearchParam>> = BTreeMap::new();
    for line in TABLE.lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or("");
        let (name, code, search_type, expression, targets) = (field(), field(), field(), field(), field());
        let search_type = SearchType::parse(search_type).expect("the table holds known types (tested)");
        // `*` is no type: any will do.
        let targets = targets.split(',').filter_map(kinds::kind).collect();
        let param = SearchParam { code, search_type, param: Param(0), expression, targets };
        by_type.entry(name).or_default().insert(code, param);
    }
    let common = by_type.remove("Resource").unwrap_or_default();
    let number = |(kind, name)| {
        let mut params = by_type.remove(name).unwrap_or_default();
        params.extend(common.clone());
        let numbered = params.into_values().zip(0u16..);
        (
            kind,
            numbered.map(|(param, number)| SearchParam { param: Param::of(kind, number), ..param }).collect(),
        )
    };
    kinds::all().map(number).collect()
}
