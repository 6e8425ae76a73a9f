//! Reads: by name from memory where it is known to be true, everything else in one snapshot of a pooled connection.

use crate::ground::{self, Ground, Wall};
use crate::memory::{Grants, Known};
use crate::pack::Packs;
use lenticular_base::index::{Param, Query};
use lenticular_base::{Fault, Kind, OrgNo, Position, Vid};
use lenticular_policy::{Grant, Scope};
use lenticular_store::plan::{self, World, names};
use lenticular_store::sql::{Packer, Session};
use lenticular_store::{
    Freshening, HistoryPage, HistoryQuery, PackedBody, Packing, Reader, Record, SearchPage,
};
use std::sync::Arc;
use std::time::Instant;

pub struct StoreReader {
    ground: Arc<dyn Ground>,
    packs: Arc<Packs>,
}

/// Of the rows that a name has, the one that this scope reads: of `prefer` first, then the oldest.
fn pick(rows: &[Record], scope: &Scope, prefer: OrgNo, grants: &Grants) -> Option<Record> {
    let grants = grants.of(scope);
    rows.iter()
        .filter(|row| scope.permits(&row.columns.borrowed(), grants))
        .min_by_key(|row| (row.columns.org != prefer, row.vid))
        .cloned()
}

impl StoreReader {
    pub fn new(ground: Arc<dyn Ground>, packs: Arc<Packs>) -> StoreReader {
        StoreReader { ground, packs }
    }

    /// What is known, true as of a moment after this call.
    fn known(&self) -> Result<Known, Fault> {
        self.ground.refresh()?;
        Ok(self.ground.memory().peek())
    }

    /// Reads in one snapshot the rows of the members that the scope may open, knowing the members and grants that there are.
    fn read<T>(
        &self,
        scope: &Scope,
        kind: Option<Kind>,
        mut work: impl FnMut(&dyn Session, &World<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Known { orgs, grants, stamp } = self.known()?;
        let world = World { orgs: &orgs, grants: &grants.all, newest: stamp.position };
        let members = plan::scope::members(scope.filter(), kind, &world);
        ground::read(&*self.ground, Wall::Members(&members), |session| work(session, &world))
    }
}

impl Reader for StoreReader {
    fn get(&self, scope: &Scope, prefer: OrgNo, kind: Kind, id: &str) -> Result<Option<Record>, Fault> {
        let known = self.known()?;
        let memory = self.ground.memory();
        // rows first: the grants that judge them are as new as they are, or newer
        if let Some(rows) = memory.remembered(kind, id) {
            return Ok(pick(&rows, scope, prefer, &memory.peek().grants));
        }
        let generation = memory.generation();
        let rows = ground::glance(&*self.ground, |session| {
            names::all_current(session, &*self.packs, kind, id).map(Arc::new)
        })?;
        memory.remember(generation, kind, id, &rows);
        let is_newer = rows.iter().any(|row| row.position > known.stamp.position);
        let known = if is_newer { self.known()? } else { known };
        Ok(pick(&rows, scope, prefer, &known.grants))
    }

    fn freshen(&self, since: Instant) -> Option<Freshening> {
        self.ground.freshen(since)
    }

    fn get_cached(
        &self,
        since: Instant,
        scope: &Scope,
        prefer: OrgNo,
        kind: Kind,
        id: &str,
    ) -> Option<Option<Record>> {
        if !self.ground.is_fresh(since) {
            return None;
        }
        let memory = self.ground.memory();
        let rows = memory.remembered(kind, id)?;
        Some(pick(&rows, scope, prefer, &memory.peek().grants))
    }

    fn version(
        &self,
        scope: &Scope,
        prefer: OrgNo,
        kind: Kind,
        id: &str,
        version: i64,
    ) -> Result<Option<Record>, Fault> {
        self.read(scope, Some(kind), |session, _| {
            names::version(session, &*self.packs, scope, prefer, (kind, id), version)
        })
    }

    fn history(&self, scope: &Scope, query: &HistoryQuery) -> Result<HistoryPage, Fault> {
        self.read(scope, query.kind, |session, world| {
            names::history(session, &*self.packs, world, scope, query)
        })
    }

    fn search(&self, scope: &Scope, query: &Query) -> Result<SearchPage, Fault> {
        self.read(scope, Some(query.kind), |session, world| {
            plan::search(session, &*self.packs, world, scope, query)
        })
    }

    fn count(&self, scope: &Scope, query: &Query, at_most: u64) -> Result<u64, Fault> {
        self.read(scope, Some(query.kind), |session, world| {
            plan::count(session, world, scope, query, at_most)
        })
    }

    fn get_many(
        &self,
        scope: &Scope,
        prefer: OrgNo,
        wanted: &[(Kind, String)],
        at: Option<Position>,
    ) -> Result<Vec<Record>, Fault> {
        self.read(scope, None, |session, world| {
            let position = at.unwrap_or(world.newest).min(world.newest);
            let mut found = Vec::new();
            for (kind, id) in wanted {
                found.extend(names::as_of(session, &*self.packs, scope, prefer, (*kind, id), position)?);
            }
            Ok(found)
        })
    }

    fn texts(&self, vids: &[Vid], params: &[Param]) -> Result<Vec<(Vid, Param, String)>, Fault> {
        ground::read(&*self.ground, Wall::Open, |session| names::texts(session, vids, params))
    }

    fn grants(&self) -> Arc<Vec<Grant>> {
        match self.known() {
            Ok(known) => known.grants.all.clone(),
            // what cannot be known opens nothing
            Err(_) => Arc::default(),
        }
    }

    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody {
        self.packs.pack(kind, bytes, packing)
    }
}
