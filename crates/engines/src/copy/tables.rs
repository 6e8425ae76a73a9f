//! Rows on their way from one database to another, as they are.

use lenticular_base::Fault;
use lenticular_store::sql::{Bind, Row, Session};
use sha2::{Digest, Sha256};

/// Rows and bytes that are held at a time.
const ROWS_AT_ONCE: usize = 5000;
const BYTES_AT_ONCE: usize = 8 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Int,
    Real,
    Text,
    Bytes,
}

use Type::{Bytes, Int, Real, Text};

/// A table as it is copied.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Type)],
    /// The integer column that parts it into ranges.
    pub by: &'static str,
    /// The order of its rows: the primary key.
    pub order: &'static str,
}

pub const RECORD: Table = Table {
    name: "record",
    columns: &[
        ("vid", Int),
        ("org", Int),
        ("patient", Text),
        ("kind", Int),
        ("labels", Int),
        ("author_org", Int),
        ("time", Int),
        ("study", Text),
        ("id", Text),
        ("version", Int),
        ("from_position", Int),
        ("until_position", Int),
        ("position", Int),
        ("deleted", Int),
        ("dictionary", Int),
        ("length", Int),
        ("splice", Int),
        ("body", Bytes),
    ],
    by: "vid",
    order: "vid",
};

pub const IX_TEXT: Table = Table {
    name: "ix_text",
    columns: &[("vid", Int), ("param", Int), ("value", Text), ("org", Int)],
    by: "vid",
    order: "vid,param,value",
};

pub const IX_TIME: Table = Table {
    name: "ix_time",
    columns: &[("vid", Int), ("param", Int), ("low", Int), ("high", Int), ("org", Int), ("span", Int)],
    by: "vid",
    order: "vid,param,low,high",
};

pub const IX_NUMBER: Table = Table {
    name: "ix_number",
    columns: &[("vid", Int), ("param", Int), ("low", Real), ("high", Real), ("unit", Text), ("org", Int)],
    by: "vid",
    order: "vid,param,low,high,unit",
};

pub const LOG: Table = Table {
    name: "log",
    columns: &[
        ("position", Int),
        ("time", Int),
        ("author_org", Int),
        ("agent", Text),
        ("changes", Int),
        ("grants", Int),
    ],
    by: "position",
    order: "position",
};

pub const DICTIONARY: Table = Table {
    name: "dictionary",
    columns: &[("no", Int), ("kind", Int), ("bytes", Bytes)],
    by: "no",
    order: "no",
};

pub const SWEEP: Table = Table {
    name: "sweep",
    columns: &[("until_position", Int), ("vid", Int)],
    by: "until_position",
    order: "until_position,vid",
};

pub const SEGMENT: Table =
    Table { name: "segment", columns: &[("no", Int), ("length", Int)], by: "no", order: "no" };

/// Its rows have no key: they are compared and copied all together.
pub const GRANTS: Table = Table {
    name: "grants",
    columns: &[
        ("source", Text),
        ("grantee", Text),
        ("org", Int),
        ("patient", Text),
        ("study", Text),
        ("kind", Int),
        ("expires", Int),
    ],
    by: "org",
    order: "source,grantee,org",
};

/// What has a row of `record` in common: the version number.
pub const OF_VERSIONS: [&Table; 4] = [&RECORD, &IX_TEXT, &IX_TIME, &IX_NUMBER];

/// A value on its way.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    fn bind(&self) -> Bind<'_> {
        match self {
            Cell::Null => Bind::Null,
            Cell::Int(value) => Bind::Int(*value),
            Cell::Real(value) => Bind::Real(*value),
            Cell::Text(value) => Bind::Text(value),
            Cell::Bytes(value) => Bind::Bytes(value),
        }
    }

    fn size(&self) -> usize {
        16 + match self {
            Cell::Text(value) => value.len(),
            Cell::Bytes(value) => value.len(),
            _ => 0,
        }
    }

    /// Adds the value to a hash, so that no two rows read alike.
    fn hash_into(&self, hash: &mut Sha256) {
        match self {
            Cell::Null => hash.update([0]),
            Cell::Int(value) => {
                hash.update([1]);
                hash.update(value.to_be_bytes());
            }
            Cell::Real(value) => {
                hash.update([2]);
                hash.update(value.to_bits().to_be_bytes());
            }
            Cell::Text(value) => {
                hash.update([3]);
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value.as_bytes());
            }
            Cell::Bytes(value) => {
                hash.update([4]);
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value);
            }
        }
    }
}

fn cell(row: &dyn Row, at: usize, of: Type) -> Result<Cell, Fault> {
    Ok(match of {
        Int => row.maybe_int(at)?.map_or(Cell::Null, Cell::Int),
        Real => row.real(at)?.map_or(Cell::Null, Cell::Real),
        Text => row.text(at)?.map_or(Cell::Null, |text| Cell::Text(text.to_owned())),
        // no table has bytes that may be NULL
        Bytes => Cell::Bytes(row.bytes(at)?.to_vec()),
    })
}

impl Table {
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(",")
    }

    fn insertion(&self) -> String {
        let places: Vec<String> = (1..=self.width()).map(|at| format!("${at}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.names(), places.join(","))
    }

    /// Rows with `low < by <= high`, in order.
    fn of_range(&self) -> String {
        let Table { name, by, order, .. } = self;
        format!("SELECT {} FROM {name} WHERE {by}>$1 AND {by}<=$2 ORDER BY {order}", self.names())
    }

    fn cells(&self, row: &dyn Row) -> Result<Vec<Cell>, Fault> {
        self.columns.iter().enumerate().map(|(at, (_, of))| cell(row, at, *of)).collect()
    }

    /// Hands over the rows with `low < by <= high`, in order.
    pub fn each(
        &self,
        session: &dyn Session,
        (low, high): (i64, i64),
        mut each: impl FnMut(Vec<Cell>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        session.query(&self.of_range(), &[Bind::Int(low), Bind::Int(high)], &mut |row| {
            each(self.cells(row)?)?;
            Ok(true)
        })
    }

    /// All rows, in no order.
    pub fn all(&self, session: &dyn Session) -> Result<Vec<Vec<Cell>>, Fault> {
        let mut found = Vec::new();
        session.query(&format!("SELECT {} FROM {}", self.names(), self.name), &[], &mut |row| {
            found.push(self.cells(row)?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// Copies the rows with `low < by <= high`; gives how many.
    pub fn copy_range(&self, from: &dyn Session, to: &dyn Session, range: (i64, i64)) -> Result<u64, Fault> {
        let mut batch = Batch::new(self, to);
        self.each(from, range, |cells| batch.add(cells))?;
        batch.end()
    }

    /// Copies the rows of some version numbers, which the target does not hold; gives how many.
    pub fn copy_some(&self, from: &dyn Session, to: &dyn Session, keys: &[i64]) -> Result<u64, Fault> {
        let mut batch = Batch::new(self, to);
        let text = format!("SELECT {} FROM {} WHERE {}=$1", self.names(), self.name, self.by);
        let binds: Vec<Bind<'_>> = keys.iter().map(|key| Bind::Int(*key)).collect();
        from.query_many(&text, 1, &binds, &mut |_, row| {
            batch.add(self.cells(row)?)?;
            Ok(true)
        })?;
        batch.end()
    }

    /// Removes the rows of some keys.
    pub fn remove_some(&self, from: &dyn Session, keys: &[i64]) -> Result<(), Fault> {
        let binds: Vec<Bind<'_>> = keys.iter().map(|key| Bind::Int(*key)).collect();
        from.execute_many(&format!("DELETE FROM {} WHERE {}=$1", self.name, self.by), 1, &binds)
    }

    /// Removes the rows with `low < by <= high`.
    pub fn remove_range(&self, from: &dyn Session, (low, high): (i64, i64)) -> Result<(), Fault> {
        let text = format!("DELETE FROM {} WHERE {by}>$1 AND {by}<=$2", self.name, by = self.by);
        from.execute(&text, &[Bind::Int(low), Bind::Int(high)]).map(drop)
    }

    /// Adds rows; gives how many.
    pub fn add(&self, to: &dyn Session, rows: Vec<Vec<Cell>>) -> Result<u64, Fault> {
        let mut batch = Batch::new(self, to);
        for row in rows {
            batch.add(row)?;
        }
        batch.end()
    }
}

/// Rows that are held before they are written together.
struct Batch<'a> {
    table: &'a Table,
    text: String,
    to: &'a dyn Session,
    cells: Vec<Cell>,
    bytes: usize,
    rows: u64,
}

impl<'a> Batch<'a> {
    fn new(table: &'a Table, to: &'a dyn Session) -> Batch<'a> {
        Batch { table, text: table.insertion(), to, cells: Vec::new(), bytes: 0, rows: 0 }
    }

    fn add(&mut self, cells: Vec<Cell>) -> Result<(), Fault> {
        self.rows += 1;
        self.bytes += cells.iter().map(Cell::size).sum::<usize>();
        self.cells.extend(cells);
        if self.bytes >= BYTES_AT_ONCE || self.cells.len() >= ROWS_AT_ONCE * self.table.width() {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Fault> {
        let binds: Vec<Bind<'_>> = self.cells.iter().map(Cell::bind).collect();
        self.to.execute_many(&self.text, self.table.width(), &binds)?;
        self.cells.clear();
        self.bytes = 0;
        Ok(())
    }

    fn end(mut self) -> Result<u64, Fault> {
        self.write()?;
        Ok(self.rows)
    }
}

/// Rows hashed one after another.
#[derive(Default)]
pub struct Hashed {
    hash: Sha256,
    pub rows: u64,
}

impl Hashed {
    pub fn add(&mut self, cells: &[Cell]) {
        for cell in cells {
            cell.hash_into(&mut self.hash);
        }
        self.rows += 1;
    }

    pub fn end(self) -> ([u8; 32], u64) {
        (self.hash.finalize().into(), self.rows)
    }
}

/// Rows hashed without regard to their order.
pub fn hash_of_all(rows: &[Vec<Cell>]) -> ([u8; 32], u64) {
    let mut each: Vec<[u8; 32]> = rows
        .iter()
        .map(|row| {
            let mut one = Hashed::default();
            one.add(row);
            one.end().0
        })
        .collect();
    each.sort_unstable();
    let mut all = Sha256::new();
    each.iter().for_each(|one| all.update(one));
    (all.finalize().into(), rows.len() as u64)
}
