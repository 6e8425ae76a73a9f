//! The compiled SearchParameters of one resource type: a trie of member names.

use super::convert::Convert;
use super::path::{self, Ask, Path, Step};
use crate::definitions::{self, ValueSetId, definitions};
use crate::kinds;
use crate::searchparams::{SearchParam, params_of};
use lenticular_base::Kind;
use lenticular_base::index::Param;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What one type's resources are walked along.
#[derive(Debug, Default)]
pub struct Program {
    pub root: Node,
    /// Parameters that are a truth, and whether it is negated; the place is the truth's number.
    pub truths: Vec<(Param, bool)>,
    /// What did not compile, and why.
    pub gaps: Vec<String>,
    shapes: BTreeMap<Param, Shape>,
}

/// A place in the resource that some parameter's path goes through or ends at.
#[derive(Debug, Default)]
pub struct Node {
    /// By member name, sorted.
    pub children: Vec<(String, Node)>,
    pub filters: Vec<(Filter, Node)>,
    pub leaves: Vec<Leaf>,
    pub truths: Vec<Truth>,
}

/// A condition on the values at a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// The first of an array.
    First,
    /// The member is this string.
    Member { name: String, value: String },
}

/// The end of a path: values become entries of `param`.
#[derive(Debug)]
pub struct Leaf {
    pub param: Param,
    pub convert: Convert,
}

/// The end of a path whose existence is asked.
#[derive(Debug)]
pub struct Truth {
    pub number: usize,
    pub unless_false: bool,
}

/// What a parameter's values look like, for reading its search values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shape {
    /// Some values are canonical URLs, which may carry a version.
    pub canonical: bool,
    /// Some values are tokens with a system of their own; where none are, the system is implied by the element.
    pub systems: bool,
    /// The value sets that plain codes are bound to, and with them to their systems.
    pub bindings: Vec<ValueSetId>,
    /// The only types of resources that are indexed, where the expression says so.
    pub only: Option<Vec<String>>,
}

impl Node {
    /// The node of the member `name`.
    pub fn child(&self, name: &str) -> Option<&Node> {
        let at = self.children.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok()?;
        Some(&self.children[at].1)
    }

    fn child_mut(&mut self, name: &str) -> &mut Node {
        let at = match self.children.binary_search_by(|(key, _)| key.as_str().cmp(name)) {
            Ok(at) => at,
            Err(at) => {
                self.children.insert(at, (name.to_owned(), Node::default()));
                at
            }
        };
        &mut self.children[at].1
    }

    fn filter_mut(&mut self, filter: Filter) -> &mut Node {
        let at = self.filters.iter().position(|(known, _)| *known == filter).unwrap_or_else(|| {
            self.filters.push((filter, Node::default()));
            self.filters.len() - 1
        });
        &mut self.filters[at].1
    }
}

static PROGRAMS: [OnceLock<Option<Box<Program>>>; 256] = [const { OnceLock::new() }; 256];

/// The program of a resource type, compiled at its first use; `None` where the kind is no resource type.
pub fn program(kind: Kind) -> Option<&'static Program> {
    let slot = PROGRAMS.get(usize::from(kind.0))?;
    slot.get_or_init(|| match kinds::name(kind) {
        "" => None,
        name => Some(Box::new(compile(kind, name))),
    })
    .as_deref()
}

/// What the values of a parameter look like; the default where it is not indexed.
pub fn shape_of(param: Param) -> Shape {
    program(param.kind()).and_then(|program| program.shapes.get(&param)).cloned().unwrap_or_default()
}

fn compile(kind: Kind, name: &str) -> Program {
    let mut builder = Builder { program: Program::default() };
    for param in params_of(kind).iter().filter(|param| is_extracted(param)) {
        if let Err(reason) = builder.add(name, param) {
            builder.program.gaps.push(format!("{name} {}: {reason}", param.code));
        }
    }
    builder.program
}

/// Composite parameters are answered by their components, `_id` and `_lastUpdated` by columns of the row.
fn is_extracted(param: &SearchParam) -> bool {
    param.is_supported() && !matches!(param.code, "_id" | "_lastUpdated")
}

struct Builder {
    program: Program,
}

/// What is known on the way along one path.
#[derive(Clone)]
struct Place<'p> {
    param: &'p SearchParam,
    /// The FHIR type of the values here, or the path of a backbone element.
    structure: String,
    binding: Option<ValueSetId>,
    /// Only references to this type.
    only: Option<String>,
    ask: Ask,
}

impl Builder {
    fn add(&mut self, name: &str, param: &SearchParam) -> Result<(), String> {
        self.program.shapes.insert(param.param, Shape::default());
        for Path { steps, ask } in path::parse(param.expression)? {
            let Some((Step::Element(root), steps)) = steps.split_first() else {
                return Err("the path has no root".into());
            };
            if root != name && root != "Resource" && root != "DomainResource" {
                return Err(format!("the path begins at {root}"));
            }
            let place = Place { param, structure: name.to_owned(), binding: None, only: None, ask };
            let mut node = std::mem::take(&mut self.program.root);
            let done = self.descend(&mut node, place, steps);
            self.program.root = node;
            done?;
        }
        Ok(())
    }

    fn descend(&mut self, node: &mut Node, place: Place<'_>, steps: &[Step]) -> Result<(), String> {
        let Some((step, rest)) = steps.split_first() else { return self.end(node, &place) };
        match step {
            Step::Element(name) => self.enter(node, place, name, rest),
            // Of a choice it was used up at the element; of one type it only confirms it.
            Step::OfType(kind) if is_a(&place.structure, kind) => self.descend(node, place, rest),
            Step::OfType(kind) => Err(format!("{} is no {kind}", place.structure)),
            Step::Member { name, value } => {
                let filter = Filter::Member { name: name.clone(), value: value.clone() };
                self.descend(node.filter_mut(filter), place, rest)
            }
            Step::First => self.descend(node.filter_mut(Filter::First), place, rest),
            Step::Resolves(kind) => self.descend(node, Place { only: Some(kind.clone()), ..place }, rest),
        }
    }

    /// Goes to the member of an element, or to each member of a choice.
    fn enter(&mut self, node: &mut Node, place: Place<'_>, name: &str, rest: &[Step]) -> Result<(), String> {
        if let Some(element) = definitions::element(&place.structure, name) {
            let (structure, binding) = (element.type_name.to_owned(), element.binding);
            return self.descend(node.child_mut(name), Place { structure, binding, ..place }, rest);
        }
        let (wanted, rest) = match rest.split_first() {
            Some((Step::OfType(kind), rest)) => (Some(kind.as_str()), rest),
            _ => (None, rest),
        };
        // Where no type is named, those that the parameter is not made of (a string beside a dateTime) are no gap.
        let mut outcome = Err(format!("{} has no element {name} {wanted:?}", place.structure));
        for element in choices(&place.structure, name) {
            if wanted.is_some_and(|wanted| !is_a(element.type_name, wanted)) {
                continue;
            }
            let place = Place { structure: element.type_name.to_owned(), ..place.clone() };
            outcome = self.descend(node.child_mut(element.name), place, rest).or(outcome);
        }
        outcome
    }

    fn end(&mut self, node: &mut Node, place: &Place<'_>) -> Result<(), String> {
        let param = place.param.param;
        if let Ask::Truth { unless_false, negated } = place.ask {
            let known = self.program.truths.iter().position(|(of, _)| *of == param);
            let number = known.unwrap_or_else(|| {
                self.program.truths.push((param, negated));
                self.program.truths.len() - 1
            });
            node.truths.push(Truth { number, unless_false });
            return Ok(());
        }
        let base = root(&place.structure);
        let only = place.only.clone().or_else(|| match (base, &*place.param.targets) {
            ("Resource", [target]) => Some(kinds::name(*target).to_owned()),
            _ => None,
        });
        let Some(convert) = Convert::choose(place.param.search_type, base, only.as_deref()) else {
            return Err(format!("no {} is made of a {base}", place.param.search_type.code()));
        };
        let shape = self.program.shapes.entry(param).or_default();
        shape.canonical |= matches!(convert, Convert::Canonical);
        shape.systems |= matches!(
            convert,
            Convert::Coding | Convert::CodeableConcept | Convert::Identifier | Convert::ContactPoint
        );
        if matches!(convert, Convert::Code) {
            shape.bindings.extend(place.binding);
        }
        if let Some(only) = &place.only {
            shape.only.get_or_insert_default().push(only.clone());
        }
        if !node.leaves.iter().any(|leaf| leaf.param == param && leaf.convert == convert) {
            node.leaves.push(Leaf { param, convert });
        }
        Ok(())
    }
}

/// The elements that a choice `name[x]` of a structure stands for.
fn choices(structure: &str, name: &str) -> impl Iterator<Item = &'static definitions::Element> {
    let all = definitions();
    let elements = all.structure_id(structure).map_or(&[][..], |id| all.elements(id));
    elements.iter().filter(move |element| {
        element.name.strip_prefix(name).is_some_and(|rest| {
            let mut letters = element.type_name.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            let mut rest = rest.chars();
            rest.next() == first && rest.as_str() == letters.as_str()
        })
    })
}

/// Whether a type is `wanted` or derived from it (FHIRPath §5.2.4 `ofType`).
fn is_a(kind: &str, wanted: &str) -> bool {
    let base = match kind {
        // FHIR R4 §2.24.0.1: the primitives that specialise others.
        "canonical" | "oid" | "url" | "uuid" => "uri",
        "code" | "id" | "markdown" => "string",
        "positiveInt" | "unsignedInt" => "integer",
        _ => definitions().structure_id(kind).map_or("", |id| definitions().structure(id).base),
    };
    kind == wanted || (!base.is_empty() && is_a(base, wanted))
}

/// The type that decides how values are laid down: an Age is a Quantity.
fn root(kind: &str) -> &str {
    if is_a(kind, "Quantity") { "Quantity" } else { kind }
}
