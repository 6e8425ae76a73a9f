//! Reads: by name from memory where it is known to be true, everything else in one snapshot of a pooled connection.

use super::Db;
use super::pack::Packs;
use super::shared::{Grants, Known, Shared};
use lenticular_base::index::{Param, Query};
use lenticular_base::{Fault, Kind, OrgNo, Position, Vid};
use lenticular_policy::{Grant, Scope};
use lenticular_store::plan::{self, World, names};
use lenticular_store::sql::{Packer, Session};
use lenticular_store::{HistoryPage, HistoryQuery, PackedBody, Packing, Reader, Record, SearchPage, commit};
use std::sync::Arc;

pub struct SqliteReader {
    shared: Arc<Shared>,
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

impl SqliteReader {
    pub fn new(shared: Arc<Shared>, packs: Arc<Packs>) -> SqliteReader {
        SqliteReader { shared, packs }
    }

    /// Reads in one snapshot, knowing the members and grants that there are.
    fn read<T>(&self, work: impl FnOnce(&dyn Session, &World<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let Known { orgs, grants, .. } = self.shared.known()?;
        self.shared.pool.read(|connection| {
            let session = Db(connection);
            let newest = commit::newest(&session)?.position;
            work(&session, &World { orgs: &orgs, grants: &grants.all, newest })
        })
    }
}

impl Reader for SqliteReader {
    fn get(&self, scope: &Scope, prefer: OrgNo, kind: Kind, id: &str) -> Result<Option<Record>, Fault> {
        let known = self.shared.known()?;
        if let Some(rows) = self.shared.remembered(kind, id) {
            return Ok(pick(&rows, scope, prefer, &known.grants));
        }
        let generation = self.shared.generation();
        let lease = self.shared.pool.take()?;
        let rows = Arc::new(names::all_current(&Db(&lease), &*self.packs, kind, id)?);
        drop(lease);
        self.shared.remember(generation, kind, id, &rows);
        Ok(pick(&rows, scope, prefer, &known.grants))
    }

    fn get_cached(&self, scope: &Scope, prefer: OrgNo, kind: Kind, id: &str) -> Option<Option<Record>> {
        if !self.shared.is_fresh() {
            return None;
        }
        let grants = self.shared.peek().grants;
        let rows = self.shared.remembered(kind, id)?;
        Some(pick(&rows, scope, prefer, &grants))
    }

    fn version(
        &self,
        scope: &Scope,
        prefer: OrgNo,
        kind: Kind,
        id: &str,
        version: i64,
    ) -> Result<Option<Record>, Fault> {
        self.read(|session, _| names::version(session, &*self.packs, scope, prefer, (kind, id), version))
    }

    fn history(&self, scope: &Scope, query: &HistoryQuery) -> Result<HistoryPage, Fault> {
        self.read(|session, world| names::history(session, &*self.packs, world, scope, query))
    }

    fn search(&self, scope: &Scope, query: &Query) -> Result<SearchPage, Fault> {
        self.read(|session, world| plan::search(session, &*self.packs, world, scope, query))
    }

    fn count(&self, scope: &Scope, query: &Query, at_most: u64) -> Result<u64, Fault> {
        self.read(|session, world| plan::count(session, world, scope, query, at_most))
    }

    fn get_many(
        &self,
        scope: &Scope,
        prefer: OrgNo,
        wanted: &[(Kind, String)],
        at: Option<Position>,
    ) -> Result<Vec<Record>, Fault> {
        self.read(|session, world| {
            let position = at.unwrap_or(world.newest).min(world.newest);
            let mut found = Vec::new();
            for (kind, id) in wanted {
                found.extend(names::as_of(session, &*self.packs, scope, prefer, (*kind, id), position)?);
            }
            Ok(found)
        })
    }

    fn texts(&self, vids: &[Vid], params: &[Param]) -> Result<Vec<(Vid, Param, String)>, Fault> {
        self.read(|session, _| names::texts(session, vids, params))
    }

    fn grants(&self) -> Arc<Vec<Grant>> {
        match self.shared.known() {
            Ok(known) => known.grants.all.clone(),
            // what cannot be known opens nothing
            Err(_) => Arc::default(),
        }
    }

    fn pack(&self, kind: Kind, bytes: &[u8], packing: Packing) -> PackedBody {
        self.packs.pack(kind, bytes, packing)
    }
}
