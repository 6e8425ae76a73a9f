//! Reading the generated tables. They are part of the program, so a line that does not fit is a defect of the build.

use super::{
    Code, Content, Definitions, Element, Primitive, Structure, StructureId, ValueSet, ValueSetId, hash,
};
use std::collections::HashMap;

const STRUCTURES: &str = include_str!("structures.tsv");
const VALUE_SETS: &str = include_str!("value_sets.tsv");

const PRIMITIVES: [Primitive; 20] = [
    Primitive::Base64Binary,
    Primitive::Boolean,
    Primitive::Canonical,
    Primitive::Code,
    Primitive::Date,
    Primitive::DateTime,
    Primitive::Decimal,
    Primitive::Id,
    Primitive::Instant,
    Primitive::Integer,
    Primitive::Markdown,
    Primitive::Oid,
    Primitive::PositiveInt,
    Primitive::String,
    Primitive::Time,
    Primitive::UnsignedInt,
    Primitive::Uri,
    Primitive::Url,
    Primitive::Uuid,
    Primitive::Xhtml,
];

/// One structure as the table has it.
struct Rows {
    name: &'static str,
    base: &'static str,
    elements: Vec<&'static str>,
}

pub(super) fn load() -> Definitions {
    let rows = read_structures();
    let by_name: HashMap<&str, usize> = rows.iter().enumerate().map(|(at, row)| (row.name, at)).collect();
    let primitives: HashMap<&str, Primitive> = PRIMITIVES.iter().map(|p| (p.name(), *p)).collect();
    let (value_sets, codes) = read_value_sets();
    let sets: HashMap<&str, ValueSetId> =
        value_sets.iter().enumerate().map(|(at, set)| (set.name, ValueSetId(number(at)))).collect();
    let mut definitions = Definitions {
        structures: Vec::with_capacity(rows.len()),
        elements: Vec::with_capacity(12_000),
        element_slots: Vec::new(),
        code_slots: slots(codes.iter().map(|code| (u64::from(code.set.0), code.code)), codes.len()),
        value_sets,
        codes,
    };
    let content = |name: &str| match (primitives.get(name), by_name.get(name)) {
        (Some(primitive), _) => Content::Primitive(*primitive),
        (None, Some(_)) if name == "Resource" => Content::Resource,
        (None, Some(at)) => Content::Structure(StructureId(number(*at))),
        (None, None) => unreachable!("the table names the type {name} without defining it"),
    };
    for row in &rows {
        let first = definitions.elements.len();
        let mut required = 0u128;
        let mut slot = 0u8;
        for line in lineage(row, &rows, &by_name) {
            let element = read_element(line, slot, &content, &sets, &mut definitions.elements);
            required |= u128::from(element) << slot;
            slot += 1;
        }
        assert!(slot < 127, "{} has more elements than bits", row.name);
        definitions.structures.push(Structure {
            name: row.name,
            base: row.base,
            first: first as u32,
            count: (definitions.elements.len() - first) as u32,
            required,
        });
    }
    let keys = definitions.structures.iter().enumerate().flat_map(|(at, structure)| {
        let own = structure.first as usize..(structure.first + structure.count) as usize;
        definitions.elements[own].iter().map(move |element| (at as u64, element.name))
    });
    definitions.element_slots = slots(keys, definitions.elements.len());
    definitions
}

fn number(at: usize) -> u16 {
    u16::try_from(at).expect("fewer than 65,536 rows in each table")
}

fn read_structures() -> Vec<Rows> {
    let mut rows: Vec<Rows> = Vec::with_capacity(800);
    for line in STRUCTURES.lines() {
        match (line.strip_prefix('\t'), rows.last_mut()) {
            (Some(element), Some(row)) => row.elements.push(element),
            _ => {
                let (name, base) = line.split_once('\t').unwrap_or((line, ""));
                rows.push(Rows { name, base, elements: Vec::new() });
            }
        }
    }
    rows
}

/// The element lines of a structure, those of its bases first.
fn lineage(row: &Rows, rows: &[Rows], by_name: &HashMap<&str, usize>) -> Vec<&'static str> {
    let mut lines = match by_name.get(row.base) {
        Some(at) => lineage(&rows[*at], rows, by_name),
        None => Vec::new(),
    };
    lines.extend(&row.elements);
    lines
}

/// Adds an element under each of its JSON names; gives whether it is required.
fn read_element(
    line: &'static str,
    slot: u8,
    content: &dyn Fn(&str) -> Content,
    sets: &HashMap<&str, ValueSetId>,
    elements: &mut Vec<Element>,
) -> bool {
    let mut fields = line.split('\t');
    let mut next = || fields.next().unwrap_or("");
    let (name, cardinality, types, binding) = (next(), next(), next(), next());
    let required = cardinality.starts_with('1');
    for kind in types.split(',') {
        let (type_name, targets) = match kind.split_once('(') {
            Some((type_name, targets)) => (type_name, targets.trim_end_matches(')')),
            None => (kind, ""),
        };
        let (name, stem) = match name.strip_suffix("[x]") {
            Some(stem) => (choice_name(stem, type_name), stem.len() as u8),
            None => (name, 0),
        };
        elements.push(Element {
            name,
            stem,
            content: content(type_name),
            type_name,
            required,
            many: cardinality.as_bytes().get(1) == Some(&b'*'),
            summary: cardinality.contains('s'),
            modifier: cardinality.contains('m'),
            slot,
            binding: sets.get(binding).copied(),
            targets,
        });
    }
    required
}

/// `value` and `string` make `valueString`. It lives as long as the program, like the tables.
fn choice_name(stem: &str, type_name: &str) -> &'static str {
    let mut name = String::with_capacity(stem.len() + type_name.len());
    name.push_str(stem);
    name.extend(type_name.chars().take(1).map(|c| c.to_ascii_uppercase()));
    name.extend(type_name.chars().skip(1));
    name.leak()
}

fn read_value_sets() -> (Vec<ValueSet>, Vec<Code>) {
    let (mut sets, mut codes) = (Vec::new(), Vec::with_capacity(2500));
    for line in VALUE_SETS.lines() {
        let mut fields = line.split('\t');
        let set = ValueSetId(number(sets.len()));
        sets.push(ValueSet { name: fields.next().unwrap_or("") });
        for field in fields {
            let mut words = field.split(' ');
            let system = words.next().unwrap_or("");
            codes.extend(words.map(|code| Code { set, system, code }));
        }
    }
    (sets, codes)
}

/// An open-addressed table, at most a quarter full, of indexes plus 1.
fn slots<'k>(keys: impl Iterator<Item = (u64, &'k str)>, count: usize) -> Vec<u16> {
    let size = (count * 4).next_power_of_two();
    let mut slots = vec![0u16; size];
    for (index, (seed, key)) in keys.enumerate() {
        let mut at = hash(seed, key.as_bytes()) as usize & (size - 1);
        while slots[at] != 0 {
            at = (at + 1) & (size - 1);
        }
        slots[at] = number(index + 1);
    }
    slots
}
