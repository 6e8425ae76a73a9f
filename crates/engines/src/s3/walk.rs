//! Walking through the objects: what lies there that no commit names, and what is missing.

use super::fetch::{name_of, number_of};
use super::objects::Objects;
use super::table;
use crate::ground::{self, Ground, Wall};
use crate::verify::VerifyReport;
use lenticular_base::Fault;
use std::collections::{HashMap, HashSet};

/// Compares the objects with the table of segments, and with what commits name.
pub fn objects(
    objects: &Objects,
    ground: &dyn Ground,
    named: &HashSet<(i64, u64)>,
    report: &mut VerifyReport,
) -> Result<(), Fault> {
    let mut sizes: HashMap<i64, u64> = HashMap::new();
    objects.list(&mut |found| {
        // other names are not ours
        sizes.extend(number_of(&found.name).map(|no| (no, found.size)));
        Ok(())
    })?;
    // read after the list: what the packer has noted by now may have come too late for the list, never the other way round
    let rows = ground::read(ground, Wall::Open, |session| table::rows(session))?;
    let named: HashSet<i64> = named.iter().map(|(segment, _)| *segment).collect();
    for row in &rows {
        let size = match sizes.remove(&row.no) {
            None if row.state == table::PACKED => objects.head(&name_of(row.no))?,
            found => found,
        };
        match size {
            None if row.state == table::PACKED => report.at_place("object-missing", name_of(row.no)),
            Some(size) if row.state == table::PACKED && size < row.length => {
                report.at_place("object-too-short", name_of(row.no));
            }
            Some(size) if !named.contains(&row.no) => {
                report.reclaimable += 1;
                report.reclaimable_bytes += size;
            }
            _ => {}
        }
    }
    // objects without a row: left by uploads whose commit never came
    for size in sizes.values() {
        report.reclaimable += 1;
        report.reclaimable_bytes += size;
    }
    Ok(())
}
