//! From a resource to what it is found by: index entries for all SearchParameters of its type.
//!
//! The expressions of a type are compiled once, at its first use, to one trie of member names ([`program`]); a
//! resource is walked once along it and each value reached is converted by its FHIR type (`convert`, §3.1.1.4).
//!
//! Values in resources are exact: precision widens the value of a *search* (§3.1.1.4.6), never the resource's.

mod convert;
mod path;
mod program;
mod quantity;

pub use program::{Shape, shape_of};

use crate::kinds;
use convert::Entries;
use lenticular_base::Kind;
use lenticular_base::index::Entry;
use lenticular_base::tree::Tree;
use program::{Filter, Node, Program, program};

/// The index entries of a resource, sorted and without doubles; their number is linear in the resource's size.
///
/// `_id` and `_lastUpdated` are columns of the row and have no entries. Values that do not have the form of their
/// type (a date that is none) have no entry either: whether they may be stored is for validation to say.
pub fn extract(tree: &Tree<'_>, kind: Kind) -> Vec<Entry> {
    let Some(program) = program(kind) else { return Vec::new() };
    let mut entries = Entries::with_capacity(24);
    let mut truths = Truths::default();
    walk(&program.root, tree, &mut entries, &mut truths);
    tell_truths(program, &truths, &mut entries);
    entries.finish()
}

/// Every expression of the table that does not compile, as `Type code: reason`; empty unless a definition is new.
pub fn uncompiled() -> Vec<String> {
    kinds::all()
        .filter_map(|(kind, _)| program(kind))
        .flat_map(|program| program.gaps.iter().cloned())
        .collect()
}

/// The numbers of the truth tests that held somewhere in the resource.
#[derive(Default)]
struct Truths {
    held: Vec<usize>,
}

fn walk(node: &Node, value: &Tree<'_>, entries: &mut Entries, truths: &mut Truths) {
    if let Tree::Array(items) = value {
        for (filter, rest) in &node.filters {
            if let (Filter::First, Some(first)) = (filter, items.first()) {
                walk(rest, first, entries, truths);
            }
        }
        for item in items {
            visit(node, item, entries, truths);
        }
        return;
    }
    for (filter, rest) in &node.filters {
        if matches!(filter, Filter::First) {
            walk(rest, value, entries, truths);
        }
    }
    visit(node, value, entries, truths);
}

/// One value, not an array of them.
fn visit(node: &Node, value: &Tree<'_>, entries: &mut Entries, truths: &mut Truths) {
    for leaf in &node.leaves {
        convert::convert(entries, leaf.param, &leaf.convert, value);
    }
    for truth in &node.truths {
        let holds = match value {
            Tree::Null => false,
            Tree::Bool(false) => !truth.unless_false,
            _ => true,
        };
        if holds && !truths.held.contains(&truth.number) {
            truths.held.push(truth.number);
        }
    }
    let Tree::Object(object) = value else { return };
    if !node.children.is_empty() {
        for (key, child) in &object.members {
            if let Some(next) = node.child(&key.text()) {
                walk(next, child, entries, truths);
            }
        }
    }
    for (filter, rest) in &node.filters {
        if let Filter::Member { name, value: wanted } = filter
            && object.get(name).and_then(Tree::text).is_some_and(|text| text == wanted.as_str())
        {
            visit(rest, value, entries, truths);
        }
    }
}

/// `exists()` is an answer in every resource: true or false.
fn tell_truths(program: &Program, truths: &Truths, entries: &mut Entries) {
    for (number, (param, negated)) in program.truths.iter().enumerate() {
        let held = truths.held.contains(&number) != *negated;
        entries.token(*param, if held { "true" } else { "false" }, "");
    }
}
